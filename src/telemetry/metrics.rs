//! The Prometheus metrics: counted from events, read as text.
//!
//! There is no global registry. Counters grow when an event arrives; gauges are set from the truth at the moment of
//! a scrape, so that no lost event can leave one wrong. A provider, model or client that a new configuration does
//! not have loses its series. It knows nothing of how the text is served.

mod families;
mod family;
mod handles;
mod observed;
mod process;
mod traffic;

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use prometheus::{Histogram, IntCounter, Registry, TextEncoder};

pub use families::NAMES;
pub use handles::{Labels, LastFailure};
pub use observed::{CircuitSeen, Observed};

use self::families::{AttemptFamilies, CircuitFamilies, ControlFamilies, RequestFamilies, TokenFamilies};
use self::handles::{ModelHandles, Table};
use super::event::{CircuitChanged, HealthChecked, TokenAsked};
use crate::catalog::{Generation, TargetIx};

/// All metrics of this process.
pub(super) struct Metrics {
    registry: Registry,
    requests: RequestFamilies,
    attempts: AttemptFamilies,
    tokens: TokenFamilies,
    circuits: CircuitFamilies,
    control: ControlFamilies,
    stages: [Histogram; 3],
    no_model: ModelHandles,
    table: ArcSwap<Table>,
    scrape: Mutex<()>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let registry = Registry::new();
        let requests = RequestFamilies::register(&registry);
        let control = ControlFamilies::register(&registry);
        control.build.of([Arc::from(env!("CARGO_PKG_VERSION"))]).set(1);
        for counter in [&control.applied, &control.rejected, &control.lines_dropped] {
            counter.of([]);
        }
        let stages = ["plan", "attempt", "final"].map(|stage| requests.stage_added.of([Arc::from(stage)]));
        Self {
            attempts: AttemptFamilies::register(&registry),
            tokens: TokenFamilies::register(&registry),
            circuits: CircuitFamilies::register(&registry),
            registry,
            requests,
            control,
            stages,
            no_model: ModelHandles::new(&Arc::from("")),
            table: ArcSwap::default(),
            scrape: Mutex::new(()),
        }
    }

    /// Looks up the handles of a new catalog, and ends the series of what it no longer has.
    pub(super) fn resolve(&self, labels: &Labels) {
        let next = self.table.load().next(labels);
        self.table.store(Arc::new(next));
        self.end_vanished(labels);
    }

    fn end_vanished(&self, labels: &Labels) {
        let targets: HashSet<[&str; 3]> = labels
            .targets
            .iter()
            .map(|t| t.each_ref().map(|v| &**v))
            .collect();
        let pairs: HashSet<[&str; 2]> = targets
            .iter()
            .map(|[provider, model, _]| [*provider, *model])
            .collect();
        let providers: HashSet<&str> = labels.providers.iter().map(|name| &**name).collect();
        let models: HashSet<&str> = labels.models.iter().map(|name| &**name).chain([""]).collect();
        let clients: HashSet<&str> = labels.clients.iter().map(|name| &**name).collect();

        self.requests
            .requests
            .retain(|[model, _]| models.contains(&**model));
        self.requests.duration.retain(|[model]| models.contains(&**model));
        self.requests
            .all_open
            .retain(|[model, _]| models.contains(&**model));
        self.requests
            .by_client
            .retain(|[client, _]| clients.contains(&**client));
        self.attempts
            .attempts
            .retain(|[p, m, pm, _]| targets.contains(&[&**p, &**m, &**pm]));
        self.attempts
            .tokens
            .retain(|[p, m, pm, _]| targets.contains(&[&**p, &**m, &**pm]));
        self.attempts
            .cost
            .retain(|[p, m, pm]| targets.contains(&[&**p, &**m, &**pm]));
        self.attempts
            .duration
            .retain(|[p, m]| pairs.contains(&[&**p, &**m]));
        self.attempts
            .first_token
            .retain(|[p, m]| pairs.contains(&[&**p, &**m]));
        self.attempts
            .token_rate
            .retain(|[p, m]| pairs.contains(&[&**p, &**m]));
        self.attempts
            .failovers
            .retain(|[provider, _]| providers.contains(&**provider));
        self.attempts
            .health_checks
            .retain(|[provider, _]| providers.contains(&**provider));
        self.tokens
            .refreshes
            .retain(|[provider, _]| providers.contains(&**provider));
        self.circuits
            .transitions
            .retain(|[_, provider, _, _]| providers.contains(&**provider));
    }

    pub(super) fn circuit_changed(&self, event: &CircuitChanged) {
        if !self.table.load().has_provider(&event.provider) {
            return;
        }
        let scope = Arc::from(event.scope.as_str());
        let [from, to] = [event.from, event.to].map(|state| Arc::from(state.as_str()));
        self.circuits
            .transitions
            .of([scope, event.provider.clone(), from, to])
            .inc();
    }

    pub(super) fn health_checked(&self, event: &HealthChecked) {
        if !self.table.load().has_provider(&event.provider) {
            return;
        }
        let result = if event.ok { "ok" } else { "failed" };
        self.attempts
            .health_checks
            .of([event.provider.clone(), Arc::from(result)])
            .inc();
    }

    pub(super) fn token_asked(&self, event: &TokenAsked) {
        let table = self.table.load();
        let result = if event.failure.is_none() { "ok" } else { "failed" };
        for provider in event.providers.iter().filter(|name| table.has_provider(name)) {
            self.tokens
                .refreshes
                .of([provider.clone(), Arc::from(result)])
                .inc();
        }
    }

    pub(super) fn catalog_applied(&self, generation: Generation) {
        self.control.generation.of([]).set(signed(generation.0));
        self.control.applied.of([]).inc();
    }

    pub(super) fn catalog_rejected(&self) {
        self.control.rejected.of([]).inc();
    }

    pub(super) fn envoy_acked(&self, kind: &'static str) {
        self.control.acks.of([Arc::from(kind)]).inc();
    }

    pub(super) fn envoy_nacked(&self, kind: &'static str) {
        self.control.nacks.of([Arc::from(kind)]).inc();
    }

    /// The counter of access lines that were lost.
    pub(super) fn lines_dropped(&self) -> IntCounter {
        self.control.lines_dropped.of([])
    }

    /// The last failure of a target of the present generation.
    pub(super) fn last_failure(&self, target: TargetIx) -> Option<LastFailure> {
        *self.table.load().present_target(target)?.last_failure.lock()
    }

    /// The text of all metrics.
    pub(super) fn render(&self, observed: &Observed) -> String {
        let one_at_a_time = self.scrape.lock();
        self.set_gauges(observed);
        let families = self.registry.gather();
        drop(one_at_a_time);
        TextEncoder::new()
            .encode_to_string(&families)
            .expect("every family has its type and its series")
    }
}

/// As a gauge holds it.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
