//! How long a bench lasts.
//!
//! A time we choose ourselves doubles per ejection up to its cap, with a tenth of jitter either way
//! so that many gateways do not come back at once. A time the provider names is taken as named: no
//! jitter, no cap but a day, and no doubling, because a provider that says "2 s" and keeps its word
//! is not getting worse. When the probe sent at the named time fails as well, the word was wrong,
//! and a doubling floor (from one second up to `open_for`) keeps us from knocking for ever.
//!
//! Invariant: a bench is never shorter than the hint, up to a day. Refuses to know states and time.

use super::settings::BreakerSettings;
use super::vote::{Failure, Weight};
use std::time::{Duration, Instant};

/// The longest hint believed.
const HINT_CEILING: Duration = Duration::from_hours(24);
/// The first floor under a hint that a failed probe has disproved.
const DISPROVED_FLOOR: Duration = Duration::from_secs(1);
/// No deadline lies further away, whatever was asked.
const HORIZON: Duration = Duration::from_hours(24 * 365);

/// A bench to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cooldown {
    pub(super) length: Duration,
    /// Whether it makes the next one longer.
    pub(super) grows: bool,
}

/// What a circuit went through before.
#[derive(Debug, Clone, Copy)]
pub(super) struct History {
    pub(super) ejections: u32,
    /// The failure at hand is that of a probe.
    pub(super) probe_failed: bool,
}

/// The bench that a failure earns.
pub(super) fn cooldown(
    settings: &BreakerSettings,
    failure: &Failure,
    history: History,
    rng: &mut fastrand::Rng,
) -> Cooldown {
    let hint = believed(failure.hint);
    let doubled = |base: Duration, cap: Duration| {
        base.saturating_mul(2u32.saturating_pow(history.ejections))
            .min(cap)
    };
    let own = doubled(settings.open_for, settings.max_open_for);
    match (failure.weight, hint) {
        (Weight::Counts, hint) => Cooldown {
            length: jittered(own, rng).max(hint.unwrap_or_default()),
            grows: true,
        },
        (Weight::OpensNow | Weight::OpensLong, Some(hint)) if history.probe_failed => Cooldown {
            length: hint.max(doubled(DISPROVED_FLOOR, settings.open_for)),
            grows: true,
        },
        (Weight::OpensNow | Weight::OpensLong, Some(hint)) => Cooldown {
            length: hint,
            grows: false,
        },
        (Weight::OpensNow, None) => Cooldown {
            length: jittered(own, rng),
            grows: true,
        },
        (Weight::OpensLong, None) => Cooldown {
            length: jittered(settings.long_open_for, rng),
            grows: true,
        },
    }
}

/// A hint, as far as it is believed.
pub(super) fn believed(hint: Option<Duration>) -> Option<Duration> {
    hint.map(|hint| hint.min(HINT_CEILING))
}

/// `now` and a while, however long that while.
pub(super) fn later(now: Instant, while_: Duration) -> Instant {
    now.checked_add(while_.min(HORIZON)).unwrap_or(now)
}

fn jittered(length: Duration, rng: &mut fastrand::Rng) -> Duration {
    let factor = 0.9 + 0.2 * rng.f64();
    Duration::try_from_secs_f64(length.as_secs_f64() * factor).unwrap_or(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::Scope;
    use proptest::prelude::*;

    fn failure(weight: Weight, hint: Option<Duration>) -> Failure {
        Failure {
            blame: Scope::Target,
            weight,
            hint,
            class: "test",
        }
    }

    fn length(weight: Weight, hint: Option<u64>, ejections: u32, probe_failed: bool) -> Cooldown {
        let hint = hint.map(Duration::from_secs);
        let history = History {
            ejections,
            probe_failed,
        };
        cooldown(
            &BreakerSettings::default(),
            &failure(weight, hint),
            history,
            &mut fastrand::Rng::with_seed(7),
        )
    }

    fn is_about(cooldown: Cooldown, seconds: f64) -> bool {
        (seconds * 0.9..=seconds * 1.1).contains(&cooldown.length.as_secs_f64())
    }

    #[test]
    fn our_own_time_doubles_per_ejection_up_to_its_cap() {
        for (ejections, seconds) in [
            (0, 30.0),
            (1, 60.0),
            (2, 120.0),
            (3, 240.0),
            (4, 300.0),
            (31, 300.0),
            (u32::MAX, 300.0),
        ] {
            for weight in [Weight::Counts, Weight::OpensNow] {
                let cooldown = length(weight, None, ejections, true);

                assert!(
                    is_about(cooldown, seconds),
                    "{ejections} {weight:?}: {cooldown:?}"
                );
            }
        }
    }

    /// Item 7 of the correctness list: what the provider names is taken as named.
    #[test]
    fn a_named_time_is_taken_as_named() {
        for weight in [Weight::OpensNow, Weight::OpensLong] {
            for hint in [0, 2, 400, 3_600] {
                let cooldown = length(weight, Some(hint), 5, false);

                assert_eq!(
                    cooldown,
                    Cooldown {
                        length: Duration::from_secs(hint),
                        grows: false
                    }
                );
            }
        }
    }

    #[test]
    fn a_named_time_that_a_probe_disproved_gets_a_growing_floor() {
        let floors = [0, 1, 2, 4, 5, 40].map(|ejections| {
            let Cooldown { length, grows } = length(Weight::OpensNow, Some(0), ejections, true);
            (length.as_secs(), grows)
        });

        assert_eq!(
            floors,
            [
                (1, true),
                (2, true),
                (4, true),
                (16, true),
                (30, true),
                (30, true)
            ]
        );
        assert_eq!(
            length(Weight::OpensNow, Some(90), 40, true).length,
            Duration::from_secs(90)
        );
    }

    #[test]
    fn a_hint_is_a_floor_under_a_counted_failure() {
        assert_eq!(
            length(Weight::Counts, Some(45), 0, false).length,
            Duration::from_secs(45)
        );
        assert!(is_about(length(Weight::Counts, Some(1), 0, false), 30.0));
    }

    #[test]
    fn what_does_not_pass_by_itself_is_benched_for_long() {
        assert!(is_about(length(Weight::OpensLong, None, 0, false), 600.0));
        assert!(is_about(length(Weight::OpensLong, None, 9, true), 600.0));
    }

    #[test]
    fn a_deadline_can_always_be_told() {
        let now = Instant::now();

        assert_eq!(later(now, Duration::MAX), now + HORIZON);
        assert_eq!(later(now, Duration::from_secs(1)), now + Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn a_bench_is_never_shorter_than_the_hint_and_never_longer_than_reason(
            hint in 0u64..u64::MAX,
            ejections in any::<u32>(),
            probe_failed in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let settings = BreakerSettings::default();
            let hint = Duration::from_secs(hint);
            for weight in [Weight::Counts, Weight::OpensNow, Weight::OpensLong] {
                let history = History { ejections, probe_failed };
                let mut rng = fastrand::Rng::with_seed(seed);

                let Cooldown { length, .. } = cooldown(&settings, &failure(weight, Some(hint)), history, &mut rng);

                prop_assert!(length >= hint.min(HINT_CEILING));
                prop_assert!(length <= HINT_CEILING);
            }
        }
    }
}
