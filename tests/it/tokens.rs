//! Signing in by what is not a key: access tokens, fetched before they are needed, kept over a reload, and a failure
//! that everybody can see but for its secrets; signatures, anew for each attempt.

mod clouds; // Vertex and Azure ask a token of who signs in, and a simulated login gives it
mod signatures; // Bedrock computes each signature again

use serde_json::Value;
use understudy::sim::{Sim, SimConfig};

use crate::support::{Gateway, RawProvider, Running, Scrape, Script, log_line, log_text};

const CONFIG: &str = r#"
providers:
  azure:
    kind: azure-openai
    endpoint: "{azure}"
    deployment: gpt-4o
    entra: { token_url: "http://{login}/tenant/oauth2/v2.0/token", client_id: {client}, client_secret: entra-secret-1 }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models:
  gpt-4o:
    targets:
      - { provider: azure }
      - { provider: backup, priority: 1 }
"#;

fn token(token: &str) -> Script {
    Script::json(
        200,
        &format!(r#"{{"access_token":"{token}","expires_in":3599,"token_type":"Bearer"}}"#),
    )
}

/// A gateway whose provider `azure` signs in by a token of `login`, beside another one.
async fn start(login: &RawProvider) -> (Running, [Sim; 2]) {
    let sims = [
        Sim::start(SimConfig::named("azure")).await.unwrap(),
        Sim::start(SimConfig::named("backup")).await.unwrap(),
    ];
    let gateway = Gateway::with(CONFIG)
        .fill("azure", format!("http://{}", sims[0].addr()))
        .fill("backup", sims[1].base_url())
        .fill("login", login.address())
        .fill("client", "app-1")
        .start()
        .await;
    (gateway, sims)
}

fn refreshes(metrics: &Scrape, result: &str) -> f64 {
    metrics
        .metric("understudy_token_refresh_total")
        .label("provider", "azure")
        .label("result", result)
        .value()
}

fn expires_in(metrics: &Scrape) -> f64 {
    metrics
        .metric("understudy_token_expires_in_seconds")
        .label("provider", "azure")
        .value()
}

#[tokio::test]
async fn a_token_is_there_when_we_are_ready_and_outlives_a_reload_of_its_identity() {
    let login = RawProvider::start([token("token-one"), token("token-two")]).await;

    let (mut gateway, _sims) = start(&login).await;

    let metrics = gateway.metrics().await;
    assert_eq!(refreshes(&metrics, "ok"), 1.0);
    assert!((3500.0..=3599.0).contains(&expires_in(&metrics)));
    let asked = login.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line(), "POST /tenant/oauth2/v2.0/token HTTP/1.1");
    let form = String::from_utf8_lossy(&asked[0].body).into_owned();
    assert!(
        form.starts_with("grant_type=client_credentials&client_id=app-1&client_secret=entra-secret-1&scope="),
        "{form}"
    );

    gateway.rewrite_config(|config| config.replace("  gpt-4o:", "  gpt-4o-too:"));
    gateway.wait_for_generation(2).await;
    assert_eq!(login.requests().len(), 1, "the identity is the same");
    assert_eq!(refreshes(&gateway.metrics().await, "ok"), 1.0);

    gateway.refill("client", "app-2");
    gateway.wait_for_generation(3).await;
    assert_eq!(login.requests().len(), 2, "another identity needs another token");
    assert_eq!(refreshes(&gateway.metrics().await, "ok"), 2.0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_login_that_turns_us_away_is_told_everywhere_without_the_secret() {
    let refusal = r#"{"error":"invalid_client","error_description":"AADSTS7000215: `entra-secret-1` is no secret of app-1-refused"}"#;
    let login = RawProvider::start([Script::json(401, refusal)]).await;

    let (gateway, _sims) = start(&login).await;

    let told = "HTTP 401: invalid_client: AADSTS7000215: `***` is no secret of app-1-refused";
    let is_told = |status: &Value| status["warnings"].to_string().contains(told);
    let status = gateway.status_when("a warning", is_told).await;
    assert_eq!(status["readiness"]["ready"], true, "others can serve");
    let metrics = gateway.metrics().await;
    assert!(refreshes(&metrics, "failed") >= 1.0);
    assert_eq!(expires_in(&metrics), 0.0);
    let line = log_line(&["access token not fetched", "app-1-refused"]).await;
    assert!(line.contains("WARN") && line.contains("azure"), "{line}");
    for text in [log_text(), status.to_string()] {
        assert!(!text.contains("entra-secret-1"));
    }
    gateway.stop().await;
}
