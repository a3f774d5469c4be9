//! Asks a provider for the usage of a stream, by one edit of the request.
//!
//! Invariant: everything that the caller wrote stays as it was written; only what asks for the usage is added or
//! turned. It does not judge the request: options that are no object stay what they are.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::scan::key;

/// One edit of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// What goes.
    pub at: Range<usize>,
    /// What comes in its place.
    pub text: &'static str,
}

impl Splice {
    /// The body with the edit.
    pub fn apply(&self, body: &[u8]) -> Bytes {
        let (before, after) = (&body[..self.at.start], &body[self.at.end..]);
        Bytes::from([before, self.text.as_bytes(), after].concat())
    }
}

/// The edit that makes the request in `body` ask for the usage of its stream; `None` when it asks already, or cannot.
///
/// If there is one, the caller did not ask, and must not see what it gets: [`UsageFor::Us`](super::UsageFor::Us).
/// `body` is a request that [`scan`](super::super::scan::scan) has read; places that were found in it before the
/// edit hold after it only if they stand before the edit, so other edits are better made first.
pub fn include_usage(body: &[u8]) -> Option<Splice> {
    const OPTIONS: &str = "stream_options";
    // As text in a prompt its quotes would be escaped, so mostly this is the key or nothing.
    let is_there = memmem::find(body, br#""stream_options""#).is_some();
    let Some(options) = is_there.then(|| field(body, OPTIONS)).flatten() else {
        return append(
            body,
            [
                r#""stream_options":{"include_usage":true}"#,
                r#","stream_options":{"include_usage":true}"#,
            ],
        );
    };
    let at = place(body, options);
    if options == "null" {
        return Some(Splice {
            at,
            text: r#"{"include_usage":true}"#,
        });
    }
    let Some(asked) = field(options.as_bytes(), "include_usage") else {
        let end = append(
            options.as_bytes(),
            [r#""include_usage":true"#, r#","include_usage":true"#],
        )?;
        return Some(Splice {
            at: at.start + end.at.start..at.start + end.at.end,
            text: end.text,
        });
    };
    (asked != "true").then(|| Splice {
        at: place(body, asked),
        text: "true",
    })
}

/// Adds a field at the end of an object: the first text if it is empty, or else the second.
fn append(object: &[u8], [alone, further]: [&'static str; 2]) -> Option<Splice> {
    let inner = object.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
    let is_empty = inner.trim_ascii_start() == b"{";
    object.trim_ascii_start().starts_with(b"{").then_some(Splice {
        at: inner.len()..inner.len(),
        text: if is_empty { alone } else { further },
    })
}

/// The value of a field of the object in `json`; of several, the last, as most readers of JSON see it.
fn field<'a>(json: &'a [u8], name: &'static str) -> Option<&'a str> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    deserializer.deserialize_map(Field(name)).ok()?
}

/// Where a part of `body` stands in it.
fn place(body: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - body.as_ptr().addr();
    start..start + part.len()
}

struct Field(&'static str);

impl<'de> Visitor<'de> for Field {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(IsName(self.0))? {
            if is_it {
                found = Some(map.next_value::<&RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct IsName(&'static str);

impl<'de> DeserializeSeed<'de> for IsName {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        key(deserializer, |name| name == self.0)
    }
}
