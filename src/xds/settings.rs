//! What Envoy's configuration needs to know beside the catalog.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use understudy_proto::names;

/// Where Debian, Ubuntu, Alpine and Envoy's own images keep the system's CA bundle.
pub const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What Envoy's configuration needs to know beside the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvoySettings {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Largest request body, in bytes. Envoy holds a body until it is complete, so this bounds memory too.
    pub max_body: u64,
    /// The cluster of the bootstrap that leads to Understudy.
    pub understudy: Arc<str>,
    /// The CA bundle of providers that name none, as a path on Envoy's machine.
    pub system_ca: PathBuf,
}

impl EnvoySettings {
    /// Settings that fit the shipped bootstrap.
    pub fn new(listen: SocketAddr, max_body: u64) -> Self {
        Self {
            listen,
            max_body,
            understudy: names::CLUSTER_UNDERSTUDY.into(),
            system_ca: SYSTEM_CA.into(),
        }
    }
}
