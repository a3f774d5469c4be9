//! Errors of the Messages API.
//!
//! Invariant: the type follows from the status, as it does there.

use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::sim::refusal::{Reason, Refusal, Written};

/// What the service answers when it has too much to do.
pub(super) const OVERLOADED: u16 = 529;

/// The whole refusal.
pub(super) fn written(refusal: &Refusal<'_>) -> Written {
    let status = refusal.status.unwrap_or_else(|| status(refusal.reason));
    let mut error = json!({
        "type": kind(status),
        "message": refusal.message.map_or_else(|| words(refusal.reason, status), str::to_owned),
    });
    if *refusal.reason == Reason::Quota && status == StatusCode::TOO_MANY_REQUESTS {
        error["details"] = json!({"error_code": "enforced_spend_limit_reached"});
    }
    let body = json!({"type": "error", "error": error, "request_id": refusal.request_id});
    let mut written = Written::new(status, Value::to_string(&body));
    match refusal.reason {
        Reason::RateLimited => {
            let wait = refusal.wait_or("1");
            written.header("retry-after", wait);
            limits(&mut written.headers, "0");
        }
        Reason::Quota => {
            written.header("x-should-retry", Some("false"));
            written.header("retry-after", refusal.wait());
        }
        Reason::WrongMethod(allowed) => written.header("allow", Some(allowed)),
        _ => written.header("retry-after", refusal.wait()),
    }
    written
}

/// What is left of the limits, as every good answer says too.
pub(super) fn limits(headers: &mut HeaderMap, requests_left: &'static str) {
    for (name, value) in [
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", requests_left),
        ("anthropic-ratelimit-requests-reset", "2026-11-01T12:00:30Z"),
        ("anthropic-ratelimit-tokens-limit", "80000"),
        ("anthropic-ratelimit-tokens-remaining", "79000"),
        ("anthropic-ratelimit-tokens-reset", "2026-11-01T12:00:10Z"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn status(reason: &Reason) -> StatusCode {
    match reason {
        Reason::RateLimited | Reason::Quota => StatusCode::TOO_MANY_REQUESTS,
        Reason::MissingKey | Reason::WrongKey | Reason::Denied { .. } => StatusCode::UNAUTHORIZED,
        Reason::Status(status) => *status,
        Reason::Overloaded => StatusCode::from_u16(OVERLOADED).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        Reason::ContextLength | Reason::ContentFilter | Reason::Invalid { .. } => StatusCode::BAD_REQUEST,
        Reason::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::UnknownModel(_) | Reason::UnknownPath(_) => StatusCode::NOT_FOUND,
        Reason::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
    }
}

fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        OVERLOADED => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}

fn words(reason: &Reason, status: StatusCode) -> String {
    match reason {
        Reason::RateLimited => {
            "This request would exceed your organization's rate limit of 50 requests per minute.".to_owned()
        }
        Reason::Quota if status == StatusCode::BAD_REQUEST => {
            "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
                .to_owned()
        }
        Reason::Quota if status == StatusCode::PAYMENT_REQUIRED => {
            "Your credit balance is too low to access the API.".to_owned()
        }
        Reason::Quota => "This organization has reached its enforced spend limit.".to_owned(),
        Reason::MissingKey => "x-api-key header is required".to_owned(),
        Reason::WrongKey => "invalid x-api-key".to_owned(),
        Reason::Status(status) => format!("The simulated provider answers {status}."),
        Reason::Overloaded => "Overloaded".to_owned(),
        Reason::ContextLength => "prompt is too long: 209000 tokens > 200000 maximum".to_owned(),
        Reason::ContentFilter => "Output blocked by content filtering policy".to_owned(),
        Reason::UnknownModel(model) => format!("model: {model}"),
        Reason::Invalid { message, .. } | Reason::Denied { message, .. } => message.clone(),
        Reason::TooLarge(most) => format!("Request exceeds the maximum size of {most} bytes"),
        Reason::UnknownPath(_) => "Not found".to_owned(),
        Reason::WrongMethod(_) => "Method Not Allowed".to_owned(),
    }
}
