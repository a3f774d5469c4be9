//! The tools on offer.

use std::collections::HashSet;
use std::ops::Not;

use serde::Serialize;

use super::sieve::Sieve;
use crate::dialect::claude::Schema;
use crate::dialect::hub::{Chat, Message, Text, ToolChoice, Unsupported};

/// The tools, and the choice among them.
pub(super) struct Offered<'a> {
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) choice: Option<Choice<'a>>,
}

#[derive(Serialize)]
pub(super) struct Tool<'a> {
    name: &'a Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a Text<'a>>,
    input_schema: Schema<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Choice<'a> {
    None,
    Auto {
        #[serde(rename = "disable_parallel_tool_use", skip_serializing_if = "Not::not")]
        one_at_a_time: bool,
    },
    Any {
        #[serde(rename = "disable_parallel_tool_use", skip_serializing_if = "Not::not")]
        one_at_a_time: bool,
    },
    Tool {
        name: Text<'a>,
        #[serde(rename = "disable_parallel_tool_use", skip_serializing_if = "Not::not")]
        one_at_a_time: bool,
    },
}

impl Choice<'_> {
    /// Must the model call a tool?
    pub(super) fn is_forced(&self) -> bool {
        matches!(self, Self::Any { .. } | Self::Tool { .. })
    }
}

/// What this request offers.
pub(super) fn offer<'a>(chat: &'a Chat<'a>, sieve: &mut Sieve<'_>) -> Result<Offered<'a>, Unsupported> {
    let offer = chat.offer()?;
    if offer.tools.is_empty() {
        return Ok(from_history(chat));
    }
    let may_bind = !sieve.facts().refuses_json_schema && !sieve.facts().refuse("strict");
    let is_strict = offer.tools.iter().any(|tool| tool.strict == Some(true));
    sieve.drop_if("tools.strict", is_strict && !may_bind);
    let tools = offer.tools.into_iter().map(|tool| Tool {
        name: &tool.name,
        description: tool.description.as_ref().filter(|text| !text.is_empty()),
        input_schema: Schema::of(tool.parameters),
        strict: tool.strict.filter(|strict| *strict && may_bind),
    });
    let serial = chat.parallel_tool_calls.filter(|parallel| !parallel);
    let one_at_a_time = sieve.pass("parallel_tool_calls", serial).is_some();
    let choice = match offer.choice {
        Some(ToolChoice::None) => Some(Choice::None),
        Some(ToolChoice::Required) => Some(Choice::Any { one_at_a_time }),
        Some(ToolChoice::Named(name)) => Some(Choice::Tool { name, one_at_a_time }),
        Some(ToolChoice::Auto | ToolChoice::Allowed { .. }) => Some(Choice::Auto { one_at_a_time }),
        None => one_at_a_time.then_some(Choice::Auto { one_at_a_time }),
    };
    if sieve.facts().refuses_forced_tools && choice.as_ref().is_some_and(Choice::is_forced) {
        return Err(Unsupported("tool_choice"));
    }
    Ok(Offered {
        tools: tools.collect(),
        choice,
    })
}

/// A conversation with calls is refused without tools, so the tools that were called are named, and closed.
fn from_history<'a>(chat: &'a Chat<'a>) -> Offered<'a> {
    let mut seen = HashSet::new();
    let calls = chat.messages.iter().flat_map(|message| match message {
        Message::Assistant { calls, .. } => calls.as_slice(),
        _ => &[],
    });
    let tools: Vec<_> = calls
        .filter(|call| seen.insert(call.name.decoded()))
        .map(|call| Tool {
            name: &call.name,
            description: None,
            input_schema: Schema::Nothing,
            strict: None,
        })
        .collect();
    let choice = (!tools.is_empty()).then_some(Choice::None);
    Offered { tools, choice }
}
