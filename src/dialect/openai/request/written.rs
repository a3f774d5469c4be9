//! Fields of a chat request as they are written.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialect::hub::{Text, Tool};

#[derive(Serialize)]
pub(super) struct WrittenTool<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: Function<'a>,
}

impl<'a> WrittenTool<'a> {
    pub(super) fn of(tool: &'a Tool<'a>, may_bind: bool) -> Self {
        Self {
            kind: "function",
            function: Function {
                name: &tool.name,
                description: tool.description.as_ref(),
                parameters: tool.parameters,
                strict: tool.strict.filter(|_| may_bind),
            },
        }
    }
}

#[derive(Serialize)]
pub(super) struct Function<'a> {
    pub(super) name: &'a Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct Named<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: Name<'a>,
}

#[derive(Serialize)]
pub(super) struct Name<'a> {
    pub(super) name: Text<'a>,
}

#[derive(Serialize)]
pub(super) struct WrittenFormat<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) json_schema: Option<Bound<'a>>,
}

#[derive(Serialize)]
pub(super) struct Bound<'a> {
    pub(super) name: &'a Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
}
