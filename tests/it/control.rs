//! All that is not the failover of one request: configuration, restarts, orders, clients, checks, telemetry.

mod bootstraps; // the two shipped Envoy files boot a real Envoy; readiness before there is one
mod clients; // who may call, for which models, and whose key a provider gets
mod health; // active checks bench an endpoint and bring it back
mod orders; // what an operator sees and may ask for
mod program; // signals, by the real program
mod reload; // a configuration is taken over, or refused without a trace
mod restarts; // either half goes and comes back
mod telemetry; // metrics and access lines after known requests

use serde_json::Value;
use understudy::sim::{Sim, SimConfig};

use crate::support::{Answer, Running, chat};

const CHAT: &str = "/v1/chat/completions";

/// Two providers, the second a stand-in for the first.
const PAIR: &str = r#"
providers:
  primary: { kind: openai-compatible, endpoint: "{primary}", api_key: sk-primary }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models:
  gpt-4o:
    targets:
      - { provider: primary }
      - { provider: backup, priority: 1 }
"#;

async fn sim(name: &str) -> Sim {
    Sim::start(SimConfig::named(name)).await.unwrap()
}

fn asked(sim: &Sim) -> u64 {
    sim.control().counters().requests
}

async fn ask(gateway: &Running, model: &str) -> Answer {
    gateway.post(CHAT, chat(model)).send().await
}

/// What a status or a report says of one provider.
fn provider<'v>(status: &'v Value, name: &str) -> &'v Value {
    let providers = status["providers"].as_array().unwrap();
    let found = providers.iter().find(|provider| provider["name"] == name);
    found.unwrap_or_else(|| panic!("no provider {name}: {status}"))
}

/// The state of a provider's circuit of this scope.
fn circuit<'v>(status: &'v Value, name: &str, scope: &str) -> &'v str {
    let circuits = provider(status, name)["circuits"].as_array().unwrap();
    let found = circuits.iter().find(|circuit| circuit["scope"] == scope);
    found.map_or("", |circuit| circuit["state"].as_str().unwrap())
}
