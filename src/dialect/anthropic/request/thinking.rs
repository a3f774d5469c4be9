//! How hard the model is to think, said as its family wants to hear it.
//!
//! Invariant: thinking never makes a request illegal
//! that would be legal without it: then the effort stays out, and is named.

use super::sieve::Sieve;
use crate::dialect::claude::{self, Thinking};
use crate::dialect::facts;
use crate::dialect::hub::{Chat, Effort};

/// What else bears on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// The model must call a tool.
    pub(super) is_tool_forced: bool,
    /// The model's last turn goes on: its thoughts would have to stand before it, and they are lost.
    pub(super) is_turn_open: bool,
}

/// What is said about thinking, and the limit that goes with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thought {
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<&'static str>,
    pub(super) max_tokens: u64,
}

impl Thought {
    /// What this request asks for.
    pub(super) fn of(chat: &Chat<'_>, circumstances: Circumstances, sieve: &mut Sieve<'_>) -> Self {
        use facts::Thinking as Family;
        let facts = sieve.facts();
        let nothing = Self {
            thinking: None,
            effort: None,
            max_tokens: chat.max_tokens.unwrap_or(facts.default_max_tokens),
        };
        let Some(effort) = sieve.pass("reasoning_effort", chat.effort) else {
            return nothing;
        };
        let by_effort = |thinking| {
            claude::word(effort, facts).map(|word| Self {
                thinking,
                effort: Some(word),
                ..nothing
            })
        };
        let thought = match (facts.thinking, effort) {
            (Family::Never | Family::Adaptive | Family::Budget | Family::BudgetAlways, Effort::None) => {
                Some(nothing)
            }
            // Whether it thinks by itself is not known, so nor is how to stop it.
            (Family::Unknown | Family::Level, Effort::None) | (Family::Never, _) => None,
            (Family::AdaptiveByDefault, Effort::None) => Some(Self {
                thinking: Some(Thinking::Disabled),
                ..nothing
            }),
            (Family::Always | Family::AdaptiveByDefault | Family::Unknown | Family::Level, _) => {
                by_effort(None)
            }
            (Family::Adaptive, _) => by_effort((!circumstances.is_tool_forced).then_some(Thinking::Adaptive)),
            (Family::Budget | Family::BudgetAlways, _) => {
                let is_free = !circumstances.is_tool_forced && !circumstances.is_turn_open;
                let thinking = is_free
                    .then(|| Thinking::by_budget(effort, chat.max_tokens))
                    .flatten();
                thinking.map(|thinking| Self {
                    thinking: Some(thinking),
                    max_tokens: chat
                        .max_tokens
                        .unwrap_or_else(|| claude::limit(Some(thinking), facts)),
                    ..nothing
                })
            }
        };
        sieve.drop_if("reasoning_effort", thought.is_none());
        thought.unwrap_or(nothing)
    }

    /// Is it told to think, so that some ways of sampling are closed to it?
    pub(super) fn thinks_aloud(&self) -> bool {
        self.thinking.is_some_and(Thinking::is_aloud)
    }
}
