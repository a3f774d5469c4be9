use std::ops::Range;

use proptest::prelude::*;

use super::*;

/// An event that outlives the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    kind: Kind,
    data: Vec<u8>,
    name: Vec<u8>,
    span: Range<u64>,
    data_at: Option<u64>,
    is_whole: bool,
}

impl From<Event<'_>> for Owned {
    fn from(event: Event<'_>) -> Owned {
        Owned {
            kind: event.kind,
            data: event.data.to_vec(),
            name: event.name.to_vec(),
            span: event.span,
            data_at: event.data_at,
            is_whole: event.is_whole,
        }
    }
}

/// Reads a stream that comes in these pieces, to its end.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Owned> {
    let mut reader = SseReader::default();
    let mut events = Vec::new();
    for piece in pieces {
        reader.push(piece, |event| events.push(event.into())).unwrap();
    }
    reader.finish(|event| events.push(event.into())).unwrap();
    events
}

/// What is told of a stream: data as text, comments as `:`, JSON without `data:` with `~` before it, and a `?` after
/// what the end of input ended.
fn told(stream: &[u8]) -> Vec<String> {
    read([stream])
        .into_iter()
        .map(|event| {
            let data = String::from_utf8_lossy(&event.data).into_owned();
            let end = if event.is_whole { "" } else { "?" };
            match event.kind {
                Kind::Data => format!("{data}{end}"),
                Kind::Naked => format!("~{}{end}", data.trim_end()),
                Kind::Idle => format!(":{end}"),
            }
        })
        .collect()
}

#[test]
fn every_rule_of_framing_is_kept() {
    let cases: &[(&[u8], &[&str])] = &[
        // One byte order mark, at the very start only.
        (b"\xEF\xBB\xBFdata: a\n\n", &["a"]),
        (b"\xEF\xBB\xBF: c\n\xEF\xBB\xBFdata: a\n\n", &[":", ":"]),
        (b"\xEF\xBB\xBF\n\ndata: a\n\n", &["a"]),
        // Line ends.
        (b"data: a\n\ndata: b\n\n", &["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
        (b"data: a\r\rdata: b\r\r", &["a", "b"]),
        (b"data: a\r\n\ndata: b\n\r\n", &["a", "b"]),
        (b"data: a\n\rdata: b\r\n\r", &["a", "b"]),
        // Comments.
        (
            b": OPENROUTER PROCESSING\n\n:\n:keep-alive\ndata: a\n\n",
            &[":", ":", ":", "a"],
        ),
        (b"data: a\n: in between\ndata: b\n\n", &["a\nb"]),
        // The value of a field.
        (b"data:a\n\ndata:  a\n\ndata:\ta\n\n", &["a", " a", "\ta"]),
        (b"data\n\ndata:\n\ndata: \n\n", &["", "", ""]),
        (b"data:a:b\n\n", &["a:b"]),
        // Several lines of data.
        (b"data: {\ndata:  \"a\": 1\ndata: }\n\n", &["{\n \"a\": 1\n}"]),
        (b"data: a\ndata\ndata: b\n\n", &["a\n\nb"]),
        (b"data\ndata\n\n", &["\n"]),
        // Other fields, and events without data.
        (b"id: 1\nretry: 5\nfoo: x\ndata: a\nbar\n\n", &["a"]),
        (b"event: ping\n\ndata: a\n\nid: 1\n\n", &[":", "a", ":"]),
        (b"DATA: a\n\n data: b\n\n", &[":", ":"]),
        // Blank lines.
        (b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n", &["a", "b"]),
        (b"", &[]),
        (b"\n", &[]),
        // The end of input.
        (b"data: a\n\ndata: b\n", &["a", "b?"]),
        (b"data: a\n\ndata: [DONE]", &["a", "[DONE]?"]),
        (b"data: a\n\n: half a comm", &["a", ":"]),
        (b"event: x", &[":?"]),
        // JSON without `data:`.
        (
            b"data: a\n\n{\"error\":{}}\n\ndata: b\n\n",
            &["a", "~{\"error\":{}}", "b"],
        ),
        (
            b"[{\n  \"error\": \"}{\\\"\"\n}\n]\n",
            &["~[{\n  \"error\": \"}{\\\"\"\n}\n]"],
        ),
        (b"{\"error\":1}", &["~{\"error\":1}"]),
        (b"{\"error\":\n{", &["~{\"error\":\n{?"]),
        (b"data: a\n{\"error\":1}\n", &["a?", "~{\"error\":1}"]),
        // It does not swallow the events that follow when it is never closed.
        (b"{oops\n\ndata: a\n\n", &["~{oops?", "a"]),
        // Not UTF-8.
        (b"data: \xFF\xFE\n\n", &["\u{fffd}\u{fffd}"]),
        // A page instead of a stream.
        (b"<html>\n<body>502</body>\n</html>", &[":?"]),
    ];

    for (stream, expected) in cases {
        assert_eq!(told(stream), *expected, "{:?}", String::from_utf8_lossy(stream));
    }
}

#[test]
fn the_name_of_an_event_is_told_and_forgotten_after_it() {
    let events = read([b"event: error\ndata: a\n\ndata: b\n\nevent:x\nevent:y\ndata: c\n\n".as_slice()]);

    let names: Vec<&[u8]> = events.iter().map(|event| event.name.as_slice()).collect();
    assert_eq!(names, [b"error".as_slice(), b"", b"y"]);
}

#[test]
fn an_event_says_where_it_and_its_data_stand() {
    let stream = b"\xEF\xBB\xBF: hi\n\nevent: x\ndata: abc\r\n\r\ndata:d\ndata:e\n\n";

    let events = read([stream.as_slice()]);

    let text =
        |span: Range<u64>| &stream[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()];
    assert_eq!(text(events[1].span.clone()), b"event: x\ndata: abc\r\n\r\n");
    let at = events[1].data_at.unwrap();
    assert_eq!(text(at..at + 3), b"abc");
    assert_eq!(text(events[2].span.clone()), b"data:d\ndata:e\n\n");
    assert_eq!(events[2].data_at, None);
}

/// A stream with something of everything.
const MIXED: &str = "\u{feff}: ping\n\ndata: {\"a\":\"gr\u{fc}\u{df}e \u{1f600} \\ud83d\"}\n\nevent: x\r\ndata: 1\r\n: c\r\ndata: \
2\r\n\r\ndata:3\r\rid: 7\n\n{\"error\":\n {\"m\":\"]\\\"\"}}\n\ndata: 4\n\n\n\r\ndata: [DONE]\n\ndata: after\n";

#[test]
fn a_stream_cut_at_every_byte_gives_the_same_events() {
    let stream = MIXED.as_bytes();
    let whole = read([stream]);
    assert_eq!(whole.len(), 9);

    for at in 0..=stream.len() {
        let (left, right) = stream.split_at(at);
        assert_same(&read([left, right]), &whole, at);
        assert_same(&read([left, b"", right]), &whole, at);
    }
    assert_same(&read(stream.chunks(1)), &whole, 1);
}

/// Equal, but for an LF that came after its CR: it is no part of an event that was complete before.
fn assert_same(events: &[Owned], whole: &[Owned], at: usize) {
    let without_lf = |events: &[Owned]| -> Vec<Owned> {
        let mut events = events.to_vec();
        for event in &mut events {
            event.span.end = 0;
        }
        events
    };
    assert_eq!(without_lf(events), without_lf(whole), "cut at {at}");
    for (event, same) in events.iter().zip(whole) {
        assert!(same.span.end - event.span.end <= 1, "cut at {at}");
    }
}

#[test]
fn an_event_inside_a_chunk_is_lent_and_not_copied() {
    let event = b"event: a\ndata: {\"content\":\"some text\"}\n\n".repeat(100);
    let mut reader = SseReader::default();
    let mut lent = 0;

    for _ in 0..3 {
        let range = event.as_ptr_range();
        reader
            .push(&event, |event| {
                lent += usize::from(range.contains(&event.data.as_ptr()));
            })
            .unwrap();
    }

    assert_eq!((lent, reader.copied()), (300, 0));
}

#[test]
fn large_events_are_read_in_any_split_with_every_byte_copied_at_most_twice() {
    const SIZE: usize = 1 << 20;
    let stream = [
        b"data: ".as_slice(),
        &vec![b'x'; SIZE],
        b"\r\n\r\n",
        b"data: y\n\n",
    ]
    .concat();

    for size in [1, 2, 7, 1000, 65_536, SIZE + 8, usize::MAX] {
        let mut reader = SseReader::default();
        let mut sizes = Vec::new();
        for chunk in stream.chunks(size.min(stream.len())) {
            reader.push(chunk, |event| sizes.push(event.data.len())).unwrap();
        }

        assert_eq!(sizes, [SIZE, 1], "chunks of {size}");
        assert!(
            reader.copied() <= 2 * stream.len() as u64,
            "chunks of {size} copied {} bytes",
            reader.copied()
        );
        assert!(reader.line.capacity() <= ROOM && reader.block.size() == 0);
    }
}

#[test]
fn a_comment_that_never_ends_takes_no_memory() {
    let mut reader = SseReader::with_limit(1000);

    reader.push(b": ", |_| {}).unwrap();
    for _ in 0..1000 {
        reader.push(&[b'x'; 100], |_| {}).unwrap();
    }
    let mut items = 0;
    reader.push(b"\ndata: a\n\n", |_| items += 1).unwrap();

    assert_eq!((items, reader.line.capacity() < 100), (2, true));
}

#[test]
fn an_event_over_the_limit_is_an_error_and_stays_one() {
    let long = "x".repeat(101);
    let streams = [
        format!("data: {long}\n\n"),
        format!("data: {}\ndata: {}\n\n", "x".repeat(50), "x".repeat(60)),
        format!("{{\"a\":\n\"{}\",\n\"{}\"\n", "x".repeat(50), "x".repeat(60)),
        "data: x\n".repeat(60),
    ];

    for stream in &streams {
        for size in [1, 10, 1000] {
            let mut reader = SseReader::with_limit(100);
            let mut events = 0;
            let read = stream
                .as_bytes()
                .chunks(size)
                .try_for_each(|chunk| reader.push(chunk, |_| events += 1));

            assert_eq!(read, Err(TooLarge { limit: 100 }), "{stream:?} by {size}");
            assert_eq!(events, 0);
            assert!(reader.push(b"data: a\n\n", |_| {}).is_err());
            assert!(reader.finish(|_| {}).is_err());
        }
    }
    assert_eq!(
        TooLarge { limit: 100 }.to_string(),
        "an event of the stream is larger than 100 bytes"
    );
}

#[test]
fn an_event_of_exactly_the_limit_is_read() {
    let stream = format!("data:{}\n\n", "x".repeat(95));

    for size in [1, 1000] {
        let mut reader = SseReader::with_limit(100);
        let mut events = 0;
        for chunk in stream.as_bytes().chunks(size) {
            reader.push(chunk, |_| events += 1).unwrap();
        }

        assert_eq!(events, 1);
    }
}

/// The rules as the standard has them, in the plainest way: all data of a stream without JSON that stands by itself.
fn plainly(stream: &[u8]) -> Vec<Vec<u8>> {
    let stream = stream.strip_prefix(BOM).unwrap_or(stream);
    let mut lines = vec![Vec::new()];
    let mut bytes = stream.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if(|next| **next == b'\n');
                lines.push(Vec::new());
            }
            b'\n' => lines.push(Vec::new()),
            _ => lines.last_mut().unwrap().push(*byte),
        }
    }
    // What has no line end at the end of input is a line all the same, and a blank one is added to be lenient.
    lines.push(Vec::new());
    let mut all = Vec::new();
    let mut data: Option<Vec<u8>> = None;
    for line in lines {
        let value = match line.strip_prefix(b"data:") {
            Some(value) => value.strip_prefix(b" ").unwrap_or(value),
            None if line == b"data" => b"",
            None if line.is_empty() => {
                all.extend(data.take());
                continue;
            }
            None => continue,
        };
        match &mut data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => data = Some(value.to_vec()),
        }
    }
    all
}

/// Any bytes, but mostly those that mean something.
fn any_stream(rng: &mut fastrand::Rng, words: &[&[u8]]) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..rng.usize(0..24) {
        match rng.usize(0..=words.len()) {
            rare if rare == words.len() => stream.push(rng.u8(..)),
            index => stream.extend_from_slice(words[index]),
        }
    }
    stream
}

/// A stream in random pieces, some of them empty.
fn pieces<'a>(rng: &mut fastrand::Rng, stream: &'a [u8]) -> Vec<&'a [u8]> {
    let mut rest = stream;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rng.usize(0..=rest.len().min(9)));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

const WORDS: &[&[u8]] = &[
    b"data:",
    b"data: ",
    b"data",
    b"event: error",
    b"id",
    b":",
    b" ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b"x",
    b"[DONE]",
    b"\xEF\xBB\xBF",
    b"\xF0\x9F",
    b"\"",
    b"\\",
];

#[test]
fn ten_thousand_random_streams_are_read_as_the_standard_has_it() {
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..10_000 {
        let mut stream = any_stream(&mut rng, WORDS);
        // Those open JSON, which the standard does not know.
        stream.retain(|byte| !matches!(byte, b'{' | b'['));

        let events = read([stream.as_slice()]);

        let data: Vec<Vec<u8>> = events
            .into_iter()
            .filter(|event| event.kind == Kind::Data)
            .map(|event| event.data)
            .collect();
        assert_eq!(
            data,
            plainly(&stream),
            "round {round}: {:?}",
            stream.escape_ascii().to_string()
        );
    }
}

#[test]
fn ten_thousand_random_streams_in_random_pieces_never_panic_and_give_the_same_events() {
    let mut rng = fastrand::Rng::with_seed(11);
    let words = [WORDS, &[b"{", b"}", b"[", b"]", b"{\"error\":1}"]].concat();
    for round in 0..10_000 {
        let stream = any_stream(&mut rng, &words);
        let whole = read([stream.as_slice()]);

        let events = read(pieces(&mut rng, &stream));

        assert_same(&events, &whole, round);
        let mut end = 0;
        for event in &whole {
            assert!(
                event.span.start >= end && event.span.end > event.span.start,
                "{event:?}"
            );
            end = event.span.end;
            if let Some(at) = event.data_at.map(|at| usize::try_from(at).unwrap()) {
                assert_eq!(stream[at..at + event.data.len()], event.data, "round {round}");
            }
        }
        assert!(end <= stream.len() as u64);
    }
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_cost_at_most_two_copies(
        stream in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'{')], 0..400),
        size in 1_usize..40,
    ) {
        let mut reader = SseReader::default();
        for chunk in stream.chunks(size) {
            reader.push(chunk, |_| {}).unwrap();
            prop_assert!(reader.clean_to() <= reader.offset());
        }
        reader.finish(|_| {}).unwrap();

        prop_assert!(reader.copied() <= 2 * stream.len() as u64);
    }
}
