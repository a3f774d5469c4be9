//! A provider as the request path and the Envoy configuration need it: where it is, what it speaks, how we sign in.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::credential::{Credential, HeaderSecret};
use crate::config::{Breaker, Kind};
use crate::dialect::Dialect;

/// Position of a provider in [`Catalog::providers`](super::Catalog::providers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderIx(pub usize);

/// An account we can call; also an Envoy cluster of the same name.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name: the Envoy cluster, the stat prefix and the value of `x-understudy-provider`.
    pub name: Arc<str>,
    /// What the file calls it.
    pub kind: Kind,
    /// The language it speaks; a target's may be another.
    pub dialect: Dialect,
    /// Where it is.
    pub endpoint: Endpoint,
    /// How we sign in.
    pub credential: Credential,
    /// Headers that every request to it carries.
    pub headers: Vec<(Bytes, HeaderSecret)>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Optional active checks of the endpoint.
    pub health_check: Option<HealthCheck>,
    /// The path that lists its models.
    pub models_path: Bytes,
    /// The rules of its endpoint's and its credential's circuits.
    pub breaker: Breaker,
}

/// Where a provider is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// TLS or plain text.
    pub tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Port, always said.
    pub port: u16,
    /// The `:authority` that its requests carry: the host, with the port when it is not the scheme's own.
    pub authority: Bytes,
    /// Name sent in SNI and checked against the certificate.
    pub sni: String,
    /// CA bundle, when it is not the system's.
    pub ca: Option<PathBuf>,
}

impl Endpoint {
    /// Whether its address has to be looked up, and may be missing.
    pub fn is_known_by_name(&self) -> bool {
        self.host.parse::<IpAddr>().is_err()
    }
}

/// Active checks of one endpoint, run through Envoy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is fetched.
    pub path: Bytes,
    /// How often.
    pub interval: Duration,
    /// Longest wait for the answer.
    pub timeout: Duration,
    /// Failures in a row that bench the endpoint.
    pub unhealthy: u32,
    /// Successes in a row that bring it back.
    pub healthy: u32,
}
