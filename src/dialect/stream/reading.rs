//! What one JSON value of an answer says: one event of a stream, or a whole answer.
//!
//! Invariant: one pass and no tree; the values that are looked at are lent. Strange values under known names are
//! absent ones; only what is no JSON at all, or has choices that are no list, cannot be read. Text is never decoded,
//! so half of a surrogate pair, which is legal in a fragment, does no harm. It knows nothing of what came before.

mod choice;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::scan::key;
use choice::ChoiceList;

/// What is to be looked for, beyond what always is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Whether anything is said: content, a call, reasoning.
    pub(super) meaning: bool,
    /// The model's name.
    pub(super) model: bool,
}

impl Wanted {
    /// Nothing more.
    pub(super) const LEAST: Wanted = Wanted {
        meaning: false,
        model: false,
    };
}

/// What kind of value it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Shape {
    Object,
    Array,
    Null,
    #[default]
    Other,
}

/// Is a list there, and is anything in it?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Presence {
    #[default]
    Absent,
    Empty,
    Filled,
}

/// An error, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Complaint<'a> {
    /// The value as a whole is one, or has one at its top.
    Whole,
    /// One further in: its JSON.
    Inner(&'a str),
    /// An answer was given up, for this reason: a JSON string.
    GivenUp(&'a str),
}

/// What one JSON value says.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) shape: Shape,
    pub(super) complaint: Option<Complaint<'a>>,
    pub(super) choices: Presence,
    pub(super) data: Presence,
    /// Only if it was wanted.
    pub(super) is_meaningful: bool,
    /// The choices that have an entry, one bit each.
    pub(super) begun: u128,
    /// The choices that came to their end, one bit each.
    pub(super) finished: u128,
    /// Why one of them did, as a JSON string.
    pub(super) finish_reason: Option<&'a str>,
    /// The value of `usage`, as it was written.
    pub(super) usage: Option<&'a str>,
    /// Usage may stand further in.
    pub(super) has_inner_usage: bool,
    /// Only if it was wanted.
    pub(super) model: Option<&'a str>,
}

/// Reads `json`, which is one value and nothing else.
pub(super) fn read(json: &[u8], wanted: Wanted) -> serde_json::Result<Said<'_>> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let said = deserializer.deserialize_any(Document { wanted })?;
    deserializer.end()?;
    Ok(said)
}

/// Reads the value at the beginning of `json`, whatever follows it.
pub(super) fn read_first(json: &[u8], wanted: Wanted) -> serde_json::Result<Said<'_>> {
    serde_json::Deserializer::from_slice(json).deserialize_any(Document { wanted })
}

/// The same bytes with whatever is not UTF-8 replaced, if there is any; that alone makes no answer unreadable.
pub(super) fn mended(json: &[u8]) -> Option<Vec<u8>> {
    match String::from_utf8_lossy(json) {
        Cow::Borrowed(_) => None,
        Cow::Owned(text) => Some(text.into_bytes()),
    }
}

/// Would a client take this for true? That is how they tell an error from the absence of one.
fn is_truthy(raw: &str) -> bool {
    !matches!(raw, "null" | "false" | "0" | "\"\"") && !is_hollow(raw)
}

/// Does it hold something: text, elements, fields?
fn has_substance(raw: &str) -> bool {
    raw.starts_with(['"', '[', '{']) && is_truthy(raw)
}

/// A list or object without anything in it.
fn is_hollow(raw: &str) -> bool {
    let inner = raw
        .strip_prefix('[')
        .and_then(|raw| raw.strip_suffix(']'))
        .or_else(|| raw.strip_prefix('{').and_then(|raw| raw.strip_suffix('}')));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

/// The top of an answer.
struct Document {
    wanted: Wanted,
}

/// The fields that are looked at.
#[derive(Clone, Copy)]
enum Name {
    Error,
    /// What errors have at their top when they have no `error`.
    Complaint,
    ObjectOrType,
    Choices,
    Data,
    Usage,
    Model,
    XGroq,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        key(deserializer, |name| match name {
            "error" => Self::Error,
            "errors" | "message" | "detail" => Self::Complaint,
            "object" | "type" => Self::ObjectOrType,
            "choices" => Self::Choices,
            "data" => Self::Data,
            "usage" => Self::Usage,
            "model" => Self::Model,
            "x_groq" => Self::XGroq,
            _ => Self::Other,
        })
    }
}

impl<'de> Visitor<'de> for Document {
    type Value = Said<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_unit<E: Error>(self) -> Result<Said<'de>, E> {
        Ok(Said {
            shape: Shape::Null,
            ..Said::default()
        })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Said<'de>, E> {
        Ok(Said::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Said<'de>, E> {
        Ok(Said::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Said<'de>, E> {
        Ok(Said::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Said<'de>, E> {
        Ok(Said::default())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Said<'de>, E> {
        Ok(Said::default())
    }

    /// Some put their error into a list of one.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Said<'de>, A::Error> {
        let first: Option<&RawValue> = seq.next_element()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        let first = first.filter(|first| first.get().starts_with('{'));
        let is_error = first
            .and_then(|first| read(first.get().as_bytes(), Wanted::LEAST).ok())
            .is_some_and(|said| said.complaint.is_some());
        Ok(Said {
            shape: Shape::Array,
            complaint: is_error.then_some(Complaint::Whole),
            ..Said::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said<'de>, A::Error> {
        let mut said = Said {
            shape: Shape::Object,
            ..Said::default()
        };
        let mut signs = Signs::default();
        while let Some(name) = map.next_key()? {
            match name {
                Name::Error => signs.has_error = is_truthy(raw(&mut map)?),
                Name::Complaint => signs.looks_like_error |= has_substance(raw(&mut map)?),
                Name::ObjectOrType => signs.looks_like_error |= raw(&mut map)? == r#""error""#,
                Name::Choices => map.next_value_seed(ChoiceList {
                    wanted: self.wanted,
                    said: &mut said,
                })?,
                Name::Data => said.data = presence(raw(&mut map)?),
                Name::Usage => said.usage = Some(raw(&mut map)?),
                Name::Model if self.wanted.model => said.model = Some(raw(&mut map)?),
                Name::XGroq => signs.x_groq = Some(raw(&mut map)?),
                Name::Model | Name::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        signs.judge(&mut said);
        Ok(said)
    }
}

/// What may turn out to be an error once the whole object is known.
#[derive(Default)]
struct Signs<'a> {
    has_error: bool,
    /// It does if it is no answer.
    looks_like_error: bool,
    x_groq: Option<&'a str>,
}

impl<'a> Signs<'a> {
    fn judge(self, said: &mut Said<'a>) {
        let no_answer = said.choices == Presence::Absent && said.data == Presence::Absent;
        if self.has_error || (self.looks_like_error && no_answer) {
            said.complaint = Some(Complaint::Whole);
        }
        let extra = self
            .x_groq
            .and_then(|raw| serde_json::from_str::<Extra<'_>>(raw).ok())
            .unwrap_or_default();
        said.has_inner_usage = extra.usage.is_some();
        let error = extra.error.map(RawValue::get).filter(|error| is_truthy(error));
        said.complaint = said.complaint.or(error.map(Complaint::Inner));
    }
}

/// What one vendor adds to its chunks.
#[derive(Default, serde::Deserialize)]
struct Extra<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// The next value, as it was written.
fn raw<'de, A: MapAccess<'de>>(map: &mut A) -> Result<&'de str, A::Error> {
    map.next_value::<&RawValue>().map(RawValue::get)
}

fn presence(raw: &str) -> Presence {
    match raw {
        _ if !raw.starts_with('[') => Presence::Absent,
        _ if is_hollow(raw) => Presence::Empty,
        _ => Presence::Filled,
    }
}
