//! `weighted-primary.yaml`: weights 1000 and 1; error, timeout, 429, 500, 502 and 503 move on; two failures in a row
//! bench for 30 s; three retries.

use super::*;

const BOTH: [&str; 2] = ["primary", "fallback"];

async fn gateway(yaml: &str, primary: &str, fallback: &Sim) -> Running {
    let env = [
        ("PRIMARY_URL", primary.to_owned()),
        ("FALLBACK_URL", fallback.base_url()),
        ("OPENAI_API_KEY", "sk-openai".to_owned()),
        ("MISTRAL_API_KEY", "key-mistral".to_owned()),
    ];
    start(yaml, env).await
}

/// In the order that 1000 of 1001 requests take.
fn ask(gateway: &Running) -> Call {
    gateway
        .post(CHAT, chat("gpt-4o"))
        .header("x-understudy-order", "primary,fallback")
}

#[tokio::test]
async fn the_primary_does_the_work() {
    let (primary, fallback) = (sim("primary").await, sim("fallback").await);
    let gateway = gateway(&example("weighted-primary.yaml"), &primary.base_url(), &fallback).await;

    for _ in 0..30 {
        assert_eq!(gateway.post(CHAT, chat("gpt-4o")).send().await.status, 200);
    }

    assert!(
        primary.control().counters().requests >= 28,
        "{:?}",
        fallback.control().counters()
    );
    for (provider, percent) in [("primary", 99.9), ("fallback", 0.1)] {
        let share = target(&gateway, "gpt-4o", provider).await["share_percent"]
            .as_f64()
            .unwrap();
        assert!((share - percent).abs() < 0.01, "{provider}: {share}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_listed_moves_on_and_what_is_not_does_not() {
    let (primary, fallback) = (sim("primary").await, sim("fallback").await);
    let yaml = changed(
        example("weighted-primary.yaml"),
        "per_try_timeout: 30s",
        "per_try_timeout: 300ms",
    );
    let gateway = gateway(&yaml, &primary.base_url(), &fallback).await;

    for rule in [
        fault(Fault::Reset),
        fault(Fault::Close),
        fault(Fault::Hang),
        fault(Fault::RateLimit),
        status(500),
        status(502),
        status(503),
    ] {
        let what = format!("{rule:?}");
        primary.control().set_fault(rule);
        forgive(&gateway, &BOTH).await;
        let answer = ask(&gateway).send().await;

        assert_eq!(answer.status, 200, "{what}: {}", answer.text());
        assert_eq!(answer.hops().last().unwrap(), "fallback ok", "{what}");
        assert!(answer.hops().len() >= 2, "{what}: {:?}", answer.hops());
    }
    let moved = fallback
        .control()
        .recent_requests_unmasked_for_tests()
        .pop()
        .unwrap();
    assert_eq!(moved.header("authorization"), Some("Bearer key-mistral"));
    assert!(String::from_utf8_lossy(moved.masked().body()).contains("\"mistral-large-latest\""));
    let asked = fallback.control().counters().requests;
    for number in [400, 401, 404, 422, 504] {
        primary.control().set_fault(status(number));
        forgive(&gateway, &BOTH).await;
        let answer = ask(&gateway).send().await;
        assert_eq!(answer.hops().len(), 1, "{number}: {:?}", answer.hops());
        assert!(
            answer.status.is_client_error() || answer.status.is_server_error(),
            "{number}"
        );
    }
    assert_eq!(fallback.control().counters().requests, asked);
    gateway.stop().await;
}

#[tokio::test]
async fn two_failures_bench_for_half_a_minute_and_three_retries_are_all() {
    let (primary, fallback) = (sim("primary").await, sim("fallback").await);
    let gateway = gateway(&example("weighted-primary.yaml"), &primary.base_url(), &fallback).await;
    primary.control().set_fault(status(503));

    let first = ask(&gateway).send().await;
    let second = ask(&gateway).send().await;
    let benched = target(&gateway, "gpt-4o", "primary").await;

    assert_eq!(
        first.hops(),
        ["primary overloaded", "primary overloaded", "fallback ok"]
    );
    assert_eq!(second.hops(), ["fallback ok"]);
    assert!(
        (26..=33).contains(&benched["until"]["in_seconds"].as_i64().unwrap()),
        "{benched:#}"
    );
    assert_eq!(retries(&gateway, &BOTH).await, 2);
    fallback.control().set_fault(status(500));
    forgive(&gateway, &BOTH).await;
    let none: Answer = ask(&gateway).send().await;

    assert_eq!(
        none.hops(),
        [
            "primary overloaded",
            "primary overloaded",
            "fallback server_error",
            "fallback server_error"
        ]
    );
    assert_eq!(none.json()["error"]["attempts"].as_array().unwrap().len(), 4);
    assert_eq!((none.status.as_u16(), retries(&gateway, &BOTH).await), (502, 5));
    gateway.stop().await;
}
