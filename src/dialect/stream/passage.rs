//! What of a stream goes on to the client, and when.
//!
//! Invariant: what goes on is what came, in order, less the ranges that were cut out; nothing is copied. It goes on
//! in whole events: the beginning of an event is of no use to a client, and a stream that breaks inside one can then
//! be ended properly. What is held back is bounded; an event beyond the bound goes on in pieces. It knows nothing of
//! what the bytes mean.

use std::ops::Range;

use bytes::{Buf, Bytes};

use crate::dialect::sse::to_u64;

/// Most bytes that are held back.
pub(super) const MOST_HELD: usize = 1 << 20;

/// Most chunks that are held back.
pub(super) const MOST_PIECES: usize = 4096;

/// Bytes on their way; places are counted from the beginning of the stream.
#[derive(Debug, Default)]
pub(super) struct Passage {
    held: Vec<Bytes>,
    held_bytes: usize,
    /// Place of the first byte that has not gone on.
    from: u64,
    cuts: Vec<Range<u64>>,
    /// End of the last cut.
    cut_to: u64,
    is_torn: bool,
}

impl Passage {
    /// Takes this range out, unless a part of it is gone already.
    pub(super) fn cut(&mut self, range: Range<u64>) {
        if range.start >= self.from.max(self.cut_to) {
            self.cut_to = range.end;
            self.cuts.push(range);
        }
    }

    /// Was the last byte before `place` cut out?
    pub(super) fn is_cut_before(&self, place: u64) -> bool {
        self.cut_to == place && place > 0
    }

    /// Has an event gone on in part, so that its end is missing?
    pub(super) fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// Adds a chunk, and lets everything before `to` go on; the rest is held back.
    pub(super) fn pass(&mut self, chunk: Bytes, to: u64, out: &mut Vec<Bytes>) {
        self.held_bytes += chunk.len();
        if to > self.from {
            self.is_torn = false;
            let held = std::mem::take(&mut self.held);
            for piece in held.into_iter().chain([chunk]) {
                self.pass_piece(piece, to, out);
            }
            self.cuts.clear();
        } else {
            // An event in many pieces must not have all of them looked at again with each.
            push(chunk, &mut self.held);
        }
        if self.held_bytes > MOST_HELD || self.held.len() > MOST_PIECES {
            self.from += to_u64(self.held_bytes);
            self.held_bytes = 0;
            out.append(&mut self.held);
            self.is_torn = true;
        }
    }

    /// Forgets what is held back.
    pub(super) fn drop_held(&mut self) {
        self.held = Vec::new();
        self.held_bytes = 0;
    }

    fn pass_piece(&mut self, mut piece: Bytes, to: u64, out: &mut Vec<Bytes>) {
        // Pieces come in order, so if any is held already, all that follow are.
        let wanted = if self.held.is_empty() {
            to.saturating_sub(self.from)
        } else {
            0
        };
        let wanted = usize::try_from(wanted).map_or(piece.len(), |wanted| wanted.min(piece.len()));
        let passing = piece.split_to(wanted);
        self.held_bytes -= passing.len();
        self.pass_cut(passing, out);
        push(piece, &mut self.held);
    }

    /// Lets a piece go on, less the cuts that lie in it.
    fn pass_cut(&mut self, piece: Bytes, out: &mut Vec<Bytes>) {
        let base = self.from;
        let end = base + to_u64(piece.len());
        self.from = end;
        let within = |place: u64| {
            let distance = place.clamp(base, end) - base;
            usize::try_from(distance).unwrap_or(piece.len())
        };
        let mut rest_from = 0;
        let first = self.cuts.partition_point(|cut| cut.end <= base);
        for cut in self.cuts[first..].iter().take_while(|cut| cut.start < end) {
            push(piece.slice(rest_from..within(cut.start)), out);
            rest_from = within(cut.end);
        }
        let mut rest = piece;
        rest.advance(rest_from);
        push(rest, out);
    }
}

fn push(piece: Bytes, out: &mut Vec<Bytes>) {
    if !piece.is_empty() {
        out.push(piece);
    }
}
