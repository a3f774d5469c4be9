//! The frozen answer of the circuits at one instant: what the planner is told.
//!
//! Invariant: plain values, one entry per target asked for, in the order asked. It advises; a
//! permit may still be refused a moment later. Refuses to know circuits and locks.

use super::key::Scope;
use super::transition::Cause;
use std::cmp::Ordering;
use std::ops::Index;
use std::time::{Duration, Instant};

/// What circuits say about an attempt now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Go ahead.
    Ready,
    /// Go ahead, for this percentage of the usual traffic.
    Ramping {
        /// 10, 25, 50 or 100.
        share: u8,
    },
    /// The next attempt is the probe.
    ProbeDue,
    /// A probe is on its way; wait for what it finds.
    Probing {
        /// When the probe counts as lost.
        until: Instant,
    },
    /// Benched.
    Open {
        /// When a probe is due.
        until: Instant,
        /// Why.
        cause: Cause,
    },
}

impl Standing {
    /// Whether a permit would be given.
    pub fn may_try(&self) -> bool {
        matches!(self, Self::Ready | Self::Ramping { .. } | Self::ProbeDue)
    }

    /// When a target that may not be tried may be tried again at the latest.
    pub fn until(&self) -> Option<Instant> {
        match self {
            Self::Probing { until } | Self::Open { until, .. } => Some(*until),
            Self::Ready | Self::Ramping { .. } | Self::ProbeDue => None,
        }
    }

    /// The word for logs and JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Ramping { .. } => "ramping",
            Self::ProbeDue => "probe_due",
            Self::Probing { .. } => "probing",
            Self::Open { .. } => "open",
        }
    }

    /// Which of two is the larger obstacle; of equals, the one that lasts longer.
    fn severity(&self, other: &Self) -> Ordering {
        let rank = |standing: &Self| match standing {
            Self::Ready => 0,
            Self::Ramping { .. } => 1,
            Self::ProbeDue => 2,
            Self::Probing { .. } => 3,
            Self::Open { .. } => 4,
        };
        match (self, other) {
            (Self::Ramping { share: mine }, Self::Ramping { share: theirs }) => theirs.cmp(mine),
            _ => rank(self)
                .cmp(&rank(other))
                .then_with(|| self.until().cmp(&other.until())),
        }
    }
}

/// What the three circuits of one target say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetAvailability {
    /// The word of the circuit that allows least.
    pub standing: Standing,
    /// Which circuit that is; the target's own when all agree.
    pub scope: Scope,
    /// The decayed time to first token, when it is known.
    pub speed: Option<Duration>,
}

/// A frozen answer of the circuits, one entry per target asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Availability(Vec<TargetAvailability>);

impl Availability {
    /// The entries, in the order asked.
    pub fn entries(&self) -> &[TargetAvailability] {
        &self.0
    }
}

impl Index<usize> for Availability {
    type Output = TargetAvailability;

    /// The entry of the target asked for as number `position`.
    fn index(&self, position: usize) -> &TargetAvailability {
        &self.0[position]
    }
}

impl FromIterator<TargetAvailability> for Availability {
    fn from_iter<I: IntoIterator<Item = TargetAvailability>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// The largest obstacle among the circuits of a target, and whose it is.
pub(super) fn strictest(standings: impl IntoIterator<Item = (Scope, Standing)>) -> (Scope, Standing) {
    standings
        .into_iter()
        .fold((Scope::Target, Standing::Ready), |worst, next| {
            if next.1.severity(&worst.1).is_gt() {
                next
            } else {
                worst
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_circuit_speaks_for_the_target() {
        let now = Instant::now();
        let soon = now + Duration::from_secs(1);
        let late = now + Duration::from_secs(9);
        let open = |until| Standing::Open {
            until,
            cause: Cause::Operator,
        };
        // From the largest obstacle to none.
        let ladder = [
            open(late),
            open(soon),
            Standing::Probing { until: late },
            Standing::Probing { until: soon },
            Standing::ProbeDue,
            Standing::Ramping { share: 10 },
            Standing::Ramping { share: 50 },
            Standing::Ready,
        ];

        for (larger, smaller) in ladder.iter().zip(&ladder[1..]) {
            let either_way = [
                strictest([(Scope::Endpoint, *larger), (Scope::Credential, *smaller)]),
                strictest([(Scope::Credential, *smaller), (Scope::Endpoint, *larger)]),
            ];

            assert_eq!(either_way, [(Scope::Endpoint, *larger); 2]);
        }
    }

    #[test]
    fn when_all_agree_the_target_speaks() {
        let ready = [Scope::Endpoint, Scope::Credential, Scope::Target].map(|scope| (scope, Standing::Ready));

        assert_eq!(strictest(ready), (Scope::Target, Standing::Ready));
    }
}
