//! How a model is told to think, and the fields that only Anthropic's models take.
//!
//! Invariant: thinking gives way to what binds: a call that must be made, words or results that must be gone on from.
//! Where it cannot be carried it is left out by name.

use serde::Serialize;

use super::LeftOut;
use crate::dialect::facts::{Facts, Thinking as Family};
use crate::dialect::hub::{Chat, Effort, Number};

/// The field of the hub.
const FIELD: &str = "reasoning_effort";

/// Smallest budget that is taken.
const LEAST_BUDGET: u64 = 1024;

/// Room for the answer beside a budget, where nobody limited it.
const ROOM: u64 = 4096;

/// What in a request bears on thinking.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion {
    pub(super) is_claude: bool,
    /// The model must call a tool.
    pub(super) must_call: bool,
    /// The model's last turn goes on: its thoughts would have to stand before it, and they are lost.
    pub(super) is_own_turn_open: bool,
}

/// How the model is told to think.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Thought {
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<&'static str>,
}

/// Anthropic's own field.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Thinking {
    Enabled {
        /// Tokens, which count among those of the answer.
        budget_tokens: u64,
    },
    Adaptive,
    Disabled,
}

impl Thought {
    /// The limit of the answer where the caller named none.
    pub(super) fn limit(&self, facts: &Facts) -> u64 {
        match self.thinking {
            Some(Thinking::Enabled { budget_tokens }) => facts.default_max_tokens.max(budget_tokens + ROOM),
            _ => facts.default_max_tokens,
        }
    }

    /// Is it told to think, so that some ways of picking words are closed to it?
    pub(super) fn is_aloud(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Enabled { .. } | Thinking::Adaptive))
    }
}

/// How the model is told to think, by the effort that was asked for.
pub(super) fn of(chat: &Chat<'_>, occasion: Occasion, left: &mut LeftOut<'_>) -> Thought {
    let Some(effort) = left.keep(FIELD, chat.effort) else {
        return Thought::default();
    };
    let facts = left.facts;
    let by_effort = |effort, thinking| {
        word(effort, facts).map(|word| Thought {
            thinking,
            effort: Some(word),
        })
    };
    let thought = match (facts.thinking, effort) {
        (Family::Never | Family::Budget | Family::Adaptive, Effort::None) => Some(Thought::default()),
        _ if !occasion.is_claude => None,
        (Family::AdaptiveByDefault, Effort::None) => Some(Thought {
            thinking: Some(Thinking::Disabled),
            effort: None,
        }),
        // Whether it thinks by itself is not known, so nor is how to stop it.
        (Family::Unknown, Effort::None) | (Family::Never | Family::BudgetAlways | Family::Level, _) => None,
        (Family::Budget, _) => budget(chat, effort, occasion),
        // An effort without thinking goes no further than that.
        (Family::Adaptive, _) if occasion.must_call => by_effort(effort.min(Effort::High), None),
        (Family::Adaptive, _) => by_effort(effort, Some(Thinking::Adaptive)),
        (Family::Unknown | Family::AdaptiveByDefault | Family::Always, _) => by_effort(effort, None),
    };
    thought.unwrap_or_else(|| {
        left.note(FIELD);
        Thought::default()
    })
}

/// A budget for an effort; `None` where there is no room for one.
fn budget(chat: &Chat<'_>, effort: Effort, occasion: Occasion) -> Option<Thought> {
    let wanted = match effort {
        Effort::None | Effort::Minimal | Effort::Low => LEAST_BUDGET,
        Effort::Medium => 8192,
        Effort::High | Effort::XHigh | Effort::Max => 24_576,
    };
    // A caller's limit is a promise about cost; a quarter of it stays for the answer.
    let budget_tokens = chat.max_tokens.map_or(wanted, |most| wanted.min(most - most / 4));
    let is_possible = budget_tokens >= LEAST_BUDGET && !occasion.must_call && !occasion.is_own_turn_open;
    is_possible.then_some(Thought {
        thinking: Some(Thinking::Enabled { budget_tokens }),
        effort: None,
    })
}

/// The effort in the model's words: the greatest that it takes and that asks for no more.
fn word(effort: Effort, facts: &Facts) -> Option<&'static str> {
    let effort = effort.max(Effort::Low);
    let known = Effort::ALL.into_iter().rev();
    let words = known
        .filter(|known| (Effort::Low..=effort).contains(known))
        .map(Effort::as_str);
    let is_refused = |word: &str| facts.refused_efforts.iter().any(|refused| refused == word);
    words.into_iter().find(|word| !is_refused(word))
}

/// Fields that Bedrock hands on to the model as they are.
#[derive(Serialize)]
pub(super) struct Additional<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<Number<'a>>,
}

impl<'a> Additional<'a> {
    /// The fields, if there are any.
    pub(super) fn of(thinking: Option<Thinking>, top_k: Option<Number<'a>>) -> Option<Additional<'a>> {
        (thinking.is_some() || top_k.is_some()).then_some(Additional { thinking, top_k })
    }
}
