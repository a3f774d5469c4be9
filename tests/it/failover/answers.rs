//! A good answer: its surfaces, its headers, and streams that arrive as they were sent.

use std::fmt::Write as _;
use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;
use understudy::sim::{Fault, Pace, Sim, SimConfig};

use super::{CHAT, PAIR, fault, sim};
use crate::support::{Call, Ending, Gateway, RawProvider, Running, Script, chat, chat_stream};

async fn gateway(primary: &Sim, backup: &Sim) -> Running {
    Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await
}

/// A twin of a simulated provider: the same answers, to be asked directly.
async fn twins(tokens: u32, answer_bytes: usize) -> (Sim, Sim) {
    let mut config = SimConfig::named("twin");
    config.pace = Pace {
        tokens,
        answer_bytes,
        ..Pace::default()
    };
    (
        Sim::start(config.clone()).await.unwrap(),
        Sim::start(config).await.unwrap(),
    )
}

/// The text without the moment it was written at.
fn undated(text: &str) -> String {
    let mut parts = text.split("\"created\":");
    let mut undated = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        undated.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    }
    undated
}

#[tokio::test]
async fn a_good_answer_says_where_it_came_from_and_how_long_it_took() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    primary
        .control()
        .set_faults(vec![fault(Fault::ServerError).times(1)]);
    let gateway = gateway(&primary, &backup).await;

    let moved = gateway.post(CHAT, chat("gpt-4o")).send().await;
    let direct = gateway.post(CHAT, chat("gpt-4o")).send().await;

    let number = |answer: &crate::support::Answer, name: &str| {
        let text = answer
            .header(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", answer.headers));
        text.parse::<f64>()
            .unwrap_or_else(|error| panic!("{name}: {text}: {error}"))
    };
    for (answer, provider, attempts) in [(&moved, "backup", "2"), (&direct, "primary", "1")] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-understudy-provider"), Some(provider));
        assert_eq!(answer.header("x-understudy-model"), Some("gpt-4o"));
        assert_eq!(answer.header("x-understudy-attempts"), Some(attempts));
        assert_eq!(answer.header("x-understudy-id").map(str::len), Some(16));
        assert!(number(answer, "x-understudy-upstream-ms") < 20_000.0);
        assert!(number(answer, "x-understudy-overhead-ms") < 20_000.0);
        assert_eq!(answer.json()["model"], "gpt-4o");
        let length = answer.header("content-length").map(str::to_owned);
        assert_eq!(length, Some(answer.body.len().to_string()), "{provider}");
        // What the provider said beside its body is the caller's too.
        assert!(
            answer
                .header("x-request-id")
                .unwrap()
                .starts_with(&format!("req-{provider}-"))
        );
        assert!(answer.header("openai-processing-ms").is_some());
        for inner in [
            "x-understudy-retry",
            "x-understudy-absent",
            "x-envoy-upstream-service-time",
        ] {
            assert_eq!(answer.header(inner), None, "{inner}");
        }
    }
    assert_ne!(moved.header("x-understudy-id"), direct.header("x-understudy-id"));
    let trail = moved.header("x-understudy-trail").unwrap();
    assert!(
        trail.starts_with("primary;server_error;500;") && trail.contains("ms, backup;ok;200;"),
        "{trail}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn every_surface_is_answered_as_by_the_provider_itself() {
    let (behind, beside) = twins(7, 0).await;
    let broken = super::failing("broken", fault(Fault::Overloaded)).await;
    let config = PAIR.replace(
        "models:",
        "defaults: { breaker: { consecutive_failures: off, error_rate: off } }\nmodels:",
    );
    let gateway = Gateway::with(&config)
        .fill("primary", broken.base_url())
        .fill("backup", behind.base_url())
        .start()
        .await;
    let tools = json!([{ "type": "function", "function": { "name": "look_up", "parameters": {} } }]);
    let asks = [
        (CHAT, chat("gpt-4o")),
        (
            CHAT,
            json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "hi" }], "tools": tools, "tool_choice": "required" }),
        ),
        (CHAT, chat_stream("gpt-4o")),
        (
            CHAT,
            json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "hi" }], "stream": true, "stream_options": { "include_usage": true } }),
        ),
        ("/v1/completions", json!({ "model": "gpt-4o", "prompt": "Once" })),
        (
            "/v1/completions",
            json!({ "model": "gpt-4o", "prompt": "Once", "stream": true }),
        ),
        ("/v1/embeddings", json!({ "model": "gpt-4o", "input": "one" })),
        (
            "/v1/embeddings",
            json!({ "model": "gpt-4o", "input": ["one", "two"], "dimensions": 8 }),
        ),
        (
            "/v1/embeddings",
            json!({ "model": "gpt-4o", "input": [1, 2, 3], "encoding_format": "base64" }),
        ),
    ];

    for (path, body) in asks {
        let through = gateway.post(path, body.clone()).send().await;
        let directly = Call::new(beside.addr(), Method::POST, path)
            .json(&body)
            .send()
            .await;

        assert_eq!(through.status, 200, "{path} {body}: {}", through.text());
        assert_eq!(
            through.hops(),
            ["broken overloaded", "twin ok"]
                .map(|hop| { hop.replace("broken", "primary").replace("twin", "backup") })
        );
        assert_eq!(
            undated(&through.text()),
            undated(&directly.text()),
            "{path} {body}"
        );
        assert_eq!(
            through.header("content-type"),
            directly.header("content-type"),
            "{path} {body}"
        );
    }
    gateway.stop().await;
}

#[tokio::test]
async fn an_answer_of_twenty_mebibytes_is_complete() {
    let (behind, beside) = twins(7, 20 << 20).await;
    let gateway = gateway(&behind, &behind).await;
    let body = json!({ "model": "gpt-4o", "input": "one" });

    let through = gateway.post("/v1/embeddings", body.clone()).send().await;
    let directly = Call::new(beside.addr(), Method::POST, "/v1/embeddings")
        .json(&body)
        .send()
        .await;

    assert_eq!(through.status, 200);
    assert!(through.body.len() >= 20 << 20, "{}", through.body.len());
    assert!(
        through.body == directly.body,
        "{} and {} bytes",
        through.body.len(),
        directly.body.len()
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_stream_passes_byte_for_byte_and_piece_by_piece() {
    let pieces: Vec<String> = [
        ": a comment first\r\n\r\n",
        "event: ping\ndata: {}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"gr\u{fc}\u{df}",
        "e \u{1f600}\"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n",
        "data:{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
        "data: [DONE]\n\n: and one last\n\n",
    ]
    .map(str::to_owned)
    .into();
    let words: Vec<Arc<Notify>> = pieces.iter().map(|_| Arc::default()).collect();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-of-provider: 1\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let mut script = Script::new().read_request().write(head);
    for (piece, word) in pieces.iter().zip(&words) {
        script = script.wait_for(word).write_chunk(piece);
    }
    let provider = RawProvider::start([script.write_chunk("")]).await;
    let broken = super::failing("broken", fault(Fault::Reset)).await;
    let gateway = Gateway::with(PAIR)
        .fill("primary", broken.base_url())
        .fill("backup", provider.base_url())
        .start()
        .await;

    let mut body = chat_stream("gpt-4o");
    body["stream_options"] = json!({ "include_usage": true });
    words[0].notify_one();
    words[1].notify_one();
    words[2].notify_one();
    words[3].notify_one();
    let mut stream = gateway.post(CHAT, body).stream().await;
    let mut sent = pieces[..4].concat();
    stream.read_until(&sent).await;
    for (piece, word) in pieces.iter().zip(&words).skip(4) {
        // Each piece is here before the next one is sent.
        word.notify_one();
        write!(sent, "{piece}").unwrap();
        stream.read_until(&sent).await;
    }

    assert_eq!(
        stream.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(stream.header("x-of-provider"), Some("1"));
    assert_eq!(stream.hops(), ["primary reset", "backup ok"]);
    let whole = stream.read_all().await;
    assert_eq!(whole.ending, Ending::Clean);
    assert_eq!(whole.partial().text(), sent);
    let line = &gateway.access_lines_when(1).await[0];
    assert_eq!(
        (&line["outcome"], &line["gen_ai.usage.output_tokens"]),
        (&json!("success"), &json!(2)),
        "{line:#}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_long_stream_of_many_events_is_the_providers() {
    let (behind, beside) = twins(5_000, 400_000).await;
    let gateway = gateway(&behind, &behind).await;

    let through = gateway
        .post(CHAT, chat_stream("gpt-4o"))
        .stream()
        .await
        .read_all()
        .await;
    let directly = Call::new(beside.addr(), Method::POST, CHAT)
        .json(&chat_stream("gpt-4o"))
        .send()
        .await;

    assert_eq!(through.ending, Ending::Clean);
    assert!(through.events().len() > 5_000);
    assert_eq!(undated(&through.partial().text()), undated(&directly.text()));
    gateway.stop().await;
}

#[tokio::test]
async fn the_models_are_listed_from_the_configuration() {
    let primary = sim("primary").await;
    let config = r#"
providers: { primary: { kind: openai-compatible, endpoint: "{primary}" } }
models:
  gpt-4o: { aliases: [gpt-4o-latest], targets: [{ provider: primary, model: another }] }
  "vendor/model-1": { targets: [{ provider: primary }] }
"#;
    let gateway = Gateway::with(config)
        .fill("primary", primary.base_url())
        .start()
        .await;

    let list = gateway.get("/v1/models").send().await;
    let one = gateway.get("/v1/models/gpt-4o-latest").send().await;
    let encoded = gateway.get("/v1/models/vendor%2Fmodel%2D1").send().await;
    let none = gateway.get("/v1/models/another").send().await;
    let alias = gateway.post(CHAT, chat("gpt-4o-latest")).send().await;
    let unknown = gateway.post(CHAT, chat("another")).send().await;

    let list = list.json();
    let ids: Vec<&Value> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["id"])
        .collect();
    assert_eq!(
        (&list["object"], ids),
        (
            &json!("list"),
            vec![
                &json!("gpt-4o"),
                &json!("gpt-4o-latest"),
                &json!("vendor/model-1")
            ]
        )
    );
    assert_eq!(
        (&one.json()["id"], &one.json()["object"]),
        (&json!("gpt-4o-latest"), &json!("model"))
    );
    assert_eq!(encoded.json()["id"], "vendor/model-1");
    for missing in [none, unknown] {
        assert_eq!(
            (missing.status.as_u16(), &missing.json()["error"]["code"]),
            (404, &json!("model_not_found"))
        );
        assert!(
            missing.text().contains("gpt-4o, vendor/model-1"),
            "{}",
            missing.text()
        );
    }
    assert_eq!(alias.header("x-understudy-model"), Some("another"));
    assert_eq!(
        primary.control().counters().requests,
        1,
        "a listing asks no provider"
    );
    gateway.stop().await;
}
