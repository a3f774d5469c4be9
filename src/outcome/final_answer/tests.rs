use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn tried(provider: &str, class: Class, status: Option<u16>) -> Tried<'_> {
    Tried {
        provider,
        model: "m",
        class,
        status,
        ms: 12,
        message: "said so",
        code: None,
        param: None,
        hint: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what may be none")]
fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

fn exhausted(tried: &[Tried<'_>]) -> FinalAnswer {
    final_answer("gpt", tried, Ending::Exhausted, None)
}

fn error(answer: &FinalAnswer) -> Value {
    serde_json::from_slice::<Value>(&answer.body).unwrap()["error"].take()
}

#[test]
fn every_attempt_is_told() {
    let answer = exhausted(&[
        tried("openai", Class::RateLimited, Some(429)),
        Tried {
            message: "",
            ms: 3,
            ..tried("azure-east", Class::Connect, None)
        },
    ]);

    assert_eq!(answer.status, 502);
    assert_eq!(
        error(&answer),
        json!({
            "message": "all 2 attempts failed; the last was azure-east: connect",
            "type": "server_error",
            "param": null,
            "code": "server_error",
            "attempts": [
                {"provider": "openai", "model": "m", "class": "rate_limited", "status": 429, "ms": 12, "message": "said so"},
                {"provider": "azure-east", "model": "m", "class": "connect", "status": null, "ms": 3, "message": ""},
            ],
        })
    );
}

/// A class, the last provider's status, and what the client gets: status, `type`, `code`, `x-should-retry`.
type Told = (
    Class,
    Option<u16>,
    u16,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

const FAILED: &str = "server_error";
const BUSY: &str = "service_unavailable_error";
const INVALID: &str = "invalid_request_error";
const NO: Option<&str> = Some("false");

#[rustfmt::skip]
const TOLD: [Told; 20] = [
    (Class::Connect, None, 502, FAILED, Some("server_error"), None),
    (Class::Reset, None, 502, FAILED, Some("server_error"), None),
    (Class::Timeout, None, 504, FAILED, Some("timeout"), None),
    (Class::FirstTokenTimeout, Some(200), 504, FAILED, Some("timeout"), None),
    (Class::ServerError, Some(500), 500, FAILED, Some("server_error"), None),
    (Class::ServerError, Some(424), 502, FAILED, Some("server_error"), None),
    (Class::BadResponse, Some(200), 502, FAILED, Some("server_error"), None),
    (Class::StreamError, Some(200), 502, FAILED, Some("server_error"), None),
    (Class::Overloaded, Some(529), 529, BUSY, Some("server_is_overloaded"), None),
    (Class::Overloaded, Some(498), 503, BUSY, Some("server_is_overloaded"), None),
    (Class::RateLimited, Some(429), 429, "rate_limit_error", Some("rate_limit_exceeded"), None),
    (Class::QuotaExhausted, Some(402), 429, "insufficient_quota", Some("insufficient_quota"), NO),
    (Class::Auth, Some(401), 502, FAILED, Some("server_error"), NO),
    (Class::Permission, Some(403), 403, "permission_error", None, NO),
    (Class::ModelNotFound, Some(400), 404, INVALID, Some("model_not_found"), NO),
    (Class::ContextLength, Some(413), 400, INVALID, Some("context_length_exceeded"), NO),
    (Class::PayloadTooLarge, Some(413), 413, INVALID, None, NO),
    (Class::ContentFilter, Some(400), 400, INVALID, Some("content_filter"), NO),
    (Class::Unsupported, Some(422), 422, INVALID, None, NO),
    (Class::ClientError, Some(409), 409, INVALID, None, NO),
];

#[test]
fn a_shared_class_has_its_own_status_and_words() {
    for (class, last, status, kind, code, should_retry) in TOLD {
        let answer = exhausted(&[tried("a", class, Some(500)), tried("b", class, last)]);
        let error = error(&answer);

        assert_eq!(
            (answer.status, answer.should_retry),
            (status, should_retry),
            "{class}"
        );
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!(kind), &json!(code)),
            "{class}"
        );
    }
}

#[test]
fn our_own_key_being_refused_is_never_a_401() {
    let answer = exhausted(&[tried("a", Class::Auth, Some(401))]);

    assert_eq!(answer.status, 502);
    assert!(
        error(&answer)["message"]
            .as_str()
            .unwrap()
            .contains("a: auth (HTTP 401)")
    );
}

#[test]
fn when_all_were_rate_limited_the_soonest_wait_is_named() {
    let limited = |hint| Tried {
        hint,
        ..tried("a", Class::RateLimited, Some(429))
    };

    let answer = exhausted(&[
        limited(secs(7)),
        limited(Some(Duration::from_millis(2_100))),
        limited(None),
    ]);
    assert_eq!((answer.status, answer.retry_after), (429, Some(3)));

    let sooner = final_answer(
        "gpt",
        &[limited(secs(7))],
        Ending::Exhausted,
        Some(Duration::from_millis(20)),
    );
    assert_eq!(sooner.retry_after, Some(1));
}

#[test]
fn limits_of_both_kinds_are_one_429_worth_retrying() {
    let answer = exhausted(&[
        Tried {
            hint: secs(5),
            ..tried("a", Class::RateLimited, Some(429))
        },
        tried("b", Class::QuotaExhausted, Some(402)),
    ]);

    assert_eq!(
        (answer.status, answer.retry_after, answer.should_retry),
        (429, Some(5), None)
    );
    assert_eq!(error(&answer)["type"], "rate_limit_error");
}

#[test]
fn nothing_available_is_a_503_with_the_soonest_return() {
    let answer = final_answer("gpt", &[], Ending::Exhausted, secs(12));

    assert_eq!(
        (answer.status, answer.retry_after, answer.should_retry),
        (503, Some(12), None)
    );
    assert_eq!(error(&answer)["message"], "no target of model `gpt` is available");
    assert_eq!(error(&answer)["attempts"], json!([]));
}

#[test]
fn time_running_out_is_a_504_whatever_happened_before() {
    for attempts in [vec![], vec![tried("a", Class::RateLimited, Some(429)); 2]] {
        let answer = final_answer("gpt", &attempts, Ending::OutOfTime, secs(3));

        assert_eq!(
            (answer.status, answer.retry_after, answer.should_retry),
            (504, None, None)
        );
        assert_eq!(error(&answer)["code"], "timeout");
    }
}

#[test]
fn a_request_that_fits_nowhere_is_the_callers() {
    let ending = Ending::NothingFits {
        class: Class::ContextLength,
        reason: "openai takes 8192 tokens",
    };

    let answer = final_answer("gpt", &[], ending, secs(3));

    assert_eq!(
        (answer.status, answer.retry_after, answer.should_retry),
        (400, None, Some("false"))
    );
    assert_eq!(error(&answer)["code"], "context_length_exceeded");
    assert!(
        error(&answer)["message"]
            .as_str()
            .unwrap()
            .ends_with("openai takes 8192 tokens")
    );
}

#[test]
fn a_complaint_about_the_request_keeps_the_providers_code_and_param() {
    let complaint = Tried {
        code: Some("unsupported_value"),
        param: Some("n"),
        ..tried("a", Class::Unsupported, Some(400))
    };
    let failure = Tried {
        code: Some("oops"),
        param: Some("n"),
        ..tried("a", Class::Permission, Some(403))
    };

    assert_eq!(error(&exhausted(&[complaint]))["code"], "unsupported_value");
    assert_eq!(error(&exhausted(&[complaint]))["param"], "n");
    assert_eq!(error(&exhausted(&[failure]))["code"], Value::Null);
    assert_eq!(error(&exhausted(&[failure]))["param"], Value::Null);
}

#[test]
fn our_own_refusals_have_all_four_keys_and_no_attempts() {
    let body = openai_error(
        "invalid_request_error",
        Some("model_not_found"),
        Some("model"),
        "no such \"model\"",
    );

    assert_eq!(
        std::str::from_utf8(&body).unwrap(),
        r#"{"error":{"message":"no such \"model\"","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#
    );
}

proptest! {
    #[test]
    fn any_attempts_make_one_openai_error(
        attempts in proptest::collection::vec((prop::sample::select(Class::ALL.to_vec()), proptest::option::of(any::<u16>()), "\\PC{0,9}", proptest::option::of(0_u64..99)), 0..5),
        soonest in proptest::option::of(0_u64..99),
        out_of_time in any::<bool>(),
    ) {
        let tried: Vec<_> = attempts
            .iter()
            .map(|(class, status, message, hint)| Tried { message, hint: hint.map(Duration::from_secs), ..tried("p", *class, *status) })
            .collect();
        let ending = if out_of_time { Ending::OutOfTime } else { Ending::Exhausted };

        let answer = final_answer("gpt", &tried, ending, soonest.map(Duration::from_secs));

        prop_assert!((400..600).contains(&answer.status));
        prop_assert!(answer.retry_after != Some(0));
        prop_assert!(answer.retry_after.is_none() || answer.status == 429 || answer.status == 503);
        prop_assert_eq!(error(&answer)["attempts"].as_array().unwrap().len(), attempts.len());
    }
}

#[test]
fn a_callers_mistake_is_told_in_the_clients_shape_by_its_class() {
    for (class, status, kind, code) in [
        (Class::ClientError, 400, "invalid_request_error", ""),
        (
            Class::ClientError,
            401,
            "invalid_request_error",
            "invalid_api_key",
        ),
        (Class::ClientError, 403, "permission_error", ""),
        (Class::ClientError, 409, "invalid_request_error", ""),
        (Class::Unsupported, 400, "invalid_request_error", ""),
        (
            Class::ContextLength,
            400,
            "invalid_request_error",
            "context_length_exceeded",
        ),
        (Class::PayloadTooLarge, 413, "invalid_request_error", ""),
        (
            Class::ContentFilter,
            400,
            "invalid_request_error",
            "content_filter",
        ),
        (
            Class::ModelNotFound,
            404,
            "invalid_request_error",
            "model_not_found",
        ),
        (Class::RateLimited, 429, "rate_limit_error", "rate_limit_exceeded"),
        (
            Class::QuotaExhausted,
            429,
            "insufficient_quota",
            "insufficient_quota",
        ),
        (
            Class::Overloaded,
            529,
            "service_unavailable_error",
            "server_is_overloaded",
        ),
    ] {
        let judged = Judged {
            class,
            hint: None,
            message: "messages: Field required".to_owned(),
            code: Some("INVALID_ARGUMENT".to_owned()),
            param: Some("messages".to_owned()),
        };
        let body: Value = serde_json::from_slice(&callers_error(&judged, status)).unwrap();

        let code = Some(code).filter(|code| !code.is_empty());
        assert_eq!(
            body,
            json!({"error": {"message": "messages: Field required", "type": kind, "param": "messages", "code": code}}),
            "{class} {status}"
        );
    }
}
