//! What one response object says: a whole answer, or one event of a stream.
//!
//! Invariant: strange values under known names are absent ones, and parts of unknown kinds say nothing. It knows
//! nothing of what came before.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::end::{End, Heard};
use crate::dialect::hub::{Finish, Object};
use crate::dialect::language::NoAnswer;
use crate::dialect::usage::Usage;

/// Most candidates that are looked at: more than can be asked for.
const MOST_CANDIDATES: u64 = 128;

/// One response object.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    /// Its id; empty when it has none.
    pub(super) id: Cow<'a, str>,
    /// The model that answers; empty when it is not named.
    pub(super) model: Cow<'a, str>,
    pub(super) candidates: Vec<Candidate<'a>>,
    /// Why the prompt was not let through to the model.
    pub(super) blocked: Option<Cow<'a, str>>,
    pub(super) usage: Option<Usage>,
}

/// One of the answers, or a piece of it.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) index: u64,
    pub(super) parts: Vec<Part<'a>>,
    /// There are parts beside those.
    pub(super) has_more: bool,
    pub(super) end: Option<End>,
}

/// A part of an answer.
#[derive(Debug)]
pub(super) enum Part<'a> {
    Text(Cow<'a, str>),
    Thought(Cow<'a, str>),
    Call(Call<'a>),
}

/// A function that is to be called.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// Its id; empty when it has none.
    pub(super) id: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    /// A JSON object.
    pub(super) arguments: Cow<'a, str>,
    pub(super) signature: Option<Cow<'a, str>>,
}

impl<'a> Reply<'a> {
    /// The reply that `json` is; an error may stand in its place.
    pub(super) fn read(json: &'a str) -> Result<Reply<'a>, NoAnswer> {
        if let Some(object) = Object::parse(json)
            && object.get("error").is_none()
        {
            return Ok(Self::of(&object));
        }
        match complaint(json) {
            Some(error) => Err(NoAnswer::Error(Bytes::copy_from_slice(error.as_bytes()))),
            None if serde_json::from_str::<IgnoredAny>(json).is_ok() => Err(NoAnswer::WrongShape),
            None => Err(NoAnswer::Unreadable),
        }
    }

    fn of(object: &Object<'a>) -> Reply<'a> {
        let candidates = object.list("candidates").unwrap_or_default();
        let candidates = candidates.into_iter().zip(0..MOST_CANDIDATES);
        Reply {
            id: object.word("responseId").unwrap_or_default(),
            model: object.word("modelVersion").unwrap_or_default(),
            candidates: candidates
                .filter_map(|(raw, position)| Candidate::read(raw, position))
                .collect(),
            blocked: object
                .object("promptFeedback")
                .and_then(|feedback| feedback.word("blockReason"))
                .filter(|reason| reason != "BLOCK_REASON_UNSPECIFIED"),
            usage: object
                .object("usageMetadata")
                .and_then(|usage| read_usage(&usage)),
        }
    }

    /// Does it say anything that a reply can say?
    pub(super) fn is_reply(&self) -> bool {
        let is_named = !self.id.is_empty() || !self.model.is_empty();
        is_named || !self.candidates.is_empty() || self.blocked.is_some() || self.usage.is_some()
    }
}

impl<'a> Candidate<'a> {
    fn read(raw: &'a RawValue, position: u64) -> Option<Candidate<'a>> {
        let object = Object::read(raw)?;
        let parts = object
            .object("content")
            .and_then(|content| content.list("parts"))
            .unwrap_or_default();
        let count = parts.len();
        let parts: Vec<_> = parts.into_iter().filter_map(Part::read).collect();
        Some(Candidate {
            index: object.count("index").unwrap_or(position),
            has_more: parts.len() < count,
            parts,
            end: object
                .word("finishReason")
                .and_then(|reason| End::from_word(&reason)),
        })
        .filter(|candidate| candidate.index < MOST_CANDIDATES)
    }
}

impl Candidate<'_> {
    /// How it finished, taken as a whole.
    pub(super) fn finish(&self) -> Result<Finish, NoAnswer> {
        let parts = || self.parts.iter();
        let heard = Heard {
            has_said: parts().any(|part| matches!(part, Part::Text(text) if !text.is_empty())),
            calls: parts().filter(|part| matches!(part, Part::Call(_))).count(),
            has_more: self.has_more,
        };
        match &self.end {
            Some(end) => end.finish(heard),
            None if heard.has_said || heard.calls > 0 => End::Stop.finish(heard),
            None => Err(NoAnswer::Empty),
        }
    }
}

impl<'a> Part<'a> {
    fn read(raw: &'a RawValue) -> Option<Part<'a>> {
        let object = Object::read(raw)?;
        if let Some(call) = object.object("functionCall") {
            let arguments = call.get("args").map(RawValue::get);
            return Some(Self::Call(Call {
                id: call.word("id").unwrap_or_default(),
                name: call.word("name")?,
                arguments: arguments
                    .filter(|json| json.starts_with('{'))
                    .map_or(Cow::Borrowed("{}"), compact),
                signature: object.word("thoughtSignature"),
            }));
        }
        let text = object.word("text")?;
        Some(if object.flag("thought") == Some(true) {
            Self::Thought(text)
        } else {
            Self::Text(text)
        })
    }
}

impl<'a> Call<'a> {
    /// Its id, or one that is always the same for this place in this answer, and for no other.
    pub(super) fn id_in(&self, answer: &str, choice: u64, index: usize) -> Cow<'a, str> {
        if !self.id.is_empty() {
            return self.id.clone();
        }
        let digest = Sha256::digest(format!("{choice} {index} {answer}"));
        let digits = digest.iter().take(12).map(|byte| format!("{byte:02x}"));
        Cow::Owned(digits.fold("call_".to_owned(), |id, digit| id + &digit))
    }
}

/// The error that the JSON at the beginning of `text` tells: an object that has `error` at its top, by itself or in
/// a list.
pub(super) fn complaint(text: &str) -> Option<&str> {
    let tells_error = |raw: &&RawValue| Object::read(raw).is_some_and(|object| object.get("error").is_some());
    let first: &RawValue = serde_json::Deserializer::from_str(text)
        .into_iter()
        .next()?
        .ok()?;
    let error = Some(first).filter(tells_error).or_else(|| {
        let list: Vec<&RawValue> = serde_json::from_str(first.get()).ok()?;
        list.into_iter().find(tells_error)
    });
    error.map(RawValue::get)
}

fn read_usage(object: &Object<'_>) -> Option<Usage> {
    let sum = |names: [&str; 2]| {
        let counts = names.map(|name| object.count(name));
        counts.iter().any(Option::is_some).then(|| {
            let [first, second] = counts.map(Option::unwrap_or_default);
            first.saturating_add(second)
        })
    };
    let input = sum(["promptTokenCount", "toolUsePromptTokenCount"]);
    let output = sum(["candidatesTokenCount", "thoughtsTokenCount"]);
    // Some events only tell how the traffic is billed.
    input.or(output)?;
    Some(Usage {
        input: input.unwrap_or_default(),
        cached_input: object.count("cachedContentTokenCount").unwrap_or_default(),
        cache_write: 0,
        output: output.unwrap_or_default(),
        reasoning: object.count("thoughtsTokenCount").unwrap_or_default(),
    })
}

/// The same JSON on one line: whole answers are written for people to read.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.contains(['\n', '\r']) {
        return Cow::Borrowed(json);
    }
    let (mut is_in_string, mut is_escaped) = (false, false);
    let is_meant = |char: &char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match char {
            '\\' => is_escaped = !was_escaped,
            '"' if !was_escaped => is_in_string = !is_in_string,
            _ => {}
        }
        is_in_string || !matches!(char, ' ' | '\t' | '\n' | '\r')
    };
    Cow::Owned(json.chars().filter(is_meant).collect())
}
