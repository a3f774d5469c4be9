//! Active checks, sent through Envoy, bench an endpoint and bring it back.

use serde_json::Value;
use understudy::sim::{ApiKey, Fault, FaultRule, Reach, Sim, SimConfig};

use super::{ask, circuit, provider, sim};
use crate::support::{Gateway, Running, until};

const CHECKED: &str = r#"
providers:
  primary:
    kind: openai-compatible
    endpoint: "{primary}"
    api_key: sk-checked
    health_check: { path: /v1/models, interval: 300ms, timeout: 300ms, unhealthy: 2, healthy: 2 }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models:
  gpt-4o:
    targets:
      - { provider: primary }
      - { provider: backup, priority: 1 }
"#;

async fn start() -> (Sim, Sim, Running) {
    let mut config = SimConfig::named("primary");
    config.api_key = Some(ApiKey::from("sk-checked"));
    let (primary, backup) = (Sim::start(config).await.unwrap(), sim("backup").await);
    let gateway = Gateway::with(CHECKED)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;
    (primary, backup, gateway)
}

async fn until_endpoint(gateway: &Running, state: &str) -> Value {
    let what = format!("endpoint circuit that is {state}");
    gateway
        .status_when(&what, |status| circuit(status, "primary", "endpoint") == state)
        .await
}

#[tokio::test]
async fn an_endpoint_that_fails_its_checks_is_benched_and_comes_back() {
    let (primary, _backup, gateway) = start().await;
    gateway
        .status_when("a good check", |status| {
            provider(status, "primary")["health"]["ok"] == true
        })
        .await;
    assert_eq!(ask(&gateway, "gpt-4o").await.hops(), ["primary ok"]);

    for fault in [
        FaultRule::new(Fault::Overloaded).on(Reach::Models),
        FaultRule::new(Fault::Hang).on(Reach::All),
        FaultRule::new(Fault::Reset).on(Reach::All),
    ] {
        let name = fault.fault;
        primary.control().set_fault(fault);
        let status = until_endpoint(&gateway, "open").await;
        let health = &provider(&status, "primary")["health"];
        assert_eq!(health["ok"], false, "{name}: {health}");
        assert_eq!(ask(&gateway, "gpt-4o").await.hops(), ["backup ok"], "{name}");

        primary.control().clear_faults();
        // Two good checks make it worth a try, and a request that goes well is the proof.
        let is_back = |hops: &Vec<String>| hops == &["primary ok"];
        let look = || async { ask(&gateway, "gpt-4o").await.hops() };
        until(&format!("return after {name}"), look, is_back).await;
    }
    gateway.stop().await;
}

#[tokio::test]
async fn checks_carry_the_real_key_and_count_for_nobody() {
    let (primary, _backup, gateway) = start().await;
    let checks = |wanted: f64| {
        move |metrics: &crate::support::Scrape| {
            let checks = metrics.metric("understudy_health_checks_total");
            checks.label("provider", "primary").label("result", "ok").value() >= wanted
        }
    };

    let metrics = gateway.metrics_when("three checks", checks(3.0)).await;

    let seen = primary.control().recent_requests_unmasked_for_tests();
    for request in &seen {
        assert_eq!(request.uri().path(), "/v1/models");
        assert_eq!(request.header("authorization"), Some("Bearer sk-checked"));
        let names: Vec<_> = request.headers().keys().map(http::HeaderName::as_str).collect();
        assert!(!names.iter().any(|name| name.starts_with("x-")), "{names:?}");
    }
    for silent in ["understudy_requests_total", "understudy_attempts_total"] {
        assert_eq!(metrics.metric(silent).value(), 0.0, "{silent}");
    }
    assert!(gateway.access_lines().is_empty(), "{:?}", gateway.access_lines());
    gateway.stop().await;
}
