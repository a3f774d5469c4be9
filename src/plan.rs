//! Decides the order of attempts: `(catalog, availability, ask, rng) -> Plan`, and nothing else.
//!
//! Planning is pure. It never reads a clock, never holds a lock and never obtains a permit: availability advises,
//! the permit decides. Every target that is left out is left out with a [`Skip`] that an operator can read.

mod ask;

pub use ask::{Ask, Features, Narrowing};

use std::time::Instant;

use crate::catalog::TargetIx;

/// The order in which targets are to be tried, and why others are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The target of each attempt, the first first; a target may stand here more than once.
    pub attempts: Vec<TargetIx>,
    /// Targets that were left out.
    pub skips: Vec<(TargetIx, Skip)>,
    /// True when every target is benched and the one that returns soonest is tried all the same.
    pub forced: bool,
}

/// Why a target is not in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// A circuit is open until then.
    CircuitOpen {
        /// When it may be probed.
        until: Instant,
        /// The circuit that is open: `endpoint`, `credential` or `target`.
        scope: &'static str,
        /// The class of failure that opened it.
        cause: &'static str,
    },
    /// Another request is probing it just now.
    Probing,
    /// It is returning to service, and this request is not in its present share.
    Ramping {
        /// Percent of requests that it gets.
        share: u8,
    },
    /// The ask does not fit.
    ContextWindow {
        /// Tokens that fit.
        window: u64,
        /// Tokens that the ask needs at least.
        needed: u64,
    },
    /// It cannot do what was asked.
    Unsupported {
        /// The feature, in a word.
        feature: &'static str,
    },
    /// The operator is draining its provider.
    Draining,
    /// The caller narrowed it away.
    NotAllowed,
    /// It was tried already in this request.
    Tried,
}
