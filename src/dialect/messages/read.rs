//! Reads a request of Anthropic's surface into the hub's form.
//!
//! Invariant: refusing only what nobody could answer, and binding by name what only Anthropic can do. What a model
//! thought before is left out of the conversation: only its maker can read it.

mod schema;
mod turn;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::dialect::hub::{Chat, Effort, Format, Malformed, Object, Text, Tool, ToolChoice};

/// Fields that [`Chat`] has a place for, or that are about the way and not about the answer.
const KNOWN: [&str; 18] = [
    "model",
    "messages",
    "system",
    "max_tokens",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "service_tier",
    "cache_control",
    // Bound where it is read.
    "mcp_servers",
];

/// Fields that bind a request to Anthropic whenever they are there.
const BINDING: [&str; 2] = ["container", "inference_geo"];

/// The beginnings of the types of tools that the model knows by heart and the caller carries out.
const BUILTIN: [&str; 4] = ["bash_", "text_editor_", "computer_", "memory_"];

/// The request in `body`, which is JSON.
pub(in crate::dialect) fn read(body: &str) -> Result<Chat<'_>, Malformed> {
    let object = Object::parse(body).ok_or_else(|| malformed("body", "is not a JSON object"))?;
    let stream = object.flag("stream").unwrap_or(false);
    let mut chat = Chat {
        format: format(&object)?,
        max_tokens: object.count("max_tokens"),
        temperature: object.number("temperature"),
        top_p: object.number("top_p"),
        top_k: object.number("top_k"),
        stop: stop(&object)?,
        effort: effort(&object),
        user: object
            .object("metadata")
            .and_then(|metadata| metadata.text("user_id")),
        service_tier: service_tier(&object),
        stream,
        // A stream of this surface always ends with it.
        ..Chat::default()
    };
    turn::read(&object, &mut chat)?;
    read_tools(&object, &mut chat)?;
    read_rest(&object, &mut chat);
    Ok(chat)
}

fn malformed(at: impl Into<String>, why: &'static str) -> Malformed {
    Malformed { at: at.into(), why }
}

fn stop<'a>(object: &Object<'a>) -> Result<Vec<Text<'a>>, Malformed> {
    const AT: &str = "stop_sequences";
    if object.get(AT).is_none() {
        return Ok(Vec::new());
    }
    let wrong = || malformed(AT, "is not a list of strings");
    let list = object.list(AT).ok_or_else(wrong)?;
    list.into_iter()
        .map(|item| Text::read(item).ok_or_else(wrong))
        .collect()
}

/// The form of the answer; the older name of the field is still in use.
fn format<'a>(object: &Object<'a>) -> Result<Format<'a>, Malformed> {
    let config = object.object("output_config");
    let format = config.and_then(|config| config.object("format"));
    let Some(format) = format.or_else(|| object.object("output_format")) else {
        return Ok(Format::Text);
    };
    let schema = format
        .get("schema")
        .filter(|_| format.word("type").as_deref() == Some("json_schema"));
    let schema =
        schema.ok_or_else(|| malformed("output_config.format", "is not a `json_schema` with a `schema`"))?;
    Ok(Format::JsonSchema {
        name: Text::Own(Cow::Borrowed("answer")),
        description: None,
        schema: Some(schema),
        strict: schema::is_closed(schema).then_some(true),
    })
}

/// How hard to think: said in a word, or by a budget of tokens, or not at all. To think as much as it sees fit is what
/// a model does at a high effort.
fn effort(object: &Object<'_>) -> Option<Effort> {
    let config = object.object("output_config");
    let said = config.and_then(|config| Effort::from_word(&config.word("effort")?));
    let thinking = object.object("thinking").unwrap_or_default();
    match thinking.word("type").as_deref() {
        Some("disabled") => Some(Effort::None),
        Some("enabled") => said.or(Some(match thinking.count("budget_tokens") {
            Some(..=4_096) => Effort::Low,
            Some(..=16_384) => Effort::Medium,
            Some(_) | None => Effort::High,
        })),
        Some("adaptive") => said.or(Some(Effort::High)),
        _ => said,
    }
}

/// In the hub's words; the usual one is as good as none.
fn service_tier<'a>(object: &Object<'a>) -> Option<Cow<'a, str>> {
    let tier = object.word("service_tier")?;
    (tier == "standard_only").then_some(Cow::Borrowed("default"))
}

fn read_tools<'a>(object: &Object<'a>, chat: &mut Chat<'a>) -> Result<(), Malformed> {
    if object.get("tools").is_none() {
        return Ok(());
    }
    let list = object
        .list("tools")
        .ok_or_else(|| malformed("tools", "is not a list"))?;
    for (index, raw) in list.into_iter().enumerate() {
        let wrong = || malformed(format!("tools[{index}]"), "is not a tool with a `name`");
        let object = Object::read(raw).ok_or_else(wrong)?;
        match object.word("type").as_deref() {
            None | Some("custom") => {
                let tool = tool(&object, chat).ok_or_else(wrong)?;
                chat.tools.push(tool);
            }
            Some(kind) if BUILTIN.iter().any(|name| kind.starts_with(name)) => chat.bind("builtin_tools"),
            Some(_) => chat.bind("server_tools"),
        }
    }
    match object.get("tool_choice") {
        Some(raw) if !chat.tools.is_empty() => choose(raw, chat),
        _ => Ok(()),
    }
}

/// A tool of the caller's own. A schema that leaves fields open can bind a model of Anthropic's, and no other.
fn tool<'a>(object: &Object<'a>, chat: &mut Chat<'a>) -> Option<Tool<'a>> {
    let parameters = object.get("input_schema");
    let strict = object
        .flag("strict")
        .map(|strict| strict && parameters.is_some_and(schema::is_closed));
    if strict == Some(false) && object.flag("strict") == Some(true) {
        chat.others.push(Cow::Borrowed("tools.strict"));
    }
    Some(Tool {
        name: object.text("name")?,
        description: object.text("description"),
        parameters,
        strict: strict.filter(|strict| *strict),
    })
}

fn choose<'a>(raw: &'a RawValue, chat: &mut Chat<'a>) -> Result<(), Malformed> {
    let wrong = || malformed("tool_choice", "is no choice of a tool");
    let choice = Object::read(raw).ok_or_else(wrong)?;
    chat.parallel_tool_calls = choice.flag("disable_parallel_tool_use").map(|is_off| !is_off);
    chat.tool_choice = Some(match choice.word("type").as_deref() {
        Some("auto") => ToolChoice::Auto,
        Some("any") => ToolChoice::Required,
        Some("none") => ToolChoice::None,
        Some("tool") => ToolChoice::Named(choice.text("name").ok_or_else(wrong)?),
        _ => return Err(wrong()),
    });
    Ok(())
}

/// What binds, and the names of what does not.
fn read_rest<'a>(object: &Object<'a>, chat: &mut Chat<'a>) {
    if object
        .list("mcp_servers")
        .is_some_and(|servers| !servers.is_empty())
    {
        chat.bind("mcp_servers");
    }
    for name in BINDING {
        let anywhere = object.word(name).is_some_and(|word| word == "global");
        if object.get(name).is_some() && !anywhere {
            chat.bind(name);
        }
    }
    let others = object.members().map(|(name, _)| name);
    let others = others.filter(|name| !KNOWN.contains(name) && !BINDING.contains(name));
    chat.others.extend(others.map(|name| Cow::Owned(name.to_owned())));
    let config = object.object("output_config").unwrap_or_default();
    let unknown = config
        .members()
        .map(|(name, _)| name)
        .filter(|name| !matches!(*name, "effort" | "format"));
    chat.others
        .extend(unknown.map(|name| Cow::Owned(format!("output_config.{name}"))));
}
