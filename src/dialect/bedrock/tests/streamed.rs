//! Streams, as the judge behind them reads them.

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;

use crate::dialect::bedrock::Bedrock;
use crate::dialect::bedrock::written::{error, event, exception, frame};
use crate::dialect::hub::Chunks;
use crate::dialect::language::{About, Language};
use crate::dialect::stream::{Fault, StreamJudge, UsageFor};
use crate::dialect::usage::Usage;
use crate::outcome::{Class, ErrorDialect, Evidence, judge};

const ABOUT: About<'static> = About {
    id: "i",
    model: "m",
    created: 1,
    shows_usage: false,
};

/// The hub's events of a stream that comes in chunks of this size.
fn hub(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut chunks = Chunks::new(&ABOUT);
    let mut inlet = Bedrock.stream().unwrap();
    let mut made = Vec::new();
    for chunk in bytes.chunks(size.max(1)) {
        inlet.on_chunk(chunk, &mut chunks);
        made.extend_from_slice(&chunks.take());
    }
    inlet.on_end(&mut chunks);
    made.extend_from_slice(&chunks.take());
    made
}

/// How the judge finds it, and the usage that it saw.
fn judged(frames: &[Vec<u8>]) -> (Result<(), Fault>, Option<Usage>) {
    let mut judge = StreamJudge::new(UsageFor::Us);
    let mut out = Vec::new();
    let made = Bytes::from(hub(&frames.concat(), 1000));
    let end = judge.on_chunk(&made, &mut out);
    let end = end.and_then(|_| judge.on_end(&mut out));
    (end, judge.usage())
}

/// The class of the error that ends it.
fn class(frames: &[Vec<u8>]) -> Class {
    let (end, _) = judged(frames);
    let Err(Fault::Error(body)) = end else {
        panic!("it ends with {end:?}");
    };
    let evidence = Evidence {
        dialect: ErrorDialect::Bedrock,
        status: 200,
        headers: &HeaderMap::new(),
        body: &body,
        body_complete: true,
    };
    judge(&evidence, std::time::SystemTime::UNIX_EPOCH).class
}

fn start() -> Vec<u8> {
    event("messageStart", r#"{"role":"assistant"}"#)
}

fn text() -> Vec<u8> {
    event(
        "contentBlockDelta",
        r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#,
    )
}

fn stop(reason: &str) -> Vec<u8> {
    event("messageStop", &format!(r#"{{"stopReason":"{reason}"}}"#))
}

fn metadata() -> Vec<u8> {
    event("metadata", r#"{"usage":{"inputTokens":3,"outputTokens":4}}"#)
}

#[test]
fn only_a_stop_and_metadata_complete_an_answer() {
    let cases = [
        (vec![start(), text(), stop("end_turn"), metadata()], Ok(())),
        (vec![start(), text(), metadata(), stop("end_turn")], Ok(())),
        (vec![start(), text(), stop("end_turn")], Err(Fault::Cut)),
        (vec![start(), text(), metadata()], Err(Fault::Cut)),
        (vec![start(), text()], Err(Fault::Cut)),
        (vec![start()], Err(Fault::Empty)),
        (vec![], Err(Fault::Empty)),
        // An answer of nothing, told to its end.
        (vec![start(), stop("end_turn"), metadata()], Err(Fault::Empty)),
        (vec![start(), stop("content_filtered"), metadata()], Ok(())),
        (vec![start(), stop("max_tokens"), metadata()], Ok(())),
        (
            vec![
                start(),
                text(),
                stop("end_turn"),
                metadata(),
                exception("x", "{}"),
            ],
            Ok(()),
        ),
    ];

    for (frames, expected) in cases {
        let (end, usage) = judged(&frames);
        assert_eq!(end, expected, "{}", String::from_utf8_lossy(&frames.concat()));
        assert_eq!(
            usage.is_some(),
            end.is_ok() || frames.len() == 3 && frames[2] == metadata() && end == Err(Fault::Empty)
        );
    }
}

#[test]
fn failures_in_a_stream_have_the_class_that_they_have_outside() {
    let cases = [
        ("throttlingException", "slow down", Class::RateLimited),
        (
            "throttlingException",
            "Too many tokens per day",
            Class::QuotaExhausted,
        ),
        ("modelNotReadyException", "warming up", Class::Overloaded),
        ("serviceUnavailableException", "x", Class::Overloaded),
        ("internalServerException", "x", Class::ServerError),
        ("modelStreamErrorException", "x", Class::ServerError),
        ("modelTimeoutException", "x", Class::Timeout),
        ("validationException", "x", Class::ClientError),
        (
            "validationException",
            "Input is too long for requested model.",
            Class::ContextLength,
        ),
        ("accessDeniedException", "x", Class::Permission),
        ("resourceNotFoundException", "x", Class::ModelNotFound),
        ("serviceQuotaExceededException", "x", Class::QuotaExhausted),
    ];

    for (name, message, expected) in cases {
        let payload = format!(r#"{{"message":"{message}"}}"#);
        assert_eq!(class(&[exception(name, &payload)]), expected, "{name}");
        assert_eq!(
            class(&[start(), text(), exception(name, &payload)]),
            expected,
            "{name}"
        );
        assert_eq!(class(&[error(name, message)]), expected, "{name}");
    }
    assert_eq!(
        class(&[exception("internalServerException", "")]),
        Class::ServerError
    );
    assert_eq!(class(&[start(), stop("malformed_tool_use")]), Class::ServerError);
}

#[test]
fn what_cannot_be_read_is_an_error_of_the_server() {
    let mut spoilt = text();
    spoilt[70] ^= 1;
    let events = [
        event("messageStop", "{}"),
        event("messageStop", "end_turn"),
        event("metadata", "[]"),
        event("contentBlockStart", "{}"),
        event("contentBlockStart", r#"{"start":{"toolUse":{"name":"f"}}}"#),
        event("contentBlockDelta", r#"{"contentBlockIndex":0}"#),
        event("contentBlockDelta", r#"{"delta":{"toolUse":{"input":"{}"}}}"#),
        frame(&[(":event-type", "messageStart")], b"{}"),
        frame(&[(":message-type", "event")], b"{}"),
        frame(&[(":message-type", "exception")], b"{}"),
        frame(
            &[(":message-type", "song"), (":event-type", "messageStart")],
            b"{}",
        ),
        frame(&[], b"{}"),
        spoilt,
    ];

    for event in events {
        let frames = [start(), text(), event];
        assert_eq!(
            class(&frames),
            Class::ServerError,
            "{}",
            String::from_utf8_lossy(&frames[2])
        );
    }
}

#[test]
fn too_many_open_blocks_end_the_stream() {
    let opening = |index: usize| {
        let payload = format!(
            r#"{{"contentBlockIndex":{index},"start":{{"toolUse":{{"toolUseId":"t{index}","name":"f"}}}}}}"#
        );
        event("contentBlockStart", &payload)
    };
    let many: Vec<_> = (0..2000).map(opening).collect();

    assert_eq!(class(&many), Class::ServerError);
}

/// Any event, sensible or not, with any text in it.
fn any_event() -> impl Strategy<Value = Vec<u8>> {
    let word =
        || "[a-z\\\\\"{}\\[\\]:,0-9 üß🌍]{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap());
    let index = 0_u64..4;
    let known = (0_usize..10, index, word(), word()).prop_map(|(kind, index, one, other)| match kind {
        0 => start(),
        1 => event(
            "contentBlockStart",
            &format!(r#"{{"contentBlockIndex":{index},"start":{{"toolUse":{{"toolUseId":{one},"name":{other}}}}}}}"#),
        ),
        2 => event(
            "contentBlockDelta",
            &format!(r#"{{"contentBlockIndex":{index},"delta":{{"text":{one}}}}}"#),
        ),
        3 => event(
            "contentBlockDelta",
            &format!(r#"{{"contentBlockIndex":{index},"delta":{{"toolUse":{{"input":{one}}}}}}}"#),
        ),
        4 => event(
            "contentBlockDelta",
            &format!(r#"{{"contentBlockIndex":{index},"delta":{{"reasoningContent":{{"text":{one}}}}}}}"#),
        ),
        5 => event("contentBlockStop", &format!(r#"{{"contentBlockIndex":{index}}}"#)),
        6 => event("messageStop", &format!(r#"{{"stopReason":{one}}}"#)),
        7 => metadata(),
        8 => exception("throttlingException", &format!(r#"{{"message":{one}}}"#)),
        _ => event("messageStop", r#"{"stopReason":"tool_use"}"#),
    });
    let noise = prop::collection::vec(any::<u8>(), 0..30);
    let odd = (
        prop::sample::select(vec![
            "messageStop",
            "metadata",
            "contentBlockDelta",
            "contentBlockStart",
        ]),
        noise.clone(),
    )
        .prop_map(|(name, payload)| frame(&[(":message-type", "event"), (":event-type", name)], &payload));
    prop_oneof![20 => known, 2 => odd, 1 => noise]
}

proptest! {
    #[test]
    fn any_split_of_any_stream_yields_the_same_events(
        frames in prop::collection::vec(any_event(), 0..12),
        size in 1_usize..200,
    ) {
        let bytes = frames.concat();

        prop_assert_eq!(hub(&bytes, size), hub(&bytes, bytes.len()));
    }

    #[test]
    fn an_answer_that_ends_well_is_told_whole(
        pieces in prop::collection::vec("[a-z \\\\\"üß🌍\n]{1,8}", 1..8),
        arguments in prop::collection::vec("[a-z\"{}]{1,8}", 0..5),
        size in 1_usize..200,
    ) {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let mut frames = vec![start()];
        for piece in &pieces {
            let payload = format!(r#"{{"contentBlockIndex":0,"delta":{{"text":{}}}}}"#, quoted(piece));
            frames.push(event("contentBlockDelta", &payload));
        }
        frames.push(event("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}"#));
        for fragment in &arguments {
            let payload = format!(r#"{{"contentBlockIndex":1,"delta":{{"toolUse":{{"input":{}}}}}}}"#, quoted(fragment));
            frames.push(event("contentBlockDelta", &payload));
        }
        frames.extend([stop("tool_use"), metadata()]);

        let made = String::from_utf8(hub(&frames.concat(), size)).unwrap();

        let (mut text, mut called) = (String::new(), String::new());
        let events = made.lines().filter_map(|line| line.strip_prefix("data: {"));
        for event in events {
            let event: serde_json::Value = serde_json::from_str(&format!("{{{event}")).unwrap();
            let delta = &event["choices"][0]["delta"];
            text += delta["content"].as_str().unwrap_or_default();
            called += delta["tool_calls"][0]["function"]["arguments"].as_str().unwrap_or_default();
        }
        let expected = if arguments.is_empty() { "{}".to_owned() } else { arguments.concat() };
        prop_assert_eq!((text, called), (pieces.concat(), expected));
        prop_assert!(made.ends_with("data: [DONE]\n\n"));
    }
}
