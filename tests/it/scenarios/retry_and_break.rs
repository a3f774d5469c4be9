//! `retry-and-break.yaml`: five retries with a pause of 100 ms to 10 s on 503, connect failure and reset; a circuit
//! that opens after failures in a row; 80 to 20 while healthy; an active check of `/v1/models`.

use std::collections::BTreeMap;

use understudy::sim::Reach;

use super::*;
use crate::support::closed_port;

const BOTH: [&str; 2] = ["cluster-a", "cluster-b"];
const MODEL: &str = "llama-3.3-70b";

async fn gateway(yaml: &str, a: &str, b: &str) -> Running {
    start(
        yaml,
        [("CLUSTER_A_URL", a.to_owned()), ("CLUSTER_B_URL", b.to_owned())],
    )
    .await
}

/// With pauses that a test has time for.
fn hasty() -> String {
    changed(
        example("retry-and-break.yaml"),
        "backoff: { base: 100ms, max: 10s }",
        "backoff: { base: 2ms, max: 20ms }",
    )
}

/// Everything with this key in Envoy's configuration.
fn all<'v>(config: &'v Value, key: &str, found: &mut Vec<&'v Value>) {
    match config {
        Value::Object(map) => {
            found.extend(map.get(key));
            map.values().for_each(|value| all(value, key, found));
        }
        Value::Array(list) => list.iter().for_each(|value| all(value, key, found)),
        _ => {}
    }
}

#[tokio::test]
async fn while_both_are_healthy_they_share_and_envoy_has_the_policy() {
    let (a, b) = (sim("a").await, sim("b").await);
    let gateway = gateway(&example("retry-and-break.yaml"), &a.base_url(), &b.base_url()).await;

    let mut shares: BTreeMap<String, u32> = BTreeMap::new();
    let mut connection = gateway.connection().await;
    for _ in 0..200 {
        let answer = gateway.post(CHAT, chat(MODEL)).send_on(&mut connection).await;
        *shares
            .entry(answer.header("x-understudy-provider").unwrap().to_owned())
            .or_default() += 1;
    }

    // 160 of 200, five standard deviations either way.
    assert!((131..=189).contains(&shares["cluster-a"]), "{shares:?}");
    let config = gateway.envoy_config().await;
    let mut policies = Vec::new();
    all(&config, "retry_policy", &mut policies);
    let policy = policies
        .iter()
        .find(|policy| policy["num_retries"] == 5)
        .unwrap_or_else(|| panic!("{policies:#?}"));
    assert_eq!(policy["per_try_timeout"], "30s");
    assert_eq!(
        policy["retry_back_off"],
        serde_json::json!({ "base_interval": "0.100s", "max_interval": "10s" })
    );
    assert_eq!(policy["retriable_status_codes"], serde_json::json!([503]));
    let retry_on = policy["retry_on"].as_str().unwrap();
    assert!(
        retry_on.contains("connect-failure") && retry_on.contains("reset"),
        "{retry_on}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn it_tries_hard_and_then_goes_where_somebody_is() {
    let (a, b) = (sim("a").await, sim("b").await);
    let gateway = gateway(&hasty(), &a.base_url(), &b.base_url()).await;
    for (name, sim) in BOTH.iter().zip([&a, &b]) {
        sim.control().set_fault(fault(Fault::Overloaded));
        let tail = if *name == "cluster-a" {
            "cluster-b"
        } else {
            "cluster-a"
        };
        let order = format!("{name},{tail}");
        let answer = gateway
            .post(CHAT, chat(MODEL))
            .header("x-understudy-order", &order)
            .send()
            .await;

        let mut hops = vec![format!("{name} overloaded"); 3];
        hops.push(format!("{tail} ok"));
        assert_eq!((answer.status.as_u16(), answer.hops()), (200, hops));
        sim.control().clear_faults();
        forgive(&gateway, &BOTH).await;
    }
    let before = retries(&gateway, &BOTH).await;
    for sim in [&a, &b] {
        sim.control().set_fault(fault(Fault::Overloaded));
    }

    let none = gateway.post(CHAT, chat(MODEL)).send().await;

    assert_eq!(
        (none.status.as_u16(), none.hops().len()),
        (503, 6),
        "{}",
        none.text()
    );
    assert_eq!(retries(&gateway, &BOTH).await - before, 5);
    for sim in [&a, &b] {
        sim.control().set_fault(status(500));
    }
    let other = gateway.post(CHAT, chat(MODEL)).send().await;
    assert_eq!(
        (other.status.as_u16(), other.hops().len()),
        (500, 1),
        "what is not listed is passed on"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn five_failures_in_a_row_open_the_circuit_and_the_other_serves() {
    let b = sim("b").await;
    for broken in [None, Some(Fault::Overloaded), Some(Fault::Reset)] {
        let a = sim("a").await;
        let url = broken.map_or_else(|| format!("http://{}/v1", closed_port()), |_| a.base_url());
        if let Some(broken) = broken {
            a.control().set_fault(fault(broken));
        }
        let gateway = gateway(&hasty(), &url, &b.base_url()).await;
        let ask = || {
            gateway
                .post(CHAT, chat(MODEL))
                .header("x-understudy-order", "cluster-a,cluster-b")
        };

        let mut failures = Vec::new();
        for _ in 0..4 {
            let answer = ask().send().await;
            assert_eq!(answer.status, 200, "{broken:?}: {}", answer.text());
            failures.push(answer.hops().len() - 1);
        }

        // Three, then two more, then never again. An attempt without an answer is known only when Envoy has chosen where
        // the next one goes, so that request still makes its third.
        let then = if broken == Some(Fault::Overloaded) { 2 } else { 3 };
        assert_eq!(failures, [3, then, 0, 0], "{broken:?}");
        let benched = target(&gateway, MODEL, "cluster-a").await;
        assert!(
            (26..=33).contains(&benched["until"]["in_seconds"].as_i64().unwrap()),
            "{benched:#}"
        );
        gateway.stop().await;
    }
}

#[tokio::test]
async fn the_active_check_benches_a_cluster_that_nobody_asks() {
    let (a, b) = (sim("a").await, sim("b").await);
    let yaml = changed(hasty(), "interval: 10s", "interval: 200ms");
    let yaml = changed(yaml, "timeout: 3s", "timeout: 200ms");
    a.control().set_fault(fault(Fault::ServerError).on(Reach::Models));
    let gateway = gateway(&yaml, &a.base_url(), &b.base_url()).await;

    let standing = |status: &Value| {
        let targets = status["models"][0]["targets"].as_array().unwrap();
        let found = targets
            .iter()
            .find(|target| target["provider"] == "cluster-a")
            .unwrap();
        found["standing"].as_str().unwrap().to_owned()
    };
    gateway
        .status_when("the bench", |status| standing(status) == "open")
        .await;
    for _ in 0..20 {
        assert_eq!(
            gateway.post(CHAT, chat(MODEL)).send().await.hops(),
            ["cluster-b ok"]
        );
    }
    a.control().clear_faults();
    gateway
        .status_when("the return", |status| standing(status) == "probe_due")
        .await;

    let paths: Vec<String> = a.control().counters().by_path.into_keys().collect();
    assert_eq!(paths, ["/v1/models"]);
    gateway.stop().await;
}
