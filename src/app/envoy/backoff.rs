//! How long to wait before Envoy is started again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// A process that lived this long was well: its end starts the count anew.
const HEALTHY: Duration = Duration::from_secs(30);

/// Doubles from [`FIRST`] to [`LONGEST`] while processes end early.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    early_ends: u32,
}

impl Backoff {
    /// The pause after a process that was up for `lived`.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        if lived >= HEALTHY {
            self.early_ends = 0;
        }
        let factor = 2_u32.saturating_pow(self.early_ends);
        self.early_ends = self.early_ends.saturating_add(1);
        FIRST.saturating_mul(factor).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_to_a_bound_and_starts_anew_after_a_healthy_life() {
        let mut backoff = Backoff::default();
        let mut after = |seconds| backoff.after(Duration::from_secs(seconds)).as_millis();

        let pauses: Vec<u128> = (0..9).map(|_| after(1)).collect();

        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(after(29), 10_000);
        assert_eq!(after(30), 100);
        assert_eq!(after(0), 200);
    }

    #[test]
    fn no_number_of_ends_is_too_many() {
        let mut backoff = Backoff { early_ends: u32::MAX };

        assert_eq!(backoff.after(Duration::ZERO), LONGEST);
    }
}
