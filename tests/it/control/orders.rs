//! What an operator sees, and may ask for.

use http::{Method, StatusCode};
use serde_json::json;
use understudy::sim::{Fault, FaultRule};

use super::{PAIR, ask, asked, circuit, provider, sim};
use crate::support::{Gateway, Running};

async fn start(primary: &understudy::sim::Sim, backup: &understudy::sim::Sim) -> Running {
    Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await
}

#[tokio::test]
async fn a_drained_provider_is_asked_nothing_until_it_is_resumed() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let mut gateway = start(&primary, &backup).await;

    let drained = gateway
        .admin_post("/admin/providers/primary/drain", &json!({}))
        .await;
    let during = ask(&gateway, "gpt-4o").await;
    gateway.rewrite_config(|yaml| yaml.replace("gpt-4o:\n", "gpt-4o:\n    aliases: [later]\n"));
    gateway.wait_for_generation(2).await;
    let after_an_edit = ask(&gateway, "later").await;
    let model = gateway.admin_get("/admin/failover/model/gpt-4o").await;
    let metrics = gateway.metrics().await;
    gateway
        .admin_post("/admin/providers/primary/resume", &json!({}))
        .await;
    let resumed = ask(&gateway, "gpt-4o").await;

    assert_eq!(
        (&drained["provider"], &drained["done"]),
        (&"primary".into(), &"drained".into())
    );
    assert_eq!(during.hops(), ["backup ok"]);
    assert_eq!(after_an_edit.hops(), ["backup ok"], "a drain outlives an edit");
    assert_eq!(model["targets"][1]["skip"]["reason"], "draining", "{model}");
    let draining = metrics.metric("understudy_provider_draining");
    assert_eq!(draining.label("provider", "primary").value(), 1.0);
    assert_eq!(resumed.hops(), ["primary ok"]);
    assert_eq!(asked(&primary), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn when_every_provider_is_drained_the_caller_is_told_to_come_back() {
    let primary = sim("primary").await;
    let gateway = start(&primary, &primary).await;
    for name in ["primary", "backup"] {
        let path = format!("/admin/providers/{name}/drain");
        gateway.admin_post(&path, &json!({})).await;
    }

    let answer = ask(&gateway, "gpt-4o").await;

    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(asked(&primary), 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_reset_circuit_serves_at_once() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let gateway = start(&primary, &backup).await;
    for (fault, scope) in [
        (Fault::RateLimit, "target"),
        (Fault::Auth, "credential"),
        (Fault::Reset, "endpoint"),
    ] {
        primary
            .control()
            .set_fault(FaultRule::new(fault).times(2).retry_after("3600"));
        while ask(&gateway, "gpt-4o").await.hops() != ["backup ok"] {}
        primary.control().clear_faults();

        let order = json!({ "provider": "primary" });
        let reset = gateway.admin_post("/admin/circuits/reset", &order).await;

        assert_eq!(reset["circuits"], 1, "{scope}: {reset}");
        assert_eq!(ask(&gateway, "gpt-4o").await.hops(), ["primary ok"], "{scope}");
    }
    let order = json!({ "provider": "primary", "model": "gpt-4o" });
    assert_eq!(
        gateway.admin_post("/admin/circuits/reset", &order).await["circuits"],
        0
    );
    gateway.stop().await;
}

#[tokio::test]
async fn an_order_about_nothing_is_refused_and_names_what_there_is() {
    let primary = sim("primary").await;
    let gateway = start(&primary, &primary).await;
    let reset = "/admin/circuits/reset";
    for (path, body, known) in [
        ("/admin/providers/nobody/drain", json!({}), "primary"),
        ("/admin/providers/nobody/resume", json!({}), "backup"),
        (reset, json!({ "provider": "nobody" }), "primary"),
        (reset, json!({ "provider": "primary", "model": "none" }), "gpt-4o"),
    ] {
        let answer = gateway.admin(Method::POST, path).json(&body).send().await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text());
        assert!(
            answer.json()["error"]["known"].to_string().contains(known),
            "{}",
            answer.text()
        );
    }
    let bad = gateway.admin(Method::POST, reset).body("{").send().await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    let wrong = gateway
        .admin(Method::GET, "/admin/providers/primary/drain")
        .send()
        .await;
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, Some("POST"))
    );
    assert_eq!(ask(&gateway, "gpt-4o").await.hops(), ["primary ok"]);
    gateway.stop().await;
}

#[tokio::test]
async fn the_explanation_says_where_a_request_would_go_and_why_not_elsewhere() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    primary
        .control()
        .set_fault(FaultRule::new(Fault::RateLimit).retry_after("600").times(1));
    let gateway = start(&primary, &backup).await;
    let fresh = gateway.admin_get("/admin/failover/model/gpt-4o").await;
    ask(&gateway, "gpt-4o").await;

    let model = gateway.admin_get("/admin/failover/model/gpt-4o").await;

    assert_eq!(
        (&fresh["targets"][0]["provider"], &fresh["targets"][0]["place"]),
        (&"primary".into(), &1.into())
    );
    assert_eq!(fresh["targets"][1]["place"], 2);
    let [first, benched] = [&model["targets"][0], &model["targets"][1]];
    assert_eq!(
        (&first["provider"], &first["place"]),
        (&"backup".into(), &1.into()),
        "{model}"
    );
    assert_eq!(benched["provider"], "primary");
    assert!(benched["place"].is_null(), "{benched}");
    assert_eq!(benched["skip"]["reason"], "circuit_open");
    assert_eq!(
        (&benched["cause"], &benched["plain"]),
        (&"rate_limited".into(), &"benched".into())
    );
    let until = benched["until"]["in_seconds"].as_i64().unwrap();
    assert!((500..=660).contains(&until), "{benched}");
    let failure = &benched["last_failure"];
    assert_eq!(
        (&failure["class"], &failure["status"]),
        (&"rate_limited".into(), &429.into())
    );
    assert_eq!(
        (&model["order"], &model["mode"], &model["all_open"]),
        (&"weighted".into(), &"retry".into(), &false.into())
    );

    let missing = gateway
        .admin(Method::GET, "/admin/failover/model/nothing")
        .send()
        .await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.json()["error"]["known"], json!(["gpt-4o"]));
    gateway.stop().await;
}

#[tokio::test]
async fn the_status_shows_everything_at_a_glance() {
    let primary = sim("primary").await;
    let gateway = start(&primary, &primary).await;

    let status = gateway.status().await;

    assert_eq!(
        (&status["generation"], &status["readiness"]["ready"]),
        (&1.into(), &true.into())
    );
    assert_eq!(status["config_path"], gateway.config_path().display().to_string());
    let shown = provider(&status, "primary");
    assert_eq!(
        (&shown["kind"], &shown["draining"]),
        (&"openai-compatible".into(), &false.into())
    );
    assert!(
        primary
            .base_url()
            .starts_with(shown["endpoint"].as_str().unwrap()),
        "{shown}"
    );
    assert_eq!(circuit(&status, "primary", "credential"), "closed");
    let envoy = &status["envoys"][0];
    assert_eq!(
        (&envoy["connected"], &envoy["generation"]),
        (&true.into(), &1.into()),
        "{envoy}"
    );
    assert!(envoy["version"].as_str().unwrap().starts_with("1."), "{envoy}");
    let kinds: Vec<_> = envoy["acked"]
        .as_array()
        .unwrap()
        .iter()
        .map(|acked| &acked["kind"])
        .collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert_eq!(status["models"][0]["name"], "gpt-4o");
    let page = gateway.admin(Method::GET, "/").send().await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    gateway.stop().await;
}
