//! The operator's side: a page, a JSON API, metrics and probes over HTTP, and what protects them.
//!
//! It shows what an [`AdminSource`] tells and passes on what an operator asks for; it decides nothing and keeps
//! nothing. Its reports have no place for a secret. It never knows gRPC, and whoever answers it never knows HTTP.

mod auth;
mod page;
pub mod report;
mod routes;
mod server;

pub use auth::{Guard, TokenRequired};
pub use report::{ModelReport, Readiness, Status};
pub use server::{AdminServer, BindError};

use std::fmt;

/// Who answers an operator. Calls come from a thread where they may take some milliseconds.
pub trait AdminSource: Send + Sync + 'static {
    /// Everything at a glance.
    fn status(&self) -> Status;

    /// Where a request for this model (canonical name or alias) would go now, and why not elsewhere.
    fn model(&self, name: &str) -> Result<ModelReport, UnknownName>;

    /// Whether requests can be served as configured.
    fn readiness(&self) -> Readiness;

    /// Takes a provider out of service: no new attempt goes there.
    fn drain(&self, provider: &str) -> Result<(), UnknownName>;

    /// Puts a drained provider back into service.
    fn resume(&self, provider: &str) -> Result<(), UnknownName>;

    /// Closes the circuits of a provider, or of one target when `model` (ours or the provider's) is given.
    /// Answers how many were not closed.
    fn reset(&self, provider: &str, model: Option<&str>) -> Result<usize, UnknownName>;

    /// The text of all metrics.
    fn metrics(&self) -> String;
}

/// A name that the catalog does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// What it should have named.
    pub what: Named,
    /// The name as it was given.
    pub given: String,
    /// The names there are.
    pub known: Vec<String>,
}

/// What a name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// What a client names.
    Model,
    /// An account we can call.
    Provider,
}

impl Named {
    fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Provider => "provider",
        }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what.word();
        write!(
            f,
            "no {what} is called `{}`; the {what}s are: {}",
            self.given,
            self.known.join(", ")
        )
    }
}

impl std::error::Error for UnknownName {}

#[cfg(test)]
mod tests;
