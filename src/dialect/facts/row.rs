//! What a row of known models says, and how little of it most rows have to say.
//!
//! Invariant: rows are data. Within a file they go from the more special name to the more general one: the first that
//! fits is the one that is meant. Names are in lower case, with `-` for every sign between words.

use super::{Facts, MaxTokensField, Thinking};
use crate::catalog::Lacks;

/// Models of these names, and what they are like.
pub(super) struct Row {
    pub(super) names: &'static [&'static str],
    pub(super) facts: Known,
}

/// [`Facts`], written down.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a model, not a state"
)]
pub(super) struct Known {
    pub(super) context_window: Option<u64>,
    pub(super) default_max_tokens: u64,
    pub(super) max_tokens_field: MaxTokensField,
    pub(super) refuses: &'static [&'static str],
    pub(super) thinking: Thinking,
    pub(super) refused_efforts: &'static [&'static str],
    pub(super) refuses_forced_tools: bool,
    pub(super) refuses_prefill: bool,
    pub(super) refuses_json_schema: bool,
    pub(super) tools_need_no_effort: bool,
    pub(super) lacks: Lacks,
}

impl Known {
    pub(super) fn spelled_out(&self) -> Facts {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Facts {
            max_tokens_field: self.max_tokens_field,
            default_max_tokens: self.default_max_tokens,
            refuses: owned(self.refuses),
            thinking: self.thinking,
            refuses_forced_tools: self.refuses_forced_tools,
            refuses_prefill: self.refuses_prefill,
            refuses_json_schema: self.refuses_json_schema,
            refused_efforts: owned(self.refused_efforts),
            tools_need_no_effort: self.tools_need_no_effort,
            context_window: self.context_window,
            lacks: self.lacks,
        }
    }
}

pub(super) const NOTHING: Lacks = Lacks {
    tools: false,
    chat_tools: false,
    vision: false,
    streaming: false,
    json_schema: false,
    many: false,
    stream_usage: false,
};
pub(super) const NO_VISION: Lacks = Lacks {
    vision: true,
    ..NOTHING
};
/// A model that is known to be like any other.
pub(super) const PLAIN: Known = Known {
    context_window: None,
    default_max_tokens: 4096,
    max_tokens_field: MaxTokensField::AsSent,
    refuses: &[],
    thinking: Thinking::Unknown,
    refused_efforts: &[],
    refuses_forced_tools: false,
    refuses_prefill: false,
    refuses_json_schema: false,
    tools_need_no_effort: false,
    lacks: NOTHING,
};
/// A model that does not think.
pub(super) const UNTHINKING: Known = Known {
    thinking: Thinking::Never,
    ..PLAIN
};

/// A row.
pub(super) const fn row(names: &'static [&'static str], facts: Known) -> Row {
    Row { names, facts }
}
