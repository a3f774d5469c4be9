//! The requests that the README shows are answered, and it lists exactly the headers and fields that there are.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use understudy::sim::{Fault, FaultRule, Manner, Pace, Sim, SimConfig, Thinking};

use super::*;
use crate::support::{Call, Gateway, RawProvider, Running, Script, chat};

/// The port of the README.
const SHOWN: &str = "http://127.0.0.1:10000";

/// A gateway of the README's first configuration, with simulated providers in the place of the real ones.
async fn quick_start(sims: &[Sim; 2]) -> Running {
    let readme = read(&at("README.md"));
    let blocks = blocks(&readme, "yaml");
    let first = blocks.first().expect("a configuration");
    let openai = format!("    kind: openai\n    endpoint: {}\n", sims[0].base_url());
    let yaml = first.replace("    kind: openai\n", &openai).replace(
        "https://my-eastus.openai.azure.com",
        &format!("http://{}", sims[1].addr()),
    );
    assert!(yaml.contains(&openai) && !yaml.contains("azure.com"), "{yaml}");
    Gateway::with(&yaml)
        .env("OPENAI_API_KEY", "sk-x")
        .env("AZURE_OPENAI_KEY", "k")
        .start()
        .await
}

/// The requests to the gateway in the README's blocks of commands: the path and the body of each.
fn shown_requests() -> Vec<(String, Value)> {
    let readme = read(&at("README.md"));
    let mut found = Vec::new();
    for block in blocks(&readme, "sh") {
        for line in block.replace("\\\n", " ").lines() {
            let words = words(line.trim());
            let path = words.iter().find_map(|word| word.strip_prefix(SHOWN));
            let Some(path) = path.filter(|_| words.first().is_some_and(|word| word == "curl")) else {
                continue;
            };
            let body = words.iter().skip_while(|word| *word != "-d").nth(1);
            let body = body.map_or(Value::Null, |body| {
                serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body}"))
            });
            found.push((path.to_owned(), body));
        }
    }
    found
}

#[tokio::test]
async fn every_request_that_is_shown_is_answered() {
    let sims = [
        Sim::start(SimConfig::named("openai")).await.unwrap(),
        Sim::start(SimConfig::named("azure")).await.unwrap(),
    ];
    let gateway = quick_start(&sims).await;
    let requests = shown_requests();
    assert!(requests.len() >= 3, "{requests:?}");

    for (path, body) in requests {
        let answer = gateway.post(&path, body).send().await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let kind = answer.json();
        let is_own = if path.ends_with("/messages") {
            kind["type"] == "message"
        } else {
            kind["object"] == "chat.completion"
        };
        assert!(is_own, "{path}: {kind}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_paths_that_are_listed_are_served_and_others_are_told() {
    let sims = [
        Sim::start(SimConfig::named("openai")).await.unwrap(),
        Sim::start(SimConfig::named("azure")).await.unwrap(),
    ];
    let gateway = quick_start(&sims).await;
    for cells in table("| path | whose |") {
        for request in backticked(&cells[0]) {
            let (method, path) = request.split_once(' ').expect("a method and a path");
            let call = gateway.call(method.parse().unwrap(), path).json(&json!({}));
            let status = call.send().await.status.as_u16();
            let known = if method == "GET" { 200 } else { 400 };
            assert_eq!(status, known, "{request}");
        }
    }
    let unserved = gateway
        .post("/v1/messages/count_tokens", chat("gpt-4o"))
        .send()
        .await;
    assert_eq!(
        (unserved.status.as_u16(), &unserved.json()["error"]["type"]),
        (404, &json!("not_found_error"))
    );
    gateway.stop().await;
}

const PRICED: &str = r#"
clients:
  team-search: { key: sk-of-the-team }
providers:
  anthropic: { kind: anthropic, endpoint: "{anthropic}", api_key: k }
  openai: { kind: openai, endpoint: "{openai}", api_key: sk-x }
  gone: { kind: openai-compatible, endpoint: "http://127.0.0.1:1/v1" }
models:
  claude:
    targets:
      - { provider: gone }
      - { provider: anthropic, model: claude-sonnet-4-6, priority: 1, price: { input: 3, output: 15 } }
  gpt: { targets: [{ provider: openai, model: gpt-5.1 }] }
"#;

/// A gateway whose Claude thinks, caches and takes its time.
async fn priced() -> (Running, [Sim; 2]) {
    let sims = [
        Sim::start(SimConfig::named("anthropic")).await.unwrap(),
        Sim::start(SimConfig::named("openai")).await.unwrap(),
    ];
    let inter_token = Duration::from_millis(5);
    sims[0].control().set_pace(Pace {
        inter_token,
        ..Pace::default()
    });
    sims[0].control().set_manner(Manner {
        thinking: Thinking::Always,
        cached_tokens: 8,
        cache_write_tokens: 2,
        ..Manner::default()
    });
    let gateway = Gateway::with(PRICED)
        .fill("anthropic", format!("http://{}", sims[0].addr()))
        .fill("openai", sims[1].base_url())
        .start()
        .await;
    (gateway, sims)
}

fn as_team(call: Call) -> Call {
    call.bearer("sk-of-the-team")
}

/// A request for Claude that says what cannot be carried.
fn droppable(stream: bool) -> Value {
    let mut asked = chat("claude");
    asked["seed"] = 7.into();
    asked["stream"] = stream.into();
    asked
}

#[tokio::test]
async fn the_headers_that_are_listed_are_those_there_are() {
    let (gateway, _sims) = priced().await;
    let mut seen = BTreeSet::new();
    for stream in [false, true] {
        let answer = as_team(gateway.post("/v1/chat/completions", droppable(stream)))
            .send()
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let names = answer.headers.keys().map(ToString::to_string);
        seen.extend(names.filter(|name| name.starts_with("x-understudy-")));
    }

    let listed: BTreeSet<String> = table("| header |")
        .iter()
        .flat_map(|cells| backticked(&cells[0]))
        .collect();
    assert_eq!(listed, seen);
    gateway.stop().await;
}

#[tokio::test]
async fn the_fields_of_an_access_line_are_those_that_are_listed() {
    let (gateway, sims) = priced().await;
    let path = "/v1/chat/completions";
    for stream in [false, true] {
        let call = as_team(gateway.post(path, droppable(stream)));
        assert_eq!(call.send().await.status, 200);
    }
    assert_eq!(gateway.post(path, chat("gpt")).send().await.status, 401);
    // Benched, and tried all the same.
    sims[1]
        .control()
        .set_fault(FaultRule::new(Fault::RateLimit).retry_after("60"));
    for _ in 0..2 {
        assert_eq!(as_team(gateway.post(path, chat("gpt"))).send().await.status, 429);
    }
    let lines = gateway.access_lines_when(5).await;

    let rows = table("| field |");
    let listed: BTreeSet<String> = rows.iter().flat_map(|cells| backticked(&cells[0])).collect();
    let keys = |value: &Value| -> BTreeSet<String> {
        let fields = value.as_object().into_iter().flatten();
        fields.map(|(name, _)| name.clone()).collect()
    };
    let seen: BTreeSet<String> = lines.iter().flat_map(keys).collect();
    assert_eq!(listed, seen);
    let attempts = rows.iter().find(|cells| cells[0] == "`attempts`").expect("a row");
    let listed: BTreeSet<String> = backticked(&attempts[1]).into_iter().collect();
    let attempts = lines
        .iter()
        .flat_map(|line| line["attempts"].as_array().into_iter().flatten());
    let seen: BTreeSet<String> = attempts.flat_map(keys).collect();
    assert_eq!(listed, seen);
    gateway.stop().await;
}

const RESPONSES: &str = r#"
providers:
  claude: { kind: anthropic, endpoint: "http://127.0.0.1:1", api_key: k }
  plain: { kind: openai-compatible, endpoint: "http://127.0.0.1:1/v1" }
  first: { kind: openai, endpoint: "http://{first}/v1", api_key: sk-x }
  second: { kind: openai-compatible, endpoint: "http://{second}/v1" }
models:
  gpt:
    targets:
      - { provider: claude, model: claude-opus-5 }
      - { provider: plain }
      - { provider: first, model: gpt-5.1, priority: 1 }
      - { provider: second, model: gpt-5.1, priority: 2, supports: { responses: true } }
"#;

const RESPONSE: &str = r#"{"id":"resp_1","object":"response","status":"completed","model":"gpt-5.1","output":[{"type":"message"}]}"#;

#[tokio::test]
async fn responses_are_passed_on_and_what_is_pinned_is_tried_once() {
    let busy =
        r#"{"error":{"message":"The server is overloaded.","type":"server_error","code":null,"param":null}}"#;
    let first = RawProvider::start([Script::json(503, busy)]).await;
    let second = RawProvider::start([Script::json(200, RESPONSE)]).await;
    let gateway = Gateway::with(RESPONSES)
        .fill("first", first.address())
        .fill("second", second.address())
        .start()
        .await;
    let asked = json!({ "model": "gpt", "input": "Hello", "store": false, "odd": [1] });

    let answer = gateway.post("/v1/responses", asked.clone()).send().await;

    assert_eq!(
        (answer.text().as_str(), answer.hops()),
        (
            RESPONSE,
            vec!["first overloaded".to_owned(), "second ok".to_owned()]
        )
    );
    let seen: Value = serde_json::from_slice(&second.requests()[0].body).unwrap();
    let mut wanted = asked.clone();
    wanted["model"] = "gpt-5.1".into();
    assert_eq!(seen, wanted, "as it was written, but for its model");
    for (field, value) in [
        ("previous_response_id", json!("resp_0")),
        ("conversation", json!("conv_1")),
        ("background", json!(true)),
    ] {
        let mut pinned = asked.clone();
        pinned[field] = value;
        let call = gateway.post("/v1/responses", pinned);
        let answer = call.header("x-understudy-order", "first, second").send().await;
        assert_eq!(answer.hops(), ["first overloaded"], "{field}: {}", answer.text());
        assert!(read(&at("README.md")).contains(&format!("`{field}`")));
        let reset = json!({ "provider": "first" });
        gateway.admin_post("/admin/circuits/reset", &reset).await;
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_server_without_a_part_of_the_api_is_benched_for_none() {
    let chats = Sim::start(SimConfig::named("chats")).await.unwrap();
    let missing = RawProvider::start([Script::json(404, r#"{"detail":"Not Found"}"#)]).await;
    let gateway = Gateway::with(RESPONSES)
        .fill("first", missing.address())
        .fill("second", chats.addr())
        .start()
        .await;
    for path in ["/v1/responses", "/v1/embeddings", "/v1/completions"] {
        let asked = json!({ "model": "gpt", "input": "Hello", "prompt": "Hello" });
        let call = gateway.post(path, asked);
        let answer = call.header("x-understudy-order", "first").send().await;

        assert_eq!(
            (answer.status.as_u16(), answer.hops().pop().as_deref()),
            (404, Some("first unsupported")),
            "{path}: {}",
            answer.text()
        );
        let report = gateway.admin_get("/admin/failover/model/gpt").await;
        let targets = report["targets"].as_array().unwrap();
        let first = targets
            .iter()
            .find(|target| target["provider"] == "first")
            .unwrap();
        assert_eq!(first["standing"], "ready", "{path}: {first:#}");
    }
    let call = gateway.post("/v1/chat/completions", chat("gpt"));
    let answer = call.header("x-understudy-order", "first").send().await;
    assert_eq!(
        answer.hops(),
        ["first model_not_found"],
        "chat is what it is there for"
    );
    gateway.stop().await;
}
