//! Models: what clients name, and the targets that serve it.
//!
//! Invariant: every target's provider exists, and no two targets of a model are the same. Backups stand here
//! as targets of their own, right after their primary.

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

/// What a target can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a target, not a state"
)]
pub struct Supports {
    /// Calls of tools and functions.
    pub tools: bool,
    /// Images in messages.
    pub vision: bool,
    /// Answers by a JSON schema.
    pub json_schema: bool,
    /// Usage at the end of a stream, when asked for by `stream_options`.
    pub stream_usage: bool,
    /// Streamed answers.
    pub streaming: bool,
}

impl Default for Supports {
    fn default() -> Self {
        Self {
            tools: true,
            vision: true,
            json_schema: true,
            stream_usage: true,
            streaming: true,
        }
    }
}
