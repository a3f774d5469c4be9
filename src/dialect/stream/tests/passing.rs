//! What passes: everything, unchanged, in whole events; less the usage that only we asked for.

use super::*;

#[test]
fn a_chunk_of_whole_events_passes_as_it_is() {
    let mut judge = StreamJudge::new(UsageFor::Client);
    let chunks = [
        Bytes::from(ordinary(None).replace(DONE, "")),
        Bytes::from(DONE),
        Bytes::from("garbage"),
    ];

    for chunk in &chunks {
        let mut out = Vec::new();
        judge.on_chunk(chunk, &mut out).unwrap();

        assert_eq!(out.len(), 1);
        assert_eq!((out[0].as_ptr(), out[0].len()), (chunk.as_ptr(), chunk.len()));
    }
}

#[test]
fn the_beginning_of_an_event_waits_for_its_end() {
    let (first, second) = (content("A"), content("B"));
    let (half, rest) = second.split_at(40);
    let mut judge = StreamJudge::new(UsageFor::Client);
    let mut out = Vec::new();

    judge
        .on_chunk(&Bytes::from(format!("{first}{half}")), &mut out)
        .unwrap();
    assert_eq!(out.concat(), first.as_bytes());
    assert_eq!(judge.seam(), b"");

    judge
        .on_chunk(&Bytes::from(format!("{rest}: c\n: d")), &mut out)
        .unwrap();
    assert_eq!(out.concat(), format!("{first}{second}: c\n").as_bytes());

    // Cut here: what the client has are whole events, so one of ours can follow.
    assert_eq!(judge.on_end(&mut out), Err(Fault::Cut));
    assert_eq!(out.concat(), format!("{first}{second}: c\n").as_bytes());
}

#[test]
fn a_half_event_at_the_end_does_not_pass() {
    for tail in ["data: {\"id\"", "data: {}", "event: x\n", "data: {}\n", "{\"a\":"] {
        let outcome = pass_whole(&format!("{}{tail}", content("A")));

        assert_eq!(
            (outcome.end, outcome.passed),
            (Err(Fault::Cut), content("A").into_bytes()),
            "{tail}"
        );
    }
    let done = [content("A"), "data: [DONE]".to_owned()].concat();
    assert_eq!(pass_whole(&done).passed, done.as_bytes());
}

#[test]
fn an_event_beyond_the_bound_passes_in_pieces_and_says_so() {
    let large = content(&"x".repeat(passage::MOST_HELD + 10));
    let (head, tail) = large.split_at(large.len() - 5);
    let mut judge = StreamJudge::new(UsageFor::Us);
    let mut out = Vec::new();

    for piece in head.as_bytes().chunks(10_000) {
        judge.on_chunk(&Bytes::copy_from_slice(piece), &mut out).unwrap();
    }
    assert!(out.concat().len() > passage::MOST_HELD);
    assert_eq!(judge.seam(), b"\n\n");

    judge.on_chunk(&Bytes::from(tail.to_owned()), &mut out).unwrap();
    assert_eq!(out.concat(), large.as_bytes());
    assert_eq!(judge.seam(), b"");

    let tiny = content(&"x".repeat(2 * passage::MOST_PIECES));
    let outcome = pass(
        UsageFor::Us,
        [tiny.as_bytes(), DONE.as_bytes()].concat().chunks(1),
    );
    assert_eq!(outcome.passed, [tiny.as_bytes(), DONE.as_bytes()].concat());
}

/// Streams with usage, and what is left for a client that did not ask for it.
fn stripped() -> Vec<(String, String)> {
    let usage_event = event("").replace("[]", &format!("[],\"usage\":{USAGE}"));
    let crlf = |stream: String| stream.replace('\n', "\r\n");
    let cr = |stream: String| stream.replace('\n', "\r");
    let bare = ordinary(None);
    vec![
        (ordinary(Some(USAGE)), bare.clone()),
        (crlf(ordinary(Some(USAGE))), crlf(bare.clone())),
        (cr(ordinary(Some(USAGE))), cr(bare.clone())),
        (
            format!("\u{feff}{}", ordinary(Some(USAGE))),
            format!("\u{feff}{bare}"),
        ),
        // Without spaces after the colon, and with.
        (
            ordinary(Some(USAGE))
                .replace("data: ", "data:")
                .replace(",\"usage\":", ", \"usage\" : "),
            bare.replace("data: ", "data:"),
        ),
        // Before, with and after the finish, and twice.
        (
            [
                usage_event.clone(),
                content("A"),
                usage_event.clone(),
                usage_event.clone(),
            ]
            .concat(),
            content("A"),
        ),
        (
            finish(0, "stop").replace("]}\n", &format!("],\"usage\":{USAGE}}}\n")),
            finish(0, "stop"),
        ),
        // No choices at all.
        (
            format!("data: {{\"usage\":{USAGE}}}\n\n{}", content("A")),
            content("A"),
        ),
        // A comment that belongs to the event goes with it, one before it stays.
        (
            format!(": a\ndata: {{\"choices\":[],\n: b\ndata: \"usage\":{USAGE}}}\n\n: c\n"),
            ": a\n: c\n".to_owned(),
        ),
        // Filter results without usage are no usage event.
        (
            "data: {\"choices\":[],\"prompt_filter_results\":[{}],\"usage\":null}\n\n".to_owned(),
            "data: {\"choices\":[],\"prompt_filter_results\":[{}]}\n\n".to_owned(),
        ),
        // Not at the top, not a key, in several lines of data, or without `data:`: left alone.
        same(delta(r#"{"content":"A","usage":null}"#)),
        same(delta(r#"{"content":"usage"}"#)),
        same(content(r#"\"usage\":null"#)),
        same("data: {\"choices\":[{}],\ndata: \"usage\":null}\n\n".to_owned()),
        same("{\"usage\":{\"prompt_tokens\":1}}\n".to_owned()),
        // After the end nothing is read.
        same(format!("{}{DONE}{usage_event}", content("A"))),
    ]
}

fn same(stream: String) -> (String, String) {
    (stream.clone(), stream)
}

/// The judgement that is due when the stream is complete or is not.
fn end_of(stream: &str) -> Outcome {
    pass(UsageFor::Us, [stream.as_bytes()])
}

#[test]
fn usage_that_only_we_asked_for_does_not_reach_the_client_in_any_split() {
    for (stream, expected) in stripped() {
        let stream = format!("{stream}{}", content("end"));
        let expected = format!("{expected}{}", content("end"));
        let whole = end_of(&stream);
        assert_eq!(String::from_utf8_lossy(&whole.passed), expected, "{stream}");

        let bytes = stream.as_bytes();
        for at in 0..=bytes.len() {
            let (left, right) = bytes.split_at(at);
            assert_eq!(
                pass(UsageFor::Us, [left, right]),
                whole,
                "cut at {at} of {stream:?}"
            );
        }
        for size in 1..40 {
            assert_eq!(
                pass(UsageFor::Us, bytes.chunks(size)),
                whole,
                "{size} of {stream:?}"
            );
        }
    }
}

#[test]
fn usage_passes_to_a_client_that_asked_in_any_split() {
    for (stream, _) in stripped() {
        let bytes = stream.as_bytes();
        let whole = pass_whole(&stream);
        let ended = [bytes, content("end").as_bytes(), DONE.as_bytes()].concat();
        assert_eq!(pass(UsageFor::Client, [ended.as_slice()]).passed, ended);
        for at in 0..=bytes.len() {
            let (left, right) = bytes.split_at(at);
            assert_eq!(
                pass(UsageFor::Client, [left, right]),
                whole,
                "cut at {at} of {stream:?}"
            );
        }
        assert_eq!(pass(UsageFor::Client, bytes.chunks(1)), whole);
    }
}

/// Pieces of streams, good and bad.
fn words() -> Vec<Vec<u8>> {
    let texts = [
        "data: ",
        "\n",
        "\n\n",
        "\r",
        "\r\n\r\n",
        "\u{feff}",
        ": c\n",
        "event: error\n",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ",",
        "x",
        "\"usage\":null",
        "\"error\":1",
        "{\"error\":{\"message\":\"m\"}}",
        "{\"usage\":{\"prompt_tokens\":1}}",
    ];
    let events = [
        delta(ROLE),
        content("A"),
        content("B").replace("]}", "],\"usage\":null}"),
        finish(0, "stop"),
        event("")
            .replace("[]", &format!("[],\"usage\":{USAGE}"))
            .replace('\n', "\r\n"),
        DONE.to_owned(),
    ];
    texts
        .into_iter()
        .map(str::to_owned)
        .chain(events)
        .map(String::into_bytes)
        .chain([vec![0xFF], vec![0xF0, 0x9F]])
        .collect()
}

#[test]
fn ten_thousand_random_streams_never_panic_and_any_split_gives_the_same() {
    let mut rng = fastrand::Rng::with_seed(3);
    let words = words();
    let mut ends = [0_u32; 3];
    for round in 0..10_000 {
        let stream: Vec<u8> = (0..rng.usize(0..10))
            .flat_map(|_| words[rng.usize(0..words.len())].clone())
            .collect();
        let usage_for = if rng.bool() {
            UsageFor::Client
        } else {
            UsageFor::Us
        };
        let whole = pass(usage_for, [stream.as_slice()]);

        let size = rng.usize(1..60);
        let outcome = pass(usage_for, stream.chunks(size));

        assert_eq!(
            outcome,
            whole,
            "round {round}, chunks of {size} of {:?}",
            stream.escape_ascii().to_string()
        );
        if usage_for == UsageFor::Client {
            assert!(stream.starts_with(&whole.passed), "round {round}");
        }
        let end = match whole.end {
            Ok(()) => 0,
            Err(Fault::Empty | Fault::Cut) => 1,
            Err(_) => 2,
        };
        ends[end] += 1;
    }
    assert!(
        ends.iter().all(|count| *count > 300),
        "{ends:?} are not of every kind"
    );
}
