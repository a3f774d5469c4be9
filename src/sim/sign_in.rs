//! The keys of clouds that want more than one word in a header.
//!
//! Invariant: nothing here prints a secret; `Debug` masks them.

use std::fmt;
use std::time::Duration;

/// Who may sign in, and how, beside the holder of the API key.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The only keys that requests to Bedrock may be signed with; without them, nobody's signature is computed again.
    pub aws: Option<AwsKeys>,
    /// The public key (PEM, `PUBLIC KEY`) of the only service account that gets tokens; without it, whoever asks in
    /// the right form gets one.
    pub google_public_key: Option<String>,
    /// The only client that gets Entra's tokens; without it, whoever asks in the right form gets one.
    pub entra: Option<EntraClient>,
    /// How long the tokens are valid that are issued here.
    pub token_lifetime: Duration,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            aws: None,
            google_public_key: None,
            entra: None,
            token_lifetime: Duration::from_hours(1),
        }
    }
}

/// An access key of AWS.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsKeys {
    /// As in `AKIA...`.
    pub access_key_id: String,
    /// What signatures are computed with.
    pub secret_access_key: String,
    /// The token that has to come along, for temporary keys.
    pub session_token: Option<String>,
    /// The only region that may be signed for.
    pub region: Option<String>,
}

impl AwsKeys {
    /// A key that lasts, for every region.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
            region: None,
        }
    }
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKeys")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"****")
            .field("session_token", &self.session_token.as_ref().map(|_| "****"))
            .field("region", &self.region)
            .finish()
    }
}

/// A client of Entra.
#[derive(Clone, PartialEq, Eq)]
pub struct EntraClient {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl fmt::Debug for EntraClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraClient")
            .field("id", &self.id)
            .field("secret", &"****")
            .finish()
    }
}
