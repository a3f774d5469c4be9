//! Content encodings that a provider may put on an error although nobody asked for one.
//!
//! Invariant: except for [`Encoding::GzipBroken`], what is encoded here decodes to the same bytes.

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde::{Deserialize, Serialize};

/// How the body of an error is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// `gzip`
    Gzip,
    /// `gzip`, cut in the middle of the data.
    GzipBroken,
    /// `deflate`, which on the web means zlib.
    Deflate,
    /// `br`
    Brotli,
    /// `zstd`
    Zstd,
}

impl Encoding {
    /// The value of `content-encoding`.
    pub(super) const fn token(self) -> &'static str {
        match self {
            Self::Gzip | Self::GzipBroken => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The body in this encoding.
    pub(super) fn encode(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip => gzip(body),
            Self::GzipBroken => {
                let mut whole = gzip(body);
                whole.truncate(whole.len() / 2);
                whole
            }
            Self::Deflate => written(
                ZlibEncoder::new(Vec::new(), Compression::default()),
                body,
                ZlibEncoder::finish,
            ),
            Self::Brotli => stored_brotli(body),
            Self::Zstd => {
                ruzstd::encoding::compress_to_vec(body, ruzstd::encoding::CompressionLevel::Fastest)
            }
        }
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    written(
        GzEncoder::new(Vec::new(), Compression::default()),
        body,
        GzEncoder::finish,
    )
}

fn written<W: std::io::Write>(
    mut encoder: W,
    body: &[u8],
    finish: impl FnOnce(W) -> std::io::Result<Vec<u8>>,
) -> Vec<u8> {
    let written = encoder.write_all(body).and_then(|()| finish(encoder));
    written.expect("a Vec takes every write")
}

/// Brotli without compression: a window of 16 bits, one stored block per 64 KiB, and an empty last block.
fn stored_brotli(body: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 1 << 16;
    let mut out = Vec::with_capacity(body.len() + 8);
    for (position, block) in body.chunks(BLOCK).enumerate() {
        // Block header, lowest bit first: not last (1 bit), 4 nibbles of length (2), length - 1 (16), stored (1).
        let length = u32::try_from(block.len() - 1).unwrap_or_default();
        let header = (length << 3) | (1 << 19);
        // Only the very first is preceded by the window size, one zero bit; each is filled up to whole bytes.
        let header = if position == 0 { header << 1 } else { header };
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    // Last and empty; an empty body still needs the window size before it.
    out.push(if body.is_empty() { 0b110 } else { 0b11 });
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn decoded(encoding: Encoding, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match encoding {
            Encoding::Gzip | Encoding::GzipBroken => {
                flate2::read::GzDecoder::new(bytes).read_to_end(&mut out)?;
            }
            Encoding::Deflate => {
                flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut out)?;
            }
            Encoding::Brotli => brotli_decompressor::BrotliDecompress(&mut &*bytes, &mut out)?,
            Encoding::Zstd => {
                let mut decoder =
                    ruzstd::decoding::StreamingDecoder::new(bytes).map_err(std::io::Error::other)?;
                decoder.read_to_end(&mut out)?;
            }
        }
        Ok(out)
    }

    #[test]
    fn every_whole_encoding_decodes_to_the_same_bytes() {
        let long = b"{\"error\":{\"message\":\"no\"}}".repeat(9000);
        for body in [&b""[..], b"x", &long[..26], &long[..(1 << 16)], &long] {
            for encoding in [
                Encoding::Gzip,
                Encoding::Deflate,
                Encoding::Brotli,
                Encoding::Zstd,
            ] {
                let encoded = encoding.encode(body);

                assert_eq!(
                    decoded(encoding, &encoded).unwrap(),
                    body,
                    "{encoding:?} of {}",
                    body.len()
                );
            }
        }
    }

    #[test]
    fn broken_gzip_does_not_decode() {
        assert!(decoded(Encoding::GzipBroken, &Encoding::GzipBroken.encode(b"some error")).is_err());
    }
}
