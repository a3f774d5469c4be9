//! Opening zstd frames.
//!
//! Invariant: no window above the 8 MiB that HTTP allows, and no more than one block is decoded beyond the limit. It
//! knows nothing of HTTP.

use std::io::Read;

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The largest window that a `content-encoding: zstd` may ask for.
const MAX_WINDOW: u64 = 8 << 20;

/// An empty last block, and something to take for a checksum.
const END_OF_FRAME: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// At most `limit` bytes of the frames, and whether that is all of them.
pub(super) fn open(body: &[u8], limit: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let whole = open_frame(&mut rest, limit, &mut bytes);
        if bytes.len() > limit {
            bytes.truncate(limit);
            return (bytes, false);
        }
        if !whole {
            return (bytes, false);
        }
    }
    (bytes, true)
}

/// Decodes one frame, up to a byte beyond the limit, and says whether it was whole.
fn open_frame(rest: &mut &[u8], limit: usize, bytes: &mut Vec<u8>) -> bool {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_WINDOW);
    match decoder.init(&mut *rest) {
        Ok(()) => {}
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            let skipped = usize::try_from(length).ok().and_then(|length| rest.get(length..));
            *rest = skipped.unwrap_or_default();
            return skipped.is_some();
        }
        Err(_) => return false,
    }
    let wanted = limit + 1 - bytes.len();
    let whole = matches!(
        decoder.decode_blocks(&mut *rest, BlockDecodingStrategy::UptoBytes(wanted)),
        Ok(true)
    );
    // The decoder keeps its window to itself until the frame ends, so a cut frame is ended for it.
    let ended = whole
        || decoder
            .decode_blocks(END_OF_FRAME.as_slice(), BlockDecodingStrategy::All)
            .is_ok();
    let read = decoder.take(wanted as u64).read_to_end(bytes);
    whole && ended && read.is_ok()
}
