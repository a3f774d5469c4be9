//! How soon a target usually says its first word.
//!
//! An average of the times to first token in which the newest sample always has a say, and the
//! more say the older the others are. The estimate shrinks while nobody asks: a target that was
//! slow once looks a little faster every minute, until it is asked again and shows what it is.
//!
//! Invariant: an estimate never exceeds the largest sample, and ends as "unknown". Refuses to know
//! the clock, and what anybody does with the estimate.

use std::time::{Duration, Instant};

/// The time in which an estimate loses half of itself without a new sample.
const HALF_LIFE: Duration = Duration::from_mins(1);
/// The least say of a new sample, so that a burst of samples is averaged and not lost.
const LEAST_SAY: f64 = 0.2;
/// An estimate of which less than this is left says nothing about the target any more: after ten minutes. Not told by
/// its size, or the fastest targets of all would never be known.
const UNKNOWN_BELOW: f64 = 1.0 / 1024.0;

/// The decayed time to first token of one target.
#[derive(Debug, Default)]
pub(super) struct Speed {
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    average: Duration,
    at: Instant,
}

impl Speed {
    pub(super) fn observe(&mut self, sample: Duration, now: Instant) {
        let average = match &self.known {
            None => sample,
            Some(known) => {
                let say = LEAST_SAY.max(1.0 - kept(known.at, now));
                let average = known.average.as_secs_f64() * (1.0 - say) + sample.as_secs_f64() * say;
                Duration::try_from_secs_f64(average).unwrap_or(sample)
            }
        };
        let at = self.known.as_ref().map_or(now, |known| known.at.max(now));
        self.known = Some(Known { average, at });
    }

    /// The estimate at `now`, or `None` when nothing useful is known.
    pub(super) fn estimate(&self, now: Instant) -> Option<Duration> {
        let known = self.known.as_ref()?;
        let kept = kept(known.at, now);
        (kept >= UNKNOWN_BELOW).then(|| known.average.mul_f64(kept))
    }
}

/// The part of an estimate that is left at `now`.
fn kept(since: Instant, now: Instant) -> f64 {
    let half_lives = now.saturating_duration_since(since).as_secs_f64() / HALF_LIFE.as_secs_f64();
    (-half_lives).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAST: Duration = Duration::from_millis(200);
    const SLOW: Duration = Duration::from_secs(2);

    #[test]
    fn nothing_is_known_before_the_first_sample() {
        assert_eq!(Speed::default().estimate(Instant::now()), None);
    }

    #[test]
    fn a_slow_target_gets_another_chance_and_is_believed_when_slow_again() {
        let start = Instant::now();
        let mut slow = Speed::default();
        slow.observe(SLOW, start);

        let later = start + Duration::from_mins(4);

        assert!(
            slow.estimate(later).unwrap() < FAST,
            "four half-lives divide by sixteen"
        );
        slow.observe(SLOW, later);
        assert_eq!(slow.estimate(later), Some(SLOW));
    }

    #[test]
    fn the_older_the_average_the_less_it_weighs_against_a_new_sample() {
        let start = Instant::now();
        let estimates = [0, 1, 4].map(|minutes| {
            let mut speed = Speed::default();
            speed.observe(SLOW, start);
            let now = start + Duration::from_mins(minutes);
            speed.observe(FAST, now);
            speed.estimate(now).unwrap().as_secs_f64()
        });

        // Of the 1.8 s between them, what is left: 80 %, a half, a sixteenth.
        for (estimate, expected) in estimates.into_iter().zip([1.64, 1.1, 0.3125]) {
            assert!(
                (estimate - expected).abs() < 0.001,
                "{estimate} is not {expected}"
            );
        }
    }

    #[test]
    fn one_burst_of_samples_moves_the_average() {
        let now = Instant::now();
        let mut speed = Speed::default();
        speed.observe(SLOW, now);

        for _ in 0..30 {
            speed.observe(FAST, now);
        }

        let estimate = speed.estimate(now).unwrap();
        assert!(estimate >= FAST && estimate < FAST.mul_f64(1.05), "{estimate:?}");
    }

    #[test]
    fn a_target_nobody_asks_becomes_unknown() {
        let start = Instant::now();
        let mut speed = Speed::default();
        speed.observe(SLOW, start);

        assert_eq!(speed.estimate(start + Duration::from_mins(12)), None);
        assert_eq!(speed.estimate(start + Duration::from_hours(24 * 365)), None);
    }

    #[test]
    fn a_target_may_be_faster_than_any_clock_shows() {
        let now = Instant::now();
        let mut speed = Speed::default();

        speed.observe(Duration::from_micros(3), now);

        assert_eq!(speed.estimate(now), Some(Duration::from_micros(3)));
    }

    proptest! {
        #[test]
        fn an_estimate_lies_within_its_samples_and_only_shrinks(
            samples in prop::collection::vec((0u64..120_000, 0u64..90_000), 1..40),
            idle in 0u64..10_000_000,
        ) {
            let mut now = Instant::now();
            let mut speed = Speed::default();
            for (sample, gap) in &samples {
                now += Duration::from_millis(*gap);
                speed.observe(Duration::from_millis(*sample), now);
            }
            let largest = samples.iter().map(|(sample, _)| *sample).max().unwrap_or(0);

            let fresh = speed.estimate(now).unwrap_or_default();
            let stale = speed.estimate(now + Duration::from_millis(idle)).unwrap_or_default();

            prop_assert!(fresh <= Duration::from_millis(largest) + Duration::from_micros(1));
            prop_assert!(stale <= fresh);
        }
    }
}
