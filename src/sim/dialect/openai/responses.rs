//! The Responses API: as much of it as a gateway that passes it through has to see.

mod answer;
mod events;

use std::sync::Arc;

use serde_json::Value;

use super::refusal::missing;
use super::request::unreadable;
use crate::sim::ask::{Ask, Asked, Reading, Thought, echoed};
use crate::sim::events::Teller;
use crate::sim::provider::Call;
use crate::sim::refusal::Reason;
use crate::sim::saying::Saying;

/// Reads a request.
pub(super) fn read(call: &Call<'_>) -> Reading {
    let body: Value = match serde_json::from_slice(call.body) {
        Ok(body) => body,
        Err(error) => {
            return Reading {
                model: String::new(),
                asked: Err(unreadable(&error)),
            };
        }
    };
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    let asked = ask(&body, &model);
    Reading { model, asked }
}

fn ask(body: &Value, model: &str) -> Result<Asked, Reason> {
    if model.is_empty() {
        return Err(missing("model"));
    }
    let input = &body["input"];
    if !input.is_string() && !input.is_array() {
        return Err(missing("input"));
    }
    Ok(Asked::Words(Ask {
        echo: echoed(last_words(input)),
        is_stream: body["stream"] == true,
        wants_usage: true,
        token_limit: body["max_output_tokens"]
            .as_u64()
            .map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
        must_call: must_call(body),
        is_one_call: body["parallel_tool_calls"] == false,
        thought: if body["reasoning"]["summary"].is_string() {
            Thought::Words
        } else {
            Thought::Nothing
        },
    }))
}

/// The input itself, or the first text of the user's last message.
fn last_words(input: &Value) -> &str {
    let said = |item: &'_ Value| item["role"] == "user";
    let mut last_first = input.as_array().into_iter().flatten().rev();
    let content = last_first
        .find(|item| said(item))
        .map_or(input, |item| &item["content"]);
    let mut parts = content.as_array().into_iter().flatten();
    content
        .as_str()
        .or_else(|| parts.find_map(|part| part["text"].as_str()))
        .unwrap_or_default()
}

fn must_call(body: &Value) -> Vec<String> {
    let name = |tool: &Value| {
        let is_function = tool["type"] == "function";
        tool["name"].as_str().filter(|_| is_function).map(str::to_owned)
    };
    match &body["tool_choice"] {
        Value::String(mode) if mode == "required" => {
            let tools = body["tools"].as_array().into_iter().flatten();
            tools.filter_map(name).collect()
        }
        choice => name(choice).into_iter().collect(),
    }
}

/// A whole answer.
pub(super) fn plain(saying: &Saying) -> String {
    answer::response(saying, answer::status(saying), &answer::output(saying)).to_string()
}

/// The writer of a streamed answer.
pub(super) fn teller(saying: Arc<Saying>) -> Box<dyn Teller> {
    Box::new(events::Events::new(saying))
}
