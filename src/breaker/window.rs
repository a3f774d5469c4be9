//! How many of the last requests failed: an exact ring of counters.
//!
//! Exact counts and not a decaying average, so that a burst of a thousand requests in a
//! millisecond weighs by its numbers, and ten requests in as many seconds do too.
//!
//! Invariant: a request is counted for at most `window`, and for at least nine tenths of it.
//! Refuses to know thresholds and the clock: whatever needs the time is given it, and a `now` that
//! runs backwards a little (two threads racing for the lock) lands in the newest bucket.

use std::time::{Duration, Instant};

const BUCKETS: usize = 10;

/// What a window holds at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Requests that voted.
    pub requests: u32,
    /// Those of them that failed.
    pub failures: u32,
}

/// Counts of the requests that voted lately.
#[derive(Debug)]
pub(super) struct Window {
    width: Duration,
    buckets: [WindowCounts; BUCKETS],
    newest: usize,
    newest_began: Option<Instant>,
}

impl Window {
    pub(super) fn new(window: Duration) -> Self {
        Self {
            width: Self::width_of(window),
            buckets: [WindowCounts::default(); BUCKETS],
            newest: 0,
            newest_began: None,
        }
    }

    /// Whether this ring was made for that window.
    pub(super) fn is_of(&self, window: Duration) -> bool {
        self.width == Self::width_of(window)
    }

    pub(super) fn record_success(&mut self, now: Instant) {
        let bucket = self.bucket_at(now);
        bucket.requests = bucket.requests.saturating_add(1);
    }

    pub(super) fn record_failure(&mut self, now: Instant) {
        let bucket = self.bucket_at(now);
        bucket.requests = bucket.requests.saturating_add(1);
        bucket.failures = bucket.failures.saturating_add(1);
    }

    pub(super) fn counts(&self, now: Instant) -> WindowCounts {
        let live = BUCKETS.saturating_sub(self.steps_to(now));
        let mut sum = WindowCounts::default();
        for age in 0..live {
            let bucket = self.buckets[(self.newest + BUCKETS - age) % BUCKETS];
            sum.requests = sum.requests.saturating_add(bucket.requests);
            sum.failures = sum.failures.saturating_add(bucket.failures);
        }
        sum
    }

    pub(super) fn clear(&mut self) {
        self.buckets = [WindowCounts::default(); BUCKETS];
        self.newest_began = None;
    }

    /// Too short a window still has buckets of some width.
    fn width_of(window: Duration) -> Duration {
        (window / 10).max(Duration::from_millis(1))
    }

    fn bucket_at(&mut self, now: Instant) -> &mut WindowCounts {
        let steps = self.steps_to(now);
        match self.newest_began {
            Some(began) if steps < BUCKETS => {
                for _ in 0..steps {
                    self.newest = (self.newest + 1) % BUCKETS;
                    self.buckets[self.newest] = WindowCounts::default();
                }
                // `steps` is below ten, so this stays at or before `now`.
                self.newest_began = Some((0..steps).fold(began, |began, _| began + self.width));
            }
            Some(_) | None => {
                self.clear();
                self.newest_began = Some(now);
            }
        }
        &mut self.buckets[self.newest]
    }

    /// Whole buckets between the newest one and `now`; `BUCKETS` stands for all beyond it.
    fn steps_to(&self, now: Instant) -> usize {
        let Some(began) = self.newest_began else { return 0 };
        let steps = now.saturating_duration_since(began).as_nanos() / self.width.as_nanos();
        usize::try_from(steps).map_or(BUCKETS, |steps| steps.min(BUCKETS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WINDOW: Duration = Duration::from_secs(30);

    fn counts(requests: u32, failures: u32) -> WindowCounts {
        WindowCounts { requests, failures }
    }

    /// Item 5 of the correctness list: a fast burst weighs as much as a slow one.
    #[test]
    fn a_fast_burst_and_a_slow_one_count_the_same() {
        for gap in [
            Duration::ZERO,
            Duration::from_micros(3),
            Duration::from_millis(2_600),
        ] {
            let mut window = Window::new(WINDOW);
            let mut now = Instant::now();

            for _ in 0..10 {
                now += gap;
                window.record_failure(now);
            }

            assert_eq!(window.counts(now), counts(10, 10), "{gap:?} apart");
        }
    }

    /// Item 5 of the correctness list: the step arithmetic survives any idle time.
    #[test]
    fn a_long_idle_time_empties_the_window_and_does_not_wedge_it() {
        let mut window = Window::new(Duration::from_millis(10));
        let start = Instant::now();
        window.record_failure(start);

        // More steps of one millisecond than 32 bits hold.
        let later = start + Duration::from_hours(24 * 365);

        assert_eq!(window.counts(later), counts(0, 0));
        window.record_success(later);
        assert_eq!(window.counts(later), counts(1, 0));
    }

    #[test]
    fn old_requests_leave_one_bucket_at_a_time() {
        let mut window = Window::new(WINDOW);
        let start = Instant::now();
        for second in 0..30 {
            window.record_failure(start + Duration::from_secs(second));
        }

        let left =
            [29, 30, 33, 56, 57].map(|second| window.counts(start + Duration::from_secs(second)).failures);

        assert_eq!(left, [30, 27, 24, 3, 0]);
    }

    #[test]
    fn a_clock_read_before_the_lock_was_taken_still_counts() {
        let mut window = Window::new(WINDOW);
        let earlier = Instant::now();
        let later = earlier + Duration::from_secs(10);
        window.record_success(later);

        window.record_failure(earlier);

        assert_eq!(window.counts(later), counts(2, 1));
        assert_eq!(window.counts(earlier), counts(2, 1));
    }

    #[test]
    fn a_window_of_no_length_counts_and_forgets() {
        let mut window = Window::new(Duration::ZERO);
        let start = Instant::now();

        window.record_failure(start);

        assert_eq!(window.counts(start), counts(1, 1));
        assert_eq!(window.counts(start + Duration::from_millis(10)), counts(0, 0));
    }

    proptest! {
        #[test]
        fn a_request_is_counted_for_nine_to_ten_tenths_of_the_window(
            gaps in prop::collection::vec((0u64..8_000, any::<bool>()), 1..80),
        ) {
            let mut window = Window::new(WINDOW);
            let start = Instant::now();
            let mut now = start;
            let mut told = Vec::new();

            for (gap, failed) in gaps {
                now += Duration::from_millis(gap);
                if failed { window.record_failure(now) } else { window.record_success(now) }
                told.push((now, failed));

                let younger = |age: Duration| {
                    told.iter().filter(|(at, _)| now - *at < age).fold((0, 0), |(all, bad), (_, failed)| {
                        (all + 1, bad + u32::from(*failed))
                    })
                };
                let seen = window.counts(now);
                let (least, most) = (younger(WINDOW.mul_f64(0.9)), younger(WINDOW));
                prop_assert!((least.0..=most.0).contains(&seen.requests), "{seen:?} {least:?} {most:?}");
                prop_assert!((least.1..=most.1).contains(&seen.failures), "{seen:?} {least:?} {most:?}");
            }
        }
    }
}
