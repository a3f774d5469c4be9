//! What becomes of a stream, as its judge sees it.

use bytes::Bytes;

use super::*;
use crate::dialect::anthropic::tale;
use crate::dialect::hub::Chunks;
use crate::dialect::stream::{Fault, Stage, StreamJudge, UsageFor, Witness};
use crate::dialect::usage::Usage;

/// A fixture of the golden matrix.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/golden/streams/anthropic/",
            $name,
            ".txt"
        ))
    };
}

/// The hub's events, and their writer.
fn told(stream: &str) -> (Bytes, Chunks) {
    let mut chunks = Chunks::new(&ABOUT);
    let mut inlet = Anthropic.stream().unwrap();
    inlet.on_chunk(stream.as_bytes(), &mut chunks);
    inlet.on_end(&mut chunks);
    (chunks.take(), chunks)
}

/// What the judge says of the hub's events, and which usage it saw.
fn judged(stream: &str) -> (Result<(), Fault>, Option<Usage>) {
    let mut judge = StreamJudge::new(UsageFor::Us);
    let mut out = Vec::new();
    let read = judge.on_chunk(&told(stream).0, &mut out);
    let ended = read.and_then(|_| judge.on_end(&mut out));
    (ended, judge.usage())
}

#[test]
fn whole_streams_are_whole() {
    for stream in [
        fixture!("text"),
        fixture!("text-crlf"),
        fixture!("tool"),
        fixture!("parallel-tools"),
        fixture!("tool-whole"),
        fixture!("thinking"),
        fixture!("refusal"),
        fixture!("refusal-at-once"),
        fixture!("max-tokens"),
        fixture!("cache-usage"),
        fixture!("unknown-events"),
        fixture!("unicode"),
    ] {
        let (verdict, usage) = judged(stream);
        assert_eq!(verdict, Ok(()), "{stream}");
        assert!(usage.is_some(), "{stream}");
    }
}

#[test]
fn what_is_cut_before_its_end_was_told_is_cut() {
    for stream in [
        fixture!("cut-in-text"),
        fixture!("cut-before-stop"),
        fixture!("cut-in-event"),
    ] {
        assert_eq!(judged(stream).0, Err(Fault::Cut), "{stream}");
    }
}

#[test]
fn an_end_without_an_answer_is_none() {
    for stream in [fixture!("empty"), fixture!("ping-only"), fixture!("no-events")] {
        assert_eq!(judged(stream).0, Err(Fault::Empty), "{stream}");
    }
}

/// The stages of a stream that passes in its own form, event by event, and its end.
fn witnessed(events: &[&str]) -> (Vec<Stage>, Result<(), Fault>) {
    let mut witness = Witness::new(tale(), &ABOUT);
    let mut out = Vec::new();
    let stages = events.iter().map(|event| {
        let chunk = Bytes::from(format!("data: {event}\n\n"));
        witness.on_chunk(&chunk, &mut out).unwrap()
    });
    (stages.collect(), witness.on_end(&mut out))
}

const START: &str = r#"{"type":"message_start","message":{"id":"m","model":"c","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

#[test]
fn in_its_own_form_a_stream_without_a_word_of_text_is_an_answer() {
    let pause =
        r#"{"type":"message_delta","delta":{"stop_reason":"pause_turn"},"usage":{"output_tokens":5}}"#;
    for block in [
        r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#,
        r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[]}"#,
        r#"{"type":"compaction","content":null}"#,
        r#"{"type":"thinking","thinking":"","signature":""}"#,
        r#"{"type":"redacted_thinking","data":"E"}"#,
    ] {
        let begun = format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#);
        let (stages, end) = witnessed(&[START, &begun, pause, STOP]);

        assert_eq!(stages[..2], [Stage::Waiting, Stage::Flowing], "{block}");
        assert_eq!((stages[3], end), (Stage::Done, Ok(())), "{block}");
    }
}

#[test]
fn in_its_own_form_a_turn_with_nothing_to_say_is_an_answer_and_no_turn_is_none() {
    let end_turn =
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#;
    let text = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;

    assert_eq!(witnessed(&[START, end_turn, STOP]).1, Ok(()));
    assert_eq!(witnessed(&[START, text]).0, [Stage::Waiting; 2]);
    assert_eq!(witnessed(&[START, STOP]).1, Err(Fault::Empty));
    assert_eq!(witnessed(&[START, text]).1, Err(Fault::Empty));
}

#[test]
fn nothing_is_put_into_a_translated_stream_for_blocks_that_have_no_words() {
    let search = r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search"}}"#;
    let events = told(&format!("data: {START}\n\ndata: {search}\n\ndata: {STOP}\n\n")).0;
    let events = String::from_utf8(events.to_vec()).unwrap();

    assert_eq!(events.matches("content").count(), 1, "{events}");
    assert!(events.contains("[DONE]"), "{events}");
}

#[test]
fn calls_that_are_never_ended_are_not_kept_without_end() {
    let stream = |calls: usize, input: usize| {
        let input = format!("{{\"x\":\"{}\"}}", "y".repeat(input));
        let call = |index| {
            let block = format!(r#"{{"type":"tool_use","id":"i","name":"f","input":{input}}}"#);
            format!(
                "data: {{\"type\":\"content_block_start\",\"index\":{index},\"content_block\":{block}}}\n\n"
            )
        };
        let stop = r#"data: {"type":"message_stop"}"#;
        (0..calls).map(call).collect::<String>() + stop + "\n\n"
    };
    for (calls, input, is_kept) in [
        (1024, 1, true),
        (1025, 1, false),
        (7, 1 << 20, true),
        (9, 1 << 20, false),
    ] {
        let verdict = judged(&stream(calls, input)).0;
        assert_eq!(verdict.is_ok(), is_kept, "{calls} calls of {input} bytes");
    }
}

#[test]
fn an_error_reaches_its_judge_as_the_provider_wrote_it() {
    for (stream, kind) in [
        (fixture!("error-first"), "overloaded_error"),
        (fixture!("error-middle"), "api_error"),
        (fixture!("error-naked"), "overloaded_error"),
        (fixture!("error-in-words"), "server_error"),
        (fixture!("not-json"), "server_error"),
    ] {
        let (Err(Fault::Error(body)), _) = judged(stream) else {
            unreachable!("{stream}")
        };
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["type"], json!(kind), "{stream}");
    }
}

#[test]
fn a_stream_that_is_left_has_told_what_it_took_so_far() {
    let (events, chunks) = told(fixture!("cut-in-text"));

    let spent = chunks.spent().unwrap();
    assert_eq!((spent.input, spent.output), (25, 1));
    assert!(!events.windows(13).any(|window| window == b"prompt_tokens"));
}

#[test]
fn arguments_that_were_never_ended_are_json_all_the_same() {
    let stream = fixture!("tool-whole");
    let without_stop: String = stream
        .split_inclusive("\n\n")
        .filter(|event| !event.contains("content_block_stop"))
        .collect();

    assert_ne!(without_stop, stream);
    let with_whole = r#"{"arguments":"{\"city\":\"Oslo\"}"}"#;
    for stream in [stream, &without_stop] {
        let events = String::from_utf8(told(stream).0.to_vec()).unwrap();
        assert!(events.contains(with_whole), "{events}");
        assert!(events.contains(r#""arguments":"{}""#), "{events}");
    }
}
