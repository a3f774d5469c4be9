//! The token endpoints of Google and of Entra, which stand beside the services that the tokens are for.
//!
//! Invariant: whoever gets a token has shown what the real endpoint wants to see, in the form it wants it in. It
//! refuses to know what a token opens; [`mint`](super::mint) does.

mod entra;
mod google;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use super::dialect::Manners;
use super::keys::Keys;
use super::mint::{Audience, Fresh};
use super::refusal::{Reason, Refusal, Written};
use super::reply::Stamp;
use super::route::decoded;

pub(super) use google::GoogleKey;

/// Whose token endpoint it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// `/token`
    Google,
    /// `/{tenant}/oauth2/v2.0/token`
    Entra,
}

/// Finds the endpoint whose path this is.
pub(super) fn door(path: &str) -> Option<Door> {
    if path == "/token" {
        return Some(Door::Google);
    }
    let tenant = path.strip_prefix('/')?.strip_suffix("/oauth2/v2.0/token")?;
    (!tenant.is_empty() && !tenant.contains('/')).then_some(Door::Entra)
}

impl Door {
    pub(super) const fn audience(self) -> Audience {
        match self {
            Self::Google => Audience::Google,
            Self::Entra => Audience::Entra,
        }
    }

    pub(super) fn manners(self) -> &'static dyn Manners {
        match self {
            Self::Google => &Self::Google,
            Self::Entra => &Self::Entra,
        }
    }

    /// Looks at what was brought; `now` is in Unix seconds.
    pub(super) fn admit(self, (parts, body): (&Parts, &Bytes), keys: &Keys, now: u64) -> Result<(), Reason> {
        if parts.method != Method::POST {
            return Err(Reason::WrongMethod("POST"));
        }
        let form = form(&parts.headers, body)?;
        match self {
            Self::Google => google::admit(&form, keys.google.as_ref(), now),
            Self::Entra => entra::admit(&form, keys.entra.as_ref()),
        }
    }

    /// The answer that carries a token.
    pub(super) fn answer(self, fresh: &Fresh) -> String {
        let Fresh { token, expires_in } = fresh;
        let mut answer = json!({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"});
        if self == Self::Entra {
            answer["ext_expires_in"] = json!(expires_in);
        }
        answer.to_string()
    }
}

impl Manners for Door {
    fn refuse(&self, refusal: &Refusal<'_>) -> Written {
        let (status, error, description) = words(refusal.reason);
        let description = refusal.message.unwrap_or(&description);
        let mut body = json!({"error": error, "error_description": description});
        if *self == Self::Entra {
            entra::dress(&mut body, description);
        }
        let mut written = Written::new(refusal.status.unwrap_or(status), Value::to_string(&body));
        written.header("retry-after", refusal.wait());
        written
    }

    fn filters_by_error(&self) -> bool {
        true
    }

    fn sign(&self, headers: &mut HeaderMap, stamp: &Stamp<'_>) {
        if *self == Self::Entra {
            stamp.put(headers, "x-ms-request-id");
        }
        headers.insert(
            header::CACHE_CONTROL,
            header::HeaderValue::from_static("no-store"),
        );
    }
}

fn words(reason: &Reason) -> (StatusCode, &'static str, String) {
    let told = |text: &str| text.to_owned();
    match reason {
        Reason::Denied {
            code: code @ "invalid_client",
            message,
        } => (StatusCode::UNAUTHORIZED, code, message.clone()),
        Reason::Denied { code, message } => (StatusCode::BAD_REQUEST, code, message.clone()),
        Reason::WrongKey | Reason::MissingKey => (
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            told("The client is not known."),
        ),
        Reason::RateLimited | Reason::Quota => (
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit_exceeded",
            told("Too many requests."),
        ),
        Reason::Overloaded => (
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            told("The service is busy."),
        ),
        Reason::Status(status) => (
            *status,
            "internal_failure",
            format!("The simulated provider answers {status}."),
        ),
        Reason::WrongMethod(allowed) => (
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            format!("Use {allowed}."),
        ),
        Reason::TooLarge(_) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request",
            told("The body is too large."),
        ),
        Reason::Invalid { message, .. } => (StatusCode::BAD_REQUEST, "invalid_request", message.clone()),
        Reason::ContextLength | Reason::ContentFilter | Reason::UnknownModel(_) | Reason::UnknownPath(_) => (
            StatusCode::BAD_REQUEST,
            "invalid_request",
            told("The request cannot be understood."),
        ),
    }
}

/// The fields of a form.
type Form = BTreeMap<String, String>;

fn form(headers: &HeaderMap, body: &Bytes) -> Result<Form, Reason> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], |kind| kind.as_bytes());
    if !kind.starts_with(b"application/x-www-form-urlencoded") {
        return Err(Reason::said(
            "The body must be of the type application/x-www-form-urlencoded.",
        ));
    }
    let body = std::str::from_utf8(body).map_err(|_| Reason::said("The body is no form."))?;
    let text = |text: &str| decoded(&text.replace('+', " ")).into_owned();
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    Ok(pairs.map(|(name, value)| (text(name), text(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_found_by_their_paths() {
        let table = [
            ("/token", Some(Door::Google)),
            ("/contoso/oauth2/v2.0/token", Some(Door::Entra)),
            ("//oauth2/v2.0/token", None),
            ("/a/b/oauth2/v2.0/token", None),
            ("/tokens", None),
        ];

        for (path, expected) in table {
            assert_eq!(door(path), expected, "{path}");
        }
    }

    #[test]
    fn forms_are_read_with_their_escapes() {
        let mut headers = HeaderMap::new();
        let kind = "application/x-www-form-urlencoded; charset=utf-8"
            .parse()
            .unwrap();
        headers.insert(header::CONTENT_TYPE, kind);

        let form = form(&headers, &Bytes::from_static(b"a=1+2&b=%2B%3A&c=&d")).unwrap();

        let pairs: Vec<_> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(pairs, [("a", "1 2"), ("b", "+:"), ("c", "")]);
    }
}
