//! The right to try one target: a passage through its three circuits at once.
//!
//! A permit is a guard. Dropped without a verdict it is abandoned: a probe it holds is free again,
//! and nothing else happens. It holds its circuits itself, so it outlives a configuration.
//!
//! Invariant: all three circuits admit an attempt or none does; a permit votes once per circuit,
//! whichever way it ends (a proven probe has voted, and may only take it back by failing). Refuses
//! to know what is tried.

use super::availability::{Standing, strictest};
use super::circuit::{Circuit, Ticket};
use super::key::{CircuitKey, Scope};
use super::speed::Speed;
use super::transition::{Cause, Change, Transition};
use super::vote::Vote;
use parking_lot::{Mutex, MutexGuard};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One circuit in its lock.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) key: CircuitKey,
    pub(super) circuit: Mutex<Circuit>,
}

/// The circuits of one target. Locks are taken in the order of the fields.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) endpoint: Arc<Cell>,
    pub(super) credential: Option<Arc<Cell>>,
    pub(super) target: Arc<Cell>,
    pub(super) speed: Arc<Mutex<Speed>>,
}

impl Slot {
    /// The cells by scope; the order in which they are locked.
    pub(super) fn cells(&self) -> [Option<&Arc<Cell>>; 3] {
        [Some(&self.endpoint), self.credential.as_ref(), Some(&self.target)]
    }

    /// What the circuits say together.
    pub(super) fn standing(&self, now: Instant) -> (Scope, Standing) {
        strictest(
            self.cells()
                .into_iter()
                .flatten()
                .map(|cell| (cell.key.scope(), cell.circuit.lock().standing(now))),
        )
    }
}

/// How a permit was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admission {
    /// Every circuit is serving.
    Ordinary,
    /// The attempt is the probe of one circuit or more.
    Probe,
    /// A circuit refused, and the caller insisted.
    Forced,
}

impl Admission {
    /// The word for logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Probe => "probe",
            Self::Forced => "forced",
        }
    }
}

/// Why an attempt may not be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The circuit that refuses; of several, the one that refuses longest.
    pub circuit: CircuitKey,
    /// Until when it refuses at the latest.
    pub until: Instant,
    /// Why it is benched; `None` when a probe is on its way.
    pub cause: Option<Cause>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Some(cause) => write!(f, "{} is benched ({cause})", self.circuit),
            None => write!(f, "{} is being probed", self.circuit),
        }
    }
}

impl std::error::Error for Refusal {}

/// The right to try one target once.
#[must_use = "a permit that is dropped counts as an abandoned attempt"]
#[derive(Debug)]
pub struct Permit {
    slot: Arc<Slot>,
    /// By scope, as [`Slot::cells`]; none where there is no circuit.
    tickets: [Option<Ticket>; 3],
    admission: Admission,
}

impl Permit {
    /// Asks the circuits of a target, all under their locks at once.
    pub(super) fn ask(slot: &Arc<Slot>, force: bool, now: Instant) -> Result<(Self, Vec<Change>), Refusal> {
        let cells = slot.cells();
        let mut guards = cells.map(|cell| cell.map(|cell| (cell, cell.circuit.lock())));
        let standings = guards
            .iter()
            .flatten()
            .map(|(cell, circuit)| (cell.key.scope(), circuit.standing(now)));
        let (scope, standing) = strictest(standings);
        let mut changes = Vec::new();
        let (tickets, admission) = if standing.may_try() {
            let tickets = guards.each_mut().map(|guard| {
                let (cell, circuit) = guard.as_mut()?;
                let (ticket, transition) = circuit.enter(now);
                changes.extend(transition.map(|transition| cell.change(transition)));
                Some(ticket)
            });
            let is_probe = tickets.iter().flatten().any(|ticket| ticket.is_probe());
            (
                tickets,
                if is_probe {
                    Admission::Probe
                } else {
                    Admission::Ordinary
                },
            )
        } else if force {
            let force = |guard: &Option<(_, MutexGuard<'_, Circuit>)>| Some(guard.as_ref()?.1.force());
            (guards.each_ref().map(force), Admission::Forced)
        } else {
            drop(guards);
            return Err(slot.refusal(scope, standing, now));
        };
        drop(guards);
        Ok((
            Self {
                slot: Arc::clone(slot),
                tickets,
                admission,
            },
            changes,
        ))
    }

    /// How it was given.
    pub fn admission(&self) -> Admission {
        self.admission
    }

    /// The attempt has shown that it will do: its first meaningful event is there. Settles a probe
    /// now, because a long stream may end minutes later. Say it for streams only; the verdict at
    /// the end is still owed.
    pub fn prove(&mut self, now: Instant) -> Vec<Change> {
        let Self { slot, tickets, .. } = self;
        let pairs = slot.cells().into_iter().zip(tickets);
        pairs
            .filter_map(|(cell, ticket)| cell?.change_by(|circuit| circuit.prove(ticket.as_mut()?, now)))
            .collect()
    }

    /// Notes how long the target took to say its first word.
    pub fn observe_speed(&self, time_to_first_token: Duration, now: Instant) {
        self.slot.speed.lock().observe(time_to_first_token, now);
    }

    /// Ends the attempt with its verdict: a success is heard by all circuits, a failure by the one
    /// that is to blame.
    pub fn record(mut self, vote: Vote, rng: &mut fastrand::Rng, now: Instant) -> Vec<Change> {
        let tickets = std::mem::take(&mut self.tickets);
        let pairs = self.slot.cells().into_iter().zip(tickets);
        pairs
            .filter_map(|(cell, ticket)| {
                let (cell, ticket) = (cell?, ticket?);
                cell.change_by(|circuit| match vote {
                    Vote::Success => circuit.succeed(ticket, now),
                    Vote::Failure(failure) if failure.blame == cell.key.scope() => {
                        circuit.fail(ticket, &failure, rng, now)
                    }
                    Vote::Failure(_) | Vote::Abandoned => {
                        circuit.release(ticket);
                        None
                    }
                })
            })
            .collect()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        for (cell, ticket) in self.slot.cells().into_iter().zip(&self.tickets) {
            if let (Some(cell), Some(ticket)) = (cell, ticket) {
                cell.circuit.lock().release(*ticket);
            }
        }
    }
}

impl Slot {
    fn refusal(&self, scope: Scope, standing: Standing, now: Instant) -> Refusal {
        let cell = self
            .cells()
            .into_iter()
            .flatten()
            .find(|cell| cell.key.scope() == scope);
        let cause = match standing {
            Standing::Open { cause, .. } => Some(cause),
            _ => None,
        };
        Refusal {
            circuit: cell.unwrap_or(&self.target).key.clone(),
            until: standing.until().unwrap_or(now),
            cause,
        }
    }
}

impl Cell {
    /// Locks the circuit for one input, and says whose transition came of it.
    pub(super) fn change_by(&self, input: impl FnOnce(&mut Circuit) -> Option<Transition>) -> Option<Change> {
        let transition = input(&mut self.circuit.lock());
        transition.map(|transition| self.change(transition))
    }

    fn change(&self, transition: Transition) -> Change {
        Change {
            circuit: self.key.clone(),
            transition,
        }
    }
}
