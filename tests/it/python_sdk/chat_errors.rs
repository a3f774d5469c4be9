//! Programs with the `openai` SDK: what it raises, what can be read of it, and what it does by itself.

use serde_json::{Value, json};
use understudy::sim::{Fault, FaultRule};

use super::caller::{Sdk, Told};
use super::stage::{EMBEDDING, OPENAI, Stage};

const MODEL: &str = "openai-to-openai";

fn raised(told: &Told) -> (&Value, &Value, &Value) {
    let raised = &told["raised"];
    (&raised["kind"], &raised["status"], &raised["code"])
}

#[tokio::test]
async fn embeddings_and_the_list_of_models_are_there_too() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);

    let embeddings = program.ask("embeddings", EMBEDDING).await;
    let models = program.ask("models", "").await;

    let numbers = |name: &str| -> Vec<f64> {
        let numbers = embeddings.list(name);
        numbers.iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let (decoded, plain) = (numbers("decoded"), numbers("plain"));
    assert!(
        !plain.is_empty() && decoded.len() == plain.len(),
        "{embeddings:#?}"
    );
    let apart = decoded.iter().zip(&plain).map(|(one, other)| (one - other).abs());
    assert!(apart.fold(0.0, f64::max) < 1e-6, "{embeddings:#?}");
    let models = models.list("models");
    for wanted in ["openai", "bedrock-to-openai", EMBEDDING] {
        assert!(models.iter().any(|model| **model == wanted), "{models:?}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn whatever_goes_wrong_before_the_first_token_the_stream_is_whole() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);
    for (fault, class) in [
        (Fault::SlowFirstToken, "first_token_timeout"),
        (Fault::StreamError, "server_error"),
        (Fault::BadJson, "bad_response"),
        (Fault::RateLimit, "rate_limited"),
    ] {
        stage.fail(FaultRule::new(fault)).await;

        let told = program.ask("stream", MODEL).await;

        assert_eq!(told["raised"], Value::Null, "{fault}: {told:#?}");
        let hops = [format!("first-openai {class}"), "second-openai ok".to_owned()];
        assert_eq!(told.hops(), hops, "{fault}");
        assert_eq!(told["headers"]["x-understudy-provider"], "second-openai");
        assert!(told.pieces().contains("second-openai"), "{fault}: {told:#?}");
        assert_eq!((&told["finish"], &told["ended"]), (&"stop".into(), &true.into()));
        assert_eq!(stage.received(OPENAI), (1, 1), "{fault}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn when_all_fail_the_error_that_is_raised_says_how_each_did_and_when_to_come_back() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);
    let limited = |wait: &str| FaultRule::new(Fault::RateLimit).retry_after(wait);
    for scenario in ["chat", "stream"] {
        stage.fail_both(limited("7"), Some(limited("3"))).await;

        let told = program.ask(scenario, MODEL).await;

        let raised = &told["raised"];
        assert_eq!(raised["kind"], "RateLimitError", "{told:#?}");
        assert_eq!(
            (&raised["status"], &raised["retry_after"]),
            (&429.into(), &"3".into())
        );
        assert!(raised["request_id"].is_string(), "{told:#?}");
        let tried = |place: usize| {
            let attempt = &raised["body"]["attempts"][place];
            (&attempt["provider"], &attempt["class"], &attempt["status"])
        };
        let (limited, status) = (Value::from("rate_limited"), Value::from(429));
        assert_eq!(tried(0), (&"first-openai".into(), &limited, &status), "{told:#?}");
        assert_eq!(
            tried(1),
            (&"second-openai".into(), &limited, &status),
            "{told:#?}"
        );
    }
    let overloaded = FaultRule::new(Fault::Overloaded);
    stage
        .fail_both(overloaded, Some(FaultRule::new(Fault::Html)))
        .await;

    let told = program.ask("chat", MODEL).await;

    assert!(told.is_a("APIStatusError"), "{told:#?}");
    assert_eq!(told["raised"]["kind"], "InternalServerError");
    let attempts = told["raised"]["body"]["attempts"].as_array().unwrap();
    let classes: Vec<&Value> = attempts.iter().map(|attempt| &attempt["class"]).collect();
    assert_eq!(classes, ["overloaded", "server_error"], "{told:#?}");
    stage.strike().await;
}

#[tokio::test]
async fn what_no_retry_can_mend_the_sdk_does_not_send_again() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);
    let refused = FaultRule::new(Fault::Auth);
    stage.fail_both(refused.clone(), Some(refused)).await;

    let told = program.ask_with("chat", MODEL, json!({ "retries": 2 })).await;

    // Our own keys are not the caller's: whatever this is, it is no `AuthenticationError`.
    assert_eq!(told["raised"]["kind"], "InternalServerError", "{told:#?}");
    assert_eq!(told["raised"]["should_retry"], "false", "{told:#?}");
    assert_eq!(stage.received(OPENAI), (1, 1));
    stage.strike().await;
}

#[tokio::test]
async fn a_mistake_of_the_caller_raises_what_the_provider_would_have_raised() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);

    let unknown = program.ask("chat", "gpt-5o").await;
    let stranger = json!({ "key": "sk-of-nobody" });
    let stranger = program.ask_with("stream", MODEL, stranger).await;
    stage.fail(FaultRule::new(Fault::ContentFilter)).await;
    let refused = program.ask("stream", MODEL).await;

    let not_found = (&"NotFoundError".into(), &404.into(), &"model_not_found".into());
    assert_eq!(raised(&unknown), not_found, "{unknown:#?}");
    let names = unknown["raised"]["text"].as_str().unwrap();
    assert!(names.contains("openai-to-azure"), "{names}");
    let unauthorised = (
        &"AuthenticationError".into(),
        &401.into(),
        &"invalid_api_key".into(),
    );
    assert_eq!(raised(&stranger), unauthorised, "{stranger:#?}");
    let filtered = (
        &"BadRequestError".into(),
        &400.into(),
        &"content_policy_violation".into(),
    );
    assert_eq!(raised(&refused), filtered, "{refused:#?}");
    assert_eq!(
        stage.received(OPENAI),
        (1, 0),
        "a mistake is not sent on, or not a second time"
    );
    stage.strike().await;
}
