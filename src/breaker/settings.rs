//! How patient a circuit is.
//!
//! Invariant: every value is legal: no combination makes a circuit panic or stay shut for ever.
//! Refuses to know the configuration file; it only says what the values mean.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// The settings of a circuit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BreakerSettings {
    /// Trips on exactly this many counted failures in a row; `None` does not count them.
    pub consecutive_failures: Option<NonZeroU32>,
    /// Trips at this share of failures over `window`; `None` does not look at the share.
    pub error_rate: Option<ErrorRate>,
    /// The time over which the share is taken.
    pub window: Duration,
    /// Requests the window must hold before its share means anything.
    pub min_requests: NonZeroU32,
    /// The first bench; doubles with each ejection that no long healthy time separates.
    pub open_for: Duration,
    /// The longest bench that doubling reaches. A provider's hint may go beyond it.
    pub max_open_for: Duration,
    /// The bench for what does not pass by itself (a refused key, an exhausted quota).
    pub long_open_for: Duration,
    /// After this time a probe that said nothing may be replaced. Give at least the longest
    /// time an attempt may take, or slow answers are replaced before they can vote.
    pub probe_lease: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            consecutive_failures: NonZeroU32::new(2),
            error_rate: Some(ErrorRate::HALF),
            window: Duration::from_secs(30),
            min_requests: NonZeroU32::MIN.saturating_add(4),
            open_for: Duration::from_secs(30),
            max_open_for: Duration::from_mins(5),
            long_open_for: Duration::from_mins(10),
            probe_lease: Duration::from_mins(2),
        }
    }
}

/// A share of failures, above 0 and up to 1, held in basis points so that settings can be compared
/// and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorRate(u16);

impl ErrorRate {
    /// Every second request fails.
    pub const HALF: Self = Self(5_000);
    const WHOLE: u16 = 10_000;

    /// A share from basis points: 5000 is one half.
    pub fn try_from_basis_points(points: u16) -> Result<Self, InvalidErrorRate> {
        if (1..=Self::WHOLE).contains(&points) {
            Ok(Self(points))
        } else {
            Err(InvalidErrorRate(f64::from(points) / f64::from(Self::WHOLE)))
        }
    }

    /// A share from a fraction such as 0.5, to the nearest basis point.
    pub fn try_from_fraction(fraction: f64) -> Result<Self, InvalidErrorRate> {
        let points = fraction * f64::from(Self::WHOLE);
        if !(0.5..=f64::from(Self::WHOLE)).contains(&points) {
            return Err(InvalidErrorRate(fraction));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0.5 and 10,000, as just checked"
        )]
        let points = points.round() as u16;
        Ok(Self(points))
    }

    /// This share in basis points.
    pub fn basis_points(self) -> u16 {
        self.0
    }

    /// Whether `failures` of `requests` is this share or more.
    pub(super) fn is_reached_by(self, failures: u32, requests: u32) -> bool {
        u64::from(failures) * u64::from(Self::WHOLE) >= u64::from(requests) * u64::from(self.0)
    }
}

/// A number that is not a share of failures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InvalidErrorRate(f64);

impl fmt::Display for InvalidErrorRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid error rate {}: give a share above 0 and up to 1, such as 0.5",
            self.0
        )
    }
}

impl std::error::Error for InvalidErrorRate {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_kept_to_the_basis_point() {
        for (fraction, points) in [(0.5, 5_000), (1.0, 10_000), (0.333_33, 3_333), (0.000_1, 1)] {
            let rate = ErrorRate::try_from_fraction(fraction).unwrap();

            assert_eq!(rate.basis_points(), points, "{fraction}");
        }
    }

    #[test]
    fn what_is_no_share_is_refused_with_the_value() {
        for fraction in [0.0, -0.5, 1.01, 50.0, f64::NAN, f64::INFINITY, 0.000_01] {
            let error = ErrorRate::try_from_fraction(fraction).unwrap_err();

            assert!(
                error
                    .to_string()
                    .starts_with(&format!("invalid error rate {fraction}: ")),
                "{error}"
            );
        }
        assert!(ErrorRate::try_from_basis_points(0).is_err());
        assert!(ErrorRate::try_from_basis_points(10_001).is_err());
    }

    #[test]
    fn a_share_is_reached_exactly_not_nearly() {
        let third = ErrorRate::try_from_basis_points(3_334).unwrap();

        assert!(ErrorRate::HALF.is_reached_by(1, 2));
        assert!(!ErrorRate::HALF.is_reached_by(49, 99));
        assert!(!third.is_reached_by(1, 3));
        assert!(ErrorRate::HALF.is_reached_by(u32::MAX, u32::MAX));
    }
}
