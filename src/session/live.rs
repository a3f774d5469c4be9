//! What a request finds when it arrives: one catalog with its circuits. Replaced as a whole by a new generation.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::breaker::{Availability, Board, BreakerSettings, EndpointKey, ErrorRate, TargetKeys};
use crate::catalog::Credential;
use crate::catalog::{Catalog, ModelIx, Provider, ProviderIx, Target};
use crate::config::Breaker;
use crate::plan::Skip;

/// A catalog, the circuits of its targets, and which providers are being drained.
#[derive(Debug)]
pub struct Live {
    /// Everything that can be called.
    pub catalog: Arc<Catalog>,
    /// Its circuits.
    pub board: Board,
    draining: Vec<AtomicBool>,
}

impl Live {
    /// The first generation.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let board = Board::new(&keys(&catalog));
        let draining = catalog.providers.iter().map(|_| AtomicBool::new(false)).collect();
        Self {
            catalog,
            board,
            draining,
        }
    }

    /// The next generation: circuits and drains survive by name.
    #[must_use]
    pub fn successor(&self, catalog: Arc<Catalog>) -> Self {
        let board = self.board.successor(&keys(&catalog));
        let drained = |name: &str| {
            self.catalog
                .provider_named(name)
                .is_some_and(|ix| self.is_draining(ix))
        };
        let draining = catalog
            .providers
            .iter()
            .map(|p| AtomicBool::new(drained(&p.name)))
            .collect();
        Self {
            catalog,
            board,
            draining,
        }
    }

    /// Whether the operator takes no new requests to that provider.
    pub fn is_draining(&self, provider: ProviderIx) -> bool {
        self.draining[provider.0].load(Ordering::Relaxed)
    }

    /// Why a provider takes no requests at all just now.
    pub fn away(&self, provider: ProviderIx, today: SystemTime) -> Option<Skip> {
        if self.is_draining(provider) {
            return Some(Skip::Draining);
        }
        match &self.catalog.provider(provider).credential {
            Credential::Token(slot) if slot.current(today).is_none() => Some(Skip::NoToken),
            _ => None,
        }
    }

    /// How the targets of a model stand, one entry each, in the model's order.
    pub fn availability(&self, model: ModelIx, now: Instant) -> Availability {
        self.board.availability(
            self.catalog.model(model).targets.iter().map(|target| target.0),
            now,
        )
    }

    /// The identity of a provider's endpoint circuit.
    pub fn endpoint_key(&self, provider: ProviderIx) -> EndpointKey {
        endpoint_key(self.catalog.provider(provider))
    }

    /// Starts or ends a drain; true when that changed something.
    pub fn set_draining(&self, provider: ProviderIx, draining: bool) -> bool {
        self.draining[provider.0].swap(draining, Ordering::Relaxed) != draining
    }
}

fn keys(catalog: &Catalog) -> Vec<TargetKeys> {
    let longest = catalog.models.iter().map(|model| model.failover.timeout).max();
    let longest = longest.unwrap_or_default();
    catalog
        .targets
        .iter()
        .map(|target| keys_of(catalog, target, longest))
        .collect()
}

/// Names that outlive a reload: a provider keeps its circuits as long as it is the same place, and a credential as
/// long as it is the same key.
fn keys_of(catalog: &Catalog, target: &Target, longest_attempt: Duration) -> TargetKeys {
    let provider = catalog.provider(target.provider);
    let endpoint = endpoint_key(provider);
    let credential = provider.credential.fingerprint();
    let credential = credential.map(|fingerprint| format!("{}#{fingerprint}", provider.name));
    TargetKeys {
        target: format!("{endpoint}/{}", target.provider_model).into(),
        endpoint,
        credential: credential.map(Into::into),
        settings: settings(&target.breaker, longest_attempt),
        shared: Some(settings(&provider.breaker, longest_attempt)),
    }
}

/// The identity of a provider's endpoint.
fn endpoint_key(provider: &Provider) -> EndpointKey {
    format!(
        "{}@{}:{}",
        provider.name, provider.endpoint.host, provider.endpoint.port
    )
    .into()
}

fn settings(breaker: &Breaker, longest_attempt: Duration) -> BreakerSettings {
    BreakerSettings {
        consecutive_failures: breaker.consecutive_failures.and_then(NonZeroU32::new),
        error_rate: breaker
            .error_rate
            .and_then(|rate| ErrorRate::try_from_basis_points(rate.basis_points()).ok()),
        window: breaker.window,
        min_requests: NonZeroU32::new(breaker.min_requests).unwrap_or(NonZeroU32::MIN),
        open_for: breaker.open_for,
        max_open_for: breaker.max_open_for,
        probe_lease: longest_attempt,
        ..BreakerSettings::default()
    }
}
