//! What is sent for an access token, and what the answer says.
//!
//! Invariant: pure; any bytes at all are read without a panic, and nothing that a failure says holds a key, a
//! statement, a secret or a token.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use form_urlencoded::Serializer;
use serde_json::Value;

use super::assertion;
use crate::catalog::TokenSource;
use crate::config::{Endpoint, Secret};
use crate::outcome::{ErrorBody, client_safe};

/// A statement in place of a password (RFC 7523).
const BY_STATEMENT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// What a lifetime is that nobody names.
const UNNAMED_LIFETIME: Duration = Duration::from_mins(10);
/// A longer lifetime is not believed.
const LONGEST_LIFETIME: Duration = Duration::from_hours(24);

/// Whoever gets tokens for what stands for an identity.
pub(super) trait Exchange: Send + Sync + 'static {
    /// One try; `authorities` are files of certificates to trust, too.
    fn fetch(
        &self,
        source: &TokenSource,
        authorities: &[PathBuf],
        today: SystemTime,
    ) -> impl Future<Output = Result<Fresh, Failure>> + Send;
}

/// A token that has just come.
#[derive(Debug)]
pub(super) struct Fresh {
    /// To be sent, never to be shown.
    pub(super) token: Secret,
    /// How long it is good, from the moment at which it was asked for.
    pub(super) lifetime: Duration,
}

/// Why no token came.
#[derive(Debug)]
pub(super) enum Failure {
    /// The private key is none that signs.
    Key,
    /// Nobody answers there.
    Unreachable(String, io::Error),
    /// No TLS with whoever answers, or it cannot be asked for.
    Tls(String, io::Error),
    /// The answer broke off, or is none.
    Broken(hyper::Error),
    /// More of an answer than a token needs.
    TooLong,
    /// No answer in time.
    Slow(Duration),
    /// We were turned away.
    Refused {
        /// The HTTP status.
        status: u16,
        /// In whose words, made safe.
        said: String,
        /// How long we should wait.
        wait: Option<Duration>,
    },
    /// A good answer without a token.
    NoToken,
}

impl Failure {
    /// Turned away for what we are, so that asking again changes nothing.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Key => true,
            Self::Refused { status, .. } => matches!(status, 400..=499) && !matches!(status, 408 | 429),
            _ => false,
        }
    }

    /// How long the server asked us to wait.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Refused { wait, .. } => *wait,
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str(
                "the private key is no RSA key that can sign; use the key file as Google Cloud made it",
            ),
            Self::Unreachable(host, error) => write!(f, "`{host}` cannot be reached: {error}"),
            Self::Tls(host, error) => write!(f, "no TLS with `{host}`: {error}"),
            Self::Broken(error) => write!(f, "the answer broke off: {error}"),
            Self::TooLong => f.write_str("the answer is far longer than a token"),
            Self::Slow(limit) => write!(f, "no answer within {limit:?}"),
            Self::Refused { status, said, .. } if said.is_empty() => write!(f, "HTTP {status}"),
            Self::Refused { status, said, .. } => write!(f, "HTTP {status}: {said}"),
            Self::NoToken => f.write_str("the answer holds no access token that could be sent"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable(_, error) | Self::Tls(_, error) => Some(error),
            Self::Broken(error) => Some(error),
            _ => None,
        }
    }
}

/// Where a token is asked for.
pub(super) fn url(source: &TokenSource) -> &Endpoint {
    match source {
        TokenSource::ServiceAccount(account) => &account.token_url,
        TokenSource::Entra(entra) => &entra.token_url,
    }
}

/// The form that is sent there.
pub(super) fn form(source: &TokenSource, today: SystemTime) -> Result<String, Failure> {
    let mut form = Serializer::new(String::new());
    match source {
        TokenSource::ServiceAccount(account) => form
            .append_pair("grant_type", BY_STATEMENT)
            .append_pair("assertion", &assertion::signed(account, today)?),
        TokenSource::Entra(entra) => form
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &entra.client_id)
            .append_pair("client_secret", entra.client_secret.expose())
            .append_pair("scope", &entra.scope),
    };
    Ok(form.finish())
}

/// The token in a good answer.
pub(super) fn token(body: &[u8]) -> Result<Fresh, Failure> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| Failure::NoToken)?;
    let is_bearer = |kind: &str| kind.eq_ignore_ascii_case("bearer");
    let kind = answer.get("token_type").and_then(Value::as_str);
    let token = answer.get("access_token").and_then(Value::as_str);
    match (token, kind) {
        (Some(token), kind) if kind.is_none_or(is_bearer) => Ok(Fresh {
            token: Secret::try_new(token).map_err(|_| Failure::NoToken)?,
            lifetime: lifetime(answer.get("expires_in")),
        }),
        _ => Err(Failure::NoToken),
    }
}

/// What an answer of failure says. Should it repeat a secret of ours, that is starred out.
pub(super) fn refusal(source: &TokenSource, status: u16, body: &[u8], wait: Option<Duration>) -> Failure {
    let said = ErrorBody::read(body).message;
    let code = serde_json::from_slice::<Value>(body).ok();
    let code = code.as_ref().and_then(|answer| answer.get("error")?.as_str());
    let said = match code {
        Some(code) if code != said => format!("{code}: {said}"),
        _ => said,
    };
    let said = match source {
        TokenSource::Entra(entra) => {
            let secret = entra.client_secret.expose();
            // As it is, and as the form had it.
            let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            said.replace(secret, "***").replace(&encoded, "***")
        }
        TokenSource::ServiceAccount(_) => said,
    };
    Failure::Refused {
        status,
        said: client_safe(&said),
        wait,
    }
}

/// Seconds, as a number or as text.
fn lifetime(said: Option<&Value>) -> Duration {
    let seconds = match said {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let named = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    named.unwrap_or(UNNAMED_LIFETIME).min(LONGEST_LIFETIME)
}

#[cfg(test)]
mod tests;
