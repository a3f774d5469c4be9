//! The one answer that the client gets when no attempt brought a good one.
//!
//! Invariant: the body has the error shape of the client's API, with all four keys, plus every attempt; our own key being refused is never
//! a 401 to the caller; a wait is named only if waiting helps. It knows nothing of HTTP messages: the host sends
//! what it is given.

mod words;

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use self::words::{MIXED, TIMEOUT, UNAVAILABLE, Words, class_words, retry_may_help, told_words};
use super::class::Class;
use super::judge::Judged;

/// One attempt that failed.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// Who was asked.
    pub provider: &'a str,
    /// For which model, by the provider's name for it.
    pub model: &'a str,
    /// How it failed.
    pub class: Class,
    /// The provider's status, if it answered.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What the provider said, bounded and without credentials.
    pub message: &'a str,
    /// The provider's `code`, for the caller's sake.
    pub code: Option<&'a str>,
    /// The request field the provider complained of.
    pub param: Option<&'a str>,
    /// How long the provider asked to wait.
    pub hint: Option<Duration>,
}

/// Why there is nothing more to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    /// Every attempt the policy allows was made; with no attempt made at all, nothing was available.
    Exhausted,
    /// The time for the whole request ran out.
    OutOfTime,
    /// No target can take this request, whatever its health; the reason in words.
    NothingFits {
        /// `context_length`, `unsupported` or the like.
        class: Class,
        /// Why, target by target, in words for the caller.
        reason: &'a str,
    },
}

/// The answer to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalAnswer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `x-should-retry`, where a client's own retries cannot help.
    pub should_retry: Option<&'static str>,
    /// The JSON body.
    pub body: Bytes,
}

/// The error shape of the client's API.
#[derive(Serialize)]
struct Body<'a> {
    error: ErrorFields<'a>,
}

#[derive(Serialize)]
struct ErrorFields<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptFields<'a>>>,
}

#[derive(Serialize)]
struct AttemptFields<'a> {
    provider: &'a str,
    model: &'a str,
    class: &'static str,
    status: Option<u16>,
    ms: u64,
    message: &'a str,
}

/// The answer when no attempt at `model` brought a good one.
///
/// `soonest` is when the first target may be available again, as far as the circuits know.
pub fn final_answer(
    model: &str,
    tried: &[Tried<'_>],
    ending: Ending<'_>,
    soonest: Option<Duration>,
) -> FinalAnswer {
    let words = verdict(tried, ending);
    let message = message(model, tried, ending);
    let last = tried.last();
    let agreed = common_class(tried);
    // A provider's own `code` and `param` help only if the complaint is about the request.
    let of_request = last.filter(|_| agreed.is_some_and(|class| class.blame().is_none()));
    let code = words.code.or_else(|| of_request.and_then(|last| last.code));
    let hopeless = match ending {
        Ending::NothingFits { .. } => true,
        Ending::OutOfTime => false,
        Ending::Exhausted => !tried.is_empty() && tried.iter().all(|attempt| !retry_may_help(attempt.class)),
    };
    let hints = tried.iter().filter_map(|attempt| attempt.hint);
    let wait = hints.chain(soonest).min();
    let names_wait = matches!(words.status, 429 | 503);
    FinalAnswer {
        status: words.status,
        retry_after: wait.filter(|_| names_wait).map(whole_seconds),
        should_retry: hopeless.then_some("false"),
        body: render(ErrorFields {
            message: &message,
            kind: words.kind,
            param: of_request.and_then(|last| last.param),
            code,
            attempts: Some(tried.iter().map(AttemptFields::of).collect()),
        }),
    }
}

/// A plain error in the shape of the client's API, for what we refuse ourselves.
pub fn openai_error(kind: &str, code: Option<&str>, param: Option<&str>, message: &str) -> Bytes {
    render(ErrorFields {
        message,
        kind,
        param,
        code,
        attempts: None,
    })
}

/// The body for a failure that a provider told in another shape than the client's, and that the client gets with
/// the provider's own status.
pub fn callers_error(judged: &Judged, status: u16) -> Bytes {
    let words = told_words(judged.class, status);
    openai_error(words.kind, words.code, judged.param.as_deref(), &judged.message)
}

fn render(error: ErrorFields<'_>) -> Bytes {
    serde_json::to_vec(&Body { error })
        .expect("strings and numbers always make JSON")
        .into()
}

impl<'a> AttemptFields<'a> {
    fn of(tried: &Tried<'a>) -> AttemptFields<'a> {
        let Tried {
            provider,
            model,
            class,
            status,
            ms,
            message,
            ..
        } = *tried;
        AttemptFields {
            provider,
            model,
            class: class.as_str(),
            status,
            ms,
            message,
        }
    }
}

/// The status and words for all that happened.
fn verdict(tried: &[Tried<'_>], ending: Ending<'_>) -> Words {
    match ending {
        Ending::OutOfTime => TIMEOUT,
        Ending::NothingFits { class, .. } => class_words(class, None),
        Ending::Exhausted if tried.is_empty() => UNAVAILABLE,
        Ending::Exhausted => match common_class(tried) {
            Some(class) => class_words(class, tried.last().and_then(|last| last.status)),
            None => MIXED,
        },
    }
}

/// The class that all attempts share, the kinds of waiting and the kinds of limit each being one.
fn common_class(tried: &[Tried<'_>]) -> Option<Class> {
    let first = tried.first()?.class;
    let all = |classes: &[Class]| tried.iter().all(|attempt| classes.contains(&attempt.class));
    if all(&[first]) {
        Some(first)
    } else if all(&[Class::RateLimited, Class::QuotaExhausted]) {
        Some(Class::RateLimited)
    } else if all(&[Class::Timeout, Class::FirstTokenTimeout]) {
        Some(Class::Timeout)
    } else {
        None
    }
}

/// What happened, in a sentence.
fn message(model: &str, tried: &[Tried<'_>], ending: Ending<'_>) -> String {
    let said = match tried.last() {
        None => String::new(),
        Some(Tried {
            provider,
            class,
            status,
            message,
            ..
        }) => {
            let status = status
                .map(|status| format!(" (HTTP {status})"))
                .unwrap_or_default();
            let colon = if message.is_empty() { "" } else { ": " };
            format!("{provider}: {class}{status}{colon}{message}")
        }
    };
    match (ending, tried.len()) {
        (Ending::NothingFits { reason, .. }, _) => {
            format!("no target of model `{model}` can take this request: {reason}")
        }
        (Ending::OutOfTime, 0) => {
            format!("the time for this request ran out before any target of model `{model}` was tried")
        }
        (Ending::OutOfTime, 1) => format!("the time for this request ran out after one attempt; {said}"),
        (Ending::OutOfTime, n) => {
            format!("the time for this request ran out after {n} attempts; the last was {said}")
        }
        (Ending::Exhausted, 0) => format!("no target of model `{model}` is available"),
        (Ending::Exhausted, 1) => format!("the only attempt failed; {said}"),
        (Ending::Exhausted, n) => format!("all {n} attempts failed; the last was {said}"),
    }
}

/// Whole seconds, never too early and never zero.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests;
