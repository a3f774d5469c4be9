//! The conversation, turn by turn.
//!
//! Invariant: it begins with the user, turns alternate, none is empty, and the results of tools come first in theirs.

use serde::Serialize;

use super::block::Block;
use super::ids;
use crate::dialect::claude::{self, NOTHING};
use crate::dialect::hub::{Call, CallIds, Chat, Message, Unsupported};

/// The turns of a conversation.
pub(super) struct Talk<'a> {
    turns: Vec<OpenTurn<'a>>,
    ids: CallIds<'a>,
}

/// All that one side says at a time.
#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: Role,
    content: Vec<Block<'a>>,
}

/// A turn that may go on.
struct OpenTurn<'a> {
    role: Role,
    /// What comes first.
    results: Vec<Block<'a>>,
    said: Vec<Block<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    User,
    Assistant,
}

impl<'a> Talk<'a> {
    /// The conversation of this request, less its instructions.
    pub(super) fn of(chat: &'a Chat<'a>) -> Result<Self, Unsupported> {
        let mut talk = Self {
            turns: Vec::new(),
            ids: CallIds::new(usize::MAX, ids::legal),
        };
        for message in &chat.messages {
            talk.add(message)?;
        }
        // Whoever ends with something else than the model's words wants an answer, not a continuation of them.
        let waits =
            talk.ends_with_own_words() && !matches!(chat.messages.last(), Some(Message::Assistant { .. }));
        if waits {
            talk.turn(Role::User).said.push(Block::own(NOTHING.into()));
        }
        talk.trim_end();
        Ok(talk)
    }

    /// Are the model's the last words?
    pub(super) fn ends_with_own_words(&self) -> bool {
        self.turns.last().is_some_and(|turn| turn.role == Role::Assistant)
    }

    /// Has the model not come to the end of its last turn: did it call tools in it, or are its words the last?
    pub(super) fn is_own_turn_open(&self) -> bool {
        let own = self.turns.iter().rfind(|turn| turn.role == Role::Assistant);
        self.ends_with_own_words() || own.is_some_and(|turn| turn.said.iter().any(Block::is_call))
    }

    /// The turns as they are written.
    pub(super) fn into_turns(self) -> Vec<Turn<'a>> {
        let begins_with_user = self.turns.first().is_some_and(|turn| turn.role == Role::User);
        let opening = (!begins_with_user).then(|| Turn {
            role: Role::User,
            content: vec![Block::own(NOTHING.into())],
        });
        let turns = self.turns.into_iter().map(|mut turn| {
            turn.results.append(&mut turn.said);
            Turn {
                role: turn.role,
                content: turn.results,
            }
        });
        opening.into_iter().chain(turns).collect()
    }

    fn add(&mut self, message: &'a Message<'a>) -> Result<(), Unsupported> {
        match message {
            Message::System(_) => {}
            Message::User(parts) => {
                for block in Block::all(parts)? {
                    self.turn(Role::User).said.push(block);
                }
            }
            Message::Assistant { texts, calls } => {
                for block in texts.iter().filter_map(Block::text) {
                    self.turn(Role::Assistant).said.push(block);
                }
                for call in calls {
                    let block = self.call(call)?;
                    self.turn(Role::Assistant).said.push(block);
                }
            }
            Message::Tool { id, parts, is_error } => {
                let block = Block::ToolResult {
                    tool_use_id: self.ids.result(id.decoded()),
                    content: Block::all(parts)?,
                    is_error: *is_error,
                };
                self.turn(Role::User).results.push(block);
            }
        }
        Ok(())
    }

    fn call(&mut self, call: &'a Call<'a>) -> Result<Block<'a>, Unsupported> {
        Ok(Block::ToolUse {
            id: self.ids.call(call.id.decoded()),
            name: &call.name,
            input: call.arguments.object()?,
        })
    }

    /// The turn of that side that is on: the last, or a new one.
    fn turn(&mut self, role: Role) -> &mut OpenTurn<'a> {
        if self.turns.last().is_none_or(|turn| turn.role != role) {
            self.turns.push(OpenTurn {
                role,
                results: Vec::new(),
                said: Vec::new(),
            });
        }
        self.turns.last_mut().expect("one was added if there was none")
    }

    /// Words for the model to go on from may not end in white space.
    fn trim_end(&mut self) {
        if let Some(turn) = self.turns.last_mut().filter(|turn| turn.role == Role::Assistant)
            && let Some(Block::Text { text }) = turn.said.last_mut()
        {
            claude::trim_end(text);
        }
    }
}
