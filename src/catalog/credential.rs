//! How we sign in at a provider: with a header that is ready, by a signature, or with a token that is fetched.
//!
//! Invariant: no secret in here can be printed. A catalog never changes, but for the [`TokenSlot`]s in it: whoever
//! fetches tokens puts them there, and attempts read them without waiting.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use bytes::Bytes;

use super::Catalog;
use crate::config::{Auth, AwsKeys, Entra, Secret, ServiceAccount};
use crate::dialect::Dialect;

/// How we sign in at a provider.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Our key, in the header that the dialect wants.
    Ours {
        /// `authorization`, `api-key`, `x-api-key` or `x-goog-api-key`.
        header: &'static str,
        /// The whole header value, scheme included.
        value: HeaderSecret,
        /// What circuits know the key by; changes when the key does.
        fingerprint: Arc<str>,
    },
    /// Each request is signed, when it is complete.
    Signed(Arc<SigningKeys>),
    /// An access token in `authorization`, which expires.
    Token(Arc<TokenSlot>),
    /// The caller's own credential is sent on, in the header that the dialect wants.
    Passthrough,
    /// None is needed.
    Open,
}

impl Credential {
    pub(super) fn of(dialect: Dialect, auth: &Auth) -> Self {
        let fingerprint: Arc<str> = auth.fingerprint().unwrap_or_default().into();
        let token = |source| {
            Self::Token(Arc::new(TokenSlot {
                source,
                fingerprint: fingerprint.clone(),
                held: ArcSwapOption::empty(),
            }))
        };
        match auth {
            Auth::ApiKey(key) => Self::Ours {
                header: dialect.credential_header(),
                value: dialect.credential_value(key.expose().as_bytes()),
                fingerprint,
            },
            Auth::Aws(keys) => Self::Signed(Arc::new(SigningKeys {
                keys: keys.clone(),
                fingerprint,
            })),
            Auth::ServiceAccount(account) => token(TokenSource::ServiceAccount(account.clone())),
            Auth::Entra(entra) => token(TokenSource::Entra(entra.clone())),
            Auth::Passthrough => Self::Passthrough,
            Auth::None => Self::Open,
        }
    }

    /// What circuits know a credential of ours by; changes when it does.
    pub fn fingerprint(&self) -> Option<&Arc<str>> {
        match self {
            Self::Ours { fingerprint, .. } => Some(fingerprint),
            Self::Signed(keys) => Some(&keys.fingerprint),
            Self::Token(slot) => Some(&slot.fingerprint),
            Self::Passthrough | Self::Open => None,
        }
    }

    /// Shows everything secret of it, for taking it out of what a provider sends; the value of a header without its
    /// scheme.
    pub fn each_secret(&self, mut see: impl FnMut(&[u8])) {
        match self {
            Self::Ours { value, .. } => see(value.bare()),
            Self::Signed(keys) => {
                let AwsKeys {
                    access_key_id,
                    secret_access_key,
                    session_token,
                    ..
                } = &keys.keys;
                let always = [access_key_id, secret_access_key];
                for secret in always.into_iter().chain(session_token) {
                    see(secret.expose().as_bytes());
                }
            }
            Self::Token(slot) => slot.each_secret(see),
            Self::Passthrough | Self::Open => {}
        }
    }
}

/// Keys that sign requests to one region of AWS.
#[derive(Debug)]
pub struct SigningKeys {
    keys: AwsKeys,
    fingerprint: Arc<str>,
}

impl SigningKeys {
    /// The keys, and the region that they sign for.
    pub fn keys(&self) -> &AwsKeys {
        &self.keys
    }
}

/// What is exchanged for access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// At Google, a statement that its key signs.
    ServiceAccount(ServiceAccount),
    /// At Microsoft Entra, its secret.
    Entra(Entra),
}

/// The place of an access token: empty until the first one is fetched, then always holding the newest.
///
/// Providers of the same identity share one, and so do catalogs that follow each other.
pub struct TokenSlot {
    source: TokenSource,
    fingerprint: Arc<str>,
    held: ArcSwapOption<Held>,
}

/// A token, and how long it is good.
struct Held {
    header: HeaderSecret,
    expires_at: SystemTime,
    /// The one before, which requests on their way may still carry.
    previous: Option<HeaderSecret>,
}

impl TokenSlot {
    /// What tokens are fetched with.
    pub fn source(&self) -> &TokenSource {
        &self.source
    }

    /// What tells its identity from others and gives nothing away.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Puts a token in place of the one before: the bare token, as it was fetched.
    pub fn store(&self, token: &Secret, expires_at: SystemTime) {
        let header = HeaderSecret::new([b"Bearer ", token.expose().as_bytes()].concat().into());
        let previous = self.held.load().as_ref().map(|held| held.header.clone());
        self.held.store(Some(Arc::new(Held {
            header,
            expires_at,
            previous,
        })));
    }

    /// The value of `authorization`, while its token is good.
    pub fn current(&self, now: SystemTime) -> Option<HeaderSecret> {
        let held = self.held.load();
        let held = held.as_ref().filter(|held| now < held.expires_at);
        held.map(|held| held.header.clone())
    }

    /// Until when the token is good that is there.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.held.load().as_ref().map(|held| held.expires_at)
    }

    fn each_secret(&self, mut see: impl FnMut(&[u8])) {
        if let Some(held) = self.held.load().as_ref() {
            see(held.header.bare());
            held.previous.iter().for_each(|header| see(header.bare()));
        }
        match &self.source {
            // Line by line, because the line ends may be written otherwise.
            TokenSource::ServiceAccount(account) => account
                .private_key
                .expose()
                .lines()
                .filter(|line| !line.starts_with("-----"))
                .for_each(|line| see(line.as_bytes())),
            TokenSource::Entra(entra) => see(entra.client_secret.expose().as_bytes()),
        }
    }
}

impl fmt::Debug for TokenSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSlot")
            .field("fingerprint", &self.fingerprint)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

impl Catalog {
    /// The places of the access tokens that its providers sign in with, each once.
    pub fn token_slots(&self) -> Vec<&Arc<TokenSlot>> {
        let mut slots: Vec<&Arc<TokenSlot>> = Vec::new();
        for provider in &self.providers {
            if let Credential::Token(slot) = &provider.credential
                && !slots.iter().any(|known| Arc::ptr_eq(known, slot))
            {
                slots.push(slot);
            }
        }
        slots
    }

    /// Goes on with the tokens of `old`, wherever the identity is the same.
    pub fn adopt_tokens(&mut self, old: &Self) {
        let known = old.token_slots();
        for provider in &mut self.providers {
            if let Credential::Token(slot) = &mut provider.credential
                && let Some(same) = known
                    .iter()
                    .find(|known| known.fingerprint() == slot.fingerprint())
            {
                *slot = Arc::clone(same);
            }
        }
    }
}

/// The value of a header that signs in; it cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderSecret(Bytes);

impl HeaderSecret {
    /// Wraps a value.
    pub fn new(value: Bytes) -> Self {
        Self(value)
    }

    /// The value, for the wire only.
    pub fn expose(&self) -> &Bytes {
        &self.0
    }

    /// The value without its scheme.
    fn bare(&self) -> &[u8] {
        self.0.strip_prefix(b"Bearer ").unwrap_or(&self.0)
    }
}

impl fmt::Debug for HeaderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests;
