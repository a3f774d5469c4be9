//! From content to an HTTP response: status, headers, and the headers that a fault adds.
//!
//! Invariant: every answer has an id of the provider's own, whatever the caller sent.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Response, StatusCode};

use super::body::SimBody;
use super::encoding::Encoding;
use super::inject::Victim;
use super::refusal::{Reason, Refusal, Written};
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
    if content_type.as_bytes().starts_with(b"text/event-stream") {
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

/// An error that a fault asks for, dressed as its rule says.
pub(super) fn injected(victim: Victim<'_>, reason: &Reason, rule: &FaultRule) -> Response<SimBody> {
    let refusal = Refusal {
        message: rule.message.as_deref(),
        status: final_status(rule),
        retry_after: rule.retry_after.as_deref(),
        is_raw: rule.raw,
        ..Refusal::new(reason, victim.request_id)
    };
    let Written {
        status,
        headers,
        body,
    } = victim.manners.refuse(&refusal);
    let mut response = encoded(status, JSON, Bytes::from(body), rule.encoding);
    response.headers_mut().extend(headers);
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

/// What every answer of a provider says of itself.
pub(super) struct Stamp<'a> {
    pub(super) request_id: &'a str,
    /// How long it took, in milliseconds.
    pub(super) millis: u64,
    /// It is no error.
    pub(super) is_good: bool,
}

impl Stamp<'_> {
    /// Puts the id of the request into a header of this name.
    pub(super) fn put(&self, headers: &mut HeaderMap, name: &'static str) {
        if let Ok(id) = HeaderValue::try_from(self.request_id) {
            headers.insert(name, id);
        }
    }
}
