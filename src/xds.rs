//! Envoy's configuration: what it is told, as a pure function of the catalog, and the server that tells it.
//!
//! ```text
//! catalog -> snapshot (clusters, listeners, routes) -> state -> server -> Envoy
//!                                                        ^-------- ACK, NACK
//! ```
//!
//! The invariant: a version is its content. The same catalog yields the same versions in every process, so a
//! reconnecting Envoy or a restarted Understudy changes nothing. Health is unknown here: a benched provider keeps
//! its cluster. The external processing stages are known only by the words of [`understudy_proto::names`].
//!
//! To take over a new catalog without a gap: publish the [union](Snapshot::union) of the old snapshot and the new,
//! wait with [`settle`](XdsState::settle), plan with the new catalog, and publish the new snapshot alone once the
//! requests of the old one are over. If an Envoy refuses, publish the old snapshot again.

mod access_log;
mod bootstrap;
mod cluster;
mod conversation;
mod filter;
mod listener;
mod local_reply;
mod message;
mod node;
mod progress;
mod resource;
mod route;
mod server;
mod settings;
mod snapshot;
mod state;
mod static_bootstrap;
#[cfg(test)]
mod tests;

pub use bootstrap::{BootstrapSettings, GrpcAddress, bootstrap_yaml};
pub use node::{EnvoyNode, EnvoyVersion};
pub use progress::{KindProgress, NodeProgress, Progress, Settled};
pub use resource::{ResourceSet, ResourceType, Version};
pub use server::{AdsServer, XdsService, service};
pub use settings::{EnvoySettings, SYSTEM_CA};
pub use snapshot::{Snapshot, SnapshotVersion};
pub use state::{Unobserved, XdsObserver, XdsState};
pub use static_bootstrap::static_bootstrap;
