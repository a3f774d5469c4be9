//! The hub: one form of request, answer and stream in the middle, which is OpenAI's chat completions.
//!
//! Invariant: every language is translated to and from this one, never from one language to another. What a request
//! says is lent from its body as it was written, so that no text is decoded that only moves on. It knows no language
//! but the hub's own.

mod answer;
mod call_ids;
mod chat;
mod chunks;
mod object;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;

pub(super) use answer::{Answer, Choice, Finish, Said};
pub(super) use call_ids::CallIds;
pub(super) use chat::{Arguments, Call, Chat, Effort, Format, Message, Part, Source, Tool, ToolChoice};
pub(super) use chunks::Chunks;
pub(super) use object::{Number, Object, Text};

/// What was asked cannot be carried to a target: the feature in a word, as operators read it in a skip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported(pub &'static str);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be carried to this provider", self.0)
    }
}

impl std::error::Error for Unsupported {}

/// A request that has not the form of one: where, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The place, as in `messages[2].content`.
    pub at: String,
    /// What is wrong with it, as in `is not a string or a list of parts`.
    pub why: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.at, self.why)
    }
}

impl std::error::Error for Malformed {}
