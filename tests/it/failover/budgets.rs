//! Attempts and time: what one request may use, and how it ends when that is used up.

use std::time::Duration;

use serde_json::Value;
use understudy::sim::{Fault, Sim};

use super::{CHAT, failing, fault, sim};
use crate::support::{Answer, Gateway, Running, chat, chat_stream};

/// Four providers of which none is ever benched; each test says its models.
const FOUR: &str = r#"
providers:
  a: { kind: openai-compatible, endpoint: "{a}" }
  b: { kind: openai-compatible, endpoint: "{b}" }
  c: { kind: openai-compatible, endpoint: "{c}" }
  d: { kind: openai-compatible, endpoint: "{d}" }
defaults:
  order: ordered
  breaker: { consecutive_failures: off, error_rate: off }
  failover: { backoff: { base: 1ms, max: 5ms } }
models:
"#;

async fn gateway(models: &str, sims: [&Sim; 4]) -> Running {
    let mut gateway = Gateway::with(&format!("{FOUR}{models}"));
    for (name, sim) in ["a", "b", "c", "d"].into_iter().zip(sims) {
        gateway = gateway.fill(name, sim.base_url());
    }
    gateway.start().await
}

fn attempts(answer: &Answer) -> Vec<String> {
    let error = answer.json();
    let attempts = error["error"]["attempts"]
        .as_array()
        .unwrap_or_else(|| panic!("{error:#}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    attempts
        .iter()
        .map(|one| format!("{} {}", text(&one["provider"]), text(&one["class"])))
        .collect()
}

#[tokio::test]
async fn attempts_are_spent_as_the_policy_says() {
    let down = failing("down", fault(Fault::ServerError)).await;
    let models = r#"
  default: { targets: [{ provider: a }, { provider: b }, { provider: c }, { provider: d }] }
  few: { targets: [{ provider: a }, { provider: b }, { provider: c }, { provider: d }], failover: { attempts: 2 } }
  all: { targets: [{ provider: a }, { provider: b }, { provider: c }, { provider: d }], failover: { attempts: 20 } }
  twice: { targets: [{ provider: a }, { provider: b }], failover: { attempts: 3, attempts_per_target: 2 } }
  lone: { targets: [{ provider: a }], failover: { attempts: 4 } }
  once: { targets: [{ provider: a }], failover: { attempts: 1 } }
"#;
    let gateway = gateway(models, [&down, &down, &down, &down]).await;

    for (model, wanted) in [
        ("default", "a b c"),
        ("few", "a b"),
        ("all", "a b c d"),
        ("twice", "a a b"),
        ("lone", "a a a a"),
        ("once", "a"),
    ] {
        down.control().reset();
        let answer = gateway.post(CHAT, chat(model)).send().await;

        let wanted: Vec<String> = wanted
            .split(' ')
            .map(|name| format!("{name} server_error"))
            .collect();
        assert_eq!(answer.status, 500, "{model}: {}", answer.text());
        assert_eq!(
            (answer.hops(), attempts(&answer)),
            (wanted.clone(), wanted.clone()),
            "{model}"
        );
        assert_eq!(down.control().counters().requests, wanted.len() as u64, "{model}");
        assert_eq!(
            answer.header("x-understudy-attempts"),
            Some(wanted.len().to_string().as_str())
        );
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_lone_target_is_asked_again_only_where_that_can_help() {
    let sims = [sim("a").await, sim("b").await, sim("c").await, sim("d").await];
    let models = r#"
  flaky: { targets: [{ provider: a }] }
  limited: { targets: [{ provider: b }] }
  locked: { targets: [{ provider: c }] }
  broken: { targets: [{ provider: d }] }
"#;
    sims[0].control().set_fault(fault(Fault::Overloaded).times(2));
    sims[1].control().set_fault(fault(Fault::RateLimit));
    sims[2].control().set_fault(fault(Fault::Auth));
    sims[3].control().set_fault(fault(Fault::Reset).times(2));
    let gateway = gateway(models, sims.each_ref()).await;

    let flaky = gateway.post(CHAT, chat("flaky")).send().await;
    let limited = gateway.post(CHAT, chat("limited")).send().await;
    let locked = gateway.post(CHAT, chat("locked")).send().await;
    let broken = gateway.post(CHAT, chat("broken")).send().await;

    assert_eq!(flaky.hops(), ["a overloaded", "a overloaded", "a ok"]);
    assert_eq!(limited.hops(), ["b rate_limited"]);
    assert_eq!(locked.hops(), ["c auth"]);
    assert_eq!(broken.hops(), ["d reset", "d reset", "d ok"]);
    assert_eq!(gateway.envoy_stat("cluster.a.upstream_rq_retry").await, 2);
    assert_eq!(gateway.envoy_stat("cluster.b.upstream_rq_retry").await, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_left_after_the_time_of_one_attempt() {
    let (silent, backup) = (failing("silent", fault(Fault::Hang)).await, sim("backup").await);
    let models = r#"
  patient: { targets: [{ provider: a }, { provider: b }], failover: { per_try_timeout: 200ms } }
"#;
    let gateway = gateway(models, [&silent, &backup, &backup, &backup]).await;

    for body in [chat("patient"), chat_stream("patient")] {
        let answer = gateway.post(CHAT, body).send().await;

        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.hops(), ["a timeout", "b ok"]);
        assert!(answer.trail()[0].millis >= Some(190), "{:?}", answer.trail());
    }
    assert_eq!(
        gateway.envoy_stat("cluster.a.upstream_rq_per_try_timeout").await,
        2
    );
    let left = silent
        .control()
        .counters_when(crate::support::BOUND, |seen| seen.abandoned == 2)
        .await;
    assert!(left.is_ok(), "the provider is told that nobody waits: {left:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn time_that_runs_out_is_a_504_whatever_was_asked_for() {
    let silent = failing("silent", fault(Fault::Hang)).await;
    let models = r#"
  short: { targets: [{ provider: a }, { provider: b }, { provider: c }, { provider: d }], failover: { attempts: 9, per_try_timeout: 250ms, timeout: 600ms } }
  long: { targets: [{ provider: a }, { provider: b }], failover: { attempts: 9, per_try_timeout: 60s, timeout: 60s } }
"#;
    let gateway = gateway(models, [&silent, &silent, &silent, &silent]).await;
    let asks = [
        ("short", false, None, 3),
        ("short", true, None, 3),
        ("long", false, Some("300ms"), 1),
        ("long", true, Some("300ms"), 1),
        // A caller may ask for less, never for more.
        ("short", false, Some("1h"), 3),
        ("short", true, Some("1h"), 3),
    ];

    for (model, stream, wanted, tries) in asks {
        let body = if stream { chat_stream(model) } else { chat(model) };
        let mut call = gateway.post(CHAT, body);
        if let Some(wanted) = wanted {
            call = call.header("x-understudy-timeout", wanted);
        }
        let answer = call.send().await;

        let what = format!("{model} {stream} {wanted:?}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status.as_u16(), error["code"].as_str()),
            (504, Some("timeout")),
            "{what}"
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(attempts(&answer).len(), tries, "{what}");
        assert!(
            attempts(&answer)
                .iter()
                .all(|attempt| attempt.ends_with("timeout")),
            "{what}"
        );
    }
    let lines = gateway.access_lines_when(6).await;
    assert!(
        lines
            .iter()
            .all(|line| line["outcome"] == "timed_out" && line["status"] == 504),
        "{lines:#?}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_left_for_another() {
    let stalling = failing("stalling", fault(Fault::Stall)).await;
    let backup = sim("backup").await;
    let models = r#"
  patient: { targets: [{ provider: a }, { provider: b }], failover: { per_try_timeout: 300ms } }
"#;
    let gateway = gateway(models, [&stalling, &backup, &backup, &backup]).await;

    let answer = gateway.post(CHAT, chat("patient")).send().await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.hops(), ["a timeout", "b ok"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_stream_may_take_longer_than_an_attempt_and_than_all_attempts() {
    let script = crate::support::Script::new()
        .read_request()
        .write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        .write_chunk("data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n")
        .pause(Duration::from_millis(700))
        .write_chunk("data: {\"choices\":[{\"delta\":{\"content\":\"two\"}}]}\n\n")
        .write_chunk("data: [DONE]\n\n")
        .write_chunk("");
    let provider = crate::support::RawProvider::start([script]).await;
    let config = r#"
providers: { slow: { kind: openai-compatible, endpoint: "{slow}" } }
models: { gpt-4o: { targets: [{ provider: slow }], failover: { per_try_timeout: 300ms, timeout: 500ms } } }
"#;
    let gateway = Gateway::with(config)
        .fill("slow", provider.base_url())
        .start()
        .await;

    let stream = gateway
        .post(CHAT, chat_stream("gpt-4o"))
        .stream()
        .await
        .read_all()
        .await;

    assert_eq!(stream.ending, crate::support::Ending::Clean);
    assert_eq!(stream.events().len(), 3, "{:?}", stream.partial().text());
    gateway.stop().await;
}

#[tokio::test]
async fn a_caller_in_a_hurry_harms_no_provider() {
    let slow = sim("slow").await;
    slow.control().set_pace(understudy::sim::Pace {
        latency: Duration::from_millis(400),
        ..understudy::sim::Pace::default()
    });
    let config = r#"
providers: { slow: { kind: openai-compatible, endpoint: "{slow}" } }
models: { gpt-4o: { targets: [{ provider: slow }] } }
"#;
    let gateway = Gateway::with(config).fill("slow", slow.base_url()).start().await;

    for stream in [false, true, false, true] {
        let body = if stream {
            chat_stream("gpt-4o")
        } else {
            chat("gpt-4o")
        };
        let answer = gateway
            .post(CHAT, body)
            .header("x-understudy-timeout", "50ms")
            .send()
            .await;
        assert_eq!(answer.status, 504, "{}", answer.text());
    }
    let patient = gateway.post(CHAT, chat("gpt-4o")).send().await;

    let status = gateway.status().await;
    let target = super::target(&status, "gpt-4o", "slow");
    assert_eq!(super::disturbed(target), [""; 0], "{target:#}");
    assert_eq!(patient.hops(), ["slow ok"]);
    gateway.stop().await;
}
