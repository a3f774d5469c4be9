//! When a token is asked for again.
//!
//! Invariant: pure; a token is renewed well before it expires, and no answer makes us ask in a tight loop. Jitter only
//! ever makes a renewal earlier and a repetition sooner than its limit.

use std::time::Duration;

/// A renewal comes this long before the end, where the lifetime allows.
const MARGIN: Duration = Duration::from_mins(5);
/// Whatever the lifetime, a token is not asked for more often.
const SHORTEST: Duration = Duration::from_secs(1);
/// The wait after a first failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait when nobody was there to answer, or could.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// The longest wait when we were turned away, which only a change of the configuration mends.
const LONGEST_WAIT_IF_REFUSED: Duration = Duration::from_mins(5);

/// How long after it came a token of this lifetime is renewed: at four fifths, or five minutes before its end if that
/// is earlier and leaves it half its life; a tenth earlier at most, so that many of us do not ask at once.
pub(super) fn renewal(lifetime: Duration, rng: &mut fastrand::Rng) -> Duration {
    let four_fifths = lifetime * 4 / 5;
    let due = match lifetime.checked_sub(MARGIN) {
        Some(before_end) if before_end >= lifetime / 2 => four_fifths.min(before_end),
        _ => four_fifths,
    };
    due.mul_f64(1.0 - rng.f64() / 10.0).max(SHORTEST)
}

/// How long after the n-th failure in a row the next try is made: doubled each time up to a limit, half of it by
/// chance; never before the moment that was `asked` for, within the limit for refusals.
pub(super) fn repetition(
    failures: u32,
    refused: bool,
    asked: Option<Duration>,
    rng: &mut fastrand::Rng,
) -> Duration {
    let limit = if refused {
        LONGEST_WAIT_IF_REFUSED
    } else {
        LONGEST_WAIT
    };
    let doublings = failures.saturating_sub(1).min(16);
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(limit);
    let asked = asked.unwrap_or_default().min(LONGEST_WAIT_IF_REFUSED);
    wait.mul_f64(0.5 + rng.f64() / 2.0).max(asked)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_renewal_is_early_enough_whatever_the_lifetime() {
        for (lifetime, latest) in [
            (secs(3600), secs(2880)),
            (secs(86_400), secs(69_120)),
            (secs(900), secs(600)),
            (secs(600), secs(300)),
            (secs(595), secs(476)),
            (secs(60), secs(48)),
            (secs(1), secs(1)),
            (secs(0), secs(1)),
        ] {
            for seed in 0..50 {
                let due = renewal(lifetime, &mut fastrand::Rng::with_seed(seed));
                let earliest = latest.mul_f64(0.9).max(SHORTEST);
                assert!((earliest..=latest).contains(&due), "{lifetime:?}: {due:?}");
            }
        }
    }

    #[test]
    fn waits_double_up_to_their_limit() {
        for (failures, refused, longest) in [
            (1, false, secs(1)),
            (2, false, secs(2)),
            (5, true, secs(16)),
            (7, false, secs(60)),
            (9, true, secs(256)),
            (40, false, secs(60)),
            (u32::MAX, true, secs(300)),
        ] {
            for seed in 0..50 {
                let wait = repetition(failures, refused, None, &mut fastrand::Rng::with_seed(seed));
                assert!(wait <= longest && wait >= longest / 2, "{failures}: {wait:?}");
            }
        }
    }

    #[test]
    fn what_the_server_asks_for_is_heeded_within_reason() {
        let mut rng = fastrand::Rng::with_seed(1);

        assert_eq!(repetition(1, false, Some(secs(30)), &mut rng), secs(30));
        assert_eq!(repetition(1, false, Some(secs(86_400)), &mut rng), secs(300));
        assert!(repetition(9, true, Some(secs(1)), &mut rng) >= secs(128));
    }

    proptest! {
        #[test]
        fn no_lifetime_makes_a_tight_loop_or_a_late_renewal(millis in 0_u64..200_000_000, seed in any::<u64>()) {
            let lifetime = Duration::from_millis(millis);

            let due = renewal(lifetime, &mut fastrand::Rng::with_seed(seed));

            prop_assert!(due >= SHORTEST && (due <= lifetime * 4 / 5 || due == SHORTEST));
        }
    }
}
