//! How a model is told to think, and the fields that only Anthropic's models take.
//!
//! Invariant: thinking gives way to what binds: a call that must be made, words or results that must be gone on from.
//! Where it cannot be carried it is left out by name.

use serde::Serialize;

use super::LeftOut;
use crate::dialect::claude::{self, Thinking};
use crate::dialect::facts::{Facts, Thinking as Family};
use crate::dialect::hub::{Chat, Effort, Number};

/// The field of the hub.
const FIELD: &str = "reasoning_effort";

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

impl Thought {
    /// The limit of the answer where the caller named none.
    pub(super) fn limit(&self, facts: &Facts) -> u64 {
        claude::limit(self.thinking, facts)
    }

    /// Is it told to think, so that some ways of picking words are closed to it?
    pub(super) fn is_aloud(&self) -> bool {
        self.thinking.is_some_and(Thinking::is_aloud)
    }
}

/// How the model is told to think, by the effort that was asked for.
pub(super) fn of(chat: &Chat<'_>, occasion: Occasion, left: &mut LeftOut<'_>) -> Thought {
    let Some(effort) = left.keep(FIELD, chat.effort) else {
        return Thought::default();
    };
    let facts = left.facts;
    let by_effort = |effort, thinking| {
        claude::word(effort, facts).map(|word| Thought {
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
        (Family::Budget, _) if occasion.must_call || occasion.is_own_turn_open => None,
        (Family::Budget, _) => Thinking::by_budget(effort, chat.max_tokens).map(|thinking| Thought {
            thinking: Some(thinking),
            effort: None,
        }),
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
