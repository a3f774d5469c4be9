//! Finds the frames of a binary event stream in any split of its bytes.
//!
//! Invariant: a frame is told of only when all of it has come and both of its checksums hold; a length is believed
//! only after the checksum over it. A frame that lies inside one chunk is lent from it, one that does not is copied
//! once. Memory is bounded by the longest frame allowed, and taken only as bytes come. It knows no meaning of any header.

mod header;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::dialect) mod written;

use std::fmt;

use header::Headers;

/// Both lengths and the checksum over them.
const PRELUDE: usize = 12;

/// What a frame has beside its headers and its payload: the prelude and the checksum at its end.
const AROUND: usize = PRELUDE + 4;

/// Longest headers.
const MOST_HEADERS: usize = 128 << 10;

/// Longest payload.
const MOST_PAYLOAD: usize = 24 << 20;

/// Room that is kept from one frame to the next.
const ROOM: usize = 64 << 10;

/// One whole frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    headers: Headers<'a>,
    /// What it carries.
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame that `bytes` are, from the first to the last; their prelude was read before.
    fn read(bytes: &'a [u8]) -> Result<Frame<'a>, BadFrame> {
        let (checked, sum) = bytes.split_last_chunk().ok_or(BadFrame::Length)?;
        if crc32fast::hash(checked) != u32::from_be_bytes(*sum) {
            return Err(BadFrame::Checksum);
        }
        let prelude = Prelude::read(checked)?.ok_or(BadFrame::Length)?;
        let (_, rest) = checked.split_at_checked(PRELUDE).ok_or(BadFrame::Length)?;
        let (headers, payload) = rest.split_at_checked(prelude.headers).ok_or(BadFrame::Length)?;
        Ok(Frame {
            headers: Headers::read(headers)?,
            payload,
        })
    }

    /// The text of the header of that name, when it is one.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.headers.text(name)
    }
}

/// Bytes that are no frame. What follows them cannot be read either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadFrame {
    /// A length that no frame has.
    Length,
    /// A checksum that does not hold.
    Checksum,
    /// Headers that do not fill their place, or have no form.
    Headers,
}

impl fmt::Display for BadFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a frame with a length that no frame has",
            Self::Checksum => "a frame with a wrong checksum",
            Self::Headers => "a frame with headers that cannot be read",
        })
    }
}

impl std::error::Error for BadFrame {}

/// What a frame says first.
struct Prelude {
    total: usize,
    headers: usize,
}

impl Prelude {
    /// The prelude at the beginning of `bytes`; `None` while it has not come.
    fn read(bytes: &[u8]) -> Result<Option<Prelude>, BadFrame> {
        let mut rest = bytes;
        let (Some(total), Some(headers), Some(sum)) = (word(&mut rest), word(&mut rest), word(&mut rest))
        else {
            return Ok(None);
        };
        if bytes.first_chunk::<8>().map(|lengths| crc32fast::hash(lengths)) != Some(sum) {
            return Err(BadFrame::Checksum);
        }
        let (total, headers) = (length(total)?, length(headers)?);
        let payload = total
            .checked_sub(AROUND)
            .and_then(|inside| inside.checked_sub(headers));
        if headers > MOST_HEADERS || payload.is_none_or(|payload| payload > MOST_PAYLOAD) {
            return Err(BadFrame::Length);
        }
        Ok(Some(Prelude { total, headers }))
    }
}

fn word(rest: &mut &[u8]) -> Option<u32> {
    let (word, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u32::from_be_bytes(*word))
}

fn length(word: u32) -> Result<usize, BadFrame> {
    usize::try_from(word).map_err(|_| BadFrame::Length)
}

/// Finds the frames of one stream.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    /// The beginning of a frame of which more is to come.
    held: Vec<u8>,
}

impl FrameReader {
    /// Reads the next bytes and tells `each` of every frame that they complete, in order.
    ///
    /// An error is the end: nothing that comes after it can be read.
    pub(super) fn push(&mut self, chunk: &[u8], mut each: impl FnMut(Frame<'_>)) -> Result<(), BadFrame> {
        let mut rest = chunk;
        while !self.held.is_empty() && !rest.is_empty() {
            rest = self.complete(rest, &mut each)?;
        }
        while let Some((frame, behind)) = first(rest)? {
            each(Frame::read(frame)?);
            rest = behind;
        }
        self.held.extend_from_slice(rest);
        Ok(())
    }

    /// Adds to the frame that has begun what belongs to it; the rest is given back.
    fn complete<'c>(
        &mut self,
        chunk: &'c [u8],
        each: &mut impl FnMut(Frame<'_>),
    ) -> Result<&'c [u8], BadFrame> {
        let prelude = Prelude::read(&self.held)?;
        let wanted = prelude.as_ref().map_or(PRELUDE, |prelude| prelude.total);
        let missing = wanted.saturating_sub(self.held.len());
        let (now, rest) = chunk.split_at_checked(missing).unwrap_or((chunk, &[]));
        self.held.extend_from_slice(now);
        if prelude.is_some() && self.held.len() >= wanted {
            each(Frame::read(&self.held)?);
            self.held.clear();
            self.held.shrink_to(ROOM);
        } else {
            // A wrong length must not wait for the bytes that it claims.
            Prelude::read(&self.held)?;
        }
        Ok(rest)
    }
}

/// Bytes, and the bytes behind them.
type Split<'a> = (&'a [u8], &'a [u8]);

/// The bytes of the first frame and what stands behind them; `None` if not all of it is there.
fn first(bytes: &[u8]) -> Result<Option<Split<'_>>, BadFrame> {
    let prelude = Prelude::read(bytes)?;
    Ok(prelude.and_then(|prelude| bytes.split_at_checked(prelude.total)))
}
