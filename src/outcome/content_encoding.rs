//! Opening compressed bodies.
//!
//! Invariant: at most `limit` bytes come out, whatever goes in, and no layer of a stacked encoding is opened further;
//! a cut or corrupt body yields what came before the damage. It knows nothing of what the bodies say, and does not
//! trust the header: a body that is plainly text is taken as it is.

mod brotli;
mod zstd;

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Encodings on top of one another that are opened; nobody stacks more in good faith.
const MOST_LAYERS: usize = 4;

/// Bytes asked of a decoder at a time.
const STEP: usize = 8 * 1024;

/// A decoded body.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// What could be decoded.
    pub bytes: Cow<'a, [u8]>,
    /// Is that all of it? Not if the body was cut, corrupt, too long, or in an encoding that nobody knows.
    pub complete: bool,
}

/// One layer of encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// The body without its `content-encoding`, at most `limit` bytes of it.
pub fn decode<'a>(content_encoding: Option<&[u8]>, body: &'a [u8], limit: usize) -> Decoded<'a> {
    match layers(content_encoding.unwrap_or_default()) {
        // Never label what is plainly text as unreadable: some proxies decode and forget the header.
        Some(layers) if !layers.is_empty() && !is_plainly_text(body) => opened(&layers, body, limit),
        known => as_it_is(body, limit, known.is_some()),
    }
}

/// The layers that the header names, in the order they were applied; `None` if one of them is unknown.
fn layers(header: &[u8]) -> Option<Vec<Layer>> {
    let mut layers = Vec::new();
    for name in std::str::from_utf8(header).ok()?.split(',') {
        layers.push(match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" | "none" => continue,
            "gzip" | "x-gzip" => Layer::Gzip,
            "deflate" => Layer::Deflate,
            "br" => Layer::Brotli,
            "zstd" => Layer::Zstd,
            _ => return None,
        });
    }
    (layers.len() <= MOST_LAYERS).then_some(layers)
}

/// Opens the layers, the last applied first.
fn opened<'a>(layers: &[Layer], body: &'a [u8], limit: usize) -> Decoded<'a> {
    let mut decoded = Decoded {
        bytes: Cow::Borrowed(body),
        complete: true,
    };
    for layer in layers.iter().rev() {
        let (bytes, complete) = layer.open(&decoded.bytes, limit);
        decoded = Decoded {
            bytes: Cow::Owned(bytes),
            complete: decoded.complete && complete,
        };
    }
    decoded
}

fn as_it_is(body: &[u8], limit: usize, known: bool) -> Decoded<'_> {
    Decoded {
        bytes: Cow::Borrowed(body.get(..limit).unwrap_or(body)),
        complete: known && body.len() <= limit,
    }
}

/// JSON or markup, which no compressed body begins with.
fn is_plainly_text(body: &[u8]) -> bool {
    match body.trim_ascii_start() {
        [b'{', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'{' | b'"' | b']')),
        [b'<', next, ..] => next.is_ascii_alphabetic() || *next == b'!',
        _ => false,
    }
}

impl Layer {
    /// At most `limit` bytes of what is inside, and whether that is all.
    fn open(self, body: &[u8], limit: usize) -> (Vec<u8>, bool) {
        match self {
            Layer::Gzip => read_bounded(MultiGzDecoder::new(body), limit),
            // By the standard a zlib stream; some servers send the bare one.
            Layer::Deflate if is_zlib(body) => read_bounded(ZlibDecoder::new(body), limit),
            Layer::Deflate => read_bounded(DeflateDecoder::new(body), limit),
            Layer::Brotli => brotli::open(body, limit),
            Layer::Zstd => zstd::open(body, limit),
        }
    }
}

fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..]
        if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31))
}

/// Reads to the end, to the damage, or to the limit.
fn read_bounded(mut reader: impl Read, limit: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut step = [0; STEP];
    loop {
        match reader.read(&mut step) {
            Ok(0) => return (bytes, true),
            Ok(read) => {
                let room = limit - bytes.len();
                bytes.extend(step.iter().take(read.min(room)));
                if read > room {
                    return (bytes, false);
                }
            }
            Err(_) => return (bytes, false),
        }
    }
}

#[cfg(test)]
mod tests;
