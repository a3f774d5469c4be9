//! The sink: events come in, metrics, log lines and the access line come out.
//!
//! The core never imports it, and nothing that is decided anywhere depends on it. Telling it something never waits
//! for an output and never fails.

mod access_log;
pub mod event;
pub mod log;
pub mod metrics;

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

pub use access_log::LONGEST_NAME;
pub use event::Event;

use self::access_log::AccessLog;
use self::event::CircuitChanged;
use self::metrics::{Labels, LastFailure, Metrics, Observed};
use crate::breaker::{Scope, StateWord};
use crate::catalog::TargetIx;
use crate::outcome::Class;

/// Where everything that happens is told.
pub struct Telemetry {
    metrics: Metrics,
    access: Option<AccessLog>,
    warned: Mutex<HashSet<Warned>>,
}

/// A circuit of which the operator was warned, until it closes: scope, provider, provider's model.
type Warned = (Scope, Arc<str>, Option<Arc<str>>);

impl Telemetry {
    /// A sink whose access lines go to `access`, or nowhere. Fails only when no thread can be started.
    pub fn new(access: Option<Box<dyn Write + Send>>) -> std::io::Result<Self> {
        let metrics = Metrics::new();
        let access = access
            .map(|output| AccessLog::to(output, metrics.lines_dropped()))
            .transpose()?;
        Ok(Self {
            metrics,
            access,
            warned: Mutex::default(),
        })
    }

    /// Prepares for the events of a new catalog; to be called before the first request meets it.
    pub fn resolve(&self, labels: &Labels) {
        self.metrics.resolve(labels);
        self.warned
            .lock()
            .retain(|(_, provider, _)| labels.providers.contains(provider));
    }

    /// Takes note of what happened.
    pub fn emit(&self, event: &Event) {
        let warn = matches!(event, Event::CircuitChanged(change) if self.is_worth_a_warning(change));
        log::write(event, warn);
        self.count(event);
        if let (Event::RequestEnded(event), Some(access)) = (event, &self.access) {
            access.write(event);
        }
    }

    fn count(&self, event: &Event) {
        match event {
            Event::AttemptEnded(event) => self.metrics.attempt_ended(event),
            Event::RequestEnded(event) => self.metrics.request_ended(event),
            Event::AllOpen(event) => self.metrics.all_open(event),
            Event::CircuitChanged(event) => self.metrics.circuit_changed(event),
            Event::HealthChecked(event) => self.metrics.health_checked(event),
            Event::TokenAsked(event) => self.metrics.token_asked(event),
            Event::CatalogApplied { generation, .. } => self.metrics.catalog_applied(*generation),
            Event::CatalogRejected { .. } => self.metrics.catalog_rejected(),
            Event::EnvoyAcked { kind, .. } => self.metrics.envoy_acked(kind),
            Event::EnvoyNacked { kind, .. } => self.metrics.envoy_nacked(kind),
            Event::CircuitsReset { .. }
            | Event::ProviderDrained { .. }
            | Event::ProviderResumed { .. }
            | Event::EnvoyConnected { .. }
            | Event::EnvoyTurnedAway { .. }
            | Event::EnvoyDisconnected { .. }
            | Event::ListenerBound { .. }
            | Event::ShutdownBegan { .. } => {}
        }
    }

    /// Whether a circuit opened for a reason that only the operator can mend, for the first time since it was closed.
    fn is_worth_a_warning(&self, change: &CircuitChanged) -> bool {
        let circuit = || {
            (
                change.scope,
                Arc::clone(&change.provider),
                change.provider_model.clone(),
            )
        };
        if change.to == StateWord::Closed {
            self.warned.lock().remove(&circuit());
            return false;
        }
        let cause = change
            .cause
            .and_then(|cause| cause.as_str().parse::<Class>().ok());
        change.to == StateWord::Open
            && cause.is_some_and(Class::is_operators_to_mend)
            && self.warned.lock().insert(circuit())
    }

    /// The last failure of a target of the present generation.
    pub fn last_failure(&self, target: TargetIx) -> Option<LastFailure> {
        self.metrics.last_failure(target)
    }

    /// The text of all metrics.
    pub fn render(&self, observed: &Observed) -> String {
        self.metrics.render(observed)
    }

    /// Writes out the access lines that wait, but does not wait longer than `patience`; takes no more of them.
    pub fn close(&self, patience: Duration) {
        if let Some(access) = &self.access {
            access.close(patience);
        }
    }
}

#[cfg(test)]
mod tests;
