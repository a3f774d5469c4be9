//! `models:` and `defaults:` as they are written.
//!
//! Invariant: whatever `defaults` can say, a model can say too.

use schemars::JsonSchema;
use serde::Deserialize;

use super::scalar::RawDuration;
use crate::config::model::{MaxTokensField, Thinking};
use crate::config::policy::{FailoverMode, Order, WhenAllOpen};

/// A model that clients can name.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawModel {
    /// Other names for it.
    pub(in crate::config) aliases: Option<Vec<String>>,
    /// Who can serve it.
    #[schemars(required)]
    pub(in crate::config) targets: Option<Vec<RawTarget>>,
    /// Rules of its own; what is not said here is as in `defaults`.
    #[serde(flatten)]
    pub(in crate::config) policies: RawPolicies,
}

/// A provider, and what it calls the model.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawTarget {
    /// The name of a provider. Its backups follow it by themselves.
    #[schemars(required)]
    pub(in crate::config) provider: Option<String>,
    /// What this provider calls the model. Default: the provider's `deployment`, else the model's name.
    pub(in crate::config) model: Option<String>,
    /// Its share among the targets of the same priority. Default: 1.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) weight: Option<u64>,
    /// 0 is asked first, 1 when no target of 0 is left, and so on. Default: 0.
    #[schemars(range(min = 0, max = 1000))]
    pub(in crate::config) priority: Option<u64>,
    /// How many tokens its context holds. Longer requests go elsewhere. Default: by the model's name, where that is
    /// known.
    #[schemars(range(min = 1))]
    pub(in crate::config) context_window: Option<u64>,
    /// Which field limits the length of its answers. Default: by the model's name and the kind of provider.
    pub(in crate::config) max_tokens_field: Option<MaxTokensField>,
    /// The limit that it is sent where it must be sent one and the caller named none. Default: by the model's name.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(in crate::config) default_max_tokens: Option<u64>,
    /// Fields of a request that it answers with an error, and that can be left out: `[temperature, top_p]`.
    /// Default: by the model's name.
    pub(in crate::config) refuses: Option<Vec<String>>,
    /// How it is told to think. Default: by the model's name.
    pub(in crate::config) thinking: Option<Thinking>,
    /// What it costs, for `order: cheapest`.
    pub(in crate::config) price: Option<RawPrice>,
    /// What it cannot do. Requests that need it go elsewhere.
    pub(in crate::config) supports: Option<RawSupports>,
}

/// USD per million tokens.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawPrice {
    /// USD per million tokens of input.
    #[schemars(required, range(min = 0, max = 1_000_000))]
    pub(in crate::config) input: Option<f64>,
    /// USD per million tokens of input that the provider had cached. Default: as `input`.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(in crate::config) cached_input: Option<f64>,
    /// USD per million tokens of output; 0 for embeddings.
    #[schemars(required, range(min = 0, max = 1_000_000))]
    pub(in crate::config) output: Option<f64>,
}

/// What a target can do. Default: by the model's name and the kind of provider, else everything.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawSupports {
    /// Calls of tools and functions.
    pub(in crate::config) tools: Option<bool>,
    /// Images in messages.
    pub(in crate::config) vision: Option<bool>,
    /// Answers by a JSON schema.
    pub(in crate::config) json_schema: Option<bool>,
    /// Can say the usage at the end of a stream, when asked by `stream_options`.
    pub(in crate::config) stream_usage: Option<bool>,
    /// Streamed answers.
    pub(in crate::config) streaming: Option<bool>,
    /// `OpenAI`'s newer interface, `/v1/responses`. Default: as the vendor has it; openai-compatible: no.
    pub(in crate::config) responses: Option<bool>,
}

/// The rules of choosing and failing over.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawPolicies {
    /// What is tried after a failure.
    pub(in crate::config) failover: Option<RawFailover>,
    /// When a target is benched and for how long.
    pub(in crate::config) breaker: Option<RawBreaker>,
    /// Which target of a priority comes first. Default: `weighted`.
    pub(in crate::config) order: Option<Order>,
    /// What happens when every target is benched. Default: `try_soonest`.
    pub(in crate::config) when_all_open: Option<WhenAllOpen>,
}

/// What is tried after a failure.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawFailover {
    /// Whether the failing request moves on, only the following ones, or none. Default: `retry`.
    pub(in crate::config) mode: Option<FailoverMode>,
    /// Which failures move on: `connect`, `reset`, `timeout`, `first_token_timeout`, `server_error`,
    /// `bad_response`, `stream_error`, `overloaded`, `rate_limited`, `quota_exhausted`, `auth`, `permission`,
    /// `model_not_found`, `context_length`, `payload_too_large`, `content_filter`, `unsupported`,
    /// `client_error`; or a status such as `http_429` or `http_5xx`, or a word of other gateways such as
    /// `error`. Default: the first eighteen but `content_filter` and `client_error`.
    pub(in crate::config) on: Option<Vec<String>>,
    /// How many attempts a request gets, the first one included. Default: 3.
    #[schemars(range(min = 1, max = 20))]
    pub(in crate::config) attempts: Option<u64>,
    /// How many of them one target gets. Default: 1.
    #[schemars(range(min = 1, max = 20))]
    pub(in crate::config) attempts_per_target: Option<u64>,
    /// The pause before the next attempt.
    pub(in crate::config) backoff: Option<RawBackoff>,
    /// How long one attempt may take until its response headers. Default: `30s`.
    pub(in crate::config) per_try_timeout: Option<RawDuration>,
    /// Streams: how long until the first meaningful event. Default: `15s`.
    pub(in crate::config) first_token_timeout: Option<RawDuration>,
    /// Streams: how long a silence may be after that. Default: `30s`.
    pub(in crate::config) stall_timeout: Option<RawDuration>,
    /// How long all attempts together may take. Default: `120s`.
    pub(in crate::config) timeout: Option<RawDuration>,
}

/// The pause before the next attempt: it grows from `base` to `max`, with jitter.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawBackoff {
    /// The first pause. Default: `25ms`.
    pub(in crate::config) base: Option<RawDuration>,
    /// The longest pause. Default: `1s`.
    pub(in crate::config) max: Option<RawDuration>,
}

/// When a circuit opens and for how long.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawBreaker {
    /// This many failures in a row open it, or `off`. Default: 2.
    pub(in crate::config) consecutive_failures: Option<RawCount>,
    /// This share of failures within `window` opens it (0.5 is half), or `off`. Default: 0.5.
    pub(in crate::config) error_rate: Option<RawShare>,
    /// The span over which the share is counted. Default: `30s`.
    pub(in crate::config) window: Option<RawDuration>,
    /// How many requests the window must hold before the share counts. Default: 5.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) min_requests: Option<u64>,
    /// How long it stays open the first time; it doubles each time after. Default: `30s`.
    pub(in crate::config) open_for: Option<RawDuration>,
    /// The longest it stays open without the provider asking for more. Default: `5m`.
    pub(in crate::config) max_open_for: Option<RawDuration>,
}

/// A count, or `off`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum RawCount {
    /// This many.
    Count(#[schemars(range(min = 1, max = 1000))] u64),
    /// Never.
    Off(RawOff),
}

/// A share from 0 to 1, or `off`.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::config) enum RawShare {
    /// This share.
    Share(#[schemars(range(min = 0.0001, max = 1))] f64),
    /// Never.
    Off(RawOff),
}

/// Never.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum RawOff {
    /// Never.
    Off,
}
