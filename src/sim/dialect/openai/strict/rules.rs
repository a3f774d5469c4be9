//! What a chat request has to keep beyond its shape.
//!
//! It takes a body that is in shape, and refuses to change it. Invariant: each rule is one function; the first that is
//! broken is told, in words like the service's.

use std::collections::BTreeSet;

use serde_json::Value;

use super::mistake;
use crate::sim::refusal::Reason;

/// Checks all rules.
pub(super) fn check(body: &Value, model: &str) -> Result<(), Reason> {
    messages(list(&body["messages"]))?;
    tools(body)?;
    settings(body)?;
    reasoning(body, model)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Every call is answered before anybody else speaks, and nothing else is.
fn messages(messages: &[Value]) -> Result<(), Reason> {
    let unanswered = |open: &[&str]| {
        let ids = open.join(", ");
        let message = format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {ids}"
        );
        mistake(message, "messages", "invalid_value")
    };
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let calls = list(&message["tool_calls"]);
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(position) = open.iter().position(|it| *it == id) else {
                return Err(mistake(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with \
                     'tool_calls'.",
                    format!("messages[{index}].role"),
                    "invalid_value",
                ));
            };
            open.remove(position);
            continue;
        }
        if !open.is_empty() {
            return Err(unanswered(&open));
        }
        if message["tool_calls"].is_array() && calls.is_empty() {
            let param = format!("messages[{index}].tool_calls");
            let message = format!("Invalid '{param}': empty array. Expected an array with minimum length 1.");
            return Err(mistake(message, param, "empty_array"));
        }
        let is_silent = message["content"].is_null()
            && message["function_call"].is_null()
            && message["refusal"].is_null();
        if message["role"] == "assistant" && calls.is_empty() && is_silent {
            let message = "Invalid value for 'content': expected a string, got null.";
            return Err(mistake(
                message,
                format!("messages[{index}].content"),
                "invalid_value",
            ));
        }
        images(index, list(&message["content"]))?;
        open = calls.iter().filter_map(|call| call["id"].as_str()).collect();
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(unanswered(&open))
    }
}

fn images(index: usize, parts: &[Value]) -> Result<(), Reason> {
    for (part, content) in parts.iter().enumerate() {
        let Some(url) = content["image_url"]["url"].as_str() else {
            continue;
        };
        if !["http://", "https://", "data:image/"]
            .iter()
            .any(|start| url.starts_with(start))
        {
            let param = format!("messages[{index}].content[{part}].image_url.url");
            return Err(mistake(
                format!("Invalid '{param}'. Expected a valid URL."),
                param,
                "invalid_value",
            ));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_legal)
}

fn tools(body: &Value) -> Result<(), Reason> {
    let tools = list(&body["tools"]);
    if tools.is_empty() {
        if body["tools"].is_array() {
            let message = "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.";
            return Err(mistake(message, "tools", "empty_array"));
        }
        for name in ["tool_choice", "parallel_tool_calls"] {
            if !body[name].is_null() {
                let message = format!(
                    "Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
                );
                return Err(mistake(message, name, "invalid_value"));
            }
        }
    }
    let mut names = BTreeSet::new();
    for (index, tool) in tools.iter().enumerate() {
        let name = tool["function"]["name"]
            .as_str()
            .or_else(|| tool["custom"]["name"].as_str());
        let name = name.unwrap_or_default();
        if !is_name(name) {
            let param = format!("tools[{index}].function.name");
            let message = format!(
                "Invalid '{param}': string does not match pattern. Expected a string that matches the pattern \
                 '^[a-zA-Z0-9_-]+$'."
            );
            return Err(mistake(message, param, "invalid_value"));
        }
        names.insert(name);
    }
    let choice = &body["tool_choice"];
    if choice
        .as_str()
        .is_some_and(|mode| !["none", "auto", "required"].contains(&mode))
    {
        let message =
            format!("Invalid value: {choice}. Supported values are: 'none', 'auto', and 'required'.");
        return Err(mistake(message, "tool_choice", "invalid_value"));
    }
    match choice["function"]["name"].as_str() {
        Some(name) if !names.contains(name) => {
            let message = format!("Tool choice '{name}' not found in 'tools' parameter.");
            Err(mistake(message, "tool_choice", "invalid_value"))
        }
        _ => Ok(()),
    }
}

fn settings(body: &Value) -> Result<(), Reason> {
    if list(&body["stop"]).len() > 4 {
        let message = "Invalid 'stop': array too long. Expected an array with maximum length 4.";
        return Err(mistake(message, "stop", "array_above_max_length"));
    }
    if !body["stream_options"].is_null() && body["stream"] != true {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(mistake(message, "stream_options", "invalid_value"));
    }
    if !body["top_logprobs"].is_null() && body["logprobs"] != true {
        let message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.";
        return Err(mistake(message, "top_logprobs", "invalid_value"));
    }
    for name in ["user", "safety_identifier"] {
        if body[name].as_str().is_some_and(|text| text.chars().count() > 64) {
            let message =
                format!("Invalid '{name}': string too long. Expected a string with maximum length 64.");
            return Err(mistake(message, name, "string_above_max_length"));
        }
    }
    let schema = &body["response_format"]["json_schema"]["name"];
    if schema.as_str().is_some_and(|name| !is_name(name)) {
        let param = "response_format.json_schema.name";
        let message = format!("Invalid '{param}': string does not match pattern '^[a-zA-Z0-9_-]+$'.");
        return Err(mistake(message, param, "invalid_value"));
    }
    Ok(())
}

/// What a model that reasons does not take.
fn reasoning(body: &Value, model: &str) -> Result<(), Reason> {
    let reasons = ["o1", "o3", "o4", "gpt-5", "gpt-6"]
        .iter()
        .any(|start| model.starts_with(start));
    if !reasons || model.contains("chat") {
        return Ok(());
    }
    if !body["max_tokens"].is_null() {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                       'max_completion_tokens' instead.";
        return Err(mistake(message, "max_tokens", "unsupported_parameter"));
    }
    for name in ["temperature", "top_p"] {
        if !body[name].is_null() && body[name].as_f64() != Some(1.0) {
            let message = format!(
                "Unsupported value: '{name}' does not support {} with this model. Only the default (1) value is \
                 supported.",
                body[name]
            );
            return Err(mistake(message, name, "unsupported_value"));
        }
    }
    if body["logprobs"] == true {
        let message = "Unsupported parameter: 'logprobs' is not supported with this model.";
        return Err(mistake(message, "logprobs", "unsupported_parameter"));
    }
    Ok(())
}
