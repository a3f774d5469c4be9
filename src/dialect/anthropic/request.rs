//! Writes a request.
//!
//! Invariant: every text goes on as it was written. A field that is left out is named, unless it said nothing but
//! what holds anyway.

mod block;
mod ids;
mod sampling;
mod sieve;
mod talk;
mod thinking;
mod tools;

use std::borrow::Cow;
use std::ops::Not;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialect::claude::{JSON_ONLY, Thinking};
use crate::dialect::facts::Facts;
use crate::dialect::hub::{Chat, Format, Number, Text, Unsupported};
use crate::dialect::language::{Recipient, Request};
use block::Block;
use sampling::{Sampling, Temperature};
use sieve::Sieve;
use talk::{Talk, Turn};
use thinking::{Circumstances, Thought};
use tools::{Choice, Offered, Tool};

/// Who serves the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Anthropic,
    Vertex,
}

/// The request, as it is written for a model at this place.
pub(super) fn write<'a>(
    chat: &'a Chat<'a>,
    to: Recipient<'a>,
    place: Place,
) -> Result<Request<'a>, Unsupported> {
    chat.refuse_binding()?;
    refuse(chat)?;
    let mut sieve = Sieve::new(to.facts);
    let talk = Talk::of(chat)?;
    if to.facts.refuses_prefill && talk.ends_with_own_words() {
        return Err(Unsupported("assistant_prefill"));
    }
    let Offered { tools, choice } = tools::offer(chat, &mut sieve)?;
    let circumstances = Circumstances {
        is_tool_forced: choice.as_ref().is_some_and(Choice::is_forced),
        is_turn_open: talk.is_own_turn_open(),
    };
    let thought = Thought::of(chat, circumstances, &mut sieve);
    let sampling = Sampling::of(chat, thought.thinks_aloud(), &mut sieve);
    let (format, instruction) = format(chat, to.facts, &mut sieve)?;
    let body = Body {
        model: (place == Place::Anthropic).then_some(to.model),
        anthropic_version: (place == Place::Vertex).then_some("vertex-2023-10-16"),
        max_tokens: thought.max_tokens,
        system: system(chat, instruction),
        messages: talk.into_turns(),
        tools,
        tool_choice: choice,
        output_config: OutputConfig::of(thought.effort, format),
        thinking: thought.thinking,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        stop_sequences: stop(chat, &mut sieve),
        metadata: user(chat, &mut sieve),
        service_tier: service_tier(chat, &mut sieve),
        stream: chat.stream,
    };
    leave_out(chat, &mut sieve);
    Ok(Request::new(body, sieve.into_dropped()))
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anthropic_version: Option<&'static str>,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Temperature<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<Number<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<Number<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a Text<'a>,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<OutputFormat<'a>>,
}

impl<'a> OutputConfig<'a> {
    fn of(effort: Option<&'static str>, format: Option<OutputFormat<'a>>) -> Option<Self> {
        (effort.is_some() || format.is_some()).then_some(Self { effort, format })
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum OutputFormat<'a> {
    JsonSchema { schema: &'a RawValue },
}

/// Refuses what has no equivalent and would change the answer.
fn refuse(chat: &Chat<'_>) -> Result<(), Unsupported> {
    if chat.n.is_some_and(|n| n > 1) {
        return Err(Unsupported("n"));
    }
    if chat.logprobs || chat.top_logprobs.is_some() {
        return Err(Unsupported("logprobs"));
    }
    Ok(())
}

/// Names the rest of what has no equivalent.
fn leave_out(chat: &Chat<'_>, sieve: &mut Sieve<'_>) {
    let says = |penalty: Option<Number<'_>>| penalty.is_some_and(|penalty| penalty.value() != 0.0);
    let is_tagged = chat
        .metadata
        .as_ref()
        .is_some_and(|metadata| metadata.members().next().is_some());
    sieve.drop_if("seed", chat.seed.is_some());
    sieve.drop_if("presence_penalty", says(chat.presence_penalty));
    sieve.drop_if("frequency_penalty", says(chat.frequency_penalty));
    sieve.drop_if("metadata", is_tagged);
    for other in &chat.others {
        sieve.drop(other);
    }
}

/// All instructions, wherever in the conversation they stand: older models know no other place for them.
fn system<'a>(chat: &'a Chat<'a>, last: Option<&'static str>) -> Vec<Block<'a>> {
    let last = last.map(|text| Block::own(Cow::Borrowed(text)));
    chat.instructions().filter_map(Block::text).chain(last).collect()
}

/// The form of the answer, and what is to be said about it in words.
fn format<'a>(
    chat: &'a Chat<'a>,
    facts: &Facts,
    sieve: &mut Sieve<'_>,
) -> Result<(Option<OutputFormat<'a>>, Option<&'static str>), Unsupported> {
    match &chat.format {
        Format::Text => Ok((None, None)),
        Format::JsonSchema {
            schema: Some(schema),
            description,
            ..
        } => {
            if facts.refuses_json_schema {
                return Err(Unsupported("json_schema"));
            }
            sieve.drop_if("response_format.json_schema.description", description.is_some());
            Ok((Some(OutputFormat::JsonSchema { schema }), None))
        }
        Format::JsonObject | Format::JsonSchema { schema: None, .. } => {
            // A caller of a fallback wants an answer, and models do as they are told here nearly always; but nothing
            // holds them to it, so the field is told as dropped.
            sieve.drop("response_format");
            Ok((None, Some(JSON_ONLY)))
        }
    }
}

/// Where to stop; sequences of nothing but white space are refused.
fn stop<'a>(chat: &'a Chat<'a>, sieve: &mut Sieve<'_>) -> Vec<&'a Text<'a>> {
    let Some(stop) = sieve.pass("stop", (!chat.stop.is_empty()).then_some(&chat.stop)) else {
        return Vec::new();
    };
    let kept: Vec<_> = stop.iter().filter(|text| !text.is_blank()).collect();
    sieve.drop_if("stop", kept.len() < stop.len());
    kept
}

fn user<'a>(chat: &'a Chat<'a>, sieve: &mut Sieve<'_>) -> Option<Metadata<'a>> {
    let user = chat.user.as_ref().filter(|user| !user.is_blank());
    sieve.pass("user", user).map(|user_id| Metadata { user_id })
}

fn service_tier(chat: &Chat<'_>, sieve: &mut Sieve<'_>) -> Option<&'static str> {
    match sieve.pass("service_tier", chat.service_tier.as_deref())? {
        "auto" => Some("auto"),
        "default" => Some("standard_only"),
        _ => {
            sieve.drop("service_tier");
            None
        }
    }
}
