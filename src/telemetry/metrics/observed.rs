//! The gauges: what is true at the moment of a scrape, as whoever answers it tells.

use std::sync::Arc;
use std::time::Duration;

use super::{Metrics, process, signed};
use crate::breaker::{Scope, StateWord};

/// What is true at the moment of a scrape.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Requests that are being served.
    pub requests_in_flight: u64,
    /// Streams that Envoy holds open for requests and attempts.
    pub sessions_open: u64,
    /// Envoys that take their configuration from us.
    pub envoys_connected: u64,
    /// Every circuit there is.
    pub circuits: Vec<CircuitSeen>,
    /// Every provider, and whether it is being drained.
    pub draining: Vec<(Arc<str>, bool)>,
    /// Every provider that signs in with an access token, and how long that is still good.
    pub tokens: Vec<(Arc<str>, Duration)>,
}

/// A circuit at the moment of a scrape.
#[derive(Debug, Clone)]
pub struct CircuitSeen {
    /// What it covers.
    pub scope: Scope,
    /// The provider; a credential that several share is told once for each.
    pub provider: Arc<str>,
    /// What the provider calls the model, when the circuit is a target's.
    pub provider_model: Option<Arc<str>>,
    /// Its state.
    pub state: StateWord,
}

impl CircuitSeen {
    /// The worse, the larger, so that the maximum over circuits means something.
    fn severity(&self) -> i64 {
        match self.state {
            StateWord::Closed => 0,
            StateWord::Ramping => 1,
            StateWord::HalfOpen => 2,
            StateWord::Open => 3,
        }
    }
}

impl Metrics {
    pub(super) fn set_gauges(&self, observed: &Observed) {
        self.requests
            .in_flight
            .of([])
            .set(signed(observed.requests_in_flight));
        self.requests
            .sessions_open
            .of([])
            .set(signed(observed.sessions_open));
        self.control.envoys.of([]).set(signed(observed.envoys_connected));
        if let Some(bytes) = process::resident_memory() {
            self.control.resident.of([]).set(signed(bytes));
        }
        self.circuits.state.clear();
        for circuit in &observed.circuits {
            let model = circuit.provider_model.clone().unwrap_or_default();
            let values = [Arc::from(circuit.scope.as_str()), circuit.provider.clone(), model];
            self.circuits.state.of(values).set(circuit.severity());
        }
        self.tokens.expires_in.clear();
        for (provider, good_for) in &observed.tokens {
            self.tokens
                .expires_in
                .of([provider.clone()])
                .set(signed(good_for.as_secs()));
        }
        self.circuits.draining.clear();
        for (provider, draining) in &observed.draining {
            self.circuits
                .draining
                .of([provider.clone()])
                .set(i64::from(*draining));
        }
    }
}
