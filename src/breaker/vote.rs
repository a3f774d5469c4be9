//! What a circuit is told: the verdict on an attempt, and an active check's report.
//!
//! Invariant: a vote says what an attempt *counts as*, already judged; exactly one scope is blamed.
//! Refuses to know how it was judged: status codes, bodies and classes beyond their label.

use super::key::Scope;
use std::time::Duration;

/// What an attempt counts as for the circuits that admitted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vote {
    /// The provider served the request. All three circuits hear it.
    Success,
    /// Somebody's provider, credential or target failed. Only the blamed circuit hears it.
    Failure(Failure),
    /// Nobody's fault, or nobody knows: the caller left, or asked for something impossible.
    /// Frees a probe and changes nothing else.
    Abandoned,
}

/// A failure that somebody on the provider's side is to blame for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Whose circuit hears it.
    pub blame: Scope,
    /// How much it takes to bench for it.
    pub weight: Weight,
    /// How long the provider asked to be left alone, if it did.
    pub hint: Option<Duration>,
    /// The label of the failure's class, shown to operators as the cause.
    pub class: &'static str,
}

/// How much a failure weighs while its circuit is closed. Elsewhere each of them reopens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// One of several: trips at the threshold. A hint is a floor under the bench.
    Counts,
    /// Plain enough to bench at once, until the hint; without one, for the cool-down.
    OpensNow,
    /// Will not pass by itself: benches at once, until the hint; without one, for long.
    OpensLong,
}

/// What active health checks say about an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Enough checks in a row succeeded.
    Healthy,
    /// Enough checks in a row failed.
    Unhealthy {
        /// How long this word stands if no further report comes, so that checks which stop
        /// (removed from the configuration, say) bench nobody for ever. Give at least twice the
        /// time between two reports.
        stands_for: Duration,
    },
}
