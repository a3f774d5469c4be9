//! Programs with the `anthropic` SDK: what it raises, what can be read of it, and what it does by itself.

use serde_json::{Value, json};
use understudy::sim::{Fault, FaultRule};

use super::caller::{Sdk, Told};
use super::stage::{ANTHROPIC, KINDS, OPENAI, Stage};

fn raised(told: &Told) -> (&Value, &Value, &Value) {
    let raised = &told["raised"];
    (&raised["kind"], &raised["status"], &raised["type"])
}

/// In Anthropic's shape, with a message.
fn has_shape(told: &Told) {
    let body = &told["raised"]["body"];
    assert_eq!(body["type"], "error", "{told:#?}");
    let said = body["error"]["message"].as_str();
    assert!(said.is_some_and(|said| !said.is_empty()), "{told:#?}");
    // Where the SDK looks for it.
    assert_eq!(told["raised"]["request_id"], body["request_id"], "{told:#?}");
}

/// With the id of the request, too.
fn has_shape_and_id(told: &Told) {
    has_shape(told);
    assert!(told["raised"]["request_id"].is_string(), "{told:#?}");
}

#[tokio::test]
async fn a_mistake_of_the_caller_raises_what_anthropic_would_have_raised() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::Anthropic);

    let not_found = (&"NotFoundError".into(), &404.into(), &"not_found_error".into());
    for scenario in ["create", "stream"] {
        let unknown = program.ask(scenario, "claude-opus-9").await;
        assert_eq!(raised(&unknown), not_found, "{unknown:#?}");
        has_shape_and_id(&unknown);
        let names = unknown["raised"]["text"].as_str().unwrap();
        assert!(names.contains("anthropic-to-azure"), "{names}");

        let stranger = json!({ "key": "sk-of-nobody" });
        let stranger = program.ask_with(scenario, "anthropic", stranger).await;
        let unauthorised = (
            &"AuthenticationError".into(),
            &401.into(),
            &"authentication_error".into(),
        );
        assert_eq!(raised(&stranger), unauthorised, "{stranger:#?}");
        has_shape_and_id(&stranger);
    }
    // It is not served, and says so.
    let counted = program.ask("count_tokens", "anthropic").await;
    assert_eq!(raised(&counted), not_found, "{counted:#?}");
    has_shape_and_id(&counted);
    assert_eq!(stage.received(ANTHROPIC), (0, 0));

    let too_long = FaultRule::new(Fault::ContextLength);
    stage.fail_both(too_long.clone(), Some(too_long)).await;
    for kind in KINDS {
        let told = program
            .ask("stream", &format!("{}-to-anthropic", kind.name))
            .await;
        let invalid = (
            &"BadRequestError".into(),
            &400.into(),
            &"invalid_request_error".into(),
        );
        assert_eq!(raised(&told), invalid, "{}: {told:#?}", kind.name);
        has_shape(&told);
        // Google says none.
        let has_id = !kind.model.starts_with("gemini");
        assert_eq!(told["raised"]["request_id"].is_string(), has_id, "{told:#?}");
    }
    let models = program.ask("models", "").await;
    let models = models.list("models");
    assert!(
        models.iter().any(|model| **model == "anthropic-to-nova"),
        "{models:?}"
    );
    stage.strike().await;
}

#[tokio::test]
async fn when_all_fail_the_error_that_is_raised_says_how_each_did_and_when_to_come_back() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::Anthropic);
    let limited = |wait: &str| FaultRule::new(Fault::RateLimit).retry_after(wait);
    for (scenario, second) in ["create", "stream"]
        .into_iter()
        .flat_map(|scenario| [(scenario, ANTHROPIC), (scenario, OPENAI)])
    {
        stage.fail_both(limited("7"), Some(limited("3"))).await;
        let model = format!("anthropic-to-{}", second.name);

        let told = program.ask(scenario, &model).await;

        let limited = (&"RateLimitError".into(), &429.into(), &"rate_limit_error".into());
        assert_eq!(raised(&told), limited, "{told:#?}");
        has_shape_and_id(&told);
        assert_eq!(told["raised"]["retry_after"], "3", "{told:#?}");
        let attempts = told["raised"]["body"]["error"]["attempts"].as_array().unwrap();
        let tried: Vec<(&Value, &Value)> = attempts
            .iter()
            .map(|attempt| (&attempt["provider"], &attempt["class"]))
            .collect();
        let class = Value::from("rate_limited");
        let second = Value::from(format!("second-{}", second.name));
        assert_eq!(tried, [(&"first-anthropic".into(), &class), (&second, &class)]);
    }
    for (first, second, (kind, status, said)) in [
        (
            Fault::Overloaded,
            Fault::Overloaded,
            ("OverloadedError", 529, "overloaded_error"),
        ),
        (
            Fault::Overloaded,
            Fault::Html,
            ("InternalServerError", 502, "api_error"),
        ),
    ] {
        stage
            .fail_both(FaultRule::new(first), Some(FaultRule::new(second)))
            .await;

        let told = program.ask("create", "anthropic-to-openai").await;

        assert_eq!(
            raised(&told),
            (&kind.into(), &status.into(), &said.into()),
            "{told:#?}"
        );
        has_shape_and_id(&told);
    }
    stage.strike().await;
}

#[tokio::test]
async fn what_no_retry_can_mend_the_sdk_does_not_send_again() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::Anthropic);
    let refused = FaultRule::new(Fault::Auth);
    stage.fail_both(refused.clone(), Some(refused)).await;

    let told = program
        .ask_with("create", "anthropic-to-openai", json!({ "retries": 2 }))
        .await;

    // Our own keys are not the caller's: whatever this is, it is no `AuthenticationError`.
    assert_eq!(told["raised"]["kind"], "InternalServerError", "{told:#?}");
    assert_eq!(told["raised"]["should_retry"], "false", "{told:#?}");
    has_shape_and_id(&told);
    assert_eq!(stage.received(OPENAI), (1, 1));
    stage.strike().await;
}
