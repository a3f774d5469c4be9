//! What is read from an event stream.

use std::fmt;
use std::ops::Range;

/// What kind of thing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An event with data.
    Data,
    /// JSON that stands in the stream without `data:` before it; some servers fail like that.
    Naked,
    /// A comment, or fields without data: it says that the connection lives, and nothing else.
    Idle,
}

/// One thing that was read.
///
/// Places are counted in bytes from the beginning of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its data, the lines joined.
    pub data: &'a [u8],
    /// Its `event` field, empty when there is none.
    pub name: &'a [u8],
    /// Where it stands, from its first field to the end of its blank line.
    pub span: Range<u64>,
    /// Where `data` stands, when it stands there in one piece.
    pub data_at: Option<u64>,
    /// It was ended as it should be, not by the end of input.
    pub is_whole: bool,
}

/// One event is larger than the limit; nothing is read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// The limit, in bytes.
    pub limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event of the stream is larger than {} bytes", self.limit)
    }
}

impl std::error::Error for TooLarge {}

impl Event<'static> {
    /// A comment.
    pub(super) fn idle(span: Range<u64>) -> Event<'static> {
        Event {
            kind: Kind::Idle,
            data: b"",
            name: b"",
            span,
            data_at: None,
            is_whole: true,
        }
    }
}
