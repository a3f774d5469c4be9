//! Errors in OpenAI's words, and in Azure's where they differ.
//!
//! Invariant: an error of OpenAI's shape has all four keys.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Value, json};

use super::Face;
use crate::sim::refusal::{Reason, Refusal, Written};

struct Words {
    message: Cow<'static, str>,
    kind: &'static str,
    param: Option<Cow<'static, str>>,
    code: Option<&'static str>,
}

impl Words {
    fn new(message: impl Into<Cow<'static, str>>, kind: &'static str, code: Option<&'static str>) -> Self {
        Self {
            message: message.into(),
            kind,
            param: None,
            code,
        }
    }

    fn about(mut self, param: &'static str) -> Self {
        self.param = Some(param.into());
        self
    }
}

const INVALID: &str = "invalid_request_error";

/// A parameter that has to be there is not.
pub(super) fn missing(param: &'static str) -> Reason {
    Reason::Invalid {
        message: format!("Missing required parameter: '{param}'."),
        param: Some(param.into()),
        code: Some("missing_required_parameter"),
    }
}

/// A parameter has a value that cannot be used.
pub(super) fn invalid(param: &'static str, message: String) -> Reason {
    Reason::Invalid {
        message,
        param: Some(param.into()),
        code: Some("invalid_value"),
    }
}

/// The whole refusal: status, body, and when to come back.
pub(super) fn written(face: Face, refusal: &Refusal<'_>) -> Written {
    let status = refusal.status.unwrap_or(status(refusal.reason));
    let mut written = Written::new(status, body(face, refusal).to_string());
    match refusal.reason {
        Reason::RateLimited => rate_limit(&mut written, face, refusal.wait_or("1")),
        Reason::Quota => {
            written.header("x-should-retry", Some("false"));
            written.header("retry-after", refusal.wait());
        }
        Reason::WrongMethod(allowed) => written.header("allow", Some(allowed)),
        _ => written.header("retry-after", refusal.wait()),
    }
    written
}

/// The status it is answered with unless another one is asked for.
const fn status(reason: &Reason) -> StatusCode {
    match reason {
        Reason::RateLimited | Reason::Quota => StatusCode::TOO_MANY_REQUESTS,
        Reason::MissingKey | Reason::WrongKey | Reason::Denied { .. } => StatusCode::UNAUTHORIZED,
        Reason::Status(status) => *status,
        Reason::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Reason::ContextLength | Reason::ContentFilter | Reason::Invalid { .. } => StatusCode::BAD_REQUEST,
        Reason::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::UnknownModel(_) | Reason::UnknownPath(_) => StatusCode::NOT_FOUND,
        Reason::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
    }
}

/// The body, with another message if one is given.
pub(super) fn body(face: Face, refusal: &Refusal<'_>) -> Value {
    let azure = match face {
        Face::Own => None,
        Face::Deployment | Face::AzureV1 => azure(face, refusal),
    };
    let mut body = azure.unwrap_or_else(|| {
        let Words {
            message,
            kind,
            param,
            code,
        } = words(refusal.reason);
        json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
    });
    if let Some(message) = refusal.message {
        body["error"]["message"] = Value::from(message);
    }
    body
}

fn words(reason: &Reason) -> Words {
    match reason {
        Reason::RateLimited => Words::new(
            "Rate limit reached for requests per minute.",
            "rate_limit_error",
            Some("rate_limit_exceeded"),
        ),
        Reason::Quota => Words::new(
            "The quota of this account is used up; check its plan and billing.",
            "insufficient_quota",
            Some("insufficient_quota"),
        ),
        Reason::MissingKey => Words::new("No API key was provided.", INVALID, None),
        Reason::WrongKey => Words::new("Incorrect API key provided.", INVALID, Some("invalid_api_key")),
        Reason::Denied { code, message } => Words::new(message.clone(), INVALID, Some(code)),
        Reason::Status(status) => status_words(*status),
        Reason::Overloaded => Words::new(
            "The model is overloaded with other requests.",
            "service_unavailable_error",
            Some("server_is_overloaded"),
        ),
        Reason::ContextLength => Words::new(
            "This model's maximum context length is 8192 tokens, but the messages come to 9000 tokens.",
            INVALID,
            Some("context_length_exceeded"),
        )
        .about("messages"),
        Reason::ContentFilter => Words::new(
            "The request was rejected as a result of our safety system.",
            INVALID,
            Some("content_policy_violation"),
        ),
        Reason::UnknownModel(model) => Words::new(
            format!("The model `{model}` does not exist."),
            INVALID,
            Some("model_not_found"),
        )
        .about("model"),
        Reason::Invalid { message, param, code } => Words {
            message: message.clone().into(),
            kind: INVALID,
            param: param.clone(),
            code: *code,
        },
        Reason::TooLarge(most) => Words::new(
            format!("The body is larger than {most} bytes."),
            INVALID,
            Some("request_too_large"),
        ),
        Reason::UnknownPath(path) => Words::new(format!("Invalid URL ({path})"), INVALID, None),
        Reason::WrongMethod(allowed) => Words::new(
            format!("This method is not allowed here; use {allowed}."),
            INVALID,
            Some("method_not_supported"),
        ),
    }
}

fn status_words(status: StatusCode) -> Words {
    let message = format!("The simulated provider answers {status}.");
    match status.as_u16() {
        401 => Words::new(message, INVALID, Some("invalid_api_key")),
        403 => Words::new(message, "permission_error", None),
        404 => Words::new(message, INVALID, Some("model_not_found")),
        429 => Words::new(message, "rate_limit_error", Some("rate_limit_exceeded")),
        503 => Words::new(message, "service_unavailable_error", Some("server_is_overloaded")),
        500..=599 => Words::new(message, "server_error", Some("server_error")),
        _ => Words::new(message, INVALID, None),
    }
}

/// Azure's words, where they differ.
fn azure(face: Face, refusal: &Refusal<'_>) -> Option<Value> {
    let (code, message) = match refusal.reason {
        Reason::RateLimited => {
            let wait = refusal.wait_or("1").unwrap_or("a few");
            let code = if face == Face::Deployment {
                "429"
            } else {
                "too_many_requests"
            };
            let message = format!(
                "This operation has exceeded the token rate limit of your current tier. Please retry after {wait} seconds."
            );
            (code, message)
        }
        Reason::MissingKey | Reason::WrongKey => (
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint.".to_owned(),
        ),
        Reason::UnknownModel(_) => (
            "DeploymentNotFound",
            "The API deployment for this resource does not exist.".to_owned(),
        ),
        Reason::UnknownPath(_) => ("404", "Resource not found".to_owned()),
        Reason::Overloaded => (
            "ServiceUnavailable",
            "The service is temporarily unable to answer.".to_owned(),
        ),
        Reason::Status(StatusCode::INTERNAL_SERVER_ERROR) => (
            "InternalServerError",
            "The service met an internal error.".to_owned(),
        ),
        Reason::ContentFilter => return Some(azure_filter()),
        _ => return None,
    };
    Some(json!({"error": {"code": code, "message": message}}))
}

fn azure_filter() -> Value {
    let severity =
        |filtered: bool| json!({"filtered": filtered, "severity": if filtered { "high" } else { "safe" }});
    json!({"error": {
        "message": "The response was filtered because the prompt triggered the content management policy.",
        "type": null,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": severity(false), "self_harm": severity(false), "sexual": severity(false), "violence": severity(true),
            },
        },
    }})
}

/// The request dimension is used up, the token dimension is not.
fn rate_limit(written: &mut Written, face: Face, retry_after: Option<&str>) {
    written.header("retry-after", retry_after);
    let seconds = retry_after
        .and_then(|text| text.parse::<f64>().ok())
        .filter(|it| it.is_finite() && *it >= 0.0);
    let reset = seconds.unwrap_or(1.0);
    let (reset_requests, reset_tokens) = match face {
        Face::Own => (format!("{reset}s"), "6ms"),
        Face::Deployment | Face::AzureV1 => (format!("{}", reset.ceil()), "0"),
    };
    for (name, value) in [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", &reset_requests),
        ("x-ratelimit-limit-tokens", "150000"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("x-ratelimit-reset-tokens", reset_tokens),
    ] {
        written.header(name, Some(value));
    }
    if let Some(seconds) = seconds.filter(|_| face != Face::Own) {
        let millis = format!("{}", (seconds * 1000.0).ceil());
        written.header("retry-after-ms", Some(&millis));
    }
}
