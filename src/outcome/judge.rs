//! From a provider's answer to a class.
//!
//! Invariant: the order of evidence is body code or type, then body text, then status; and nothing that a caller can
//! make a provider repeat puts blame on the provider. So text blames only where no request is echoed (429, 5xx), or
//! where it opens the message. It knows nothing of circuits and of what happens next.

mod text;
mod words;

use std::time::{Duration, SystemTime};

use super::class::Class;
use super::error_body::{ErrorBody, MESSAGE_LIMIT, Shape};
use super::header_view::HeaderView;
use super::mask::{bounded, client_safe};
use super::retry_after;

/// Longest `code` or `param` passed on.
const WORD_LIMIT: usize = 64;

/// Whose manner of failing we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorDialect {
    /// The vendor that the language comes from.
    OpenAi,
    /// The same language, as Azure serves it.
    AzureOpenAi,
    /// The many that speak that language with an accent of their own.
    OpenAiCompatible,
    /// Anthropic, wherever it is served in its own language.
    Anthropic,
    /// Google, in the shape that all its services share.
    Google,
    /// Amazon Bedrock.
    Bedrock,
}

/// What is known of a failed answer.
pub struct Evidence<'a> {
    /// Whose it is.
    pub dialect: ErrorDialect,
    /// The HTTP status.
    pub status: u16,
    /// The response headers.
    pub headers: &'a dyn HeaderView,
    /// The body, decoded, maybe cut.
    pub body: &'a [u8],
    /// Did the body arrive to its end?
    pub body_complete: bool,
}

/// What a failed answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The kind of failure.
    pub class: Class,
    /// How long the provider asked to wait, for the classes where waiting helps.
    pub hint: Option<Duration>,
    /// What the provider said, bounded and without credentials.
    pub message: String,
    /// The provider's `code`, or else its `type`.
    pub code: Option<String>,
    /// The request field that the provider complained of.
    pub param: Option<String>,
}

impl Judged {
    /// Whether it may be a path that is missing, and no model: nothing in it speaks of one.
    pub fn may_miss_the_path(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let said = [self.message.as_str(), code].map(str::to_ascii_lowercase);
        let speaks_of = |thing| said.iter().any(|words| words.contains(thing));
        self.class == Class::ModelNotFound && !speaks_of("model") && !speaks_of("deployment")
    }
}

/// Judges a failed answer: any status but a good 200, or a 200 whose body or first event is an error.
///
/// A 1xx, 2xx or 3xx whose body names no error is a `bad_response`.
pub fn judge(evidence: &Evidence<'_>, now: SystemTime) -> Judged {
    let mut body = ErrorBody::read(evidence.body);
    if let Some(name) = evidence.headers.text("x-amzn-errortype") {
        body.named_by_header(name);
    }
    let class = class_of(evidence.dialect, evidence.status, &body);
    let hint = match class {
        Class::RateLimited | Class::Overloaded => retry_after::hint_with_body(evidence.headers, &body, now),
        // Rate limits pass in seconds; money does not come back with them.
        Class::QuotaExhausted => retry_after::until_allowed(evidence.headers, &body, now),
        _ => None,
    };
    let code = body.code.as_ref().or(body.kind.as_ref());
    Judged {
        class,
        hint,
        message: message(evidence, &body),
        code: code.map(|code| bounded(&client_safe(code), WORD_LIMIT)),
        param: body
            .param
            .as_ref()
            .map(|param| bounded(&client_safe(param), WORD_LIMIT)),
    }
}

/// The class, by what this status allows the body to say.
fn class_of(dialect: ErrorDialect, status: u16, body: &ErrorBody) -> Class {
    match status {
        200..=299 => hidden_error(dialect, body),
        400 | 403 | 404 | 410 | 413 | 415 | 422 => refused(dialect, status, body),
        401 => Class::Auth,
        402 => Class::QuotaExhausted,
        405 | 501 => Class::Unsupported,
        408 => Class::Timeout,
        // About the connection or the way there, not about the request.
        407 | 421 | 425 | 426 => Class::BadResponse,
        412 => precondition(dialect, body),
        424 | 499 => Class::ServerError,
        429 => limited(dialect, body),
        451 => Class::Permission,
        498 => capacity_or_token(body),
        400..=499 => words::class_of(body).unwrap_or(Class::ClientError),
        500..=599 => failed(status, body),
        _ => Class::BadResponse,
    }
}

/// The classes that a status may turn out to be, where the list is short and says nothing about the caller.
///
/// A key that the caller brought makes 401, 403 and 498 the caller's own, so those are not here.
pub(super) fn possible_classes(status: u16) -> Option<&'static [Class]> {
    use Class::{BadResponse, Overloaded, QuotaExhausted, RateLimited, ServerError, Timeout, Unsupported};
    match status {
        402 => Some(&[QuotaExhausted]),
        408 => Some(&[Timeout]),
        421 | 425 => Some(&[BadResponse]),
        424 | 499 => Some(&[ServerError]),
        429 => Some(&[RateLimited, QuotaExhausted, Overloaded, Unsupported]),
        503 | 529 => Some(&[Overloaded, RateLimited, QuotaExhausted, Timeout]),
        500 | 502 | 504 | 520..=527 | 530 => {
            Some(&[ServerError, Overloaded, RateLimited, QuotaExhausted, Timeout])
        }
        _ => None,
    }
}

/// A 200 that is none: the body says which failure it is.
fn hidden_error(dialect: ErrorDialect, body: &ErrorBody) -> Class {
    if !body.names_error {
        return Class::BadResponse;
    }
    match body.inner_status().or_else(|| words::status(body)) {
        Some(status) => class_of(dialect, status, body),
        None => words::class_of(body)
            .or_else(|| words::own_failure(body))
            .unwrap_or(Class::BadResponse),
    }
}

/// Statuses that mostly say "your request", and too often mean something else.
fn refused(dialect: ErrorDialect, status: u16, body: &ErrorBody) -> Class {
    if let Some(inner) = words::status(body).filter(|inner| body.wrapped && *inner != status) {
        return class_of(dialect, inner, body);
    }
    if body.shape == Shape::Json && text::is_about_callers_own(&body.message) {
        return Class::ClientError;
    }
    if let Some(class) = too_large_for_its_rate(body).or_else(|| words::class_of(body)) {
        return match (status, class) {
            // This request is over a rate limit, others are not.
            (413, Class::RateLimited) => Class::Unsupported,
            // One model that is not open to us; the others may be.
            (_, Class::Permission) if text::denies_model(&body.message) => Class::ModelNotFound,
            _ => class,
        };
    }
    if matches!(status, 400 | 403) && body.shape == Shape::Html {
        // A load balancer's page, not the provider's judgement of our request or key.
        return Class::BadResponse;
    }
    let said = if body.validation {
        None
    } else {
        text::class_of(status, &body.message)
    };
    said.unwrap_or_else(|| match (status, dialect) {
        (403, _) => Class::Permission,
        (404, _) if names_another_thing(body) => Class::ClientError,
        (404 | 410, _) => Class::ModelNotFound,
        (413, _) => Class::PayloadTooLarge,
        (400, ErrorDialect::OpenAi) if body.param.as_deref() == Some("service_tier") => Class::Unsupported,
        _ => Class::ClientError,
    })
}

/// A 404 about something the request refers to, such as a file or an earlier response.
fn names_another_thing(body: &ErrorBody) -> bool {
    body.param.as_deref().is_some_and(|param| param != "model")
}

/// More tokens in one request than the limit allows per minute: no wait helps it, and it harms no other request.
fn too_large_for_its_rate(body: &ErrorBody) -> Option<Class> {
    text::opens_with(&body.message, "request too large for").then_some(Class::Unsupported)
}

/// A 429: a rate, money, or no capacity.
fn limited(dialect: ErrorDialect, body: &ErrorBody) -> Class {
    if let Some(class) = too_large_for_its_rate(body) {
        return class;
    }
    match words::class_of(body) {
        Some(class @ (Class::QuotaExhausted | Class::Overloaded)) => class,
        // OpenAI says this of money only; others say it of a minute's allowance too.
        _ if dialect == ErrorDialect::OpenAi
            && text::opens_with(&body.message, "you exceeded your current quota") =>
        {
            Class::QuotaExhausted
        }
        _ => text::limit_of(&body.message).unwrap_or(Class::RateLimited),
    }
}

/// A 5xx: the provider's own admission. The body may say which failure it is, never that the caller is to blame.
fn failed(status: u16, body: &ErrorBody) -> Class {
    match words::class_of(body) {
        Some(class @ (Class::QuotaExhausted | Class::RateLimited | Class::Overloaded | Class::Timeout)) => {
            class
        }
        _ if matches!(status, 503 | 529) || text::is_overload(&body.message) => Class::Overloaded,
        _ => Class::ServerError,
    }
}

/// 412 is a suspended account at one vendor, and a plain precondition at the others.
fn precondition(dialect: ErrorDialect, body: &ErrorBody) -> Class {
    let fallback = if dialect == ErrorDialect::OpenAiCompatible && body.stable_type.is_none() {
        Class::QuotaExhausted
    } else {
        Class::ClientError
    };
    words::class_of(body).unwrap_or(fallback)
}

/// 498 is no capacity at one vendor, and a bad token at another.
fn capacity_or_token(body: &ErrorBody) -> Class {
    match words::class_of(body) {
        Some(class @ (Class::Auth | Class::Overloaded)) => class,
        _ if text::is_bad_token(&body.message) => Class::Auth,
        _ => Class::Overloaded,
    }
}

/// What to show: the provider's words, or what there was instead of words.
fn message(evidence: &Evidence<'_>, body: &ErrorBody) -> String {
    let status = evidence.status;
    let said = client_safe(&body.message);
    match body.shape {
        Shape::Empty if evidence.body_complete => format!("HTTP {status} without a body"),
        Shape::Empty => format!("HTTP {status}, and the body was cut off"),
        Shape::Html if said.is_empty() => format!("HTTP {status} with an HTML page"),
        Shape::Html => bounded(&format!("HTTP {status} with an HTML page: {said}"), MESSAGE_LIMIT),
        Shape::Json | Shape::Text => said,
    }
}

#[cfg(test)]
mod tests;
