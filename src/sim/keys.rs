//! Who may ask: the keys that open a simulated provider.
//!
//! It refuses to know which header a key comes in; that is a [`Language`](super::dialect::Language)'s to say.

use http::{HeaderMap, header};

use super::config::{ApiKey, SimConfig};
use super::refusal::Reason;

/// The keys of one provider.
#[derive(Debug)]
pub(super) struct Keys {
    api_key: Option<ApiKey>,
}

impl Keys {
    pub(super) fn new(config: &SimConfig) -> Self {
        Self {
            api_key: config.api_key.clone(),
        }
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
}

/// What stands behind `Bearer` in the authorization.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
}
