//! From content to an HTTP response: status, headers, and the headers that a fault adds.
//!
//! Invariant: every answer has an `x-request-id` of the provider's own, whatever the caller sent.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::body::SimBody;
use super::encoding::Encoding;
use super::refusal::Reason;
use super::route::Surface;
use super::rule::FaultRule;

/// `application/json`
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// `text/event-stream; charset=utf-8`
pub(super) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// A response with a type and a body.
pub(super) fn typed(status: StatusCode, content_type: HeaderValue, body: SimBody) -> Response<SimBody> {
    let is_bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if is_bodiless { SimBody::whole("") } else { body };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if content_type == EVENT_STREAM {
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// 200 and a JSON document.
pub(super) fn json(document: String) -> Response<SimBody> {
    typed(StatusCode::OK, JSON, SimBody::whole(document))
}

/// An error in the provider's words.
pub(super) fn refusal(surface: Surface, reason: &Reason) -> Response<SimBody> {
    let mut response = typed(reason.status(), JSON, SimBody::whole(reason.body(surface, None)));
    if let Reason::WrongMethod(allowed) = reason {
        response
            .headers_mut()
            .insert(http::header::ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

/// An error that a fault asks for, dressed as its rule says.
pub(super) fn injected(surface: Surface, reason: &Reason, rule: &FaultRule) -> Response<SimBody> {
    let status = final_status(rule).unwrap_or(reason.status());
    let body = reason.body(surface, rule.message.as_deref());
    let mut response = encoded(status, JSON, Bytes::from(body), rule.encoding);
    let headers = response.headers_mut();
    match reason {
        Reason::RateLimited { retry_after } => rate_limit_headers(headers, surface, retry_after.as_deref()),
        Reason::Quota => {
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
            insert_text(headers, RETRY_AFTER, rule.retry_after.as_deref());
        }
        _ => insert_text(headers, RETRY_AFTER, rule.retry_after.as_deref()),
    }
    response
}

/// The status of a rule, if an answer can end with it.
pub(super) fn final_status(rule: &FaultRule) -> Option<StatusCode> {
    rule.status.filter(|status| !status.is_informational())
}

/// A response whose body is encoded.
pub(super) fn encoded(
    status: StatusCode,
    content_type: HeaderValue,
    body: Bytes,
    encoding: Option<Encoding>,
) -> Response<SimBody> {
    let Some(encoding) = encoding else {
        return typed(status, content_type, SimBody::whole(body));
    };
    let mut response = typed(status, content_type, SimBody::whole(encoding.encode(&body)));
    response
        .headers_mut()
        .insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.token()));
    response
}

/// Lays the headers of a rule over those of an answer.
pub(super) fn override_headers(headers: &mut HeaderMap, rule: &FaultRule) {
    for (name, value) in &rule.headers {
        if value.is_empty() {
            headers.remove(name);
        } else {
            headers.insert(name, value.clone());
        }
    }
}

/// Says who answered which request, and how long it took in milliseconds.
pub(super) fn sign(headers: &mut HeaderMap, name: &str, number: u64, millis: u64) {
    if let Ok(id) = HeaderValue::try_from(format!("req-{name}-{number}")) {
        headers.insert("x-request-id", id);
    }
    headers.insert("openai-processing-ms", HeaderValue::from(millis));
}

/// The request dimension is used up, the token dimension is not.
fn rate_limit_headers(headers: &mut HeaderMap, surface: Surface, retry_after: Option<&str>) {
    insert_text(headers, RETRY_AFTER, retry_after);
    let seconds = retry_after
        .and_then(|text| text.parse::<f64>().ok())
        .filter(|it| it.is_finite() && *it >= 0.0);
    let reset = seconds.unwrap_or(1.0);
    let (reset_requests, reset_tokens) = if surface.is_azure() {
        (format!("{}", reset.ceil()), "0".to_owned())
    } else {
        (format!("{reset}s"), "6ms".to_owned())
    };
    for (name, value) in [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", &reset_requests),
        ("x-ratelimit-limit-tokens", "150000"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("x-ratelimit-reset-tokens", &reset_tokens),
    ] {
        insert_text(headers, HeaderName::from_static(name), Some(value));
    }
    if let Some(seconds) = seconds.filter(|_| surface.is_azure()) {
        let millis = format!("{}", (seconds * 1000.0).ceil());
        insert_text(headers, HeaderName::from_static("retry-after-ms"), Some(&millis));
    }
}

/// Inserts a header if there is a text for it and the text can be one.
fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: Option<&str>) {
    if let Some(value) = text
        .filter(|text| !text.is_empty())
        .and_then(|text| HeaderValue::try_from(text).ok())
    {
        headers.insert(name, value);
    }
}
