//! Reads a chat request in the hub's own form.
//!
//! Invariant: lenient where servers are (a bare text as a part, arguments as an object, an empty list of tools), and
//! refusing only what nobody could answer. The retired `functions` become tools. It judges no value that a provider
//! can judge itself.

mod message;

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::chat::{Chat, Effort, Format, Tool, ToolChoice};
use super::object::{Object, Text};
use super::{Malformed, Unsupported};

/// Fields that [`Chat`] has a place for, or that are about the way and not about the answer.
const KNOWN: [&str; 29] = [
    "model",
    "messages",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "parallel_tool_calls",
    "response_format",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "n",
    "stop",
    "reasoning_effort",
    "user",
    "safety_identifier",
    "metadata",
    "service_tier",
    "logprobs",
    "top_logprobs",
    "stream",
    "stream_options",
    "modalities",
    "audio",
];

impl<'a> Chat<'a> {
    /// The request in `body`, which is JSON.
    pub(in crate::dialect) fn read(body: &'a str) -> Result<Chat<'a>, Malformed> {
        let object = Object::parse(body).ok_or_else(|| malformed("body", "is not a JSON object"))?;
        let mut chat = Chat {
            parallel_tool_calls: object.flag("parallel_tool_calls"),
            max_tokens: object
                .count("max_completion_tokens")
                .or_else(|| object.count("max_tokens")),
            temperature: object.number("temperature"),
            top_p: object.number("top_p"),
            top_k: object.number("top_k"),
            presence_penalty: object.number("presence_penalty"),
            frequency_penalty: object.number("frequency_penalty"),
            seed: object.number("seed"),
            n: object.count("n"),
            stop: stop(&object)?,
            effort: object
                .word("reasoning_effort")
                .as_deref()
                .and_then(Effort::from_word),
            user: object.text("safety_identifier").or_else(|| object.text("user")),
            metadata: object.object("metadata"),
            service_tier: object.word("service_tier"),
            logprobs: object.flag("logprobs").unwrap_or(false),
            top_logprobs: object.count("top_logprobs").filter(|count| *count > 0),
            stream: object.flag("stream").unwrap_or(false),
            format: format(&object)?,
            ..Chat::default()
        };
        message::read(&object, &mut chat)?;
        read_tools(&object, &mut chat)?;
        read_rest(&object, &mut chat);
        Ok(chat)
    }

    /// Refuses what no language but the hub's own has: every translation asks this first.
    pub(in crate::dialect) fn refuse_binding(&self) -> Result<(), Unsupported> {
        self.binding
            .first()
            .map_or(Ok(()), |field| Err(Unsupported(field)))
    }
}

pub(super) fn malformed(at: impl Into<String>, why: &'static str) -> Malformed {
    Malformed { at: at.into(), why }
}

fn stop<'a>(object: &Object<'a>) -> Result<Vec<Text<'a>>, Malformed> {
    let Some(raw) = object.get("stop") else {
        return Ok(Vec::new());
    };
    if let Some(text) = Text::read(raw) {
        return Ok(vec![text]);
    }
    let wrong = || malformed("stop", "is not a string or a list of strings");
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
    list.into_iter()
        .map(|item| Text::read(item).ok_or_else(wrong))
        .collect()
}

fn format<'a>(object: &Object<'a>) -> Result<Format<'a>, Malformed> {
    const AT: &str = "response_format";
    let Some(raw) = object.get(AT) else {
        return Ok(Format::Text);
    };
    let format = Object::read(raw).ok_or_else(|| malformed(AT, "is not an object"))?;
    match format.word("type").as_deref() {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::JsonObject),
        Some("json_schema") => {
            let schema = format.object("json_schema");
            let schema = schema.ok_or_else(|| malformed(AT, "has no object `json_schema`"))?;
            Ok(Format::JsonSchema {
                name: schema.text("name").unwrap_or(Text::Own(Cow::Borrowed("answer"))),
                description: schema.text("description"),
                schema: schema.get("schema"),
                strict: schema.flag("strict"),
            })
        }
        _ => Err(malformed(
            AT,
            "has a `type` that is not `text`, `json_object` or `json_schema`",
        )),
    }
}

fn read_tools<'a>(object: &Object<'a>, chat: &mut Chat<'a>) -> Result<(), Malformed> {
    let list = |name: &str| match object.get(name) {
        None => Ok(Vec::new()),
        Some(_) => object.list(name).ok_or_else(|| malformed(name, "is not a list")),
    };
    for (index, raw) in list("tools")?.into_iter().enumerate() {
        let wrong = || malformed(format!("tools[{index}]"), "is not a tool");
        let tool = Object::read(raw).ok_or_else(wrong)?;
        match tool.object("function") {
            Some(function) => chat.tools.push(self::tool(&function).ok_or_else(wrong)?),
            None if tool.get("type").is_some() => chat.bind("custom_tools"),
            None => return Err(wrong()),
        }
    }
    for (index, raw) in list("functions")?.into_iter().enumerate() {
        let function = Object::read(raw).as_ref().and_then(tool);
        let function =
            function.ok_or_else(|| malformed(format!("functions[{index}]"), "is not a function"))?;
        chat.tools.push(function);
    }
    if !chat.tools.is_empty() {
        chat.tool_choice = choice(object, chat)?;
    }
    Ok(())
}

fn tool<'a>(function: &Object<'a>) -> Option<Tool<'a>> {
    Some(Tool {
        name: function.text("name")?,
        description: function.text("description"),
        parameters: function.get("parameters"),
        strict: function.flag("strict"),
    })
}

fn choice<'a>(object: &Object<'a>, chat: &mut Chat<'a>) -> Result<Option<ToolChoice<'a>>, Malformed> {
    let name = if object.get("tool_choice").is_some() {
        "tool_choice"
    } else {
        "function_call"
    };
    let Some(raw) = object.get(name) else {
        return Ok(None);
    };
    let wrong = || malformed(name, "is no choice of a tool");
    if let Some(word) = Text::read(raw) {
        return match word.decoded().as_ref() {
            "none" => Ok(Some(ToolChoice::None)),
            "auto" => Ok(Some(ToolChoice::Auto)),
            "required" | "any" => Ok(Some(ToolChoice::Required)),
            _ => Err(wrong()),
        };
    }
    let chosen = Object::read(raw).ok_or_else(wrong)?;
    if let Some(allowed) = chosen.object("allowed_tools") {
        let tools = allowed.list("tools").ok_or_else(wrong)?;
        let name = |raw: &&'a RawValue| Object::read(raw)?.object("function")?.text("name");
        return Ok(Some(ToolChoice::Allowed {
            required: allowed.word("mode").as_deref() == Some("required"),
            names: tools.iter().filter_map(name).collect(),
        }));
    }
    if chosen.get("custom").is_some() {
        chat.bind("custom_tools");
        return Ok(None);
    }
    let function = chosen.object("function").unwrap_or(chosen);
    function
        .text("name")
        .map(ToolChoice::Named)
        .map(Some)
        .ok_or_else(wrong)
}

/// What binds, and the names of what does not.
fn read_rest(object: &Object<'_>, chat: &mut Chat<'_>) {
    if object.get("logit_bias").is_some_and(|bias| !is_empty(bias)) {
        chat.bind("logit_bias");
    }
    if object.get("web_search_options").is_some() {
        chat.bind("web_search_options");
    }
    let modalities = object.list("modalities").unwrap_or_default();
    if object.get("audio").is_some() || modalities.iter().any(|item| item.get() != "\"text\"") {
        chat.bind("audio");
    }
    let bound = ["logit_bias", "web_search_options"];
    let others = object
        .members()
        .map(|(name, _)| name)
        .filter(|name| !KNOWN.contains(name) && !bound.contains(name));
    chat.others = others.map(|name| Cow::Owned(name.to_owned())).collect();
}

fn is_empty(raw: &RawValue) -> bool {
    raw.get()
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .eq(*b"{}")
}
