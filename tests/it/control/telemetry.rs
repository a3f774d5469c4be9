//! Metrics and access lines after requests whose every turn is known.

use serde_json::{Value, json};
use understudy::sim::{Fault, FaultRule, Sim};

use super::{CHAT, ask, sim};
use crate::support::{Gateway, Running, Scrape, chat, chat_stream};

/// No circuit opens here, so that every request meets the primary first.
const PRICED: &str = r#"
clients:
  team-search: { key: key-of-search }
defaults:
  breaker: { consecutive_failures: off, error_rate: off }
providers:
  primary: { kind: openai, endpoint: "{primary}", api_key: sk-primary }
  backup: { kind: azure-openai, endpoint: "{backup}", api_key: sk-backup, deployment: my-deployment }
models:
  gpt-4o:
    aliases: [gpt-4o-latest]
    targets:
      - { provider: primary, model: gpt-4o-2024, price: { input: 2.5, cached_input: 1.25, output: 10 } }
      - { provider: backup, priority: 1, price: { input: 5, output: 20 } }
"#;

async fn start(primary: &Sim, backup: &Sim) -> Running {
    Gateway::with(PRICED)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url().trim_end_matches("/v1"))
        .start()
        .await
}

/// Six requests: served, failed over (twice), the caller's mistake, no such model, no key.
async fn known_sequence(gateway: &Running, primary: &Sim) {
    let send = async |body: Value| {
        let answer = gateway.post(CHAT, body).bearer("key-of-search").send().await;
        (answer.status.as_u16(), answer.hops().join(", "))
    };
    let chat = || chat("gpt-4o-latest");
    assert_eq!(send(chat()).await, (200, "primary ok".to_owned()));
    primary
        .control()
        .set_fault(FaultRule::new(Fault::Overloaded).times(1));
    assert_eq!(
        send(chat()).await,
        (200, "primary overloaded, backup ok".to_owned())
    );
    primary.control().set_fault(FaultRule::new(Fault::Reset).times(1));
    assert_eq!(send(chat()).await, (200, "primary reset, backup ok".to_owned()));
    primary
        .control()
        .set_fault(FaultRule::new(Fault::ContentFilter).times(1));
    assert_eq!(send(chat()).await, (400, "primary content_filter".to_owned()));
    assert_eq!(send(crate::support::chat("nothing")).await.0, 404);
    assert_eq!(gateway.post(CHAT, chat()).send().await.status, 401);
}

fn value(metrics: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    let mut series = metrics.metric(name);
    for (label, value) in labels {
        series = series.label(label, value);
    }
    assert_eq!(series.count(), 1, "{name} {labels:?} in {metrics:?}");
    series.value()
}

#[tokio::test]
async fn metrics_count_what_happened_and_nothing_else() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let gateway = start(&primary, &backup).await;
    known_sequence(&gateway, &primary).await;
    gateway.access_lines_when(6).await;

    let metrics = gateway.metrics().await;

    for (outcome, model, count) in [
        ("success", "gpt-4o", 3.0),
        ("caller_error", "gpt-4o", 1.0),
        ("rejected", "", 2.0),
    ] {
        let labels = [("model", model), ("outcome", outcome)];
        assert_eq!(
            value(&metrics, "understudy_requests_total", &labels),
            count,
            "{outcome}"
        );
    }
    assert_eq!(metrics.metric("understudy_requests_total").value(), 6.0);
    for (provider, model, class, count) in [
        ("primary", "gpt-4o-2024", "ok", 1.0),
        ("primary", "gpt-4o-2024", "overloaded", 1.0),
        ("primary", "gpt-4o-2024", "reset", 1.0),
        ("primary", "gpt-4o-2024", "content_filter", 1.0),
        ("backup", "my-deployment", "ok", 2.0),
    ] {
        let labels = [
            ("provider", provider),
            ("model", "gpt-4o"),
            ("provider_model", model),
            ("class", class),
        ];
        assert_eq!(
            value(&metrics, "understudy_attempts_total", &labels),
            count,
            "{provider} {class}"
        );
    }
    assert_eq!(metrics.metric("understudy_attempts_total").value(), 6.0);
    for class in ["overloaded", "reset"] {
        let labels = [("provider", "primary"), ("class", class)];
        assert_eq!(value(&metrics, "understudy_failovers_total", &labels), 1.0);
    }
    assert_eq!(metrics.metric("understudy_failovers_total").value(), 2.0);
    let client = [("client", "team-search"), ("outcome", "success")];
    assert_eq!(value(&metrics, "understudy_client_requests_total", &client), 3.0);
    assert_eq!(
        value(
            &metrics,
            "understudy_request_duration_seconds_count",
            &[("model", "gpt-4o")]
        ),
        3.0
    );
    assert_eq!(
        value(
            &metrics,
            "understudy_stage_added_seconds_count",
            &[("stage", "attempt")]
        ),
        4.0
    );
    assert_eq!(value(&metrics, "understudy_sessions_open", &[]), 0.0);
    assert_eq!(value(&metrics, "understudy_envoys_connected", &[]), 1.0);
    assert!(metrics.metric("understudy_envoy_acks_total").value() >= 3.0);
    assert_eq!(metrics.metric("understudy_envoy_nacks_total").value(), 0.0);
    assert_eq!(
        metrics.metric("understudy_circuit_transitions_total").value(),
        0.0
    );
    assert_eq!(
        metrics.metric("understudy_access_lines_dropped_total").value(),
        0.0
    );
    gateway.stop().await;
}

#[tokio::test]
async fn tokens_and_their_cost_are_counted_by_who_answered() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let gateway = start(&primary, &backup).await;
    let send = async |body: Value| gateway.post(CHAT, body).bearer("key-of-search").send().await;
    let plain = send(chat("gpt-4o")).await.json()["usage"].clone();
    primary
        .control()
        .set_fault(FaultRule::new(Fault::Overloaded).times(1));
    let moved = send(chat("gpt-4o")).await.json()["usage"].clone();
    let mut streamed = chat_stream("gpt-4o");
    streamed["stream_options"] = json!({ "include_usage": true });
    let streamed = usage_of_stream(&send(streamed).await.text());

    let lines = gateway.access_lines_when(3).await;
    let metrics = gateway.metrics().await;

    let count = |usage: &Value, kind: &str| usage[kind].as_f64().unwrap_or_else(|| panic!("{usage}"));
    for (provider, usages) in [("primary", &[&plain, &streamed][..]), ("backup", &[&moved])] {
        for (kind, field) in [("input", "prompt_tokens"), ("output", "completion_tokens")] {
            let told: f64 = usages.iter().map(|usage| count(usage, field)).sum();
            let labels = [("provider", provider), ("kind", kind)];
            assert_eq!(
                value(&metrics, "understudy_tokens_total", &labels),
                told,
                "{provider} {kind}"
            );
        }
    }
    let mut sum = 0.0;
    for ((line, usage), price) in
        lines
            .iter()
            .zip([&plain, &moved, &streamed])
            .zip([(2.5, 10.0), (5.0, 20.0), (2.5, 10.0)])
    {
        let (input, output) = (count(usage, "prompt_tokens"), count(usage, "completion_tokens"));
        let wanted = (input * price.0 + output * price.1) / 1e6;
        let told = line["cost_usd"].as_f64().unwrap();
        assert!((told - wanted).abs() < 1e-9, "{line}");
        assert_eq!(
            line["gen_ai.usage.input_tokens"], usage["prompt_tokens"],
            "{line}"
        );
        assert_eq!(
            line["gen_ai.usage.output_tokens"], usage["completion_tokens"],
            "{line}"
        );
        sum += wanted;
    }
    let counted = metrics.metric("understudy_cost_usd_total").value();
    assert!((counted - sum).abs() < 1e-9, "{counted}");
    gateway.stop().await;
}

/// The usage in the last event that has one.
fn usage_of_stream(body: &str) -> Value {
    let events = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let usages = events.filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let mut usages = usages
        .map(|event| event["usage"].clone())
        .filter(|usage| !usage.is_null());
    usages.next_back().unwrap_or_else(|| panic!("no usage in {body}"))
}

#[tokio::test]
async fn an_access_line_tells_the_whole_story_of_a_request() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let gateway = start(&primary, &backup).await;
    known_sequence(&gateway, &primary).await;

    let lines = gateway.access_lines_when(6).await;

    let line = &lines[1];
    for (key, wanted) in [
        ("client", json!("team-search")),
        ("outcome", json!("success")),
        ("status", json!(200)),
        ("stream", json!(false)),
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.request.model", json!("gpt-4o-latest")),
        ("gen_ai.provider.name", json!("azure.ai.openai")),
        ("provider", json!("backup")),
        ("generation", json!(1)),
    ] {
        assert_eq!(line[key], wanted, "{key}: {line}");
    }
    assert!(line["gen_ai.response.model"].is_string(), "{line}");
    let attempts = line["attempts"].as_array().unwrap();
    assert_eq!(
        attempts
            .iter()
            .map(|attempt| (
                &attempt["provider"],
                &attempt["model"],
                &attempt["class"],
                &attempt["status"]
            ))
            .collect::<Vec<_>>(),
        [
            (
                &json!("primary"),
                &json!("gpt-4o-2024"),
                &json!("overloaded"),
                &json!(503)
            ),
            (
                &json!("backup"),
                &json!("my-deployment"),
                &json!("ok"),
                &json!(200)
            ),
        ]
    );
    let millis = |key: &str| line[key].as_f64().unwrap_or_else(|| panic!("{key}: {line}"));
    assert!(
        millis("upstream_ms") <= millis("duration_ms") && millis("overhead_ms") > 0.0,
        "{line}"
    );
    assert!(
        attempts.iter().all(|attempt| attempt["ms"].as_f64().is_some()),
        "{line}"
    );
    assert_eq!(line["request_id"].as_str().unwrap().len(), 16);
    humantime::parse_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();

    assert_eq!(
        (
            &lines[2]["attempts"][0]["class"],
            &lines[2]["attempts"][0]["status"]
        ),
        (&json!("reset"), &Value::Null)
    );
    assert_eq!(
        (&lines[3]["outcome"], &lines[3]["status"]),
        (&json!("caller_error"), &json!(400))
    );
    for (line, status, reason) in [
        (&lines[4], 404, "model_not_found"),
        (&lines[5], 401, "unauthenticated"),
    ] {
        assert_eq!(
            (&line["outcome"], &line["status"], &line["reason"]),
            (&json!("rejected"), &json!(status), &json!(reason))
        );
        assert_eq!(line["attempts"], json!([]), "{line}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn the_id_in_the_answer_is_the_one_in_the_access_line_and_never_the_clients() {
    let primary = sim("primary").await;
    let gateway = start(&primary, &primary).await;

    let served = gateway
        .post(CHAT, chat("gpt-4o"))
        .bearer("key-of-search")
        .header("x-request-id", "mine");
    let served = served.send().await;
    let refused = ask(&gateway, "gpt-4o").await;

    let lines = gateway.access_lines_when(2).await;
    for (answer, line) in [(&served, &lines[0]), (&refused, &lines[1])] {
        assert_eq!(
            answer.header("x-understudy-id"),
            line["request_id"].as_str(),
            "{line}"
        );
        assert_ne!(line["request_id"], "mine");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn every_change_of_a_circuit_is_counted_and_shown() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    primary.control().set_fault(FaultRule::new(Fault::ServerError));
    let gateway = Gateway::with(super::PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;

    for _ in 0..3 {
        assert_eq!(ask(&gateway, "gpt-4o").await.status, 200);
    }
    let metrics = gateway.metrics().await;

    let change = [
        ("scope", "target"),
        ("provider", "primary"),
        ("from", "closed"),
        ("to", "open"),
    ];
    assert_eq!(
        value(&metrics, "understudy_circuit_transitions_total", &change),
        1.0
    );
    let state = |scope| {
        value(
            &metrics,
            "understudy_circuit_state",
            &[("scope", scope), ("provider", "primary")],
        )
    };
    assert_eq!(
        (state("target"), state("endpoint"), state("credential")),
        (3.0, 0.0, 0.0)
    );
    gateway.stop().await;
}
