//! Providers that let in only whom their own login has given a token.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use understudy::sim::{EntraClient, Fault, FaultRule, Reach, Sim, SimConfig};

use crate::support::{Gateway, Running, Scrape, chat, chat_stream, until};

const CHAT: &str = "/v1/chat/completions";

const CONFIG: &str = r#"
providers:
  vertex: { kind: vertex, location: us-central1, endpoint: "{google}", service_account: "file:{dir}/account.json" }
  azure:
    kind: azure-openai
    endpoint: "{entra}"
    deployment: gpt-4o
    entra: { token_url: "{entra}/contoso/oauth2/v2.0/token", client_id: app-1, client_secret: "entra~secret+of=ours" }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models:
  gemini: { targets: [{ provider: vertex, model: gemini-2.5-flash }, { provider: backup, priority: 1 }] }
  claude: { targets: [{ provider: vertex, model: claude-sonnet-4-5 }, { provider: backup, priority: 1 }] }
  gpt: { targets: [{ provider: azure }, { provider: backup, priority: 1 }] }
  alone: { targets: [{ provider: vertex, model: gemini-2.5-flash }] }
"#;

/// Both clouds, each with its login, and a provider that needs neither.
struct Clouds {
    google: Sim,
    entra: Sim,
    backup: Sim,
}

impl Clouds {
    async fn start() -> Self {
        let mut google = SimConfig::named("google");
        google.sign_in.google_public_key = Some(include_str!("public-key.pem").to_owned());
        google.keep_requests = 100_000;
        let mut entra = SimConfig::named("entra");
        entra.sign_in.entra = Some(EntraClient {
            id: "app-1".to_owned(),
            secret: "entra~secret+of=ours".to_owned(),
        });
        entra.keep_requests = 100_000;
        Self {
            google: Sim::start(google).await.unwrap(),
            entra: Sim::start(entra).await.unwrap(),
            backup: Sim::start(SimConfig::named("backup")).await.unwrap(),
        }
    }

    fn logins(&self) -> [&Sim; 2] {
        [&self.google, &self.entra]
    }

    async fn gateway(&self) -> Running {
        let gateway = Gateway::with(CONFIG)
            .fill("google", self.google.origin())
            .fill("entra", self.entra.origin())
            .fill("backup", self.backup.base_url());
        let account = json!({
            "type": "service_account",
            "project_id": "my-project",
            "private_key_id": "k1",
            "private_key": include_str!("../../../src/app/tokens/tests/account.pem"),
            "client_email": "understudy@my-project.iam.gserviceaccount.com",
            "token_uri": format!("{}/token", self.google.origin()),
        });
        std::fs::write(gateway.dir().join("account.json"), account.to_string()).unwrap();
        gateway.start().await
    }
}

/// Every credential that `sim` was shown by whoever asked for an answer.
fn shown(sim: &Sim) -> BTreeSet<String> {
    let requests = sim.control().recent_requests_unmasked_for_tests();
    let answers = requests
        .iter()
        .filter(|request| !request.uri().path().ends_with("/token"));
    answers
        .map(|request| request.header("authorization").unwrap_or("nothing").to_owned())
        .collect()
}

async fn hops(gateway: &Running, model: &str) -> Vec<String> {
    let answer = gateway.post(CHAT, chat(model)).send().await;
    assert_eq!(answer.status, 200, "{model}: {}", answer.text());
    answer.hops()
}

/// Why the provider of a model's first target is passed by.
async fn skip(gateway: &Running, model: &str) -> Value {
    let explained = gateway.admin_get(&format!("/admin/failover/model/{model}")).await;
    let targets = explained["targets"].as_array().unwrap();
    let first = targets.iter().find(|target| target["provider"] != "backup");
    first.unwrap_or_else(|| panic!("{explained:#}"))["skip"].clone()
}

fn refreshes(metrics: &Scrape, provider: &str, result: &str) -> f64 {
    metrics
        .metric("understudy_token_refresh_total")
        .label("provider", provider)
        .label("result", result)
        .value()
}

#[tokio::test]
async fn one_token_of_the_login_opens_every_model_plain_and_streamed() {
    let clouds = Clouds::start().await;
    let gateway = clouds.gateway().await;

    for (model, provider) in [("gemini", "vertex"), ("claude", "vertex"), ("gpt", "azure")] {
        assert_eq!(hops(&gateway, model).await, [format!("{provider} ok")]);
        let stream = gateway.post(CHAT, chat_stream(model)).stream().await;
        assert_eq!(
            (stream.status.as_u16(), stream.hops()),
            (200, vec![format!("{provider} ok")])
        );
        let events = stream.read_all().await.events();
        assert_eq!(events.last().unwrap(), "[DONE]", "{model}: {events:?}");
    }

    for (sim, prefix) in [
        (&clouds.google, "Bearer ya29.sim-"),
        (&clouds.entra, "Bearer eyJ0.sim-"),
    ] {
        assert_eq!(sim.control().counters().tokens_issued, 1);
        let shown = shown(sim);
        assert!(
            shown.len() == 1 && shown.iter().all(|it| it.starts_with(prefix)),
            "{shown:?}"
        );
    }
    gateway.stop().await;
}

#[tokio::test]
async fn short_lived_tokens_are_renewed_behind_the_requests() {
    let clouds = Clouds::start().await;
    for login in clouds.logins() {
        login.control().set_token_lifetime(Duration::from_secs(5));
    }
    let gateway = clouds.gateway().await;

    let ask_both = || async {
        for (model, good) in [("gemini", "vertex ok"), ("gpt", "azure ok")] {
            assert_eq!(hops(&gateway, model).await, [good]);
        }
        clouds
            .logins()
            .map(|login| login.control().counters().tokens_issued)
    };
    until("third token of each login", ask_both, |issued| {
        issued.iter().all(|count| *count >= 3)
    })
    .await;

    for (login, provider) in clouds.logins().into_iter().zip(["vertex", "azure"]) {
        let tokens = shown(login);
        assert!(tokens.len() >= 2, "the new ones are used: {tokens:?}");
        assert_eq!(
            login.control().counters().by_status.get(&401),
            None,
            "none of them was stale"
        );
        let metrics = gateway.metrics().await;
        assert!(refreshes(&metrics, provider, "ok") >= 3.0);
        assert_eq!(refreshes(&metrics, provider, "failed"), 0.0);
    }
    gateway.stop().await;
}

#[tokio::test]
async fn without_a_token_the_others_serve_until_there_is_one() {
    let clouds = Clouds::start().await;
    for login in clouds.logins() {
        login
            .control()
            .set_fault(FaultRule::new(Fault::ServerError).on(Reach::Token));
    }
    let gateway = clouds.gateway().await;

    for model in ["gemini", "claude", "gpt"] {
        assert_eq!(hops(&gateway, model).await, ["backup ok"]);
        assert_eq!(skip(&gateway, model).await["reason"], "no_token", "{model}");
    }
    let nobody = gateway.post(CHAT, chat("alone")).send().await;
    assert_eq!(
        (nobody.status.as_u16(), nobody.hops()),
        (503, vec![]),
        "{}",
        nobody.text()
    );
    for login in clouds.logins() {
        assert!(shown(login).is_empty(), "nothing is sent without a token");
        login.control().clear_faults();
    }

    for (model, good) in [
        ("gemini", "vertex ok"),
        ("claude", "vertex ok"),
        ("gpt", "azure ok"),
    ] {
        until(
            "answer of the provider itself",
            || hops(&gateway, model),
            |hops| *hops == [good],
        )
        .await;
        assert_eq!(skip(&gateway, model).await, Value::Null, "{model}");
    }
    assert_eq!(hops(&gateway, "alone").await, ["vertex ok"]);
    let is_quiet = |status: &Value| !status["warnings"].to_string().contains("access token");
    gateway.status_when("end of the warnings", is_quiet).await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_token_that_was_revoked_is_the_credentials_fault_and_others_answer() {
    let clouds = Clouds::start().await;
    let gateway = clouds.gateway().await;
    for login in clouds.logins() {
        login.control().revoke_tokens();
    }

    for (model, bad) in [("claude", "vertex auth"), ("gpt", "azure auth")] {
        assert_eq!(hops(&gateway, model).await, [bad, "backup ok"]);
        // Its circuit is open by now.
        let stream = gateway.post(CHAT, chat_stream(model)).stream().await;
        assert_eq!(stream.hops(), ["backup ok"]);
        stream.read_all().await.answer();
        assert_eq!(skip(&gateway, model).await["reason"], "circuit_open", "{model}");
    }
    for login in clouds.logins() {
        assert_eq!(login.control().counters().by_status.get(&401), Some(&1));
    }
    gateway.stop().await;
}
