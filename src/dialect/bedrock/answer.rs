//! Reads a complete answer, and the words that answers and streams have in common.
//!
//! Invariant: blocks are known by their kind, never by their place; kinds that the hub has no place for are passed
//! over. An answer that has neither content nor a reason for having none is no answer.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::failure::{self, Failure};
use crate::dialect::hub::{Answer, Choice, Finish, Object, Said};
use crate::dialect::language::{About, NoAnswer};
use crate::dialect::usage::Usage;

/// What is said of an answer that the provider could not make sense of itself.
pub(super) const MALFORMED: &str = "the model's answer was malformed";

const BOM: &[u8] = "\u{feff}".as_bytes();

/// The answer in `body`.
pub(super) fn read<'a>(body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
    let body = body.strip_prefix(BOM).unwrap_or(body);
    let text = str::from_utf8(body).map_err(|_| NoAnswer::Unreadable)?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| NoAnswer::Unreadable)?;
    let body = Object::read(raw).ok_or(NoAnswer::WrongShape)?;
    let message = body.object("output").and_then(|output| output.object("message"));
    let Some(message) = message else {
        return Err(NoAnswer::Error(failure::inside(&body)));
    };
    let content = Content::read(&message)?;
    let reason = body.word("stopReason").unwrap_or_default();
    let finish = match finish(&reason, !content.calls.is_empty()) {
        None if !content.is_usable() => return Err(NoAnswer::Error(Failure::own(MALFORMED))),
        None => Finish::Stop,
        Some(finish) if is_empty(content.has_spoken(), finish) => return Err(NoAnswer::Empty),
        Some(finish) => finish,
    };
    Ok(Answer {
        id: Cow::Borrowed(about.id),
        created: about.created,
        model: Cow::Borrowed(about.model),
        choices: vec![Choice {
            text: joined(content.texts),
            reasoning: joined(content.reasoning),
            refusal: None,
            calls: content.calls,
            finish,
        }],
        usage: body.object("usage").as_ref().map(usage),
    })
}

/// Is an answer with this end empty? A limit that was reached and a filter that held everything back are reasons for
/// saying nothing; the others are not.
pub(super) fn is_empty(has_spoken: bool, finish: Finish) -> bool {
    !has_spoken && matches!(finish, Finish::Stop | Finish::ToolCalls)
}

/// Why an answer ended; `None` if the model's words made no sense.
pub(super) fn finish(reason: &str, has_calls: bool) -> Option<Finish> {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Some(Finish::Length),
        "tool_use" => Some(Finish::ToolCalls),
        "content_filtered" | "guardrail_intervened" => Some(Finish::ContentFilter),
        "malformed_model_output" | "malformed_tool_use" => None,
        // Whatever a model calls it: calls that were made are to be carried out.
        _ if has_calls => Some(Finish::ToolCalls),
        _ => Some(Finish::Stop),
    }
}

/// The tokens that are told; those of a cache are counted beside the others and not among them.
pub(super) fn usage(told: &Object<'_>) -> Usage {
    let count = |name| told.count(name).unwrap_or(0);
    let (cached_input, cache_write) = (count("cacheReadInputTokens"), count("cacheWriteInputTokens"));
    Usage {
        input: count("inputTokens")
            .saturating_add(cached_input)
            .saturating_add(cache_write),
        cached_input,
        cache_write,
        output: count("outputTokens"),
        reasoning: 0,
    }
}

/// Does the provider call this tool itself? Then it is none of the caller's.
pub(super) fn is_own_tool(tool_use: &Object<'_>) -> bool {
    tool_use.word("type").as_deref() == Some("server_tool_use")
}

/// What the blocks of an answer say.
#[derive(Default)]
struct Content<'a> {
    texts: Vec<Cow<'a, str>>,
    reasoning: Vec<Cow<'a, str>>,
    calls: Vec<Said<'a>>,
}

impl<'a> Content<'a> {
    fn read(message: &Object<'a>) -> Result<Content<'a>, NoAnswer> {
        let mut content = Content::default();
        for raw in message.list("content").unwrap_or_default() {
            let block = Object::read(raw).ok_or(NoAnswer::WrongShape)?;
            content.texts.extend(block.word("text"));
            if let Some(cited) = block.object("citationsContent") {
                let parts = cited.list("content").unwrap_or_default();
                let texts = parts
                    .into_iter()
                    .filter_map(|part| Object::read(part)?.word("text"));
                content.texts.extend(texts);
            }
            let reasoning = block.object("reasoningContent");
            let text = reasoning.and_then(|reasoning| reasoning.object("reasoningText")?.word("text"));
            content.reasoning.extend(text);
            if let Some(tool_use) = block.object("toolUse").filter(|call| !is_own_tool(call)) {
                content.calls.push(call(&tool_use).ok_or(NoAnswer::WrongShape)?);
            }
        }
        for texts in [&mut content.texts, &mut content.reasoning] {
            texts.retain(|text| !text.is_empty());
        }
        Ok(content)
    }

    /// Is there anything to act on?
    fn is_usable(&self) -> bool {
        !self.texts.is_empty() || !self.calls.is_empty()
    }

    fn has_spoken(&self) -> bool {
        self.is_usable() || !self.reasoning.is_empty()
    }
}

fn call<'a>(tool_use: &Object<'a>) -> Option<Said<'a>> {
    let input = tool_use.get("input").map_or("{}", RawValue::get);
    Some(Said {
        id: tool_use.word("toolUseId")?,
        name: tool_use.word("name")?,
        arguments: Cow::Borrowed(input),
        signature: None,
    })
}

fn joined(mut texts: Vec<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    if texts.len() > 1 {
        return Some(Cow::Owned(texts.concat()));
    }
    texts.pop()
}
