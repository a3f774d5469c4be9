//! What a simulated provider is to be like, and why it may fail to start.
//!
//! Invariant: nothing here prints a key; [`ApiKey`] and [`SimTls`] mask themselves.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::dialect::Dialect;
use super::manner::Manner;
use super::rule::FaultRule;
use super::sign_in::SignIn;

/// Everything that a [`Sim`](super::Sim) is told before it starts.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Who answers: part of every answer. Letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Where to listen; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// The only dialect that is spoken; without one, each is spoken on its own paths.
    pub dialect: Option<Dialect>,
    /// The models (on Azure's paths: deployments) that exist; when empty, every name does.
    pub models: Vec<String>,
    /// The key that callers must send; without one, nobody is asked.
    pub api_key: Option<ApiKey>,
    /// Who else may sign in, and how.
    pub sign_in: SignIn,
    /// How fast and how long the answers are.
    pub pace: Pace,
    /// How else they are made.
    pub manner: Manner,
    /// The faults that are on from the start, tried in this order.
    pub faults: Vec<FaultRule>,
    /// Speak TLS with this certificate.
    pub tls: Option<SimTls>,
    /// Offer no HTTP/2.
    pub http1_only: bool,
    /// How many of the last requests are kept to be looked at; 0 keeps none and is the fastest.
    pub keep_requests: usize,
    /// Makes the draws of fault rates repeatable.
    pub seed: Option<u64>,
}

impl SimConfig {
    /// A fast and faultless provider of this name, on a free port of the loopback address.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dialect: None,
            models: Vec::new(),
            api_key: None,
            sign_in: SignIn::default(),
            pace: Pace::default(),
            manner: Manner::default(),
            faults: Vec::new(),
            tls: None,
            http1_only: false,
            keep_requests: 100,
            seed: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), SimError> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.bytes().all(is_legal) {
            return Err(SimError::Name(self.name.clone()));
        }
        Ok(())
    }
}

/// How fast and how long the answers are. It can be changed while the provider runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Before the status and headers of every answer, errors included.
    pub latency: Duration,
    /// In a stream: between the headers and the first event.
    pub first_token: Duration,
    /// In a stream: between two events with content.
    pub inter_token: Duration,
    /// Into how many tokens an answer is cut: the events with content of a stream.
    pub tokens: u32,
    /// The least size of an answer's content in bytes; it is filled up with dots, an embedding with numbers.
    pub answer_bytes: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            first_token: Duration::ZERO,
            inter_token: Duration::ZERO,
            tokens: 10,
            answer_bytes: 0,
        }
    }
}

/// A key that callers must send. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    pub(super) fn opens(&self, given: &[u8]) -> bool {
        self.0.as_bytes() == given
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl From<&str> for ApiKey {
    fn from(key: &str) -> Self {
        Self(key.to_owned())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(****)")
    }
}

/// A certificate chain and its key, both as PEM text.
#[derive(Clone)]
pub struct SimTls {
    /// The chain, the provider's own certificate first.
    pub certificate_pem: String,
    /// Its private key.
    pub key_pem: String,
}

impl fmt::Debug for SimTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimTls")
            .field("certificate_pem", &self.certificate_pem.len())
            .finish_non_exhaustive()
    }
}

/// Why a simulated provider did not start.
#[derive(Debug)]
pub enum SimError {
    /// The name cannot stand in a header.
    Name(String),
    /// The address cannot be listened on.
    Bind {
        /// The address asked for.
        listen: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A file named on the command line cannot be read.
    File {
        /// Its path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    Tls(String),
    /// The public key of the service account cannot be used.
    GoogleKey(String),
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "the name `{name}` cannot be used: write 1 to 64 letters, digits, dots, underscores or hyphens"
            ),
            Self::Bind { listen, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "{listen} is taken: choose another port, or port 0 for any free one"
                )
            }
            Self::Bind { listen, .. } => write!(f, "cannot listen on {listen}"),
            Self::File { path, .. } => write!(f, "cannot read `{path}`"),
            Self::Tls(reason) => write!(f, "the certificate cannot be used: {reason}"),
            Self::GoogleKey(reason) => write!(
                f,
                "the public key of the service account cannot be used: {reason}: write an RSA key as a PEM `PUBLIC KEY`"
            ),
        }
    }
}

impl Error for SimError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::File { source, .. } => Some(source),
            Self::Name(_) | Self::Tls(_) | Self::GoogleKey(_) => None,
        }
    }
}
