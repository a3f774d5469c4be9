//! One circuit: a pure state machine, `(state, input, now) -> Option<Transition>`.
//!
//! Inputs are methods: somebody wants to pass ([`Circuit::enter`], [`Circuit::force`]), an attempt
//! ended ([`Circuit::succeed`], [`Circuit::fail`], [`Circuit::release`]), an active check or an
//! operator speaks. Whoever passes holds a [`Ticket`] with the epoch it passed in. Each ejection,
//! each probe and each word of an operator begins an epoch, and a ticket of an earlier one does not
//! vote: its result is about a time that has been judged already. One thing is heard from it, the
//! provider's own "not before": it may push an open circuit's deadline further out.
//!
//! Ejections are counted to lengthen the next bench, and are forgotten once the circuit has been
//! closed for ten times `open_for`.
//!
//! Invariant: at most one probe lives; no failure brings a deadline nearer; only time, a success
//! admitted after the ejection, a healthy check (of its own bench) or an operator ends a bench.
//! Refuses to know clocks, locks, tasks, metrics and which scope it is.

use super::availability::Standing;
use super::cooldown::later;
use super::ramp::Ramp;
use super::settings::BreakerSettings;
use super::transition::{Cause, StateWord, Transition};
use super::window::Window;
use std::time::Instant;

mod command;
mod failing;
mod snapshot;
mod ticket;

pub use snapshot::CircuitSnapshot;
use ticket::Role;
pub(super) use ticket::Ticket;

/// Ejections are forgotten after this many times `open_for` in the closed state.
const FORGET_AFTER: u32 = 10;

/// One circuit.
#[derive(Debug)]
pub(super) struct Circuit {
    settings: BreakerSettings,
    state: State,
    epoch: u64,
    ejections: u32,
    window: Window,
}

#[derive(Debug)]
enum State {
    Closed(Serving),
    Open {
        until: Instant,
        cause: Cause,
    },
    HalfOpen {
        /// When the probe in flight counts as lost; `None` when none is in flight.
        lease: Option<Instant>,
    },
    Ramping(Ramp),
}

#[derive(Debug, Default)]
struct Serving {
    /// When it came back from its last ejection, if there was one.
    since: Option<Instant>,
    consecutive_failures: u32,
    /// The latest "not before" among those failures.
    floor: Option<Instant>,
}

impl Circuit {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        let window = Window::new(settings.window);
        Self {
            settings,
            state: State::Closed(Serving::default()),
            epoch: 0,
            ejections: 0,
            window,
        }
    }

    /// Puts other settings in force from now on; what has happened stays.
    pub(super) fn adopt(&mut self, settings: &BreakerSettings) {
        if !self.window.is_of(settings.window) {
            self.window = Window::new(settings.window);
        }
        self.settings = settings.clone();
    }

    /// What it would answer to an attempt.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        match &self.state {
            State::Closed(_) => Standing::Ready,
            State::Ramping(ramp) => Standing::Ramping {
                share: ramp.share(self.settings.open_for, now),
            },
            State::Open { until, cause } if now < *until => Standing::Open {
                until: *until,
                cause: *cause,
            },
            State::HalfOpen { lease: Some(until) } if now < *until => Standing::Probing { until: *until },
            State::Open { .. } | State::HalfOpen { .. } => Standing::ProbeDue,
        }
    }

    /// Passes an attempt that the standing allows; takes the probe when one is due.
    pub(super) fn enter(&mut self, now: Instant) -> (Ticket, Option<Transition>) {
        if self.standing(now) != Standing::ProbeDue {
            return (self.force(), None);
        }
        self.epoch += 1;
        let lease = later(now, self.settings.probe_lease);
        let transition = self.change_to(State::HalfOpen { lease: Some(lease) });
        let ticket = Ticket {
            epoch: self.epoch,
            role: Role::Probe,
        };
        (
            ticket,
            (transition.from != StateWord::HalfOpen).then_some(transition),
        )
    }

    /// Passes an attempt whatever the standing; never takes the probe.
    pub(super) fn force(&self) -> Ticket {
        Ticket {
            epoch: self.epoch,
            role: Role::Ordinary,
        }
    }

    /// The attempt has shown that it will do: settles a probe before its attempt has ended, which
    /// in a long stream may be minutes away. The ticket can afterwards only vote a failure.
    pub(super) fn prove(&mut self, ticket: &mut Ticket, now: Instant) -> Option<Transition> {
        if ticket.role != Role::Probe {
            return None;
        }
        let transition = self.succeed(*ticket, now);
        ticket.role = Role::ProvenProbe;
        transition
    }

    /// The attempt succeeded.
    pub(super) fn succeed(&mut self, ticket: Ticket, now: Instant) -> Option<Transition> {
        if ticket.epoch != self.epoch || ticket.role == Role::ProvenProbe {
            return None;
        }
        match &mut self.state {
            State::Closed(serving) => {
                self.window.record_success(now);
                serving.consecutive_failures = 0;
                serving.floor = None;
                None
            }
            // A forced attempt, admitted after the ejection, has done what a probe would do.
            State::Open {
                cause: Cause::Class(_),
                ..
            }
            | State::HalfOpen { .. } => Some(self.change_to(State::Ramping(Ramp::new(now)))),
            State::Open {
                cause: Cause::HealthCheck | Cause::Operator,
                ..
            } => None,
            State::Ramping(ramp) => {
                self.window.record_success(now);
                if let Some(further) = ramp.after_success(self.settings.open_for, now) {
                    *ramp = further;
                    return None;
                }
                let serving = Serving {
                    since: Some(now),
                    ..Serving::default()
                };
                Some(self.change_to(State::Closed(serving)))
            }
        }
    }

    /// The attempt ended without a verdict: a probe makes room for the next.
    pub(super) fn release(&mut self, ticket: Ticket) {
        if let State::HalfOpen { lease } = &mut self.state
            && ticket.role == Role::Probe
            && ticket.epoch == self.epoch
        {
            *lease = None;
        }
    }

    /// Ejections that still count at `now`.
    fn ejections_at(&self, now: Instant) -> u32 {
        let long = self.settings.open_for.saturating_mul(FORGET_AFTER);
        match &self.state {
            State::Closed(Serving {
                since: Some(since), ..
            }) if now.saturating_duration_since(*since) >= long => 0,
            _ => self.ejections,
        }
    }

    fn change_to(&mut self, state: State) -> Transition {
        let from = self.state.word();
        self.state = state;
        let (until, cause) = match &self.state {
            State::Open { until, cause } => (Some(*until), Some(*cause)),
            _ => (None, None),
        };
        Transition {
            from,
            to: self.state.word(),
            cause,
            until,
            ejections: self.ejections,
        }
    }
}

impl State {
    fn word(&self) -> StateWord {
        match self {
            Self::Closed(_) => StateWord::Closed,
            Self::Open { .. } => StateWord::Open,
            Self::HalfOpen { .. } => StateWord::HalfOpen,
            Self::Ramping(_) => StateWord::Ramping,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
