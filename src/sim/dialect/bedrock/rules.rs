//! What a Converse request has to keep beyond its shape: turns, tools, blobs, and what its model can do.
//!
//! It takes a body that is in shape, and refuses to change it. Invariant: each rule is one function; the first that is
//! broken is told, in words like the service's.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::body;
use crate::sim::dialect::anthropic::{Family, schema, signature, words_of};
use crate::sim::dialect::shape::{self, Spelling};

type Broken = Result<(), String>;

/// Checks all rules.
pub(super) fn check(body: &Value, model: &str) -> Broken {
    let messages = list(&body["messages"]);
    turns(messages)?;
    for (index, message) in messages.iter().enumerate() {
        blocks(index, list(&message["content"]))?;
    }
    if list(&body["system"]).iter().any(|block| is_blank(&block["text"])) {
        return Err(
            "The text field in the system prompt is blank. Add text to the text field, and try again."
                .to_owned(),
        );
    }
    tools(body, messages)?;
    calls(messages)?;
    if model.contains("anthropic.claude") {
        claude(body, model)?;
    }
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn is_blank(text: &Value) -> bool {
    text.as_str().is_some_and(|text| text.trim().is_empty())
}

/// The user begins, and nobody speaks twice.
fn turns(messages: &[Value]) -> Broken {
    let Some(first) = messages.first() else {
        return Err(
            "The messages field is empty. Add a Message object to the messages field and try again."
                .to_owned(),
        );
    };
    if first["role"] != "user" {
        return Err(
            "A conversation must start with a user message. Try again with a conversation that starts with a user \
             message."
                .to_owned(),
        );
    }
    let are_same = |pair: &[Value]| pair.first().map(|it| &it["role"]) == pair.last().map(|it| &it["role"]);
    if messages.windows(2).any(are_same) {
        return Err(
            "A conversation must alternate between user and assistant roles. Make sure the conversation alternates \
             between user and assistant roles and try again."
                .to_owned(),
        );
    }
    Ok(())
}

/// No block is empty, and what is said to be base64 is.
fn blocks(index: usize, blocks: &[Value]) -> Broken {
    if blocks.is_empty() {
        return Err(format!(
            "The content field in the Message object at messages.{index} is empty. Add a ContentBlock object to the \
             content field and try again."
        ));
    }
    for (block, content) in blocks.iter().enumerate() {
        if is_blank(&content["text"]) {
            return Err(format!(
                "The text field in the ContentBlock object at messages.{index}.content.{block} is blank. Add text to \
                 the text field, and try again."
            ));
        }
        let bytes = [&content["image"], &content["document"]].map(|blob| &blob["source"]["bytes"]);
        let mut encoded = bytes.into_iter().filter_map(Value::as_str);
        if encoded.any(|text| text.is_empty() || STANDARD.decode(text).is_err()) {
            return Err(format!(
                "Could not decode the bytes at messages.{index}.content.{block}."
            ));
        }
        let name = &content["document"]["name"];
        if name.as_str().is_some_and(|name| !is_document_name(name)) {
            return Err(
                "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, \
                 parentheses, and square brackets. The name can't contain more than one consecutive whitespace \
                 character."
                    .to_owned(),
            );
        }
    }
    let has = |kind: &str| blocks.iter().any(|block| !block[kind].is_null());
    if has("document") && !has("text") {
        return Err("A text block is required when using documents.".to_owned());
    }
    Ok(())
}

fn is_document_name(name: &str) -> bool {
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || " -()[]".contains(letter);
    !name.is_empty() && name.chars().all(is_legal) && !name.contains("  ")
}

fn is_word(text: &Value, more: &[u8]) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
    text.as_str()
        .is_some_and(|text| (1..=64).contains(&text.len()) && text.bytes().all(is_legal))
}

/// Tools have legal names, each its own; who speaks of calls has tools.
fn tools(body: &Value, messages: &[Value]) -> Broken {
    let config = &body["toolConfig"];
    let mut names = BTreeSet::new();
    for (index, tool) in list(&config["tools"]).iter().enumerate() {
        let spec = &tool["toolSpec"];
        if spec.is_null() {
            continue;
        }
        let place = format!("toolConfig.tools.{index}.member.toolSpec");
        if !is_word(&spec["name"], b"_-") {
            return Err(format!(
                "1 validation error detected: Value at '{place}.name' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [a-zA-Z0-9_-]+"
            ));
        }
        if spec["description"] == "" {
            return Err(format!(
                "1 validation error detected: Value at '{place}.description' failed to satisfy constraint: Member \
                 must have length greater than or equal to 1"
            ));
        }
        if spec["inputSchema"]["json"]["type"] != "object" {
            return Err(format!(
                "The value at {place}.inputSchema.json.type must be one of the following: object."
            ));
        }
        if !names.insert(spec["name"].as_str()) {
            return Err("The toolConfig contains tools with the same name.".to_owned());
        }
    }
    if !config.is_null() && list(&config["tools"]).is_empty() {
        return Err("1 validation error detected: Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1".to_owned());
    }
    let choice = &config["toolChoice"]["tool"]["name"];
    if choice.is_string() && !names.contains(&choice.as_str()) {
        return Err("The toolChoice names a tool that is not in the toolConfig.".to_owned());
    }
    let speaks = |message: &Value| {
        let mut blocks = list(&message["content"]).iter();
        blocks.any(|block| !block["toolUse"].is_null() || !block["toolResult"].is_null())
    };
    if config.is_null() && messages.iter().any(speaks) {
        return Err(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
                .to_owned(),
        );
    }
    Ok(())
}

/// Every call is answered in the very next message, and nothing else is.
fn calls(messages: &[Value]) -> Broken {
    let ids = |message: &Value, kind: &str| -> Vec<String> {
        let blocks = list(&message["content"])
            .iter()
            .map(|block| &block[kind]["toolUseId"]);
        blocks.filter_map(|id| id.as_str().map(str::to_owned)).collect()
    };
    let mut open = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let of_user = message["role"] == "user";
        let (made, answered) = (ids(message, "toolUse"), ids(message, "toolResult"));
        if (of_user && !made.is_empty()) || (!of_user && !answered.is_empty()) {
            return Err(format!(
                "The role of the Message object at messages.{index} does not go with its tool blocks."
            ));
        }
        let missing: Vec<_> = open.iter().filter(|id| !answered.contains(id)).cloned().collect();
        if !missing.is_empty() {
            return Err(format!(
                "Expected toolResult blocks at messages.{index}.content for the following Ids: {}",
                missing.join(", ")
            ));
        }
        if answered.len() > open.len() {
            return Err(format!(
                "The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of \
                 previous turn."
            ));
        }
        if made.iter().any(|id| !is_word(&Value::from(id.as_str()), b"_.:-")) {
            return Err(format!(
                "1 validation error detected: Value at 'messages.{index}.member.content.toolUse.toolUseId' failed to \
                 satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.:-]+"
            ));
        }
        open = made;
    }
    if open.is_empty() {
        return Ok(());
    }
    let ids = open.join(", ");
    let last = messages.len();
    Err(format!(
        "Expected toolResult blocks at messages.{last}.content for the following Ids: {ids}"
    ))
}

/// What Claude makes of it, in Bedrock's envelope.
fn claude(body: &Value, model: &str) -> Broken {
    let more = &body["additionalModelRequestFields"];
    let told = |message: String| format!("The model returned the following errors: {message}");
    if !more.is_null() {
        shape::check(more, &body::CLAUDE, Spelling::Exact).map_err(|flaw| told(words_of(&flaw)))?;
    }
    let forged = list(&body["messages"])
        .iter()
        .flat_map(|message| list(&message["content"]))
        .map(|block| &block["reasoningContent"]["reasoningText"])
        .find(|thought| thought.is_object() && thought["signature"] != signature(thought["text"].as_str()));
    if forged.is_some() {
        return Err(told("Invalid `signature` in `thinking` block".to_owned()));
    }
    if let Some(text) = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"].as_str() {
        let schema = serde_json::from_str(text).map_err(|_| "The schema is not valid JSON.".to_owned())?;
        schema::check(&schema).map_err(told)?;
    }
    match Family::of(model).and_then(|family| impossible(body, &family)) {
        Some(reason) => Err(told(reason)),
        None => Ok(()),
    }
}

fn impossible(body: &Value, family: &Family) -> Option<String> {
    let (more, config) = (&body["additionalModelRequestFields"], &body["inferenceConfig"]);
    let is_prefilled = list(&body["messages"])
        .last()
        .is_some_and(|last| last["role"] == "assistant");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let effort = match word(&body["outputConfig"]["effort"]) {
        effort if effort.is_empty() => word(&more["output_config"]["effort"]),
        effort => effort,
    };
    let choice = &body["toolConfig"]["toolChoice"];
    let is_forced = !choice["any"].is_null() || !choice["tool"].is_null();
    let has_schema = !body["outputConfig"]["textFormat"].is_null();
    let why_not = family
        .no_prefill()
        .filter(|_| is_prefilled)
        .or_else(|| family.no_thinking(&word(&more["thinking"]["type"]), &effort))
        .or_else(|| family.no_forced_tool().filter(|_| is_forced))
        .or_else(|| family.no_schema().filter(|_| has_schema));
    why_not
        .map(str::to_owned)
        .or_else(|| family.no_sampling((&config["temperature"], &config["topP"], &more["top_k"])))
}
