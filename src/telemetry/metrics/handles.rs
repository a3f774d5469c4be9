//! The counters of one target, model or client, looked up once and then only incremented.
//!
//! A table is resolved for each catalog. The request path finds its row by position and never hashes a label; only a
//! request that began with another generation is found by name, and what no longer exists is not counted any more.
//! Rows that a new catalog still has are kept, counters and all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use parking_lot::Mutex;
use prometheus::{Counter, Histogram, IntCounter};

use super::family::Values;
use crate::catalog::{Catalog, ClientIx, Clients, Generation, ModelIx, TargetIx};
use crate::outcome::Class;
use crate::telemetry::event::RequestOutcome;

/// The names that a catalog allows as labels.
#[derive(Debug, Clone)]
pub struct Labels {
    /// The catalog's number.
    pub generation: Generation,
    /// Provider, model and provider's model of each target, by its position.
    pub targets: Vec<[Arc<str>; 3]>,
    /// Each model, by its position.
    pub models: Vec<Arc<str>>,
    /// Each client, by its position.
    pub clients: Vec<Arc<str>>,
    /// Each provider.
    pub providers: Vec<Arc<str>>,
}

impl Labels {
    /// The names of a catalog.
    pub fn of(catalog: &Catalog) -> Self {
        let target = |target: &crate::catalog::Target| {
            [
                Arc::clone(&catalog.provider(target.provider).name),
                Arc::clone(&catalog.model(target.model).name),
                Arc::clone(&target.provider_model),
            ]
        };
        Self {
            generation: catalog.generation,
            targets: catalog.targets.iter().map(target).collect(),
            models: catalog
                .models
                .iter()
                .map(|model| Arc::clone(&model.name))
                .collect(),
            clients: match &catalog.clients {
                Clients::Anyone => Vec::new(),
                Clients::Named(clients) => clients.iter().map(|client| Arc::clone(&client.name)).collect(),
            },
            providers: catalog
                .providers
                .iter()
                .map(|provider| Arc::clone(&provider.name))
                .collect(),
        }
    }
}

/// The last failure of a target, for people to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastFailure {
    /// Its class.
    pub class: Class,
    /// The provider's status, when there was an answer.
    pub status: Option<u16>,
    /// How exactly it failed, in a word.
    pub detail: Option<&'static str>,
    /// When.
    pub at: SystemTime,
}

/// A row of cells that are filled when they are first needed.
pub(super) struct Slots<M, const N: usize>(OnceLock<Box<[OnceLock<M>; N]>>);

impl<M, const N: usize> Slots<M, N> {
    pub(super) fn at(&self, index: usize, make: impl FnOnce() -> M) -> &M {
        self.0.get_or_init(|| Box::new([const { OnceLock::new() }; N]))[index].get_or_init(make)
    }
}

impl<M, const N: usize> Default for Slots<M, N> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

/// The counters of one target.
pub(super) struct TargetHandles {
    /// Provider, model, provider's model.
    pub(super) values: Values<3>,
    pub(super) answered: OnceLock<IntCounter>,
    pub(super) failed: Slots<IntCounter, { Class::ALL.len() }>,
    pub(super) failovers: Slots<IntCounter, { Class::ALL.len() }>,
    pub(super) tokens: Slots<IntCounter, 5>,
    pub(super) duration: OnceLock<Histogram>,
    pub(super) first_token: OnceLock<Histogram>,
    pub(super) token_rate: OnceLock<Histogram>,
    pub(super) cost: OnceLock<Counter>,
    pub(super) last_failure: Mutex<Option<LastFailure>>,
}

impl TargetHandles {
    fn new(values: &Values<3>) -> Self {
        Self {
            values: values.clone(),
            answered: OnceLock::new(),
            failed: Slots::default(),
            failovers: Slots::default(),
            tokens: Slots::default(),
            duration: OnceLock::new(),
            first_token: OnceLock::new(),
            token_rate: OnceLock::new(),
            cost: OnceLock::new(),
            last_failure: Mutex::new(None),
        }
    }
}

/// The counters of one model.
pub(super) struct ModelHandles {
    pub(super) name: Arc<str>,
    pub(super) requests: Slots<IntCounter, { RequestOutcome::ALL.len() }>,
    pub(super) duration: OnceLock<Histogram>,
}

impl ModelHandles {
    pub(super) fn new(name: &Arc<str>) -> Self {
        Self {
            name: Arc::clone(name),
            requests: Slots::default(),
            duration: OnceLock::new(),
        }
    }
}

/// The counters of one client.
pub(super) struct ClientHandles {
    pub(super) name: Arc<str>,
    pub(super) requests: Slots<IntCounter, { RequestOutcome::ALL.len() }>,
}

impl ClientHandles {
    fn new(name: &Arc<str>) -> Self {
        Self {
            name: Arc::clone(name),
            requests: Slots::default(),
        }
    }
}

/// All rows of one generation.
#[derive(Default)]
pub(super) struct Table {
    generation: Option<Generation>,
    targets: Vec<Arc<TargetHandles>>,
    models: Vec<Arc<ModelHandles>>,
    clients: Vec<Arc<ClientHandles>>,
    by_target: HashMap<Values<3>, Arc<TargetHandles>>,
    by_model: HashMap<Arc<str>, Arc<ModelHandles>>,
    by_client: HashMap<Arc<str>, Arc<ClientHandles>>,
    providers: HashSet<Arc<str>>,
}

impl Table {
    /// The table of a new catalog; rows that both have are taken over from `self`.
    pub(super) fn next(&self, labels: &Labels) -> Self {
        let providers = labels.providers.iter().cloned().collect();
        let mut next = Self {
            generation: Some(labels.generation),
            providers,
            ..Self::default()
        };
        for values in &labels.targets {
            let kept = self.by_target.get(values).cloned();
            let row = next
                .by_target
                .entry(values.clone())
                .or_insert_with(|| kept.unwrap_or_else(|| Arc::new(TargetHandles::new(values))));
            next.targets.push(Arc::clone(row));
        }
        for name in &labels.models {
            let kept = self.by_model.get(name).cloned();
            let row = kept.unwrap_or_else(|| Arc::new(ModelHandles::new(name)));
            next.by_model.insert(Arc::clone(name), Arc::clone(&row));
            next.models.push(row);
        }
        for name in &labels.clients {
            let kept = self.by_client.get(name).cloned();
            let row = kept.unwrap_or_else(|| Arc::new(ClientHandles::new(name)));
            next.by_client.insert(Arc::clone(name), Arc::clone(&row));
            next.clients.push(row);
        }
        next
    }

    fn is(&self, generation: Generation) -> bool {
        self.generation == Some(generation)
    }

    pub(super) fn target(
        &self,
        generation: Generation,
        ix: TargetIx,
        values: [&Arc<str>; 3],
    ) -> Option<&TargetHandles> {
        if self.is(generation) {
            return self.targets.get(ix.0).map(AsRef::as_ref);
        }
        self.by_target.get(&values.map(Arc::clone)).map(AsRef::as_ref)
    }

    pub(super) fn model(
        &self,
        generation: Generation,
        (ix, name): &(ModelIx, Arc<str>),
    ) -> Option<&ModelHandles> {
        let row = if self.is(generation) {
            self.models.get(ix.0)
        } else {
            self.by_model.get(name)
        };
        row.map(AsRef::as_ref)
    }

    pub(super) fn client(
        &self,
        generation: Generation,
        (ix, name): &(ClientIx, Arc<str>),
    ) -> Option<&ClientHandles> {
        let row = if self.is(generation) {
            self.clients.get(ix.0)
        } else {
            self.by_client.get(name)
        };
        row.map(AsRef::as_ref)
    }

    pub(super) fn has_provider(&self, name: &str) -> bool {
        self.providers.contains(name)
    }

    /// The row of a target of the present generation.
    pub(super) fn present_target(&self, ix: TargetIx) -> Option<&TargetHandles> {
        self.targets.get(ix.0).map(AsRef::as_ref)
    }
}
