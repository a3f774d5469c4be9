//! What is known of a model beyond what its provider's language says: data, looked up by the model's name.
//!
//! Invariant: a fact is only a default; whatever the configuration says of a target wins.

/// What a model is like.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        }
    }
}

impl Facts {
    /// Does it answer this field of the hub with an error?
    pub fn refuse(&self, field: &str) -> bool {
        self.refuses.iter().any(|refused| refused == field)
    }
}

/// The field that limits the length of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MaxTokensField {
    /// Whichever the caller used.
    AsSent,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
    /// `max_tokens`.
    MaxTokens,
}

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Thinking {
    /// Nothing is known: an effort is sent where the language has a field for it.
    Unknown,
    /// It cannot: an effort is dropped.
    Never,
    /// By a budget of tokens (Claude up to 4.5).
    Budget,
    /// By a budget of tokens, and never not at all (Gemini 2.5 Pro).
    BudgetAlways,
    /// If asked to, as much as it sees fit, by an effort (Claude 4.6 to 4.8).
    Adaptive,
    /// As much as it sees fit unless told not to (Claude Opus 5).
    AdaptiveByDefault,
    /// Always, by an effort (Claude Fable 5 and Mythos 5).
    Always,
    /// By a level (Gemini 3).
    Level,
}

/// What is known of the model of that name, whoever serves it.
///
/// A name may be decorated (`us.anthropic.claude-opus-5-v1:0`, `models/gemini-3-pro`): a pattern is looked for
/// anywhere in it, at the beginning of a word.
pub fn of(model: &str) -> Facts {
    let _ = model;
    Facts::default()
}
