//! Errors of Bedrock: the exception in a header, the words in the body.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sim::refusal::{Reason, Refusal, Written};

/// The whole refusal.
pub(super) fn written(refusal: &Refusal<'_>) -> Written {
    let status = status(refusal);
    let body = json!({"message": message(refusal, status)});
    let mut written = Written::new(status, Value::to_string(&body));
    let exception = exception(refusal.reason, status);
    // The service says where the name comes from, and clients cut it off.
    let named = format!("{exception}:http://internal.amazon.com/coral/com.amazon.bedrock/");
    written.header("x-amzn-errortype", Some(&named));
    written.header("retry-after", refusal.wait());
    written
}

/// The same inside a stream: which exception, and its payload.
pub(super) fn in_stream(refusal: &Refusal<'_>) -> (&'static str, Value) {
    let status = status(refusal);
    let message = message(refusal, status);
    match exception(refusal.reason, status) {
        "ThrottlingException" | "ModelNotReadyException" => {
            ("throttlingException", json!({"message": message}))
        }
        "ServiceUnavailableException" => ("serviceUnavailableException", json!({"message": message})),
        "ModelErrorException" | "ModelTimeoutException" => (
            "modelStreamErrorException",
            json!({"message": message, "originalStatusCode": status.as_u16(), "originalMessage": message}),
        ),
        "InternalServerException" => ("internalServerException", json!({"message": message})),
        _ => ("validationException", json!({"message": message})),
    }
}

fn status(refusal: &Refusal<'_>) -> StatusCode {
    refusal.status.unwrap_or(match refusal.reason {
        Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Reason::MissingKey | Reason::WrongKey | Reason::Denied { .. } => StatusCode::FORBIDDEN,
        Reason::Status(status) => *status,
        Reason::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Reason::Quota | Reason::ContextLength | Reason::ContentFilter | Reason::Invalid { .. } => {
            StatusCode::BAD_REQUEST
        }
        Reason::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::UnknownModel(_) | Reason::UnknownPath(_) => StatusCode::NOT_FOUND,
        Reason::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
    })
}

fn exception(reason: &Reason, status: StatusCode) -> &'static str {
    match reason {
        Reason::Denied { code, .. } => code,
        Reason::MissingKey => "MissingAuthenticationTokenException",
        Reason::WrongKey => "UnrecognizedClientException",
        Reason::Quota if status == StatusCode::BAD_REQUEST => "ServiceQuotaExceededException",
        Reason::Overloaded if status == StatusCode::TOO_MANY_REQUESTS => "ModelNotReadyException",
        Reason::UnknownPath(_) => "UnknownOperationException",
        _ => match status.as_u16() {
            403 => "AccessDeniedException",
            404 => "ResourceNotFoundException",
            408 => "ModelTimeoutException",
            424 => "ModelErrorException",
            429 => "ThrottlingException",
            503 => "ServiceUnavailableException",
            500..=599 => "InternalServerException",
            _ => "ValidationException",
        },
    }
}

fn message(refusal: &Refusal<'_>, status: StatusCode) -> String {
    let told = match (refusal.message, refusal.reason) {
        (Some(message), _) => message,
        (None, Reason::Invalid { message, .. } | Reason::Denied { message, .. }) => message,
        (None, Reason::Status(_)) => return format!("The simulated provider answers {status}."),
        (None, Reason::TooLarge(most)) => return format!("The request is larger than {most} bytes."),
        (None, Reason::UnknownModel(_)) if status == StatusCode::BAD_REQUEST => {
            "The provided model identifier is invalid."
        }
        (None, Reason::UnknownModel(model)) => {
            return format!("Could not resolve the foundation model {model}.");
        }
        (None, Reason::RateLimited) => "Too many requests, please wait before trying again.",
        (None, Reason::Quota) if status == StatusCode::TOO_MANY_REQUESTS => {
            "Too many tokens per day, please wait before trying again."
        }
        (None, Reason::Quota) => "Your account has exceeded its service quota.",
        (None, Reason::MissingKey) => "Missing Authentication Token",
        (None, Reason::WrongKey) => "The security token included in the request is invalid.",
        (None, Reason::Overloaded) => "Bedrock is unable to process your request.",
        (None, Reason::ContextLength) => "Input is too long for requested model.",
        (None, Reason::ContentFilter) => "The content was blocked by a guardrail.",
        (None, Reason::UnknownPath(_)) => "The requested operation is not recognized by the service.",
        (None, Reason::WrongMethod(_)) => "This method is not allowed here.",
    };
    told.to_owned()
}
