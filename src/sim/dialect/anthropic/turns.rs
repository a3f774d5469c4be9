//! The turns of a conversation, as the service sees them: neighbours of the same role are one.
//!
//! Invariant: what is given is never empty and begins with the user.

use serde_json::Value;

use super::family::Family;

/// A turn: everything that one side said until the other one spoke.
pub(super) struct Turn<'a> {
    pub(super) role: &'a str,
    /// The index of its first message.
    pub(super) index: usize,
    pub(super) parts: Vec<Part<'a>>,
}

/// A part of a turn; a bare text is the same as a block of it.
pub(super) enum Part<'a> {
    Text,
    Block(&'a str, &'a Value),
}

impl<'a> Part<'a> {
    fn of(block: &'a Value) -> Self {
        Self::Block(block["type"].as_str().unwrap_or_default(), block)
    }

    pub(super) const fn kind(&self) -> &'a str {
        match self {
            Self::Text => "text",
            Self::Block(kind, _) => kind,
        }
    }
}

impl<'a> Turn<'a> {
    /// The blocks of a type, in order.
    pub(super) fn blocks(&self, kind: &'static str) -> impl Iterator<Item = &'a Value> {
        self.parts.iter().filter_map(move |part| match part {
            Part::Block(it, block) if *it == kind => Some(*block),
            _ => None,
        })
    }

    pub(super) fn ids(&self, kind: &'static str, field: &'static str) -> Vec<&'a str> {
        self.blocks(kind)
            .filter_map(|block| block[field].as_str())
            .collect()
    }
}

/// Reads the turns; neighbours of the same role are one.
pub(super) fn turns<'a>(body: &'a Value, family: Option<&Family>) -> Result<Vec<Turn<'a>>, String> {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "system" {
            let hears = family.is_some_and(Family::hears_the_system);
            if hears && turns.last().is_some_and(|turn| turn.role == "user") {
                continue;
            }
            return Err(format!(
                "messages.{index}.role: Input should be 'user' or 'assistant'"
            ));
        }
        let is_last = index + 1 == messages.len();
        let parts = parts(&message["content"], index)?;
        if parts.is_empty() && !(is_last && role == "assistant") {
            return Err(format!(
                "messages.{index}: all messages must have non-empty content except for the optional final assistant message"
            ));
        }
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.parts.extend(parts),
            _ => turns.push(Turn { role, index, parts }),
        }
    }
    match turns.first() {
        None => Err("messages: at least one message is required".to_owned()),
        Some(first) if first.role != "user" => {
            Err("messages: first message must use the \"user\" role".to_owned())
        }
        Some(_) => Ok(turns),
    }
}

fn parts(content: &Value, message: usize) -> Result<Vec<Part<'_>>, String> {
    if let Some(text) = content.as_str() {
        return Ok(Some(Part::Text)
            .filter(|_| !text.is_empty())
            .into_iter()
            .collect());
    }
    let read = |(index, block): (usize, _)| match Part::of(block) {
        Part::Block("text", block) if block["text"] == "" => Err(format!(
            "messages.{message}.content.{index}.text: text content blocks must be non-empty"
        )),
        part => Ok(part),
    };
    list(content).iter().enumerate().map(read).collect()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
