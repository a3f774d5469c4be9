//! Counters of what came and what was answered.
//!
//! Invariant: `concurrent` goes back to zero when nothing is under way, whatever happened to the requests, because
//! a guard undoes it. The number of paths told apart is bounded.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use tokio::sync::Notify;

use super::fault::Fault;

/// How many paths are told apart before the rest is counted together.
const MAX_PATHS: usize = 256;
/// The name of that rest.
const OTHER_PATHS: &str = "(other)";

/// What has been counted since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Requests to the provider; its console is not counted.
    pub requests: u64,
    /// By path, without the query.
    pub by_path: BTreeMap<String, u64>,
    /// By the status that was answered, as soon as it is decided. Faults without an answer have none.
    pub by_status: BTreeMap<u16, u64>,
    /// By the fault that struck.
    pub by_fault: BTreeMap<Fault, u64>,
    /// Requests under way.
    pub concurrent: u64,
    /// The most that were under way at once.
    pub max_concurrent: u64,
    /// Requests whose caller left before the end of the answer.
    pub abandoned: u64,
    /// Access tokens that were issued.
    pub tokens_issued: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that are open.
    pub open_connections: u64,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The shared home of the counters.
#[derive(Debug, Default)]
pub(super) struct Stats {
    counters: Mutex<Counters>,
    changed: Notify,
}

impl Stats {
    pub(super) fn snapshot(&self) -> Counters {
        self.counters.lock().clone()
    }

    /// Wakes at every change.
    pub(super) const fn changed(&self) -> &Notify {
        &self.changed
    }

    /// Starts from zero, except for what is under way.
    pub(super) fn reset(&self) {
        self.update(|counters| {
            *counters = Counters {
                concurrent: counters.concurrent,
                max_concurrent: counters.concurrent,
                open_connections: counters.open_connections,
                ..Counters::default()
            };
        });
    }

    pub(super) fn decided(&self, status: Option<u16>, fault: Option<Fault>) {
        self.update(|counters| {
            if let Some(status) = status {
                *counters.by_status.entry(status).or_default() += 1;
            }
            if let Some(fault) = fault {
                *counters.by_fault.entry(fault).or_default() += 1;
            }
        });
    }

    pub(super) fn issued_token(&self) {
        self.update(|counters| counters.tokens_issued += 1);
    }

    fn update(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.counters.lock());
        self.changed.notify_waiters();
    }

    fn count_request(&self, path: &str) {
        self.update(|counters| {
            counters.requests += 1;
            counters.concurrent += 1;
            counters.max_concurrent = counters.max_concurrent.max(counters.concurrent);
            if let Some(count) = counters.by_path.get_mut(path) {
                *count += 1;
            } else {
                let is_full = counters.by_path.len() >= MAX_PATHS || path.len() > 256;
                let label = if is_full { OTHER_PATHS } else { path };
                *counters.by_path.entry(label.to_owned()).or_default() += 1;
            }
        });
    }
}

/// A request under way. Dropped before it is finished, it counts as abandoned by the caller.
#[derive(Debug)]
pub(super) struct InFlight(Option<Arc<Stats>>);

impl InFlight {
    pub(super) fn enter(stats: &Arc<Stats>, path: &str) -> Self {
        stats.count_request(path);
        Self(Some(Arc::clone(stats)))
    }

    /// All of the answer was handed over, or nothing more will be.
    pub(super) fn finish(&mut self) {
        if let Some(stats) = self.0.take() {
            stats.update(|counters| counters.concurrent -= 1);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(stats) = self.0.take() {
            stats.update(|counters| {
                counters.concurrent -= 1;
                counters.abandoned += 1;
            });
        }
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(super) struct OpenConnection(Arc<Stats>);

impl OpenConnection {
    pub(super) fn enter(stats: &Arc<Stats>) -> Self {
        stats.update(|counters| {
            counters.connections += 1;
            counters.open_connections += 1;
        });
        Self(Arc::clone(stats))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.update(|counters| counters.open_connections -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gauge_returns_to_zero_however_a_request_ends() {
        let stats = Arc::new(Stats::default());

        let mut answered = InFlight::enter(&stats, "/a");
        let left = InFlight::enter(&stats, "/a");
        answered.finish();
        drop((answered, left));

        let counters = stats.snapshot();
        assert_eq!(
            (counters.concurrent, counters.max_concurrent, counters.abandoned),
            (0, 2, 1)
        );
    }

    #[test]
    fn a_reset_keeps_what_is_under_way() {
        let stats = Arc::new(Stats::default());
        let mut request = InFlight::enter(&stats, "/a");

        stats.reset();
        request.finish();

        assert_eq!(
            stats.snapshot(),
            Counters {
                max_concurrent: 1,
                ..Counters::default()
            }
        );
    }

    #[test]
    fn paths_are_told_apart_up_to_a_bound() {
        let stats = Arc::new(Stats::default());

        for number in 0..1000 {
            InFlight::enter(&stats, &format!("/{number}")).finish();
        }

        let paths = stats.snapshot().by_path;
        assert_eq!(
            (paths.len(), paths[OTHER_PATHS]),
            (MAX_PATHS + 1, 1000 - MAX_PATHS as u64)
        );
    }
}
