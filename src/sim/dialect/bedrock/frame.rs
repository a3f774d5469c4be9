//! Frames of AWS's binary event stream.
//!
//! Invariant: a frame is twelve bytes of lengths and their checksum, headers, payload, and the checksum of all of it.

use bytes::{BufMut as _, Bytes, BytesMut};

/// The type of a header whose value is a text.
const TEXT: u8 = 7;
/// The bytes of a frame that are neither headers nor payload.
const OVERHEAD: usize = 16;

/// A frame with these headers, all texts.
pub(super) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut head = BytesMut::new();
    for (name, value) in headers {
        head.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        head.put_slice(name.as_bytes());
        head.put_u8(TEXT);
        head.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        head.put_slice(value.as_bytes());
    }
    let total = OVERHEAD + head.len() + payload.len();
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let mut frame = BytesMut::with_capacity(total);
    frame.put_u32(length(total));
    frame.put_u32(length(head.len()));
    frame.put_u32(crc32fast::hash(&frame));
    frame.put_slice(&head);
    frame.put_slice(payload);
    frame.put_u32(crc32fast::hash(&frame));
    frame.freeze()
}

/// An event.
pub(super) fn event(kind: &str, payload: &[u8]) -> Bytes {
    let headers = [
        (":event-type", kind),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    frame(&headers, payload)
}

/// An error that the service says in the middle of a stream.
pub(super) fn exception(kind: &str, payload: &[u8]) -> Bytes {
    let headers = [
        (":exception-type", kind),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    frame(&headers, payload)
}

/// An error that is told in headers alone.
pub(super) fn error(code: &str, message: &str) -> Bytes {
    let headers = [
        (":error-code", code),
        (":error-message", message),
        (":message-type", "error"),
    ];
    frame(&headers, b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published vector.
    const VECTOR: &str = "000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e\
                          742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e74\
                          7b22726f6c65223a22617373697374616e74227d6fa8c599";

    #[test]
    fn a_frame_is_as_published() {
        let frame = event("messageStart", br#"{"role":"assistant"}"#);

        let hex = frame
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!((frame.len(), hex.as_str()), (118, VECTOR));
    }
}
