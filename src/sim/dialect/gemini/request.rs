//! A request for content: read whole, checked, and brought down to what shapes an answer.

use serde_json::Value;

use super::{body, pick, rules};
use crate::sim::ask::{Ask, Asked, Reading, Thought, echoed};
use crate::sim::dialect::shape::{self, Flaw, Key, Spelling, Wrong, snake};
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
        .map_err(|error| Reason::said(format!("Invalid JSON payload received. {error}")))?;
    let is_count = call.endpoint == Endpoint::Count;
    let shape = if is_count { &body::COUNT } else { &body::GENERATE };
    shape::check(&body, shape, Spelling::Either).map_err(|flaw| Reason::said(words(&flaw)))?;
    if is_count {
        return Ok(Asked::Count);
    }
    rules::check(&body, model).map_err(Reason::said)?;
    let config = pick(&body, "generationConfig");
    let shows = pick(pick(config, "thinkingConfig"), "includeThoughts") == true;
    Ok(Asked::Words(Ask {
        echo: echoed(last_words(pick(&body, "contents"))),
        is_stream: call.endpoint == Endpoint::ChatStream,
        wants_usage: true,
        token_limit: pick(config, "maxOutputTokens")
            .as_u64()
            .map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
        must_call: must_call(&body),
        is_one_call: false,
        thought: if shows { Thought::Words } else { Thought::Nothing },
    }))
}

/// The first text of the user's last content that has one.
fn last_words(contents: &Value) -> &str {
    let mut last_first = contents.as_array().into_iter().flatten().rev();
    last_first
        .find_map(|content| {
            let of_user = Some(content).filter(|content| content["role"] != "model")?;
            of_user["parts"]
                .as_array()?
                .iter()
                .find_map(|part| part["text"].as_str())
        })
        .unwrap_or_default()
}

/// The functions of which one has to be called: those allowed, else all that are declared.
fn must_call(body: &Value) -> Vec<String> {
    let calling = pick(pick(body, "toolConfig"), "functionCallingConfig");
    if calling["mode"] != "ANY" {
        return Vec::new();
    }
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let allowed = texts(pick(calling, "allowedFunctionNames"));
    if !allowed.is_empty() {
        return allowed;
    }
    let tools = pick(body, "tools").as_array().into_iter().flatten();
    let declared = tools
        .filter_map(|tool| pick(tool, "functionDeclarations").as_array())
        .flatten();
    declared
        .filter_map(|it| it["name"].as_str().map(str::to_owned))
        .collect()
}

/// A flaw in the words of the service.
fn words(flaw: &Flaw) -> String {
    let place = flaw.place(|key, out| {
        match key {
            Key::Name(name) if out.is_empty() => out.push_str(&snake(name)),
            Key::Name(name) => out.extend([".", &snake(name)]),
            Key::Index(index) => out.extend(["[", &index.to_string(), "]"]),
        }
        Ok(())
    });
    let invalid = |kind: &str| format!("Invalid value at '{place}' ({kind})");
    match &flaw.wrong {
        Wrong::Unknown(name) if place.is_empty() => {
            format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.")
        }
        Wrong::Unknown(name) => {
            format!("Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field.")
        }
        Wrong::Missing(name) => {
            let dot = if place.is_empty() { "" } else { "." };
            let name = snake(name);
            format!("* GenerateContentRequest.{place}{dot}{name}: {name} is not specified")
        }
        Wrong::Type("string") => invalid("TYPE_STRING"),
        Wrong::Type("boolean") => invalid("TYPE_BOOL"),
        Wrong::Type("number") => invalid("TYPE_FLOAT"),
        Wrong::Type("integer") => invalid("TYPE_INT32"),
        Wrong::Type(kind) => invalid(kind),
        Wrong::Range(range) => format!("Invalid value at '{place}': it must be in the range {range}."),
        Wrong::Word(word, _) => format!("Invalid value at '{place}' (TYPE_ENUM), \"{word}\""),
        Wrong::Tag(tag, _) => format!("Invalid value at '{place}', \"{tag}\""),
        Wrong::NotOne => format!("Invalid value at '{place}': exactly one field must be set."),
    }
}
