//! Streams through Envoy: what is held, what passes, and what becomes of one that breaks off.

mod many; // many streams at once

use serde_json::Value;
use understudy::sim::{Fault, FaultRule, Pace, Sim, SimConfig};

use crate::support::{Ending, Gateway, Running, chat_stream};

const CHAT: &str = "/v1/chat/completions";

const CONFIG: &str = r#"
providers:
  primary: { kind: openai-compatible, endpoint: "{primary}", api_key: sk-primary }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models:
  gpt-4o:
    targets:
      - { provider: primary }
      - { provider: backup, priority: 1 }
defaults:
  breaker: { consecutive_failures: off, error_rate: off }
  failover: { per_try_timeout: 2s, first_token_timeout: 300ms, stall_timeout: 400ms, timeout: 5s }
"#;

/// A gateway in front of two simulated providers.
struct Stage {
    primary: Sim,
    backup: Sim,
    gateway: Running,
}

impl Stage {
    async fn set() -> Self {
        let primary = Sim::start(SimConfig::named("primary")).await.unwrap();
        let backup = Sim::start(SimConfig::named("backup")).await.unwrap();
        let gateway = Gateway::with(CONFIG)
            .fill("primary", primary.base_url())
            .fill("backup", backup.base_url())
            .start()
            .await;
        Self {
            primary,
            backup,
            gateway,
        }
    }

    fn fault(&self, rule: FaultRule) {
        self.primary.control().set_fault(rule);
    }

    /// The primary takes its time between two events, so that what it has said is seen before what breaks.
    fn slowly(&self) {
        let pace = self.primary.control().pace();
        let inter_token = std::time::Duration::from_millis(60);
        self.primary.control().set_pace(Pace { inter_token, ..pace });
    }

    /// The access line of the last of `count` requests.
    async fn line(&self, count: usize) -> Value {
        self.gateway.access_lines_when(count).await.remove(count - 1)
    }

    async fn strike(self) {
        self.gateway.stop().await;
        self.primary.shutdown().await;
        self.backup.shutdown().await;
    }
}

#[tokio::test]
async fn a_stream_that_the_provider_breaks_off_never_looks_complete_and_is_held_against_it() {
    let stage = Stage::set().await;
    stage.slowly();
    stage.fault(FaultRule::new(Fault::CutStream));

    let ended = stage
        .gateway
        .post(CHAT, chat_stream("gpt-4o"))
        .stream()
        .await
        .read_all()
        .await;

    assert!(matches!(ended.ending, Ending::Broken(_)), "{:?}", ended.ending);
    assert!(!ended.partial().text().contains("[DONE]"));
    let line = stage.line(1).await;
    assert_eq!(line["outcome"], "broken", "{line}");
    assert_eq!(line["attempts"][0]["class"], "stream_broken", "{line}");
    stage.strike().await;
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_is_held_against_nobody() {
    let stage = Stage::set().await;
    stage.slowly();
    stage.fault(FaultRule::new(Fault::Stall));

    let mut stream = stage.gateway.post(CHAT, chat_stream("gpt-4o")).stream().await;
    stream.read_until("data: ").await;
    drop(stream);

    let line = stage.line(1).await;
    assert_eq!(line["outcome"], "abandoned", "{line}");
    assert_eq!(line["attempts"][0]["class"], "abandoned", "{line}");
    stage.strike().await;
}

#[tokio::test]
async fn a_stream_that_fails_before_it_says_anything_fails_over_unseen() {
    let stage = Stage::set().await;
    let cases = [
        (FaultRule::new(Fault::StreamError), "server_error"),
        (FaultRule::new(Fault::BadJson), "bad_response"),
        (
            FaultRule::new(Fault::SlowFirstToken).delay(std::time::Duration::from_secs(3)),
            "first_token_timeout",
        ),
        (FaultRule::new(Fault::CutStream).after_events(0), "bad_response"),
        (
            FaultRule::new(Fault::Stall).after_events(0),
            "first_token_timeout",
        ),
        (FaultRule::new(Fault::Hang), "first_token_timeout"),
        (FaultRule::new(Fault::Empty), "bad_response"),
    ];
    for (rule, class) in cases {
        let fault = rule.fault;
        stage.fault(rule);

        let stream = stage.gateway.post(CHAT, chat_stream("gpt-4o")).stream().await;
        let hops = stream.hops();
        let ended = stream.read_all().await;

        assert_eq!(
            hops,
            [format!("primary {class}"), "backup ok".to_owned()],
            "{fault:?}"
        );
        assert!(
            matches!(ended.ending, Ending::Clean),
            "{fault:?}: {:?}",
            ended.ending
        );
        let text = ended.partial().text();
        assert!(
            text.contains("sim backup says") || text.contains("backup"),
            "{fault:?}: {text}"
        );
        assert!(!text.contains("primary"), "{fault:?}: {text}");
        assert!(text.trim_end().ends_with("data: [DONE]"), "{fault:?}: {text}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_in_an_error_event_and_does_not_look_complete() {
    let stage = Stage::set().await;
    stage.slowly();
    stage.fault(FaultRule::new(Fault::Stall));

    let ended = stage
        .gateway
        .post(CHAT, chat_stream("gpt-4o"))
        .stream()
        .await
        .read_all()
        .await;

    let text = ended.partial().text();
    assert!(matches!(ended.ending, Ending::Broken(_)), "{:?}", ended.ending);
    assert!(
        text.contains(r#"data: {"error":"#) && !text.contains("[DONE]"),
        "{text}"
    );
    let line = stage.line(1).await;
    assert_eq!(
        (&line["outcome"], &line["attempts"][0]["class"]),
        (&"broken".into(), &"stream_broken".into()),
        "{line}"
    );
    stage.strike().await;
}

#[tokio::test]
async fn a_stream_without_done_is_complete_when_it_finished_and_an_error_after_commit_is_the_last_word() {
    let stage = Stage::set().await;
    stage.fault(FaultRule::new(Fault::NoDone));

    let ended = stage
        .gateway
        .post(CHAT, chat_stream("gpt-4o"))
        .stream()
        .await
        .read_all()
        .await;

    assert!(matches!(ended.ending, Ending::Clean), "{:?}", ended.ending);
    assert!(!ended.partial().text().contains("error"));
    stage.slowly();
    stage.fault(FaultRule::new(Fault::StreamError).after_events(3));

    let ended = stage
        .gateway
        .post(CHAT, chat_stream("gpt-4o"))
        .stream()
        .await
        .read_all()
        .await;

    let text = ended.partial().text();
    assert!(
        text.contains(r#"data: {"error":"#) && !text.contains("[DONE]"),
        "{text}"
    );
    assert_eq!(stage.line(2).await["outcome"], "broken");
    stage.strike().await;
}

#[tokio::test]
async fn usage_is_counted_on_every_stream_and_shown_only_to_who_asked() {
    let stage = Stage::set().await;
    let mut asking = chat_stream("gpt-4o");
    asking["stream_options"] = serde_json::json!({ "include_usage": true });

    let silent = stage
        .gateway
        .post(CHAT, chat_stream("gpt-4o"))
        .stream()
        .await
        .read_all()
        .await;
    let told = stage.gateway.post(CHAT, asking).stream().await.read_all().await;

    assert!(
        !silent.partial().text().contains("usage"),
        "{}",
        silent.partial().text()
    );
    assert!(
        told.partial().text().contains(r#""prompt_tokens""#),
        "{}",
        told.partial().text()
    );
    for line in stage.gateway.access_lines_when(2).await {
        assert!(
            line["gen_ai.usage.output_tokens"]
                .as_u64()
                .is_some_and(|tokens| tokens > 0),
            "{line}"
        );
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_success_that_is_none_fails_over() {
    let stage = Stage::set().await;
    for (fault, class) in [
        (Fault::BadJson, "bad_response"),
        (Fault::Empty, "bad_response"),
        (Fault::StreamError, "server_error"),
    ] {
        stage.fault(FaultRule::new(fault));

        let answer = stage
            .gateway
            .post(CHAT, crate::support::chat("gpt-4o"))
            .send()
            .await;

        assert_eq!(
            answer.hops(),
            [format!("primary {class}"), "backup ok".to_owned()],
            "{fault:?}"
        );
    }
    stage.strike().await;
}
