//! Writes a request.
//!
//! Invariant: what it does not carry is refused or named, and no text is decoded that only moves on.

mod contents;
mod generation;
mod part;
mod tools;

use serde::Serialize;

use crate::dialect::hub::{Chat, Format, Unsupported};
use crate::dialect::language::{Recipient, Request};
use contents::Content;
use generation::Generation;
use tools::{ToolConfig, Tools};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[Tools<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Generation::is_empty")]
    generation_config: Generation<'a>,
}

/// The request for what `chat` says.
pub(super) fn write<'a>(chat: &'a Chat<'a>, to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
    chat.refuse_binding()?;
    let mut dropped = names_of_dropped(chat);
    let body = Body {
        system_instruction: contents::instruction(chat),
        contents: contents::conversation(chat, to.facts)?,
        tools: Tools::of(chat)?.map(|tools| [tools]),
        tool_config: ToolConfig::of(chat, to.facts)?,
        generation_config: Generation::of(chat, to.facts, &mut dropped)?,
    };
    Ok(Request::new(body, dropped))
}

/// What there is no place for, whatever the model; not what would only say what holds anyway.
fn names_of_dropped(chat: &Chat<'_>) -> Vec<String> {
    let metadata = chat.metadata.as_ref();
    let is_tagged = metadata.is_some_and(|metadata| metadata.members().next().is_some());
    let is_one_by_one = chat.parallel_tool_calls == Some(false) && !chat.tools.is_empty();
    let is_described =
        matches!(&chat.format, Format::JsonSchema { description, .. } if description.is_some());
    let tier = chat.service_tier.as_deref().unwrap_or("auto");
    let known = [
        ("metadata", is_tagged),
        ("parallel_tool_calls", is_one_by_one),
        ("response_format.json_schema.description", is_described),
        ("service_tier", !matches!(tier, "auto" | "default")),
        (
            "tools.strict",
            chat.tools.iter().any(|tool| tool.strict == Some(true)),
        ),
        ("user", chat.user.is_some()),
    ];
    let known = known.into_iter().filter(|(_, is_there)| *is_there);
    let others = chat.others.iter().map(AsRef::as_ref);
    known
        .map(|(name, _)| name)
        .chain(others)
        .map(str::to_owned)
        .collect()
}
