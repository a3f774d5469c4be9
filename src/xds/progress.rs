//! How far each connected Envoy is, as a value.

use std::time::SystemTime;

use super::node::EnvoyNode;
use super::resource::{ResourceType, Version};
use super::snapshot::SnapshotVersion;

/// How far each connected Envoy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being told.
    pub published: SnapshotVersion,
    /// The connected Envoys, oldest connection first.
    pub nodes: Vec<NodeProgress>,
    /// Envoys that were turned away because they are too old, each once; the last few.
    pub refused: Vec<EnvoyNode>,
}

/// How far one Envoy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeProgress {
    /// Which it is; two may have the same name.
    pub node: EnvoyNode,
    /// Since when this connection stands.
    pub connected_since: SystemTime,
    pub(super) stream: StreamId,
    kinds: [KindProgress; 3],
}

/// How far one Envoy is with one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindProgress {
    /// The content it runs with, as far as this connection knows.
    pub acked: Option<Version>,
    /// The content it refused last, and why; gone once it took something.
    pub refused: Option<(Version, String)>,
}

/// Tells connections apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StreamId(pub(super) u64);

/// How publishing a snapshot ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Every connected Envoy runs with it.
    Acked,
    /// An Envoy refused it and keeps what it had.
    Rejected {
        /// Which one.
        node: EnvoyNode,
        /// What it refused.
        kind: ResourceType,
        /// Its words.
        message: String,
    },
    /// None is connected; whichever connects will be told.
    NoEnvoy,
    /// Some have not answered yet.
    TimedOut {
        /// Which ones.
        waiting_for: Vec<EnvoyNode>,
    },
}

impl Progress {
    /// True when at least one Envoy is connected and all run with what is published.
    pub fn is_settled(&self) -> bool {
        self.verdict(&self.published) == Some(Settled::Acked)
    }

    /// How publishing that version ended, once it has.
    pub(super) fn verdict(&self, version: &SnapshotVersion) -> Option<Settled> {
        if let Some(rejected) = self.nodes.iter().find_map(|node| node.refusal_of(version)) {
            return Some(rejected);
        }
        if self.nodes.is_empty() {
            return Some(Settled::NoEnvoy);
        }
        self.nodes
            .iter()
            .all(|node| node.runs(version))
            .then_some(Settled::Acked)
    }

    /// The Envoys that have not taken that version.
    pub(super) fn behind(&self, version: &SnapshotVersion) -> Vec<EnvoyNode> {
        self.nodes
            .iter()
            .filter(|node| !node.runs(version))
            .map(|node| node.node.clone())
            .collect()
    }
}

impl NodeProgress {
    pub(super) fn new(stream: StreamId, node: EnvoyNode, now: SystemTime) -> Self {
        Self {
            node,
            connected_since: now,
            stream,
            kinds: Default::default(),
        }
    }

    /// How far it is with one kind.
    pub fn of(&self, kind: ResourceType) -> &KindProgress {
        &self.kinds[kind as usize]
    }

    pub(super) fn of_mut(&mut self, kind: ResourceType) -> &mut KindProgress {
        &mut self.kinds[kind as usize]
    }

    /// True when it has taken all of that version.
    pub fn runs(&self, version: &SnapshotVersion) -> bool {
        ResourceType::ALL
            .into_iter()
            .all(|kind| self.of(kind).acked.as_ref() == Some(version.of(kind)))
    }

    fn refusal_of(&self, version: &SnapshotVersion) -> Option<Settled> {
        ResourceType::ALL.into_iter().find_map(|kind| {
            let (refused, message) = self.of(kind).refused.as_ref()?;
            (refused == version.of(kind)).then(|| Settled::Rejected {
                node: self.node.clone(),
                kind,
                message: message.clone(),
            })
        })
    }
}
