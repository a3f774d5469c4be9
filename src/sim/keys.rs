//! Who may ask: the keys that open a simulated provider.
//!
//! It refuses to know which header a key comes in; that is a [`Language`](super::dialect::Language)'s to say.

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, header};

use super::config::{ApiKey, SimConfig, SimError};
use super::mint::{Audience, Mint, Standing};
use super::refusal::Reason;
use super::sign_in::{AwsKeys, EntraClient};
use super::token::GoogleKey;

/// The keys of one provider.
#[derive(Debug)]
pub(super) struct Keys {
    api_key: Option<ApiKey>,
    pub(super) aws: Option<AwsKeys>,
    pub(super) google: Option<GoogleKey>,
    pub(super) entra: Option<EntraClient>,
    mint: Arc<Mint>,
}

impl Keys {
    /// The keys of a configuration, and those that its mint will issue.
    pub(super) fn new(config: &SimConfig, mint: Arc<Mint>) -> Result<Self, SimError> {
        let google = config.sign_in.google_public_key.as_deref();
        Ok(Self {
            api_key: config.api_key.clone(),
            aws: config.sign_in.aws.clone(),
            google: google.map(GoogleKey::from_pem).transpose()?,
            entra: config.sign_in.entra.clone(),
            mint,
        })
    }

    /// Lets in who has the key; everybody, where there is none.
    pub(super) fn check(&self, given: Option<&[u8]>) -> Result<(), Reason> {
        match (&self.api_key, given) {
            (None, _) => Ok(()),
            (Some(key), Some(given)) if key.opens(given) => Ok(()),
            (Some(_), Some(_)) => Err(Reason::WrongKey),
            (Some(_), None) => Err(Reason::MissingKey),
        }
    }

    /// Lets in who has the key; where there is none, whoever has any.
    pub(super) fn demand(&self, given: Option<&[u8]>) -> Result<(), Reason> {
        if given.is_none_or(<[u8]>::is_empty) {
            return Err(Reason::MissingKey);
        }
        self.check(given)
    }

    /// Whether there is a key that lets in.
    pub(super) const fn has_api_key(&self) -> bool {
        self.api_key.is_some()
    }

    /// Lets in who has a token that is good, or the key; where it is open, whoever never had one. A token that was good
    /// once lets nobody in.
    pub(super) fn check_token(
        &self,
        token: &[u8],
        audience: Audience,
        now: SystemTime,
        is_open: bool,
    ) -> Result<(), Reason> {
        let is_key = self.api_key.as_ref().is_some_and(|key| key.opens(token));
        match self.mint.standing(token, audience, now) {
            Standing::Good => Ok(()),
            Standing::Unknown if is_key || is_open => Ok(()),
            Standing::Unknown | Standing::Bad => Err(Reason::WrongKey),
        }
    }
}

/// What stands behind `Bearer` in the authorization.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
}
