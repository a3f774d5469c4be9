//! Models: what clients name, and the targets that serve it.
//!
//! Invariant: every target's provider exists, and no two targets of a model are the same. Backups stand here
//! as targets of their own, right after their primary.

use schemars::JsonSchema;
use serde::Deserialize;

use super::name::{ModelName, ProviderName};
use super::policy::{Breaker, FailoverPolicy, Order, WhenAllOpen};

/// A model that clients can name.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its own name.
    pub name: ModelName,
    /// Other names for it.
    pub aliases: Vec<ModelName>,
    /// Who can serve it, in the order of the file; never empty.
    pub targets: Vec<Target>,
    /// What is tried after a failure.
    pub failover: FailoverPolicy,
    /// Which target of a priority comes first.
    pub order: Order,
    /// What happens when every target is benched.
    pub when_all_open: WhenAllOpen,
}

/// A provider, and what it calls the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The provider.
    pub provider: ProviderName,
    /// What the provider calls the model.
    pub model: ModelName,
    /// Its share among the targets of the same priority; at least 1.
    pub weight: u32,
    /// 0 is asked first.
    pub priority: u32,
    /// 0 for a provider that the file's target names; 1, 2 ... for the backups that follow it by themselves.
    pub backup_rank: u32,
    /// How many tokens its context holds.
    pub context_window: Option<u64>,
    /// Which field limits the length of its answers.
    pub max_tokens_field: Option<MaxTokensField>,
    /// The limit that it is sent where it must be sent one and the caller named none.
    pub default_max_tokens: Option<u64>,
    /// Fields of a request that it answers with an error, in alphabetical order.
    pub refuses: Option<Vec<String>>,
    /// How it is told to think.
    pub thinking: Option<Thinking>,
    /// What it costs.
    pub price: Option<Price>,
    /// What it can do.
    pub supports: Supports,
    /// The rules of this target's circuit.
    pub breaker: Breaker,
}

/// USD per million tokens; finite, and not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Input.
    pub input: f64,
    /// Input that the provider had cached.
    pub cached_input: f64,
    /// Output.
    pub output: f64,
}

/// What a target can do, as far as the file says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Supports {
    /// Calls of tools and functions.
    pub tools: Option<bool>,
    /// Images in messages.
    pub vision: Option<bool>,
    /// Answers by a JSON schema.
    pub json_schema: Option<bool>,
    /// Usage at the end of a stream, when asked for by `stream_options`.
    pub stream_usage: Option<bool>,
    /// Streamed answers.
    pub streaming: Option<bool>,
    /// `OpenAI`'s newer interface, `/v1/responses`.
    pub responses: Option<bool>,
}

/// The field that limits the length of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// Whichever the caller used.
    AsSent,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
    /// `max_tokens`.
    MaxTokens,
}

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// Nothing is known: an effort is sent where the language has a field for it.
    Unknown,
    /// It cannot: an effort is dropped.
    Never,
    /// By a budget of tokens (Claude up to 4.5, Gemini 2.5).
    Budget,
    /// By a budget of tokens, and never not at all (Gemini 2.5 Pro).
    BudgetAlways,
    /// If asked to, as much as it sees fit, by an effort (Claude 4.6 to 4.8).
    Adaptive,
    /// As much as it sees fit unless told not to (Claude Opus 5).
    AdaptiveByDefault,
    /// Always, by an effort (Claude Fable 5 and Mythos 5).
    Always,
    /// By a level (Gemini 3).
    Level,
}
