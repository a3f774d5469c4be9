//! A simulated provider with faults to order, in the language of every provider there is.
//!
//! It is what `understudy sim` runs, what the demo fails over between, and what the tests stand behind Envoy. Several
//! run in one process; nothing is global. Invariant: what it counted and remembered of a request can be asked for, in
//! process by [`Sim::control`] and over HTTP under `/sim`, as soon as the caller has the answer.
//!
//! It refuses to know Understudy: no other module of ours is used here, so that it can stand in judgement over them.

pub mod args;
mod ask;
mod body;
mod book;
mod config;
mod console;
mod control;
mod dialect;
mod embedding;
mod encoding;
mod events;
mod fault;
mod inject;
mod journal;
mod keys;
mod listen;
mod manner;
mod mask;
mod mint;
mod pieces;
mod provider;
mod refusal;
mod reply;
mod route;
mod rule;
mod rule_json;
mod rule_text;
mod saying;
mod serve;
mod sign_in;
mod stats;
#[cfg(test)]
mod tests;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use config::{ApiKey, Pace, SimConfig, SimError, SimTls};
pub use control::Control;
pub use dialect::Dialect;
pub use encoding::Encoding;
pub use fault::{Fault, UnknownFault};
pub use journal::{ReceivedRequest, UnmaskedRequest};
pub use manner::{Manner, Thinking};
pub use rule::{FaultRule, Reach};
pub use rule_text::InvalidRule;
pub use sign_in::{AwsKeys, EntraClient, SignIn};
pub use stats::Counters;

use listen::Door;
use provider::Provider;

/// A running provider. Dropped, it stops.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    is_tls: bool,
    control: Control,
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Sim {
    /// Listens and serves on the runtime of the caller.
    pub async fn start(config: SimConfig) -> Result<Self, SimError> {
        config.check()?;
        let tls = config
            .tls
            .as_ref()
            .map(|tls| listen::acceptor(tls, config.http1_only))
            .transpose()?;
        let is_tls = tls.is_some();
        let listen = config.listen;
        let http1_only = config.http1_only;
        let provider = Provider::new(config)?;
        let failed = |source| SimError::Bind { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let door = Door {
            listener,
            tls,
            http1_only,
        };
        let provider = Arc::new(provider);
        let control = provider.control().clone();
        let stop = CancellationToken::new();
        let task = tokio::spawn(door.serve(provider, stop.clone()));
        Ok(Self {
            addr,
            is_tls,
            control,
            stop: stop.drop_guard(),
            task,
        })
    }

    /// Where it listens, with the port that the system chose.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where all its paths begin, as in `http://127.0.0.1:8000`: what a client of any dialect but `OpenAI`'s takes.
    pub fn origin(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// What a client of `OpenAI` takes as its base URL, as in `http://127.0.0.1:8000/v1`.
    pub fn base_url(&self) -> String {
        self.origin() + "/v1"
    }

    /// The hand on it.
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Closes all connections at once and frees the port.
    pub async fn shutdown(self) {
        let Self { stop, task, .. } = self;
        drop(stop);
        // It ends by itself; should it have panicked, its connections are gone too.
        task.await.ok();
    }
}
