//! Calls of tools that come in pieces, several at a time perhaps, and go out one after another.
//!
//! Invariant: a call goes out piece by piece while it is the first that is not complete, so in the usual order nothing
//! is held back. A call is complete when its arguments are a whole JSON object and another call has begun, or when the
//! answer ends.

use super::events::Events;
use super::literal::Literal;
use crate::dialect::hub::{Object, Text};

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    list: Vec<Call>,
    /// The first that is not complete.
    current: usize,
    /// Bytes of arguments that did not go out yet.
    held: usize,
    /// Bytes of ids and names.
    kept: usize,
}

/// One call.
#[derive(Debug, Default)]
struct Call {
    /// What its pieces are known by.
    key: Option<u64>,
    id: String,
    name: Literal,
    /// Arguments that did not go out yet.
    pending: Literal,
    nesting: Nesting,
    is_open: bool,
}

impl Calls {
    /// Is none of them known by its name?
    pub(super) fn is_empty(&self) -> bool {
        self.list.iter().all(|call| call.name.is_empty())
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.held + self.kept + self.list.len() * size_of::<Call>()
    }

    /// Adds a piece of a call.
    pub(super) fn add(&mut self, piece: &Object<'_>) {
        let function = piece.object("function").unwrap_or_default();
        let id = piece.word("id").unwrap_or_default();
        let name = function.text("name").filter(|name| !name.is_empty());
        let Some(at) = self.find(piece.count("index"), &id, name.is_some()) else {
            return;
        };
        let Some(call) = self.list.get_mut(at) else {
            return;
        };
        if call.id.is_empty() {
            id.as_ref().clone_into(&mut call.id);
            self.kept += call.id.len();
        }
        if call.name.is_empty() {
            call.name = name.as_ref().map(Literal::of).unwrap_or_default();
            self.kept += call.name.len();
        }
        if at < self.current {
            // It was complete, so what follows can only be white space.
            return;
        }
        let fragment = match (function.text("arguments"), function.object("arguments")) {
            (Some(text), _) => text,
            (None, Some(_)) => {
                let json = function.get("arguments").map_or("{}", |raw| raw.get());
                Text::Own(json.into())
            }
            (None, None) => return,
        };
        call.nesting.read(&fragment.decoded());
        let before = call.pending.len();
        call.pending.push(&fragment);
        self.held += call.pending.len() - before;
    }

    /// Lets go out what can.
    pub(super) fn advance(&mut self, events: &mut Events) {
        while let Some(call) = self.list.get_mut(self.current) {
            if call.name.is_empty() {
                return;
            }
            self.held -= call.tell(events);
            if !call.nesting.is_whole() || self.current + 1 == self.list.len() {
                return;
            }
            events.close();
            self.current += 1;
        }
    }

    /// The answer ends: lets everything go out.
    pub(super) fn finish(&mut self, events: &mut Events) {
        for call in self.list.iter_mut().skip(self.current) {
            // A call of nobody knows what is none.
            if !call.name.is_empty() {
                call.tell(events);
                events.close();
            }
        }
        self.current = self.list.len();
        self.held = 0;
    }

    /// The call that a piece is of; a new one where none is known.
    fn find(&mut self, key: Option<u64>, id: &str, is_named: bool) -> Option<usize> {
        let found = match key {
            Some(_) => self.list.iter().rposition(|call| call.key == key),
            None if !id.is_empty() => self.list.iter().rposition(|call| call.id == id),
            None if is_named => None,
            None => self.list.len().checked_sub(1),
        };
        // Some give every call the same index; a new id and a name are a new call.
        let is_same = |at: &usize| {
            let known = self.list.get(*at).map_or("", |call| &call.id);
            !is_named || id.is_empty() || known.is_empty() || known == id
        };
        found.filter(is_same).or_else(|| {
            self.list.push(Call {
                key,
                ..Call::default()
            });
            self.list.len().checked_sub(1)
        })
    }
}

impl Call {
    /// Lets go out what is there; says how many bytes that were.
    fn tell(&mut self, events: &mut Events) -> usize {
        if !self.is_open {
            self.is_open = true;
            events.call(&self.id, &self.name);
        }
        let fragment = std::mem::take(&mut self.pending);
        if !fragment.is_empty() {
            events.arguments(&fragment);
        }
        fragment.len()
    }
}

/// How deep in a JSON object the arguments are.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    has_begun: bool,
    is_in_string: bool,
    is_escaped: bool,
}

impl Nesting {
    /// Is the object whole?
    fn is_whole(&self) -> bool {
        self.has_begun && self.depth == 0
    }

    fn read(&mut self, fragment: &str) {
        for byte in fragment.bytes() {
            if self.is_in_string {
                let was_escaped = std::mem::take(&mut self.is_escaped);
                match byte {
                    _ if was_escaped => {}
                    b'\\' => self.is_escaped = true,
                    b'"' => self.is_in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.is_in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    self.has_begun = true;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}
