//! The simulated provider as its callers see it, over real sockets.

mod anthropic;
mod anything;
mod bedrock;
mod client;
mod everywhere;
mod faults;
mod gemini;
mod hand;
mod responses;
mod secure;
mod strict;
mod tokens;
mod vertex;
mod wire;

use std::time::Duration;

use serde_json::{Value, json};

use super::{Sim, SimConfig};
use client::{Answer, post};

/// Nothing in these tests takes longer unless it is broken.
const BOUND: Duration = Duration::from_secs(20);

const CHAT: &str = "/v1/chat/completions";

async fn sim(name: &str) -> Sim {
    Sim::start(SimConfig::named(name)).await.unwrap()
}

/// A chat request that says hello.
fn hello(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]})
}

/// The same, streamed.
fn hello_streamed(model: &str) -> Value {
    let mut body = hello(model);
    body["stream"] = json!(true);
    body
}

async fn chat(sim: &Sim, body: &Value) -> Answer {
    post(sim.addr(), CHAT, &[], body.to_string().as_bytes()).await
}
