use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

const LIMIT: usize = 64 * 1024;

const TEXT: &str = r#"{"error":{"message":"Rate limit reached. é Please retry after 3 seconds.","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#;

/// `TEXT` by the reference encoder.
const BROTLI: &str = "1b8f00008dd4518dfbd140dc96aa2cbfd95ea2a11cd167e53c2862a50eebc9f227d4ac91de6ca2cda6111bb7b1b1dd6245c3d10a82f8d00b7df083d27aae39d273ceb3d2c78467dcd9c3ebc7e72c84bc3b132166569782c9899ae565ac19d267b84f04ff03";

/// `TEXT` by the reference encoder, with a checksum.
const ZSTD: &str = "28b52ffd04686503005287171ab0a903cc0943b229acc932b699b5d6a65bd6b5e8eaed4182a9a851e4f6f633a72dcccab946594e5293b122886faa97cf3c6b65e03565617f18a07e8bc447f78a7f7927a03421d07eb0bce22209e2f09b83976fe47b4f0c2deba27a4301030094a2f0c508165cc10c6868568a";

/// `TEXT` in a window of 1 GiB.
const BROTLI_LARGE_WINDOW: &str = "115e3c020034524735ee4703715baab2fc667b898672449f95f3a088953aac27cb9f50b3467ab389369b466cdcc6c6768b150d472b08e2432ff4c10f4aebb9e648cf39cf4a1f139e71670faf1f9fb310f2ee4c8498595d0a26276a9697b166489fe13e11fc0f";

/// 64 MiB of zeros.
const BROTLI_BOMB: &str = "cbffff3ff82700e2b14020f7fe8fffff7ff04f00c4611180eefd1fffffffe09f0088c30200ddfb3ffeffffc13f0110870500baf77ffcffff837f02200e0b0074effff8ffff07ff04401c1600e8defff1ffff0ffe0980382c00d0bdffcbffff3ffc1300715800a07bff07";

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| digit.try_into().ok()).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn bare_deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    compress_to_vec(body, CompressionLevel::Fastest)
}

/// A zstd frame of one-byte blocks that each stand for 128 KiB of zeros.
fn zstd_bomb(blocks: usize) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for left in (0..blocks).rev() {
        let header = (128_u32 * 1024) << 3 | 1 << 1 | u32::from(left == 0);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// Every encoding with `TEXT` in it.
fn encoded() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("gzip", gzip(TEXT.as_bytes())),
        ("x-gzip", gzip(TEXT.as_bytes())),
        ("deflate", zlib(TEXT.as_bytes())),
        ("deflate", bare_deflate(TEXT.as_bytes())),
        ("br", unhex(BROTLI)),
        ("zstd", zstd(TEXT.as_bytes())),
        ("zstd", unhex(ZSTD)),
        ("identity", TEXT.as_bytes().to_vec()),
        ("gzip, br", unhex(BROTLI)),
    ]
}

#[test]
fn every_encoding_is_opened() {
    for (name, body) in encoded().into_iter().take(8) {
        let decoded = decode(Some(name.as_bytes()), &body, LIMIT);

        assert_eq!(String::from_utf8_lossy(&decoded.bytes), TEXT, "{name}");
        assert!(decoded.complete, "{name}");
    }
}

#[test]
fn names_are_read_as_http_writes_them() {
    let body = gzip(TEXT.as_bytes());

    for name in ["GZIP", " gzip ", "identity, gzip", "gzip,"] {
        assert_eq!(
            decode(Some(name.as_bytes()), &body, LIMIT).bytes,
            TEXT.as_bytes(),
            "{name}"
        );
    }
    assert!(decode(None, TEXT.as_bytes(), LIMIT).complete);
}

#[test]
fn stacked_encodings_are_opened_from_the_outside_in() {
    let body = gzip(&zstd(&zlib(TEXT.as_bytes())));

    let decoded = decode(Some(b"deflate, zstd, gzip"), &body, LIMIT);

    assert_eq!(
        decoded,
        Decoded {
            bytes: TEXT.as_bytes().into(),
            complete: true
        }
    );
}

#[test]
fn a_tower_of_encodings_is_not_climbed() {
    let name = ["gzip"; MOST_LAYERS + 1].join(",");

    assert!(!decode(Some(name.as_bytes()), &gzip(b"x"), LIMIT).complete);
}

#[test]
fn an_unknown_encoding_is_left_as_it_is() {
    let decoded = decode(Some(b"rot13"), b"uryyb", LIMIT);

    assert_eq!(
        decoded,
        Decoded {
            bytes: b"uryyb".as_slice().into(),
            complete: false
        }
    );
}

#[test]
fn text_under_a_wrong_label_is_still_read() {
    for body in [
        TEXT,
        "  [{\"error\":1}]",
        "<html><body>502</body></html>",
        "<!doctype html>",
    ] {
        for name in ["gzip", "br", "zstd", "deflate"] {
            let decoded = decode(Some(name.as_bytes()), body.as_bytes(), LIMIT);
            assert_eq!(
                decoded,
                Decoded {
                    bytes: body.as_bytes().into(),
                    complete: true
                },
                "{name}"
            );
        }
    }
}

#[test]
fn a_cut_body_yields_what_came_before_the_cut() {
    let text = TEXT.repeat(4000);
    for (name, body) in [("gzip", gzip(text.as_bytes())), ("zstd", zstd(text.as_bytes()))] {
        let decoded = decode(Some(name.as_bytes()), &body[..body.len() - 9], text.len());

        assert!(!decoded.complete, "{name}");
        assert!(decoded.bytes.len() > 100_000, "{name}: {}", decoded.bytes.len());
        assert!(text.as_bytes().starts_with(&decoded.bytes), "{name}");
    }
}

#[test]
fn damage_costs_only_what_follows_it() {
    let mut body = zstd(TEXT.repeat(4000).as_bytes());
    let last = body.len() - 20;
    body[last..].fill(0xff);

    let decoded = decode(Some(b"zstd"), &body, 1 << 20);

    assert!(!decoded.complete);
    assert!(decoded.bytes.starts_with(TEXT.as_bytes()));
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 8 << 20];
    for (name, body) in [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("gzip, gzip", gzip(&gzip(&zeros))),
        ("br", unhex(BROTLI_BOMB)),
        ("zstd", zstd_bomb(10_000)),
    ] {
        let decoded = decode(Some(name.as_bytes()), &body, LIMIT);

        assert_eq!(decoded.bytes.len(), LIMIT, "{name}");
        assert!(!decoded.complete, "{name}");
    }
}

#[test]
fn a_body_of_exactly_the_limit_is_complete() {
    for (name, body) in encoded().into_iter().take(8) {
        assert!(
            decode(Some(name.as_bytes()), &body, TEXT.len()).complete,
            "{name}"
        );

        let short = decode(Some(name.as_bytes()), &body, TEXT.len() - 1);
        assert_eq!(
            (short.bytes.len(), short.complete),
            (TEXT.len() - 1, false),
            "{name}"
        );
    }
}

#[test]
fn windows_beyond_what_http_allows_are_refused() {
    let body = unhex(BROTLI_LARGE_WINDOW);
    let decoded = decode(Some(b"br"), &body, LIMIT);
    assert_eq!((decoded.bytes.len(), decoded.complete), (0, false));

    // Window descriptor 0x70: 16 MiB.
    let decoded = decode(
        Some(b"zstd"),
        &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70, 0x0b, 0, 0, 0],
        LIMIT,
    );
    assert_eq!((decoded.bytes.len(), decoded.complete), (0, false));
}

#[test]
fn zstd_frames_may_follow_one_another_and_be_skipped() {
    let mut body = vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    body.extend(zstd(b"one "));
    body.extend(zstd(b"two"));

    assert_eq!(
        decode(Some(b"zstd"), &body, LIMIT),
        Decoded {
            bytes: b"one two".as_slice().into(),
            complete: true
        }
    );
}

#[test]
fn an_empty_body_is_empty_in_any_encoding() {
    for name in ["gzip", "deflate", "br", "zstd", "identity", ""] {
        assert_eq!(decode(Some(name.as_bytes()), b"", LIMIT).bytes.len(), 0, "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_stay_within_any_limit(
        name in prop::sample::select(vec!["gzip", "deflate", "br", "zstd", "identity", "br, gzip", "what"]),
        body in proptest::collection::vec(any::<u8>(), 0..400),
        limit in 0_usize..600,
    ) {
        prop_assert!(decode(Some(name.as_bytes()), &body, limit).bytes.len() <= limit);
    }

    #[test]
    fn damaged_bodies_never_panic(
        which in 0_usize..9,
        keep in 0_usize..400,
        damage in proptest::collection::vec((0_usize..400, any::<u8>()), 0..6),
        limit in 0_usize..600,
    ) {
        let (name, mut body) = encoded().swap_remove(which);
        body.truncate(keep);
        for (at, byte) in damage {
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
        }

        prop_assert!(decode(Some(name.as_bytes()), &body, limit).bytes.len() <= limit);
    }

    #[test]
    fn damaged_zstd_blocks_never_panic(
        text in "[ab]{200,3000}",
        damage in proptest::collection::vec((5_usize..3000, any::<u8>()), 1..4),
    ) {
        let mut body = zstd(text.as_bytes());
        for (at, byte) in damage {
            let len = body.len();
            body[at % len] = byte;
        }

        prop_assert!(decode(Some(b"zstd"), &body, LIMIT).bytes.len() <= LIMIT);
    }
}
