//! How every target of one model stands at one instant: the planner's view of health.
//!
//! A standing is a frozen answer. It advises the order of attempts and grants nothing: the right to try is given by
//! a circuit, at the moment of the attempt.

use std::time::{Duration, Instant};

/// What the circuits of one target say together; the least favourable of them decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It serves.
    Ready,
    /// It is returning to service.
    Ramping {
        /// Percent of requests that it gets in its place.
        share: u8,
    },
    /// Its bench time is over; whoever is first may probe it.
    ProbeDue,
    /// Another request is probing it just now.
    Probing,
    /// It is benched.
    Open {
        /// When it may be probed.
        until: Instant,
        /// The circuit that is open: `endpoint`, `credential` or `target`.
        scope: &'static str,
        /// The class of failure that opened it.
        cause: &'static str,
    },
}

/// One target's standing, and how fast it has been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetStanding {
    /// What its circuits say.
    pub standing: Standing,
    /// Its decayed time to the first token; `None` when it was not measured, or too long ago.
    pub first_token: Option<Duration>,
}

impl TargetStanding {
    /// Serving, speed unknown: what is assumed of a target that nobody has heard of yet.
    pub const UNKNOWN: Self = Self {
        standing: Standing::Ready,
        first_token: None,
    };
}

/// The standings of one model's targets, index by index those of [`Model::targets`](crate::catalog::Model::targets).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standings(pub Vec<TargetStanding>);

impl Standings {
    /// The standing of the target at `position` of its model.
    pub fn at(&self, position: usize) -> TargetStanding {
        self.0.get(position).copied().unwrap_or(TargetStanding::UNKNOWN)
    }
}
