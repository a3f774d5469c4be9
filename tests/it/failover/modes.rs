//! What a failure means for the request that met it and for the ones after it: the modes, and what is done when
//! every target is benched.

use serde_json::{Value, json};
use understudy::sim::Fault;

use super::{CHAT, PAIR, disturbed, failing, fault, sim, target};
use crate::support::{Gateway, Running, chat, chat_stream};

async fn gateway(more: &str, primary: &str, backup: &str) -> Running {
    let config = PAIR.replace("gpt-4o:\n", &format!("gpt-4o:\n    {more}\n"));
    Gateway::with(&config)
        .fill("primary", primary)
        .fill("backup", backup)
        .start()
        .await
}

#[tokio::test]
async fn with_next_request_the_first_gets_the_error_and_the_second_is_spared() {
    for stream in [false, true] {
        let (primary, backup) = (
            failing("primary", fault(Fault::RateLimit).retry_after("30")).await,
            sim("backup").await,
        );
        let gateway = gateway(
            "failover: { mode: next_request }",
            &primary.base_url(),
            &backup.base_url(),
        )
        .await;
        let body = || {
            if stream {
                chat_stream("gpt-4o")
            } else {
                chat("gpt-4o")
            }
        };

        let first = gateway.post(CHAT, body()).send().await;
        let second = gateway.post(CHAT, body()).send().await;

        assert_eq!(
            (first.status.as_u16(), first.header("retry-after")),
            (429, Some("30")),
            "{}",
            first.text()
        );
        assert_eq!(
            first.json()["error"]["code"],
            "rate_limit_exceeded",
            "the provider's own words"
        );
        assert_eq!(first.json()["error"].get("attempts"), None);
        assert_eq!(first.header("x-ratelimit-remaining-requests"), Some("0"));
        assert_eq!(first.hops(), ["primary rate_limited"]);
        assert_eq!(
            (second.status.as_u16(), second.hops()),
            (200, vec!["backup ok".to_owned()])
        );
        assert_eq!(primary.control().counters().requests, 1);
        assert_eq!(gateway.envoy_stat("cluster.primary.upstream_rq_retry").await, 0);
        assert_eq!(
            gateway.envoy_stat("cluster.primary.upstream_rq_429").await,
            1,
            "no other status was put in its place"
        );
        gateway.stop().await;
    }
}

#[tokio::test]
async fn next_request_counts_what_counts() {
    let (primary, backup) = (
        failing("primary", fault(Fault::ServerError)).await,
        sim("backup").await,
    );
    let gateway = gateway(
        "failover: { mode: next_request }",
        &primary.base_url(),
        &backup.base_url(),
    )
    .await;

    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(gateway.post(CHAT, chat("gpt-4o")).send().await.status.as_u16());
    }

    assert_eq!(statuses, [500, 500, 200, 200], "two failures in a row bench it");
    gateway.stop().await;
}

#[tokio::test]
async fn with_off_every_request_goes_where_it_belongs() {
    let (primary, backup) = (
        failing("primary", fault(Fault::RateLimit)).await,
        sim("backup").await,
    );
    let gateway = gateway("failover: { mode: off }", &primary.base_url(), &backup.base_url()).await;

    for _ in 0..3 {
        let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.hops()),
            (429, vec!["primary rate_limited".to_owned()])
        );
    }
    assert_eq!(
        (
            primary.control().counters().requests,
            backup.control().counters().requests
        ),
        (3, 0)
    );
    primary.control().clear_faults();
    let good = gateway.post(CHAT, chat("gpt-4o")).send().await;
    assert_eq!(good.hops(), ["primary ok"], "{}", good.text());
    gateway.stop().await;
}

#[tokio::test]
async fn a_caller_may_decline_to_be_moved() {
    let (primary, backup) = (
        failing("primary", fault(Fault::Overloaded)).await,
        sim("backup").await,
    );
    let gateway = gateway("order: ordered", &primary.base_url(), &backup.base_url()).await;

    let declined = gateway
        .post(CHAT, chat("gpt-4o"))
        .header("x-understudy-failover", "off")
        .send()
        .await;
    let moved = gateway
        .post(CHAT, chat("gpt-4o"))
        .header("x-understudy-failover", "on")
        .send()
        .await;
    let odd = gateway
        .post(CHAT, chat("gpt-4o"))
        .header("x-understudy-failover", "maybe")
        .send()
        .await;

    assert_eq!(
        (declined.status.as_u16(), declined.hops()),
        (503, vec!["primary overloaded".to_owned()])
    );
    assert_eq!(
        declined.json()["error"]["code"],
        "server_is_overloaded",
        "the provider's own words"
    );
    assert_eq!(moved.hops(), ["primary overloaded", "backup ok"]);
    assert_eq!(
        (odd.status.as_u16(), &odd.json()["error"]["code"]),
        (400, &json!("invalid_header"))
    );
    assert!(
        odd.text().contains("maybe") && odd.text().contains("x-understudy-failover"),
        "{}",
        odd.text()
    );
    gateway.stop().await;
}

#[tokio::test]
async fn when_all_are_benched_the_soonest_is_tried_and_it_is_seen() {
    let primary = failing("primary", fault(Fault::RateLimit).retry_after("60")).await;
    let backup = failing("backup", fault(Fault::RateLimit).retry_after("40")).await;
    let gateway = gateway(
        "when_all_open: try_soonest",
        &primary.base_url(),
        &backup.base_url(),
    )
    .await;
    let limited = gateway.post(CHAT, chat("gpt-4o")).send().await;
    assert_eq!(
        (limited.status.as_u16(), limited.header("retry-after")),
        (429, Some("40"))
    );

    let status = gateway.status().await;
    let forced = gateway.post(CHAT, chat("gpt-4o")).send().await;
    backup.control().clear_faults();
    let saved = gateway.post(CHAT, chat("gpt-4o")).send().await;

    let model = &status["models"][0];
    assert_eq!(
        (&model["all_open"], &model["when_all_open"]),
        (&json!(true), &json!("try_soonest")),
        "{model:#}"
    );
    assert_eq!(
        (forced.status.as_u16(), forced.hops()),
        (429, vec!["backup rate_limited".to_owned()])
    );
    assert_eq!(
        (saved.status.as_u16(), saved.hops()),
        (200, vec!["backup ok".to_owned()]),
        "{}",
        saved.text()
    );
    assert_eq!(
        (
            primary.control().counters().requests,
            backup.control().counters().requests
        ),
        (1, 3)
    );
    let metrics = gateway.metrics().await;
    assert_eq!(
        metrics.metric("understudy_all_open_total").value(),
        2.0,
        "{metrics:?}"
    );
    // A good answer that was admitted after the bench began does what a probe would do.
    let status = gateway.status().await;
    assert_eq!(
        disturbed(target(&status, "gpt-4o", "backup")),
        ["target ramping -"]
    );
    let lines = gateway.access_lines_when(3).await;
    let forced = |line: &Value| line.get("forced").and_then(Value::as_bool).unwrap_or(false);
    assert_eq!(
        lines.iter().map(forced).collect::<Vec<_>>(),
        [false, true, true],
        "{lines:#?}"
    );
    gateway.stop().await;
}
