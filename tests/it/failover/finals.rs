//! The last word: the final error when nothing helped, and the caller's own mistakes as the provider put them.

use serde_json::{Value, json};
use understudy::sim::{Fault, FaultRule, Sim};

use super::{CHAT, PAIR, failing, fault, sim};
use crate::support::{Answer, Gateway, RawProvider, Running, Script, chat, chat_stream};

/// What a final error must be, whatever its reason.
fn error(answer: &Answer) -> Value {
    let body = answer.json();
    let error = body["error"].clone();
    for key in ["message", "type", "param", "code", "attempts"] {
        assert!(error.get(key).is_some(), "no {key}: {body:#}");
    }
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-request-id"), answer.header("x-understudy-id"));
    for attempt in error["attempts"].as_array().unwrap() {
        let keys: Vec<&String> = attempt.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 6, "{keys:?}");
    }
    error
}

async fn gateway(primary: &Sim, backup: &Sim) -> Running {
    Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await
}

#[tokio::test]
async fn the_final_status_follows_from_all_the_failures() {
    let quiet = |seconds: &str| fault(Fault::RateLimit).retry_after(seconds);
    let status = |number: u16| fault(Fault::ServerError).status(number.try_into().unwrap());
    let rows: [(&str, FaultRule, FaultRule, u16, &str, Option<&str>); 12] = [
        (
            "limited",
            quiet("20"),
            quiet("7"),
            429,
            "rate_limit_exceeded",
            Some("7"),
        ),
        (
            "limited the other way",
            quiet("7"),
            quiet("2.2"),
            429,
            "rate_limit_exceeded",
            Some("3"),
        ),
        (
            "limit and money",
            quiet("9"),
            fault(Fault::Quota),
            429,
            "rate_limit_exceeded",
            Some("9"),
        ),
        (
            "money",
            fault(Fault::Quota),
            fault(Fault::Quota),
            429,
            "insufficient_quota",
            Some("bench"),
        ),
        (
            "overloaded",
            fault(Fault::Overloaded),
            status(529),
            529,
            "server_is_overloaded",
            Some("1"),
        ),
        ("failed", status(500), status(502), 502, "server_error", None),
        (
            "failed alike",
            status(504),
            status(500),
            500,
            "server_error",
            None,
        ),
        ("mixed", status(500), quiet("7"), 502, "server_error", None),
        (
            "our keys",
            fault(Fault::Auth),
            fault(Fault::Auth),
            502,
            "server_error",
            None,
        ),
        ("our rights", status(403), status(403), 403, "", None),
        (
            "no such model",
            fault(Fault::ModelNotFound),
            fault(Fault::ModelNotFound),
            404,
            "model_not_found",
            None,
        ),
        (
            "broken",
            fault(Fault::Reset),
            fault(Fault::Close),
            502,
            "server_error",
            None,
        ),
    ];

    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let gateway = gateway(&primary, &backup).await;
    for (what, first, second, status, code, retry_after) in rows {
        primary.control().set_faults(vec![first]);
        backup.control().set_faults(vec![second]);
        for name in ["primary", "backup"] {
            gateway
                .admin_post("/admin/circuits/reset", &json!({ "provider": name }))
                .await;
        }

        let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;

        let error = error(&answer);
        assert_eq!(answer.status.as_u16(), status, "{what}: {error:#}");
        assert_eq!(error["code"].as_str().unwrap_or_default(), code, "{what}");
        let attempts = error["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 2, "{what}: {error:#}");
        assert_eq!(answer.trail().len(), 2, "{what}");
        assert_eq!(
            (&attempts[0]["provider"], &attempts[1]["provider"]),
            (&json!("primary"), &json!("backup"))
        );
        match retry_after {
            // Ours to say: until the bench that each of them was given is over.
            Some("bench") => {
                let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((540..=660).contains(&wait), "{what}: {wait}");
            }
            Some("1") => assert!(
                answer.header("retry-after").is_none_or(|wait| wait != "0"),
                "{what}"
            ),
            wait => assert_eq!(answer.header("retry-after"), wait, "{what}: {error:#}"),
        }
        assert!(!answer.text().contains("sk-"), "{what}: {}", answer.text());
    }
    gateway.stop().await;
}

#[tokio::test]
async fn our_own_refused_key_is_our_trouble_and_told_to_the_operator() {
    let (primary, backup) = (failing("primary", fault(Fault::Auth)).await, sim("backup").await);
    let config = r#"
providers: { primary: { kind: openai-compatible, endpoint: "{primary}", api_key: sk-primary } }
models: { gpt-4o: { targets: [{ provider: primary }] } }
"#;
    let gateway = Gateway::with(config)
        .fill("primary", primary.base_url())
        .start()
        .await;

    for body in [chat("gpt-4o"), chat_stream("gpt-4o")] {
        let answer = gateway.post(CHAT, body).send().await;

        let error = error(&answer);
        assert_eq!(answer.status, 502, "{error:#}");
        assert_eq!(error["attempts"][0]["class"], "auth");
        assert_eq!(answer.header("x-should-retry"), Some("false"));
        assert_eq!(answer.header("www-authenticate"), None);
    }
    drop(backup);
    gateway.stop().await;
}

#[tokio::test]
async fn with_nothing_available_the_caller_is_told_when_to_come_back() {
    let primary = failing("primary", fault(Fault::RateLimit).retry_after("40")).await;
    let backup = failing("backup", fault(Fault::RateLimit).retry_after("15")).await;
    let config = PAIR.replace("gpt-4o:\n", "gpt-4o:\n    when_all_open: fail\n");
    let gateway = Gateway::with(&config)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;

    let limited = gateway.post(CHAT, chat("gpt-4o")).send().await;
    let nothing = gateway.post(CHAT, chat("gpt-4o")).send().await;
    let stream = gateway.post(CHAT, chat_stream("gpt-4o")).send().await;

    assert_eq!(
        (limited.status.as_u16(), limited.header("retry-after")),
        (429, Some("15"))
    );
    for answer in [nothing, stream] {
        let error = error(&answer);
        assert_eq!(answer.status, 503, "{error:#}");
        assert_eq!(error["attempts"], json!([]));
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=15).contains(&wait), "{wait}");
    }
    assert_eq!(
        (
            primary.control().counters().requests,
            backup.control().counters().requests
        ),
        (1, 1)
    );
    let lines = gateway.access_lines_when(3).await;
    assert_eq!(
        (&lines[1]["outcome"], &lines[1]["status"]),
        (&json!("unavailable"), &json!(503)),
        "{lines:#?}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_callers_mistake_is_answered_by_the_provider_itself_once() {
    let body = "{ \"error\" : {\"message\": \"gr\\u00fc\u{df}e: temperature\", \"type\":\"invalid_request_error\",\n\"param\":\"temperature\",\"code\":null},\"more\":1e400 }\n";
    let head = "content-type: application/json; charset=utf-8\r\nx-request-id: req-1\r\nretry-after: 5\r\nx-should-retry: false\r\nx-of-provider: a\r\nx-of-provider: b";
    let answers = [400u16, 422, 413, 415, 409, 418].map(|status| {
        let length = body.len();
        format!("HTTP/1.1 {status} Mistake\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}")
    });
    let backup = sim("backup").await;

    let provider = RawProvider::start([answers.iter().fold(Script::new(), |script, answer| {
        script
            .read_request()
            .write(answer.clone())
            .read_request()
            .write(answer.clone())
    })])
    .await;
    let gateway = Gateway::with(PAIR)
        .fill("primary", provider.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;
    for status in [400u16, 422, 413, 415, 409, 418] {
        for request in [chat("gpt-4o"), chat_stream("gpt-4o")] {
            let answer = gateway.post(CHAT, request).send().await;

            assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
            assert_eq!(answer.text(), body, "{status}: byte for byte");
            for (name, value) in [
                ("content-type", "application/json; charset=utf-8"),
                ("x-request-id", "req-1"),
                ("retry-after", "5"),
                ("x-should-retry", "false"),
                ("x-understudy-attempts", "1"),
                ("x-understudy-provider", "primary"),
            ] {
                assert_eq!(answer.header(name), Some(value), "{status}");
            }
            assert_eq!(
                answer.headers.get_all("x-of-provider").iter().count(),
                2,
                "{status}"
            );
        }
    }
    assert_eq!(
        (provider.requests().len(), backup.control().counters().requests),
        (12, 0)
    );
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.metric("understudy_failovers_total").value(), 0.0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_prompt_that_is_too_long_goes_only_where_a_larger_window_is_declared() {
    let small = failing("small", fault(Fault::ContextLength)).await;
    let large = sim("large").await;
    let config = r#"
providers:
  small: { kind: openai-compatible, endpoint: "{small}" }
  large: { kind: openai-compatible, endpoint: "{large}" }
models:
  declared: { targets: [{ provider: small, context_window: 8192 }, { provider: large, priority: 1, context_window: 128000 }] }
  unknown: { targets: [{ provider: small }, { provider: large, priority: 1, context_window: 128000 }] }
  equal: { targets: [{ provider: small, context_window: 8192 }, { provider: large, priority: 1, context_window: 8192 }] }
  silent: { targets: [{ provider: small, context_window: 8192 }, { provider: large, priority: 1 }] }
"#;
    let gateway = Gateway::with(config)
        .fill("small", small.base_url())
        .fill("large", large.base_url())
        .start()
        .await;

    for (model, hops) in [
        ("declared", &["small context_length", "large ok"][..]),
        ("unknown", &["small context_length", "large ok"]),
        ("equal", &["small context_length"]),
        ("silent", &["small context_length"]),
    ] {
        let answer = gateway.post(CHAT, chat(model)).send().await;

        assert_eq!(answer.hops(), hops, "{model}: {}", answer.text());
        if hops.len() == 1 {
            let error = &answer.json()["error"];
            assert_eq!(
                (answer.status.as_u16(), &error["code"]),
                (400, &json!("context_length_exceeded"))
            );
            assert_eq!(error.get("attempts"), None, "the provider's own words");
        }
    }
    gateway.stop().await;
}
