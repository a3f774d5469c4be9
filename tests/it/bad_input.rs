//! What malformed requests, malformed answers and clients that leave get. The right word, and nothing else affected:
//! after each group the gateway serves a good request, no session is left, and no provider is blamed for nothing.

mod answers; // providers that answer anything but what they should
mod bodies; // request bodies that cannot be read
mod broken; // connections that providers break, at every class of byte
mod forged; // headers that only we may set
mod leaving; // clients that go away, at every stage
mod requests; // methods, paths, protocols, sizes

use serde_json::Value;
use understudy::sim::{Sim, SimConfig};

use crate::support::{Answer, Gateway, Running, chat};

const CHAT: &str = "/v1/chat/completions";

/// One provider, and a second that only a failover reaches.
const PAIR: &str = r#"
envoy: { admin: "{envoy_admin}", max_body: {max_body} }
providers:
  primary: { kind: openai-compatible, endpoint: "{primary}", api_key: sk-primary }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models:
  gpt-4o:
    targets:
      - { provider: primary }
      - { provider: backup, priority: 1 }
"#;

/// A gateway in front of two good providers.
struct Good {
    gateway: Running,
    primary: Sim,
    backup: Sim,
}

impl Good {
    async fn start() -> Self {
        Self::with_max_body("2MiB").await
    }

    async fn with_max_body(max_body: &str) -> Self {
        let primary = Sim::start(SimConfig::named("primary")).await.unwrap();
        let backup = Sim::start(SimConfig::named("backup")).await.unwrap();
        let gateway = Gateway::with(PAIR)
            .fill("max_body", max_body)
            .fill("primary", primary.base_url())
            .fill("backup", backup.base_url())
            .start()
            .await;
        Self {
            gateway,
            primary,
            backup,
        }
    }

    fn asked(&self) -> u64 {
        [&self.primary, &self.backup]
            .map(|sim| sim.control().counters().requests)
            .iter()
            .sum()
    }

    /// Nothing of what came before has left a mark.
    async fn stop_unharmed(self) {
        serves(&self.gateway).await;
        unharmed(&self.gateway, "primary").await;
        self.gateway.stop().await;
    }
}

/// A good request is served by the first provider.
async fn serves(gateway: &Running) {
    let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;
    assert_eq!(
        answer.hops(),
        ["primary ok"],
        "{} {}",
        answer.status,
        answer.text()
    );
}

/// No circuit of this provider has counted a failure.
async fn unharmed(gateway: &Running, name: &str) {
    let status = gateway.status().await;
    let providers = status["providers"].as_array().unwrap();
    let provider = providers
        .iter()
        .find(|provider| provider["name"] == name)
        .unwrap();
    let models = status["models"].as_array().unwrap();
    let targets = models
        .iter()
        .flat_map(|model| model["targets"].as_array().unwrap());
    let of_targets = targets
        .filter(|target| target["provider"] == name)
        .map(|target| &target["circuits"]);
    for circuits in of_targets.chain([&provider["circuits"]]) {
        for circuit in circuits.as_array().unwrap() {
            assert_eq!(circuit["state"], "closed", "{circuit}");
            assert_eq!(circuit["window_failures"], 0, "{circuit}");
        }
    }
}

/// An error in OpenAI's shape, with all four keys.
fn error(answer: &Answer) -> Value {
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{} {}",
        answer.status,
        answer.text()
    );
    shaped(&answer.json(), &answer.text())
}

/// The same, from the bytes of an answer.
fn raw_error(answer: &str) -> (u16, Value) {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let json = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {answer:?}"));
    (
        status.unwrap_or_else(|| panic!("no status: {head:?}")),
        shaped(&json, answer),
    )
}

fn shaped(json: &Value, text: &str) -> Value {
    let error = &json["error"];
    for key in ["message", "type", "param", "code"] {
        assert!(error.get(key).is_some(), "no `{key}`: {text}");
    }
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|message| message.len() < 1000),
        "{text}"
    );
    error.clone()
}
