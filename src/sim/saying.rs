//! What the simulated model says: the content of one answer, before a dialect writes it.
//!
//! Invariant: the pieces of a stream, joined, are the content of the plain answer, and its tokens are their number.

use std::sync::Arc;

use super::ask::{Ask, Thought};
use super::config::Pace;
use super::manner::{Manner, Thinking};
use super::pieces::Pieces;
use super::provider::Call;

/// The most tokens of a thought.
const THOUGHT_TOKENS: u32 = 3;

/// One answer of the model.
#[derive(Debug)]
pub(super) struct Saying {
    /// The number of the request, which makes the ids.
    pub(super) number: u64,
    /// Unix seconds.
    pub(super) created: u64,
    pub(super) model: String,
    /// The provider's name.
    pub(super) name: Arc<str>,
    pub(super) blocks: Vec<Block>,
    pub(super) usage: Usage,
    pub(super) finish: Finish,
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: BlockKind,
    /// The words, or the arguments of a call.
    pub(super) text: String,
    /// Into how many pieces a stream cuts it.
    pub(super) tokens: u32,
}

/// What a part of an answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    Thought,
    Text,
    Call {
        /// Tells the calls of all answers apart; a dialect puts its own word before it.
        id: String,
        function: String,
    },
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    Calls,
    /// The safety system took the words away.
    Filtered,
}

/// Tokens, counted as `OpenAI` counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// All of the prompt's.
    pub(super) prompt: u64,
    /// The part of them that came from a cache.
    pub(super) cached: u64,
    /// The part of them that was written to a cache.
    pub(super) written: u64,
    /// All of the answer's.
    pub(super) completion: u64,
    /// The part of them that were thoughts.
    pub(super) thought: u64,
}

impl Usage {
    pub(super) const fn total(&self) -> u64 {
        self.prompt + self.completion
    }

    /// The prompt's tokens that have nothing to do with a cache.
    pub(super) const fn fresh(&self) -> u64 {
        self.prompt.saturating_sub(self.cached + self.written)
    }
}

impl Saying {
    /// What is said to this ask.
    pub(super) fn of(ask: &Ask, call: &Call<'_>, model: String, name: Arc<str>) -> Self {
        let speaker = Speaker {
            name: &name,
            number: call.number,
            pace: call.pace,
            manner: call.manner,
        };
        let (blocks, finish) = speaker.blocks(ask);
        let tokens = |of: fn(&Block) -> bool| -> u64 {
            let counted = blocks.iter().filter(|block| of(block));
            counted.map(|block| u64::from(block.tokens)).sum()
        };
        let usage = Usage {
            completion: tokens(|_| true),
            thought: tokens(|block| block.kind == BlockKind::Thought),
            ..prompt(call.manner, call.body.len())
        };
        Self {
            number: call.number,
            created: call.unix_seconds(),
            model,
            name,
            blocks,
            usage,
            finish,
        }
    }

    /// The same without a word, because the safety system took them.
    pub(super) fn filter(&mut self) {
        self.blocks.clear();
        self.finish = Finish::Filtered;
        self.usage.completion = 0;
        self.usage.thought = 0;
    }

    /// What all blocks that are text say together.
    pub(super) fn words(&self) -> String {
        let words = self.blocks.iter().filter(|block| block.kind == BlockKind::Text);
        words.map(|block| block.text.as_str()).collect()
    }

    /// The thoughts, if there are any.
    pub(super) fn thoughts(&self) -> Option<&str> {
        let mut thoughts = self
            .blocks
            .iter()
            .filter(|block| block.kind == BlockKind::Thought);
        thoughts.next().map(|block| block.text.as_str())
    }

    /// The calls: id, function, arguments.
    pub(super) fn calls(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.blocks.iter().filter_map(|block| match &block.kind {
            BlockKind::Call { id, function } => Some((id.as_str(), function.as_str(), block.text.as_str())),
            BlockKind::Thought | BlockKind::Text => None,
        })
    }

    /// The how-manieth call this block is, counted from zero.
    pub(super) fn call_index(&self, block: usize) -> usize {
        let before = self.blocks.iter().take(block);
        before
            .filter(|block| matches!(block.kind, BlockKind::Call { .. }))
            .count()
    }
}

/// The prompt's share of the usage.
pub(super) fn prompt(manner: Manner, body_size: usize) -> Usage {
    // An estimate, as good as any: four bytes to a token.
    let estimate = (body_size as u64 / 4).max(1);
    let prompt = manner.prompt_tokens.unwrap_or(estimate);
    let cached = manner.cached_tokens.min(prompt);
    Usage {
        prompt,
        cached,
        written: manner.cache_write_tokens.min(prompt - cached),
        ..Usage::default()
    }
}

/// Who speaks, and how.
struct Speaker<'a> {
    name: &'a str,
    number: u64,
    pace: Pace,
    manner: Manner,
}

impl Speaker<'_> {
    fn blocks(&self, ask: &Ask) -> (Vec<Block>, Finish) {
        let mut blocks = Vec::new();
        let is_thinking = match self.manner.thinking {
            Thinking::OnRequest => ask.thought != Thought::Nothing,
            Thinking::Always => true,
            Thinking::Never => false,
        };
        if is_thinking {
            blocks.push(self.thought(ask.thought == Thought::Hidden));
        }
        if ask.must_call.is_empty() {
            let (text, finish) = self.sentence(ask);
            blocks.push(text);
            return (blocks, finish);
        }
        if self.manner.preamble {
            blocks.push(self.sentence(ask).0);
        }
        let calls = if ask.is_one_call {
            1
        } else {
            self.manner.calls.max(1)
        };
        let functions = ask.must_call.iter().cycle().take(calls as usize);
        blocks.extend(
            functions
                .enumerate()
                .map(|(position, function)| self.call(position, function)),
        );
        (blocks, Finish::Calls)
    }

    fn tokens(&self) -> u32 {
        self.pace.tokens.max(1)
    }

    fn thought(&self, is_hidden: bool) -> Block {
        let text = if is_hidden {
            String::new()
        } else {
            format!("sim {} thinks", self.name)
        };
        Block {
            kind: BlockKind::Thought,
            text,
            tokens: self.tokens().min(THOUGHT_TOKENS),
        }
    }

    fn call(&self, position: usize, function: &str) -> Block {
        let number = self.number;
        let id = if position == 0 {
            number.to_string()
        } else {
            format!("{number}_{position}")
        };
        let function = function.to_owned();
        Block {
            kind: BlockKind::Call { id, function },
            text: format!(r#"{{"said_by":"sim-{}"}}"#, self.name),
            tokens: self.tokens(),
        }
    }

    fn sentence(&self, ask: &Ask) -> (Block, Finish) {
        let tokens = self.tokens();
        let mut words = format!("sim {} says: {}", self.name, ask.echo);
        let missing = (tokens as usize).saturating_sub(words.chars().count());
        let missing = missing.max(self.pace.answer_bytes.saturating_sub(words.len()));
        words.extend(std::iter::repeat_n('.', missing));
        let text = |text, tokens| Block {
            kind: BlockKind::Text,
            text,
            tokens,
        };
        match ask.token_limit.filter(|limit| *limit < tokens) {
            None => (text(words, tokens), Finish::Stop),
            Some(limit) => {
                let kept = Pieces::beginning(&words, tokens, limit);
                (text(kept, limit), Finish::Length)
            }
        }
    }
}

/// A text as a JSON string, with its quotes.
pub(super) fn quoted(text: &str) -> String {
    // A string always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(ask: &Ask, pace: Pace, manner: Manner) -> (Vec<Block>, Finish) {
        let speaker = Speaker {
            name: "a",
            number: 7,
            pace,
            manner,
        };
        speaker.blocks(ask)
    }

    #[test]
    fn an_answer_names_the_provider_and_keeps_the_callers_limit() {
        let ask = Ask {
            echo: "hello there".to_owned(),
            token_limit: Some(5),
            ..Ask::default()
        };

        let (blocks, finish) = said(&ask, Pace::default(), Manner::default());

        // "sim a says: hello there" has 23 characters; five of ten pieces hold the first 11.
        assert_eq!(
            (blocks[0].text.as_str(), blocks[0].tokens, finish),
            ("sim a says:", 5, Finish::Length)
        );
    }

    #[test]
    fn an_answer_is_filled_up_to_the_size_asked_for() {
        let pace = Pace {
            answer_bytes: 1000,
            ..Pace::default()
        };

        let (blocks, _) = said(&Ask::default(), pace, Manner::default());

        assert_eq!(blocks[0].text.len(), 1000);
        assert!(blocks[0].text.starts_with("sim a says: ..."));
    }

    #[test]
    fn as_many_calls_are_made_as_ordered_unless_the_caller_forbids_it() {
        let manner = Manner {
            calls: 3,
            preamble: true,
            thinking: Thinking::Always,
            ..Manner::default()
        };
        let mut ask = Ask {
            must_call: vec!["look".to_owned(), "peek".to_owned()],
            ..Ask::default()
        };
        let calls = |blocks: &[Block]| -> Vec<(String, String)> {
            let calls = blocks.iter().filter_map(|block| match &block.kind {
                BlockKind::Call { id, function } => Some((id.clone(), function.clone())),
                BlockKind::Thought | BlockKind::Text => None,
            });
            calls.collect()
        };
        let named = |id: &str, function: &str| (id.to_owned(), function.to_owned());

        let (several, finish) = said(&ask, Pace::default(), manner);
        ask.is_one_call = true;
        let (one, _) = said(&ask, Pace::default(), manner);

        assert_eq!(finish, Finish::Calls);
        assert_eq!(
            (&several[0].kind, &several[1].kind),
            (&BlockKind::Thought, &BlockKind::Text)
        );
        assert_eq!(
            calls(&several),
            [named("7", "look"), named("7_1", "peek"), named("7_2", "look")]
        );
        assert_eq!(calls(&one), [named("7", "look")]);
    }

    #[test]
    fn the_parts_of_the_prompts_usage_never_exceed_it() {
        let manner = Manner {
            prompt_tokens: Some(10),
            cached_tokens: 8,
            cache_write_tokens: 8,
            ..Manner::default()
        };

        let usage = prompt(manner, 4000);

        assert_eq!(
            (usage.prompt, usage.cached, usage.written, usage.fresh()),
            (10, 8, 2, 0)
        );
        assert_eq!(prompt(Manner::default(), 4000).prompt, 1000);
    }
}
