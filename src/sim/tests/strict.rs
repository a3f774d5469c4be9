//! What OpenAI itself refuses, by a provider that speaks its language alone.

use serde_json::{Value, json};

use super::client::{get, post};
use super::{CHAT, chat, hello, sim};
use crate::sim::{Dialect, Sim, SimConfig};

/// What is laid over a good request, and a part of what has to be said of it.
type Mistake = (Value, &'static str);

async fn strict() -> Sim {
    Sim::start(SimConfig {
        dialect: Some(Dialect::OpenAi),
        ..SimConfig::named("a")
    })
    .await
    .unwrap()
}

fn hello_with(fields: &Value) -> Value {
    let mut body = hello("m");
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn look() -> Value {
    json!([{"type": "function", "function": {"name": "look"}}])
}

fn misshapen() -> Vec<Mistake> {
    let said = |message: Value| json!({"messages": [message]});
    let part = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    vec![
        (
            json!({"max_output_tokens": 1}),
            "Unrecognized request argument supplied: max_output_tokens",
        ),
        (json!({"temperature": 3}), "Invalid 'temperature'"),
        (json!({"n": "1"}), "Invalid type for 'n'"),
        (
            said(json!({"role": "model", "content": "x"})),
            "Invalid value: 'model'",
        ),
        (
            said(json!({"role": "user", "content": "x", "cache_control": {}})),
            "Unknown parameter: 'messages[0].cache_control'",
        ),
        (
            said(json!({"role": "user"})),
            "Missing required parameter: 'messages[0].content'",
        ),
        (
            part(json!({"type": "tool_result"})),
            "Invalid value: 'tool_result'",
        ),
        (
            part(json!({"type": "image_url", "image_url": {"url": "iVB"}})),
            "Expected a valid URL",
        ),
        (
            json!({"tools": [{"name": "look", "input_schema": {}}]}),
            "Missing required parameter: 'tools[0].type'",
        ),
        (
            json!({"tool_choice": {"type": "any"}, "tools": look()}),
            "Invalid value: 'any'",
        ),
    ]
}

fn mistaken_in_turns() -> Vec<Mistake> {
    let call = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
    ]});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "42"});
    let user = json!({"role": "user", "content": "x"});
    let talk = |messages: &[&Value]| json!({"messages": messages});
    vec![
        (talk(&[&user, &call]), "did not have response messages: c1, c2"),
        (
            talk(&[&user, &call, &result("c2"), &user]),
            "did not have response messages: c1",
        ),
        (
            talk(&[&user, &result("c1")]),
            "must be a response to a preceeding message",
        ),
        (
            talk(&[&user, &call, &result("c1"), &result("c2"), &result("c1")]),
            "must be a response to",
        ),
        (
            talk(&[&user, &json!({"role": "assistant", "content": null})]),
            "expected a string, got null",
        ),
        (
            talk(&[&user, &json!({"role": "assistant", "tool_calls": []})]),
            "empty array",
        ),
    ]
}

fn mistaken_in_settings() -> Vec<Mistake> {
    vec![
        (json!({"tools": []}), "Invalid 'tools': empty array"),
        (
            json!({"tool_choice": "auto"}),
            "only allowed when 'tools' are specified",
        ),
        (
            json!({"tools": look(), "tool_choice": "any"}),
            "Supported values are: 'none', 'auto', and 'required'",
        ),
        (
            json!({"tools": look(), "tool_choice": {"type": "function", "function": {"name": "x"}}}),
            "Tool choice 'x' not found",
        ),
        (json!({"stop": ["1", "2", "3", "4", "5"]}), "array too long"),
        (
            json!({"stream_options": {"include_usage": true}}),
            "only allowed when 'stream' is enabled",
        ),
        (json!({"user": "x".repeat(65)}), "string too long"),
        (
            json!({"model": "o3-mini", "max_tokens": 5}),
            "'max_tokens' is not supported with this model",
        ),
        (
            json!({"model": "gpt-5", "temperature": 0.5}),
            "Only the default (1) value is supported",
        ),
        (
            json!({"model": "gpt-6-astra", "logprobs": true}),
            "'logprobs' is not supported",
        ),
    ]
}

#[tokio::test]
async fn what_the_service_refuses_is_refused_by_who_speaks_it_alone() {
    let sim = strict().await;
    let tables = [misshapen(), mistaken_in_turns(), mistaken_in_settings()];

    for (fields, expected) in tables.into_iter().flatten() {
        let answer = chat(&sim, &hello_with(&fields)).await;

        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, &error["type"]),
            (400, &json!("invalid_request_error")),
            "{fields}"
        );
        assert!(
            error["message"].as_str().unwrap().contains(expected),
            "{fields}: {error}"
        );
    }
}

#[tokio::test]
async fn who_speaks_all_dialects_takes_what_servers_like_openai_take() {
    let sim = sim("a").await;

    let answer = chat(&sim, &hello_with(&json!({"top_k": 3, "tools": []}))).await;

    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_rich_request_is_taken() {
    let sim = strict().await;
    let body = json!({
        "model": "m", "tools": look(), "tool_choice": "auto", "parallel_tool_calls": true, "user": "u", "seed": 1,
        "stop": "x", "logit_bias": {"1": -100}, "metadata": {"a": "b"}, "response_format": {"type": "json_object"},
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "s"}]},
            {"role": "user", "name": "n", "content": [
                {"type": "text", "text": "last"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVB", "detail": "low"}},
            ]},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "42"}]},
        ],
    });

    let answer = chat(&sim, &body).await;

    assert_eq!(
        answer.json()["choices"][0]["message"]["content"],
        "sim a says: last"
    );
}

#[tokio::test]
async fn nothing_of_another_dialect_is_there() {
    let sim = Sim::start(SimConfig {
        api_key: Some("sk".into()),
        dialect: Some(Dialect::OpenAi),
        ..SimConfig::named("a")
    })
    .await
    .unwrap();
    let body = hello("m").to_string();

    let foreign = post(sim.addr(), CHAT, &[("api-key", "sk")], body.as_bytes()).await;
    let own = post(
        sim.addr(),
        CHAT,
        &[("authorization", "Bearer sk")],
        body.as_bytes(),
    )
    .await;

    assert_eq!((foreign.status, own.status), (401, 200));
    for path in [
        "/v1/messages",
        "/openai/v1/models",
        "/v1beta/models",
        "/model/m/converse",
    ] {
        let answer = get(sim.addr(), path).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["type"]),
            (404, &json!("invalid_request_error"))
        );
    }
    assert_eq!(get(sim.addr(), "/healthz").await.status, 200);
}
