//! The tools that are offered, and the choice among them.
//!
//! Invariant: a history that has calls in it goes with tools, as Bedrock wants; a choice is carried as it is or
//! refused, never weakened.

use std::collections::HashSet;

use serde::Serialize;

use super::LeftOut;
use crate::dialect::claude;
use crate::dialect::hub::{self, Chat, Message, Text, ToolChoice, Unsupported};

/// What a refused choice is called.
const CHOICE: Unsupported = Unsupported("tool_choice");

/// The tools of a request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
}

impl ToolConfig<'_> {
    /// Must the model call one?
    pub(super) fn must_call(&self) -> bool {
        matches!(self.tool_choice, Some(Choice::Any {} | Choice::Tool { .. }))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Choice<'a> {
    Auto {},
    Any {},
    Tool { name: Text<'a> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Tool<'a> {
    #[serde(rename_all = "camelCase")]
    ToolSpec {
        name: &'a Text<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a Text<'a>>,
        input_schema: Schema<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Schema<'a> {
    Json(claude::Schema<'a>),
}

/// The tools that go with `chat`; `None` where it has nothing to do with any.
pub(super) fn config<'a>(
    chat: &'a Chat<'a>,
    left: &mut LeftOut<'_>,
) -> Result<Option<ToolConfig<'a>>, Unsupported> {
    let offer = chat.offer()?;
    if chat.tools.is_empty() {
        let tools = used(chat)?;
        return Ok((!tools.is_empty()).then_some(ToolConfig {
            tools,
            tool_choice: None,
        }));
    }
    let must_call = matches!(offer.choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
    if must_call && left.facts.refuses_forced_tools {
        return Err(CHOICE);
    }
    if offer.tools.is_empty() || matches!(offer.choice, Some(ToolChoice::None)) {
        // To offer none is the only way to allow none, and with calls in the history that is refused.
        return if chat.has_tool_history() {
            Err(CHOICE)
        } else {
            Ok(None)
        };
    }
    let tools = offer.tools.into_iter().map(|tool| self::tool(tool, left));
    let tools = tools.collect::<Result<_, _>>()?;
    let tool_choice = match offer.choice {
        Some(ToolChoice::Auto) => Some(Choice::Auto {}),
        Some(ToolChoice::Required) => Some(Choice::Any {}),
        Some(ToolChoice::Named(name)) => Some(Choice::Tool { name }),
        Some(ToolChoice::None | ToolChoice::Allowed { .. }) | None => None,
    };
    Ok(Some(ToolConfig { tools, tool_choice }))
}

fn tool<'a>(tool: &'a hub::Tool<'a>, left: &mut LeftOut<'_>) -> Result<Tool<'a>, Unsupported> {
    let is_strict = tool.strict == Some(true);
    let may_bind = !left.facts.refuses_json_schema && !left.facts.refuse("strict");
    if is_strict && !may_bind {
        left.note("tools.strict");
    }
    Ok(Tool::ToolSpec {
        name: name(&tool.name)?,
        description: tool.description.as_ref().filter(|text| !text.is_blank()),
        input_schema: Schema::Json(claude::Schema::of(tool.parameters)),
        strict: (is_strict && may_bind).then_some(true),
    })
}

/// The tools that a history without tools has used, each once.
fn used<'a>(chat: &'a Chat<'a>) -> Result<Vec<Tool<'a>>, Unsupported> {
    let mut names = HashSet::new();
    let mut tools = Vec::new();
    for message in &chat.messages {
        let Message::Assistant { calls, .. } = message else {
            continue;
        };
        for call in calls {
            if names.insert(call.name.decoded()) {
                tools.push(Tool::ToolSpec {
                    name: name(&call.name)?,
                    description: None,
                    input_schema: Schema::Json(claude::Schema::Nothing),
                    strict: None,
                });
            }
        }
    }
    Ok(tools)
}

/// The name of a tool, if it is one that Bedrock takes.
pub(super) fn name<'a>(name: &'a Text<'a>) -> Result<&'a Text<'a>, Unsupported> {
    let decoded = name.decoded();
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=64).contains(&decoded.len()) && decoded.bytes().all(is_allowed) {
        Ok(name)
    } else {
        Err(Unsupported("tool_name"))
    }
}
