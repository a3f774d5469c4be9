//! Blame goes where it belongs: endpoint, credential or target; and what an operator, an active check and a new
//! configuration do to it.

use http::Method;
use serde_json::{Value, json};
use understudy::sim::{Fault, Reach, Sim};

use super::{CHAT, PAIR, disturbed, failing, fault, sim, target};
use crate::support::{Answer, Gateway, Running, chat};

/// Two accounts at one endpoint, two models each.
const ACCOUNTS: &str = r#"
providers:
  one: { kind: openai-compatible, endpoint: "{shared}", api_key: sk-one }
  two: { kind: openai-compatible, endpoint: "{shared}", api_key: sk-two }
  backup: { kind: openai-compatible, endpoint: "{backup}" }
models:
  red: { order: ordered, targets: [{ provider: one }, { provider: backup, priority: 1 }] }
  blue: { order: ordered, targets: [{ provider: one }, { provider: backup, priority: 1 }] }
  other: { order: ordered, targets: [{ provider: two }, { provider: backup, priority: 1 }] }
"#;

async fn accounts() -> (Sim, Sim, Running) {
    let (shared, backup) = (sim("shared").await, sim("backup").await);
    let gateway = Gateway::with(ACCOUNTS)
        .fill("shared", shared.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;
    (shared, backup, gateway)
}

async fn pair(more: &str, primary: &Sim, backup: &Sim) -> Running {
    let config = PAIR.replace("api_key: sk-primary", &format!("api_key: sk-primary{more}"));
    Gateway::with(&config)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await
}

async fn ask(gateway: &Running, model: &str) -> Vec<String> {
    let answer: Answer = gateway.post(CHAT, chat(model)).send().await;
    assert_eq!(answer.status, 200, "{model}: {}", answer.text());
    answer.hops()
}

fn serves(status: &Value) -> bool {
    disturbed(target(status, "gpt-4o", "primary")).is_empty()
}

#[tokio::test]
async fn a_limit_benches_one_model_a_key_all_models_of_it_and_nobody_else() {
    let (shared, _backup, gateway) = accounts().await;

    shared.control().set_faults(vec![
        fault(Fault::RateLimit).retry_after("60").model("red").times(1),
    ]);
    assert_eq!(ask(&gateway, "red").await, ["one rate_limited", "backup ok"]);
    assert_eq!(ask(&gateway, "red").await, ["backup ok"]);
    assert_eq!(
        ask(&gateway, "blue").await,
        ["one ok"],
        "another model of the same account"
    );
    shared.control().set_faults(vec![fault(Fault::Auth).times(1)]);
    assert_eq!(ask(&gateway, "blue").await, ["one auth", "backup ok"]);
    assert_eq!(ask(&gateway, "blue").await, ["backup ok"]);
    assert_eq!(
        ask(&gateway, "other").await,
        ["two ok"],
        "another account at the same endpoint"
    );

    let status = gateway.status().await;
    assert_eq!(
        disturbed(target(&status, "red", "one")),
        ["target open rate_limited", "credential open auth"]
    );
    assert_eq!(
        disturbed(target(&status, "blue", "one")),
        ["credential open auth"]
    );
    assert_eq!(disturbed(target(&status, "other", "two")), [""; 0]);
    assert!(!status.to_string().contains("sk-one"), "{status:#}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_broken_endpoint_benches_every_model_behind_it() {
    let (shared, _backup, gateway) = accounts().await;

    shared.control().set_faults(vec![fault(Fault::Reset).times(2)]);
    assert_eq!(ask(&gateway, "red").await, ["one reset", "backup ok"]);
    assert_eq!(ask(&gateway, "blue").await, ["one reset", "backup ok"]);
    assert_eq!(ask(&gateway, "red").await, ["backup ok"]);
    assert_eq!(ask(&gateway, "blue").await, ["backup ok"]);

    let asked = shared.control().counters().requests;
    assert_eq!(asked, 2);
    let status = gateway.status().await;
    let provider = status["providers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "one")
        .unwrap();
    assert_eq!(provider["circuits"][0]["state"], "open", "{provider:#}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_callers_own_key_is_the_callers_own_trouble() {
    let (own, backup) = (failing("own", fault(Fault::Auth)).await, sim("backup").await);
    let config = r#"
providers:
  own: { kind: openai-compatible, endpoint: "{own}", auth: passthrough }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models: { gpt-4o: { targets: [{ provider: own }, { provider: backup, priority: 1 }] } }
"#;
    let gateway = Gateway::with(config)
        .fill("own", own.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;

    for _ in 0..3 {
        let refused = gateway.post(CHAT, chat("gpt-4o")).bearer("sk-wrong").send().await;
        assert_eq!(
            (refused.status.as_u16(), refused.hops()),
            (401, vec!["own client_error".to_owned()])
        );
        assert_eq!(
            refused.json()["error"]["code"],
            "invalid_api_key",
            "the provider's own words"
        );
    }
    own.control().set_faults(vec![fault(Fault::Quota).times(1)]);
    let poor = gateway.post(CHAT, chat("gpt-4o")).bearer("sk-poor").send().await;
    let rich = gateway.post(CHAT, chat("gpt-4o")).bearer("sk-rich").send().await;

    assert_eq!(poor.hops(), ["own quota_exhausted", "backup ok"]);
    assert_eq!(
        rich.hops(),
        ["own ok"],
        "one caller's empty purse is not another's"
    );
    let keys: Vec<_> = own
        .control()
        .recent_requests_unmasked_for_tests()
        .iter()
        .map(|one| one.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(
        keys,
        [
            "Bearer sk-wrong",
            "Bearer sk-wrong",
            "Bearer sk-wrong",
            "Bearer sk-poor",
            "Bearer sk-rich"
        ]
    );
    gateway.stop().await;
}

#[tokio::test]
async fn an_operator_drains_resumes_and_forgives() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let gateway = pair("", &primary, &backup).await;

    gateway
        .admin_post("/admin/providers/primary/drain", &json!({}))
        .await;
    let drained = ask(&gateway, "gpt-4o").await;
    let report = gateway.admin_get("/admin/failover/model/gpt-4o").await;
    gateway
        .admin_post("/admin/providers/primary/resume", &json!({}))
        .await;
    let resumed = ask(&gateway, "gpt-4o").await;
    primary
        .control()
        .set_faults(vec![fault(Fault::RateLimit).retry_after("600").times(1)]);
    assert_eq!(
        ask(&gateway, "gpt-4o").await,
        ["primary rate_limited", "backup ok"]
    );
    gateway
        .admin_post("/admin/circuits/reset", &json!({ "provider": "primary" }))
        .await;
    let forgiven = ask(&gateway, "gpt-4o").await;

    assert_eq!(
        (drained, resumed, forgiven),
        (
            vec!["backup ok".to_owned()],
            vec!["primary ok".to_owned()],
            vec!["primary ok".to_owned()]
        )
    );
    let left_out = report["targets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["provider"] == "primary")
        .unwrap();
    assert_eq!(left_out["skip"]["reason"], "draining", "{report:#}");
    let unknown = gateway
        .admin(Method::POST, "/admin/providers/nobody/drain")
        .json(&json!({}))
        .send()
        .await;
    assert_eq!(unknown.status, 404, "{}", unknown.text());
    gateway.stop().await;
}

#[tokio::test]
async fn active_checks_bench_a_provider_that_nobody_asks_and_bring_it_back() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let checks = ", health_check: { interval: 400ms, timeout: 400ms, unhealthy: 2, healthy: 2 }";
    let gateway = pair(checks, &primary, &backup).await;
    gateway
        .status_when("a good check", |status| {
            status["providers"][0]["health"]["ok"] == true || status["providers"][1]["health"]["ok"] == true
        })
        .await;

    primary
        .control()
        .set_fault(fault(Fault::ServerError).on(Reach::Models));
    let benched = gateway.status_when("the bench", |status| !serves(status)).await;
    let spared = ask(&gateway, "gpt-4o").await;
    primary.control().clear_faults();
    // Good checks let the next request try it.
    gateway
        .status_when("the return", |status| {
            target(status, "gpt-4o", "primary")["standing"] == "probe_due"
        })
        .await;
    let returned = ask(&gateway, "gpt-4o").await;

    assert_eq!(
        disturbed(target(&benched, "gpt-4o", "primary")),
        ["endpoint open health_check"]
    );
    assert_eq!(
        (spared, returned),
        (vec!["backup ok".to_owned()], vec!["primary ok".to_owned()])
    );
    let checks = primary.control().recent_requests_unmasked_for_tests();
    let check = checks
        .iter()
        .find(|one| one.uri().path() == "/v1/models")
        .unwrap();
    assert_eq!(
        (check.header("authorization"), check.masked().method().as_str()),
        (Some("Bearer sk-primary"), "GET")
    );
    assert!(
        check
            .headers()
            .keys()
            .all(|name| !name.as_str().starts_with("x-")),
        "{:?}",
        check.headers().keys()
    );
    assert_eq!(
        gateway.access_lines_when(2).await.len(),
        2,
        "a check is no request"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn benches_outlive_a_new_configuration_unless_it_is_about_them() {
    let primary = failing("primary", fault(Fault::Auth)).await;
    let backup = sim("backup").await;
    let mut gateway = pair("", &primary, &backup).await;
    assert_eq!(ask(&gateway, "gpt-4o").await, ["primary auth", "backup ok"]);

    gateway.rewrite_config(|yaml| yaml.replace("gpt-4o:", "gpt-4o:\n    aliases: [another]"));
    gateway.wait_for_generation(2).await;
    let after_edit = ask(&gateway, "another").await;
    primary.control().clear_faults();
    gateway.rewrite_config(|yaml| yaml.replace("sk-primary", "sk-renewed"));
    gateway.wait_for_generation(3).await;
    gateway.until_ready().await;
    let after_renewal = ask(&gateway, "gpt-4o").await;

    assert_eq!(after_edit, ["backup ok"], "the key is still the refused one");
    assert_eq!(after_renewal, ["primary ok"], "a new key has done nothing wrong");
    let asked = primary.control().recent_requests_unmasked_for_tests();
    assert_eq!(asked[1].header("authorization"), Some("Bearer sk-renewed"));
    gateway.stop().await;
}
