//! What a client got.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use serde_json::Value;

/// An answer that was read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Which HTTP it came in.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// One attempt, as `x-understudy-trail` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The provider.
    pub provider: String,
    /// `ok`, or the class of the failure.
    pub class: String,
    /// The status, when there was one.
    pub status: Option<u16>,
    /// How long it took.
    pub millis: Option<u64>,
}

impl Answer {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} with {:?}", self.status, self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The attempts that `x-understudy-trail` tells.
    pub fn trail(&self) -> Vec<Hop> {
        trail(&self.headers)
    }

    /// The trail in short: `["a rate_limited", "b ok"]`.
    pub fn hops(&self) -> Vec<String> {
        hops(&self.trail())
    }
}

pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

pub(super) fn trail(headers: &HeaderMap) -> Vec<Hop> {
    let text = header(headers, "x-understudy-trail").unwrap_or_default();
    text.split(", ").filter(|hop| !hop.is_empty()).map(hop).collect()
}

pub(super) fn hops(trail: &[Hop]) -> Vec<String> {
    trail
        .iter()
        .map(|hop| format!("{} {}", hop.provider, hop.class))
        .collect()
}

/// `openai;rate_limited;429;12ms`
fn hop(text: &str) -> Hop {
    let parts: Vec<&str> = text.split(';').collect();
    let [provider, class, status, millis] = parts[..] else {
        panic!("`{text}` is no hop of a trail");
    };
    Hop {
        provider: provider.to_owned(),
        class: class.to_owned(),
        status: status.parse().ok(),
        millis: millis.strip_suffix("ms").and_then(|number| number.parse().ok()),
    }
}
