//! What the lines since the last blank one have said.
//!
//! Invariant: data is copied only when it has several lines or must outlive the chunk that it came in.

use std::ops::Range;

use super::{Event, Kind, ROOM, to_u64};

/// Longest name of an event that is kept; those that mean something are short.
const NAME_LIMIT: usize = 64;

/// The bytes at hand: the chunk, and the line that was begun before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) chunk: &'a [u8],
    pub(super) kept: &'a [u8],
}

impl<'a> Text<'a> {
    pub(super) fn at(self, place: &Place) -> &'a [u8] {
        match place {
            Place::Chunk(range) => &self.chunk[range.clone()],
            Place::Kept(range) => &self.kept[range.clone()],
        }
    }
}

/// Which of the bytes at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Chunk(Range<usize>),
    Kept(Range<usize>),
}

/// A line or the end of one.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) place: Place,
    /// Its place in the stream.
    pub(super) at: u64,
}

impl Value {
    /// The same without its first `length` bytes.
    pub(super) fn without(self, length: usize) -> Value {
        let place = match self.place {
            Place::Chunk(range) => Place::Chunk(range.start + length..range.end),
            Place::Kept(range) => Place::Kept(range.start + length..range.end),
        };
        Value {
            place,
            at: self.at + to_u64(length),
        }
    }
}

/// An event that is not complete yet.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Where its first line begins; nothing was said when there is none.
    at: Option<u64>,
    data: Data,
    data_at: Option<u64>,
    own: Vec<u8>,
    name: Vec<u8>,
    copied: u64,
}

/// Where the data is.
#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    /// One line, among the bytes at hand.
    Lent(Place),
    /// In `own`.
    Own,
}

impl Block {
    pub(super) fn is_empty(&self) -> bool {
        self.at.is_none()
    }

    /// Bytes of data so far.
    pub(super) fn size(&self) -> usize {
        match &self.data {
            Data::None => 0,
            Data::Lent(Place::Chunk(range) | Place::Kept(range)) => range.len(),
            Data::Own => self.own.len(),
        }
    }

    pub(super) fn copied(&self) -> u64 {
        self.copied
    }

    /// A field stands at `at`.
    pub(super) fn begin(&mut self, at: u64) {
        self.at.get_or_insert(at);
    }

    pub(super) fn set_name(&mut self, name: &[u8]) {
        self.name.clear();
        if name.len() <= NAME_LIMIT {
            self.name.extend_from_slice(name);
        }
    }

    /// Adds a line of data.
    pub(super) fn add_data(&mut self, text: Text<'_>, value: Value) {
        if matches!(self.data, Data::None) {
            self.data = Data::Lent(value.place);
            self.data_at = Some(value.at);
            return;
        }
        self.settle(text);
        self.own.push(b'\n');
        self.copy(text.at(&value.place));
        self.data_at = None;
    }

    /// The bytes at hand are about to go: what is needed of them is copied.
    pub(super) fn settle(&mut self, text: Text<'_>) {
        if let Data::Lent(place) = &self.data {
            let bytes = text.at(place);
            self.copy(bytes);
            self.data = Data::Own;
        }
    }

    /// The event ends before `next`, by a blank line or otherwise; an empty one is no event.
    pub(super) fn end(
        &mut self,
        text: Text<'_>,
        next: u64,
        is_whole: bool,
        each: &mut impl FnMut(Event<'_>),
    ) {
        let Some(at) = self.at.take() else {
            return;
        };
        let data = match std::mem::take(&mut self.data) {
            Data::None => None,
            Data::Lent(place) => Some(text.at(&place)),
            Data::Own => Some(self.own.as_slice()),
        };
        each(Event {
            kind: if data.is_some() { Kind::Data } else { Kind::Idle },
            data: data.unwrap_or_default(),
            name: &self.name,
            span: at..next,
            data_at: self.data_at.take(),
            is_whole,
        });
        self.name.clear();
        self.own.clear();
        self.own.shrink_to(ROOM);
    }

    fn copy(&mut self, bytes: &[u8]) {
        self.copied += to_u64(bytes.len());
        self.own.extend_from_slice(bytes);
    }
}
