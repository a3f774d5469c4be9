//! Callers of Anthropic's surface, and of OpenAI's responses.

use serde_json::{Value, json};
use understudy::sim::{Fault, FaultRule, Pace};

use super::stage::{KINDS, Stage};
use crate::support::{Ended, Ending};

const MESSAGES: &str = "/v1/messages";

fn ask(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 100, "messages": [{ "role": "user", "content": "Say hello." }] })
}

fn streamed(mut ask: Value) -> Value {
    ask["stream"] = true.into();
    ask
}

/// The events of a stream of Anthropic's, parsed.
fn events(ended: &Ended) -> Vec<Value> {
    let events = ended.events();
    events
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect()
}

fn kinds_of(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

#[tokio::test]
async fn whoever_answers_a_caller_of_messages_hears_anthropics_language() {
    let stage = Stage::set(Fault::ServerError).await;
    for first in ["anthropic", "openai"] {
        for second in KINDS {
            let model = format!("{first}-to-{}", second.name);
            let answer = stage.gateway.post(MESSAGES, ask(&model)).send().await;

            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
            assert_eq!(answer.hops()[1], format!("good-{} ok", second.name));
            let body = answer.json();
            assert_eq!(body["type"], "message", "{model}: {body}");
            assert_eq!(
                body["content"][0]["text"], "sim good says: Say hello.",
                "{model}: {body}"
            );
            assert_eq!(body["stop_reason"], "end_turn", "{model}: {body}");
            assert!(
                body["usage"]["output_tokens"].as_u64() > Some(0),
                "{model}: {body}"
            );

            let stream = stage.gateway.post(MESSAGES, streamed(ask(&model))).stream().await;
            let ended = stream.read_all().await;
            assert_eq!(ended.ending, Ending::Clean, "{model}");
            let events = events(&ended);
            let kinds = kinds_of(&events);
            assert_eq!(
                (kinds.first(), kinds.last()),
                (Some(&"message_start"), Some(&"message_stop")),
                "{model}"
            );
            let text: String = events
                .iter()
                .filter_map(|event| event["delta"]["text"].as_str())
                .collect();
            assert_eq!(text, "sim good says: Say hello.", "{model}: {events:#?}");
            let delta = events
                .iter()
                .find(|event| event["type"] == "message_delta")
                .unwrap();
            assert_eq!(delta["delta"]["stop_reason"], "end_turn", "{model}");
            assert!(
                delta["usage"]["output_tokens"].as_u64() > Some(0),
                "{model}: {delta}"
            );
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_call_of_a_tool_comes_back_in_anthropics_form_from_everyone() {
    let stage = Stage::set(Fault::ServerError).await;
    for kind in KINDS {
        let mut ask = ask(&format!("anthropic-to-{}", kind.name));
        ask["tools"] = json!([{ "name": "weather", "description": "Tells the weather.",
            "input_schema": { "type": "object", "properties": { "city": { "type": "string" } } } }]);
        ask["tool_choice"] = json!({ "type": "any" });

        let body = stage.gateway.post(MESSAGES, ask.clone()).send().await.json();
        let blocks = body["content"].as_array().unwrap();
        let call = blocks.iter().find(|block| block["type"] == "tool_use");
        let call = call.unwrap_or_else(|| panic!("{}: {body}", kind.name));
        assert_eq!(call["name"], "weather", "{}: {body}", kind.name);
        assert!(call["input"].is_object(), "{}: {body}", kind.name);
        assert_eq!(body["stop_reason"], "tool_use", "{}: {body}", kind.name);

        let ended = stage
            .gateway
            .post(MESSAGES, streamed(ask))
            .stream()
            .await
            .read_all()
            .await;
        let events = events(&ended);
        let json: String = events
            .iter()
            .filter_map(|event| event["delta"]["partial_json"].as_str())
            .collect();
        assert!(
            serde_json::from_str::<Value>(&json).is_ok_and(|json| json.is_object()),
            "{}: {events:#?}",
            kind.name
        );
    }
    stage.strike().await;
}

#[tokio::test]
async fn anthropic_to_anthropic_nothing_is_changed() {
    let stage = Stage::set(Fault::ServerError).await;
    let mut ask = ask("anthropic");
    ask["system"] =
        json!([{ "type": "text", "text": "Be brief.", "cache_control": { "type": "ephemeral" } }]);
    let call = stage
        .gateway
        .post(MESSAGES, ask.clone())
        .header("anthropic-beta", "tricks-2026-01-01");
    let answer = call.send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());

    let seen = stage.good.control().recent_requests();
    let received = seen.last().unwrap();
    ask["model"] = "claude-sonnet-4-5".into();
    let body: Value = serde_json::from_slice(received.body()).unwrap();
    assert_eq!(body, ask);
    let headers = received.headers();
    let header = |name: &str| {
        headers
            .iter()
            .find(|(is, _)| is == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(header("anthropic-beta").as_deref(), Some("tricks-2026-01-01"));
    assert_eq!(header("anthropic-version").as_deref(), Some("2023-06-01"));

    let openai = stage
        .gateway
        .post(MESSAGES, self::ask("openai"))
        .header("anthropic-beta", "tricks-2026-01-01");
    assert_eq!(openai.send().await.status, 200);
    let seen = stage.good.control().recent_requests();
    let names: Vec<String> = seen
        .last()
        .unwrap()
        .headers()
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    assert!(
        !names.iter().any(|name| name.starts_with("anthropic")),
        "{names:?}"
    );
    stage.strike().await;
}

#[tokio::test]
async fn errors_are_told_in_anthropics_shape() {
    let stage = Stage::set(Fault::RateLimit).await;
    let gateway = &stage.gateway;
    let cases = [
        (gateway.post(MESSAGES, ask("nobody")), 404, "not_found_error"),
        (
            gateway.post(MESSAGES, json!({ "model": "anthropic" })).body("{"),
            400,
            "invalid_request_error",
        ),
        (
            gateway.post("/v1/messages/nothing", ask("anthropic")),
            404,
            "not_found_error",
        ),
        (
            gateway
                .post(MESSAGES, ask("openai-to-openai"))
                .header("x-understudy-failover", "off"),
            429,
            "rate_limit_error",
        ),
    ];
    for (call, status, kind) in cases {
        let answer = call.send().await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
        let body = answer.json();
        assert_eq!(
            (&body["type"], &body["error"]["type"]),
            (&json!("error"), &json!(kind)),
            "{body}"
        );
        assert!(body["error"]["message"].is_string(), "{body}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_stream_that_breaks_ends_without_message_stop() {
    let stage = Stage::set(Fault::CutStream).await;
    let pace = stage.bad.control().pace();
    let inter_token = std::time::Duration::from_millis(30);
    stage.bad.control().set_pace(Pace { inter_token, ..pace });
    for fault in [Fault::CutStream, Fault::StreamError, Fault::Stall] {
        stage.bad.control().clear_faults();
        stage
            .bad
            .control()
            .set_fault(FaultRule::new(fault).after_events(3));
        for kind in KINDS {
            let model = format!("{}-to-openai", kind.name);
            let ended = stage
                .gateway
                .post(MESSAGES, streamed(ask(&model)))
                .stream()
                .await
                .read_all()
                .await;
            let events = events(&ended);
            let kinds = kinds_of(&events);
            assert!(
                !kinds.contains(&"message_stop"),
                "{fault} at {}: {kinds:?}",
                kind.name
            );
            assert!(
                matches!(ended.ending, Ending::Broken(_)) || kinds.last() == Some(&"error"),
                "{fault} at {}: {kinds:?}",
                kind.name
            );
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn responses_go_to_who_has_them_and_to_nobody_else() {
    let stage = Stage::set(Fault::ServerError).await;
    let ask = |model: &str| json!({ "model": model, "input": "Say hello." });

    let answer = stage
        .gateway
        .post("/v1/responses", ask("openai-to-azure"))
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.hops(), ["bad-openai server_error", "good-azure ok"]);
    assert_eq!(answer.json()["object"], "response");

    let mut streamed = ask("openai-to-azure");
    streamed["stream"] = true.into();
    let ended = stage
        .gateway
        .post("/v1/responses", streamed)
        .stream()
        .await
        .read_all()
        .await;
    assert_eq!(ended.ending, Ending::Clean);
    assert!(
        ended
            .events()
            .last()
            .is_some_and(|event| event.contains("response.completed")),
        "{:?}",
        ended.events()
    );

    let skipped = stage
        .gateway
        .post("/v1/responses", ask("anthropic-to-openai"))
        .send()
        .await;
    assert_eq!(skipped.hops(), ["good-openai ok"], "{}", skipped.text());
    let nobody = stage.gateway.post("/v1/responses", ask("anthropic")).send().await;
    assert_eq!(nobody.status.as_u16(), 400, "{}", nobody.text());
    assert!(nobody.text().contains("responses"), "{}", nobody.text());
    stage.strike().await;
}
