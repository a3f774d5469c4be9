//! The configurations in `examples/`, sentence by sentence: each is loaded as it is shipped, with simulated providers
//! in the place of the real ones.

#![allow(
    clippy::needless_pass_by_value,
    reason = "what a test starts with is given away once"
)]

mod azure_regions; // backups that inherit; what moves on and what never does
mod bedrock_vertex; // one Claude from four places, and three ways to sign in
mod claude_to_gpt; // a tool built for Claude goes on with GPT, and back
mod every_provider; // every kind of provider, in the fewest words
mod model_catalog; // one name for many; health, then speed, then price
mod priority_groups; // the request gets its error, the next one is spared
mod retry_and_break; // try hard, and stop asking one that is down
mod weighted_primary; // one does the work, another stands by

use std::path::Path;

use serde_json::Value;
use understudy::sim::{Dialect, Fault, FaultRule, Sim, SimConfig};

use crate::support::{Answer, Call, Gateway, Running, chat};

const CHAT: &str = "/v1/chat/completions";

async fn sim(name: &str) -> Sim {
    Sim::start(SimConfig::named(name)).await.unwrap()
}

/// One that speaks this language only, and is as strict as who it comes from.
async fn native(name: &str, dialect: Dialect) -> Sim {
    let config = SimConfig {
        dialect: Some(dialect),
        ..SimConfig::named(name)
    };
    Sim::start(config).await.unwrap()
}

fn fault(fault: Fault) -> FaultRule {
    FaultRule::new(fault)
}

fn status(number: u16) -> FaultRule {
    fault(Fault::ServerError).status(number.try_into().unwrap())
}

/// A file of `examples/`, to be filled from an environment. Only where it listens is ours.
fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    changed(text, "listen: 127.0.0.1:10000\n", "")
}

/// The example with another number, where a test has no time for the real one.
fn changed(text: String, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the example does not say `{from}`");
    text.replace(from, to)
}

async fn start<const N: usize>(yaml: &str, env: [(&str, String); N]) -> Running {
    let gateway = Gateway::with(yaml);
    let gateway = env
        .iter()
        .fold(gateway, |gateway, (name, value)| gateway.env(name, value));
    gateway.start().await
}

/// Forgets what these providers have done.
async fn forgive(gateway: &Running, providers: &[&str]) {
    for provider in providers {
        gateway
            .admin_post(
                "/admin/circuits/reset",
                &serde_json::json!({ "provider": provider }),
            )
            .await;
    }
}

/// A target of a model, as the explanation tells it.
async fn target(gateway: &Running, model: &str, provider: &str) -> Value {
    let report = gateway.admin_get(&format!("/admin/failover/model/{model}")).await;
    let targets = report["targets"].as_array().unwrap();
    let found = targets.iter().find(|target| target["provider"] == provider);
    found
        .unwrap_or_else(|| panic!("no {provider} in {report:#}"))
        .clone()
}

/// Envoy's own count of retries, over all clusters.
async fn retries(gateway: &Running, providers: &[&str]) -> u64 {
    let mut sum = 0;
    for provider in providers {
        sum += gateway
            .envoy_stat(&format!("cluster.{provider}.upstream_rq_retry"))
            .await;
    }
    sum
}
