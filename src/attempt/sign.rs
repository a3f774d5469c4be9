//! Signatures of AWS (Signature Version 4) over requests that are complete.
//!
//! Invariant: the same keys, request and moment give the same headers, and whatever changes in the request makes
//! another signature; so it comes last, anew for each attempt. The secret key leaves this file only as a signature.
//! It knows no clock and sends nothing.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{self, SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4;
use bytes::Bytes;

use crate::catalog::SigningKeys;

/// The service that every request is for.
const SERVICE: &str = "bedrock";

/// A request that is complete but for its signature, as it will be on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsigned<'a> {
    /// `POST`.
    pub(super) method: &'a str,
    /// The host, as the request will say it.
    pub(super) authority: &'a str,
    /// Percent-encoded, with its query.
    pub(super) path: &'a str,
    /// Where there is a body.
    pub(super) content_type: Option<&'a str>,
    /// The whole body.
    pub(super) body: &'a [u8],
}

/// A request that cannot be signed, because it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsignable;

impl fmt::Display for Unsignable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request cannot be signed: its host, path or content type is malformed")
    }
}

impl std::error::Error for Unsignable {}

/// The headers that make the request a signed one: `authorization`, `x-amz-date`, and for temporary keys
/// `x-amz-security-token`.
pub(super) fn sign(
    keys: &SigningKeys,
    request: &Unsigned<'_>,
    today: SystemTime,
) -> Result<Vec<(&'static str, Bytes)>, Unsignable> {
    let keys = keys.keys();
    let token = keys.session_token.as_ref();
    let credentials = Credentials::new(
        keys.access_key_id.expose(),
        keys.secret_access_key.expose(),
        token.map(|token| token.expose().to_owned()),
        None,
        SERVICE,
    );
    signed(credentials, &keys.region, request, today)
}

fn signed(
    credentials: Credentials,
    region: &str,
    request: &Unsigned<'_>,
    today: SystemTime,
) -> Result<Vec<(&'static str, Bytes)>, Unsignable> {
    let identity = credentials.into();
    // The path is encoded once more and the token is signed too: the defaults, and what all services but S3 want.
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(today)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| Unsignable)?
        .into();
    // The host is said as a header, so that no port is taken off that the request will name.
    let headers = [("host", request.authority)]
        .into_iter()
        .chain(request.content_type.map(|value| ("content-type", value)));
    let uri = format!("https://{}{}", request.authority, request.path);
    let body = SignableBody::Bytes(request.body);
    let request = SignableRequest::new(request.method, uri, headers, body).map_err(|_| Unsignable)?;
    let signed = http_request::sign(request, &params).map_err(|_| Unsignable)?;
    let (instructions, _) = signed.into_parts();
    let (headers, _) = instructions.into_parts();
    let owned = headers.iter().map(|header| {
        let value = Bytes::copy_from_slice(header.value().as_bytes());
        (header.name(), value)
    });
    Ok(owned.collect())
}

#[cfg(test)]
mod tests;
