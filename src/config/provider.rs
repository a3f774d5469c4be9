//! Providers: the accounts that can be called.
//!
//! Invariant: a provider can be called as it stands; what its kind needs is there.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::auth::Auth;
use super::kind::Kind;
use super::name::{ModelName, ProviderName};
use super::policy::Breaker;

/// An account that can be called. A backup is a provider like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name, and its Envoy cluster's.
    pub name: ProviderName,
    /// What it is: the language it speaks, and whose.
    pub kind: Kind,
    /// Where it is.
    pub endpoint: Endpoint,
    /// Whose credential is sent.
    pub auth: Auth,
    /// What it calls the model, for targets that do not say.
    pub deployment: Option<ModelName>,
    /// Azure: the `api-version` of every request. `None` for the others, and for Azure's newer API, whose
    /// endpoint's path ends in `/openai/v1`.
    pub api_version: Option<String>,
    /// Headers added to every request; their values are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How its certificate is checked; nothing of it matters on `http`.
    pub tls: TlsSettings,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// The active health check.
    pub health_check: Option<HealthCheck>,
    /// The rules of its endpoint's and its credential's circuits.
    pub breaker: Breaker,
    /// The provider it is a backup of.
    pub backup_of: Option<BackupOf>,
}

/// Where a provider is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `https`, or `http`.
    pub scheme: Scheme,
    /// A lower-case DNS name, or an IP address without brackets.
    pub host: String,
    /// The port, also when the file left it out.
    pub port: u16,
    /// What comes before every path: empty, or `/v1`: with a slash in front and none at the end.
    pub base_path: String,
}

impl Endpoint {
    /// What the `Host` header says: the host, and the port when it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The host is this machine.
    pub fn is_loopback(&self) -> bool {
        super::server::is_loopback_host(&self.host)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            self.scheme.as_str(),
            self.authority(),
            self.base_path
        )
    }
}

/// How an endpoint is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// TLS.
    Https,
    /// Plain text.
    Http,
}

impl Scheme {
    /// `https` or `http`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// 443 or 80.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// How a provider's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// A file of authorities, as Envoy sees it; `None` is the system's.
    pub ca: Option<PathBuf>,
    /// The name to ask for and to find; `None` is the endpoint's host.
    pub sni: Option<String>,
}

/// An active health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What to GET on the endpoint's host, with a slash in front.
    pub path: String,
    /// How often.
    pub interval: Duration,
    /// How long an answer may take; never longer than `interval`.
    pub timeout: Duration,
    /// So many failures in a row bench the provider.
    pub unhealthy: u32,
    /// So many successes in a row bring it back.
    pub healthy: u32,
}

/// The provider that a backup follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupOf {
    /// Its name.
    pub primary: ProviderName,
    /// 1 for the first backup.
    pub rank: u32,
}
