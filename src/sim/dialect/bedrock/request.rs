//! A Converse request: read whole, checked, and brought down to what shapes an answer.

use serde_json::Value;

use super::{body, rules};
use crate::sim::ask::{Ask, Asked, Reading, Thought, echoed};
use crate::sim::dialect::anthropic;
use crate::sim::dialect::shape::{self, Flaw, Key, Spelling, Wrong};
use crate::sim::provider::Call;
use crate::sim::refusal::Reason;
use crate::sim::route::Endpoint;

/// Reads a request; its model is in the path.
pub(super) fn read(call: &Call<'_>) -> Reading {
    let model = call.target.unwrap_or_default().to_owned();
    let asked = ask(call, &model);
    Reading { model, asked }
}

fn ask(call: &Call<'_>, model: &str) -> Result<Asked, Reason> {
    let body: Value = serde_json::from_slice(call.body)
        .map_err(|error| Reason::said(format!("The request body is not valid JSON: {error}")))?;
    shape::check(&body, &body::CONVERSE, Spelling::Exact).map_err(|flaw| Reason::said(words(&flaw)))?;
    rules::check(&body, model).map_err(Reason::said)?;
    let more = &body["additionalModelRequestFields"];
    Ok(Asked::Words(Ask {
        echo: echoed(last_words(&body["messages"])),
        is_stream: call.endpoint == Endpoint::ChatStream,
        wants_usage: true,
        token_limit: body["inferenceConfig"]["maxTokens"]
            .as_u64()
            .map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
        must_call: must_call(&body["toolConfig"]),
        is_one_call: more["tool_choice"]["disable_parallel_tool_use"] == true,
        thought: if model.contains("anthropic.claude") {
            anthropic::thought_of(&more["thinking"], model)
        } else {
            Thought::Nothing
        },
    }))
}

/// The first text of the user's last message that has one.
fn last_words(messages: &Value) -> &str {
    let mut last_first = messages.as_array().into_iter().flatten().rev();
    last_first
        .find_map(|message| {
            let content = Some(&message["content"]).filter(|_| message["role"] == "user")?;
            let mut blocks = content.as_array()?.iter();
            blocks.find_map(|block| block["text"].as_str())
        })
        .unwrap_or_default()
}

fn must_call(config: &Value) -> Vec<String> {
    let name = |tool: &Value| tool["name"].as_str().map(str::to_owned);
    let choice = &config["toolChoice"];
    if !choice["any"].is_null() {
        let tools = config["tools"].as_array().into_iter().flatten();
        return tools.filter_map(|tool| name(&tool["toolSpec"])).collect();
    }
    name(&choice["tool"]).into_iter().collect()
}

/// A flaw in the words of the service.
fn words(flaw: &Flaw) -> String {
    let place = flaw.place(|key, out| match key {
        Key::Name(name) => std::fmt::Write::write_fmt(out, format_args!("/{name}")),
        Key::Index(index) => std::fmt::Write::write_fmt(out, format_args!("/{index}")),
    });
    let told = match &flaw.wrong {
        Wrong::Unknown(name) => format!("extraneous key [{name}] is not permitted"),
        Wrong::Missing(name) => format!("required key [{name}] not found"),
        Wrong::Type(kind) => format!("expected type: {kind}"),
        Wrong::Range(range) => format!("the value is not in the range {range}"),
        Wrong::Word(word, words) => format!("{word} is not a valid enum value, expected one of {words:?}"),
        Wrong::Tag(tag, tags) => format!("{tag} is not one of {tags:?}"),
        Wrong::NotOne => "exactly one key is expected of a union".to_owned(),
    };
    format!("Malformed input request: #{place}: {told}, please reformat your input and try again.")
}
