//! Takes over a new configuration without a gap, or refuses it without a trace.
//!
//! Envoy is told first: the old and the new resources together. Only when it runs with them do new requests find
//! the new catalog; when it refuses, it is told the old ones again and nothing has changed. What only the old
//! catalog needed is taken away once its last request is over.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

use super::fixed::Fixed;
use super::observe::Observer;
use super::tokens::Tokens;
use crate::admin::report::{HealthReport, Moment};
use crate::breaker::Health;
use crate::catalog::{Catalog, Generation, InvalidCatalog, ProviderIx, TargetIx};
use crate::config::{Config, HostPort};
use crate::extproc::Gateway;
use crate::session::Live;
use crate::telemetry::event::HealthChecked;
use crate::telemetry::metrics::Labels;
use crate::telemetry::{Event, Telemetry};
use crate::xds::{EnvoySettings, Settled, Snapshot, XdsState};

/// How long Envoy may take to say whether it accepts.
const SETTLE: Duration = Duration::from_secs(10);
/// How long the first access token of a new identity may take before requests may meet it without.
const FIRST_TOKEN: Duration = Duration::from_secs(5);
/// How long the last request of an old catalog is waited for.
const LINGER: Duration = Duration::from_mins(10);

/// Why a new configuration was not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// It cannot be used.
    Invalid(String),
    /// Envoy refused what it yields.
    ByEnvoy(String),
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason) => f.write_str(reason),
            Self::ByEnvoy(reason) => write!(f, "Envoy did not accept it: {reason}"),
        }
    }
}

impl std::error::Error for Rejected {}

/// A configuration that was refused, for people to read.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub reason: String,
    pub at: SystemTime,
}

/// An active check of a provider.
struct Checked {
    event: HealthChecked,
    at: SystemTime,
}

/// The parts that a configuration is taken over by.
pub(super) struct Takeover {
    path: PathBuf,
    gateway: Arc<Gateway>,
    xds: XdsState,
    telemetry: Arc<Telemetry>,
    /// One takeover at a time.
    turn: tokio::sync::Mutex<()>,
    refused: Mutex<Option<Refusal>>,
    warnings: Mutex<Vec<String>>,
    /// What only a restart changes.
    fixed: Fixed,
    /// How we reach Envoy's listener.
    listener: Mutex<HostPort>,
    started: SystemTime,
    applied: Mutex<SystemTime>,
    health: Mutex<HashMap<Arc<str>, Checked>>,
    tokens: Tokens,
}

impl Takeover {
    /// The first configuration.
    pub(super) fn begin(
        config: &Config,
        path: &Path,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self, InvalidCatalog> {
        let catalog = Arc::new(Catalog::build(config, Generation(1))?);
        let snapshot = snapshot(config, &catalog);
        let observer = Arc::new(Observer::new(telemetry.clone()));
        telemetry.resolve(&Labels::of(&catalog));
        telemetry.emit(&applied(&catalog));
        let gateway = Arc::new(Gateway::new(Arc::new(Live::new(catalog)), telemetry.clone()));
        Ok(Self {
            path: path.to_owned(),
            gateway,
            xds: XdsState::new(snapshot, observer),
            tokens: Tokens::new(telemetry.clone()),
            telemetry,
            turn: tokio::sync::Mutex::new(()),
            refused: Mutex::new(None),
            warnings: Mutex::new(config.warnings.clone()),
            fixed: Fixed::of(config),
            listener: Mutex::new(config.envoy.listener.clone()),
            started: SystemTime::now(),
            applied: Mutex::new(SystemTime::now()),
            health: Mutex::default(),
        })
    }

    pub(super) fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    pub(super) fn xds(&self) -> &XdsState {
        &self.xds
    }

    pub(super) fn telemetry(&self) -> &Arc<Telemetry> {
        &self.telemetry
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn started(&self) -> SystemTime {
        self.started
    }

    pub(super) fn applied(&self) -> SystemTime {
        *self.applied.lock()
    }

    /// The latest active check of a provider.
    pub(super) fn health_of(&self, provider: &str, today: SystemTime) -> Option<HealthReport> {
        let health = self.health.lock();
        let checked = health.get(provider)?;
        Some(HealthReport {
            ok: checked.event.ok,
            status: checked.event.status,
            detail: checked.event.detail.map(str::to_owned),
            when: Moment::past(checked.at, today),
        })
    }

    /// Notes and tells how an active check came out.
    pub(super) fn note_health(&self, event: HealthChecked) {
        self.telemetry.emit(&Event::HealthChecked(event.clone()));
        self.health.lock().insert(
            event.provider.clone(),
            Checked {
                event,
                at: SystemTime::now(),
            },
        );
    }

    pub(super) fn refused(&self) -> Option<Refusal> {
        self.refused.lock().clone()
    }

    /// How Envoy's listener is reached in the catalog that is in force.
    pub(super) fn listener(&self) -> HostPort {
        self.listener.lock().clone()
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().clone();
        warnings.extend(self.tokens.warnings());
        warnings
    }

    /// Takes over `config`, or says why not and leaves everything as it was.
    pub(super) async fn apply(self: &Arc<Self>, config: &Config) -> Result<Generation, Rejected> {
        let _turn = self.turn.lock().await;
        let applied = self.try_apply(config).await;
        match &applied {
            Ok(_) => {
                *self.refused.lock() = None;
                let mut warnings = config.warnings.clone();
                warnings.extend(self.fixed.warnings(&Fixed::of(config)));
                *self.warnings.lock() = warnings;
            }
            Err(rejected) => self.refuse(rejected.to_string()),
        }
        applied
    }

    /// Notes and tells that a configuration was refused.
    pub(super) fn refuse(&self, reason: String) {
        self.telemetry.emit(&Event::CatalogRejected {
            reason: reason.clone(),
        });
        *self.refused.lock() = Some(Refusal {
            reason,
            at: SystemTime::now(),
        });
    }

    async fn try_apply(self: &Arc<Self>, config: &Config) -> Result<Generation, Rejected> {
        let live = self.gateway.live();
        let generation = Generation(live.catalog.generation.0 + 1);
        let mut catalog =
            Catalog::build(config, generation).map_err(|error| Rejected::Invalid(error.to_string()))?;
        catalog.adopt_tokens(&live.catalog);
        let catalog = Arc::new(catalog);
        let old = self.xds.published();
        let new = snapshot(config, &catalog);
        let both = Snapshot::union(&old, &new);
        let version = both.version();
        self.xds.publish(both);
        match self.xds.settle(&version, SETTLE).await {
            Settled::Acked | Settled::NoEnvoy => {}
            Settled::Rejected { node, kind, message } => {
                self.xds.publish(Snapshot::clone(&old));
                return Err(Rejected::ByEnvoy(format!(
                    "`{}` on {}: {message}",
                    node.id,
                    kind.as_str()
                )));
            }
            Settled::TimedOut { waiting_for } => {
                self.xds.publish(Snapshot::clone(&old));
                let waiting: Vec<&str> = waiting_for.iter().map(|node| node.id.as_ref()).collect();
                return Err(Rejected::ByEnvoy(format!(
                    "no word within {SETTLE:?} from {}",
                    waiting.join(", ")
                )));
            }
        }
        self.telemetry.resolve(&Labels::of(&catalog));
        self.tokens.follow(&catalog);
        self.tokens.tried(FIRST_TOKEN).await;
        *self.listener.lock() = config.envoy.listener.clone();
        self.gateway.replace(Arc::new(live.successor(catalog.clone())));
        self.telemetry.emit(&applied(&catalog));
        *self.applied.lock() = SystemTime::now();
        self.health
            .lock()
            .retain(|provider, _| catalog.provider_named(provider).is_some());
        tokio::spawn(self.clone().trim(generation, new));
        Ok(generation)
    }

    /// Hears what active checks say of a provider's endpoint.
    pub(super) fn tell_health(&self, live: &Live, provider: ProviderIx, health: Health, now: Instant) {
        let Some(change) = live.board.health(&live.endpoint_key(provider), health, now) else {
            return;
        };
        let target = live
            .catalog
            .targets
            .iter()
            .position(|target| target.provider == provider);
        if let Some(target) = target {
            self.gateway.tell_change(live, TargetIx(target), &change);
        }
    }

    /// Takes away what only older catalogs needed, once their last request is over.
    async fn trim(self: Arc<Self>, generation: Generation, alone: Snapshot) {
        let over = async {
            while self.gateway.has_sessions_before(generation) {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        let _in_time = tokio::time::timeout(LINGER, over).await.is_ok();
        let _turn = self.turn.lock().await;
        if self.gateway.live().catalog.generation == generation {
            self.xds.publish(alone);
        }
    }
}

fn snapshot(config: &Config, catalog: &Catalog) -> Snapshot {
    Snapshot::build(&EnvoySettings::new(config.listen, config.envoy.max_body), catalog)
}

fn applied(catalog: &Catalog) -> Event {
    Event::CatalogApplied {
        generation: catalog.generation,
        providers: catalog.providers.len(),
        models: catalog.models.len(),
    }
}
