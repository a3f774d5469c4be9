//! The immutable set of all providers, models and targets of one generation, shaped for the request path.
//!
//! A catalog is built once per accepted configuration and never changes; a request keeps the one it began with.
//! Everything that can be prepared is prepared here (paths, headers, names), so that an attempt only copies.
//! It knows neither time nor protobuf, and nothing about the health of what it lists.

mod build;
mod credential;
mod policy;
mod provider;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

pub use build::InvalidCatalog;
pub use credential::{Credential, HeaderSecret, SigningKeys, TokenSlot, TokenSource};
pub use policy::{Policy, PolicyIx};
pub use provider::{Endpoint, HealthCheck, Provider, ProviderIx};

use crate::config::{Breaker, Order, Price, WhenAllOpen};
use crate::dialect::Dialect;
use crate::dialect::facts::Facts;
use crate::dialect::vendor::Vendor;
use crate::outcome::FailoverOn;

/// The number of a catalog; each accepted configuration gets the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Position of a target in [`Catalog::targets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetIx(pub usize);

/// Position of a model in [`Catalog::models`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelIx(pub usize);

/// Position of a client in [`Catalog::clients`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientIx(pub usize);

/// One (provider, provider's model) that an attempt can hit.
#[derive(Debug, Clone)]
pub struct Target {
    /// The account that is called.
    pub provider: ProviderIx,
    /// The model of ours that this target serves.
    pub model: ModelIx,
    /// The language it is asked in.
    pub dialect: Dialect,
    /// What the provider calls the model.
    pub provider_model: Arc<str>,
    /// What is known of that model.
    pub facts: Facts,
    /// What sets its vendor's requests apart.
    pub vendor: &'static Vendor,
    /// Share inside its priority group; at least 1.
    pub weight: u32,
    /// Lower is tried first.
    pub priority: u32,
    /// 0 for a provider that was named, n for its n-th backup; a backup is tried after everything of its group.
    pub backup_rank: u32,
    /// Tokens that fit, where that is known.
    pub context_window: Option<u64>,
    /// What this target cannot do, as far as that is known.
    pub lacks: Lacks,
    /// Prices, when the operator said so.
    pub price: Option<Price>,
    /// The rules of its circuit.
    pub breaker: Breaker,
    /// The paths of the surfaces, as the provider wants them.
    pub paths: SurfacePaths,
}

/// What a target is unable to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a target, not a state"
)]
pub struct Lacks {
    /// No tool calls.
    pub tools: bool,
    /// No tool calls in chat completions, whatever it does elsewhere.
    pub chat_tools: bool,
    /// No images.
    pub vision: bool,
    /// No streaming.
    pub streaming: bool,
    /// No JSON schema output.
    pub json_schema: bool,
    /// No more than one answer.
    pub many: bool,
    /// No usage at the end of a stream.
    pub stream_usage: bool,
}

/// The part of OpenAI's API that a request speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/completions`
    Completions,
    /// `/v1/embeddings`
    Embeddings,
    /// `/v1/messages`, which is Anthropic's.
    Messages,
    /// `/v1/responses`
    Responses,
}

impl Surface {
    /// Every surface, in the order of their indices.
    pub const ALL: [Self; 5] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Messages,
        Self::Responses,
    ];

    /// The path after the version, as callers know it.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Chat => "chat/completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
            Self::Responses => "responses",
        }
    }

    /// The name used by the OpenTelemetry `gen_ai.operation.name` attribute.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Chat | Self::Messages | Self::Responses => "chat",
            Self::Completions => "text_completion",
            Self::Embeddings => "embeddings",
        }
    }
}

/// The prepared paths of a target: for each [`Surface`] that of a complete answer, and that of a stream. A surface that
/// the target does not have has no path.
#[derive(Debug, Clone)]
pub struct SurfacePaths(pub [[Option<Bytes>; 2]; 5]);

impl SurfacePaths {
    /// The path of one surface.
    pub fn of(&self, surface: Surface, stream: bool) -> Option<&Bytes> {
        self.0[surface as usize][usize::from(stream)].as_ref()
    }
}

/// What a client names, and everything that decides how it is served.
#[derive(Debug, Clone)]
pub struct Model {
    /// The canonical name.
    pub name: Arc<str>,
    /// Other names for it.
    pub aliases: Vec<Arc<str>>,
    /// Its targets, in the order of the file (backups after their primary).
    pub targets: Vec<TargetIx>,
    /// The Envoy route that carries its retry policy.
    pub policy: PolicyIx,
    /// What moves on, and how often.
    pub failover: Failover,
    /// How a priority group is ordered.
    pub order: Order,
    /// What happens when every target is benched.
    pub when_all_open: WhenAllOpen,
}

/// A model's failover rules, in the form that planning and judging read.
#[derive(Debug, Clone)]
pub struct Failover {
    /// Retry now, spare the next request, or neither.
    pub mode: crate::config::FailoverMode,
    /// The failures that move on.
    pub on: FailoverOn,
    /// Attempts of one request in all, retries and fallbacks together.
    pub attempts: u32,
    /// Attempts of one request at one target, when there are others.
    pub attempts_per_target: u32,
    /// Time of one attempt until the response headers.
    pub per_try_timeout: std::time::Duration,
    /// Streams: time of one attempt until the first meaningful event.
    pub first_token_timeout: std::time::Duration,
    /// Streams: longest silence after that.
    pub stall_timeout: std::time::Duration,
    /// Time of the whole request.
    pub timeout: std::time::Duration,
    /// Longest wait between two attempts.
    pub backoff_max: std::time::Duration,
}

/// Who may call.
#[derive(Debug, Clone)]
pub enum Clients {
    /// Whoever reaches the listener.
    Anyone,
    /// Only these.
    Named(Vec<Client>),
}

/// One caller.
#[derive(Clone)]
pub struct Client {
    /// Its name, as shown in the access line and in metrics.
    pub name: Arc<str>,
    /// The SHA-256 of its key.
    pub key_digest: [u8; 32],
    /// The models it may name; `None` is all.
    pub models: Option<Vec<ModelIx>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The immutable set of everything a request can meet.
#[derive(Debug)]
pub struct Catalog {
    /// Its number.
    pub generation: Generation,
    /// All providers, backups included.
    pub providers: Vec<Provider>,
    /// All models.
    pub models: Vec<Model>,
    /// All targets of all models.
    pub targets: Vec<Target>,
    /// The distinct retry policies, one Envoy route each.
    pub policies: Vec<Policy>,
    /// Who may call.
    pub clients: Clients,
    /// The largest request body, in bytes.
    pub max_body: u64,
    by_name: HashMap<Arc<str>, ModelIx>,
    by_provider: HashMap<Arc<str>, ProviderIx>,
}

impl Catalog {
    /// The model of that name or alias.
    pub fn model_named(&self, name: &str) -> Option<ModelIx> {
        self.by_name.get(name).copied()
    }

    /// The provider of that name.
    pub fn provider_named(&self, name: &str) -> Option<ProviderIx> {
        self.by_provider.get(name).copied()
    }

    /// The provider at `ix`.
    pub fn provider(&self, ix: ProviderIx) -> &Provider {
        &self.providers[ix.0]
    }

    /// The model at `ix`.
    pub fn model(&self, ix: ModelIx) -> &Model {
        &self.models[ix.0]
    }

    /// The target at `ix`.
    pub fn target(&self, ix: TargetIx) -> &Target {
        &self.targets[ix.0]
    }

    /// The provider that `target` calls.
    pub fn provider_of(&self, target: TargetIx) -> &Provider {
        self.provider(self.target(target).provider)
    }

    /// The retry policy at `ix`.
    pub fn policy(&self, ix: PolicyIx) -> &Policy {
        &self.policies[ix.0]
    }
}
