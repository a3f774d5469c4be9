//! What telemetry may be told: facts in the past tense, as plain data.
//!
//! An event carries everything that its log line, its metrics and its part of the access line need, so that the sink
//! never asks anybody anything. It holds no secret, and nothing in it decides anything.

mod request;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::breaker::{Cause, Scope, StateWord};
use crate::catalog::{Generation, ModelIx, TargetIx};
use crate::dialect::Dialect;
use crate::outcome::Class;

pub use request::{RequestEnded, RequestOutcome, TimeAdded};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// One try at one target came to an end.
    AttemptEnded(AttemptEnded),
    /// A client got its last byte, or went away.
    RequestEnded(Box<RequestEnded>),
    /// Every target of a model was benched when a request for it came.
    AllOpen(AllOpen),
    /// A circuit changed its state.
    CircuitChanged(CircuitChanged),
    /// An operator reset circuits by hand.
    CircuitsReset {
        /// The provider whose circuits were reset.
        provider: Arc<str>,
        /// What the provider calls the model, when only that one was meant.
        model: Option<Arc<str>>,
        /// How many were not closed before.
        count: usize,
    },
    /// An active check of a provider came back.
    HealthChecked(HealthChecked),
    /// An access token was asked for.
    TokenAsked(TokenAsked),
    /// An operator took a provider out of service.
    ProviderDrained {
        /// Which one.
        provider: Arc<str>,
    },
    /// An operator put a provider back into service.
    ProviderResumed {
        /// Which one.
        provider: Arc<str>,
    },
    /// A configuration was accepted and serves new requests.
    CatalogApplied {
        /// Its number.
        generation: Generation,
        /// How many providers it has, backups included.
        providers: usize,
        /// How many models it has.
        models: usize,
    },
    /// A configuration was refused; the one before stays in force.
    CatalogRejected {
        /// Every mistake, as the operator is to read it.
        reason: String,
    },
    /// An Envoy opened its configuration stream.
    EnvoyConnected {
        /// The node's id.
        node: Arc<str>,
        /// The version of Envoy it says it is.
        version: Arc<str>,
    },
    /// An Envoy is too old to be given any configuration.
    EnvoyTurnedAway {
        /// The node's id.
        node: Arc<str>,
        /// The version of Envoy it says it is.
        version: Arc<str>,
    },
    /// An Envoy took over a version of one type of resource.
    EnvoyAcked {
        /// The node's id.
        node: Arc<str>,
        /// The type in a word: `clusters`, `listeners`, `routes`.
        kind: &'static str,
        /// The version.
        version: Arc<str>,
    },
    /// An Envoy refused a version of one type of resource, and keeps the one before.
    EnvoyNacked {
        /// The node's id.
        node: Arc<str>,
        /// The type in a word.
        kind: &'static str,
        /// The version that was refused.
        version: Arc<str>,
        /// Envoy's reason.
        message: String,
    },
    /// An Envoy's configuration stream ended.
    EnvoyDisconnected {
        /// The node's id.
        node: Arc<str>,
    },
    /// A socket of ours takes connections.
    ListenerBound {
        /// What it is for: `grpc`, `admin`, ...
        purpose: &'static str,
        /// The address or path.
        address: String,
    },
    /// The program was told to stop and lets requests finish.
    ShutdownBegan {
        /// Requests that are still being served.
        in_flight: u64,
    },
}

/// One try at one target, as shown to people: in the access line and in the list of an error's attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The target, in the catalog of the request's generation.
    pub target: TargetIx,
    /// The provider's name.
    pub provider: Arc<str>,
    /// The language the provider speaks.
    pub dialect: Dialect,
    /// What the provider calls the model.
    pub provider_model: Arc<str>,
    /// 1 for the first attempt of a request.
    pub number: u32,
    /// The class of failure; `None` for an attempt that answered.
    pub class: Option<Class>,
    /// The provider's status, when there was an answer.
    pub status: Option<u16>,
    /// From the start of the attempt to its end.
    pub duration: Duration,
    /// From the start of the attempt to the first meaningful event of a stream.
    pub first_token: Option<Duration>,
    /// How exactly it failed, in a word: `refused`, `tls`, `dns`, ...
    pub detail: Option<&'static str>,
}

impl AttemptRecord {
    /// The label of an attempt that answered.
    pub const OK: &'static str = "ok";

    /// The class of failure, or `ok`.
    pub fn label(&self) -> &'static str {
        self.class.map_or(Self::OK, Class::as_str)
    }
}

/// One try at one target came to an end.
#[derive(Debug, Clone)]
pub struct AttemptEnded {
    /// The request's minted id.
    pub request: Arc<str>,
    /// The catalog that the request began with.
    pub generation: Generation,
    /// The model's canonical name.
    pub model: Arc<str>,
    /// What happened.
    pub record: AttemptRecord,
    /// Whether another attempt follows.
    pub failed_over: bool,
    /// When it ended.
    pub at: SystemTime,
}

/// Every target of a model was benched when a request for it came.
#[derive(Debug, Clone)]
pub struct AllOpen {
    /// The catalog that the request began with.
    pub generation: Generation,
    /// The model.
    pub model: (ModelIx, Arc<str>),
    /// True: the target that returns soonest was tried all the same. False: the request failed at once.
    pub forced: bool,
}

/// A circuit changed its state.
#[derive(Debug, Clone)]
pub struct CircuitChanged {
    /// What it covers.
    pub scope: Scope,
    /// The provider.
    pub provider: Arc<str>,
    /// What the provider calls the model, when the circuit is a target's.
    pub provider_model: Option<Arc<str>>,
    /// The state before.
    pub from: StateWord,
    /// The state now.
    pub to: StateWord,
    /// Why it opened.
    pub cause: Option<Cause>,
    /// How long it stays open, from now.
    pub open_for: Option<Duration>,
}

/// An active check of a provider came back.
#[derive(Debug, Clone)]
pub struct HealthChecked {
    /// The provider.
    pub provider: Arc<str>,
    /// Whether it counts as healthy.
    pub ok: bool,
    /// The status, when there was an answer.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: Duration,
    /// How it failed, in a word.
    pub detail: Option<&'static str>,
}

/// An access token was asked for, at whoever gives them out for a provider.
#[derive(Debug, Clone)]
pub struct TokenAsked {
    /// The providers that sign in with it.
    pub providers: Vec<Arc<str>>,
    /// Why none came, without anything secret; `None` when one did.
    pub failure: Option<String>,
    /// How long the token is good that is there now.
    pub good_for: Option<Duration>,
    /// It came out otherwise than the time before, or the last good token is gone.
    pub is_news: bool,
}
