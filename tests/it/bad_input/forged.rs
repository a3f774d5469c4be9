//! Headers that only we, or only Envoy, may set: sent by a client they steer nothing and reach nobody.

use serde_json::json;
use understudy::sim::{Fault, FaultRule};

use super::{CHAT, Good, error};
use crate::support::chat;

const FORGED: [(&str, &str); 29] = [
    ("x-understudy-route", "probe"),
    ("x-understudy-retry", "connect"),
    ("x-understudy-absent", "dns"),
    ("x-understudy-errand", "00000000000000000000000000000000"),
    ("x-understudy-errand-provider", "backup"),
    ("x-understudy-id", "0000000000000001"),
    ("x-understudy-was", "200"),
    ("x-understudy-stage", "attempt"),
    ("x-understudy-provider", "backup"),
    ("x-understudy-trail", "backup;ok;200;1ms"),
    ("x-envoy-max-retries", "0"),
    ("x-envoy-retry-on", "5xx"),
    ("x-envoy-retry-grpc-on", "cancelled"),
    ("x-envoy-retriable-status-codes", "200"),
    ("x-envoy-retriable-header-names", "content-type"),
    ("x-envoy-upstream-rq-timeout-ms", "1"),
    ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
    ("x-envoy-upstream-rq-timeout-alt-response", "1"),
    ("x-envoy-upstream-stream-duration-ms", "1"),
    ("x-envoy-expected-rq-timeout-ms", "1"),
    ("x-envoy-hedge-on-per-try-timeout", "true"),
    ("x-envoy-attempt-count", "9"),
    ("x-envoy-is-timeout-retry", "true"),
    ("x-envoy-original-path", "/v1/models"),
    ("x-envoy-decorator-operation", "x"),
    ("x-envoy-force-trace", "true"),
    ("x-envoy-internal", "true"),
    ("x-forwarded-for", "10.0.0.1"),
    ("x-forwarded-proto", "https"),
];

#[tokio::test]
async fn forged_headers_steer_nothing_and_reach_no_provider() {
    let good = Good::start().await;
    good.primary
        .control()
        .set_fault(FaultRule::new(Fault::Overloaded).times(1));
    let forged = |call| {
        FORGED
            .into_iter()
            .fold(call, |call: crate::support::Call, (name, value)| {
                call.header(name, value)
            })
    };

    let one = forged(good.gateway.post(CHAT, chat("gpt-4o"))).send().await;
    let two = forged(good.gateway.post(CHAT, chat("gpt-4o")))
        .http2()
        .send()
        .await;

    assert_eq!(one.status, 200, "{}", one.text());
    assert_eq!(
        one.hops(),
        ["primary overloaded", "backup ok"],
        "the plan is ours"
    );
    assert_eq!(two.hops(), ["primary ok"], "{}", two.text());
    assert_ne!(one.header("x-understudy-id"), Some("0000000000000001"));
    assert_eq!(one.headers.get_all("x-understudy-trail").iter().count(), 1);
    for sim in [&good.primary, &good.backup] {
        for request in sim.control().recent_requests_unmasked_for_tests() {
            let names: Vec<_> = request.headers().keys().map(http::HeaderName::as_str).collect();
            assert!(!names.iter().any(|name| name.starts_with("x-")), "{names:?}");
        }
    }
    good.gateway.stop().await;
}

#[tokio::test]
async fn an_errand_of_a_stranger_is_a_request_like_any_other() {
    let good = Good::start().await;
    for token in ["", "1", "00000000000000000000000000000000"] {
        let call = good
            .gateway
            .get("/v1/models")
            .header("x-understudy-errand", token);
        let answer = call
            .header("x-understudy-errand-provider", "primary")
            .send()
            .await;
        assert_eq!(
            answer.json()["data"][0]["id"],
            "gpt-4o",
            "ours, not the provider's: {}",
            answer.text()
        );
    }
    assert_eq!(good.asked(), 0);
    good.stop_unharmed().await;
}

#[tokio::test]
async fn each_forged_header_alone_changes_nothing_either() {
    let good = Good::start().await;
    let mut connection = good.gateway.connection().await;
    for (name, value) in FORGED {
        let answer = good
            .gateway
            .post(CHAT, chat("gpt-4o"))
            .header(name, value)
            .send_on(&mut connection)
            .await;
        assert_eq!(answer.hops(), ["primary ok"], "{name}: {}", answer.text());
    }
    good.stop_unharmed().await;
}

#[tokio::test]
async fn a_wish_that_cannot_be_followed_is_refused_and_never_widens() {
    let good = Good::start().await;
    for (name, value) in [
        ("x-understudy-failover", "maybe"),
        ("x-understudy-order", "nobody"),
        ("x-understudy-order", "primary,nobody"),
        ("x-understudy-timeout", "soon"),
        ("x-understudy-timeout", "-1s"),
        ("x-understudy-timeout", "0s"),
        ("x-understudy-timeout", "99999999999999999999h"),
        ("x-understudy-timeout", "30"),
    ] {
        let answer = good
            .gateway
            .post(CHAT, chat("gpt-4o"))
            .header(name, value)
            .send()
            .await;
        assert_eq!(answer.status, 400, "{name}: {value}: {}", answer.text());
        let error = error(&answer);
        assert_eq!(error["code"], json!("invalid_header"));
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
    }
    assert_eq!(good.asked(), 0);
    let wide = good
        .gateway
        .post(CHAT, chat("gpt-4o"))
        .header("x-understudy-timeout", "1000000h")
        .send()
        .await;
    assert_eq!(wide.status, 200, "{}", wide.text());
    good.stop_unharmed().await;
}
