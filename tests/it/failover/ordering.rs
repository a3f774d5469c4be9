//! Who is asked first, and what a caller may say about it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use understudy::sim::{Fault, Pace, Sim};

use super::{CHAT, NO_BREAKER, fault, sim};
use crate::support::{Gateway, Running, chat};

const THREE: &str = r#"
providers:
  a: { kind: openai-compatible, endpoint: "{a}" }
  b: { kind: openai-compatible, endpoint: "{b}" }
  c: { kind: openai-compatible, endpoint: "{c}" }
defaults: { {breaker} }
models:
"#;

async fn three(models: &str) -> ([Sim; 3], Running) {
    let sims = [sim("a").await, sim("b").await, sim("c").await];
    let mut gateway = Gateway::with(&format!("{THREE}{models}")).fill("breaker", NO_BREAKER);
    for (name, sim) in ["a", "b", "c"].into_iter().zip(&sims) {
        gateway = gateway.fill(name, sim.base_url());
    }
    (sims, gateway.start().await)
}

/// Who answered how many of so many requests.
async fn answered(gateway: &Running, model: &str, count: usize) -> BTreeMap<String, usize> {
    let mut connection = gateway.connection().await;
    let mut answered = BTreeMap::new();
    for _ in 0..count {
        let answer = gateway.post(CHAT, chat(model)).send_on(&mut connection).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        *answered
            .entry(answer.header("x-understudy-provider").unwrap().to_owned())
            .or_default() += 1;
    }
    answered
}

async fn hops(gateway: &Running, body: Value) -> Vec<String> {
    let answer = gateway.post(CHAT, body).send().await;
    answer.hops()
}

#[tokio::test]
async fn weights_and_priorities_share_the_requests_out() {
    let models = "
  weighted: { targets: [{ provider: a, weight: 80 }, { provider: b, weight: 20 }, { provider: c, priority: 1 }] }
  ordered: { order: ordered, targets: [{ provider: b }, { provider: a }, { provider: c }] }
  grouped: { order: ordered, targets: [{ provider: c, priority: 2 }, { provider: b, priority: 1 }, { provider: a }] }
";
    let (sims, gateway) = three(models).await;

    let weighted = answered(&gateway, "weighted", 300).await;
    let ordered = answered(&gateway, "ordered", 5).await;

    // 240 and 60, five standard deviations either way.
    assert!(
        (205..=275).contains(&weighted["a"]) && weighted["a"] + weighted["b"] == 300,
        "{weighted:?}"
    );
    assert_eq!(ordered, [("b".to_owned(), 5)].into());
    for sim in &sims[..2] {
        sim.control().set_fault(fault(Fault::ServerError));
    }
    assert_eq!(
        hops(&gateway, chat("ordered")).await,
        ["b server_error", "a server_error", "c ok"]
    );
    assert_eq!(
        hops(&gateway, chat("grouped")).await,
        ["a server_error", "b server_error", "c ok"]
    );
    let weighted = hops(&gateway, chat("weighted")).await;
    assert_eq!(
        weighted.last().unwrap(),
        "c ok",
        "the next group when the first is through: {weighted:?}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn the_cheapest_is_the_cheapest_for_this_request() {
    let models = "
  priced:
    order: cheapest
    targets:
      - { provider: a }
      - { provider: b, price: { input: 0.1, output: 10 } }
      - { provider: c, price: { input: 5, output: 1 } }
";
    let (_sims, gateway) = three(models).await;
    let with_limit = |prompt: String, limit: u32| json!({ "model": "priced", "max_tokens": limit, "messages": [{ "role": "user", "content": prompt }] });

    let much_to_say = hops(&gateway, with_limit("short".to_owned(), 4000)).await;
    let much_to_read = hops(&gateway, with_limit("word ".repeat(8000), 10)).await;

    assert_eq!(
        (much_to_say, much_to_read),
        (vec!["c ok".to_owned()], vec!["b ok".to_owned()])
    );
    gateway.stop().await;
}

#[tokio::test]
async fn the_fastest_is_learned_and_followed() {
    let models = "  quick: { order: fastest, targets: [{ provider: a }, { provider: b }] }\n";
    let (sims, gateway) = three(models).await;
    let pace = |latency| Pace {
        latency: Duration::from_millis(latency),
        ..Pace::default()
    };
    sims[0].control().set_pace(pace(250));

    answered(&gateway, "quick", 40).await;
    let learned = answered(&gateway, "quick", 30).await;
    let report = gateway.admin_get("/admin/failover/model/quick").await;

    assert!(learned.get("b") >= Some(&24), "{learned:?}");
    let targets = report["targets"].as_array().unwrap();
    assert_eq!(
        (&targets[0]["provider"], &targets[0]["place"]),
        (&json!("b"), &json!(1)),
        "{report:#}"
    );
    assert!(targets[1]["speed_ms"].as_f64().unwrap() >= 240.0, "{report:#}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_caller_narrows_the_choice_and_never_widens_it() {
    let models = "
  two: { order: ordered, targets: [{ provider: a }, { provider: b }] }
";
    let (sims, gateway) = three(models).await;
    let ask = |order: &str| {
        gateway
            .post(CHAT, chat("two"))
            .header("x-understudy-order", order)
    };

    for (order, wanted) in [
        ("b", vec!["b ok"]),
        ("b, a", vec!["b ok"]),
        ("a,b", vec!["a ok"]),
        ("c , b", vec!["b ok"]),
        (" ", vec!["a ok"]),
    ] {
        assert_eq!(ask(order).send().await.hops(), wanted, "{order}");
    }
    sims[1].control().set_fault(fault(Fault::Reset));
    assert_eq!(ask("b,a").send().await.hops(), ["b reset", "a ok"]);
    let alone = ask("b").send().await;
    assert_eq!(
        alone.hops(),
        ["b reset", "b reset", "b reset"],
        "a lone target has the whole budget"
    );
    let foreign = ask("c").send().await;
    let unknown = ask("b,nobody").send().await;
    let late = gateway
        .post(CHAT, chat("two"))
        .header("x-understudy-timeout", "soon")
        .send()
        .await;

    assert_eq!(foreign.status, 400, "{}", foreign.text());
    assert_eq!(
        (unknown.status.as_u16(), &unknown.json()["error"]["code"]),
        (400, &json!("invalid_header"))
    );
    assert!(unknown.text().contains("nobody"), "{}", unknown.text());
    assert_eq!(
        (late.status.as_u16(), &late.json()["error"]["code"]),
        (400, &json!("invalid_header"))
    );
    assert_eq!(sims[2].control().counters().requests, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_target_that_cannot_do_it_is_not_asked() {
    let models = r#"
  able:
    order: ordered
    targets:
      - { provider: a, context_window: 1000, supports: { tools: false, vision: false, json_schema: false, streaming: false } }
      - { provider: b }
  unable: { targets: [{ provider: a, supports: { tools: false } }] }
  small: { targets: [{ provider: a, context_window: 100 }] }
"#;
    let (sims, gateway) = three(models).await;
    let say = |content: Value| json!([{ "role": "user", "content": content }]);
    let tools = json!([{ "type": "function", "function": { "name": "f", "parameters": {} } }]);
    let image = json!([{ "type": "image_url", "image_url": { "url": "https://example.test/a.png" } }]);
    let hi = || say(json!("hi"));
    let rows = [
        (json!({ "model": "able", "messages": hi() }), "a"),
        (json!({ "model": "able", "messages": hi(), "tools": tools }), "b"),
        (json!({ "model": "able", "messages": say(image) }), "b"),
        (
            json!({ "model": "able", "messages": hi(), "response_format": { "type": "json_schema", "json_schema": {} } }),
            "b",
        ),
        (json!({ "model": "able", "messages": hi(), "stream": true }), "b"),
        (
            json!({ "model": "able", "messages": say(json!("many words ".repeat(1000))) }),
            "b",
        ),
        (
            json!({ "model": "able", "messages": say(json!("a few words more than that")), "max_tokens": 1000 }),
            "b",
        ),
        // Larger than the whole window: "as long as you can", and no request for room.
        (
            json!({ "model": "able", "messages": hi(), "max_tokens": 100_000 }),
            "a",
        ),
    ];

    for (body, provider) in rows {
        let answer = gateway.post(CHAT, body.clone()).send().await;
        assert_eq!(
            answer.hops(),
            [format!("{provider} ok")],
            "{body}: {}",
            answer.text()
        );
    }
    let before = sims[0].control().counters().requests;
    let unable = gateway
        .post(
            CHAT,
            json!({ "model": "unable", "messages": hi(), "tools": tools }),
        )
        .send()
        .await;
    let error = &unable.json()["error"];
    assert_eq!(
        (unable.status.as_u16(), &error["type"]),
        (400, &json!("invalid_request_error")),
        "{error:#}"
    );
    assert!(error["message"].as_str().unwrap().contains("tools"), "{error:#}");
    assert_eq!(unable.header("x-should-retry"), Some("false"));
    assert_eq!(sims[0].control().counters().requests, before);
    // Our count of tokens is an estimate: the largest there is decides for itself.
    let long = gateway
        .post(
            CHAT,
            json!({ "model": "small", "messages": say(json!("many words ".repeat(1000))) }),
        )
        .send()
        .await;
    assert_eq!(long.hops(), ["a ok"]);
    gateway.stop().await;
}
