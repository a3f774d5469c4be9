//! A Messages request: read whole, checked, and brought down to what shapes an answer.

use serde_json::{Map, Value};

use super::family::Family;
use super::{body, rules, schema};
use crate::sim::ask::{Ask, Asked, Reading, Thought, echoed};
use crate::sim::dialect::shape::{self, Flaw, Key, Spelling, Wrong};
use crate::sim::provider::Call;
use crate::sim::refusal::Reason;
use crate::sim::route::Endpoint;

/// Where a request says its model and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The model in the body, the version in a header.
    Own,
    /// The model in the path, the version in the body.
    Vertex,
}

/// The version that Vertex wants to read.
const VERTEX_VERSION: &str = "vertex-2023-10-16";

/// Reads a request for an answer or for a count.
pub(super) fn read(call: &Call<'_>, place: Place) -> Reading {
    let mut body: Value = match serde_json::from_slice(call.body) {
        Ok(body) => body,
        Err(error) => {
            let asked = Err(Reason::said(format!(
                "The request body is not valid JSON: {error}"
            )));
            let model = call.target.unwrap_or_default().to_owned();
            return Reading { model, asked };
        }
    };
    let named = body.as_object_mut().map(|fields| take_model(fields, place));
    let model = match named {
        Some(Ok(model)) => call.target.map_or(model, str::to_owned),
        Some(Err(flaw)) => {
            let model = call.target.unwrap_or_default().to_owned();
            return Reading {
                model,
                asked: Err(flawed(&flaw)),
            };
        }
        None => String::new(),
    };
    let asked = ask(call, &body, &model);
    Reading { model, asked }
}

/// Takes out what stands elsewhere on other clouds.
fn take_model(fields: &mut Map<String, Value>, place: Place) -> Result<String, Flaw> {
    let flaw = |at: &[&str], wrong| Flaw {
        at: at.iter().map(|name| Key::Name((*name).to_owned())).collect(),
        wrong,
    };
    match place {
        Place::Own => match fields.shift_remove("model") {
            Some(Value::String(model)) if !model.is_empty() => Ok(model),
            Some(_) => Err(flaw(&["model"], Wrong::Type("string"))),
            None => Err(flaw(&[], Wrong::Missing("model"))),
        },
        Place::Vertex => {
            fields.shift_remove("anthropic_beta");
            match fields.shift_remove("anthropic_version") {
                Some(version) if version == VERTEX_VERSION => Ok(String::new()),
                Some(version) => Err(flaw(
                    &["anthropic_version"],
                    Wrong::Word(version.to_string(), vec![VERTEX_VERSION]),
                )),
                None => Err(flaw(&[], Wrong::Missing("anthropic_version"))),
            }
        }
    }
}

fn ask(call: &Call<'_>, body: &Value, model: &str) -> Result<Asked, Reason> {
    let shape = match call.endpoint {
        Endpoint::Count => &body::COUNT,
        _ => &body::MESSAGES,
    };
    shape::check(body, shape, Spelling::Exact).map_err(|flaw| flawed(&flaw))?;
    rules::check(body, model)
        .and_then(|()| schema::check(&body["output_config"]["format"]["schema"]))
        .map_err(Reason::said)?;
    if call.endpoint == Endpoint::Count {
        return Ok(Asked::Count);
    }
    Ok(Asked::Words(Ask {
        echo: echoed(last_words(&body["messages"])),
        is_stream: body["stream"] == true,
        wants_usage: true,
        token_limit: body["max_tokens"]
            .as_u64()
            .map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
        must_call: must_call(body),
        is_one_call: body["tool_choice"]["disable_parallel_tool_use"] == true,
        thought: thought(&body["thinking"], model),
    }))
}

/// What is told of the thoughts: by what the request says, and by what its model does.
pub(in crate::sim::dialect) fn thought(thinking: &Value, model: &str) -> Thought {
    let family = Family::of(model);
    let is_thinking = match thinking["type"].as_str() {
        Some(kind) => kind == "enabled" || kind == "adaptive",
        None => family.as_ref().is_some_and(Family::thinks_by_default),
    };
    let hides = family.is_some_and(|family| family.hides_thoughts());
    match thinking["display"].as_str() {
        _ if !is_thinking => Thought::Nothing,
        Some("summarized") => Thought::Words,
        None if !hides => Thought::Words,
        _ => Thought::Hidden,
    }
}

/// The first text of the user's last message that has one.
fn last_words(messages: &Value) -> &str {
    let mut of_user = messages.as_array().into_iter().flatten().rev();
    of_user
        .find_map(|message| {
            let content = Some(&message["content"]).filter(|_| message["role"] == "user")?;
            let mut blocks = content.as_array().into_iter().flatten();
            content.as_str().or_else(|| {
                blocks
                    .find(|block| block["type"] == "text")
                    .and_then(|block| block["text"].as_str())
            })
        })
        .unwrap_or_default()
}

fn must_call(body: &Value) -> Vec<String> {
    let choice = &body["tool_choice"];
    let name = |tool: &Value| tool["name"].as_str().map(str::to_owned);
    match choice["type"].as_str() {
        Some("any") => {
            let tools = body["tools"].as_array().into_iter().flatten();
            tools.filter_map(name).collect()
        }
        Some("tool") => name(choice).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn flawed(flaw: &Flaw) -> Reason {
    Reason::said(words(flaw))
}

/// A flaw in the words of the service.
pub(in crate::sim::dialect) fn words(flaw: &Flaw) -> String {
    let place = flaw.dotted();
    let below = |name: &str| {
        if place.is_empty() {
            name.to_owned()
        } else {
            format!("{place}.{name}")
        }
    };
    let one_of = |words: &[&str]| {
        words
            .iter()
            .map(|word| format!("'{word}'"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match &flaw.wrong {
        Wrong::Unknown(name) => format!("{}: Extra inputs are not permitted", below(name)),
        Wrong::Missing(name) => format!("{}: Field required", below(name)),
        Wrong::Type("object") => format!("{place}: Input should be a valid dictionary"),
        Wrong::Type(kind) => format!("{place}: Input should be a valid {kind}"),
        Wrong::Range(range) => format!("{place}: range: {range}"),
        Wrong::Word(_, words) => format!("{place}: Input should be {}", one_of(words)),
        Wrong::Tag(tag, tags) => format!(
            "{place}: Input tag '{tag}' found using 'type' does not match any of the expected tags: {}",
            one_of(tags)
        ),
        Wrong::NotOne => format!("{place}: exactly one field is expected"),
    }
}
