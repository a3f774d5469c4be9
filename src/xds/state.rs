//! What is published, and what the connected Envoys made of it: the one place that streams and the app share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::conversation::Heard;
use super::node::{EnvoyNode, EnvoyVersion};
use super::progress::{NodeProgress, Progress, Settled, StreamId};
use super::resource::{ResourceType, Version};
use super::snapshot::{Snapshot, SnapshotVersion};

/// Told of everything that happens between Understudy and its Envoys, as it happens.
pub trait XdsObserver: Send + Sync + 'static {
    /// An Envoy connected.
    fn connected(&self, _node: &EnvoyNode) {}
    /// An Envoy took what it was told.
    fn acked(&self, _node: &EnvoyNode, _kind: ResourceType, _version: &Version) {}
    /// An Envoy refused what it was told and keeps what it had.
    fn nacked(&self, _node: &EnvoyNode, _kind: ResourceType, _version: &Version, _message: &str) {}
    /// An Envoy is too old to be told anything.
    fn refused(&self, _node: &EnvoyNode) {}
    /// An Envoy's connection ended.
    fn disconnected(&self, _node: &EnvoyNode) {}
}

/// An observer that does not care.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl XdsObserver for Unobserved {}

/// What is published, and what the connected Envoys made of it. Clones share it.
#[derive(Clone)]
pub struct XdsState(Arc<Shared>);

struct Shared {
    snapshot: watch::Sender<Arc<Snapshot>>,
    progress: watch::Sender<Progress>,
    observer: Arc<dyn XdsObserver>,
    streams: AtomicU64,
    closing: CancellationToken,
}

impl XdsState {
    /// Begins with a snapshot; every Envoy that connects is told it.
    pub fn new(snapshot: Snapshot, observer: Arc<dyn XdsObserver>) -> Self {
        let progress = Progress {
            published: snapshot.version(),
            nodes: Vec::new(),
            refused: Vec::new(),
        };
        Self(Arc::new(Shared {
            snapshot: watch::Sender::new(Arc::new(snapshot)),
            progress: watch::Sender::new(progress),
            observer,
            streams: AtomicU64::new(0),
            closing: CancellationToken::new(),
        }))
    }

    /// Tells every Envoy that snapshot from now on.
    pub fn publish(&self, snapshot: Snapshot) {
        let published = snapshot.version();
        self.0
            .progress
            .send_modify(|progress| progress.published = published);
        self.0.snapshot.send_replace(Arc::new(snapshot));
    }

    /// What is published now.
    pub fn published(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.snapshot.borrow())
    }

    /// How far each connected Envoy is, now and whenever it changes.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.0.progress.subscribe()
    }

    /// Waits until all connected Envoys took that version, or one refused it, or the time is over.
    pub async fn settle(&self, version: &SnapshotVersion, bound: Duration) -> Settled {
        let mut progress = self.watch();
        let waited = tokio::time::timeout(bound, async {
            loop {
                let verdict = progress.borrow_and_update().verdict(version);
                if let Some(verdict) = verdict {
                    return verdict;
                }
                if progress.changed().await.is_err() {
                    return Settled::NoEnvoy;
                }
            }
        });
        match waited.await {
            Ok(verdict) => verdict,
            Err(_elapsed) => Settled::TimedOut {
                waiting_for: self.0.progress.borrow().behind(version),
            },
        }
    }

    /// Ends every stream and takes no more, so that the server can stop. Envoy keeps what it has.
    pub fn close(&self) {
        self.0.closing.cancel();
    }

    pub(super) fn closing(&self) -> CancellationToken {
        self.0.closing.clone()
    }

    pub(super) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.snapshot.subscribe()
    }

    /// Turns an Envoy away that is too old; said once per Envoy, because it will ask again and again.
    pub(super) fn refuse(&self, node: &EnvoyNode, version: EnvoyVersion) -> String {
        const REMEMBERED: usize = 16;
        let needed = EnvoyVersion::OLDEST;
        let is_new = self.0.progress.send_if_modified(|progress| {
            if progress.refused.contains(node) {
                return false;
            }
            if progress.refused.len() == REMEMBERED {
                progress.refused.remove(0);
            }
            progress.refused.push(node.clone());
            true
        });
        if is_new {
            self.0.observer.refused(node);
        }
        format!("Understudy needs Envoy {needed} or newer, this is {version}: upgrade this Envoy")
    }

    /// Takes an Envoy in; it is listed until the seat is dropped.
    pub(super) fn seat(&self, node: EnvoyNode) -> Seat {
        let stream = StreamId(self.0.streams.fetch_add(1, Ordering::Relaxed));
        let entry = NodeProgress::new(stream, node.clone(), SystemTime::now());
        self.0.progress.send_modify(|progress| progress.nodes.push(entry));
        self.0.observer.connected(&node);
        Seat {
            state: self.clone(),
            stream,
            node,
        }
    }
}

impl std::fmt::Debug for XdsState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XdsState")
            .field("progress", &*self.0.progress.borrow())
            .finish_non_exhaustive()
    }
}

/// A connected Envoy's place in the list.
pub(super) struct Seat {
    state: XdsState,
    stream: StreamId,
    node: EnvoyNode,
}

impl Seat {
    /// Notes what the Envoy said.
    pub(super) fn note(&self, heard: Heard) {
        let node = &self.node;
        let observer = &self.state.0.observer;
        match heard {
            Heard::Subscribed(_) | Heard::Nothing => {}
            Heard::Acked(kind, version) => {
                observer.acked(node, kind, &version);
                self.update(|progress| {
                    let progress = progress.of_mut(kind);
                    progress.acked = Some(version);
                    progress.refused = None;
                });
            }
            Heard::Rejected(kind, version, message) => {
                observer.nacked(node, kind, &version, &message);
                self.update(|progress| progress.of_mut(kind).refused = Some((version, message)));
            }
        }
    }

    fn update(&self, change: impl FnOnce(&mut NodeProgress)) {
        self.state.0.progress.send_modify(|progress| {
            if let Some(entry) = progress
                .nodes
                .iter_mut()
                .find(|entry| entry.stream == self.stream)
            {
                change(entry);
            }
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.state.0.progress.send_modify(|progress| {
            progress.nodes.retain(|entry| entry.stream != self.stream);
        });
        self.state.0.observer.disconnected(&self.node);
    }
}
