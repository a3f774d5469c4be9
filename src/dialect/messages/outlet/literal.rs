//! Text as it is written in JSON, put together of pieces.
//!
//! Invariant: nothing is decoded, so a character whose halves came in two pieces is whole again when they are put
//! together.

use crate::dialect::hub::Text;

/// A JSON string without its quotes.
#[derive(Debug, Default)]
pub(super) struct Literal(String);

impl Literal {
    pub(super) fn of(text: &Text<'_>) -> Self {
        let mut literal = Self::default();
        literal.push(text);
        literal
    }

    /// Adds a text at the end.
    pub(super) fn push(&mut self, text: &Text<'_>) {
        let written = match text {
            Text::Raw(raw) => {
                self.0.push_str(inner(raw.get()));
                return;
            }
            Text::Own(text) => serde_json::to_string(text),
        };
        self.0
            .push_str(inner(&written.expect("a text is written without failure")));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Is there nothing in it but white space?
    pub(super) fn is_blank(&self) -> bool {
        let text = serde_json::from_str::<String>(&format!("\"{}\"", self.0));
        text.is_ok_and(|text| text.trim().is_empty())
    }

    /// As it is written, without quotes.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn inner(literal: &str) -> &str {
    literal
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or_default()
}
