//! The conversation.
//!
//! Invariant: neighbours of one role are one content, and the results of one turn's calls are a content of their own,
//! which newer models insist on; nothing is empty.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;

use super::part::{FunctionCall, FunctionResponse, Part, Response};
use super::tools::function_name;
use crate::dialect::facts::{Facts, Thinking};
use crate::dialect::hub::{self, Call, Chat, Message, Text, Unsupported};

/// Stands for the signature of a call that another model made.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// What one side says at a time.
#[derive(Serialize)]
pub(super) struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<Part<'a>>,
}

/// All instructions as one content, which has no role.
pub(super) fn instruction<'a>(chat: &'a Chat<'a>) -> Option<Content<'a>> {
    let texts = chat.instructions().filter(|text| !text.is_empty());
    let parts: Vec<_> = texts.map(|text| Part::Text { text }).collect();
    (!parts.is_empty()).then_some(Content { role: None, parts })
}

/// The conversation without the instructions.
pub(super) fn conversation<'a>(chat: &'a Chat<'a>, facts: &Facts) -> Result<Vec<Content<'a>>, Unsupported> {
    let mut contents = Contents {
        wants_signatures: facts.thinking == Thinking::Level,
        ..Contents::default()
    };
    for message in &chat.messages {
        contents.add(message)?;
    }
    contents.add_attachments();
    match contents.last {
        None => Err(Unsupported("empty_messages")),
        Some(Turn::Model) if facts.refuses_prefill => Err(Unsupported("assistant_prefill")),
        Some(_) => Ok(contents.written),
    }
}

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    User,
    /// The user's, with the results of calls.
    Results,
    Model,
}

#[derive(Default)]
struct Contents<'a> {
    written: Vec<Content<'a>>,
    /// Whose the last of them is.
    last: Option<Turn>,
    /// The last of them has a call in it.
    has_call: bool,
    /// The names of the functions that were called, by the call's id.
    names: HashMap<Cow<'a, str>, &'a Text<'a>>,
    /// Images and files among the results, which go after them.
    attachments: Vec<Part<'a>>,
    /// The first call of a turn must have one.
    wants_signatures: bool,
}

impl<'a> Contents<'a> {
    fn add(&mut self, message: &'a Message<'a>) -> Result<(), Unsupported> {
        if !matches!(message, Message::Tool { .. }) {
            self.add_attachments();
        }
        match message {
            Message::System(_) => {}
            Message::User(parts) => {
                for part in parts.iter().filter_map(Part::of) {
                    self.push(Turn::User, part?);
                }
            }
            Message::Assistant { texts, calls } => {
                for text in texts.iter().filter(|text| !text.is_empty()) {
                    self.push(Turn::Model, Part::Text { text });
                }
                for call in calls {
                    self.add_call(call)?;
                }
            }
            Message::Tool { id, parts, is_error } => self.add_result(id, parts, *is_error)?,
        }
        Ok(())
    }

    fn add_call(&mut self, call: &'a Call<'a>) -> Result<(), Unsupported> {
        let name = function_name(&call.name)?;
        self.names.insert(call.id.decoded(), name);
        let own = call.signature.as_ref().filter(|text| !text.is_empty());
        let stand_in = || Cow::Owned(Text::Own(Cow::Borrowed(NO_SIGNATURE)));
        let part = Part::Call {
            function_call: FunctionCall {
                id: &call.id,
                name,
                args: call.arguments.object()?,
            },
            thought_signature: own
                .map(Cow::Borrowed)
                .or_else(|| (self.wants_signatures && !self.has_call).then(stand_in)),
        };
        self.push(Turn::Model, part);
        Ok(())
    }

    fn add_result(
        &mut self,
        id: &'a Text<'a>,
        parts: &'a [hub::Part<'a>],
        is_error: bool,
    ) -> Result<(), Unsupported> {
        let name = self.names.get(&id.decoded()).copied();
        let name = name.ok_or(Unsupported("tool_call_id"))?;
        let mut texts = Vec::new();
        for part in parts {
            match part {
                hub::Part::Text(text) => texts.push(text),
                other => self.attachments.extend(Part::of(other).transpose()?),
            }
        }
        let said = match texts[..] {
            [text] => Cow::Borrowed(text),
            _ => Cow::Owned(joined(&texts)),
        };
        let response = if is_error {
            Response::Error(said)
        } else {
            Response::Output(said)
        };
        let function_response = FunctionResponse { id, name, response };
        self.push(Turn::Results, Part::Result { function_response });
        Ok(())
    }

    fn add_attachments(&mut self) {
        for part in std::mem::take(&mut self.attachments) {
            self.push(Turn::User, part);
        }
    }

    fn push(&mut self, turn: Turn, part: Part<'a>) {
        let role = match turn {
            Turn::User | Turn::Results => "user",
            Turn::Model => "model",
        };
        let goes_on = self.last == Some(turn);
        self.has_call = (goes_on && self.has_call) || matches!(part, Part::Call { .. });
        match self.written.last_mut() {
            Some(content) if goes_on => content.parts.push(part),
            _ => self.written.push(Content {
                role: Some(role),
                parts: vec![part],
            }),
        }
        self.last = Some(turn);
    }
}

/// Several texts as one.
fn joined<'a>(texts: &[&Text<'_>]) -> Text<'a> {
    let texts: Vec<_> = texts.iter().map(|text| text.decoded()).collect();
    Text::Own(Cow::Owned(texts.join("\n")))
}
