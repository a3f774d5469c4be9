//! How hard the model is to think, said as its family wants to hear it.
//!
//! Invariant: a limit on the answer that the caller named is never raised, and thinking never makes a request illegal
//! that would be legal without it: then the effort stays out, and is named.

use serde::Serialize;

use super::sieve::Sieve;
use crate::dialect::facts::{self, Facts};
use crate::dialect::hub::{Chat, Effort};

/// The least budget that is legal.
const LEAST_BUDGET: u64 = 1024;

/// Room for the answer itself, where nobody limited it.
const ROOM: u64 = 4096;

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

/// How it is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Thinking {
    Enabled { budget_tokens: u64 },
    Adaptive,
    Disabled,
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
            word(effort, facts).map(|word| Self {
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
                by_budget(effort, circumstances, chat.max_tokens, facts)
            }
        };
        sieve.drop_if("reasoning_effort", thought.is_none());
        thought.unwrap_or(nothing)
    }

    /// Is it told to think, so that some ways of sampling are closed to it?
    pub(super) fn thinks_aloud(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Enabled { .. } | Thinking::Adaptive))
    }
}

/// Thinking by a budget, which counts against the limit of the answer; `None` if it cannot be had.
fn by_budget(
    effort: Effort,
    circumstances: Circumstances,
    limit: Option<u64>,
    facts: &Facts,
) -> Option<Thought> {
    if circumstances.is_tool_forced || circumstances.is_turn_open {
        return None;
    }
    let wanted = match effort {
        Effort::None | Effort::Minimal | Effort::Low => LEAST_BUDGET,
        Effort::Medium => 8192,
        Effort::High | Effort::XHigh | Effort::Max => 24_576,
    };
    // A caller's limit is a promise about cost; a quarter of it stays for the answer.
    let budget_tokens = limit.map_or(wanted, |limit| wanted.min(limit - limit / 4));
    (budget_tokens >= LEAST_BUDGET).then_some(Thought {
        thinking: Some(Thinking::Enabled { budget_tokens }),
        effort: None,
        max_tokens: limit.unwrap_or_else(|| facts.default_max_tokens.max(budget_tokens + ROOM)),
    })
}

/// The effort in the model's words: the greatest that it knows and that asks for no more.
fn word(effort: Effort, facts: &Facts) -> Option<&'static str> {
    let effort = effort.max(Effort::Low);
    let known = Effort::ALL
        .into_iter()
        .rev()
        .filter(|known| (Effort::Low..=effort).contains(known))
        .map(Effort::as_str);
    let is_refused = |word: &str| facts.refused_efforts.iter().any(|refused| refused == word);
    known.into_iter().find(|word| !is_refused(word))
}
