//! How each class is told to a client of an OpenAI-compatible endpoint.
//!
//! Invariant: every class has a status, a `type` and, where clients know one, a `code`; a refusal of our own key is
//! our failure, never the caller's. It knows nothing of attempts.

use crate::outcome::class::Class;

/// How a class is told to the client: status, `type`, `code`.
pub(super) struct Words {
    pub(super) status: u16,
    pub(super) kind: &'static str,
    pub(super) code: Option<&'static str>,
}

const fn words(status: u16, kind: &'static str, code: Option<&'static str>) -> Words {
    Words { status, kind, code }
}

/// Nothing was available.
pub(super) const UNAVAILABLE: Words = words(503, "service_unavailable_error", Some("server_is_overloaded"));

/// The failures have nothing in common.
pub(super) const MIXED: Words = words(502, "server_error", Some("server_error"));

/// Time ran out.
pub(super) const TIMEOUT: Words = words(504, "server_error", Some("timeout"));

/// How one class is told, with the last provider's status where that may stand.
pub(super) fn class_words(class: Class, status: Option<u16>) -> Words {
    let own_5xx = status.filter(|status| (500..600).contains(status));
    let own_4xx = status.filter(|status| (400..500).contains(status));
    let refusal = status.filter(|status| matches!(status, 413 | 422));
    match class {
        Class::RateLimited => words(429, "rate_limit_error", Some("rate_limit_exceeded")),
        Class::QuotaExhausted => words(429, "insufficient_quota", Some("insufficient_quota")),
        Class::Overloaded => Words {
            status: own_5xx.unwrap_or(503),
            ..UNAVAILABLE
        },
        Class::ServerError => Words {
            status: own_5xx.unwrap_or(502),
            ..MIXED
        },
        Class::Timeout | Class::FirstTokenTimeout => TIMEOUT,
        Class::Permission => words(403, "permission_error", None),
        Class::ModelNotFound => words(404, "invalid_request_error", Some("model_not_found")),
        Class::ContextLength => words(400, "invalid_request_error", Some("context_length_exceeded")),
        Class::PayloadTooLarge => words(413, "invalid_request_error", None),
        Class::ContentFilter => words(400, "invalid_request_error", Some("content_filter")),
        Class::Unsupported => words(refusal.unwrap_or(400), "invalid_request_error", None),
        Class::ClientError => words(own_4xx.unwrap_or(400), "invalid_request_error", None),
        Class::Connect
        | Class::Reset
        | Class::BadResponse
        | Class::StreamError
        | Class::StreamBroken
        | Class::Auth
        | Class::Abandoned => MIXED,
    }
}

/// How one class is told beside a status that is the provider's own: with the caller's key, a refusal is the caller's.
pub(super) fn told_words(class: Class, status: u16) -> Words {
    match (class, status) {
        (Class::ClientError, 401) => words(401, "invalid_request_error", Some("invalid_api_key")),
        (Class::ClientError, 403) => words(403, "permission_error", None),
        _ => Words {
            status,
            ..class_words(class, Some(status))
        },
    }
}

/// May the same request do better in a while, with nobody mending anything?
pub(super) fn retry_may_help(class: Class) -> bool {
    match class {
        Class::Connect
        | Class::Reset
        | Class::Timeout
        | Class::FirstTokenTimeout
        | Class::ServerError
        | Class::BadResponse
        | Class::StreamError
        | Class::Overloaded
        | Class::RateLimited
        | Class::StreamBroken
        | Class::Abandoned => true,
        Class::QuotaExhausted
        | Class::Auth
        | Class::Permission
        | Class::ModelNotFound
        | Class::ContextLength
        | Class::PayloadTooLarge
        | Class::ContentFilter
        | Class::Unsupported
        | Class::ClientError => false,
    }
}
