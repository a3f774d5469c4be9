//! Errors of Google's services.
//!
//! Invariant: the word for a status follows from its number, as it does there.

use http::StatusCode;
use serde_json::{Value, json};

use super::Cloud;
use crate::sim::refusal::{Reason, Refusal, Written};

/// The whole refusal.
pub(super) fn written(refusal: &Refusal<'_>, cloud: Cloud) -> Written {
    let mut written = Written::new(status(refusal, cloud), body(refusal, cloud).to_string());
    if let Reason::WrongMethod(allowed) = refusal.reason {
        written.header("allow", Some(allowed));
    }
    if seconds(refusal).is_none() {
        written.header("retry-after", refusal.wait());
    }
    written
}

/// The error object, or as it is wrapped elsewhere, an array of it.
pub(super) fn body(refusal: &Refusal<'_>, cloud: Cloud) -> Value {
    let status = status(refusal, cloud);
    let message = refusal
        .message
        .map_or_else(|| words(refusal.reason, status, cloud), str::to_owned);
    let mut error = json!({"code": status.as_u16(), "message": message, "status": word(status)});
    let details = details(refusal, status, cloud);
    if !details.is_empty() {
        error["details"] = details.into();
    }
    let body = json!({"error": error});
    if refusal.is_raw { json!([body]) } else { body }
}

fn status(refusal: &Refusal<'_>, cloud: Cloud) -> StatusCode {
    refusal.status.unwrap_or(match refusal.reason {
        Reason::RateLimited | Reason::Quota => StatusCode::TOO_MANY_REQUESTS,
        Reason::MissingKey if cloud == Cloud::Gemini => StatusCode::FORBIDDEN,
        Reason::WrongKey if cloud == Cloud::Gemini => StatusCode::BAD_REQUEST,
        Reason::MissingKey | Reason::WrongKey | Reason::Denied { .. } => StatusCode::UNAUTHORIZED,
        Reason::Status(status) => *status,
        Reason::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Reason::ContextLength | Reason::ContentFilter | Reason::Invalid { .. } => StatusCode::BAD_REQUEST,
        Reason::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::UnknownModel(_) | Reason::UnknownPath(_) => StatusCode::NOT_FOUND,
        Reason::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
    })
}

fn word(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        499 => "CANCELLED",
        405 | 501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        400..=498 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}

fn words(reason: &Reason, status: StatusCode, cloud: Cloud) -> String {
    let told = match reason {
        Reason::Invalid { message, .. } | Reason::Denied { message, .. } => message,
        Reason::RateLimited if cloud == Cloud::Vertex => "Resource exhausted. Please try again later.",
        Reason::Quota if status == StatusCode::PAYMENT_REQUIRED => "Your prepaid credits are used up.",
        // The same words are used for the minute and for the day.
        Reason::RateLimited | Reason::Quota => {
            "You exceeded your current quota, please check your plan and billing details."
        }
        Reason::MissingKey if cloud == Cloud::Gemini => {
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or \
             other form of API consumer identity to call this API."
        }
        Reason::MissingKey => {
            "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or \
             other valid authentication credential."
        }
        Reason::WrongKey if cloud == Cloud::Gemini => "API key not valid. Please pass a valid API key.",
        Reason::WrongKey => {
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
             valid authentication credential."
        }
        Reason::Status(status) => return format!("The simulated provider answers {status}."),
        Reason::Overloaded => "The model is overloaded. Please try again later.",
        Reason::ContextLength => {
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
        }
        Reason::ContentFilter => "The prompt was blocked by the safety settings.",
        Reason::UnknownModel(model) => return unknown(model, cloud),
        Reason::TooLarge(most) => return format!("Request payload size exceeds the limit: {most} bytes."),
        Reason::UnknownPath(path) => return format!("The requested URL was not found: {path}"),
        Reason::WrongMethod(_) => "The HTTP method is not supported for this URL.",
    };
    told.to_owned()
}

fn unknown(model: &str, cloud: Cloud) -> String {
    match cloud {
        Cloud::Gemini => format!(
            "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call \
             ListModels to see the list of available models and their supported methods."
        ),
        Cloud::Vertex => format!(
            "Publisher Model `publishers/google/models/{model}` was not found or your project does not have access to \
             it."
        ),
    }
}

/// The ordered time to come back as a number of seconds; else it is some other text, and stands in a header.
fn seconds(refusal: &Refusal<'_>) -> Option<f64> {
    refusal
        .wait()?
        .parse()
        .ok()
        .filter(|seconds: &f64| seconds.is_finite())
}

fn details(refusal: &Refusal<'_>, status: StatusCode, cloud: Cloud) -> Vec<Value> {
    let kind = |name: &str| format!("type.googleapis.com/google.rpc.{name}");
    let retry = |delay: String| json!({"@type": kind("RetryInfo"), "retryDelay": delay});
    let quota = |id: &str| {
        let metric = "generativelanguage.googleapis.com/generate_content_requests";
        json!({"@type": kind("QuotaFailure"), "violations": [{"quotaMetric": metric, "quotaId": id, "quotaValue": "10"}]})
    };
    let ordered = seconds(refusal).map(|seconds| retry(format!("{seconds}s")));
    match refusal.reason {
        // Shared capacity knows no time.
        Reason::RateLimited if cloud == Cloud::Vertex => ordered.into_iter().collect(),
        Reason::RateLimited => {
            let usual = refusal.retry_after.is_none().then(|| retry("1s".to_owned()));
            let id = "GenerateRequestsPerMinutePerProjectPerModel";
            [Some(quota(id)), ordered.or(usual)]
                .into_iter()
                .flatten()
                .collect()
        }
        Reason::Quota if status == StatusCode::PAYMENT_REQUIRED => Vec::new(),
        Reason::Quota => {
            let wait = ordered.unwrap_or_else(|| retry("32s".to_owned()));
            vec![quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), wait]
        }
        Reason::WrongKey if cloud == Cloud::Gemini => vec![json!({
            "@type": kind("ErrorInfo"),
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        })],
        _ => ordered.into_iter().collect(),
    }
}
