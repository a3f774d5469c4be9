//! Failed answers of every make. What they mean is read from the body, and none of them harms anything.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use understudy::sim::{Encoding, Fault};

use super::{CHAT, PAIR, fault, sim};
use crate::support::{Gateway, RawProvider, Running, Script, chat};

const OK: &str = r#"{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;

/// Many models at one scripted provider, each with an answer of its own: `(name, answer, class and status)`.
async fn each(rows: Vec<(&'static str, Script, &'static str, Option<u16>)>) {
    let backup = sim("backup").await;
    let mut providers = Vec::new();
    let mut config =
        String::from("providers:\n  backup: { kind: openai-compatible, endpoint: \"{backup}\" }\n");
    let mut models = String::from("models:\n");
    for (name, script, ..) in &rows {
        let provider = RawProvider::start([script.clone()]).await;
        config += &format!(
            "  {name}: {{ kind: openai-compatible, endpoint: \"{}\" }}\n",
            provider.base_url()
        );
        models += &format!(
            "  m-{name}: {{ targets: [{{ provider: {name} }}, {{ provider: backup, priority: 1 }}] }}\n"
        );
        providers.push(provider);
    }
    let gateway = Gateway::with(&(config + &models))
        .fill("backup", backup.base_url())
        .start()
        .await;

    for (name, _, class, status) in &rows {
        let answer = gateway.post(CHAT, chat(&format!("m-{name}"))).send().await;

        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(
            answer.hops(),
            [format!("{name} {class}"), "backup ok".to_owned()],
            "{name}"
        );
        assert_eq!(answer.trail()[0].status, *status, "{name}: {:?}", answer.trail());
    }
    drop(providers);
    gateway.stop().await;
}

fn response(head: &str, body: &str) -> Script {
    let length = body.len();
    Script::answering(format!(
        "HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

#[tokio::test]
async fn an_encoded_error_is_understood() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;
    for encoding in [
        Encoding::Gzip,
        Encoding::Deflate,
        Encoding::Brotli,
        Encoding::Zstd,
    ] {
        primary
            .control()
            .set_fault(fault(Fault::Quota).encoding(encoding));
        reset(&gateway).await;

        let moved = gateway.post(CHAT, chat("gpt-4o")).send().await;

        // Only the body tells it from a rate limit.
        assert_eq!(
            moved.hops(),
            ["primary quota_exhausted", "backup ok"],
            "{encoding:?}"
        );
        primary
            .control()
            .set_fault(fault(Fault::ContentFilter).encoding(encoding));
        reset(&gateway).await;
        let passed = gateway.post(CHAT, chat("gpt-4o")).send().await;
        assert_eq!(passed.hops(), ["primary content_filter"], "{encoding:?}");
        assert!(
            passed.header("content-encoding").is_some(),
            "{encoding:?}: passed as it came"
        );
        assert_ne!(passed.body.first(), Some(&b'{'), "{encoding:?}");
    }
    gateway.stop().await;
}

async fn reset(gateway: &Running) {
    gateway
        .admin_post(
            "/admin/circuits/reset",
            &serde_json::json!({ "provider": "primary" }),
        )
        .await;
}

#[tokio::test]
async fn an_answer_that_is_none_moves_on() {
    let json = "200 OK\r\ncontent-type: application/json";
    let cut = |head: &str, body: &str| {
        Script::new()
            .read_request()
            .write(format!("HTTP/1.1 {head}\r\n\r\n{body}"))
            .pause(Duration::from_millis(100))
    };
    each(vec![
        ("empty", response(json, ""), "bad_response", Some(200)),
        ("blank", response(json, " \r\n "), "bad_response", Some(200)),
        (
            "page",
            response("200 OK\r\ncontent-type: text/html", "<html>Sign in</html>"),
            "bad_response",
            Some(200),
        ),
        (
            "words",
            response(json, "Internal error"),
            "bad_response",
            Some(200),
        ),
        (
            "half",
            response(json, &OK[..OK.len() / 2]),
            "bad_response",
            Some(200),
        ),
        ("nothing", response(json, "null"), "bad_response", Some(200)),
        (
            "inner429",
            response(json, r#"{"error":{"message":"slow down","code":429}}"#),
            "rate_limited",
            Some(200),
        ),
        (
            "inner500",
            response(
                json,
                r#"{"error":{"message":"oops","type":"server_error","code":null}}"#,
            ),
            "server_error",
            Some(200),
        ),
        (
            "short",
            cut(&format!("{json}\r\ncontent-length: 5000"), OK),
            "bad_response",
            Some(200),
        ),
        (
            "unfinished",
            cut(
                &format!("{json}\r\ntransfer-encoding: chunked"),
                "5\r\n{\"id\"\r\n",
            ),
            "bad_response",
            Some(200),
        ),
        (
            "nonsense",
            Script::answering("I am no HTTP server\r\n\r\n"),
            "reset",
            None,
        ),
        ("silent", Script::new().read_request(), "reset", None),
        (
            "no_content",
            Script::answering("HTTP/1.1 204 No Content\r\n\r\n"),
            "bad_response",
            Some(204),
        ),
    ])
    .await;
}

#[tokio::test]
async fn statuses_without_words_are_understood() {
    let chunked = |status: &str, body: &str| {
        Script::new()
            .read_request()
            .write(format!("HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n"))
            .write_chunk(body)
            .write_chunk("")
            .again()
    };
    each(vec![
        ("bare503", response("503 Busy", ""), "overloaded", Some(503)),
        ("bare429", response("429 Slow", ""), "rate_limited", Some(429)),
        ("bare401", response("401 No", ""), "auth", Some(401)),
        ("bare404", response("404 No", ""), "model_not_found", Some(404)),
        (
            "bare500",
            chunked("500 Oops", "plain words"),
            "server_error",
            Some(500),
        ),
        (
            "page403",
            response("403 No\r\ncontent-type: text/html", "<html>Blocked</html>"),
            "bad_response",
            Some(403),
        ),
        (
            "page302",
            response("302 Found\r\nlocation: /login", ""),
            "bad_response",
            Some(302),
        ),
        (
            "deep",
            chunked("500 Oops", &"[".repeat(30_000)),
            "server_error",
            Some(500),
        ),
        (
            "latin1",
            Script::answering(b"HTTP/1.1 503 Busy\r\ncontent-length: 3\r\n\r\n\xfc\xff\xfe".to_vec()),
            "overloaded",
            Some(503),
        ),
    ])
    .await;
}

#[tokio::test]
async fn an_error_that_never_ends_does_not_hold_the_request_up() {
    let word = Arc::new(Notify::new());
    let endless = Script::new()
        .read_request()
        .write("HTTP/1.1 503 Busy\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n")
        .write_chunk(&"x".repeat(100_000))
        .wait_for(&word);
    let drip = Script::new()
        .read_request()
        .write("HTTP/1.1 503 Busy\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n")
        .write_chunk("a few words and then nothing")
        .wait_for(&word);
    let (endless, drip, backup) = (
        RawProvider::start([endless]).await,
        RawProvider::start([drip]).await,
        sim("backup").await,
    );
    let config = r#"
providers:
  endless: { kind: openai-compatible, endpoint: "{endless}" }
  drip: { kind: openai-compatible, endpoint: "{drip}" }
  backup: { kind: openai-compatible, endpoint: "{backup}" }
models:
  long: { targets: [{ provider: endless }, { provider: backup, priority: 1 }] }
  mute: { targets: [{ provider: drip }, { provider: backup, priority: 1 }], failover: { per_try_timeout: 300ms } }
  lone: { targets: [{ provider: endless }], failover: { attempts: 1 } }
"#;
    let gateway = Gateway::with(config)
        .fill("endless", endless.base_url())
        .fill("drip", drip.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;

    let long = gateway.post(CHAT, chat("long")).send().await;
    let mute = gateway.post(CHAT, chat("mute")).send().await;
    let lone = gateway.post(CHAT, chat("lone")).send().await;

    assert_eq!(long.hops(), ["endless overloaded", "backup ok"]);
    assert_eq!(mute.hops(), ["drip timeout", "backup ok"]);
    assert_eq!(lone.hops(), ["endless overloaded"]);
    assert_eq!(
        (
            lone.status.as_u16(),
            &lone.json()["error"]["attempts"][0]["class"]
        ),
        (503, &"overloaded".into())
    );
    word.notify_waiters();
    gateway.stop().await;
}

/// Envoy never retries once a provider has sent an interim answer, whatever we say.
#[tokio::test]
async fn a_failure_after_an_interim_answer_is_final() {
    let hinting = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    let primary = RawProvider::start([Script::answering(hinting)]).await;
    let backup = sim("backup").await;
    let gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;

    let answers = [
        gateway.post(CHAT, chat("gpt-4o")).send().await,
        gateway.post(CHAT, chat("gpt-4o")).send().await,
    ];
    let after = gateway.post(CHAT, chat("gpt-4o")).send().await;

    for answer in answers {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.hops(), ["primary overloaded"]);
        assert_eq!(answer.json()["error"]["attempts"].as_array().unwrap().len(), 1);
    }
    assert_eq!(after.hops(), ["backup ok"], "the circuit has learned from it");
    gateway.stop().await;
}
