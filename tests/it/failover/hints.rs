//! How long a provider is left alone because it said so: the header, the exact header, a date, the limit that is used
//! up; and the base cool-down when it said nothing.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{CHAT, sim, target};
use crate::support::{Gateway, RawProvider, Script, chat};

/// `(name, headers and body, about so many seconds)`
async fn each(rows: Vec<(&'static str, String, std::ops::RangeInclusive<i64>)>) {
    let backup = sim("backup").await;
    let mut providers =
        String::from("providers:\n  backup: { kind: openai-compatible, endpoint: \"{backup}\" }\n");
    let mut models = String::from("models:\n");
    let mut scripted = Vec::new();
    for (name, answer, _) in &rows {
        let provider = RawProvider::start([Script::answering(answer.clone())]).await;
        providers += &format!(
            "  {name}: {{ kind: openai-compatible, endpoint: \"{}\" }}\n",
            provider.base_url()
        );
        models += &format!(
            "  m-{name}: {{ targets: [{{ provider: {name} }}, {{ provider: backup, priority: 1 }}] }}\n"
        );
        scripted.push(provider);
    }
    let gateway = Gateway::with(&(providers + &models))
        .fill("backup", backup.base_url())
        .start()
        .await;

    for ((name, _, seconds), provider) in rows.iter().zip(&scripted) {
        let moved = gateway.post(CHAT, chat(&format!("m-{name}"))).send().await;
        let spared = gateway.post(CHAT, chat(&format!("m-{name}"))).send().await;

        assert_eq!(
            moved.hops(),
            [format!("{name} rate_limited"), "backup ok".to_owned()],
            "{}",
            moved.text()
        );
        assert_eq!(
            moved.header("retry-after"),
            None,
            "{name}: the wait is over, another answered"
        );
        assert_eq!(spared.hops(), ["backup ok"], "{name}");
        assert_eq!(provider.requests().len(), 1, "{name}");
        let status = gateway.status().await;
        let target = target(&status, &format!("m-{name}"), name);
        let until = target["until"]["in_seconds"]
            .as_i64()
            .unwrap_or_else(|| panic!("{name}: {target:#}"));
        assert!(seconds.contains(&until), "{name}: {until} s, not {seconds:?}");
        assert_eq!(
            (&target["standing"], &target["cause"]),
            (&Value::from("open"), &Value::from("rate_limited"))
        );
    }
    gateway.stop().await;
}

fn limited(headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    format!(
        "HTTP/1.1 429 Slow\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_limited_target_rests_as_long_as_its_provider_said() {
    let in_a_while = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(200));
    let long_ago = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(200));
    let base = 25..=33;
    each(vec![
        ("seconds", limited(&["retry-after: 100"], "{}"), 95..=100),
        ("decimals", limited(&["retry-after: 99.5"], "{}"), 95..=100),
        (
            "date",
            limited(&[&format!("retry-after: {in_a_while}")], "{}"),
            190..=200,
        ),
        (
            "millis",
            limited(&["retry-after-ms: 100000", "retry-after: 7"], "{}"),
            95..=100,
        ),
        // The exhausted dimension, and not the smallest number.
        (
            "tokens",
            limited(
                &[
                    "x-ratelimit-remaining-requests: 59",
                    "x-ratelimit-reset-requests: 1s",
                    "x-ratelimit-remaining-tokens: 0",
                    "x-ratelimit-reset-tokens: 1m40s",
                ],
                "{}",
            ),
            95..=100,
        ),
        (
            "words",
            limited(
                &[],
                r#"{"error":{"message":"Rate limit reached. Please try again in 1m40s."}}"#,
            ),
            95..=100,
        ),
        (
            "for_days",
            limited(&["retry-after: 9999999"], "{}"),
            86_390..=86_400,
        ),
        // No hint at all: the base cool-down.
        ("nothing", limited(&[], "{}"), base.clone()),
        ("zero", limited(&["retry-after: 0"], "{}"), base.clone()),
        (
            "past",
            limited(&[&format!("retry-after: {long_ago}")], "{}"),
            base.clone(),
        ),
        (
            "rubbish",
            limited(&["retry-after: soon", "x-ratelimit-reset-requests: never"], "{}"),
            base.clone(),
        ),
        ("negative", limited(&["retry-after: -5"], "{}"), base),
    ])
    .await;
}

#[tokio::test]
async fn a_busy_provider_may_say_how_long_and_money_takes_longer() {
    let answer = |head: &str, body: &str| {
        let length = body.len();
        Script::answering(format!(
            "HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    };
    let broke = r#"{"error":{"message":"no","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let rows = [
        (
            "busy",
            answer("503 Busy\r\nretry-after: 100", "{}"),
            2,
            "target",
            95..=100,
        ),
        ("broke", answer("429 Slow", broke), 1, "credential", 530..=660),
        (
            "broke_until",
            answer("429 Slow\r\nretry-after: 3000", broke),
            1,
            "credential",
            2990..=3000,
        ),
        ("locked", answer("401 No", "{}"), 1, "credential", 530..=660),
        ("gone", answer("404 No", "{}"), 1, "target", 530..=660),
    ];
    let backup = sim("backup").await;
    let mut config =
        String::from("providers:\n  backup: { kind: openai-compatible, endpoint: \"{backup}\" }\n");
    let mut models = String::from("models:\n");
    let mut scripted = Vec::new();
    for (name, script, ..) in &rows {
        let provider = RawProvider::start([script.clone()]).await;
        config += &format!(
            "  {name}: {{ kind: openai-compatible, endpoint: \"{}\", api_key: sk-{name} }}\n",
            provider.base_url()
        );
        models += &format!(
            "  m-{name}: {{ targets: [{{ provider: {name} }}, {{ provider: backup, priority: 1 }}] }}\n"
        );
        scripted.push(provider);
    }
    let gateway = Gateway::with(&(config + &models))
        .fill("backup", backup.base_url())
        .start()
        .await;

    for (name, _, failures, scope, seconds) in &rows {
        for _ in 0..=*failures {
            assert_eq!(
                gateway.post(CHAT, chat(&format!("m-{name}"))).send().await.status,
                200
            );
        }

        let status = gateway.status().await;
        let target = target(&status, &format!("m-{name}"), name);
        let circuit = target["circuits"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["state"] == "open");
        let circuit = circuit.unwrap_or_else(|| panic!("{name}: {target:#}"));
        assert_eq!(circuit["scope"], *scope, "{name}: {target:#}");
        let until = circuit["until"]["in_seconds"].as_i64().unwrap();
        assert!(seconds.contains(&until), "{name}: {until} s, not {seconds:?}");
    }
    let asked: Vec<usize> = scripted
        .iter()
        .map(|provider| provider.requests().len())
        .collect();
    assert_eq!(asked, rows.each_ref().map(|row| row.2));
    gateway.stop().await;
}
