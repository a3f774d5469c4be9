//! How long an answer may be, how its words are picked, and what ends it.
//!
//! Invariant: a value that has no meaning here is mended or left out by name; to leave out a model's own default
//! loses nothing, so that is not told.

use serde::Serialize;

use super::LeftOut;
use super::thinking::{Occasion, Thought};
use crate::dialect::hub::{Chat, Number, Text};

/// The least `top_p` that a model takes which thinks aloud.
const LEAST_WHEN_THINKING: f64 = 0.95;

/// The settings that every model takes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InferenceConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<Share<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<Share<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a Text<'a>>,
}

impl<'a> InferenceConfig<'a> {
    /// The settings of `chat`, as far as they are none of [`Sampling`]'s; `None` if there are none.
    pub(super) fn of(
        chat: &'a Chat<'a>,
        occasion: Occasion,
        thought: &Thought,
        sampling: &Sampling<'a>,
        left: &mut LeftOut<'_>,
    ) -> Option<InferenceConfig<'a>> {
        // The others' own default is as long as they can.
        let limit = occasion.is_claude.then(|| thought.limit(left.facts));
        let config = InferenceConfig {
            max_tokens: chat.max_tokens.or(limit),
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            stop_sequences: stops(chat, occasion, left),
        };
        let is_empty = config.max_tokens.is_none()
            && config.temperature.is_none()
            && config.top_p.is_none()
            && config.stop_sequences.is_empty();
        (!is_empty).then_some(config)
    }
}

/// The texts that end an answer. Nobody takes one that is empty, and Anthropic's models none that is blank.
fn stops<'a>(chat: &'a Chat<'a>, occasion: Occasion, left: &mut LeftOut<'_>) -> Vec<&'a Text<'a>> {
    let Some(asked) = left.keep("stop", Some(&chat.stop).filter(|stop| !stop.is_empty())) else {
        return Vec::new();
    };
    let is_taken = |stop: &&Text<'a>| !(stop.is_empty() || occasion.is_claude && stop.is_blank());
    let taken: Vec<_> = asked.iter().filter(is_taken).collect();
    if taken.len() < asked.len() {
        left.note("stop");
    }
    taken
}

/// How the words are picked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sampling<'a> {
    temperature: Option<Share<'a>>,
    top_p: Option<Share<'a>>,
    /// Known to Anthropic's models only.
    pub(super) top_k: Option<Number<'a>>,
}

/// A number from 0 to 1.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
enum Share<'a> {
    AsWritten(Number<'a>),
    Nearest(u8),
}

impl<'a> Share<'a> {
    fn of(number: Number<'a>) -> Share<'a> {
        match number.value() {
            value if value > 1.0 => Self::Nearest(1),
            value if value < 0.0 => Self::Nearest(0),
            _ => Self::AsWritten(number),
        }
    }

    fn value(self) -> f64 {
        match self {
            Self::AsWritten(number) => number.value(),
            Self::Nearest(value) => value.into(),
        }
    }

    /// Is it what Anthropic's models do unasked?
    fn is_one(self) -> bool {
        (self.value() - 1.0).abs() < f64::EPSILON
    }
}

impl<'a> Sampling<'a> {
    /// What is said about it in `chat`.
    pub(super) fn of(
        chat: &Chat<'a>,
        occasion: Occasion,
        thought: &Thought,
        left: &mut LeftOut<'_>,
    ) -> Sampling<'a> {
        let (temperature, top_p) = (chat.temperature.map(Share::of), chat.top_p.map(Share::of));
        if occasion.is_claude {
            return Self {
                temperature: keep("temperature", temperature, left),
                top_p: keep("top_p", top_p, left),
                top_k: left.keep("top_k", chat.top_k),
            }
            .as_claude_takes_it(thought, left);
        }
        if chat.top_k.is_some() {
            left.note("top_k");
        }
        Self {
            temperature: left.keep("temperature", temperature),
            top_p: left.keep("top_p", top_p),
            top_k: None,
        }
    }

    /// Of temperature and `top_p` the one that says something, or else the temperature; where it thinks aloud, less.
    fn as_claude_takes_it(mut self, thought: &Thought, left: &mut LeftOut<'_>) -> Self {
        let is_default = |share: Option<Share<'_>>| share.is_none_or(Share::is_one);
        if thought.is_aloud() {
            self.top_p = self.top_p.filter(|share| {
                share.value() >= LEAST_WHEN_THINKING || {
                    left.note("top_p");
                    false
                }
            });
            if !is_default(self.temperature) {
                left.note("temperature");
            }
            if self.top_k.is_some() {
                left.note("top_k");
            }
            return Self {
                temperature: None,
                top_p: self.top_p,
                top_k: None,
            };
        }
        if self.temperature.is_some() && self.top_p.is_some() {
            if is_default(self.temperature) && !is_default(self.top_p) {
                self.temperature = None;
            } else {
                if !is_default(self.top_p) {
                    left.note("top_p");
                }
                self.top_p = None;
            }
        }
        self
    }
}

/// The value of a field, unless the model refuses it; a default goes without a word.
fn keep<'a>(field: &str, value: Option<Share<'a>>, left: &mut LeftOut<'_>) -> Option<Share<'a>> {
    match value {
        Some(share) if share.is_one() && left.facts.refuse(field) => None,
        value => left.keep(field, value),
    }
}
