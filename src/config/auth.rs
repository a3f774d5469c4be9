//! How we sign in at a provider.
//!
//! Invariant: what must stay secret is a [`Secret`], so none of these shows it, and each can be signed in with as it
//! stands: nothing in it is missing.

use super::provider::Endpoint;
use super::secret::{Secret, fingerprint};

/// Whose credential is sent to a provider, and of what kind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Our key, sent as it is.
    ApiKey(Secret),
    /// Our keys at AWS, which sign each request.
    Aws(AwsKeys),
    /// Our service account at Google, which is exchanged for access tokens.
    ServiceAccount(ServiceAccount),
    /// Our application in Microsoft Entra, which is exchanged for access tokens.
    Entra(Entra),
    /// The caller's own.
    Passthrough,
    /// None.
    None,
}

impl Auth {
    /// A short name for a credential of ours that tells two apart and gives neither away.
    pub fn fingerprint(&self) -> Option<String> {
        match self {
            Self::ApiKey(key) => Some(key.fingerprint()),
            Self::Aws(keys) => Some(keys.fingerprint()),
            Self::ServiceAccount(account) => Some(account.fingerprint()),
            Self::Entra(entra) => Some(entra.fingerprint()),
            Self::Passthrough | Self::None => None,
        }
    }
}

/// Keys of AWS, and what they sign for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsKeys {
    /// Which key it is; every signed request shows it.
    pub access_key_id: Secret,
    /// What signs; it is never sent.
    pub secret_access_key: Secret,
    /// What temporary keys are sent with.
    pub session_token: Option<Secret>,
    /// The region that requests are signed for.
    pub region: String,
}

impl AwsKeys {
    fn fingerprint(&self) -> String {
        let token = self.session_token.as_ref().map_or("", Secret::expose);
        fingerprint(&[
            self.access_key_id.expose(),
            self.secret_access_key.expose(),
            token,
        ])
    }
}

/// A service account of Google Cloud, as in its key file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its name.
    pub client_email: String,
    /// What signs its requests for tokens: PEM, a PKCS#8 key of RSA.
    pub private_key: Secret,
    /// Which of its keys that is.
    pub private_key_id: Option<String>,
    /// The project it belongs to.
    pub project_id: Option<String>,
    /// Where it is exchanged for an access token.
    pub token_url: Endpoint,
}

impl ServiceAccount {
    fn fingerprint(&self) -> String {
        fingerprint(&[
            &self.client_email,
            self.private_key.expose(),
            &self.token_url.to_string(),
        ])
    }
}

/// An application of Microsoft Entra, and what its tokens are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entra {
    /// Its name.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Where it is exchanged for an access token; the tenant is in the path.
    pub token_url: Endpoint,
    /// What the token is asked for.
    pub scope: String,
}

impl Entra {
    fn fingerprint(&self) -> String {
        fingerprint(&[
            &self.client_id,
            self.client_secret.expose(),
            &self.token_url.to_string(),
            &self.scope,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(token: Option<&str>, region: &str) -> Auth {
        let secret = |text| Secret::try_new(text).unwrap();
        Auth::Aws(AwsKeys {
            access_key_id: secret("AKIDEXAMPLE"),
            secret_access_key: secret("EXAMPLESECRET"),
            session_token: token.map(secret),
            region: region.to_owned(),
        })
    }

    #[test]
    fn a_credential_is_known_by_everything_that_makes_it_another() {
        let known = keys(None, "us-east-1").fingerprint();

        assert_eq!(known, keys(None, "eu-west-1").fingerprint(), "the same account");
        assert_ne!(known, keys(Some("token"), "us-east-1").fingerprint());
        assert!(Auth::Passthrough.fingerprint().is_none());
    }
}
