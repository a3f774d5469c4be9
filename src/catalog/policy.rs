//! A distinct retry policy: what Envoy's route for it says. Models that agree share one.

use std::sync::Arc;
use std::time::Duration;

/// Position of a policy in [`Catalog::policies`](super::Catalog::policies).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyIx(pub usize);

/// The part of a model's failover rules that Envoy carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name: the `stat_prefix` of the route, taken from the first model that uses it.
    pub name: Arc<str>,
    /// What selects the route: the name and a digest of all values, so that an old and a new policy of the same
    /// name can stand side by side while Envoy takes over a new generation.
    pub key: Arc<str>,
    /// Statuses whose class always fails over.
    pub retriable_status_codes: Vec<u16>,
    /// Most retries; each request says its own number, which is never larger.
    pub num_retries: u32,
    /// Time of one attempt until the response headers.
    pub per_try_timeout: Duration,
    /// Silence that ends an attempt, as a backstop behind our own stall timer.
    pub per_try_idle_timeout: Duration,
    /// First and largest wait before a retry.
    pub backoff: (Duration, Duration),
}
