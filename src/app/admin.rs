//! Answers operators: what the parts know, put together into the reports that the admin server writes.

mod reports;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::takeover::Takeover;
use crate::admin::{AdminSource, ModelReport, Named, Readiness, Status, UnknownName};
use crate::breaker::CircuitKey;
use crate::catalog::{Catalog, ProviderIx};
use crate::session::Live;
use crate::telemetry::Event;
use crate::telemetry::metrics::{CircuitSeen, Observed};

/// Everything an operator may see or ask for.
pub(super) struct Source {
    takeover: Arc<Takeover>,
    static_envoy: bool,
}

impl Source {
    /// `static_envoy`: Envoy will never ask for its configuration.
    pub(super) fn new(takeover: Arc<Takeover>, static_envoy: bool) -> Self {
        Self {
            takeover,
            static_envoy,
        }
    }

    fn live(&self) -> Arc<Live> {
        self.takeover.gateway().live()
    }
}

impl AdminSource for Source {
    fn status(&self) -> Status {
        let live = self.live();
        let (now, today) = (Instant::now(), SystemTime::now());
        let open = self.takeover.gateway().open_sessions() as u64;
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config_path: self.takeover.path().display().to_string(),
            generation: live.catalog.generation.0,
            applied: Some(reports::past(self.takeover.applied(), today)),
            rejected: self
                .takeover
                .refused()
                .map(|refusal| reports::rejected(refusal, today)),
            uptime_seconds: today
                .duration_since(self.takeover.started())
                .unwrap_or_default()
                .as_secs(),
            readiness: self.readiness(),
            requests_in_flight: open,
            sessions_open: open,
            envoys: reports::envoys(&self.takeover, today),
            providers: reports::providers(&self.takeover, &live, now, today),
            models: live
                .catalog
                .models
                .iter()
                .enumerate()
                .map(|(ix, _)| reports::model(&self.takeover, &live, ix, now, today))
                .collect(),
            warnings: self.takeover.warnings(),
        }
    }

    fn model(&self, name: &str) -> Result<ModelReport, UnknownName> {
        let live = self.live();
        match live.catalog.model_named(name) {
            Some(ix) => Ok(reports::model(
                &self.takeover,
                &live,
                ix.0,
                Instant::now(),
                SystemTime::now(),
            )),
            None => Err(UnknownName {
                what: Named::Model,
                given: name.to_owned(),
                known: live
                    .catalog
                    .models
                    .iter()
                    .map(|model| model.name.to_string())
                    .collect(),
            }),
        }
    }

    fn readiness(&self) -> Readiness {
        let progress = self.takeover.xds().watch().borrow().clone();
        let mut reasons = Vec::new();
        if progress.nodes.is_empty() {
            // One that never asks serves as its own configuration says, and we cannot know since when.
            if !self.static_envoy {
                reasons.push("no Envoy is connected".to_owned());
            }
        } else if !progress.is_settled() {
            let generation = self.live().catalog.generation;
            reasons.push(format!("Envoy has not acknowledged generation {generation} yet"));
        }
        if !self.takeover.tokens().all_tried() {
            reasons.push("the first access tokens are being fetched".to_owned());
        }
        Readiness {
            ready: reasons.is_empty(),
            reasons,
        }
    }

    fn drain(&self, provider: &str) -> Result<(), UnknownName> {
        let live = self.live();
        let ix = provider_named(&live.catalog, provider)?;
        if live.set_draining(ix, true) {
            self.takeover.telemetry().emit(&Event::ProviderDrained {
                provider: provider.into(),
            });
        }
        Ok(())
    }

    fn resume(&self, provider: &str) -> Result<(), UnknownName> {
        let live = self.live();
        let ix = provider_named(&live.catalog, provider)?;
        if live.set_draining(ix, false) {
            self.takeover.telemetry().emit(&Event::ProviderResumed {
                provider: provider.into(),
            });
        }
        Ok(())
    }

    fn reset(&self, provider: &str, model: Option<&str>) -> Result<usize, UnknownName> {
        let live = self.live();
        let catalog = &live.catalog;
        let ix = provider_named(catalog, provider)?;
        let meant = |target: &crate::catalog::Target| {
            target.provider == ix
                && model.is_none_or(|name| {
                    name == &*target.provider_model || name == &*catalog.model(target.model).name
                })
        };
        let targets: Vec<usize> = catalog
            .targets
            .iter()
            .enumerate()
            .filter(|(_, target)| meant(target))
            .map(|(position, _)| position)
            .collect();
        if let (true, Some(given)) = (targets.is_empty(), model) {
            let known = catalog.targets.iter().filter(|target| target.provider == ix);
            let known = known.map(|target| target.provider_model.to_string()).collect();
            return Err(UnknownName {
                what: Named::Model,
                given: given.to_owned(),
                known,
            });
        }
        let changes: Vec<_> = targets
            .into_iter()
            .flat_map(|target| live.board.reset_target(target))
            .collect();
        let (provider, model) = (provider.into(), model.map(Into::into));
        self.takeover.telemetry().emit(&Event::CircuitsReset {
            provider,
            model,
            count: changes.len(),
        });
        Ok(changes.len())
    }

    fn metrics(&self) -> String {
        let live = self.live();
        let open = self.takeover.gateway().open_sessions() as u64;
        self.takeover.telemetry().render(&Observed {
            requests_in_flight: open,
            sessions_open: open,
            envoys_connected: self.takeover.xds().watch().borrow().nodes.len() as u64,
            circuits: circuits(&live),
            tokens: self.takeover.tokens().good_for(SystemTime::now()),
            draining: live
                .catalog
                .providers
                .iter()
                .enumerate()
                .map(|(position, provider)| (provider.name.clone(), live.is_draining(ProviderIx(position))))
                .collect(),
        })
    }
}

fn provider_named(catalog: &Catalog, name: &str) -> Result<ProviderIx, UnknownName> {
    catalog.provider_named(name).ok_or_else(|| UnknownName {
        what: Named::Provider,
        given: name.to_owned(),
        known: catalog
            .providers
            .iter()
            .map(|provider| provider.name.to_string())
            .collect(),
    })
}

/// Every circuit once, by the names that metrics use.
fn circuits(live: &Live) -> Vec<CircuitSeen> {
    let now = Instant::now();
    let mut seen: Vec<(CircuitKey, CircuitSeen)> = Vec::new();
    for (position, target) in live.catalog.targets.iter().enumerate() {
        let snapshot = live.board.snapshot(position, now);
        let three = [
            Some(snapshot.endpoint),
            snapshot.credential,
            Some(snapshot.target),
        ];
        for circuit in three.into_iter().flatten() {
            if seen.iter().any(|(key, _)| *key == circuit.circuit) {
                continue;
            }
            let is_target = matches!(circuit.circuit, CircuitKey::Target(_));
            let word = CircuitSeen {
                scope: circuit.circuit.scope(),
                provider: live.catalog.provider(target.provider).name.clone(),
                provider_model: is_target.then(|| target.provider_model.clone()),
                state: circuit.state,
            };
            seen.push((circuit.circuit, word));
        }
    }
    seen.into_iter().map(|(_, word)| word).collect()
}
