//! Signs a request in at its provider: the last thing that is done to it.
//!
//! Invariant: a credential goes into the header that its provider reads, and into no other. It knows nothing of how
//! tokens are obtained.

use std::time::SystemTime;

use bytes::Bytes;

use super::sign::{Unsigned, sign};
use super::{HeaderChanges, NotSent};
use crate::catalog::{Credential, HeaderSecret, Provider};
use crate::dialect::Dialect;

/// Adds what signs the request in; of a signed one, `headers` and `body` are complete but for that.
pub(super) fn sign_in(
    headers: &mut HeaderChanges,
    provider: &Provider,
    (caller, body): (Option<&HeaderSecret>, &Bytes),
    today: SystemTime,
) -> Result<(), NotSent> {
    match (&provider.credential, caller) {
        (Credential::Ours { header, value, .. }, _) => headers.set(header, value.expose().clone()),
        (Credential::Passthrough, Some(key)) => {
            let (header, value) = passed_on(provider.dialect, key);
            headers.set(header, value.expose().clone());
        }
        (Credential::Token(slot), _) => {
            let token = slot.current(today).ok_or(NotSent::NoToken)?;
            headers.set("authorization", token.expose().clone());
        }
        (Credential::Signed(keys), _) => {
            let unsigned = Unsigned {
                method: said(headers, ":method"),
                authority: said(headers, ":authority"),
                path: said(headers, ":path"),
                content_type: headers
                    .says("content-type")
                    .then(|| said(headers, "content-type")),
                body,
            };
            let signature = sign(keys, &unsigned, today).map_err(NotSent::Unsignable)?;
            for (name, value) in signature {
                headers.set(name, value);
            }
        }
        (Credential::Open, _) | (Credential::Passthrough, None) => {}
    }
    Ok(())
}

/// A caller's own credential, as the provider reads one: at Vertex callers have tokens, and keys are ours.
fn passed_on(dialect: Dialect, key: &HeaderSecret) -> (&'static str, HeaderSecret) {
    match dialect {
        Dialect::VertexGemini | Dialect::VertexAnthropic => {
            let bearer = [b"Bearer ", key.expose().as_ref()].concat();
            ("authorization", HeaderSecret::new(bearer.into()))
        }
        _ => (
            dialect.credential_header(),
            dialect.credential_value(key.expose()),
        ),
    }
}

/// What a header is set to; nothing, if it is not text.
fn said<'h>(headers: &'h HeaderChanges, name: &str) -> &'h str {
    let set = headers
        .set
        .iter()
        .find(|(set, _)| set.as_ref() == name.as_bytes());
    set.and_then(|(_, value)| std::str::from_utf8(value).ok())
        .unwrap_or_default()
}
