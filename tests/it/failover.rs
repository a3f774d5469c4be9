//! What callers and operators see when providers fail, through the real Envoy.

#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    clippy::needless_raw_string_hashes,
    clippy::similar_names,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "a table of cases is long, and builds its configuration from its rows"
)]

mod answers; // a good answer: its surfaces, headers and streams
mod bodies; // failed answers of every make: encodings, sizes, pages, nothing at all
mod budgets; // attempts and time
mod classes; // section by section: what each failure is called, whom it blames, who is asked again
mod crowds; // many requests at once, large prompts, both versions of HTTP
mod finals; // the last word when nothing helped, and the caller's own mistakes
mod hints; // how long a provider is left alone when it said so itself
mod modes; // retry, next_request, off; all benched
mod ordering; // who is asked first, and what a caller may say about it
mod outgoing; // what reaches each provider, and what never does
mod recovery; // from the bench back to service
mod scopes; // endpoint, credential, target; drains, resets, active checks, reloads
mod unreachable; // no connection, no name, no TLS

use serde_json::Value;
use understudy::sim::{Fault, FaultRule, Sim, SimConfig};

const CHAT: &str = "/v1/chat/completions";

/// Two providers, the second for when the first cannot; `{more}` is for what a test is about.
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

/// Nothing is ever benched.
const NO_BREAKER: &str = "breaker: { consecutive_failures: off, error_rate: off }";

async fn sim(name: &str) -> Sim {
    Sim::start(SimConfig::named(name)).await.unwrap()
}

/// One that has this fault from the start.
async fn failing(name: &str, rule: FaultRule) -> Sim {
    let mut config = SimConfig::named(name);
    config.faults = vec![rule];
    Sim::start(config).await.unwrap()
}

fn fault(fault: Fault) -> FaultRule {
    FaultRule::new(fault)
}

/// A target in Understudy's status.
fn target<'s>(status: &'s Value, model: &str, provider: &str) -> &'s Value {
    let find = |list: &'s Value, key: &str, name: &str| {
        let list = list.as_array().unwrap_or_else(|| panic!("no list in {status:#}"));
        list.iter().find(|one| one[key] == name)
    };
    find(&status["models"], "name", model)
        .and_then(|model| find(&model["targets"], "provider", provider))
        .unwrap_or_else(|| panic!("no target {provider} of {model} in {status:#}"))
}

/// The circuits of a target that do not serve in full: `["target open rate_limited"]`.
fn disturbed(target: &Value) -> Vec<String> {
    let circuits = target["circuits"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    circuits
        .filter(|circuit| circuit["state"] != "closed")
        .map(|circuit| {
            let words = ["scope", "state", "cause"].map(|key| text(&circuit[key]));
            words.join(" ")
        })
        .collect()
}
