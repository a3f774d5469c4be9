//! Errors of every shape, and what becomes of the bytes around them.

use super::super::seen::{ERROR_LIMIT, SAMPLE_LIMIT};
use super::*;
use std::time::SystemTime;

use crate::outcome::{Class, ErrorDialect, Evidence, judge};

/// The class of an error, and its message.
fn judged(body: &[u8]) -> (Class, String) {
    let evidence = Evidence {
        dialect: ErrorDialect::OpenAiCompatible,
        status: 200,
        headers: &http::HeaderMap::new(),
        body,
        body_complete: true,
    };
    let judged = judge(&evidence, SystemTime::UNIX_EPOCH);
    (judged.class, judged.message)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn an_error_of_any_shape_breaks_the_stream_and_can_be_judged() {
    let cases = [
        (
            r#"data: {"error":{"message":"Rate limit reached","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#,
            Class::RateLimited,
            "Rate limit reached",
        ),
        (r#"data: {"error":"it broke"}"#, Class::BadResponse, "it broke"),
        (
            "event: error\ndata: {\"code\":\"overloaded\",\"message\":\"busy\"}",
            Class::Overloaded,
            "busy",
        ),
        ("event: error\ndata: it broke", Class::BadResponse, "it broke"),
        // The event's name alone says so.
        (
            "event: error\ndata: {\"choices\":[]}",
            Class::BadResponse,
            r#"{"choices":[]}"#,
        ),
        (
            r#"data: {"id":"gen-1","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":529,"message":"upstream busy"}}"#,
            Class::Overloaded,
            "upstream busy",
        ),
        // Only inside of the choice.
        (
            r#"data: {"choices":[{"delta":{},"error":{"code":429,"message":"slow down"}}]}"#,
            Class::RateLimited,
            "slow down",
        ),
        (
            r#"data: {"error":{"message":"engine died","type":"InternalServerError","code":500}}"#,
            Class::ServerError,
            "engine died",
        ),
        (
            r#"data: {"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}"#,
            Class::Overloaded,
            "the provider gave up with finish_reason `insufficient_system_resource`",
        ),
        (
            r#"data: {"choices":[{"delta":{"content":"A"},"finish_reason":"error"}]}"#,
            Class::ServerError,
            "the provider gave up with finish_reason `error`",
        ),
        // Without `data:`.
        (
            r#"{"error":{"message":"it broke","code":503}}"#,
            Class::Overloaded,
            "it broke",
        ),
        (
            "[{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"it broke\"\n  }\n}\n]",
            Class::Overloaded,
            "it broke",
        ),
        (
            r#"{"error":{"message":"it broke","code":503}} and so on"#,
            Class::Overloaded,
            "it broke",
        ),
        (
            r#"data: [{"error":{"message":"it broke","code":503}}]"#,
            Class::Overloaded,
            "it broke",
        ),
        (
            r#"data: {"code":"Some resource has been exhausted","error":"at capacity"}"#,
            Class::BadResponse,
            "at capacity",
        ),
        (r#"data: {"message":"it broke"}"#, Class::BadResponse, "it broke"),
        (
            r#"data: {"object":"error","message":"it broke","type":"server_error","code":500}"#,
            Class::ServerError,
            "it broke",
        ),
        (
            r#"data: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            Class::Overloaded,
            "busy",
        ),
        (r#"data: {"detail":"it broke"}"#, Class::BadResponse, "it broke"),
        (
            r#"data: {"choices":[],"x_groq":{"id":"r","error":"it broke"}}"#,
            Class::BadResponse,
            "it broke",
        ),
        // Over several lines of data.
        (
            "data: {\"error\":\ndata: {\"message\":\"it broke\"}}",
            Class::BadResponse,
            "it broke",
        ),
    ];

    for (error, class, message) in cases {
        for before in [
            String::new(),
            delta(ROLE),
            content("A"),
            [content("A"), ": c\n\n".to_owned()].concat(),
        ] {
            // Some say `[DONE]` after an error as if nothing had happened.
            let stream = format!("{before}{error}\n\n{}{DONE}", content("B"));

            let outcome = pass_whole(&stream);

            let Err(Fault::Error(body)) = outcome.end else {
                panic!("{stream}: {:?}", outcome.end);
            };
            assert_eq!(judged(&body), (class, message.to_owned()), "{stream}");
            assert_eq!(outcome.passed, before.as_bytes(), "{stream}");
        }
    }
}

#[test]
fn an_event_that_cannot_be_read_breaks_the_stream() {
    let cases = [
        "{malformed",
        r#"{"choices":[{"delta""#,
        r#"{"choices":[]} trailing"#,
        r#"{"choices":{"delta":1}}"#,
        r#"{"choices":[7]}"#,
        "<html>",
        "just text",
        "\"text\"",
        "7",
        "[1,2]",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"\u{fffd}",
        "",
    ];

    for data in cases {
        let before = content("A");
        let stream = format!("{before}data: {data}\n\n{}{DONE}", content("B"));
        let outcome = pass_whole(&stream);

        if data.is_empty() {
            assert_eq!((outcome.end, outcome.passed), (Ok(()), stream.into_bytes()));
        } else {
            let sample = Bytes::copy_from_slice(data.as_bytes());
            assert_eq!(outcome.end, Err(Fault::Unreadable(sample)), "{data}");
            assert_eq!(outcome.passed, before.as_bytes());
        }
    }
}

#[test]
fn what_is_kept_of_a_fault_is_bounded() {
    let long = "x".repeat(100_000);

    let unreadable = pass_whole(&format!("data: {long}\n\n"));
    let error = pass_whole(&format!("data: {{\"error\":\"{long}\"}}\n\n"));

    assert!(matches!(unreadable.end, Err(Fault::Unreadable(sample)) if sample.len() == SAMPLE_LIMIT));
    assert!(matches!(error.end, Err(Fault::Error(body)) if body.len() == ERROR_LIMIT));
}

#[test]
fn nothing_passes_after_a_fault_and_it_is_told_again() {
    let mut judge = StreamJudge::new(UsageFor::Client);
    let mut out = Vec::new();
    let stream = [
        content("A"),
        "data: {\"error\":\"x\"}\n\n".to_owned(),
        content("B"),
    ]
    .concat();

    let first = judge.on_chunk(&Bytes::from(stream), &mut out);
    let second = judge.on_chunk(&Bytes::from(DONE), &mut out);
    let end = judge.on_end(&mut out);

    let fault = Fault::Error(Bytes::from(r#"{"error":"x"}"#));
    assert_eq!(
        (first, second, end),
        (Err(fault.clone()), Err(fault.clone()), Err(fault))
    );
    assert_eq!(out.concat(), content("A").into_bytes());
    assert!(judge.is_meaningful() && !judge.is_complete());
}

#[test]
fn an_event_over_the_limit_is_a_fault_until_the_marker_was_seen() {
    let start = format!("data: {}", "x".repeat(super::super::super::sse::MAX_EVENT + 1));

    let before = pass_whole(&start);
    let after = pass_whole(&format!("{}{DONE}{start}", content("A")));

    assert_eq!(before.end, Err(Fault::TooLarge));
    assert_eq!(after.end, Ok(()));
}

#[test]
fn our_own_error_is_one_event_in_the_shape_that_clients_know() {
    let event = error_event("stream_broken", "the provider went silent\nfor 30 s");

    assert_eq!(
        event,
        "data: {\"error\":{\"message\":\"the provider went silent\\nfor 30 s\",\"type\":\"server_error\",\"param\":null,\"code\":\"stream_broken\"}}\n\n"
    );
    let own = pass(UsageFor::Client, [event.as_ref()]);
    assert!(matches!(own.end, Err(Fault::Error(_))));
}

#[test]
fn an_event_of_ours_can_follow_whatever_went_on() {
    let breaks = [
        "data: {\"error\":\"x\"}\n\n",
        "data: {oops\n\n",
        // Right after an event without its blank line.
        "data: {}\n{\"error\":\"x\"}\n",
        "data: {}\n: c\nid: 1\n{\"error\":\"x\"}\n",
        "{oops\ndata: {\"error\":\"x\"}\n\n",
        // An end without warning.
        "",
        ": c",
        ": c\r\n\r",
        "data: {\"choi",
        "event: x\ndata: {}\n",
        "{\"error\":",
    ];

    for end in breaks {
        let stream = content("A") + end;
        for size in [1, 7, stream.len()] {
            let mut judge = StreamJudge::new(UsageFor::Client);
            let mut out = Vec::new();
            let is_broken = stream
                .as_bytes()
                .chunks(size)
                .any(|chunk| judge.on_chunk(&Bytes::copy_from_slice(chunk), &mut out).is_err())
                || judge.on_end(&mut out).is_err();
            out.push(Bytes::from_static(judge.seam()));
            out.push(error_event("stream_broken", "ours"));

            let mut last = Vec::new();
            let mut reader = SseReader::default();
            reader
                .push(&out.concat(), |event| last = event.data.to_vec())
                .unwrap();
            assert!(is_broken, "{end:?}");
            let last = String::from_utf8(last).unwrap();
            assert!(
                last.starts_with(r#"{"error":{"message":"ours""#),
                "{end:?}: {last}"
            );
        }
    }
}
