//! What is asked, free of any dialect.
//!
//! Every [`Language`](super::dialect::Language) reads its own bodies into this. Invariant: only what shapes an answer is
//! here, and the caller's words within a bound.

use super::embedding::Wanted;
use super::refusal::Reason;

/// How much of the caller's words is said back, in characters.
const ECHO_LIMIT: usize = 200;

/// What a body says: which model is meant, even where the rest is not to be understood, and what is asked.
pub(super) struct Reading {
    pub(super) model: String,
    pub(super) asked: Result<Asked, Reason>,
}

/// What is asked of a model.
#[derive(Debug)]
pub(super) enum Asked {
    Words(Ask),
    Vectors(Wanted),
    /// How many tokens this would be.
    Count,
}

/// A conversation or a prompt that wants an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ask {
    /// A bounded bit of the last thing the user said.
    pub(super) echo: String,
    pub(super) is_stream: bool,
    /// A stream is to end with the usage, where that has to be asked for.
    pub(super) wants_usage: bool,
    pub(super) token_limit: Option<u32>,
    /// The functions of which one has to be called, in the order in which they were offered; empty when none has to.
    pub(super) must_call: Vec<String>,
    /// At most one call at a time.
    pub(super) is_one_call: bool,
    pub(super) thought: Thought,
}

/// What is to be told of the thoughts before an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Thought {
    #[default]
    Nothing,
    /// That there were some.
    Hidden,
    Words,
}

/// As much of a text as is said back.
pub(super) fn echoed(text: &str) -> String {
    text.chars().take(ECHO_LIMIT).collect()
}
