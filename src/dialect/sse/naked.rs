//! JSON that stands in a stream without `data:` before it.
//!
//! Invariant: every byte is looked at once, so JSON written over many lines costs no more than on one. It knows where
//! a value ends, not whether it is right.

use super::{Event, Kind};

/// Could this line begin such JSON?
pub(super) fn opens(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Is this a field of an event? No line of JSON begins like that.
pub(super) fn is_field(line: &[u8]) -> bool {
    line.starts_with(b"data:") || line.starts_with(b"event:")
}

/// JSON of which the end has not come yet.
#[derive(Debug)]
pub(super) struct Naked {
    at: u64,
    text: Vec<u8>,
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
}

impl Naked {
    /// JSON that begins at `at`.
    pub(super) fn new(at: u64) -> Naked {
        Naked {
            at,
            text: Vec::new(),
            depth: 0,
            is_in_string: false,
            is_escaped: false,
        }
    }

    /// Adds a line.
    pub(super) fn add(&mut self, line: &[u8]) {
        for byte in line {
            self.step(*byte);
        }
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }

    /// Is the value complete?
    pub(super) fn is_closed(&self) -> bool {
        self.depth == 0 && !self.is_in_string
    }

    pub(super) fn size(&self) -> usize {
        self.text.len()
    }

    /// All of it, as it stands before `next`.
    pub(super) fn event(&self, next: u64, is_whole: bool) -> Event<'_> {
        Event {
            kind: Kind::Naked,
            data: &self.text,
            name: b"",
            span: self.at..next,
            data_at: None,
            is_whole,
        }
    }

    fn step(&mut self, byte: u8) {
        if self.is_in_string {
            let was_escaped = std::mem::take(&mut self.is_escaped);
            match byte {
                _ if was_escaped => {}
                b'\\' => self.is_escaped = true,
                b'"' => self.is_in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}
