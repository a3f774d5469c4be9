//! OpenAI's responses surface, as far as it has to be judged: it passes as it came.
//!
//! Invariant: only what tells an answer from a failure is read: what is said first, how it ends, what it took.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::hub::{Chunks, Finish, Object};
use super::language::{Tale, unreadable};
use super::sse::{Event, Kind};
use super::stream::Whole;
use super::usage::usage;

/// Tells a stream of responses events in the hub's form.
#[derive(Debug, Default)]
pub(super) struct Responses;

impl Tale for Responses {
    fn on_event(&mut self, event: &Event<'_>, out: &mut Chunks) {
        if event.kind == Kind::Idle || event.data.trim_ascii().is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(event.data);
        let Some(object) = Object::parse(text.trim()) else {
            if !text.trim().starts_with("[DONE]") {
                unreadable(out);
            }
            return;
        };
        let kind = object.word("type").unwrap_or_default();
        if object.get("error").is_some() || kind == "error" {
            return out.error(&error_of(&object));
        }
        let response = object.object("response");
        if let Some(response) = &response {
            out.name("", &response.word("model").unwrap_or_default());
        }
        match kind.as_ref() {
            "response.created" | "response.in_progress" | "response.queued" => out.begin(),
            "response.completed" | "response.incomplete" => {
                let usage = usage(text.as_bytes());
                out.finish(0, Finish::Stop);
                if let Some(usage) = usage {
                    out.usage(usage);
                }
                out.done();
            }
            "response.failed" | "response.cancelled" => out.error(&error_of(&response.unwrap_or_default())),
            // Whatever else comes is a part of the answer: text, a call, reasoning, a search.
            _ => out.text(0, "."),
        }
    }

    fn on_end(&mut self, _out: &mut Chunks) {}
}

/// The error that an event or a response tells of, as a body with `error` at its top.
fn error_of(object: &Object<'_>) -> Vec<u8> {
    if let Some(error) = object.get("error") {
        return format!(r#"{{"error":{error}}}"#).into_bytes();
    }
    let part = |name| object.get(name).map_or("null", RawValue::get);
    format!(
        r#"{{"error":{{"code":{},"message":{},"param":{}}}}}"#,
        part("code"),
        part("message"),
        part("param")
    )
    .into_bytes()
}

/// Judges a complete answer.
pub(super) fn judge_whole(body: &[u8]) -> Whole {
    let Ok(text) = std::str::from_utf8(body) else {
        return Whole::Unreadable;
    };
    let Some(object) = Object::parse(text) else {
        return match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => Whole::WrongShape,
            Err(_) => Whole::Unreadable,
        };
    };
    let is_failed = object.word("status").as_deref() == Some("failed");
    if object.get("error").is_some() || is_failed {
        return Whole::ErrorInside(Bytes::from(error_of(&object)));
    }
    // One that waits has nothing yet, and one that was cut short may have nothing at all.
    let is_complete = matches!(object.word("status").as_deref(), None | Some("completed"));
    match object.list("output") {
        Some(output) if output.is_empty() && is_complete => Whole::Empty,
        Some(_) => Whole::Good,
        None => Whole::WrongShape,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_answer_is_told_from_a_failure() {
        let cases = [
            (
                r#"{"status":"completed","output":[{"type":"message"}]}"#,
                Whole::Good,
            ),
            (r#"{"status":"completed","output":[]}"#, Whole::Empty),
            (r#"{"status":"queued","output":[]}"#, Whole::Good),
            (r#"{"status":"incomplete","output":[]}"#, Whole::Good),
            (r#"{"object":"list"}"#, Whole::WrongShape),
            ("[]", Whole::WrongShape),
            ("{\"output\":", Whole::Unreadable),
            (
                r#"{"status":"failed","error":{"code":"server_error","message":"no"},"output":[]}"#,
                Whole::ErrorInside(Bytes::from_static(
                    br#"{"error":{"code":"server_error","message":"no"}}"#,
                )),
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(judge_whole(body.as_bytes()), expected, "{body}");
        }
    }
}
