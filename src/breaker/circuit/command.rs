//! What is not an attempt: the words of an operator and of active health checks.
//!
//! Invariant: a word that changes something begins an epoch, so no attempt from before it votes
//! after it. Refuses to know how checks are made, and who the operator is.

use super::{Circuit, Serving, State};
use crate::breaker::cooldown::later;
use crate::breaker::transition::{Cause, Transition};
use crate::breaker::vote::Health;
use std::time::{Duration, Instant};

impl Circuit {
    /// An operator benches it for so long, be that more or less than it was benched already.
    pub(in crate::breaker) fn force_open(&mut self, length: Duration, now: Instant) -> Option<Transition> {
        self.command(State::Open {
            until: later(now, length),
            cause: Cause::Operator,
        })
    }

    /// An operator clears it of everything held against it.
    pub(in crate::breaker) fn reset(&mut self) -> Option<Transition> {
        self.ejections = 0;
        self.command(State::Closed(Serving::default()))
    }

    /// An active check speaks. It benches whatever the votes say, and lifts only its own bench;
    /// an operator's bench is not its business.
    pub(in crate::breaker) fn heed(&mut self, health: Health, now: Instant) -> Option<Transition> {
        let until = match (health, &self.state) {
            (
                Health::Healthy,
                State::Open {
                    cause: Cause::HealthCheck,
                    ..
                },
            ) => {
                return self.command(State::HalfOpen { lease: None });
            }
            (Health::Healthy, _) => return None,
            (
                Health::Unhealthy { .. },
                State::Open {
                    until,
                    cause: Cause::Operator,
                },
            ) if now < *until => {
                return None;
            }
            (Health::Unhealthy { stands_for }, State::Open { until, .. }) => {
                later(now, stands_for).max(*until)
            }
            (Health::Unhealthy { stands_for }, _) => later(now, stands_for),
        };
        self.command(State::Open {
            until,
            cause: Cause::HealthCheck,
        })
    }

    fn command(&mut self, state: State) -> Option<Transition> {
        self.epoch += 1;
        self.window.clear();
        let transition = self.change_to(state);
        (transition.from != transition.to).then_some(transition)
    }
}
