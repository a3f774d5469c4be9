//! What a Messages request has to keep beyond its shape: turns, tools, thoughts, and what its model can do.
//!
//! It takes a body that is in shape, and refuses to change it. Invariant: each rule is one function; the first that is
//! broken is told, in words like the service's.

use std::collections::BTreeSet;

use serde_json::Value;

use super::family::Family;
use super::thought;
use super::turns::{Part, Turn, list, turns};

type Broken = Result<(), String>;

/// Checks all rules.
pub(super) fn check(body: &Value, model: &str) -> Broken {
    let family = Family::of(model);
    let messages = turns(body, family.as_ref())?;
    system(&body["system"])?;
    stop(&body["stop_sequences"])?;
    tools(body, &messages)?;
    calls(&messages)?;
    caches(body)?;
    thinking(body, &messages)?;
    match family {
        Some(family) => possible(body, &messages, &family),
        None => Ok(()),
    }
}

fn system(system: &Value) -> Broken {
    let is_empty = |block: &Value| block["text"] == "";
    if list(system).iter().any(is_empty) {
        return Err("system: text content blocks must be non-empty".to_owned());
    }
    Ok(())
}

fn stop(sequences: &Value) -> Broken {
    let is_blank = |text: &Value| text.as_str().is_some_and(|text| text.trim().is_empty());
    if list(sequences).iter().any(is_blank) {
        return Err("stop_sequences: each stop sequence must contain non-whitespace".to_owned());
    }
    Ok(())
}

fn is_word(text: &str, most: usize) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=most).contains(&text.len()) && text.bytes().all(is_legal)
}

/// Tools have legal names, each its own; a choice among them is one.
fn tools(body: &Value, turns: &[Turn<'_>]) -> Broken {
    let mut names = BTreeSet::new();
    for (index, tool) in list(&body["tools"]).iter().enumerate() {
        let name = tool["name"].as_str().unwrap_or_default();
        if !is_word(name, 128) {
            return Err(format!(
                "tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            ));
        }
        if !names.insert(name) {
            return Err("tools: Tool names must be unique.".to_owned());
        }
        if tool["input_schema"]["type"] != "object" && tool.get("input_schema").is_some() {
            return Err(format!("tools.{index}.custom.input_schema.type: Field required"));
        }
    }
    let choice = &body["tool_choice"];
    if names.is_empty() {
        if !choice.is_null() {
            return Err("tool_choice may only be specified while providing tools.".to_owned());
        }
        let is_used = |turn: &Turn<'_>| {
            turn.blocks("tool_use")
                .chain(turn.blocks("tool_result"))
                .next()
                .is_some()
        };
        if turns.iter().any(is_used) {
            return Err(
                "Requests which include `tool_use` or `tool_result` blocks must define tools.".to_owned(),
            );
        }
    }
    match choice["name"].as_str() {
        Some(name) if !names.contains(name) => Err(format!("Tool '{name}' not found in provided tools")),
        _ => Ok(()),
    }
}

/// Every call is answered at the beginning of the very next turn, and nothing else is.
fn calls(turns: &[Turn<'_>]) -> Broken {
    let mut known = BTreeSet::new();
    let mut open: Vec<&str> = Vec::new();
    for turn in turns {
        let index = turn.index;
        let made = turn.ids("tool_use", "id");
        let answered = turn.ids("tool_result", "tool_use_id");
        if turn.role == "user" && !made.is_empty() {
            return Err(format!(
                "messages.{index}: `tool_use` blocks can only be in `assistant` messages"
            ));
        }
        if turn.role == "assistant" && !answered.is_empty() {
            return Err(format!(
                "messages.{index}: `tool_result` blocks can only be in `user` messages"
            ));
        }
        let first = turn.parts.iter().take(answered.len());
        let are_first = first
            .filter(|part| matches!(part, Part::Block("tool_result", _)))
            .count()
            == answered.len();
        let missing: Vec<_> = open
            .iter()
            .filter(|id| !are_first || !answered.contains(id))
            .copied()
            .collect();
        if !missing.is_empty() {
            return Err(unanswered(index.saturating_sub(1), &missing));
        }
        if let Some(id) = answered.iter().find(|id| !open.contains(id)) {
            return Err(format!(
                "messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` \
                 block must have a corresponding `tool_use` block in the previous message."
            ));
        }
        for id in &made {
            if !is_word(id, usize::MAX) {
                return Err(format!(
                    "messages.{index}.content: tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
                ));
            }
            if !known.insert(*id) {
                return Err(format!("messages.{index}: `tool_use` ids must be unique"));
            }
        }
        open = made;
    }
    let last = turns.last().map_or(0, |turn| turn.index);
    if open.is_empty() {
        Ok(())
    } else {
        Err(unanswered(last, &open))
    }
}

fn unanswered(index: usize, ids: &[&str]) -> String {
    format!(
        "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
         `tool_use` block must have a corresponding `tool_result` block in the next message.",
        ids.join(", ")
    )
}

/// At most four marks of what is to be cached.
fn caches(body: &Value) -> Broken {
    const MOST: usize = 4;
    let found = marks(&body["system"]) + marks(&body["messages"]) + marks(&body["tools"]);
    if found > MOST {
        return Err(format!(
            "A maximum of {MOST} blocks with cache_control may be provided. Found {found}."
        ));
    }
    Ok(())
}

fn marks(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(marks).sum(),
        Value::Object(fields) => {
            let own = usize::from(fields.get("cache_control").is_some_and(Value::is_object));
            own + marks(&value["content"])
        }
        _ => 0,
    }
}

/// Thoughts come back as they were given, and fit the rest of the request.
fn thinking(body: &Value, turns: &[Turn<'_>]) -> Broken {
    for turn in turns {
        let is_forged = |block: &Value| block["signature"] != thought::signature(block["thinking"].as_str());
        if turn.blocks("thinking").any(is_forged) {
            let index = turn.index;
            return Err(format!(
                "messages.{index}.content: Invalid `signature` in `thinking` block"
            ));
        }
    }
    let thinking = &body["thinking"];
    if thinking["type"] != "enabled" {
        return Ok(());
    }
    if thinking["budget_tokens"].as_i64() >= body["max_tokens"].as_i64() && body["max_tokens"].is_i64() {
        return Err("`max_tokens` must be greater than `thinking.budget_tokens`.".to_owned());
    }
    if body["temperature"]
        .as_f64()
        .is_some_and(|temperature| temperature < 1.0)
    {
        return Err("`temperature` may only be set to 1 when thinking is enabled.".to_owned());
    }
    if is_forced(&body["tool_choice"]) {
        return Err("Thinking may not be enabled when tool_choice forces tool use.".to_owned());
    }
    let last = turns.iter().rfind(|turn| turn.role == "assistant");
    let last = last.filter(|turn| turn.blocks("tool_use").next().is_some());
    match last.and_then(|turn| Some((turn, turn.parts.first()?))) {
        None | Some((_, Part::Block("thinking" | "redacted_thinking", _))) => Ok(()),
        Some((turn, first)) => Err(format!(
            "messages.{}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{}`. When `thinking` \
             is enabled, a final `assistant` message must start with a thinking block.",
            turn.index,
            first.kind()
        )),
    }
}

fn is_forced(choice: &Value) -> bool {
    choice["type"] == "any" || choice["type"] == "tool"
}

/// What this very model can do.
fn possible(body: &Value, turns: &[Turn<'_>], family: &Family) -> Broken {
    let is_prefilled = turns.last().is_some_and(|turn| turn.role == "assistant");
    let schema = &body["output_config"]["format"]["schema"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let why_not = None
        .or_else(|| family.no_prefill().filter(|_| is_prefilled))
        .or_else(|| {
            let effort = word(&body["output_config"]["effort"]);
            family.no_thinking(&word(&body["thinking"]["type"]), &effort)
        })
        .or_else(|| {
            family
                .no_forced_tool()
                .filter(|_| is_forced(&body["tool_choice"]))
        })
        .or_else(|| family.no_schema().filter(|_| !schema.is_null()));
    let sampling = (&body["temperature"], &body["top_p"], &body["top_k"]);
    match why_not
        .map(str::to_owned)
        .or_else(|| family.no_sampling(sampling))
    {
        Some(reason) => Err(reason),
        None => Ok(()),
    }
}
