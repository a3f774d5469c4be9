//! Judges one stream in the hub format while it passes.
//!
//! Invariant: what goes on to the client is what came, byte for byte, up to the event that breaks the stream, less
//! the usage if the client did not ask for it; and how the bytes were cut changes no judgement. Memory is bounded:
//! [`SseReader`] holds one event, and so does what is held back. It knows no time and no transport: silence and
//! resets are judged by whoever sees them.

mod include;
mod passage;
mod reading;
mod seen;
#[cfg(test)]
mod tests;
mod usage_key;
mod whole;
mod witness;

use std::fmt;

use bytes::Bytes;

pub use include::{Splice, include_usage};
pub use whole::{Whole, judge_whole};
pub(super) use witness::Witness;

use super::sse::SseReader;
use super::usage::Usage;
use crate::outcome::openai_error;
use passage::Passage;
use seen::{Last, Seen};

/// Does the client get to see the usage at the end of its stream?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageFor {
    /// It asked for it, or nobody did.
    Client,
    /// Only we asked: the client sees a stream as if nobody had.
    Us,
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was said yet: comments, pings, a role, filter results.
    Waiting,
    /// Content, a call, a refusal, reasoning or a finish was seen.
    Flowing,
    /// The terminal marker was seen; whatever comes now is passed on unread.
    Done,
}

/// What breaks a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The provider says that it failed: the error, as a body for [`judge`](crate::outcome::judge).
    Error(Bytes),
    /// An event that is no JSON: how it begins.
    Unreadable(Bytes),
    /// An event beyond the bound.
    TooLarge,
    /// An end before anything was said.
    Empty,
    /// An end without the terminal marker, and with an answer that was not finished.
    Cut,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error(_) => "the provider sent an error in the stream",
            Self::Unreadable(_) => "the provider sent an event that is not JSON",
            Self::TooLarge => "the provider sent an event that is too large",
            Self::Empty => "the stream ended without an answer",
            Self::Cut => "the stream ended in the middle of an answer",
        })
    }
}

impl std::error::Error for Fault {}

/// The judge of one stream.
#[derive(Debug)]
pub struct StreamJudge {
    reader: SseReader,
    passage: Passage,
    seen: Seen,
}

impl StreamJudge {
    /// The judge of a stream that begins.
    pub fn new(usage_for: UsageFor) -> StreamJudge {
        StreamJudge {
            reader: SseReader::default(),
            passage: Passage::default(),
            seen: Seen::new(usage_for),
        }
    }

    /// Reads the next chunk, and adds to `out` what may go on because of it.
    ///
    /// Before the client has seen anything, the caller collects `out` and still may drop it. A fault is the end: `out`
    /// then has what came before the event that is at fault, and nothing goes on after it but what the caller adds:
    /// the [`seam`](Self::seam) and an [`error_event`].
    pub fn on_chunk(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Result<Stage, Fault> {
        if let Some((fault, _)) = &self.seen.fault {
            return Err(fault.clone());
        }
        if self.seen.is_done() {
            out.push(chunk.clone());
            return Ok(Stage::Done);
        }
        let base = self.reader.offset();
        if self.reader.has_leading_lf(chunk) && self.passage.is_cut_before(base) {
            // The other half of a line end of which the first half was taken out.
            self.passage.cut(base..base + 1);
        }
        let (seen, passage) = (&mut self.seen, &mut self.passage);
        let read = self.reader.push(chunk, |event| seen.on_event(&event, passage));
        if read.is_err() && !self.seen.is_done() {
            self.seen.break_at(self.reader.clean_to(), Fault::TooLarge);
        }
        let clean_to = if self.seen.is_done() {
            self.reader.offset()
        } else {
            self.reader.clean_to()
        };
        self.let_go(chunk.clone(), clean_to, out)
    }

    /// The stream has ended: says whether it is complete, and adds to `out` what was held back and may go on.
    pub fn on_end(&mut self, out: &mut Vec<Bytes>) -> Result<(), Fault> {
        if let Some((fault, _)) = &self.seen.fault {
            return Err(fault.clone());
        }
        // What has no end can be followed by nothing of ours, so it goes on only if nothing of ours will.
        let clean_to = self.reader.clean_to();
        let (seen, passage) = (&mut self.seen, &mut self.passage);
        if !seen.is_done()
            && self
                .reader
                .finish(|event| seen.on_event(&event, passage))
                .is_err()
        {
            self.seen.break_at(clean_to, Fault::TooLarge);
        }
        let is_complete = self.is_complete();
        let to = if is_complete && self.seen.last != Last::Unreadable {
            self.reader.offset()
        } else {
            clean_to
        };
        self.let_go(Bytes::new(), to, out)?;
        self.passage.drop_held();
        match self.seen.is_meaningful() {
            _ if is_complete => Ok(()),
            true => Err(Fault::Cut),
            false => Err(Fault::Empty),
        }
    }

    /// Is the answer complete, whatever may still come?
    pub fn is_complete(&self) -> bool {
        self.seen.is_complete()
    }

    /// Has the stream said anything yet?
    pub fn is_meaningful(&self) -> bool {
        self.seen.is_meaningful()
    }

    /// What to write before an [`error_event`] of our own: nothing, unless an event went on without its end.
    pub fn seam(&self) -> &'static [u8] {
        if self.passage.is_torn() || self.seen.last != Last::Ended {
            b"\n\n"
        } else {
            b""
        }
    }

    /// The last usage that was seen.
    pub fn usage(&self) -> Option<Usage> {
        self.seen.usage
    }

    /// The model that the stream says it is from.
    pub fn answer_model(&self) -> Option<&str> {
        self.seen.model.as_deref()
    }

    /// Why the answer ended: of several choices, the last that did.
    pub fn finish_reason(&self) -> Option<&str> {
        self.seen.finish_reason.as_deref()
    }

    /// Events and comments so far, up to the end of the answer.
    pub fn items(&self) -> u64 {
        self.seen.items
    }

    /// Lets everything before `clean_to`, or before a fault, go on.
    fn let_go(&mut self, chunk: Bytes, clean_to: u64, out: &mut Vec<Bytes>) -> Result<Stage, Fault> {
        let Some((fault, at)) = &self.seen.fault else {
            self.passage.pass(chunk, clean_to, out);
            return Ok(self.seen.stage);
        };
        self.passage.pass(chunk, *at, out);
        self.passage.drop_held();
        Err(fault.clone())
    }
}

/// One error event in OpenAI's shape: what a client gets when a stream that it reads already breaks.
///
/// `message` is for the client, so it must be safe to show; `label` is a class's.
pub fn error_event(label: &str, message: &str) -> Bytes {
    let body = openai_error("server_error", Some(label), None, message);
    Bytes::from([b"data: ", body.as_ref(), b"\n\n"].concat())
}
