//! A complete answer, and how it is written in the hub's own form.
//!
//! Invariant: an answer says something, or says why not: every choice has a finish.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;

use super::chunks::Chunks;
use crate::dialect::usage::Usage;

/// Most bytes of a text that are told at a time.
const LONGEST_PIECE: usize = 1 << 20;

/// A complete answer.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::dialect) struct Answer<'a> {
    /// The provider's id of it, or ours.
    pub(in crate::dialect) id: Cow<'a, str>,
    /// When, in seconds since 1970.
    pub(in crate::dialect) created: u64,
    /// The model, as the provider names it.
    pub(in crate::dialect) model: Cow<'a, str>,
    pub(in crate::dialect) choices: Vec<Choice<'a>>,
    pub(in crate::dialect) usage: Option<Usage>,
}

/// One of the answers.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::dialect) struct Choice<'a> {
    /// All its text; `None` when it has none.
    pub(in crate::dialect) text: Option<Cow<'a, str>>,
    /// What it was thinking, when that is told.
    pub(in crate::dialect) reasoning: Option<Cow<'a, str>>,
    /// Why it would not answer.
    pub(in crate::dialect) refusal: Option<Cow<'a, str>>,
    pub(in crate::dialect) calls: Vec<Said<'a>>,
    pub(in crate::dialect) finish: Finish,
}

/// A call of a tool in an answer.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::dialect) struct Said<'a> {
    pub(in crate::dialect) id: Cow<'a, str>,
    pub(in crate::dialect) name: Cow<'a, str>,
    /// JSON, as text.
    pub(in crate::dialect) arguments: Cow<'a, str>,
    /// What its maker wants back with it.
    pub(in crate::dialect) signature: Option<Cow<'a, str>>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) enum Finish {
    /// It was complete.
    Stop,
    /// It was long enough.
    Length,
    /// Tools are to be called.
    ToolCalls,
    /// It was held back.
    ContentFilter,
}

impl Finish {
    /// The word of the hub.
    pub(in crate::dialect) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }

    /// The finish of that word, of whatever server that speaks the hub's language.
    pub(in crate::dialect) fn from_word(word: &str) -> Finish {
        match word {
            "length" | "model_length" | "max_tokens" => Self::Length,
            "tool_calls" | "function_call" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            _ => Self::Stop,
        }
    }
}

impl Answer<'_> {
    /// The answer in the hub's own form.
    pub(in crate::dialect) fn write(&self) -> Bytes {
        let body = WrittenAnswer {
            id: &self.id,
            object: "chat.completion",
            created: self.created,
            model: &self.model,
            choices: self.choices.iter().enumerate().map(WrittenChoice::of).collect(),
            usage: self.usage.map(WrittenUsage::of),
        };
        serde_json::to_vec(&body)
            .expect("plain values are written without failure")
            .into()
    }
}

impl Answer<'_> {
    /// Does it hold nothing, because it was held back?
    pub(in crate::dialect) fn is_withheld(&self) -> bool {
        self.choices.iter().all(|choice| {
            let is_empty = choice.text.as_deref().unwrap_or_default().is_empty() && choice.calls.is_empty();
            is_empty && choice.finish == Finish::ContentFilter
        })
    }

    /// Tells the answer as a stream, in events that every reader takes.
    pub(in crate::dialect) fn play(&self, chunks: &mut Chunks) {
        chunks.name(&self.id, &self.model);
        chunks.begin();
        for (index, choice) in (0..).zip(&self.choices) {
            pieces(choice.reasoning.as_deref()).for_each(|piece| chunks.reasoning(index, piece));
            pieces(choice.text.as_deref()).for_each(|piece| chunks.text(index, piece));
            pieces(choice.refusal.as_deref()).for_each(|piece| chunks.refusal(index, piece));
            for (call, said) in choice.calls.iter().enumerate() {
                chunks.call(index, call, (&said.id, &said.name, said.signature.as_deref()));
                pieces(Some(&said.arguments)).for_each(|piece| chunks.arguments(index, call, piece));
            }
            chunks.finish(index, choice.finish);
        }
        if let Some(usage) = self.usage {
            chunks.usage(usage);
        }
        chunks.done();
    }
}

/// A text in pieces of which each, however it is escaped, fits into one event.
fn pieces(text: Option<&str>) -> impl Iterator<Item = &str> {
    let mut rest = text.unwrap_or_default();
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(LONGEST_PIECE));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[derive(Serialize)]
struct WrittenAnswer<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<WrittenChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WrittenUsage>,
}

#[derive(Serialize)]
struct WrittenChoice<'a> {
    index: usize,
    message: WrittenMessage<'a>,
    logprobs: (),
    finish_reason: &'static str,
}

impl<'a> WrittenChoice<'a> {
    fn of((index, choice): (usize, &'a Choice<'a>)) -> Self {
        Self {
            index,
            message: WrittenMessage {
                role: "assistant",
                content: choice.text.as_deref(),
                refusal: choice.refusal.as_deref(),
                reasoning_content: choice.reasoning.as_deref(),
                tool_calls: choice.calls.iter().map(WrittenCall::of).collect(),
            },
            logprobs: (),
            finish_reason: choice.finish.as_str(),
        }
    }
}

#[derive(Serialize)]
struct WrittenMessage<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WrittenCall<'a>>,
}

#[derive(Serialize)]
struct WrittenCall<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: WrittenFunction<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Extra<'a>>,
}

impl<'a> WrittenCall<'a> {
    fn of(call: &'a Said<'a>) -> Self {
        Self {
            id: &call.id,
            kind: "function",
            function: WrittenFunction {
                name: &call.name,
                arguments: &call.arguments,
            },
            extra_content: call.signature.as_deref().map(Extra::of),
        }
    }
}

#[derive(Serialize)]
struct WrittenFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// What travels with a call so that its maker gets it back.
#[derive(Serialize)]
pub(super) struct Extra<'a> {
    google: Google<'a>,
}

impl<'a> Extra<'a> {
    pub(super) fn of(thought_signature: &'a str) -> Self {
        Self {
            google: Google { thought_signature },
        }
    }
}

#[derive(Serialize)]
struct Google<'a> {
    thought_signature: &'a str,
}

#[derive(Serialize)]
pub(super) struct WrittenUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

impl WrittenUsage {
    pub(super) fn of(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cached_input,
                cache_write_tokens: usage.cache_write,
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning,
            },
        }
    }
}
