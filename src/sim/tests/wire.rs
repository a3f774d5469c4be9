//! Good answers, and the answers to bad requests.

use serde_json::{Value, json};

use super::client::{Answer, ask, get, post};
use super::{CHAT, chat, hello, hello_streamed, sim};
use crate::sim::{Pace, Sim, SimConfig};

#[tokio::test]
async fn a_plain_answer_has_the_published_shape_and_says_who_answered() {
    let sim = sim("east").await;

    let answer = post(
        sim.addr(),
        CHAT,
        &[("x-request-id", "mine")],
        hello("gpt-4o").to_string().as_bytes(),
    )
    .await;

    let json = answer.json();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(answer.header("x-request-id"), Some("req-east-1"));
    assert_eq!(json["object"], "chat.completion");
    assert_eq!(json["model"], "gpt-4o");
    assert_eq!(json["system_fingerprint"], "sim-east");
    assert_eq!(json["choices"][0]["message"]["content"], "sim east says: hello");
    assert_eq!(json["choices"][0]["message"]["refusal"], Value::Null);
    assert_eq!(json["choices"][0]["finish_reason"], "stop");
    let usage = |key: &str| json["usage"][key].as_u64().unwrap();
    assert_eq!(
        usage("total_tokens"),
        usage("prompt_tokens") + usage("completion_tokens")
    );
    assert!(json["created"].as_u64().unwrap() > 1_700_000_000);
}

#[tokio::test]
async fn a_stream_says_what_the_plain_answer_says() {
    let sim = sim("east").await;
    let mut body = hello_streamed("gpt-4o");
    body["stream_options"] = json!({"include_usage": true});

    let plain = chat(&sim, &hello("gpt-4o")).await.json();
    let stream = chat(&sim, &body).await;

    let chunks = stream.chunks();
    assert_eq!(
        stream.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert!(stream.is_whole);
    assert_eq!(stream.events().last().unwrap(), "[DONE]");
    assert_eq!(json!(stream.said()), plain["choices"][0]["message"]["content"]);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    // Role, 10 tokens, finish, usage.
    assert_eq!(chunks.len(), 13);
    assert_eq!(
        chunks[11]["choices"][0],
        json!({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"})
    );
    assert_eq!(chunks[12]["choices"], json!([]));
    assert_eq!(chunks[12]["usage"]["completion_tokens"], 10);
    assert!(
        chunks[..12]
            .iter()
            .all(|chunk| chunk.get("usage") == Some(&Value::Null))
    );
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["id"] == chunks[0]["id"] && chunk["object"] == "chat.completion.chunk")
    );
}

#[tokio::test]
async fn usage_is_not_mentioned_in_a_stream_that_did_not_ask() {
    let chunks = chat(&sim("a").await, &hello_streamed("m")).await.chunks();

    assert_eq!(chunks.len(), 12);
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[tokio::test]
async fn completions_are_answered_plain_and_streamed() {
    let sim = sim("a").await;
    let body = |stream: bool| json!({"model": "m", "prompt": "once upon", "stream": stream}).to_string();

    let plain = post(sim.addr(), "/v1/completions", &[], body(false).as_bytes())
        .await
        .json();
    let stream = post(sim.addr(), "/completions", &[], body(true).as_bytes()).await;

    let said: String = stream
        .chunks()
        .iter()
        .map(|chunk| chunk["choices"][0]["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(plain["object"], "text_completion");
    assert_eq!(plain["choices"][0]["text"], "sim a says: once upon");
    assert_eq!(said, "sim a says: once upon");
    assert_eq!(stream.events().last().unwrap(), "[DONE]");
}

#[tokio::test]
async fn a_required_tool_is_called_with_the_same_arguments_in_both_forms() {
    let sim = sim("a").await;
    let mut body = hello("m");
    body["tools"] = json!([{"type": "function", "function": {"name": "look", "parameters": {}}}]);
    body["tool_choice"] = json!("required");

    let plain = chat(&sim, &body).await.json();
    body["stream"] = json!(true);
    let chunks = chat(&sim, &body).await.chunks();

    let call = &plain["choices"][0]["message"]["tool_calls"][0];
    let first = &chunks[0]["choices"][0]["delta"]["tool_calls"][0];
    let arguments: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str())
        .collect();
    assert_eq!(plain["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(plain["choices"][0]["message"]["content"], Value::Null);
    assert_eq!(
        (&call["function"]["name"], &first["function"]["name"]),
        (&json!("look"), &json!("look"))
    );
    assert_eq!(call["function"]["arguments"], arguments);
    assert_eq!(
        serde_json::from_str::<Value>(&arguments).unwrap(),
        json!({"said_by": "sim-a"})
    );
}

#[tokio::test]
async fn azure_paths_are_answered_in_azures_manner() {
    let sim = sim("a").await;
    let dated = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21";

    let by_path = post(sim.addr(), dated, &[], hello("ignored").to_string().as_bytes())
        .await
        .json();
    let v1 = post(
        sim.addr(),
        "/openai/v1/chat/completions",
        &[],
        hello("mine").to_string().as_bytes(),
    )
    .await
    .json();
    let stream = post(sim.addr(), dated, &[], hello_streamed("x").to_string().as_bytes()).await;
    let undated = dated.split_once('?').unwrap().0;
    let undated = post(sim.addr(), undated, &[], hello("x").to_string().as_bytes()).await;

    assert_eq!(
        (&by_path["model"], &v1["model"]),
        (&json!("my-gpt"), &json!("mine"))
    );
    assert!(by_path["prompt_filter_results"].is_array());
    assert_eq!(stream.chunks()[0]["choices"], json!([]));
    assert_eq!(stream.said(), "sim a says: hello");
    assert_eq!(
        (undated.status, &undated.json()["error"]["code"]),
        (404, &json!("404"))
    );
}

#[tokio::test]
async fn embeddings_hold_the_same_numbers_in_both_forms() {
    let sim = sim("a").await;
    let body =
        |format: &str| json!({"model": "e", "input": ["x", "y"], "encoding_format": format, "dimensions": 5});
    let ask = async |format: &str| {
        post(
            sim.addr(),
            "/v1/embeddings",
            &[],
            body(format).to_string().as_bytes(),
        )
        .await
        .json()
    };

    let floats = ask("float").await;
    let base64 = ask("base64").await;

    let numbers: Vec<f32> = serde_json::from_value(floats["data"][1]["embedding"].clone()).unwrap();
    assert_eq!(
        numbers,
        [-512.0, -475.0, -438.0, -401.0, -364.0].map(|number: f32| number / 1024.0)
    );
    assert_eq!(
        (&floats["data"][1]["index"], &floats["model"]),
        (&json!(1), &json!("e"))
    );
    // The five floats above, little-endian.
    assert_eq!(base64["data"][0]["embedding"], "AAAAvwCA7b4AANu+AIDIvgAAtr4=");
}

#[tokio::test]
async fn an_answer_of_twenty_mebibytes_is_whole() {
    let pace = Pace {
        answer_bytes: 20 << 20,
        ..Pace::default()
    };
    let sim = Sim::start(SimConfig {
        pace,
        ..SimConfig::named("a")
    })
    .await
    .unwrap();

    let answer = post(sim.addr(), "/v1/embeddings", &[], br#"{"model":"e","input":"x"}"#).await;

    assert!(answer.is_whole && answer.body.len() > 20 << 20);
    assert!(answer.body.ends_with(b"}}"));
}

#[tokio::test]
async fn models_are_listed_and_described() {
    let models = vec!["gpt-4o".to_owned(), "org/llama:8b".to_owned()];
    let sim = Sim::start(SimConfig {
        models,
        ..SimConfig::named("a")
    })
    .await
    .unwrap();

    let listed = get(sim.addr(), "/v1/models").await.json();
    let one = get(sim.addr(), "/v1/models/org/llama:8b").await.json();
    let none = get(sim.addr(), "/v1/models/gpt-5").await;
    let asked = chat(&sim, &hello("gpt-5")).await;
    let deployed = post(
        sim.addr(),
        "/openai/deployments/gpt-5/chat/completions?api-version=1",
        &[],
        hello("x").to_string().as_bytes(),
    )
    .await;

    assert_eq!(listed["data"][1]["id"], "org/llama:8b");
    assert_eq!(
        (&one["object"], &one["owned_by"]),
        (&json!("model"), &json!("sim-a"))
    );
    for answer in [none, asked] {
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (404, &json!("model_not_found"))
        );
    }
    assert_eq!(deployed.json()["error"]["code"], "DeploymentNotFound");
}

#[tokio::test]
async fn a_key_is_taken_from_either_header() {
    let sim = Sim::start(SimConfig {
        api_key: Some("sk-right".into()),
        ..SimConfig::named("a")
    })
    .await
    .unwrap();
    let body = hello("m").to_string();
    let table = [
        (vec![("authorization", "Bearer sk-right")], 200, Value::Null),
        (vec![("Authorization", "bearer sk-right")], 200, Value::Null),
        (vec![("api-key", "sk-right")], 200, Value::Null),
        (
            vec![("authorization", "Bearer sk-wrong")],
            401,
            json!("invalid_api_key"),
        ),
        (vec![("api-key", "sk-righ")], 401, json!("invalid_api_key")),
        (vec![("authorization", "é")], 401, Value::Null),
        (vec![], 401, Value::Null),
    ];

    for (headers, status, code) in table {
        let answer = post(sim.addr(), CHAT, &headers, body.as_bytes()).await;

        assert_eq!(
            (answer.status, answer.json()["error"]["code"].clone()),
            (status, code),
            "{headers:?}"
        );
    }
}

/// Method, path and body of a bad request, the status and a part of the message.
const BAD: [(&str, &str, &[u8], u16, &str); 15] = [
    ("POST", CHAT, b"{", 400, "could not parse"),
    ("POST", CHAT, b"", 400, "could not parse"),
    ("POST", CHAT, b"\xff\xfe", 400, "could not parse"),
    ("POST", CHAT, b"[]", 400, "Missing required parameter: 'model'"),
    ("POST", CHAT, b"{}", 400, "Missing required parameter: 'model'"),
    (
        "POST",
        CHAT,
        br#"{"model":7}"#,
        400,
        "Invalid value in the request",
    ),
    (
        "POST",
        CHAT,
        br#"{"model":"m"}"#,
        400,
        "Missing required parameter: 'messages'",
    ),
    (
        "POST",
        CHAT,
        br#"{"model":"m","messages":[]}"#,
        400,
        "Missing required parameter: 'messages'",
    ),
    (
        "POST",
        CHAT,
        br#"{"model":"m","messages":"hi"}"#,
        400,
        "Invalid value in the request",
    ),
    ("POST", CHAT, &[b'['; 5000], 400, "Invalid value in the request"),
    (
        "POST",
        "/v1/completions",
        br#"{"model":"m"}"#,
        400,
        "Missing required parameter: 'prompt'",
    ),
    (
        "POST",
        "/v1/embeddings",
        br#"{"model":"m"}"#,
        400,
        "Missing required parameter: 'input'",
    ),
    (
        "POST",
        "/v1/embeddings",
        br#"{"model":"m","input":[]}"#,
        400,
        "'input' must hold",
    ),
    ("GET", CHAT, b"", 405, "use POST"),
    ("POST", "/v1/chat", b"{}", 404, "Invalid URL (POST /v1/chat)"),
];

#[tokio::test]
async fn every_bad_request_is_told_what_is_wrong_with_it() {
    let sim = sim("a").await;

    for (method, path, body, status, expected) in BAD {
        let answer = ask(sim.addr(), (method, path), &[], body).await;

        let error = answer.json()["error"].clone();
        assert_eq!(answer.status, status, "{method} {path} {}", answer.text());
        assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
        assert!(
            ["type", "param", "code"]
                .iter()
                .all(|key| error.get(key).is_some()),
            "{error}"
        );
    }
}

#[tokio::test]
async fn long_heads_are_read() {
    let sim = sim("a").await;
    let long = "x".repeat(100 * 1024);

    let answer = post(
        sim.addr(),
        CHAT,
        &[("x-long", &long)],
        hello("m").to_string().as_bytes(),
    )
    .await;

    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_pace_sets_tokens_and_limits_cut_them() {
    let pace = Pace {
        tokens: 4,
        ..Pace::default()
    };
    let sim = Sim::start(SimConfig {
        pace,
        ..SimConfig::named("a")
    })
    .await
    .unwrap();
    let mut limited = hello_streamed("m");
    limited["max_completion_tokens"] = json!(2);

    let all: Answer = chat(&sim, &hello_streamed("m")).await;
    let some = chat(&sim, &limited).await;

    assert_eq!(
        (all.chunks().len(), all.said().as_str()),
        (6, "sim a says: hello")
    );
    assert_eq!((some.chunks().len(), some.said().as_str()), (4, "sim a sa"));
    assert_eq!(some.chunks()[3]["choices"][0]["finish_reason"], "length");
}
