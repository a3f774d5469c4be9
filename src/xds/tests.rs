//! Purity of snapshots, the protocol without and with gRPC, and the real Envoy.

mod conversation;
mod data_plane;
mod envoy;
mod fakes;
mod fixtures;
mod process;
mod server;
mod snapshot;
mod stages;
