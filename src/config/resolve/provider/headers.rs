//! Static extra headers of a provider.
//!
//! Invariant: no header that frames a message, names the host, carries a credential of a provider's dialect
//! or belongs to Envoy and Understudy can be set here.

use http::{HeaderName, HeaderValue};

use super::super::{Layers, Resolver};
use crate::config::mistake::Invalid;
use crate::config::raw::{Entries, RawAccount, RawSecret};

/// Headers that the way to the provider owns.
const FRAMING: [&str; 15] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];
/// Headers that carry a provider's key, or sign for it.
const CREDENTIALS: [&str; 8] = [
    "authorization",
    "api-key",
    "apikey",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-api-key",
    "x-goog-api-key",
];
/// Families of headers between Envoy and Understudy.
const INTERNAL: [&str; 3] = ["x-envoy-", "x-understudy-", "x-forwarded-"];

/// A header by its checked name.
type Header = (HeaderName, HeaderValue);

/// The headers of every section; a more specific one replaces those of the same name.
pub(super) fn resolve(
    account: &Layers<'_, RawAccount>,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Vec<Header>> {
    let sections = account.within("headers", |account| account.headers.as_ref());
    let mut merged: Vec<Header> = Vec::new();
    let mut is_whole = true;
    for (section, at) in sections.iter().rev() {
        match read(section, at, resolver) {
            Some(headers) => headers.into_iter().for_each(|header| put(&mut merged, header)),
            None => is_whole = false,
        }
    }
    is_whole.then_some(merged)
}

fn put(merged: &mut Vec<Header>, (name, value): Header) {
    match merged.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = value,
        None => merged.push((name, value)),
    }
}

fn read(
    section: &Entries<RawSecret>,
    at: &crate::config::ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Vec<Header>> {
    let mut headers: Vec<Header> = Vec::new();
    let mut is_whole = true;
    for (name, RawSecret(text)) in section.iter() {
        let at = at.key(name);
        let header = header_name(name).and_then(|name| {
            if headers.iter().any(|(known, _)| *known == name) {
                return Err(Invalid::new("is here twice, in different cases").hint("keep one"));
            }
            let text = resolver.vault.text(text)?;
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| Invalid::new("the value has characters that no header can carry"))?;
            value.set_sensitive(true);
            Ok((name, value))
        });
        match header {
            Ok(header) => headers.push(header),
            Err(invalid) => {
                resolver.report.refuse(&at, invalid);
                is_whole = false;
            }
        }
    }
    is_whole.then_some(headers)
}

fn header_name(text: &str) -> Result<HeaderName, Invalid> {
    let name = HeaderName::try_from(text).map_err(|_| {
        Invalid::new("is no name for a header")
            .hint("use letters, digits and `-`, as in `OpenAI-Organization`")
    })?;
    if CREDENTIALS.contains(&name.as_str()) {
        return Err(Invalid::new("carries the provider's key").hint("write `api_key` instead"));
    }
    if FRAMING.contains(&name.as_str()) {
        return Err(Invalid::new("is set for each request by what it is").hint("leave it out"));
    }
    if INTERNAL.iter().any(|family| name.as_str().starts_with(family)) {
        return Err(Invalid::new("is internal to Envoy and Understudy").hint("leave it out"));
    }
    Ok(name)
}
