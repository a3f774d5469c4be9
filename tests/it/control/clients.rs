//! Who may call, for which models, and whose key a provider gets.

use understudy::sim::Fault;
use understudy::sim::FaultRule;

use super::{CHAT, sim};
use crate::support::{Answer, Gateway, chat};

const KNOWN: &str = r#"
clients:
  team-search: { key: "${SEARCH_KEY}", models: [gpt-4o] }
  # printf %s key-of-the-auditor | sha256sum
  auditor: { key_sha256: {auditor} }
providers:
  primary: { kind: openai-compatible, endpoint: "{primary}", api_key: sk-primary }
models:
  gpt-4o: { aliases: [gpt-4o-latest], targets: [{ provider: primary }] }
  embedder: { targets: [{ provider: primary }] }
"#;

fn sha256(key: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(key);
    digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn assert_refused(answer: &Answer, status: u16, kind: &str, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let error = &answer.json()["error"];
    assert_eq!(
        (&error["type"], &error["code"]),
        (&kind.into(), &code.into()),
        "{error}"
    );
    assert!(
        error["message"].is_string() && error.get("param").is_some(),
        "{error}"
    );
}

#[tokio::test]
async fn only_known_keys_are_served_however_they_are_sent() {
    let primary = sim("primary").await;
    let gateway = Gateway::with(KNOWN)
        .fill("primary", primary.base_url())
        .fill("auditor", sha256("key-of-the-auditor"))
        .env("SEARCH_KEY", "key-of-search")
        .start()
        .await;
    let request = || gateway.post(CHAT, chat("gpt-4o"));

    for (name, value) in [
        ("authorization", "Bearer key-of-search"),
        ("authorization", "bearer key-of-search"),
        ("Authorization", "BEARER   key-of-search "),
        ("api-key", "key-of-search"),
        ("apikey", "key-of-search"),
        ("x-api-key", "key-of-the-auditor"),
        ("authorization", "Bearer key-of-the-auditor"),
    ] {
        let answer = request().header(name, value).send().await;
        assert_eq!(answer.status, 200, "{name}: {value}: {}", answer.text());
    }
    let served = primary.control().counters().requests;
    for (name, value) in [
        ("accept", "no key at all"),
        ("authorization", "Bearer key-of-searc"),
        ("authorization", "Bearer key-of-search2"),
        ("authorization", "Bearer "),
        ("authorization", "Bearer"),
        ("authorization", "Basic a2V5LW9mLXNlYXJjaA=="),
        ("api-key", "Bearer"),
        ("api-key", ""),
        ("api-key", "sk-primary"),
        // The hash of a key is not the key.
        ("api-key", &sha256("key-of-the-auditor")),
    ] {
        let answer = request().header(name, value).send().await;
        assert_refused(&answer, 401, "invalid_request_error", "invalid_api_key");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert!(!answer.text().contains("key-of"), "{}", answer.text());
    }
    let listing = gateway.get("/v1/models").send().await;
    assert_refused(&listing, 401, "invalid_request_error", "invalid_api_key");

    assert_eq!(primary.control().counters().requests, served);
    for request in primary.control().recent_requests_unmasked_for_tests() {
        assert_eq!(request.header("authorization"), Some("Bearer sk-primary"));
        for name in ["api-key", "apikey", "x-api-key"] {
            assert_eq!(request.header(name), None, "the caller's key goes no further");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_sees_and_uses_its_own_models_only() {
    let primary = sim("primary").await;
    let gateway = Gateway::with(KNOWN)
        .fill("primary", primary.base_url())
        .fill("auditor", sha256("key-of-the-auditor"))
        .env("SEARCH_KEY", "key-of-search")
        .start()
        .await;
    let listed = async |key: &str| {
        let listing = gateway.get("/v1/models").bearer(key).send().await.json();
        let models = listing["data"].as_array().unwrap().clone();
        models
            .iter()
            .map(|model| model["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };

    assert_eq!(listed("key-of-search").await, ["gpt-4o", "gpt-4o-latest"]);
    assert_eq!(
        listed("key-of-the-auditor").await,
        ["gpt-4o", "gpt-4o-latest", "embedder"]
    );
    let one = |name: &str| {
        gateway
            .get(&format!("/v1/models/{name}"))
            .bearer("key-of-search")
            .send()
    };
    assert_eq!(one("gpt-4o").await.json()["id"], "gpt-4o");
    assert_refused(
        &one("embedder").await,
        404,
        "invalid_request_error",
        "model_not_found",
    );

    let post = |model: &str| gateway.post(CHAT, chat(model)).bearer("key-of-search").send();
    assert_eq!(post("gpt-4o-latest").await.status, 200);
    assert_refused(
        &post("embedder").await,
        403,
        "permission_error",
        "model_not_allowed",
    );
    let unknown = post("nothing").await;
    assert_refused(&unknown, 404, "invalid_request_error", "model_not_found");
    assert!(!unknown.text().contains("embedder"), "{}", unknown.text());

    let metrics = gateway.metrics().await;
    let of = |outcome| {
        let requests = metrics.metric("understudy_client_requests_total");
        requests
            .label("client", "team-search")
            .label("outcome", outcome)
            .value()
    };
    assert_eq!((of("success"), of("rejected")), (3.0, 3.0), "{metrics:?}");
    let lines = gateway.access_lines_when(7).await;
    let refused = lines.iter().find(|line| line["status"] == 403).unwrap();
    assert_eq!(
        (&refused["client"], &refused["reason"]),
        (&"team-search".into(), &"model_not_allowed".into())
    );
    gateway.stop().await;
}

const PASSING: &str = r#"
providers:
  primary: { kind: openai-compatible, endpoint: "{primary}", auth: passthrough }
  azure: { kind: azure-openai, endpoint: "{azure}", auth: passthrough, deployment: gpt-4o }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models:
  gpt-4o:
    targets:
      - { provider: primary }
      - { provider: azure, priority: 1 }
      - { provider: backup, priority: 2 }
"#;

#[tokio::test]
async fn passthrough_sends_the_callers_key_in_each_providers_own_way_and_to_nobody_else() {
    let (primary, azure, backup) = (sim("primary").await, sim("azure").await, sim("backup").await);
    let gateway = Gateway::with(PASSING)
        .fill("primary", primary.base_url())
        .fill("azure", azure.base_url().trim_end_matches("/v1"))
        .fill("backup", backup.base_url())
        .start()
        .await;
    primary.control().set_fault(FaultRule::new(Fault::ServerError));
    azure.control().set_fault(FaultRule::new(Fault::ServerError));

    let answer = gateway
        .post(CHAT, chat("gpt-4o"))
        .bearer("key-of-the-caller")
        .send()
        .await;

    assert_eq!(
        answer.hops(),
        ["primary server_error", "azure server_error", "backup ok"],
        "{}",
        answer.text()
    );
    let keys = |sim: &understudy::sim::Sim| {
        let seen = sim.control().recent_requests_unmasked_for_tests();
        let of = |name: &str| seen[0].header(name).map(str::to_owned);
        (of("authorization"), of("api-key"))
    };
    assert_eq!(
        keys(&primary),
        (Some("Bearer key-of-the-caller".to_owned()), None)
    );
    assert_eq!(keys(&azure), (None, Some("key-of-the-caller".to_owned())));
    assert_eq!(keys(&backup), (Some("Bearer sk-backup".to_owned()), None));
    gateway.stop().await;
}

#[tokio::test]
async fn a_refused_key_of_the_callers_own_is_the_callers_to_hear() {
    let primary = sim("primary").await;
    let gateway = Gateway::with(PASSING)
        .fill("primary", primary.base_url())
        .fill("azure", primary.base_url().trim_end_matches("/v1"))
        .fill("backup", primary.base_url())
        .start()
        .await;
    primary.control().set_fault(FaultRule::new(Fault::Auth).times(3));

    for _ in 0..3 {
        let answer = gateway
            .post(CHAT, chat("gpt-4o"))
            .bearer("key-of-the-caller")
            .send()
            .await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert_eq!(answer.hops(), ["primary client_error"]);
    }
    let served = gateway
        .post(CHAT, chat("gpt-4o"))
        .bearer("another-key")
        .send()
        .await;

    assert_eq!(
        served.hops(),
        ["primary ok"],
        "nobody is benched for a caller's key"
    );
    gateway.stop().await;
}
