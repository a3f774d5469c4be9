//! `providers:` as it is written.
//!
//! Invariant: everything a backup may say, its primary may say too, so that inheriting is field by field.

use schemars::JsonSchema;
use serde::Deserialize;

use super::scalar::{RawDuration, RawSecret, RawUrl};
use super::{Entries, RawBreaker};
use crate::config::kind::Kind;

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
    /// What it is: whose, and which language it speaks. Required, except in a backup; a backup of another kind
    /// inherits neither the place nor the credential.
    pub(in crate::config) kind: Option<Kind>,
    /// Where it is. Required for azure-openai: the resource, as in `https://my-resource.openai.azure.com`, or its
    /// `/openai/v1` path for the newer API; and for vllm and openai-compatible: what an SDK takes as its base URL,
    /// as in `http://127.0.0.1:8000/v1`. The others know theirs.
    pub(in crate::config) endpoint: Option<RawUrl>,
    /// vertex: the project of Google Cloud. Default: the service account's.
    pub(in crate::config) project: Option<String>,
    /// vertex: where the models are, as in `europe-west4`, `us`, `eu` or `global`.
    pub(in crate::config) location: Option<String>,
    /// bedrock: the region of AWS, as in `us-east-1`.
    pub(in crate::config) region: Option<String>,
    /// Our key. ollama, vllm and openai-compatible may do without; vertex: a key of express mode; bedrock: a key
    /// of Bedrock's own, instead of the keys of AWS.
    pub(in crate::config) api_key: Option<RawSecret>,
    /// bedrock: the id of the key that signs. Default: the environment's `AWS_ACCESS_KEY_ID`.
    pub(in crate::config) access_key_id: Option<RawSecret>,
    /// bedrock: the key that signs. Default: the environment's `AWS_SECRET_ACCESS_KEY`.
    pub(in crate::config) secret_access_key: Option<RawSecret>,
    /// bedrock: what temporary keys come with. Default: none, or with the keys of the environment
    /// `AWS_SESSION_TOKEN`.
    pub(in crate::config) session_token: Option<RawSecret>,
    /// bedrock: a file with keys by profile, as in `${HOME}/.aws/credentials`; read again when it changes.
    pub(in crate::config) credentials_file: Option<String>,
    /// bedrock: whose keys of `credentials_file`. Default: `default`.
    pub(in crate::config) profile: Option<String>,
    /// vertex: the key file of a service account, as in `file:/run/secrets/vertex.json`.
    pub(in crate::config) service_account: Option<RawSecret>,
    /// vertex: where the service account gets its tokens. Default: as its key file says.
    pub(in crate::config) token_url: Option<RawUrl>,
    /// azure-openai: an application of Microsoft Entra that signs in instead of a key.
    pub(in crate::config) entra: Option<RawEntra>,
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

/// An application of Microsoft Entra.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct RawEntra {
    /// The tenant: its id, or a domain of it. May be left out where `token_url` names it.
    pub(in crate::config) tenant: Option<String>,
    /// The id of the application.
    #[schemars(required)]
    pub(in crate::config) client_id: Option<String>,
    /// The secret of the application.
    #[schemars(required)]
    pub(in crate::config) client_secret: Option<RawSecret>,
    /// Where tokens come from. Default: the tenant's at `login.microsoftonline.com`.
    pub(in crate::config) token_url: Option<RawUrl>,
    /// What tokens are for. Default: by the endpoint's host, as in
    /// `https://cognitiveservices.azure.com/.default`.
    pub(in crate::config) scope: Option<String>,
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
    /// What to GET on the endpoint's host. Default: the list of models, as in `/v1/models`, where there is one.
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
