//! The way back: a share that grows with successes.
//!
//! The share is 10, 25, 50, then 100 %; the steps take 1, 2, 3 and 4 successes, and after the last
//! the circuit is closed. So ten good answers bring it back, and its first minutes cannot be a
//! stampede. Where traffic is thin a tenth of it may take an hour to show those successes, and thin
//! traffic needs no protection: so a share also grows when a step has lasted for `open_for` without
//! a failure. Time alone never closes the circuit.
//!
//! Invariant: a share never shrinks; a failure ends the ramp as a whole. Refuses to know the clock,
//! and how a share is turned into picks: the planner does that, who knows the alternatives.

use std::time::{Duration, Instant};

/// Share in percent, and successes to the next step.
const STEPS: [(u8, u32); 4] = [(10, 1), (25, 2), (50, 3), (100, 4)];

/// A place on the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ramp {
    step: usize,
    successes: u32,
    since: Instant,
}

impl Ramp {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            step: 0,
            successes: 0,
            since: now,
        }
    }

    /// The percentage of its usual traffic that the circuit should see.
    pub(super) fn share(&self, patience: Duration, now: Instant) -> u8 {
        STEPS[self.step_at(patience, now)].0
    }

    /// The place after one more success; `None` when the way is done.
    pub(super) fn after_success(self, patience: Duration, now: Instant) -> Option<Self> {
        let step = self.step_at(patience, now);
        let here = if step == self.step {
            self
        } else {
            Self {
                step,
                successes: 0,
                since: now,
            }
        };
        let successes = here.successes + 1;
        if successes < STEPS[step].1 {
            return Some(Self { successes, ..here });
        }
        (step + 1 < STEPS.len()).then_some(Self {
            step: step + 1,
            successes: 0,
            since: now,
        })
    }

    fn step_at(&self, patience: Duration, now: Instant) -> usize {
        let quiet = now.saturating_duration_since(self.since).as_nanos();
        let steps = quiet / patience.as_nanos().max(1);
        let last = STEPS.len() - 1;
        usize::try_from(steps).map_or(last, |steps| self.step.saturating_add(steps).min(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn ten_successes_lead_all_the_way_back() {
        let now = Instant::now();
        let mut ramp = Some(Ramp::new(now));
        let mut shares = Vec::new();

        while let Some(place) = ramp {
            shares.push(place.share(PATIENCE, now));
            ramp = place.after_success(PATIENCE, now);
        }

        assert_eq!(shares, [10, 25, 25, 50, 50, 50, 100, 100, 100, 100]);
    }

    #[test]
    fn thin_traffic_regains_the_full_share_by_patience_but_never_closes_by_it() {
        let start = Instant::now();
        let ramp = Ramp::new(start);

        let shares =
            [0, 29, 30, 60, 90, 1_000_000].map(|s| ramp.share(PATIENCE, start + Duration::from_secs(s)));

        assert_eq!(shares, [10, 10, 25, 50, 100, 100]);
        let mut last = ramp.after_success(PATIENCE, start + Duration::from_hours(1));
        for _ in 0..3 {
            last = last.and_then(|ramp| ramp.after_success(PATIENCE, start + Duration::from_hours(1)));
        }
        assert_eq!(last, None, "four successes at the full share");
    }

    #[test]
    fn a_success_never_lowers_the_share() {
        let start = Instant::now();
        let late = start + Duration::from_secs(65);

        let ramp = Ramp::new(start).after_success(PATIENCE, late).unwrap();

        assert_eq!(ramp.share(PATIENCE, late), 50);
    }

    #[test]
    fn no_patience_at_all_is_the_full_share() {
        let start = Instant::now();

        assert_eq!(
            Ramp::new(start).share(Duration::ZERO, start + Duration::from_secs(1)),
            100
        );
    }
}
