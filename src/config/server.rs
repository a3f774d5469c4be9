//! Where everything listens, and who may call.
//!
//! Invariant: an admin server that is not on loopback has a token; a [`HostPort`] can be connected to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::mistake::Invalid;
use super::name::{ClientName, ModelName};
use super::secret::Secret;

/// The admin server: page, JSON API, metrics, health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminBind {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What callers must show; always there when `addr` is not loopback.
    pub token: Option<Secret>,
}

/// Where Envoy reaches Understudy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcBind {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP address; a host name is resolved when it is bound.
    Tcp(HostPort),
}

impl fmt::Display for GrpcBind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// What Understudy knows about Envoy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvoySettings {
    /// Envoy's own admin interface.
    pub admin: SocketAddr,
    /// The largest request body in bytes.
    pub max_body: u64,
    /// How Understudy itself reaches Envoy's listener.
    pub listener: HostPort,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The form of a line; `None` leaves it to the program: text on a terminal, else JSON.
    pub format: Option<LogFormat>,
    /// The least important line that is still written.
    pub level: LogLevel,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The importance of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something needs an operator.
    Warn,
    /// Something changed that an operator acts on.
    Info,
    /// Each request's decisions.
    Debug,
    /// Each message.
    Trace,
}

impl LogLevel {
    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Who may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Whoever reaches the port.
    Anyone,
    /// These, each with a key of its own.
    Named(Vec<Client>),
}

/// Someone who may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The name in logs and metrics.
    pub name: ClientName,
    /// What it must show.
    pub key: ClientKey,
    /// The models it may name, by their own names (never aliases); `None` is all.
    pub models: Option<Vec<ModelName>>,
}

/// What a client must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKey {
    /// The key itself.
    Plain(Secret),
    /// The SHA-256 of the key.
    Sha256(KeyHash),
}

/// The SHA-256 of a client's key; not shown, since a weak key could be guessed from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// Takes 64 hexadecimal digits.
    pub fn try_new(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::new("is not a SHA-256 in 64 hexadecimal digits")
                .hint("make it with `printf %s \"$KEY\" | sha256sum`")
        };
        let digits: Option<Vec<u8>> = text
            .trim()
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or_else(invalid)?;
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(hash))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<key hash>")
    }
}

/// A host and a port to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A lower-case DNS name, or an IP address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl HostPort {
    /// Takes `host:port`, `1.2.3.4:port` or `[::1]:port`.
    pub fn try_new(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new("is not a host with a port").hint("write for example `envoy:10000`");
        let (host, port) = text.trim().rsplit_once(':').ok_or_else(invalid)?;
        let is_digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_digits).ok_or_else(invalid)?;
        let host = host_name(host).ok_or_else(invalid)?;
        Ok(Self { host, port })
    }

    /// The host is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.host)
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A DNS name in lower case, or an IP address without the brackets of version 6.
pub(super) fn host_name(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner
            .parse::<std::net::Ipv6Addr>()
            .ok()
            .map(|address| address.to_string());
    }
    let is_name = !text.is_empty()
        && text.len() <= 253
        && text
            .split('.')
            .all(|label| !label.is_empty() && label.len() <= 63)
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    is_name.then(|| text.to_ascii_lowercase())
}

/// The host is this machine.
pub(super) fn is_loopback_host(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
