//! Streams through Envoy: what is held, what passes, and what becomes of one that breaks off.

use serde_json::Value;
use understudy::sim::{Fault, FaultRule, Sim, SimConfig};

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
    stage.fault(FaultRule::new(Fault::Stall));

    let mut stream = stage.gateway.post(CHAT, chat_stream("gpt-4o")).stream().await;
    stream.read_until("data: ").await;
    drop(stream);

    let line = stage.line(1).await;
    assert_eq!(line["outcome"], "abandoned", "{line}");
    assert_eq!(line["attempts"][0]["class"], "abandoned", "{line}");
    stage.strike().await;
}
