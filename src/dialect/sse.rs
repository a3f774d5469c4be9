//! Reads an event stream in any split of its bytes, and only looks on: what passes is never changed.
//!
//! Invariant: where the bytes are cut changes nothing but what has to be copied. An event that lies inside one chunk
//! is lent from it; of one that does not, every byte is copied at most twice and searched once. Memory is bounded by
//! the limit on one event. It knows framing only, not what the data of an event means.

mod block;
mod event;
mod naked;
#[cfg(test)]
mod tests;

use memchr::{memchr, memchr2};

use block::{Block, Place, Text, Value};
pub use event::{Event, Kind, TooLarge};
use naked::Naked;

/// Most bytes of one event that are read; beyond, the stream is given up.
pub const MAX_EVENT: usize = 8 << 20;

/// Room that is kept from one event to the next.
const ROOM: usize = 64 << 10;

const BOM: &[u8] = "\u{feff}".as_bytes();

/// Finds the events of one stream.
#[derive(Debug)]
pub struct SseReader {
    limit: usize,
    /// Place of the next byte to come.
    offset: u64,
    /// Everything before it belongs to things that were read to their end.
    clean_to: u64,
    /// Place of the line that is being read.
    line_at: u64,
    /// The beginning of that line, when it came with an earlier chunk.
    line: Vec<u8>,
    is_first_line: bool,
    /// The last byte was a CR, so that an LF to come is a part of the same line end.
    after_cr: bool,
    block: Block,
    naked: Option<Naked>,
    copied: u64,
    has_failed: bool,
}

impl Default for SseReader {
    fn default() -> SseReader {
        SseReader::with_limit(MAX_EVENT)
    }
}

impl SseReader {
    /// A reader of a new stream that gives up at an event of more than `limit` bytes.
    pub fn with_limit(limit: usize) -> SseReader {
        SseReader {
            limit,
            offset: 0,
            clean_to: 0,
            line_at: 0,
            line: Vec::new(),
            is_first_line: true,
            after_cr: false,
            block: Block::default(),
            naked: None,
            copied: 0,
            has_failed: false,
        }
    }

    /// Reads the next bytes and tells `each` of everything that they complete, in order.
    pub fn push(&mut self, chunk: &[u8], mut each: impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        if self.has_failed {
            return Err(TooLarge { limit: self.limit });
        }
        let read = self.read(chunk, &mut each);
        self.has_failed = read.is_err();
        read
    }

    /// Tells of what the end of input leaves unfinished.
    pub fn finish(&mut self, mut each: impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        if self.has_failed {
            return Err(TooLarge { limit: self.limit });
        }
        let line = std::mem::take(&mut self.line);
        let text = Text {
            chunk: &[],
            kept: &line,
        };
        if !line.is_empty() {
            self.end_line(text, Place::Kept(0..line.len()), self.offset, &mut each)?;
        }
        if let Some(naked) = self.naked.take() {
            each(naked.event(self.offset, false));
        }
        self.block.end(text, self.offset, false, &mut each);
        Ok(())
    }

    /// Place of the next byte to come.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Everything before this place belongs to things that were read to their end; what follows is a part of one.
    pub fn clean_to(&self) -> u64 {
        self.clean_to
    }

    /// Does `chunk`, the next to come, begin with the second half of a line end?
    pub fn has_leading_lf(&self, chunk: &[u8]) -> bool {
        self.after_cr && chunk.first() == Some(&b'\n')
    }

    /// Bytes that had to be copied so far, because an event was cut or had several lines of data.
    pub fn copied(&self) -> u64 {
        self.copied + self.block.copied()
    }

    fn read(&mut self, chunk: &[u8], each: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        let base = self.offset;
        let mut from = usize::from(self.has_leading_lf(chunk));
        if from == 1 {
            self.begin_line(base + 1);
        }
        self.after_cr &= chunk.is_empty();
        let mut kept = std::mem::take(&mut self.line);
        let mut is_cut = !kept.is_empty();
        while let Some(length) = memchr2(b'\n', b'\r', &chunk[from..]) {
            let end = from + length;
            let place = if is_cut {
                self.keep(&mut kept, &chunk[from..end])?;
                Place::Kept(0..kept.len())
            } else {
                Place::Chunk(from..end)
            };
            is_cut = false;
            from = end + 1;
            if chunk[end] == b'\r' {
                self.after_cr = from == chunk.len();
                from += usize::from(chunk.get(from) == Some(&b'\n'));
            }
            let text = Text { chunk, kept: &kept };
            self.end_line(text, place, base + to_u64(from), each)?;
        }
        self.block.settle(Text { chunk, kept: &kept });
        if !is_cut {
            kept.clear();
            kept.shrink_to(ROOM);
        }
        self.keep(&mut kept, &chunk[from..])?;
        self.line = kept;
        self.offset = base + to_u64(chunk.len());
        Ok(())
    }

    /// Adds to the beginning of a line. Of a comment only its mark is kept.
    fn keep(&mut self, kept: &mut Vec<u8>, more: &[u8]) -> Result<(), TooLarge> {
        let is_comment = kept.first().or(more.first()) == Some(&b':') && self.naked.is_none();
        let wanted = if is_comment {
            usize::from(kept.is_empty())
        } else {
            more.len()
        };
        self.check(kept.len() + wanted)?;
        self.copied += to_u64(wanted);
        kept.extend_from_slice(&more[..wanted]);
        Ok(())
    }

    /// One line has come to its end; the next begins at `next`.
    fn end_line(
        &mut self,
        text: Text<'_>,
        place: Place,
        next: u64,
        each: &mut impl FnMut(Event<'_>),
    ) -> Result<(), TooLarge> {
        let mut value = Value {
            place,
            at: self.line_at,
        };
        if std::mem::take(&mut self.is_first_line) && text.at(&value.place).starts_with(BOM) {
            value = value.without(BOM.len());
        }
        let line = text.at(&value.place);
        if naked::is_field(line)
            && let Some(naked) = self.naked.take()
        {
            each(naked.event(self.line_at, false));
            self.clean_to = self.line_at;
        }
        if self.naked.is_some() || naked::opens(line) {
            self.add_naked(text, line, next, each)?;
        } else if line.is_empty() {
            self.block.end(text, next, true, each);
        } else if line.starts_with(b":") {
            if self.block.is_empty() {
                each(Event::idle(self.line_at..next));
            }
        } else {
            self.add_field(text, value)?;
        }
        self.begin_line(next);
        Ok(())
    }

    /// Adds a line to the JSON that stands in the stream by itself, or begins it.
    fn add_naked(
        &mut self,
        text: Text<'_>,
        line: &[u8],
        next: u64,
        each: &mut impl FnMut(Event<'_>),
    ) -> Result<(), TooLarge> {
        let naked = if let Some(naked) = &mut self.naked {
            naked
        } else {
            self.block.end(text, self.line_at, false, each);
            self.naked.insert(Naked::new(self.line_at))
        };
        naked.add(line);
        self.copied += to_u64(line.len());
        let (is_closed, size) = (naked.is_closed(), naked.size());
        self.check(size)?;
        if is_closed && let Some(naked) = self.naked.take() {
            each(naked.event(next, true));
        }
        Ok(())
    }

    /// Adds a line that has a name and, after a colon and one space, a value.
    fn add_field(&mut self, text: Text<'_>, value: Value) -> Result<(), TooLarge> {
        let line = text.at(&value.place);
        let (name, value) = match memchr(b':', line) {
            Some(colon) => {
                let space = usize::from(line.get(colon + 1) == Some(&b' '));
                (&line[..colon], value.without(colon + 1 + space))
            }
            None => (line, value.without(line.len())),
        };
        self.block.begin(self.line_at);
        match name {
            b"data" => {
                self.check(self.block.size() + text.at(&value.place).len())?;
                self.block.add_data(text, value);
            }
            b"event" => self.block.set_name(text.at(&value.place)),
            _ => {}
        }
        Ok(())
    }

    fn begin_line(&mut self, at: u64) {
        self.line_at = at;
        if self.block.is_empty() && self.naked.is_none() {
            self.clean_to = at;
        }
    }

    fn check(&self, size: usize) -> Result<(), TooLarge> {
        if size > self.limit {
            return Err(TooLarge { limit: self.limit });
        }
        Ok(())
    }
}

/// A length as a distance in a stream.
pub(super) fn to_u64(length: usize) -> u64 {
    u64::try_from(length).expect("no memory is larger than 64 bits can say")
}
