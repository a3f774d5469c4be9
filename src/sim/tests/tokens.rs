//! The token endpoints, and what their tokens open.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::client::{Answer, ask, post};
use super::{hello, sim};
use crate::sim::{EntraClient, Fault, FaultRule, Reach, Sim, SimConfig};

const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];
const ENTRA: &str = "/contoso/oauth2/v2.0/token";
const AZURE: &str = "/openai/v1/chat/completions";
const CREDENTIALS: &str = "grant_type=client_credentials&client_id=app&client_secret=s3cret-s3cret&scope=https%3A%2F%2Fai.azure.com%2F.default";

async fn entra(sim: &Sim, form: &str) -> Answer {
    post(sim.addr(), ENTRA, &FORM, form.as_bytes()).await
}

async fn token(sim: &Sim) -> String {
    let answer = entra(sim, CREDENTIALS).await.json();
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn azure(sim: &Sim, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    post(sim.addr(), AZURE, &headers, hello("m").to_string().as_bytes())
        .await
        .status
}

async fn closed() -> Sim {
    let mut config = SimConfig::named("a");
    config.sign_in.entra = Some(EntraClient {
        id: "app".to_owned(),
        secret: "s3cret-s3cret".to_owned(),
    });
    Sim::start(config).await.unwrap()
}

#[tokio::test]
async fn the_right_client_gets_a_token_that_opens_azures_paths() {
    let sim = closed().await;

    let answer = entra(&sim, CREDENTIALS).await;

    let json = answer.json();
    assert_eq!(
        (answer.status, &json["token_type"], &json["expires_in"]),
        (200, &json!("Bearer"), &json!(3600))
    );
    assert_eq!(azure(&sim, json["access_token"].as_str().unwrap()).await, 200);
    assert_eq!(azure(&sim, "another").await, 401);
    assert_eq!(
        post(sim.addr(), AZURE, &[], hello("m").to_string().as_bytes())
            .await
            .status,
        401
    );
    assert_eq!(sim.control().counters().tokens_issued, 1);
}

#[tokio::test]
async fn a_wrong_request_for_a_token_is_told_why() {
    let sim = closed().await;
    let table = [
        (
            CREDENTIALS.replace("s3cret-s3cret", "x"),
            401,
            "invalid_client",
            7_000_215,
        ),
        (
            CREDENTIALS.replace("=app", "=other"),
            400,
            "unauthorized_client",
            700_016,
        ),
        (
            CREDENTIALS.replace(".default", "x"),
            400,
            "invalid_scope",
            1_002_012,
        ),
        (
            CREDENTIALS.replace("client_credentials", "password"),
            400,
            "unsupported_grant_type",
            70_003,
        ),
        (
            "grant_type=client_credentials".to_owned(),
            400,
            "invalid_request",
            900_144,
        ),
    ];

    for (form, status, error, number) in table {
        let answer = entra(&sim, &form).await;

        let json = answer.json();
        assert_eq!((answer.status, &json["error"]), (status, &json!(error)), "{form}");
        assert_eq!(json["error_codes"], json!([number]));
        assert!(json["error_description"].as_str().unwrap().starts_with("AADSTS"));
    }
    let untyped = post(sim.addr(), ENTRA, &[], CREDENTIALS.as_bytes()).await;
    let fetched = ask(sim.addr(), ("GET", ENTRA), &FORM, b"").await;
    assert_eq!((untyped.status, fetched.status), (400, 405));
    assert_eq!(sim.control().counters().tokens_issued, 0);
}

#[tokio::test]
async fn tokens_end_with_their_lifetime_or_a_revocation() {
    let sim = sim("a").await;
    let page = async |method: &str, body: Value| {
        ask(
            sim.addr(),
            (method, "/sim/tokens"),
            &[],
            body.to_string().as_bytes(),
        )
        .await
        .json()
    };

    let lasting = token(&sim).await;
    page("POST", json!({"lifetime": "0s"})).await;
    let brief = entra(&sim, CREDENTIALS).await.json();
    let opened = azure(&sim, &lasting).await;
    let late = azure(&sim, brief["access_token"].as_str().unwrap()).await;
    let shown = page("DELETE", Value::Null).await;
    let revoked = azure(&sim, &lasting).await;

    assert_eq!((opened, late, revoked), (200, 401, 401));
    assert_eq!(brief["expires_in"], 0);
    assert_eq!(shown, json!({"lifetime": "0s", "issued": 2}));
    // A provider that asks nobody for a key still lets a stranger in.
    assert_eq!(azure(&sim, "stranger").await, 200);
    sim.control().reset();
    assert_eq!(sim.control().token_lifetime(), Duration::from_hours(1));
}

#[tokio::test]
async fn google_gives_a_token_for_signed_claims() {
    let sim = sim("a").await;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let assertion = |lasts: u64| {
        let claims =
            json!({"iss": "a", "scope": "s", "aud": "https://x/token", "iat": now, "exp": now + lasts});
        format!("{}.{}.c2ln", encoded(json!({"alg": "RS256"})), encoded(claims))
    };
    let form = |assertion: &str| {
        format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}")
    };

    let good = post(sim.addr(), "/token", &FORM, form(&assertion(3600)).as_bytes()).await;
    let long = post(sim.addr(), "/token", &FORM, form(&assertion(7200)).as_bytes()).await;
    let azure = azure(&sim, good.json()["access_token"].as_str().unwrap()).await;

    assert_eq!((good.status, &good.json()["expires_in"]), (200, &json!(3600)));
    assert_eq!(
        (long.status, &long.json()["error"]),
        (400, &json!("invalid_grant"))
    );
    assert_eq!(azure, 401, "a token of Google's opens nothing of Azure's");
}

#[tokio::test]
async fn faults_reach_the_tokens_only_by_their_own_word() {
    let sim = sim("a").await;
    let status = async |rule: FaultRule| {
        sim.control().set_faults(vec![rule]);
        (
            entra(&sim, CREDENTIALS).await,
            super::chat(&sim, &hello("m")).await.status,
        )
    };

    let (all, chat_of_all) = status(FaultRule::new(Fault::Overloaded).on(Reach::All)).await;
    let (one, chat_of_one) = status(
        FaultRule::new(Fault::Overloaded)
            .on(Reach::Token)
            .retry_after("3"),
    )
    .await;

    assert_eq!((all.status, chat_of_all), (200, 503));
    assert_eq!((one.status, chat_of_one), (503, 200));
    assert_eq!(
        (one.header("retry-after"), &one.json()["error"]),
        (Some("3"), &json!("temporarily_unavailable"))
    );
}

#[tokio::test]
async fn secrets_of_forms_are_not_kept() {
    let sim = closed().await;

    token(&sim).await;

    let kept = sim.control().recent_requests();
    let body = String::from_utf8_lossy(kept[0].body()).into_owned();
    assert!(
        body.contains("client_id=app") && body.contains("client_secret=****cret"),
        "{body}"
    );
    assert_eq!((kept[0].path().as_str(), kept[0].dialect()), (ENTRA, None));
}
