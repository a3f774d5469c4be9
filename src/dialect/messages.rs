//! Anthropic's surface, `/v1/messages`, for targets that do not speak it: requests come in by the hub, and the hub's
//! answers, streams and errors go out in this form.
//!
//! Invariant: a caller is told that an answer is complete only when the hub says so, and gets nothing that it could
//! not send back to Anthropic in its next request: ids of calls have the form that is asked for there, no text is
//! blank, and no thinking is told, since it would come without Anthropic's signature and be refused. It knows no
//! language of a provider.

mod answer;
mod error;
mod outlet;
mod read;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(super) use answer::write_answer;
pub(super) use error::{error, error_event, status};
pub(super) use outlet::Outlet;
pub(super) use read::read;

use super::hub::Finish;

/// The id of a call in the form that Anthropic asks for.
fn call_id(id: &str) -> Cow<'_, str> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if id.chars().all(is_fine) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(id.chars().map(|c| if is_fine(c) { c } else { '_' }).collect())
}

/// Why an answer ended.
fn stop_reason(finish: Finish, has_calls: bool, has_refused: bool) -> &'static str {
    match finish {
        Finish::Length => "max_tokens",
        Finish::ContentFilter => "refusal",
        Finish::Stop | Finish::ToolCalls if has_calls => "tool_use",
        Finish::Stop | Finish::ToolCalls if has_refused => "refusal",
        Finish::Stop | Finish::ToolCalls => "end_turn",
    }
}
