//! The conversation, as the strict turns of two that Bedrock wants.
//!
//! Invariant: the user has the first word, nobody speaks twice in a row, nobody says nothing, and the results of
//! calls come before anything else in their turn. Instructions are not part of it.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::call_id;
use super::media::{Document, DocumentNames, Image};
use super::tools;
use crate::dialect::claude::{self, NOTHING};
use crate::dialect::hub::{self, Call, CallIds, Chat, Part, Text, Unsupported};

/// What is said beside a document that came without a word.
const SEE_DOCUMENT: &str = "See the document.";

/// What a tool says that said nothing; not every model takes an empty result.
const NO_OUTPUT: &str = "(no output)";

/// The conversation of a request.
pub(super) struct Conversation<'a> {
    pub(super) messages: Vec<Message<'a>>,
    /// The model's are the last words: it is to go on where they stop.
    pub(super) ends_with_own_words: bool,
    /// The model has not come to the end of its last turn: it called tools in it, or its words are the last.
    pub(super) is_own_turn_open: bool,
}

/// One turn.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    role: Role,
    content: Vec<Block<'a>>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

/// A part of a turn.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Block<'a> {
    Text(Text<'a>),
    Image(Image<'a>),
    Document(Document<'a>),
    #[serde(rename_all = "camelCase")]
    ToolUse {
        tool_use_id: Cow<'a, str>,
        name: &'a Text<'a>,
        input: Cow<'a, RawValue>,
    },
    #[serde(rename_all = "camelCase")]
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'static str>,
    },
}

impl<'a> Block<'a> {
    /// A text; one with nothing in it is refused, so it is none.
    pub(super) fn text(text: &'a Text<'a>) -> Option<Block<'a>> {
        (!text.is_blank()).then(|| Self::Text(text.clone()))
    }

    /// A text of our own.
    pub(super) fn own(text: &'static str) -> Block<'a> {
        Self::Text(Text::Own(Cow::Borrowed(text)))
    }
}

impl<'a> Conversation<'a> {
    /// The conversation in `chat`.
    pub(super) fn read(chat: &'a Chat<'a>) -> Result<Conversation<'a>, Unsupported> {
        let mut turns = Turns {
            done: Vec::new(),
            ids: CallIds::new(call_id::LONGEST, call_id::plain),
            names: DocumentNames::default(),
        };
        for message in &chat.messages {
            turns.add(message)?;
        }
        // Whoever ends with something else than the model's words wants an answer, not a continuation of them.
        if turns.ends_with_own_words()
            && !matches!(chat.messages.last(), Some(hub::Message::Assistant { .. }))
        {
            turns.say(Role::User, vec![Block::own(NOTHING)]);
        }
        let ends_with_own_words = turns.ends_with_own_words();
        let own = turns.done.iter().rfind(|turn| turn.role == Role::Assistant);
        let has_called = own.is_some_and(|turn| {
            let is_call = |block: &Block<'_>| matches!(block, Block::ToolUse { .. });
            turn.said.iter().any(is_call)
        });
        Ok(Conversation {
            ends_with_own_words,
            is_own_turn_open: ends_with_own_words || has_called,
            messages: turns.finish(),
        })
    }
}

struct Turns<'a> {
    done: Vec<Turn<'a>>,
    ids: CallIds<'a>,
    names: DocumentNames,
}

struct Turn<'a> {
    role: Role,
    /// What comes first.
    results: Vec<Block<'a>>,
    said: Vec<Block<'a>>,
}

impl<'a> Turns<'a> {
    fn add(&mut self, message: &'a hub::Message<'a>) -> Result<(), Unsupported> {
        match message {
            hub::Message::System(_) => {}
            hub::Message::User(parts) => {
                let said = self.blocks(parts)?;
                self.say(Role::User, said);
            }
            hub::Message::Assistant { texts, calls } => {
                let mut said: Vec<Block<'a>> = texts.iter().filter_map(Block::text).collect();
                for call in calls {
                    said.push(self.call(call)?);
                }
                self.say(Role::Assistant, said);
            }
            hub::Message::Tool { id, parts, is_error } => {
                let mut content = self.blocks(parts)?;
                if content.is_empty() {
                    content.push(Block::own(NO_OUTPUT));
                }
                let result = Block::ToolResult {
                    tool_use_id: self.ids.result(id.decoded()),
                    content,
                    // Not every model knows of it, and success goes without saying.
                    status: is_error.then_some("error"),
                };
                self.turn(Role::User).results.push(result);
            }
        }
        Ok(())
    }

    fn say(&mut self, role: Role, said: Vec<Block<'a>>) {
        if !said.is_empty() {
            self.turn(role).said.extend(said);
        }
    }

    /// The turn of this speaker that goes on, or a new one.
    fn turn(&mut self, role: Role) -> &mut Turn<'a> {
        if self.done.last().is_none_or(|turn| turn.role != role) {
            self.done.push(Turn {
                role,
                results: Vec::new(),
                said: Vec::new(),
            });
        }
        self.done.last_mut().expect("there is one by now")
    }

    fn blocks(&mut self, parts: &'a [Part<'a>]) -> Result<Vec<Block<'a>>, Unsupported> {
        let mut blocks = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text(text) => blocks.extend(Block::text(text)),
                Part::Image(source) => blocks.push(Block::Image(Image::of(source)?)),
                Part::File(source, name) => {
                    let document = Document::of(source, name.as_ref(), &mut self.names)?;
                    blocks.push(Block::Document(document));
                }
                Part::Other(kind) => return Err(Unsupported(kind)),
            }
        }
        Ok(blocks)
    }

    fn call(&mut self, call: &'a Call<'a>) -> Result<Block<'a>, Unsupported> {
        Ok(Block::ToolUse {
            tool_use_id: self.ids.call(call.id.decoded()),
            name: tools::name(&call.name)?,
            input: call.arguments.object()?,
        })
    }

    fn ends_with_own_words(&self) -> bool {
        self.done.last().is_some_and(|turn| turn.role == Role::Assistant)
    }

    fn finish(mut self) -> Vec<Message<'a>> {
        self.trim_end();
        let begins_with_user = self.done.first().is_some_and(|turn| turn.role == Role::User);
        let begin = (!begins_with_user).then(|| Message {
            role: Role::User,
            content: vec![Block::own(NOTHING)],
        });
        begin
            .into_iter()
            .chain(self.done.into_iter().map(Turn::finish))
            .collect()
    }

    /// Words for the model to go on from may not end in white space.
    fn trim_end(&mut self) {
        if let Some(turn) = self.done.last_mut().filter(|turn| turn.role == Role::Assistant)
            && let Some(Block::Text(text)) = turn.said.last_mut()
        {
            claude::trim_end(text);
        }
    }
}

impl<'a> Turn<'a> {
    fn finish(self) -> Message<'a> {
        let has = |wanted: fn(&Block<'a>) -> bool| self.said.iter().any(wanted);
        let is_without_words =
            has(|block| matches!(block, Block::Document(_))) && !has(|block| matches!(block, Block::Text(_)));
        let mut content = self.results;
        content.extend(self.said);
        if is_without_words {
            content.push(Block::own(SEE_DOCUMENT));
        }
        Message {
            role: self.role,
            content,
        }
    }
}
