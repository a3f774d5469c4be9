//! Providers of other languages that answer in ways nobody asked for, and callers with odd fields.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use understudy::sim::{Sim, SimConfig};

use super::stage::{chunks, text_of};
use crate::support::{Gateway, RawProvider, Running, Script, chat, chat_stream};

const CHAT: &str = "/v1/chat/completions";

const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"text","text":"Hello from Claude."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":4}}"#;

const EVENTS: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x\",\"content\":[],\"usage\":{\"input_tokens\":3}}}\n\n\
    event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}\n\n\
    event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":1}}\n\n\
    event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

fn answer(headers: &str, body: &[u8]) -> Script {
    let mut response = format!(
        "HTTP/1.1 200 OK\r\n{headers}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    response.extend_from_slice(body);
    Script::answering(response)
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A gateway whose first provider speaks Anthropic's language by `script`; the second is a simulated one.
async fn gateway(script: Script) -> (Running, RawProvider, Sim) {
    let claude = RawProvider::start([script]).await;
    let backup = Sim::start(SimConfig::named("backup")).await.unwrap();
    let config = r#"
providers:
  claude: { kind: anthropic, endpoint: "{claude}", api_key: sk-ant-1 }
  backup: { kind: openai, endpoint: "{backup}", api_key: sk-1 }
models:
  m: { targets: [ { provider: claude, model: claude-x }, { provider: backup, model: gpt-x, priority: 1 } ] }
"#;
    let origin = claude.base_url().trim_end_matches("/v1").to_owned();
    let gateway = Gateway::with(config)
        .fill("claude", origin)
        .fill("backup", backup.base_url())
        .start()
        .await;
    (gateway, claude, backup)
}

#[tokio::test]
async fn what_cannot_be_told_in_the_callers_language_fails_over() {
    let coded = "content-type: text/event-stream\r\ncontent-encoding: gzip";
    for (script, ask) in [
        (answer(coded, &gzipped(EVENTS)), chat_stream("m")),
        (
            answer("content-type: text/event-stream", EVENTS.as_bytes()),
            chat("m"),
        ),
    ] {
        let (gateway, _claude, backup) = gateway(script).await;

        let answer = gateway.post(CHAT, ask).send().await;

        assert_eq!(
            answer.hops(),
            ["claude bad_response", "backup ok"],
            "{}",
            answer.text()
        );
        gateway.stop().await;
        backup.shutdown().await;
    }
}

#[tokio::test]
async fn a_coded_answer_is_decoded_before_it_is_translated() {
    let coded = "content-type: application/json\r\ncontent-encoding: gzip";
    let (gateway, _claude, backup) = gateway(answer(coded, &gzipped(CLAUDE))).await;

    let answer = gateway.post(CHAT, chat("m")).send().await;

    assert_eq!(answer.hops(), ["claude ok"]);
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(
        answer.json()["choices"][0]["message"]["content"],
        "Hello from Claude."
    );
    assert_eq!(
        answer.header("content-length"),
        Some(answer.body.len().to_string().as_str())
    );
    gateway.stop().await;
    backup.shutdown().await;
}

#[tokio::test]
async fn a_whole_answer_to_an_ask_for_a_stream_is_played_as_one() {
    let (gateway, _claude, backup) =
        gateway(answer("content-type: application/json", CLAUDE.as_bytes())).await;

    let mut ask = chat_stream("m");
    ask["stream_options"] = json!({ "include_usage": true });
    let ended = gateway.post(CHAT, ask).stream().await.read_all().await;

    let chunks = chunks(&ended.events());
    assert_eq!(text_of(&chunks), "Hello from Claude.");
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], 4);
    gateway.stop().await;
    backup.shutdown().await;
}

#[tokio::test]
async fn a_field_of_any_name_is_dropped_without_harm() {
    let (gateway, _claude, backup) =
        gateway(answer("content-type: application/json", CLAUDE.as_bytes())).await;
    for (field, shown) in [
        ("seed".to_owned(), "seed"),
        ("a\r\nset-cookie: b".to_owned(), "(1)"),
        ("\0".to_owned(), "(1)"),
        ("x".repeat(100_000), "(1)"),
    ] {
        let mut ask = chat("m");
        ask[&field] = 1.into();

        let answer = gateway.post(CHAT, ask).send().await;

        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.hops(), ["claude ok"]);
        assert_eq!(answer.header("x-understudy-dropped"), Some(shown));
    }
    gateway.stop().await;
    backup.shutdown().await;
}
