//! From the bench back to service: one probe, a ramp, and a longer bench each time it was too early.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::Notify;
use understudy::sim::{Fault, Pace, Sim};

use super::{CHAT, PAIR, disturbed, fault, sim, target};
use crate::support::{Answer, Gateway, RawProvider, Running, Script, chat};

async fn gateway(breaker: &str, primary: &str, backup: &Sim) -> Running {
    let config = PAIR.replace("gpt-4o:\n", &format!("gpt-4o:\n    breaker: {{ {breaker} }}\n"));
    Gateway::with(&config)
        .fill("primary", primary)
        .fill("backup", backup.base_url())
        .start()
        .await
}

async fn ask(gateway: &Running) -> Answer {
    let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

async fn primary(gateway: &Running) -> Value {
    target(&gateway.status().await, "gpt-4o", "primary").clone()
}

/// Waits until the bench time is over.
async fn probe_due(gateway: &Running) {
    gateway
        .status_when("a probe that is due", |status| {
            target(status, "gpt-4o", "primary")["standing"] == "probe_due"
        })
        .await;
}

/// The target's own circuit.
fn own(target: &Value) -> &Value {
    let circuits = target["circuits"].as_array().unwrap();
    circuits
        .iter()
        .find(|circuit| circuit["scope"] == "target")
        .unwrap()
}

#[tokio::test]
async fn exactly_one_request_is_the_probe_however_many_come() {
    let (first, backup) = (sim("primary").await, sim("backup").await);
    first.control().set_fault(fault(Fault::ServerError).times(2));
    let gateway = gateway("open_for: 200ms", &first.base_url(), &backup).await;
    ask(&gateway).await;
    ask(&gateway).await;
    assert_eq!(disturbed(&primary(&gateway).await), ["target open server_error"]);
    probe_due(&gateway).await;

    // Slow enough that all the others come while it is on its way.
    first.control().set_pace(Pace {
        latency: Duration::from_millis(700),
        ..Pace::default()
    });
    let probe = tokio::spawn(gateway.post(CHAT, chat("gpt-4o")).send());
    first
        .control()
        .counters_when(crate::support::BOUND, |seen| seen.concurrent == 1)
        .await
        .unwrap();
    let others: Vec<_> = (0..30)
        .map(|_| tokio::spawn(gateway.post(CHAT, chat("gpt-4o")).send()))
        .collect();
    for other in others {
        assert_eq!(other.await.unwrap().hops(), ["backup ok"]);
    }
    let probing = primary(&gateway).await;
    let probe = probe.await.unwrap();

    assert_eq!(
        (&probing["standing"], probe.hops()),
        (&"probing".into(), vec!["primary ok".to_owned()])
    );
    assert_eq!(first.control().counters().requests, 3);
    assert_eq!(disturbed(&primary(&gateway).await), ["target ramping -"]);
    gateway.stop().await;
}

#[tokio::test]
async fn it_returns_by_a_growing_share_and_then_for_good() {
    let (first, backup) = (sim("primary").await, sim("backup").await);
    first.control().set_fault(fault(Fault::Overloaded).times(2));
    let gateway = gateway("open_for: 300ms", &first.base_url(), &backup).await;
    ask(&gateway).await;
    ask(&gateway).await;
    probe_due(&gateway).await;

    let mut shares = vec![0];
    let mut by_backup = 0;
    let mut connection = gateway.connection().await;
    // Ten good answers at a tenth, a quarter and half of the traffic, or patience, bring it back.
    for _ in 0..2000 {
        let answer = gateway.post(CHAT, chat("gpt-4o")).send_on(&mut connection).await;
        by_backup += usize::from(answer.hops() == ["backup ok"]);
        let target = primary(&gateway).await;
        let share = match own(&target)["state"].as_str().unwrap() {
            "closed" => 100,
            "ramping" => own(&target)["share"].as_i64().unwrap(),
            other => panic!("{other}: {target:#}"),
        };
        shares.push(share);
        if own(&target)["state"] == "closed" {
            break;
        }
    }

    assert!(shares.is_sorted(), "{shares:?}");
    assert_eq!((shares[1], shares.last()), (10, Some(&100)), "{shares:?}");
    assert!(by_backup > 0, "the others served meanwhile: {shares:?}");
    let metrics = gateway.metrics().await;
    for (from, to) in [
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "ramping"),
        ("ramping", "closed"),
    ] {
        let count = metrics
            .metric("understudy_circuit_transitions_total")
            .label("scope", "target")
            .label("from", from)
            .label("to", to);
        assert_eq!(count.value(), 1.0, "{from} to {to}: {count:?}");
    }
    for _ in 0..5 {
        assert_eq!(ask(&gateway).await.hops(), ["primary ok"]);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn each_bench_is_longer_than_the_one_before_up_to_the_limit() {
    let (first, backup) = (sim("primary").await, sim("backup").await);
    first.control().set_fault(fault(Fault::ServerError));
    let gateway = gateway("open_for: 100ms, max_open_for: 400ms", &first.base_url(), &backup).await;
    ask(&gateway).await;

    for (ejections, bench) in [(1, 100), (2, 200), (3, 400), (4, 400)] {
        let before = SystemTime::now();
        ask(&gateway).await;
        let after = SystemTime::now();
        let target = primary(&gateway).await;
        let circuit = own(&target);
        assert_eq!(circuit["ejections"], ejections, "{target:#}");
        let until = circuit["until"]["at"]
            .as_str()
            .unwrap_or_else(|| panic!("{target:#}"));
        let until = humantime::parse_rfc3339(until).unwrap();
        let (least, most) = (until.duration_since(after), until.duration_since(before).unwrap());
        let (low, high) = (
            Duration::from_millis(bench * 9 / 10),
            Duration::from_millis(bench * 11 / 10),
        );
        // What the request and the report took is all the doubt there is.
        let slack = Duration::from_millis(5);
        assert!(
            most + slack >= low && least.unwrap_or_default() <= high + slack,
            "{ejections}: {most:?} for {bench} ms"
        );
        probe_due(&gateway).await;
    }
    // One attempt per bench, and the two that opened it.
    assert_eq!(first.control().counters().requests, 5);
    gateway.stop().await;
}

#[tokio::test]
async fn a_failure_while_returning_benches_it_again() {
    let (first, backup) = (sim("primary").await, sim("backup").await);
    first
        .control()
        .set_faults(vec![fault(Fault::ServerError).times(2)]);
    let gateway = gateway("open_for: 100ms", &first.base_url(), &backup).await;
    ask(&gateway).await;
    ask(&gateway).await;
    probe_due(&gateway).await;
    assert_eq!(ask(&gateway).await.hops(), ["primary ok"]);
    assert_eq!(disturbed(&primary(&gateway).await), ["target ramping -"]);

    first.control().set_fault(fault(Fault::Overloaded));
    let mut met = false;
    for _ in 0..500 {
        met = ask(&gateway).await.hops() == ["primary overloaded", "backup ok"];
        if met {
            break;
        }
    }

    assert!(met, "its share is not nothing");
    let target = primary(&gateway).await;
    assert_eq!(own(&target)["ejections"], 2, "{target:#}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_share_of_failures_opens_it_too() {
    let (first, backup) = (sim("primary").await, sim("backup").await);
    let gateway = gateway(
        "consecutive_failures: off, error_rate: 0.5, min_requests: 6, window: 30s",
        &first.base_url(),
        &backup,
    )
    .await;

    let mut opened_after = None;
    for number in 1..=10 {
        if number % 2 == 0 {
            first.control().set_fault(fault(Fault::ServerError));
        } else {
            first.control().clear_faults();
        }
        ask(&gateway).await;
        if !disturbed(&primary(&gateway).await).is_empty() {
            opened_after = Some(number);
            break;
        }
    }

    assert_eq!(opened_after, Some(6), "three of six, and not two of four");
    gateway.stop().await;
}

#[tokio::test]
async fn an_answer_from_before_the_bench_does_not_end_it() {
    let word = Arc::new(Notify::new());
    let body =
        r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
    let good = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
    let slow = Script::new().read_request().wait_for(&word).write(good);
    let failing = Script::json(500, "{}");
    let first = RawProvider::start([slow, failing]).await;
    let backup = sim("backup").await;
    let gateway = gateway("open_for: 60s", &first.base_url(), &backup).await;

    let early = tokio::spawn(gateway.post(CHAT, chat("gpt-4o")).send());
    first.requests_when(1).await;
    ask(&gateway).await;
    ask(&gateway).await;
    assert_eq!(disturbed(&primary(&gateway).await), ["target open server_error"]);
    word.notify_one();
    let early = early.await.unwrap();

    assert_eq!(early.hops(), ["primary ok"], "{}", early.text());
    assert_eq!(
        disturbed(&primary(&gateway).await),
        ["target open server_error"],
        "it is still benched"
    );
    assert_eq!(ask(&gateway).await.hops(), ["backup ok"]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_probe_whose_caller_leaves_makes_room_for_the_next() {
    let (first, backup) = (sim("primary").await, sim("backup").await);
    first.control().set_fault(fault(Fault::ServerError).times(2));
    let gateway = gateway("open_for: 100ms", &first.base_url(), &backup).await;
    ask(&gateway).await;
    ask(&gateway).await;
    probe_due(&gateway).await;

    first.control().set_faults(vec![fault(Fault::Hang).times(1)]);
    let mut leaving = gateway.raw().await;
    let body = chat("gpt-4o").to_string();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    leaving.write(head).await;
    first
        .control()
        .counters_when(crate::support::BOUND, |seen| seen.concurrent == 1)
        .await
        .unwrap();
    leaving.reset();
    gateway.until_no_session().await;
    probe_due(&gateway).await;

    assert_eq!(ask(&gateway).await.hops(), ["primary ok"]);
    assert_eq!(disturbed(&primary(&gateway).await), ["target ramping -"]);
    gateway.stop().await;
}
