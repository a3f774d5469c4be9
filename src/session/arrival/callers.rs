//! Who calls, told by the credential that came along.
//!
//! Invariant: a key is compared as a digest, in constant time, with every client's.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Refusal;
use crate::catalog::{Catalog, ClientIx, Clients, HeaderSecret};
use crate::outcome::openai_error;
use crate::session::operations::{Headers, Reply};

/// Headers in which a caller's credential may come, the first that is there counts.
const CREDENTIALS: [&str; 4] = ["authorization", "api-key", "apikey", "x-api-key"];

pub(super) fn credential<H: Headers>(headers: &H) -> Option<HeaderSecret> {
    let value = CREDENTIALS.iter().find_map(|name| headers.first(name))?;
    let scheme = value
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    let key = if scheme { value.slice(7..) } else { value.clone() };
    let key = key.slice_ref(key.trim_ascii());
    (!key.is_empty()).then(|| HeaderSecret::new(key))
}

pub(super) fn authenticate(
    catalog: &Catalog,
    key: Option<&HeaderSecret>,
) -> Result<Option<ClientIx>, Box<Refusal>> {
    let Clients::Named(clients) = &catalog.clients else {
        return Ok(None);
    };
    let refuse = |message| {
        let body = openai_error("invalid_request_error", Some("invalid_api_key"), None, message);
        let reply = Reply {
            status: 401,
            headers: vec![("www-authenticate", "Bearer".into())],
            body,
            details: "unauthenticated",
        };
        Box::new(Refusal { reply, client: None })
    };
    let Some(key) = key else {
        return Err(refuse(
            "no API key was sent; send it as `Authorization: Bearer <key>` or `api-key: <key>`",
        ));
    };
    let digest: [u8; 32] = Sha256::digest(key.expose()).into();
    let mut found = None;
    for (position, client) in clients.iter().enumerate() {
        if bool::from(client.key_digest.ct_eq(&digest)) {
            found = Some(ClientIx(position));
        }
    }
    found
        .map(Some)
        .ok_or_else(|| refuse("the API key is not one of this gateway's clients"))
}
