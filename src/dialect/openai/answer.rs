//! A complete answer in OpenAI's form, of whatever server that speaks it.
//!
//! Invariant: what is judged good of an answer that only passes is read here too, bytes that are no UTF-8 included.
//! Strange values under known names are absent ones.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::catalog::Surface;
use crate::dialect::hub::{Answer, Choice, Finish, Object, Said, Text};
use crate::dialect::language::{About, NoAnswer};
use crate::dialect::stream::{Whole, judge_whole};
use crate::dialect::usage::usage;

/// The answer in `body`.
pub(super) fn answer<'a>(body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
    match judge_whole(Surface::Chat, &Bytes::copy_from_slice(body)) {
        Whole::Good => {}
        Whole::ErrorInside(error) => return Err(NoAnswer::Error(error)),
        Whole::Empty => return Err(NoAnswer::Empty),
        Whole::Unreadable => return Err(NoAnswer::Unreadable),
        Whole::WrongShape => return Err(NoAnswer::WrongShape),
    }
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    match String::from_utf8_lossy(body) {
        Cow::Borrowed(text) => read(text, about),
        Cow::Owned(text) => read(&text, about).map(own),
    }
}

fn read<'b>(text: &'b str, about: &About<'b>) -> Result<Answer<'b>, NoAnswer> {
    let object = Object::parse(text).ok_or(NoAnswer::Unreadable)?;
    let choices = object.list("choices").ok_or(NoAnswer::WrongShape)?;
    let named = |name: &str, or: &'b str| {
        let word = object.word(name).filter(|word| !word.is_empty());
        word.unwrap_or(Cow::Borrowed(or))
    };
    Ok(Answer {
        id: named("id", about.id),
        created: object
            .count("created")
            .filter(|time| *time > 0)
            .unwrap_or(about.created),
        model: named("model", about.model),
        choices: choices.into_iter().map(|raw| choice(raw, about)).collect(),
        usage: usage(text.as_bytes()),
    })
}

fn choice<'b>(raw: &'b RawValue, about: &About<'_>) -> Choice<'b> {
    let choice = Object::read(raw).unwrap_or_default();
    let message = choice.object("message").unwrap_or_default();
    let content = Content::of(&message);
    let calls = calls(&message, about);
    let finish = choice
        .word("finish_reason")
        .map_or(Finish::Stop, |word| Finish::from_word(&word));
    Choice {
        text: content
            .text
            .or_else(|| choice.word("text"))
            .filter(|text| !text.is_empty()),
        reasoning: ["reasoning_content", "reasoning"]
            .into_iter()
            .find_map(|name| message.word(name))
            .or(content.thinking)
            .filter(|text| !text.is_empty()),
        refusal: message.word("refusal").filter(|text| !text.is_empty()),
        finish: match finish {
            // With a choice by name some say `stop`; that there are calls is what counts.
            Finish::Stop if !calls.is_empty() => Finish::ToolCalls,
            finish => finish,
        },
        calls,
    }
}

/// What `content` holds: mostly a text; with some, a list of parts.
#[derive(Default)]
struct Content<'b> {
    text: Option<Cow<'b, str>>,
    thinking: Option<Cow<'b, str>>,
}

impl<'b> Content<'b> {
    fn of(message: &Object<'b>) -> Self {
        let mut content = Self {
            text: message.word("content"),
            thinking: None,
        };
        for raw in message.list("content").unwrap_or_default() {
            let part = Object::read(raw).unwrap_or_default();
            add(&mut content.text, part.word("text").or_else(|| bare(raw)));
            add(&mut content.thinking, part.word("thinking"));
            for raw in part.list("thinking").unwrap_or_default() {
                let part = Object::read(raw).unwrap_or_default();
                add(&mut content.thinking, part.word("text").or_else(|| bare(raw)));
            }
        }
        content
    }
}

fn bare(raw: &RawValue) -> Option<Cow<'_, str>> {
    Text::read(raw).map(Text::into_decoded)
}

fn add<'b>(text: &mut Option<Cow<'b, str>>, more: Option<Cow<'b, str>>) {
    match (text, more) {
        (_, None) => {}
        (Some(text), Some(more)) => text.to_mut().push_str(&more),
        (text @ None, more) => *text = more,
    }
}

fn calls<'b>(message: &Object<'b>, about: &About<'_>) -> Vec<Said<'b>> {
    let listed = message.list("tool_calls").unwrap_or_default();
    let listed = listed.into_iter().filter_map(Object::read).filter_map(|call| {
        let function = call.object("function")?;
        Some((call, function))
    });
    let retired = message
        .object("function_call")
        .map(|function| (Object::default(), function));
    let all = listed.chain(retired).enumerate();
    all.filter_map(|(index, (call, function))| {
        said(&call, &function, || format!("call_{}_{index}", about.id))
    })
    .collect()
}

fn said<'b>(call: &Object<'b>, function: &Object<'b>, new_id: impl FnOnce() -> String) -> Option<Said<'b>> {
    let arguments = function.word("arguments").or_else(|| {
        let json = function.get("arguments")?;
        Some(Cow::Borrowed(json.get()))
    });
    let signature = call
        .object("extra_content")
        .and_then(|extra| extra.object("google")?.word("thought_signature"));
    Some(Said {
        id: call
            .word("id")
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| Cow::Owned(new_id())),
        name: function.word("name")?,
        arguments: arguments.unwrap_or_default(),
        signature,
    })
}

/// The same, lent from nothing that is about to go.
fn own(answer: Answer<'_>) -> Answer<'static> {
    let text = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    let call = |call: Said<'_>| Said {
        id: text(call.id),
        name: text(call.name),
        arguments: text(call.arguments),
        signature: call.signature.map(text),
    };
    let choice = |choice: Choice<'_>| Choice {
        text: choice.text.map(text),
        reasoning: choice.reasoning.map(text),
        refusal: choice.refusal.map(text),
        calls: choice.calls.into_iter().map(call).collect(),
        finish: choice.finish,
    };
    Answer {
        id: text(answer.id),
        created: answer.created,
        model: text(answer.model),
        choices: answer.choices.into_iter().map(choice).collect(),
        usage: answer.usage,
    }
}
