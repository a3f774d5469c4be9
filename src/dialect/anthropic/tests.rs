//! Tests of the language, beside its goldens.

mod properties;
mod request;
mod stream;
mod thinking;

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Anthropic, OnVertex, passing};
use crate::dialect::facts::Facts;
use crate::dialect::hub::Chat;
use crate::dialect::language::{About, Language, NoAnswer, Recipient};

const ABOUT: About<'static> = About {
    id: "chatcmpl-0001",
    model: "asked-model",
    created: 1_790_000_000,
    shows_usage: true,
};

/// What became of a request: its body and what was dropped, or what refused it.
fn written(
    language: &dyn Language,
    asked: &str,
    facts: &Facts,
) -> Result<(Value, Vec<String>), &'static str> {
    let chat = Chat::read(asked).unwrap();
    let to = Recipient {
        model: "claude-x",
        facts,
    };
    let request = language.request(&chat, to).map_err(|unsupported| unsupported.0)?;
    let body = serde_json::from_slice(&request.write()).unwrap();
    Ok((body, request.dropped))
}

/// A request with these fields beside a greeting.
fn asked(fields: &Value) -> String {
    let mut asked = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] });
    for (name, value) in fields.as_object().unwrap() {
        asked[name] = value.clone();
    }
    asked.to_string()
}

/// What became of a request with these fields.
fn with(fields: &Value, facts: &Facts) -> Result<(Value, Vec<String>), &'static str> {
    written(&Anthropic, &asked(fields), facts)
}

/// The turns that these messages become.
fn turns(messages: &Value) -> Value {
    let (body, _) = with(&json!({ "messages": messages }), &Facts::default()).unwrap();
    body["messages"].clone()
}

fn tool(name: &str) -> Value {
    json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } })
}

fn call(id: &str, name: &str) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": "{}" } })
}

#[test]
fn vertex_wants_the_version_in_the_body_and_the_model_nowhere() {
    let (body, _) = written(&OnVertex, &asked(&json!({ "stream": true })), &Facts::default()).unwrap();

    assert_eq!(
        body,
        json!({
            "anthropic_version": "vertex-2023-10-16",
            "max_tokens": 4096,
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Hi" }] }],
            "stream": true,
        })
    );
    assert!(
        OnVertex
            .answer(br#"{"content":[{"type":"text","text":"Hi"}]}"#, &ABOUT)
            .is_ok()
    );
    assert!(OnVertex.stream().is_some());
}

#[test]
fn an_answer_is_empty_only_if_no_block_says_anything() {
    let read = |content: &str, stop: &str| {
        let body = format!(r#"{{"content":[{content}],"stop_reason":"{stop}"}}"#);
        Anthropic
            .answer(body.as_bytes(), &ABOUT)
            .map(|answer| answer.choices[0].text.clone().map(Cow::into_owned))
    };
    let search = r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"x"}}"#;

    assert_eq!(read(search, "pause_turn"), Ok(None));
    assert_eq!(
        read(r#"{"type":"compaction","content":"sum"}"#, "compaction"),
        Ok(None)
    );
    assert_eq!(read(r#"{"type":"thinking","thinking":""}"#, "end_turn"), Ok(None));
    assert_eq!(
        read(r#"{"type":"text","text":""}"#, "end_turn"),
        Err(NoAnswer::Empty)
    );
    assert_eq!(read("", "end_turn"), Err(NoAnswer::Empty));
    // In its own form, to have nothing to say is a turn too.
    let ended = br#"{"content":[],"stop_reason":"end_turn"}"#;
    assert!(passing(ended, &ABOUT).is_ok());
    assert_eq!(passing(br#"{"content":[]}"#, &ABOUT).err(), Some(NoAnswer::Empty));
}
