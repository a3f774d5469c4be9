//! A provider as the request path and the Envoy configuration need it: where it is, what it speaks, how we sign in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::config::Secret;
use crate::dialect::Dialect;

/// Position of a provider in [`Catalog::providers`](super::Catalog::providers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderIx(pub usize);

/// An account we can call; also an Envoy cluster of the same name.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name: the Envoy cluster, the stat prefix and the value of `x-understudy-provider`.
    pub name: Arc<str>,
    /// The language it speaks.
    pub dialect: Dialect,
    /// Where it is.
    pub endpoint: Endpoint,
    /// How we sign in.
    pub credential: Credential,
    /// Headers that every request to it carries.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Optional active checks of the endpoint.
    pub health_check: Option<HealthCheck>,
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
    pub authority: Arc<str>,
    /// Name sent in SNI and checked against the certificate.
    pub sni: String,
    /// CA bundle, when it is not the system's.
    pub ca: Option<PathBuf>,
}

/// How we sign in at a provider.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Our key, in the header that the dialect wants.
    Ours {
        /// `authorization` or `api-key`.
        header: HeaderName,
        /// The whole header value, scheme included.
        value: Secret,
        /// What circuits know the key by; changes when the key does.
        fingerprint: Arc<str>,
    },
    /// The caller's own credential is sent on, in the header that the dialect wants.
    Passthrough,
    /// None is needed.
    Open,
}

/// Active checks of one endpoint, run through Envoy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is fetched.
    pub path: Arc<str>,
    /// How often.
    pub interval: Duration,
    /// Longest wait for the answer.
    pub timeout: Duration,
    /// Failures in a row that bench the endpoint.
    pub unhealthy: u32,
    /// Successes in a row that bring it back.
    pub healthy: u32,
}
