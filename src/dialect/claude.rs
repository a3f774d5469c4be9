//! What Claude's makers want of a request, in whichever of the two languages it is written.
//!
//! Invariant: a limit on the answer that the caller named is never raised, and nothing here knows how a request is
//! written, but for the values that are the same in both.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::facts::Facts;
use super::hub::{Effort, Object, Text};

/// Stands in for the mode that is lacking: whoever asks for any JSON has to say so in words anyway.
pub(super) const JSON_ONLY: &str = "Answer with one JSON object and nothing else.";

/// What the user says where somebody must say something and nobody does.
pub(super) const NOTHING: &str = ".";

/// The least budget that is legal.
const LEAST_BUDGET: u64 = 1024;

/// Room for the answer itself, where nobody limited it.
const ROOM: u64 = 4096;

/// How the model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Enabled {
        /// Tokens, which count among those of the answer.
        budget_tokens: u64,
    },
    Adaptive,
    Disabled,
}

impl Thinking {
    /// So many tokens for this effort, as the limit of the answer allows; `None` where it leaves no room for thoughts.
    pub(super) fn by_budget(effort: Effort, limit: Option<u64>) -> Option<Thinking> {
        let wanted = match effort {
            Effort::None | Effort::Minimal | Effort::Low => LEAST_BUDGET,
            Effort::Medium => 8192,
            Effort::High | Effort::XHigh | Effort::Max => 24_576,
        };
        // A caller's limit is a promise about cost; a quarter of it stays for the answer.
        let budget_tokens = limit.map_or(wanted, |limit| wanted.min(limit - limit / 4));
        (budget_tokens >= LEAST_BUDGET).then_some(Self::Enabled { budget_tokens })
    }

    /// Is it told to think, so that some ways of picking words are closed to it?
    pub(super) fn is_aloud(self) -> bool {
        matches!(self, Self::Enabled { .. } | Self::Adaptive)
    }
}

/// The limit of an answer where the caller named none.
pub(super) fn limit(thinking: Option<Thinking>, facts: &Facts) -> u64 {
    match thinking {
        Some(Thinking::Enabled { budget_tokens }) => facts.default_max_tokens.max(budget_tokens + ROOM),
        _ => facts.default_max_tokens,
    }
}

/// The effort in the model's words: the greatest that it knows and that asks for no more.
pub(super) fn word(effort: Effort, facts: &Facts) -> Option<&'static str> {
    let effort = effort.max(Effort::Low);
    let known = Effort::ALL.into_iter().rev();
    let mut words = known
        .filter(|known| (Effort::Low..=effort).contains(known))
        .map(Effort::as_str);
    let is_refused = |word: &str| facts.refused_efforts.iter().any(|refused| refused == word);
    words.find(|word| !is_refused(word))
}

/// Takes white space from the end of a text: words for the model to go on from may not end in it.
pub(super) fn trim_end(text: &mut Text<'_>) {
    let decoded = text.decoded();
    let trimmed = decoded.trim_end();
    if trimmed.len() < decoded.len() {
        *text = Text::Own(Cow::Owned(trimmed.to_owned()));
    }
}

/// The schema of a tool's arguments; they must be said to be an object.
pub(super) enum Schema<'a> {
    /// It takes none.
    Nothing,
    AsWritten(&'a RawValue),
    /// It does not say that it is an object.
    Untyped(Object<'a>),
}

impl<'a> Schema<'a> {
    pub(super) fn of(parameters: Option<&'a RawValue>) -> Self {
        let Some(raw) = parameters else {
            return Self::Nothing;
        };
        match Object::read(raw) {
            Some(object) if object.get("type").is_none() => Self::Untyped(object),
            _ => Self::AsWritten(raw),
        }
    }
}

impl Serialize for Schema<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object = match self {
            Self::AsWritten(raw) => return raw.serialize(serializer),
            Self::Nothing => None,
            Self::Untyped(object) => Some(object),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "object")?;
        for (name, value) in object.into_iter().flat_map(Object::members) {
            map.serialize_entry(name, value)?;
        }
        if object.is_none_or(|object| object.get("properties").is_none()) {
            map.serialize_entry("properties", &Empty {})?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Empty {}
