//! What is known of a model beyond what its provider's language says: data, looked up by the model's name.
//!
//! Invariant: a fact is only a default; whatever the configuration says of a target wins.

mod claude;
mod gpt;
mod others;
mod row;

use crate::catalog::Lacks;
use row::Row;

pub use crate::config::{MaxTokensField, Thinking};

/// What a model is like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a model, not a state"
)]
pub struct Facts {
    /// Which field limits the length of an answer, where the hub's language has two.
    pub max_tokens_field: MaxTokensField,
    /// The limit to send where one must be sent and the caller named none.
    pub default_max_tokens: u64,
    /// Fields of the hub, by name, that the model answers with an error and that can be left out.
    pub refuses: Vec<String>,
    /// How it is told to think.
    pub thinking: Thinking,
    /// It answers a forced choice of a tool with an error.
    pub refuses_forced_tools: bool,
    /// It answers a conversation that ends with the model's own words with an error.
    pub refuses_prefill: bool,
    /// It cannot hold its answer, or the arguments of a call, to a JSON Schema.
    pub refuses_json_schema: bool,
    /// Words of `reasoning_effort` that it answers with an error, beside words of the same field that it knows.
    pub refused_efforts: Vec<String>,
    /// Offered tools in chat completions, it answers with an error unless told not to think: `reasoning_effort: none`.
    pub tools_need_no_effort: bool,
    /// How many tokens its context holds, where that is known.
    pub context_window: Option<u64>,
    /// What it cannot do at all.
    pub lacks: Lacks,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            max_tokens_field: MaxTokensField::AsSent,
            default_max_tokens: 4096,
            refuses: Vec::new(),
            thinking: Thinking::Unknown,
            refuses_forced_tools: false,
            refuses_prefill: false,
            refuses_json_schema: false,
            refused_efforts: Vec::new(),
            tools_need_no_effort: false,
            context_window: None,
            lacks: Lacks::default(),
        }
    }
}

impl Facts {
    /// Does it answer this field of the hub with an error?
    pub fn refuse(&self, field: &str) -> bool {
        self.refuses.iter().any(|refused| refused == field)
    }
}

/// What is known of the model of that name, whoever serves it; the defaults when nothing is.
pub fn of(model: &str) -> Facts {
    known(model).unwrap_or_default()
}

/// What is known of the model of that name, whoever serves it.
///
/// A name may be decorated (`us.anthropic.claude-opus-5-v1:0`, `models/gemini-3-pro`): a known name is looked for
/// anywhere in it, as whole words, whatever joins them.
pub fn known(model: &str) -> Option<Facts> {
    let words: String = model
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let row = rows().find(|row| row.names.iter().any(|name| holds(&words, name)));
    row.map(|row| row.facts.spelled_out())
}

/// Every known model; a more special name comes before a more general one.
fn rows() -> impl Iterator<Item = &'static Row> {
    [claude::ROWS, gpt::ROWS, others::ROWS].into_iter().flatten()
}

/// `name` stands in `words`, with nothing but signs around it.
fn holds(words: &str, name: &str) -> bool {
    words.match_indices(name).any(|(start, _)| {
        let before = words.get(..start).unwrap_or_default();
        let after = words.get(start + name.len()..).unwrap_or_default();
        let is_apart = |rest: &str| rest.is_empty() || rest.starts_with('-');
        (before.is_empty() || before.ends_with('-')) && is_apart(after)
    })
}

#[cfg(test)]
mod tests;
