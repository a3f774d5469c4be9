//! What the client got, read as a careful client reads it.
//!
//! Invariant: an answer is [`Ending::Complete`] only when nothing in it can be taken for a failure, and every other
//! ending only when no reader can take it for a whole answer; what is neither is [`Ending::Unclear`].

use std::fmt;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::Value;

use super::troupe::PLAYERS;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// All of it is there.
    Complete,
    /// A stream that ended in an error event.
    ErrorEvent,
    /// The transfer broke off.
    Cut,
    /// An error, and nothing else.
    Error,
    /// Whole to one reader, broken to another.
    Unclear,
    /// There was none.
    None,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::ErrorEvent => "error event",
            Self::Cut => "cut",
            Self::Error => "error",
            Self::Unclear => "unclear",
            Self::None => "none",
        })
    }
}

/// One attempt, as `x-understudy-trail` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// The provider.
    pub(super) provider: String,
    /// `ok`, or the class of the failure.
    pub(super) class: String,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.provider, self.class)
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: StatusCode,
    /// How it ended.
    pub(super) ending: Ending,
    /// The `code` of an error.
    pub(super) code: Option<String>,
    /// The attempts.
    pub(super) hops: Vec<Hop>,
    /// The attempts, as the header tells them.
    pub(super) trail: String,
    /// The providers whose words are in it.
    pub(super) voices: Vec<&'static str>,
    /// When the request was sent.
    pub(super) began: Instant,
    /// From there to the end of the answer.
    pub(super) took: Duration,
}

impl Answer {
    /// Reads the rest of `response`, whose request was sent at `began`.
    pub(super) async fn read(response: http::Response<Incoming>, began: Instant) -> Self {
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        let mut is_whole = true;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                Err(_) => is_whole = false,
            }
        }
        let took = Instant::now().saturating_duration_since(began);
        let text = String::from_utf8_lossy(&bytes);
        let (ending, code) = if is_event_stream(&parts.headers) {
            end_of_stream(&text, is_whole)
        } else {
            end_of_document(parts.status, &text, is_whole)
        };
        let trail = header(&parts.headers, "x-understudy-trail").to_owned();
        let speaks = |name: &&str| text.contains(&format!("\"sim-{name}\""));
        Self {
            status: parts.status,
            ending,
            code,
            hops: hops(&trail),
            trail,
            voices: PLAYERS.into_iter().filter(speaks).collect(),
            began,
            took,
        }
    }

    /// Whether the client has what it asked for.
    pub(super) fn is_served(&self) -> bool {
        self.status == StatusCode::OK && self.ending == Ending::Complete
    }

    /// Who answered in the end.
    pub(super) fn provider(&self) -> &str {
        self.hops.last().map_or("", |hop| &hop.provider)
    }

    /// How often `provider` was tried for it.
    pub(super) fn tries_at(&self, provider: &str) -> usize {
        self.hops.iter().filter(|hop| hop.provider == provider).count()
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    header(headers, "content-type").starts_with("text/event-stream")
}

/// `primary;rate_limited;429;3ms, backup;ok;200;2ms`
fn hops(trail: &str) -> Vec<Hop> {
    let hop = |text: &str| {
        let mut parts = text.split(';');
        Some(Hop {
            provider: parts.next().filter(|name| !name.is_empty())?.to_owned(),
            class: parts.next()?.to_owned(),
        })
    };
    trail.split(", ").filter_map(hop).collect()
}

fn end_of_stream(text: &str, is_whole: bool) -> (Ending, Option<String>) {
    let payloads = || text.lines().filter_map(|line| line.strip_prefix("data: "));
    let says_done = payloads().any(|payload| payload == "[DONE]");
    let events: Vec<Value> = payloads()
        .filter_map(|payload| serde_json::from_str(payload).ok())
        .collect();
    let has_finished = events.iter().any(|event| {
        event
            .pointer("/choices/0/finish_reason")
            .is_some_and(Value::is_string)
    });
    let looks_complete = says_done || has_finished;
    let error = events.iter().find(|event| event.get("error").is_some());
    let ending = match (error, is_whole) {
        (Some(_), _) if !looks_complete => Ending::ErrorEvent,
        (None, true) if has_finished => Ending::Complete,
        (None, false) if !looks_complete => Ending::Cut,
        _ => Ending::Unclear,
    };
    (ending, error.and_then(code))
}

fn end_of_document(status: StatusCode, text: &str, is_whole: bool) -> (Ending, Option<String>) {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let has_choices = document.pointer("/choices/0").is_some();
    let has_error = document.get("error").is_some();
    let ending = match (is_whole, status.is_success()) {
        (false, _) => Ending::Cut,
        (true, true) if has_choices && !has_error => Ending::Complete,
        (true, false) if has_error && !has_choices => Ending::Error,
        (true, _) => Ending::Unclear,
    };
    (ending, code(&document))
}

fn code(document: &Value) -> Option<String> {
    let code = document.pointer("/error/code").and_then(Value::as_str);
    code.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";
    const FINISH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const ERROR: &str = "data: {\"error\":{\"code\":\"stream_broken\"}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn a_stream_is_complete_only_when_nothing_in_it_can_be_taken_for_a_failure() {
        let cases: [(&[&str], bool, Ending); 9] = [
            (&[CONTENT, FINISH, DONE], true, Ending::Complete),
            (&[CONTENT, FINISH], true, Ending::Complete),
            (&[CONTENT], false, Ending::Cut),
            (&[CONTENT, ERROR], true, Ending::ErrorEvent),
            (&[CONTENT, ERROR], false, Ending::ErrorEvent),
            (&[CONTENT], true, Ending::Unclear),
            (&[CONTENT, ERROR, DONE], true, Ending::Unclear),
            (&[CONTENT, FINISH, DONE], false, Ending::Unclear),
            (&[CONTENT, DONE], true, Ending::Unclear),
        ];
        for (events, is_whole, ending) in cases {
            assert_eq!(end_of_stream(&events.concat(), is_whole).0, ending, "{events:?}");
        }
    }

    #[test]
    fn a_document_is_complete_only_with_choices_and_a_good_status() {
        let cases = [
            (200, r#"{"choices":[{}]}"#, true, Ending::Complete),
            (200, r#"{"choices":[{}]}"#, false, Ending::Cut),
            (200, r#"{"choices":[]}"#, true, Ending::Unclear),
            (200, r#"{"error":{}}"#, true, Ending::Unclear),
            (429, r#"{"error":{}}"#, true, Ending::Error),
            (502, "<html>", true, Ending::Unclear),
        ];
        for (status, text, is_whole, ending) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(end_of_document(status, text, is_whole).0, ending, "{text}");
        }
    }

    #[test]
    fn a_trail_is_read_hop_by_hop() {
        let read = hops("primary;rate_limited;429;3ms, backup;ok;200;2ms");

        let told: Vec<String> = read.iter().map(Hop::to_string).collect();
        assert_eq!(told, ["primary rate_limited", "backup ok"]);
        assert_eq!(hops(""), []);
    }
}
