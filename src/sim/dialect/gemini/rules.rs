//! What a request for content has to keep beyond its shape: roles, turns of functions, and settings that go together.
//!
//! It takes a body that is in shape, and refuses to change it. Invariant: each rule is one function; the first that is
//! broken is told, in words like the service's.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::body::DATA;
use super::pick;

type Broken = Result<(), String>;

/// Checks all rules.
pub(super) fn check(body: &Value, model: &str) -> Broken {
    let contents = list(pick(body, "contents"));
    if contents.is_empty() {
        return Err("* GenerateContentRequest.contents: contents is not specified".to_owned());
    }
    for (index, content) in contents.iter().enumerate() {
        content_at(&format!("contents[{index}]"), content)?;
        if !["user", "model"].contains(&content["role"].as_str().unwrap_or("user")) {
            return Err("Please use a valid role: user, model.".to_owned());
        }
        if content["role"].is_null() && contents.len() > 1 {
            return Err("Please ensure that multiturn requests alternate between user and model.".to_owned());
        }
    }
    let system = pick(body, "systemInstruction");
    if !system.is_null() {
        content_at("system_instruction", system)?;
    }
    functions(body)?;
    turns(contents)?;
    if model.starts_with("gemini-3") {
        signatures(contents)?;
    }
    settings(pick(body, "generationConfig"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn parts(content: &Value) -> &[Value] {
    list(&content["parts"])
}

/// Every part holds one thing, and holds it in full.
fn content_at(place: &str, content: &Value) -> Broken {
    let told = |place: &str, what: &str| Err(format!("* GenerateContentRequest.{place}: {what}"));
    if parts(content).is_empty() {
        return told(&format!("{place}.parts"), "contents.parts must not be empty.");
    }
    for (index, part) in parts(content).iter().enumerate() {
        let held = DATA.into_iter().filter(|name| !pick(part, name).is_null());
        let place = format!("{place}.parts[{index}]");
        if held.count() != 1 || part["text"] == "" {
            let what = "required oneof field 'data' must have one initialized field";
            return told(&format!("{place}.data"), what);
        }
        for (field, label) in [
            ("functionCall", "function_call"),
            ("functionResponse", "function_response"),
        ] {
            let called = pick(part, field);
            if called.is_object() && called["name"].as_str().unwrap_or_default().is_empty() {
                return told(&format!("{place}.{label}.name"), "Name cannot be empty.");
            }
        }
        let answer = pick(part, "functionResponse");
        if answer.is_object() && !answer["response"].is_object() {
            return told(
                &format!("{place}.function_response.response"),
                "Response cannot be empty.",
            );
        }
        let data = pick(pick(part, "inlineData"), "data").as_str();
        if data.is_some_and(|data| data.is_empty() || STANDARD.decode(data).is_err()) {
            return Err(format!(
                "Invalid value at '{place}.inline_data.data' (TYPE_BYTES), Base64 decoding failed"
            ));
        }
    }
    Ok(())
}

/// Functions have legal names, each its own, and one kind of parameters; those allowed are among them.
fn functions(body: &Value) -> Broken {
    let mut names = BTreeSet::new();
    let tools = list(pick(body, "tools")).iter();
    let declared = tools.flat_map(|tool| list(pick(tool, "functionDeclarations")));
    for (index, declaration) in declared.enumerate() {
        let name = declaration["name"].as_str().unwrap_or_default();
        if !is_name(name) {
            return Err(format!(
                "Invalid value at 'tools[0].function_declarations[{index}].name': Invalid function name. Must start \
                 with a letter or an underscore and be of alphanumeric characters, underscores, dots, colons or dashes, \
                 with a maximum length of 128."
            ));
        }
        if !names.insert(name) {
            return Err(format!("Duplicate function declaration found: {name}"));
        }
        if !declaration["parameters"].is_null() && !pick(declaration, "parametersJsonSchema").is_null() {
            return Err("Only one of parameters and parameters_json_schema can be set.".to_owned());
        }
    }
    let calling = pick(pick(body, "toolConfig"), "functionCallingConfig");
    let allowed = list(pick(calling, "allowedFunctionNames"));
    if !allowed.is_empty() && calling["mode"] != "ANY" && calling["mode"] != "VALIDATED" {
        return Err(
            "allowed_function_names should only be set when the function calling mode is ANY or VALIDATED."
                .to_owned(),
        );
    }
    let stranger = allowed
        .iter()
        .filter_map(Value::as_str)
        .find(|name| !names.contains(name));
    if let Some(name) = stranger {
        return Err(format!(
            "allowed_function_names: `{name}` is not a declared function."
        ));
    }
    if calling["mode"] == "ANY" && names.is_empty() {
        return Err("Function calling mode ANY needs function declarations.".to_owned());
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && name.len() <= 128 && name.bytes().all(is_legal)
}

/// What functions answer comes right after the calls, as much of it as there were calls.
fn turns(contents: &[Value]) -> Broken {
    let count = |content: &Value, field: &str| {
        parts(content)
            .iter()
            .filter(|part| !pick(part, field).is_null())
            .count()
    };
    let mut open = 0;
    for content in contents {
        let is_model = content["role"] == "model";
        let (called, answered) = (count(content, "functionCall"), count(content, "functionResponse"));
        if answered > 0 && (is_model || open == 0) {
            return Err(
                "Please ensure that function response turn comes immediately after a function call turn."
                    .to_owned(),
            );
        }
        if called > 0 && !is_model {
            return Err("Please ensure that function call turn is of the role model.".to_owned());
        }
        if answered != open {
            return Err(
                "Please ensure that the number of function response parts is equal to the number of function call \
                 parts of the function call turn."
                    .to_owned(),
            );
        }
        open = called;
    }
    Ok(())
}

/// The first call of each turn carries the signature of the thought behind it.
fn signatures(contents: &[Value]) -> Broken {
    for (index, content) in contents.iter().enumerate() {
        let mut calls = parts(content)
            .iter()
            .filter(|part| !pick(part, "functionCall").is_null());
        let Some(first) = calls.next() else { continue };
        if pick(first, "thoughtSignature")
            .as_str()
            .unwrap_or_default()
            .is_empty()
        {
            let name = &pick(first, "functionCall")["name"];
            return Err(format!(
                "Function call `{}` in the {}. content block is missing a `thought_signature`.",
                name.as_str().unwrap_or_default(),
                index + 1
            ));
        }
    }
    Ok(())
}

fn settings(config: &Value) -> Broken {
    let has = |name: &str| !pick(config, name).is_null();
    if list(pick(config, "stopSequences")).len() > 5 {
        return Err(
            "Invalid value at 'generation_config.stop_sequences': at most 5 are supported.".to_owned(),
        );
    }
    let thinking = pick(config, "thinkingConfig");
    let is_set = |name: &str| !pick(thinking, name).is_null();
    if is_set("thinkingBudget") && is_set("thinkingLevel") {
        return Err("You can only set only one of thinking budget and thinking level.".to_owned());
    }
    if has("responseSchema") && has("responseJsonSchema") {
        return Err("Only one of response_schema and response_json_schema can be set.".to_owned());
    }
    let is_json = ["application/json", "text/x.enum"]
        .contains(&pick(config, "responseMimeType").as_str().unwrap_or_default());
    if (has("responseSchema") || has("responseJsonSchema")) && !is_json {
        return Err(
            "* GenerateContentRequest.generation_config.response_schema: response_mime_type must be application/json \
             when a schema is set"
                .to_owned(),
        );
    }
    Ok(())
}
