//! Errors in the form of Anthropic's surface.
//!
//! Invariant: the status says the type, and nothing that the hub's error says is lost: `code` and `param` become its
//! details, and the attempts stay beside its message.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialect::hub::Object;
use crate::outcome::ErrorBody;

/// The status that this surface has for one of the hub's: an overload has one of its own.
pub(in crate::dialect) fn status(status: u16) -> u16 {
    if status == 503 { 529 } else { status }
}

/// An error body of this surface, made of one in the hub's form, or in whatever form; one that has this form already
/// stays as it is.
pub(in crate::dialect) fn error(status: u16, body: &[u8], request_id: Option<&str>) -> Bytes {
    let object = std::str::from_utf8(body)
        .ok()
        .and_then(Object::parse)
        .unwrap_or_default();
    let error = object.object("error").unwrap_or_default();
    if object.word("type").as_deref() == Some("error") && error.word("type").is_some() {
        return Bytes::copy_from_slice(body);
    }
    let read = ErrorBody::read(body);
    let said = error
        .word("message")
        .unwrap_or_else(|| read.message.as_str().into());
    let untold = format!("the request failed with status {status}");
    write(&Body {
        kind: "error",
        error: Error {
            kind: kind(status),
            message: if said.trim().is_empty() { &untold } else { &said },
            details: Details::of(read.code.as_deref(), read.param.as_deref()),
            attempts: error.get("attempts"),
        },
        request_id,
    })
}

/// One error event of this surface: what a caller gets when a stream that it reads already breaks.
///
/// `message` is for the caller, so it must be safe to show; `label` is a class's.
pub(in crate::dialect) fn error_event(label: &str, message: &str) -> Bytes {
    let kind = match label {
        "overloaded" => "overloaded_error",
        "rate_limited" => "rate_limit_error",
        "timeout" | "first_token_timeout" => "timeout_error",
        _ => "api_error",
    };
    let body = write(&Body {
        kind: "error",
        error: Error {
            kind,
            message,
            details: Details::of(Some(label), None),
            attempts: None,
        },
        request_id: None,
    });
    Bytes::from([b"event: error\ndata: ".as_slice(), &body, b"\n\n"].concat())
}

fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    }
}

fn write(body: &Body<'_>) -> Bytes {
    serde_json::to_vec(body)
        .expect("strings and numbers always make JSON")
        .into()
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: Error<'a>,
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Error<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
}

impl<'a> Details<'a> {
    fn of(error_code: Option<&'a str>, param: Option<&'a str>) -> Option<Self> {
        (error_code.is_some() || param.is_some()).then_some(Self { error_code, param })
    }
}
