//! A complete answer in the form of Anthropic's surface.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{call_id, stop_reason};
use crate::dialect::hub::{Answer, Arguments, Choice, Said, Text};
use crate::dialect::usage::Usage;

/// The first of the answers; this surface has no more than one.
pub(in crate::dialect) fn write_answer(answer: &Answer<'_>) -> Bytes {
    let choice = answer.choices.first();
    let reason = choice.map_or("end_turn", |choice| {
        stop_reason(choice.finish, !choice.calls.is_empty(), choice.refusal.is_some())
    });
    let message = Message {
        id: &answer.id,
        kind: "message",
        role: "assistant",
        model: &answer.model,
        content: choice.map(blocks).unwrap_or_default(),
        stop_reason: Some(reason),
        stop_sequence: (),
        usage: WrittenUsage::of(answer.usage.unwrap_or_default()),
    };
    serde_json::to_vec(&message)
        .expect("plain values are written without failure")
        .into()
}

fn blocks<'a>(choice: &'a Choice<'_>) -> Vec<Block<'a>> {
    let texts = [&choice.text, &choice.refusal].into_iter().flatten();
    let texts = texts
        .filter(|text| !text.trim().is_empty())
        .map(|text| Block::Text { text });
    texts.chain(choice.calls.iter().map(Block::of)).collect()
}

/// A message, as an answer or as the beginning of a stream.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) role: &'static str,
    pub(super) model: &'a str,
    pub(super) content: Vec<Block<'a>>,
    pub(super) stop_reason: Option<&'static str>,
    pub(super) stop_sequence: (),
    pub(super) usage: WrittenUsage,
}

/// A block of an answer.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    /// Text.
    Text {
        /// All of it.
        text: &'a str,
    },
    /// A call of a tool.
    ToolUse {
        /// Its id.
        id: Cow<'a, str>,
        /// The tool's name.
        name: &'a str,
        /// Its arguments, an object.
        input: Cow<'a, RawValue>,
    },
}

impl<'a> Block<'a> {
    fn of(call: &'a Said<'_>) -> Self {
        Self::ToolUse {
            id: call_id(&call.id),
            name: &call.name,
            input: input(&call.arguments),
        }
    }
}

/// The arguments of a call as an object. What the model wrote wrong is told as it is: an empty object might be a call
/// that does more than was meant.
fn input(arguments: &str) -> Cow<'_, RawValue> {
    #[derive(Serialize)]
    struct Unparsed<'a> {
        unparsed_arguments: &'a str,
    }

    let text = Arguments::Text(Text::Own(Cow::Borrowed(arguments)));
    text.object().unwrap_or_else(|_| {
        let unparsed = Unparsed {
            unparsed_arguments: arguments,
        };
        let raw = serde_json::value::to_raw_value(&unparsed);
        Cow::Owned(raw.expect("a text is written without failure"))
    })
}

/// Tokens, those of a cache beside the others.
#[derive(Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "as this surface names them")]
pub(super) struct WrittenUsage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
}

impl WrittenUsage {
    pub(super) fn of(usage: Usage) -> Self {
        let beside = usage.cached_input.saturating_add(usage.cache_write);
        Self {
            input_tokens: usage.input.saturating_sub(beside),
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cached_input,
            output_tokens: usage.output,
        }
    }
}
