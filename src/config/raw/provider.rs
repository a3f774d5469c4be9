//! `providers:` as it is written.
//!
//! Invariant: everything a backup may say, its primary may say too, so that inheriting is field by field.

use schemars::JsonSchema;
use serde::Deserialize;

use super::scalar::{RawDuration, RawSecret, RawUrl};
use super::{Entries, RawBreaker};
use crate::config::provider::Kind;

/// An account that can be called.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawProvider {
    /// What it is and how it is reached.
    #[serde(flatten)]
    pub(in crate::config) account: RawAccount,
    /// Accounts to try after this one, in this order, wherever a target names it. Each inherits everything it
    /// does not say.
    pub(in crate::config) backups: Option<Vec<RawBackup>>,
}

/// A backup of a provider: it inherits everything it does not say.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawBackup {
    /// Its own name as a provider. Default: the primary's name and `-backup-1`, `-backup-2` ...
    pub(in crate::config) name: Option<String>,
    /// What differs from the primary.
    #[serde(flatten)]
    pub(in crate::config) account: RawAccount,
}

/// What a provider and its backups can say.
#[derive(Default, Deserialize, JsonSchema)]
pub(in crate::config) struct RawAccount {
    /// The language it speaks. Required, except in a backup.
    pub(in crate::config) kind: Option<Kind>,
    /// Where it is. openai: may be left out. azure-openai: the resource, as in
    /// `https://my-resource.openai.azure.com`, or its `/openai/v1` path for the newer API.
    /// openai-compatible: what an SDK takes as its base URL, as in `http://127.0.0.1:8000/v1`.
    pub(in crate::config) endpoint: Option<RawUrl>,
    /// Our key. openai-compatible may do without.
    pub(in crate::config) api_key: Option<RawSecret>,
    /// `passthrough` sends the caller's own credential instead of a key of ours; `none` sends no credential.
    pub(in crate::config) auth: Option<RawAuth>,
    /// What this provider calls the model, for every target that does not say its own `model`.
    pub(in crate::config) deployment: Option<String>,
    /// azure-openai: the dated version of the API. Default: `2024-10-21`; none for a `/openai/v1` endpoint.
    pub(in crate::config) api_version: Option<String>,
    /// Headers added to every request. A backup adds to its primary's and replaces those of the same name.
    pub(in crate::config) headers: Option<Entries<RawSecret>>,
    /// How its certificate is checked, when the system's authorities and the endpoint's name will not do.
    pub(in crate::config) tls: Option<RawTls>,
    /// How long a connection may take. Default: `5s`.
    pub(in crate::config) connect_timeout: Option<RawDuration>,
    /// Ask it regularly whether it is there. Default: its health is learned from requests alone.
    pub(in crate::config) health_check: Option<RawHealthCheck>,
    /// When this provider and its targets are benched and for how long; what is not said here is as in
    /// `defaults`, and a model may say otherwise for its targets.
    pub(in crate::config) breaker: Option<RawBreaker>,
}

/// Whose credential is sent, when it is not a key of ours.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum RawAuth {
    /// The caller's own credential.
    Passthrough,
    /// No credential.
    None,
}

/// How a provider's certificate is checked.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawTls {
    /// A file of certificate authorities, as Envoy sees it. Default: the system's.
    pub(in crate::config) ca: Option<String>,
    /// The name to ask for and to find in the certificate. Default: the endpoint's host.
    pub(in crate::config) sni: Option<String>,
}

/// An active health check.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawHealthCheck {
    /// What to GET on the endpoint's host. Default: the endpoint's list of models, as in `/v1/models`.
    pub(in crate::config) path: Option<String>,
    /// How often. Default: `10s`.
    pub(in crate::config) interval: Option<RawDuration>,
    /// How long an answer may take. Default: `3s`.
    pub(in crate::config) timeout: Option<RawDuration>,
    /// This many failures in a row bench the provider. Default: 3.
    #[schemars(range(min = 1, max = 100))]
    pub(in crate::config) unhealthy: Option<u64>,
    /// This many successes in a row bring it back. Default: 2.
    #[schemars(range(min = 1, max = 100))]
    pub(in crate::config) healthy: Option<u64>,
}
