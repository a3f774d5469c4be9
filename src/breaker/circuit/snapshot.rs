//! A circuit as an operator sees it: every figure that explains its next move.
//!
//! Invariant: taking one changes nothing. Refuses to know how it is shown.

use super::{Circuit, State};
use crate::breaker::availability::Standing;
use crate::breaker::key::CircuitKey;
use crate::breaker::transition::{Cause, StateWord};
use crate::breaker::window::WindowCounts;
use std::time::Instant;

/// A circuit as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitSnapshot {
    /// Whose circuit.
    pub circuit: CircuitKey,
    /// Its state. An open circuit stays so until somebody probes it; see `standing`.
    pub state: StateWord,
    /// What it would answer to an attempt now.
    pub standing: Standing,
    /// Until when it is benched, if it is open. May lie in the past: then a probe is due.
    pub until: Option<Instant>,
    /// Why it is open, if it is.
    pub cause: Option<Cause>,
    /// Ejections that lengthen the next one.
    pub ejections: u32,
    /// Counted failures since the last success, while closed.
    pub consecutive_failures: u32,
    /// Votes over the window.
    pub window: WindowCounts,
}

impl Circuit {
    pub(in crate::breaker) fn snapshot(&self, circuit: CircuitKey, now: Instant) -> CircuitSnapshot {
        let (until, cause) = match &self.state {
            State::Open { until, cause } => (Some(*until), Some(*cause)),
            _ => (None, None),
        };
        let consecutive_failures = match &self.state {
            State::Closed(serving) => serving.consecutive_failures,
            _ => 0,
        };
        CircuitSnapshot {
            circuit,
            state: self.state.word(),
            standing: self.standing(now),
            until,
            cause,
            ejections: self.ejections_at(now),
            consecutive_failures,
            window: self.window.counts(now),
        }
    }
}
