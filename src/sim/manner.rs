//! How answers are made beyond their pace: thoughts, calls, and the numbers of the usage.
//!
//! Invariant: the numbers mean the same in every dialect (cached tokens are a part of the prompt's, those of thoughts
//! a part of the answer's); each language writes them as its service does.

use serde::{Deserialize, Serialize};

/// How answers are made. It can be changed while the provider runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manner {
    /// Whether an answer shows thoughts before its words.
    pub thinking: Thinking,
    /// How many calls are made where one has to be made; callers that forbid parallel calls get one.
    pub calls: u32,
    /// Words before the calls.
    pub preamble: bool,
    /// How many tokens the prompt is said to have; without a number, a quarter of the body's bytes.
    pub prompt_tokens: Option<u64>,
    /// How many of them came from a cache.
    pub cached_tokens: u64,
    /// How many of them were written to a cache.
    pub cache_write_tokens: u64,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            thinking: Thinking::OnRequest,
            calls: 1,
            preamble: false,
            prompt_tokens: None,
            cached_tokens: 0,
            cache_write_tokens: 0,
        }
    }
}

/// When thoughts are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Thinking {
    /// When the request asks for them in the way of its dialect.
    #[default]
    OnRequest,
    /// In every answer.
    Always,
    /// In none.
    Never,
}
