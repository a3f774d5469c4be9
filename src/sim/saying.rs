//! What the simulated model says: the content of one answer, before it becomes JSON or events.
//!
//! Invariant: the pieces of a stream, joined, are the content of the plain answer.

use std::sync::Arc;

use super::ask::Ask;
use super::config::Pace;

/// One answer of the model.
#[derive(Debug)]
pub(super) struct Saying {
    /// The number of the request, which makes the id.
    pub(super) number: u64,
    pub(super) created: u64,
    pub(super) model: String,
    /// The provider's name.
    pub(super) name: Arc<str>,
    /// Add what Azure adds.
    pub(super) is_azure: bool,
    pub(super) content: Content,
    pub(super) usage: Usage,
    pub(super) finish: &'static str,
}

/// In which form it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Chat(String),
    /// The `text` of the older completions.
    Text(String),
    ToolCall {
        function: String,
        arguments: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) prompt: u64,
    pub(super) completion: u32,
}

impl Content {
    /// What is said to this ask, how many tokens it has, and why it ends.
    pub(super) fn of(ask: &Ask<'_>, name: &str, pace: Pace) -> (Self, u32, &'static str) {
        if let Some(function) = ask.forced_tool() {
            let arguments = format!(r#"{{"said_by":"sim-{name}"}}"#);
            return (
                Self::ToolCall { function, arguments },
                pace.tokens.max(1),
                "tool_calls",
            );
        }
        let (words, tokens, finish) = sentence(ask, name, pace);
        let content = if ask.messages.is_some() {
            Self::Chat(words)
        } else {
            Self::Text(words)
        };
        (content, tokens, finish)
    }

    /// The characters that a stream gives out bit by bit.
    pub(super) fn characters(&self) -> &str {
        match self {
            Self::Chat(text) | Self::Text(text) | Self::ToolCall { arguments: text, .. } => text,
        }
    }
}

fn sentence(ask: &Ask<'_>, name: &str, pace: Pace) -> (String, u32, &'static str) {
    let tokens = pace.tokens.max(1);
    let mut words = format!("sim {name} says: {}", ask.echo());
    let missing = (tokens as usize).saturating_sub(words.chars().count());
    let missing = missing.max(pace.answer_bytes.saturating_sub(words.len()));
    words.extend(std::iter::repeat_n('.', missing));
    match ask.token_limit().filter(|limit| *limit < tokens) {
        None => (words, tokens, "stop"),
        Some(limit) => {
            let kept = Pieces::new(&words, tokens).take_from(&words, limit);
            (kept, limit, "length")
        }
    }
}

/// Cuts a text into a number of pieces of nearly the same length, one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pieces {
    characters: usize,
    count: usize,
    given: usize,
    offset: usize,
}

impl Pieces {
    pub(super) fn new(text: &str, pieces: u32) -> Self {
        Self {
            characters: text.chars().count(),
            count: pieces as usize,
            given: 0,
            offset: 0,
        }
    }

    /// The next piece of the same text.
    pub(super) fn next_of<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if self.given >= self.count {
            return None;
        }
        let end = |given: usize| given * self.characters / self.count;
        let count = end(self.given + 1) - end(self.given);
        let rest = text.get(self.offset..).unwrap_or_default();
        let bytes: usize = rest.chars().take(count).map(char::len_utf8).sum();
        self.given += 1;
        self.offset += bytes;
        rest.get(..bytes)
    }

    fn take_from(mut self, text: &str, count: u32) -> String {
        (0..count).map_while(|_| self.next_of(text)).collect()
    }
}

/// A text as a JSON string, with its quotes.
pub(super) fn quoted(text: &str) -> String {
    // A string always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_pieces_joined_are_the_text(text in "\\PC{0,60}", pieces in 1u32..40) {
            let mut cut = Pieces::new(&text, pieces);
            let given: Vec<_> = std::iter::from_fn(|| cut.next_of(&text)).collect();

            prop_assert_eq!(given.len(), pieces as usize);
            prop_assert_eq!(given.concat(), text);
        }
    }

    #[test]
    fn an_answer_names_the_provider_and_keeps_the_callers_limit() {
        let body = r#"{"messages":[{"role":"user","content":"hello there"}],"max_tokens":5}"#;
        let ask = serde_json::from_str(body).unwrap();

        let (content, tokens, finish) = Content::of(
            &ask,
            "a",
            Pace {
                tokens: 10,
                ..Pace::default()
            },
        );

        // "sim a says: hello there" has 23 characters; five of ten pieces hold the first 11.
        assert_eq!(
            (content, tokens, finish),
            (Content::Chat("sim a says:".to_owned()), 5, "length")
        );
    }

    #[test]
    fn an_answer_is_filled_up_to_the_size_asked_for() {
        let ask = Ask::default();

        let (content, ..) = Content::of(
            &ask,
            "a",
            Pace {
                answer_bytes: 1000,
                ..Pace::default()
            },
        );

        assert_eq!(content.characters().len(), 1000);
        assert!(content.characters().starts_with("sim a says: ..."));
    }
}
