//! Opening a brotli stream.
//!
//! Invariant: the window stays within the 16 MiB that HTTP allows; "large window" streams are refused. It knows
//! nothing of HTTP.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::STEP;

/// At most `limit` bytes of the stream, and whether that is all of it.
pub(super) fn open(body: &[u8], limit: usize) -> (Vec<u8>, bool) {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let (mut left, mut at, mut total) = (body.len(), 0, 0);
    let mut bytes = Vec::new();
    let mut step = [0; STEP];
    loop {
        let (mut room, mut filled) = (step.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut at,
            body,
            &mut room,
            &mut filled,
            &mut step,
            &mut total,
            &mut state,
        );
        let fits = filled.min(limit - bytes.len());
        bytes.extend(step.iter().take(fits));
        let goes_on = matches!(result, BrotliResult::NeedsMoreOutput) && fits == filled;
        if !goes_on {
            return (
                bytes,
                matches!(result, BrotliResult::ResultSuccess) && fits == filled,
            );
        }
    }
}
