//! The configuration file exactly as it is written, before anything is judged.
//!
//! Invariant: these types mirror the file and decide nothing: whatever may be left out is an `Option`, and
//! texts with a form of their own (durations, addresses) are still text. Their doc comments are the
//! descriptions in the shipped JSON Schema, and the schema is what the file is checked against.

use schemars::JsonSchema;
use serde::Deserialize;

mod entries;
mod model;
mod provider;
mod scalar;

pub(super) use entries::Entries;
pub(super) use model::{
    RawBackoff, RawBreaker, RawCount, RawFailover, RawModel, RawPolicies, RawPrice, RawShare, RawSupports,
    RawTarget,
};
pub(super) use provider::{RawAccount, RawAuth, RawBackup, RawEntra, RawProvider};
pub(super) use scalar::{RawAddress, RawDuration, RawGrpc, RawHostPort, RawSecret, RawSize, RawUrl};

use super::server::{LogFormat, LogLevel};

/// The configuration of Understudy: one file for Envoy's listener, the providers, the models and the rules
/// of failing over. Any text may hold `${NAME}` or `${NAME:-default}`, filled from the environment.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Understudy configuration")]
pub(super) struct RawConfig {
    /// Where Envoy listens for clients. Default: `127.0.0.1:10000`. On any address that is not loopback,
    /// `clients` must be written.
    pub(super) listen: Option<RawAddress>,
    /// Where Understudy serves its admin page, `/metrics`, `/healthz` and `/readyz`: an address, or `listen`
    /// and `token`. Default: `127.0.0.1:9900`. A token is required on any address that is not loopback.
    pub(super) admin: Option<RawAdmin>,
    /// Where Envoy reaches Understudy: `unix:path/to/socket`, or `host:port`. Provider keys cross it, so keep
    /// it inside the machine, the pod or the container network. Default: `unix:run/understudy.sock`.
    pub(super) grpc: Option<RawGrpc>,
    /// What Understudy needs to know about Envoy.
    pub(super) envoy: Option<RawEnvoy>,
    /// How the log is written.
    pub(super) log: Option<RawLog>,
    /// Who may call: a mapping of names to keys, or the word `anyone`. May be left out only when `listen` is
    /// loopback.
    pub(super) clients: Option<RawClients>,
    /// The accounts that can be called, by a name of your choice (a-z, 0-9, `.`, `_` and `-`).
    #[schemars(required)]
    pub(super) providers: Option<Entries<RawProvider>>,
    /// What clients may name as `model`, and the targets that serve it.
    #[schemars(required)]
    pub(super) models: Option<Entries<RawModel>>,
    /// The rules for every model that does not say otherwise.
    pub(super) defaults: Option<RawPolicies>,
}

/// The admin server.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RawAdmin {
    /// Where it listens.
    Address(RawAddress),
    /// Where it listens, and the token that callers must show.
    Full(RawAdminFull),
}

/// The admin server's address and token.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct RawAdminFull {
    /// Where it listens. Default: `127.0.0.1:9900`.
    pub(super) listen: Option<RawAddress>,
    /// What callers must send as `Authorization: Bearer`.
    pub(super) token: Option<RawSecret>,
}

/// What Understudy needs to know about Envoy.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct RawEnvoy {
    /// Where Envoy's own admin interface listens. Default: `127.0.0.1:9901`. Never make it public.
    pub(super) admin: Option<RawAddress>,
    /// The largest request body, kept until the request has succeeded: `32MiB`, `500KiB`. Default: `32MiB`.
    pub(super) max_body: Option<RawSize>,
    /// How Understudy itself reaches Envoy's listener, for health checks and `probe`. Default: `listen`, by
    /// way of loopback where that is every address.
    pub(super) listener: Option<RawHostPort>,
}

/// How the log is written.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct RawLog {
    /// `json` or `text`. Default: text on a terminal, else JSON.
    pub(super) format: Option<LogFormat>,
    /// `error`, `warn`, `info`, `debug` or `trace`. Default: `info`.
    pub(super) level: Option<LogLevel>,
}

/// Who may call.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RawClients {
    /// Whoever reaches the port.
    Anyone(RawAnyone),
    /// The named clients, each with a key.
    Named(Entries<RawClient>),
}

/// Whoever reaches the port may call.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawAnyone {
    /// Whoever reaches the port may call.
    Anyone,
}

/// A client: its key, or the SHA-256 of it.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct RawClient {
    /// The key it sends as `Authorization: Bearer`, `api-key` or `apikey`.
    pub(super) key: Option<RawSecret>,
    /// The SHA-256 of that key in 64 hexadecimal digits, for a file that holds no key.
    pub(super) key_sha256: Option<RawSecret>,
    /// The models it may name. Default: all.
    pub(super) models: Option<Vec<String>>,
}
