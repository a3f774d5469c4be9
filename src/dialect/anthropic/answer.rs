//! Reads a complete answer.
//!
//! Invariant: blocks are told by their type, never by their place, and kinds that the hub has no word for (what a
//! server's own tools did) are passed over.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::end::{self, Counts};
use crate::dialect::hub::{Answer, Choice, Object, Said};
use crate::dialect::language::{About, NoAnswer};

const BOM: &[u8] = "\u{feff}".as_bytes();

/// Whether a turn without a word is an answer: it is one for those who read it in its own form, if it says why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    Counts,
    IsEmpty,
}

/// The answer in `body`.
pub(super) fn read<'a>(body: &'a [u8], about: &About<'a>, silence: Silence) -> Result<Answer<'a>, NoAnswer> {
    let json = std::str::from_utf8(body.strip_prefix(BOM).unwrap_or(body));
    let json = json.map_err(|_| NoAnswer::Unreadable)?;
    let raw: &RawValue = serde_json::from_str(json).map_err(|_| NoAnswer::Unreadable)?;
    let message = Object::read(raw).ok_or(NoAnswer::WrongShape)?;
    if message.get("error").is_some() {
        return Err(NoAnswer::Error(Bytes::copy_from_slice(json.as_bytes())));
    }
    let blocks = message.list("content").ok_or(NoAnswer::WrongShape)?;
    let mut content = Content::default();
    for block in blocks {
        content.add(block).ok_or(NoAnswer::WrongShape)?;
    }
    let mut counts = Counts::default();
    if let Some(usage) = message.object("usage") {
        counts.add(&usage);
    }
    Ok(Answer {
        id: named(&message, "id").unwrap_or(Cow::Borrowed(about.id)),
        created: about.created,
        model: named(&message, "model").unwrap_or(Cow::Borrowed(about.model)),
        choices: vec![content.into_choice(&message, silence)?],
        usage: counts.usage(),
    })
}

/// What the blocks say, by kind.
#[derive(Default)]
struct Content<'a> {
    texts: Vec<Cow<'a, str>>,
    thoughts: Vec<Cow<'a, str>>,
    calls: Vec<Said<'a>>,
    /// There is a block that is no text: thoughts without a word, what a server's own tools found.
    has_other: bool,
}

impl<'a> Content<'a> {
    /// Adds a block; `None` if it is none, or a call without its name or its id.
    fn add(&mut self, raw: &'a RawValue) -> Option<()> {
        let block = Object::read(raw)?;
        let kind = block.word("type")?;
        self.has_other |= kind != "text";
        match kind.as_ref() {
            "text" => self.texts.extend(block.word("text")),
            "thinking" => self.thoughts.extend(block.word("thinking")),
            "tool_use" => self.calls.push(Said {
                id: block.word("id")?,
                name: block.word("name")?,
                // As it was written: its white space is its maker's.
                arguments: Cow::Borrowed(block.get("input").map_or("{}", RawValue::get)),
                signature: None,
            }),
            _ => {}
        }
        Some(())
    }

    fn into_choice(self, message: &Object<'a>, silence: Silence) -> Result<Choice<'a>, NoAnswer> {
        let finish = end::finish(message.word("stop_reason").as_deref(), !self.calls.is_empty());
        let (text, reasoning) = (joined(self.texts), joined(self.thoughts));
        let refusal = message
            .object("stop_details")
            .filter(|details| details.word("type").as_deref() == Some("refusal"))
            .and_then(|details| named(&details, "explanation"));
        let says_something = text.is_some() || self.has_other;
        let is_turn = silence == Silence::Counts && message.word("stop_reason").is_some();
        if !is_turn && end::is_empty(finish, says_something) {
            return Err(NoAnswer::Empty);
        }
        Ok(Choice {
            text,
            reasoning,
            refusal,
            calls: self.calls,
            finish,
        })
    }
}

/// A text of that name, if anything is in it.
fn named<'a>(object: &Object<'a>, name: &str) -> Option<Cow<'a, str>> {
    object.word(name).filter(|word| !word.is_empty())
}

/// All of it as one text, without a copy where there is but one; `None` if nothing is in it.
fn joined(texts: Vec<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    let mut texts = texts.into_iter().filter(|text| !text.is_empty());
    let mut whole = texts.next()?;
    for text in texts {
        whole.to_mut().push_str(&text);
    }
    Some(whole)
}
