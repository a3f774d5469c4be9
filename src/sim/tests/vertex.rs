//! The provider that speaks Vertex's language: both publishers, and the sign-in they share.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::client::{Answer, ask, post};
use crate::sim::{Dialect, Fault, FaultRule, Sim, SimConfig};

const PLACE: &str = "/v1/projects/p/locations/europe-west4/publishers";

async fn sim() -> Sim {
    Sim::start(SimConfig {
        dialect: Some(Dialect::Vertex),
        ..SimConfig::named("a")
    })
    .await
    .unwrap()
}

async fn bearer(sim: &Sim) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "a", "scope": "s", "aud": "https://x/token", "iat": now, "exp": now + 60});
    let assertion = format!("{}.{}.c2ln", encoded(json!({"alg": "RS256"})), encoded(claims));
    let form =
        format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let answer = post(sim.addr(), "/token", &kind, form.as_bytes()).await.json();
    format!("Bearer {}", answer["access_token"].as_str().unwrap())
}

async fn told(sim: &Sim, path: &str, authorization: &str, body: &Value) -> Answer {
    let headers = [("authorization", authorization)];
    post(
        sim.addr(),
        &format!("{PLACE}/{path}"),
        &headers,
        body.to_string().as_bytes(),
    )
    .await
}

fn content() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "hello"}]}], "labels": {"team": "x"}})
}

fn message() -> Value {
    json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]})
}

const GEMINI: &str = "google/models/gemini-x:generateContent";
const CLAUDE: &str = "anthropic/models/claude-x@20260101:rawPredict";

#[tokio::test]
async fn both_publishers_answer_in_their_own_words() {
    let sim = sim().await;
    let token = bearer(&sim).await;

    let gemini = told(&sim, GEMINI, &token, &content()).await.json();
    let claude = told(&sim, CLAUDE, &token, &message()).await.json();
    let mut body = message();
    body["stream"] = json!(true);
    let stream = told(&sim, "anthropic/models/claude-x:streamRawPredict", &token, &body).await;

    let part = &gemini["candidates"][0]["content"]["parts"][0];
    assert_eq!(
        (&part["text"], &gemini["usageMetadata"]["trafficType"]),
        (&json!("sim a says: hello"), &json!("ON_DEMAND"))
    );
    assert_eq!(
        (&claude["content"][0]["text"], &claude["model"]),
        (&json!("sim a says: hello"), &json!("claude-x@20260101"))
    );
    assert_eq!(stream.named_events().last().unwrap().0, "message_stop");
    let dialects: Vec<_> = sim
        .control()
        .recent_requests()
        .iter()
        .map(crate::sim::ReceivedRequest::dialect)
        .collect();
    assert_eq!(dialects[1..], [Some(Dialect::Vertex); 3]);
}

#[tokio::test]
async fn only_tokens_that_are_good_and_keys_let_in() {
    let sim = sim().await;
    let token = bearer(&sim).await;
    let express = "/v1/publishers/google/models/gemini-x:generateContent";
    let key = [("x-goog-api-key", "AIza")];

    let good = told(&sim, GEMINI, &token, &content()).await;
    let stranger = told(&sim, CLAUDE, "Bearer ya29.other", &message()).await;
    let nobody = told(&sim, CLAUDE, "", &message()).await;
    let by_key = post(sim.addr(), express, &key, content().to_string().as_bytes()).await;
    sim.control().revoke_tokens();
    let revoked = told(&sim, GEMINI, &token, &content()).await;

    assert_eq!((good.status, by_key.status), (200, 200));
    for answer in [stranger, nobody, revoked] {
        assert_eq!(
            (answer.status, &answer.json()["error"]["status"]),
            (401, &json!("UNAUTHENTICATED"))
        );
    }
}

#[tokio::test]
async fn messages_say_their_version_in_the_body_and_no_model() {
    let sim = sim().await;
    let token = bearer(&sim).await;
    let with = |name: &str, value: Value| {
        let mut body = message();
        body[name] = value;
        body
    };
    let mut unversioned = message();
    unversioned.as_object_mut().unwrap().remove("anthropic_version");
    let table = [
        (unversioned, "anthropic_version: Field required"),
        (
            with("anthropic_version", json!("2023-06-01")),
            "anthropic_version: Input should be 'vertex-2023-10-16'",
        ),
        (
            with("model", json!("claude-x")),
            "model: Extra inputs are not permitted",
        ),
    ];

    for (body, expected) in table {
        let answer = told(&sim, CLAUDE, &token, &body).await;

        assert_eq!((answer.status, &answer.json()["type"]), (400, &json!("error")));
        assert!(answer.text().contains(expected), "{}", answer.text());
    }
    let beta = told(&sim, CLAUDE, &token, &with("anthropic_beta", json!(["x"]))).await;
    assert_eq!(beta.status, 200);
}

#[tokio::test]
async fn what_goes_wrong_before_the_model_is_told_by_google() {
    let sim = sim().await;
    let token = bearer(&sim).await;
    let table = [
        (Fault::RateLimit, CLAUDE, 429, "RESOURCE_EXHAUSTED"),
        (Fault::Auth, CLAUDE, 401, "UNAUTHENTICATED"),
        (Fault::ModelNotFound, CLAUDE, 404, "NOT_FOUND"),
        (Fault::Overloaded, CLAUDE, 529, "overloaded_error"),
        (Fault::ContextLength, CLAUDE, 400, "prompt is too long"),
        (Fault::RateLimit, GEMINI, 429, "RESOURCE_EXHAUSTED"),
        (Fault::ContextLength, GEMINI, 400, "maximum number of tokens"),
    ];

    for (fault, path, status, expected) in table {
        sim.control().set_fault(FaultRule::new(fault));
        let body = if path == CLAUDE { message() } else { content() };

        let answer = told(&sim, path, &token, &body).await;

        assert_eq!(answer.status, status, "{fault}");
        assert!(
            answer.text().contains(expected) && !answer.text().contains("RetryInfo"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn the_garden_of_models_is_listed() {
    let sim = sim().await;
    let token = bearer(&sim).await;
    let headers = [("authorization", token.as_str())];

    let listed = ask(
        sim.addr(),
        ("GET", "/v1beta1/publishers/google/models"),
        &headers,
        b"",
    )
    .await
    .json();

    assert_eq!(
        listed["publisherModels"][0]["name"],
        "publishers/google/models/sim-a"
    );
}
