//! How long the provider asked to wait.
//!
//! Invariant: a hint is longer than nothing and at most [`LONGEST_HINT`]. A longer wait is cut to that; a wait of
//! zero, a negative one, a past date or anything unreadable is no hint, and the next source is asked. It adds no
//! jitter and knows nothing of circuits.

mod calendar;

use std::time::{Duration, SystemTime};

use super::error_body::ErrorBody;
use super::header_view::HeaderView;

/// No provider is benched longer than a day on its own word.
pub const LONGEST_HINT: Duration = Duration::from_hours(24);

/// The limits that are reported on by name: what remains, and when it is full again.
const DIMENSIONS: [(&str, &str); 7] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    (
        "x-ratelimit-remaining-project-tokens",
        "x-ratelimit-reset-project-tokens",
    ),
    (
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
    (
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ),
    (
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ),
    (
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ),
];

/// How messages announce a wait.
const ANNOUNCEMENTS: [&str; 3] = ["retry after ", "try again in ", "retry in "];

/// How Anthropic names the moment at which a limit that was set for a month is lifted.
const REGAINED: &str = "regain access on ";

/// Characters of a message that are searched for an announcement.
const MESSAGE_SEARCH: usize = 2000;

/// The wait that the headers name: `retry-after-ms`, else `Retry-After`, else the reset of the limit that is used up.
pub fn hint(headers: &dyn HeaderView, now: SystemTime) -> Option<Duration> {
    asked(headers, now).or_else(|| exhausted_reset(headers, now))
}

/// The wait that was asked for in so many words: `retry-after-ms`, else `Retry-After`.
pub(super) fn asked(headers: &dyn HeaderView, now: SystemTime) -> Option<Duration> {
    let exact = headers
        .text("retry-after-ms")
        .and_then(decimal)
        .and_then(|ms| bounded(ms / 1000.0));
    exact.or_else(|| {
        let value = headers.text("retry-after")?;
        match decimal(value) {
            Some(seconds) => bounded(seconds),
            None => until(httpdate::parse_http_date(value).ok()?, now),
        }
    })
}

/// The wait that headers or body name, the body's details and text being asked where headers are silent.
///
/// Where a header and a detail of the body both name one, the longer counts.
pub(super) fn hint_with_body(
    headers: &dyn HeaderView,
    body: &ErrorBody,
    now: SystemTime,
) -> Option<Duration> {
    let delay = body.retry_delay.as_deref().and_then(duration);
    asked(headers, now)
        .max(delay)
        .or_else(|| exhausted_reset(headers, now))
        .or_else(|| announced(&body.message))
}

/// The wait until there is an allowance again: asked for in so many words, named in the text, or known of the limit.
///
/// What is asked after a day's allowance was used up is a minute's wait, and helps nothing.
pub(super) fn until_allowed(headers: &dyn HeaderView, body: &ErrorBody, now: SystemTime) -> Option<Duration> {
    if body.says("quotaperday") {
        return None;
    }
    asked(headers, now).or_else(|| {
        let then = match body.message.split_once(REGAINED) {
            Some((_, date)) => calendar::date_and_hour(date),
            None if body.says("enforcedspendlimitreached") => calendar::next_month(now),
            None => None,
        };
        until(then?, now)
    })
}

/// The reset of the limit with nothing left; of several such, the last. The smallest reset means nothing: it is
/// often that of a limit which is not the problem.
fn exhausted_reset(headers: &dyn HeaderView, now: SystemTime) -> Option<Duration> {
    DIMENSIONS
        .iter()
        .filter(|(remaining, _)| {
            headers
                .text(remaining)
                .and_then(decimal)
                .is_some_and(|left| left <= 0.0)
        })
        .filter_map(|(_, reset)| {
            let reset = headers.text(reset)?;
            duration(reset).or_else(|| until(calendar::moment(reset)?, now))
        })
        .max()
}

/// The wait in a text such as "Please retry after 12 seconds" or "try again in 6m0s".
fn announced(message: &str) -> Option<Duration> {
    let said: String = message
        .chars()
        .take(MESSAGE_SEARCH)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    ANNOUNCEMENTS.iter().find_map(|announcement| {
        let (_, wait) = said.split_once(announcement)?;
        let mut words = wait.split_whitespace();
        let amount = words.next()?.trim_end_matches(['.', ',', ';', ')']);
        let unit = words
            .next()
            .unwrap_or_default()
            .trim_end_matches(['.', ',', ';', ')']);
        match (decimal(amount), unit) {
            (Some(amount), "millisecond" | "milliseconds" | "ms") => bounded(amount / 1000.0),
            (Some(amount), "minute" | "minutes" | "min") => bounded(amount * 60.0),
            (Some(amount), "hour" | "hours") => bounded(amount * 3600.0),
            (Some(amount), "day" | "days") => bounded(amount * 86_400.0),
            (Some(amount), _) => bounded(amount),
            (None, _) => duration(amount),
        }
    })
}

/// Plain seconds, or a duration as Go writes it: `12ms`, `1s`, `6m0s`, `2m59.56s`, `1h2m3s`.
fn duration(text: &str) -> Option<Duration> {
    if let Some(seconds) = decimal(text) {
        return bounded(seconds);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let (amount, unit_and_more) =
            rest.split_at_checked(rest.find(|c: char| c != '.' && !c.is_ascii_digit())?)?;
        let end = unit_and_more
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(unit_and_more.len());
        let (unit, more) = unit_and_more.split_at_checked(end)?;
        let scale = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        seconds += decimal(amount)? * scale;
        rest = more;
    }
    bounded(seconds)
}

/// A plain decimal number: digits with at most one point. No sign, no exponent, no `inf`.
fn decimal(text: &str) -> Option<f64> {
    let plain =
        text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.bytes().any(|b| b.is_ascii_digit());
    if plain && text.len() <= 32 {
        text.parse().ok()
    } else {
        None
    }
}

/// The time from now until then.
fn until(then: SystemTime, now: SystemTime) -> Option<Duration> {
    let wait = then.duration_since(now).ok()?;
    (!wait.is_zero()).then_some(wait.min(LONGEST_HINT))
}

/// Seconds as a hint.
fn bounded(seconds: f64) -> Option<Duration> {
    let wait = Duration::try_from_secs_f64(seconds.min(LONGEST_HINT.as_secs_f64())).ok()?;
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests;
