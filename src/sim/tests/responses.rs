//! The newer form of a conversation on OpenAI's paths.

use serde_json::{Value, json};

use super::client::{Answer, post};
use super::sim;
use crate::sim::{Fault, FaultRule, Manner, Sim, Thinking};

const RESPONSES: &str = "/v1/responses";

fn hello() -> Value {
    json!({"model": "m", "input": "hello"})
}

async fn told(sim: &Sim, body: &Value) -> Answer {
    post(sim.addr(), RESPONSES, &[], body.to_string().as_bytes()).await
}

async fn streamed(sim: &Sim, mut body: Value) -> Vec<(String, Value)> {
    body["stream"] = json!(true);
    told(sim, &body).await.named_events()
}

/// The names of the events, neighbours of the same name once.
fn names(events: &[(String, Value)]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names
}

fn joined(events: &[(String, Value)], name: &str) -> String {
    let deltas = events.iter().filter(|(it, _)| it == name);
    deltas.filter_map(|(_, data)| data["delta"].as_str()).collect()
}

#[tokio::test]
async fn a_response_has_the_published_shape() {
    let sim = sim("a").await;
    let items = json!([
        {"role": "user", "content": [{"type": "input_text", "text": "first"}]},
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "42"},
    ]);

    let answer = told(&sim, &hello()).await;
    let of_items = told(
        &sim,
        &json!({"model": "m", "input": items, "max_output_tokens": 5}),
    )
    .await
    .json();

    let json = answer.json();
    assert_eq!(
        (answer.status, answer.header("x-request-id")),
        (200, Some("req-a-1"))
    );
    assert_eq!(
        (&json["object"], &json["status"], &json["model"]),
        (&json!("response"), &json!("completed"), &json!("m"))
    );
    assert_eq!(json["output"][0]["content"][0]["text"], "sim a says: hello");
    assert_eq!(json["usage"]["output_tokens"], 10);
    assert_eq!(of_items["output"][0]["content"][0]["text"], "sim a sa");
    assert_eq!(
        (&of_items["status"], &of_items["incomplete_details"]["reason"]),
        (&json!("incomplete"), &json!("max_output_tokens"))
    );
}

#[tokio::test]
async fn a_stream_is_named_and_numbered() {
    let events = streamed(&sim("a").await, hello()).await;

    assert_eq!(
        names(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let numbers: Vec<_> = events
        .iter()
        .map(|(_, data)| data["sequence_number"].as_u64())
        .collect();
    assert_eq!(numbers, (0..events.len() as u64).map(Some).collect::<Vec<_>>());
    assert!(events.iter().all(|(name, data)| data["type"] == json!(name)));
    assert_eq!(joined(&events, "response.output_text.delta"), "sim a says: hello");
    let ended = &events.last().unwrap().1["response"];
    assert_eq!(ended["output"][0]["content"][0]["text"], "sim a says: hello");
}

#[tokio::test]
async fn calls_and_thoughts_are_items() {
    let sim = sim("a").await;
    sim.control().set_manner(Manner {
        calls: 2,
        thinking: Thinking::Always,
        ..Manner::default()
    });
    let mut body = hello();
    body["tools"] = json!([{"type": "function", "name": "look", "parameters": {}}]);
    body["tool_choice"] = json!("required");

    let whole = told(&sim, &body).await.json();
    let events = streamed(&sim, body).await;

    assert_eq!(whole["output"][0]["summary"][0]["text"], "sim a thinks");
    assert_eq!(
        whole["output"][2],
        json!({"id": "fc_1_2", "type": "function_call", "status": "completed", "arguments": "{\"said_by\":\"sim-a\"}", "call_id": "call_1_1", "name": "look"})
    );
    assert_eq!(
        joined(&events, "response.reasoning_summary_text.delta"),
        "sim a thinks"
    );
    let arguments = joined(&events, "response.function_call_arguments.delta");
    assert_eq!(arguments, r#"{"said_by":"sim-a"}"#.repeat(2));
}

#[tokio::test]
async fn a_stream_fails_in_an_event() {
    let sim = sim("a").await;
    let struck = async |rule: FaultRule| {
        sim.control().set_fault(rule);
        streamed(&sim, hello()).await
    };

    let failed = struck(FaultRule::new(Fault::StreamError).error(Fault::Overloaded)).await;
    let raw = struck(FaultRule::new(Fault::StreamError).after_events(2).raw()).await;
    let endless = struck(FaultRule::new(Fault::NoDone)).await;
    let refused = told(&sim, &json!({"model": "m"})).await;

    assert_eq!(names(&failed), ["response.failed"]);
    assert_eq!(failed[0].1["response"]["error"]["code"], "server_is_overloaded");
    let last = raw.last().unwrap();
    assert_eq!(
        (last.0.as_str(), &last.1["code"]),
        ("error", &json!("server_error"))
    );
    assert_eq!(endless.last().unwrap().0, "response.output_item.done");
    assert_eq!(
        (refused.status, &refused.json()["error"]["param"]),
        (400, &json!("input"))
    );
}

#[tokio::test]
async fn azure_has_it_at_two_paths() {
    let sim = sim("a").await;

    for (path, status) in [
        ("/openai/v1/responses", 200),
        ("/openai/responses?api-version=preview", 200),
        ("/openai/responses", 404),
    ] {
        let answer = post(sim.addr(), path, &[], hello().to_string().as_bytes()).await;

        assert_eq!(answer.status, status, "{path}");
    }
}
