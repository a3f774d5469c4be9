//! What a failure does to a circuit, state by state.
//!
//! Invariant: it opens a circuit, lengthens a bench, counts, or is not heard; it never brings a
//! deadline nearer. Refuses to know what failed.

use super::{Circuit, State, Ticket};
use crate::breaker::cooldown::{Cooldown, History, believed, cooldown, later};
use crate::breaker::transition::{Cause, Transition};
use crate::breaker::vote::{Failure, Weight};
use std::time::Instant;

impl Circuit {
    /// The attempt failed, and this circuit's owner is to blame.
    pub(in crate::breaker) fn fail(
        &mut self,
        ticket: Ticket,
        failure: &Failure,
        rng: &mut fastrand::Rng,
        now: Instant,
    ) -> Option<Transition> {
        let named = believed(failure.hint).map(|hint| later(now, hint));
        if ticket.epoch != self.epoch {
            self.extend(named, failure.class);
            return None;
        }
        let probe_failed = match &mut self.state {
            State::Closed(serving) => {
                self.window.record_failure(now);
                serving.consecutive_failures = serving.consecutive_failures.saturating_add(1);
                serving.floor = serving.floor.max(named);
                if failure.weight == Weight::Counts && !self.is_over_threshold(now) {
                    return None;
                }
                false
            }
            State::Open { .. } => {
                let earned = match failure.weight {
                    Weight::Counts => named,
                    Weight::OpensNow | Weight::OpensLong => {
                        Some(later(now, self.bench(failure, false, rng, now).length))
                    }
                };
                self.extend(earned, failure.class);
                return None;
            }
            State::HalfOpen { .. } => true,
            State::Ramping(_) => false,
        };
        Some(self.eject(failure, probe_failed, rng, now))
    }

    fn is_over_threshold(&self, now: Instant) -> bool {
        let State::Closed(serving) = &self.state else {
            return false;
        };
        let in_a_row = self
            .settings
            .consecutive_failures
            .is_some_and(|most| serving.consecutive_failures >= most.get());
        let seen = self.window.counts(now);
        let by_share = seen.requests >= self.settings.min_requests.get()
            && self
                .settings
                .error_rate
                .is_some_and(|rate| rate.is_reached_by(seen.failures, seen.requests));
        in_a_row || by_share
    }

    fn eject(
        &mut self,
        failure: &Failure,
        probe_failed: bool,
        rng: &mut fastrand::Rng,
        now: Instant,
    ) -> Transition {
        let Cooldown { length, grows } = self.bench(failure, probe_failed, rng, now);
        let floor = match &self.state {
            State::Closed(serving) => serving.floor,
            _ => None,
        };
        let until = floor.into_iter().fold(later(now, length), Instant::max);
        self.ejections = self.ejections_at(now).saturating_add(u32::from(grows));
        self.epoch += 1;
        self.window.clear();
        self.change_to(State::Open {
            until,
            cause: Cause::Class(failure.class),
        })
    }

    fn bench(
        &self,
        failure: &Failure,
        probe_failed: bool,
        rng: &mut fastrand::Rng,
        now: Instant,
    ) -> Cooldown {
        let history = History {
            ejections: self.ejections_at(now),
            probe_failed,
        };
        cooldown(&self.settings, failure, history, rng)
    }

    /// Moves an open circuit's deadline out, never in: the bench this failure earned is served in
    /// full, but it is no new ejection.
    fn extend(&mut self, to: Option<Instant>, class: &'static str) {
        if let (State::Open { until, cause }, Some(to)) = (&mut self.state, to)
            && to > *until
        {
            *until = to;
            if let Cause::Class(known) = cause {
                *known = class;
            }
        }
    }
}
