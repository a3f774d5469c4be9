//! Frames.

use proptest::prelude::*;

use super::written::{event, frame, from_hex, with_headers};
use super::*;

/// The frame of the published description.
const VECTOR: &str = "000000760000005296d5fade0b3a6576656e742d7479706507000c6d65737361676553746172740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22726f6c65223a22617373697374616e74227d6fa8c599";

/// What was told of a stream: the event and the payload of each frame, and how it ended.
type Told = (Vec<(Option<String>, Vec<u8>)>, Result<(), BadFrame>);

fn read(bytes: &[u8], size: usize) -> Told {
    let mut reader = FrameReader::default();
    let mut told = Vec::new();
    for chunk in bytes.chunks(size.max(1)) {
        let each = |frame: Frame<'_>| {
            told.push((
                frame.text(":event-type").map(str::to_owned),
                frame.payload.to_vec(),
            ));
        };
        if let Err(bad) = reader.push(chunk, each) {
            return (told, Err(bad));
        }
    }
    (told, Ok(()))
}

#[test]
fn the_published_frame_is_read_and_written() {
    let bytes = from_hex(VECTOR);

    assert_eq!(bytes.len(), 118);
    assert_eq!(
        read(&bytes, bytes.len()),
        (
            vec![(
                Some("messageStart".to_owned()),
                br#"{"role":"assistant"}"#.to_vec()
            )],
            Ok(())
        )
    );
    assert_eq!(event("messageStart", r#"{"role":"assistant"}"#), bytes);
}

#[test]
fn headers_of_every_type_are_passed_to_the_one_behind_them() {
    let values: [(u8, &[u8]); 10] = [
        (0, &[]),
        (1, &[]),
        (2, &[0xFF]),
        (3, &[0; 2]),
        (4, &[0; 4]),
        (5, &[0; 8]),
        (6, &[0, 3, 7, 7, 7]),
        (7, &[0, 2, 0xC3, 0xBC]),
        (8, &[0; 8]),
        (9, &[0; 16]),
    ];
    let wanted = [b"\x01w\x07\x00\x02".as_slice(), b"it"].concat();
    let header = |(kind, value): (u8, &[u8])| [b"\x03abc".as_slice(), &[kind], value].concat();

    let all = values.map(header).concat();
    for headers in values.map(header).into_iter().chain([all]) {
        let bytes = with_headers(&[headers.as_slice(), &wanted].concat(), b"p");
        let frame = Frame::read(&bytes).unwrap();

        assert_eq!((frame.text("w"), frame.payload), (Some("it"), b"p".as_slice()));
        assert_eq!(frame.text("W"), None);
    }
    let bytes = with_headers(&header(values[7]), &[]);
    assert_eq!(Frame::read(&bytes).unwrap().text("abc"), Some("ü"));
    let bytes = with_headers(&header(values[6]), &[]);
    assert_eq!(
        Frame::read(&bytes).unwrap().text("abc"),
        None,
        "bytes are no text"
    );
}

#[test]
fn headers_that_do_not_fill_their_place_are_refused() {
    let cases: [&[u8]; 9] = [
        // A name, a type, a length or a value that is cut.
        b"\x05ab",
        b"\x02ab",
        b"\x02ab\x07\x00",
        b"\x02ab\x07\x00\x05abc",
        b"\x02ab\x06\xFF\xFFabc",
        b"\x02ab\x09abc",
        // A type that is none.
        b"\x02ab\x0A",
        b"\x02ab\xFF",
        // A text that is none.
        b"\x02ab\x07\x00\x01\xFF",
    ];

    for headers in cases {
        let bytes = with_headers(headers, b"{}");
        assert_eq!(read(&bytes, bytes.len()).1, Err(BadFrame::Headers), "{headers:?}");
    }
    let bytes = with_headers(b"\x00\x00", b"{}");
    assert_eq!(read(&bytes, bytes.len()).1, Ok(()), "a name may be empty");
}

#[test]
fn a_frame_that_is_cut_anywhere_is_no_frame_yet() {
    let bytes = event("messageStop", r#"{"stopReason":"end_turn"}"#);

    for length in 0..bytes.len() {
        for size in [1, 5, bytes.len()] {
            assert_eq!(read(&bytes[..length], size), (vec![], Ok(())), "{length} bytes");
        }
    }
}

#[test]
fn a_frame_with_any_bit_turned_is_refused() {
    let whole = event("metadata", "{}");
    let stream = [whole.clone(), whole.clone(), whole.clone()].concat();

    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut spoilt = stream.clone();
            spoilt[whole.len() + at] ^= 1 << bit;
            for size in [1, 7, spoilt.len()] {
                let (told, end) = read(&spoilt, size);
                assert_eq!(
                    (told.len(), end),
                    (1, Err(BadFrame::Checksum)),
                    "byte {at}, bit {bit}"
                );
            }
        }
    }
}

/// A prelude whose checksum holds.
fn prelude(total: u32, headers: u32) -> Vec<u8> {
    let lengths = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    let sum = crc32fast::hash(&lengths).to_be_bytes();
    [lengths.as_slice(), &sum].concat()
}

#[test]
fn lengths_that_no_frame_has_are_refused_before_the_bytes_come() {
    let most_headers = 128 << 10;
    let most_payload = 24 << 20;
    let cases = [
        (0, 0, false),
        (15, 0, false),
        (16, 0, true),
        (16, 1, false),
        (17, 1, true),
        (u32::MAX, 0, false),
        (u32::MAX, u32::MAX, false),
        (100, u32::MAX, false),
        (16 + most_headers, most_headers, true),
        (17 + most_headers, most_headers + 1, false),
        (16 + most_payload, 0, true),
        (17 + most_payload, 0, false),
        (16 + most_headers + most_payload, most_headers, true),
    ];

    for (total, headers, is_allowed) in cases {
        for size in [1, 12] {
            let end = read(&prelude(total, headers), size).1;
            let expected = if is_allowed { Ok(()) } else { Err(BadFrame::Length) };
            assert_eq!(end, expected, "{total} bytes with {headers} of headers");
        }
    }
}

#[test]
fn memory_is_taken_as_bytes_come_and_given_back() {
    let payload = vec![b'x'; 1 << 20];
    let bytes = frame(&[(":event-type", "e")], &payload);
    let mut reader = FrameReader::default();

    reader.push(&prelude(16 + (24 << 20), 0), |_| {}).unwrap();
    assert!(reader.held.capacity() < 64, "a claim takes no memory");

    let mut reader = FrameReader::default();
    let mut told = 0;
    for chunk in bytes.chunks(1000) {
        reader.push(chunk, |_| told += 1).unwrap();
    }
    assert_eq!(told, 1);
    assert!(reader.held.capacity() <= ROOM);
}

#[test]
fn a_frame_without_anything_is_one() {
    let bytes = [frame(&[], &[]), frame(&[], b"{}")].concat();

    assert_eq!(bytes.len(), 34);
    let expected = vec![(None, vec![]), (None, b"{}".to_vec())];
    assert_eq!(read(&bytes, 5), (expected, Ok(())));
}

/// Bytes that are frames, begin as frames, or are none at all.
fn nearly_frames() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec!["messageStart", "contentBlockDelta", "e", ""]);
    let whole = (name, "[ -~]{0,40}").prop_map(|(name, payload)| event(name, &payload));
    let odd = (
        prop::collection::vec(any::<u8>(), 0..12),
        prop::collection::vec(any::<u8>(), 0..8),
    )
        .prop_map(|(headers, payload)| with_headers(&headers, &payload));
    let lengths = (0_u32..200, 0_u32..200).prop_map(|(total, headers)| prelude(total, headers));
    let noise = prop::collection::vec(any::<u8>(), 0..20);
    let piece = prop_oneof![6 => whole, 2 => odd, 1 => lengths, 1 => noise];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_split_of_any_bytes_changes_nothing(bytes in nearly_frames(), sizes in prop::collection::vec(1_usize..50, 1..20)) {
        let whole = read(&bytes, bytes.len());

        let mut reader = FrameReader::default();
        let mut told = Vec::new();
        let mut end = Ok(());
        let mut rest = bytes.as_slice();
        for size in sizes.iter().cycle() {
            let (now, behind) = rest.split_at(rest.len().min(*size));
            rest = behind;
            end = reader.push(now, |frame| {
                told.push((frame.text(":event-type").map(str::to_owned), frame.payload.to_vec()));
            });
            if rest.is_empty() || end.is_err() {
                break;
            }
        }

        prop_assert_eq!((told, end), whole);
    }
}
