//! The end of a body that has passed: enough of it to find the usage, which providers say last.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::dialect::usage::{self, Usage};

/// Bytes that are kept, at least; more only when the last chunk alone is larger.
const KEPT: usize = 4 << 10;

/// The last chunks of a body, shared and not copied.
#[derive(Debug, Default)]
pub(super) struct Tail {
    chunks: VecDeque<Bytes>,
    size: usize,
}

impl Tail {
    /// Adds what has passed, and forgets what is no longer near the end.
    pub(super) fn push(&mut self, chunk: &Bytes) {
        let kept = chunk.slice(chunk.len().saturating_sub(KEPT)..);
        self.size += kept.len();
        self.chunks.push_back(kept);
        while let Some(oldest) = self
            .chunks
            .front()
            .filter(|oldest| self.size - oldest.len() >= KEPT)
        {
            self.size -= oldest.len();
            self.chunks.pop_front();
        }
    }

    /// The usage that the end of the body tells.
    pub(super) fn usage(&self) -> Option<Usage> {
        let mut end = Vec::with_capacity(self.size);
        self.chunks.iter().for_each(|chunk| end.extend_from_slice(chunk));
        usage::usage(&end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_found_at_the_end_however_the_body_was_cut() {
        let body = format!(
            "{}{}",
            "x".repeat(9000),
            r#","usage":{"prompt_tokens":3,"completion_tokens":4}}"#
        );

        for size in [1, 7, 1000, 20_000] {
            let mut tail = Tail::default();
            for piece in body.as_bytes().chunks(size) {
                tail.push(&Bytes::copy_from_slice(piece));
            }

            assert_eq!(
                tail.usage().map(|usage| (usage.input, usage.output)),
                Some((3, 4)),
                "pieces of {size}"
            );
            assert!(tail.size < 2 * KEPT, "pieces of {size} keep {} bytes", tail.size);
        }
    }
}
