//! The functions on offer, and the choice among them.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialect::facts::Facts;
use crate::dialect::hub::{Chat, Text, ToolChoice, Unsupported};

/// Longest name of a function.
const NAME_LIMIT: usize = 128;

/// The functions on offer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tools<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a RawValue>,
}

impl<'a> Tools<'a> {
    pub(super) fn of(chat: &'a Chat<'a>) -> Result<Option<Self>, Unsupported> {
        let mut function_declarations = Vec::with_capacity(chat.tools.len());
        for tool in &chat.tools {
            function_declarations.push(Declaration {
                name: function_name(&tool.name)?,
                description: tool.description.as_ref(),
                parameters_json_schema: tool.parameters,
            });
        }
        let has_some = !function_declarations.is_empty();
        Ok(has_some.then_some(Self {
            function_declarations,
        }))
    }
}

/// Which of the functions may or must be called.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    function_calling_config: Calling<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Calling<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_function_names: Vec<&'a Text<'a>>,
}

impl<'a> ToolConfig<'a> {
    pub(super) fn of(chat: &'a Chat<'a>, facts: &Facts) -> Result<Option<Self>, Unsupported> {
        let Some(choice) = &chat.tool_choice else {
            return Ok(None);
        };
        let offer = chat.offer()?;
        let (mode, allowed_function_names) = match choice {
            ToolChoice::None => ("NONE", Vec::new()),
            ToolChoice::Auto => ("AUTO", Vec::new()),
            ToolChoice::Required => ("ANY", Vec::new()),
            ToolChoice::Named(name) => ("ANY", vec![name]),
            ToolChoice::Allowed { .. } if offer.tools.is_empty() => ("NONE", Vec::new()),
            ToolChoice::Allowed { required, .. } => {
                // Only the validated kind of free choice can be limited to some functions.
                let mode = if *required { "ANY" } else { "VALIDATED" };
                (mode, offer.tools.into_iter().map(|tool| &tool.name).collect())
            }
        };
        if mode == "ANY" && facts.refuses_forced_tools {
            return Err(Unsupported("tool_choice"));
        }
        let function_calling_config = Calling {
            mode,
            allowed_function_names,
        };
        Ok(Some(Self {
            function_calling_config,
        }))
    }
}

/// The name, if a function may have it.
pub(super) fn function_name<'a>(name: &'a Text<'a>) -> Result<&'a Text<'a>, Unsupported> {
    let decoded = name.decoded();
    let may_begin = decoded.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | ':' | '-');
    if may_begin && decoded.len() <= NAME_LIMIT && decoded.chars().all(is_plain) {
        Ok(name)
    } else {
        Err(Unsupported("tool_name"))
    }
}
