//! The live circuits of one catalog generation, and the permits they give.
//!
//! A board is read on every request: targets are dense indices, each points at its three circuits,
//! and each circuit has a lock of its own that is held for one input and across nothing else. Where
//! three are needed at once they are taken in one order (endpoint, credential, target).
//!
//! Circuits are shared by identity: between the targets that name the same endpoint or credential,
//! and between a board and its successor. A shared circuit obeys the settings of the first target
//! that names it.
//!
//! Invariant: an identity has one circuit, however many targets and boards hold it. Refuses to know
//! what a provider or a model is, the planner, the clock and metrics.

use super::availability::{Availability, TargetAvailability};
use super::circuit::{Circuit, CircuitSnapshot};
use super::key::{CircuitKey, CredentialKey, EndpointKey, TargetKey, UnknownCircuit};
use super::permit::{Cell, Permit, Refusal, Slot};
use super::settings::BreakerSettings;
use super::speed::Speed;
use super::transition::Change;
use super::vote::Health;
use parking_lot::Mutex;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The circuits that guard one target, and how patient they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetKeys {
    /// The provider's address.
    pub endpoint: EndpointKey,
    /// What pays; `None` when the caller's own credential is passed on, which is not ours to judge.
    pub credential: Option<CredentialKey>,
    /// The target itself.
    pub target: TargetKey,
    /// How patient its circuit is.
    pub settings: BreakerSettings,
    /// How patient the circuits of the endpoint and the credential are, if it is the first to name
    /// them; `None` is as patient as its own.
    pub shared: Option<BreakerSettings>,
}

/// The three circuits of one target as an operator sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSnapshot {
    /// What they say together.
    pub availability: TargetAvailability,
    /// The endpoint's circuit.
    pub endpoint: CircuitSnapshot,
    /// The credential's circuit, if the credential is ours.
    pub credential: Option<CircuitSnapshot>,
    /// The target's own circuit.
    pub target: CircuitSnapshot,
}

/// The live circuits of one catalog generation.
///
/// A target is named by its place in the list that the board was made from; keep a board together
/// with that list. As with a slice, a number beyond the list is a mistake in the program, and panics.
#[derive(Debug, Default)]
pub struct Board {
    slots: Vec<Arc<Slot>>,
    cells: BTreeMap<CircuitKey, Arc<Cell>>,
    speeds: HashMap<TargetKey, Arc<Mutex<Speed>>>,
}

impl Board {
    /// A board with every circuit closed.
    pub fn new(targets: &[TargetKeys]) -> Self {
        Self::default().successor(targets)
    }

    /// The board of the next generation: circuits and speeds survive by identity, others are dropped.
    ///
    /// The new settings are in force on surviving circuits at once, also for those who still hold
    /// this board; so call it at the moment the next generation takes over.
    #[must_use = "the successor is the board to use from now on"]
    pub fn successor(&self, targets: &[TargetKeys]) -> Self {
        let mut next = Self::default();
        for keys in targets {
            let shared = keys.shared.as_ref().unwrap_or(&keys.settings);
            let endpoint = next.adopt(self, CircuitKey::Endpoint(keys.endpoint.clone()), shared);
            let credential = keys
                .credential
                .as_ref()
                .map(|credential| next.adopt(self, CircuitKey::Credential(credential.clone()), shared));
            let target = next.adopt(self, CircuitKey::Target(keys.target.clone()), &keys.settings);
            let known = self.speeds.get(&keys.target).map(Arc::clone).unwrap_or_default();
            let speed = Arc::clone(next.speeds.entry(keys.target.clone()).or_insert(known));
            next.slots.push(Arc::new(Slot {
                endpoint,
                credential,
                target,
                speed,
            }));
        }
        next
    }

    /// How many targets it has.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether it has no target at all.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The frozen answer for these targets: one entry each, in the order given.
    pub fn availability(&self, targets: impl IntoIterator<Item = usize>, now: Instant) -> Availability {
        targets
            .into_iter()
            .map(|target| self.slots[target].availability(now))
            .collect()
    }

    /// Asks for the right to try a target, and tells which circuits began to probe by it.
    ///
    /// With `force` it is given even if a circuit refuses: the attempt then holds no probe, but a
    /// success brings a benched circuit back, and a plain failure may lengthen its bench.
    pub fn admit(&self, target: usize, force: bool, now: Instant) -> Result<(Permit, Vec<Change>), Refusal> {
        Permit::ask(&self.slots[target], force, now)
    }

    /// The circuits of a target, for an operator.
    pub fn snapshot(&self, target: usize, now: Instant) -> TargetSnapshot {
        let slot = &self.slots[target];
        TargetSnapshot {
            availability: slot.availability(now),
            endpoint: slot.endpoint.snapshot(now),
            credential: slot.credential.as_ref().map(|cell| cell.snapshot(now)),
            target: slot.target.snapshot(now),
        }
    }

    /// Every circuit once, in the order of their keys.
    pub fn circuits(&self, now: Instant) -> impl Iterator<Item = CircuitSnapshot> {
        self.cells.values().map(move |cell| cell.snapshot(now))
    }

    /// Hears what active checks say about an endpoint; one that is gone since is no mistake.
    pub fn health(&self, endpoint: &EndpointKey, health: Health, now: Instant) -> Option<Change> {
        let cell = self.cells.get(&CircuitKey::Endpoint(endpoint.clone()))?;
        cell.change_by(|circuit| circuit.heed(health, now))
    }

    /// Benches a circuit by an operator's word; neither votes nor checks bring it back sooner.
    pub fn force_open(
        &self,
        circuit: &CircuitKey,
        length: Duration,
        now: Instant,
    ) -> Result<Option<Change>, UnknownCircuit> {
        let cell = self.cell(circuit)?;
        Ok(cell.change_by(|circuit| circuit.force_open(length, now)))
    }

    /// Closes a circuit by an operator's word and forgets what was held against it.
    pub fn reset(&self, circuit: &CircuitKey) -> Result<Option<Change>, UnknownCircuit> {
        Ok(self.cell(circuit)?.change_by(Circuit::reset))
    }

    /// Closes all three circuits of a target.
    pub fn reset_target(&self, target: usize) -> Vec<Change> {
        let cells = self.slots[target].cells();
        cells
            .into_iter()
            .flatten()
            .filter_map(|cell| cell.change_by(Circuit::reset))
            .collect()
    }

    fn cell(&self, key: &CircuitKey) -> Result<&Arc<Cell>, UnknownCircuit> {
        self.cells.get(key).ok_or_else(|| UnknownCircuit(key.clone()))
    }

    /// The cell of that key on this board: already here, taken over from `before`, or new.
    fn adopt(&mut self, before: &Self, key: CircuitKey, settings: &BreakerSettings) -> Arc<Cell> {
        let vacant = match self.cells.entry(key) {
            Entry::Occupied(known) => return Arc::clone(known.get()),
            Entry::Vacant(vacant) => vacant,
        };
        let cell = if let Some(cell) = before.cells.get(vacant.key()) {
            cell.circuit.lock().adopt(settings);
            Arc::clone(cell)
        } else {
            let circuit = Mutex::new(Circuit::new(settings.clone()));
            Arc::new(Cell {
                key: vacant.key().clone(),
                circuit,
            })
        };
        Arc::clone(vacant.insert(cell))
    }
}

impl Slot {
    fn availability(&self, now: Instant) -> TargetAvailability {
        let (scope, standing) = self.standing(now);
        TargetAvailability {
            standing,
            scope,
            speed: self.speed.lock().estimate(now),
        }
    }
}

impl Cell {
    fn snapshot(&self, now: Instant) -> CircuitSnapshot {
        self.circuit.lock().snapshot(self.key.clone(), now)
    }
}

#[cfg(test)]
mod tests;
