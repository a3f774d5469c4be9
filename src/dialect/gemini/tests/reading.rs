use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::dialect::stream::{Fault, StreamJudge, UsageFor};
use crate::outcome::{Class, ErrorDialect, Evidence, judge};

/// The class of an error that stood in an answer.
fn class_of(error: &[u8]) -> Class {
    let evidence = Evidence {
        dialect: ErrorDialect::Google,
        status: 200,
        headers: &HeaderMap::new(),
        body: error,
        body_complete: true,
    };
    judge(&evidence, SystemTime::UNIX_EPOCH).class
}

fn candidate(reason: &str, parts: &Value) -> Value {
    json!({ "candidates": [{ "content": { "parts": parts }, "finishReason": reason }] })
}

fn event(reply: &Value) -> String {
    format!("data: {reply}\r\n\r\n")
}

#[test]
fn every_reason_to_end_has_its_word() {
    let text = json!([{ "text": "a" }]);
    let call = json!([{ "functionCall": { "name": "f" } }]);
    let nothing = json!([{ "text": "" }, { "text": "hm", "thought": true }]);
    let cases = [
        ("STOP", ["stop", "tool_calls", "stop"]),
        ("MAX_TOKENS", ["length", "length", "length"]),
        ("SAFETY", ["content_filter"; 3]),
        ("BLOCKLIST", ["content_filter"; 3]),
        ("PROHIBITED_CONTENT", ["content_filter"; 3]),
        ("SPII", ["content_filter"; 3]),
        ("RECITATION", ["content_filter"; 3]),
        ("IMAGE_SAFETY", ["content_filter"; 3]),
        ("MALFORMED_FUNCTION_CALL", ["stop", "tool_calls", "error"]),
        ("UNEXPECTED_TOOL_CALL", ["stop", "tool_calls", "error"]),
        ("TOO_MANY_TOOL_CALLS", ["stop", "tool_calls", "error"]),
        ("LANGUAGE", ["stop", "tool_calls", "error"]),
        ("OTHER", ["stop", "tool_calls", "error"]),
        ("SOMETHING_NEW", ["stop", "tool_calls", "error"]),
    ];
    for (reason, expected) in cases {
        for (parts, expected) in [&text, &call, &nothing].into_iter().zip(expected) {
            let reply = candidate(reason, parts);
            let whole = match answer(reply.to_string().as_bytes()) {
                Ok(answer) => answer["choices"][0]["finish_reason"].as_str().unwrap().to_owned(),
                Err(NoAnswer::Error(error)) if class_of(&error) == Class::ServerError => "error".to_owned(),
                Err(none) => format!("{none:?}"),
            };
            assert_eq!(whole, expected, "{reason} {parts}");

            let mut judge = StreamJudge::new(UsageFor::Client);
            let stream = told([event(&reply).as_bytes()]);
            let end = judge.on_chunk(&stream.into(), &mut Vec::new());
            match end {
                Ok(_) => assert_eq!(judge.finish_reason(), Some(expected), "{reason} {parts}"),
                Err(Fault::Error(error)) => {
                    assert_eq!(expected, "error", "{reason} {parts}");
                    assert_eq!(class_of(&error), Class::ServerError);
                }
                Err(fault) => panic!("{reason} {parts}: {fault}"),
            }
        }
    }
}

#[test]
fn an_error_inside_is_judged_as_one_outside() {
    let blocked = json!({ "promptFeedback": { "blockReason": "SAFETY" } });
    let overloaded =
        json!({ "error": { "code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE" } });
    let limited =
        json!([{ "error": { "code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED" } }]);
    let cases = [
        (blocked, Class::ContentFilter),
        (overloaded, Class::Overloaded),
        (limited, Class::RateLimited),
    ];
    for (body, expected) in cases {
        let Err(NoAnswer::Error(error)) = answer(body.to_string().as_bytes()) else {
            panic!("{body} is an error")
        };
        assert_eq!(class_of(&error), expected, "{body}");

        // As an event, and as lines of JSON that stand in the stream by themselves.
        for stream in [event(&body), format!("{body:#}\r\n"), format!("{body}")] {
            if body.get("promptFeedback").is_some() && !stream.starts_with("data:") {
                continue;
            }
            let mut judge = StreamJudge::new(UsageFor::Client);
            let fault = judge.on_chunk(&told([stream.as_bytes()]).into(), &mut Vec::new());
            let Err(Fault::Error(error)) = fault else {
                panic!("{stream}: {fault:?}")
            };
            assert_eq!(class_of(&error), expected, "{stream}");
        }
    }
}

#[test]
fn an_answer_that_is_but_an_image_is_none_for_callers_of_text() {
    let image = json!({ "inlineData": { "mimeType": "image/png", "data": "AAAA" } });
    let reply =
        |parts: Value| json!({ "candidates": [{ "content": { "parts": parts }, "finishReason": "STOP" }] });
    for (parts, is_answer) in [
        (json!([image]), false),
        (json!([{ "text": "" }, image]), false),
        (json!([{ "text": "A cat:" }, image]), true),
        (json!([image, { "functionCall": { "name": "f" } }]), true),
    ] {
        let reply = reply(parts);
        let whole = answer(reply.to_string().as_bytes()).map(|_| ());
        let mut judge = StreamJudge::new(UsageFor::Client);
        let stream = told([event(&reply).as_bytes()]);
        let read = judge.on_chunk(&stream.into(), &mut Vec::new());
        let streamed = read.and_then(|_| judge.on_end(&mut Vec::new()));

        let (no_answer, fault) = if is_answer {
            (Ok(()), Ok(()))
        } else {
            (Err(NoAnswer::Empty), Err(Fault::Empty))
        };
        assert_eq!((whole, streamed), (no_answer, fault), "{reply}");
    }
}

#[test]
fn only_a_stream_that_finished_is_complete() {
    let text = event(&json!({ "candidates": [{ "content": { "parts": [{ "text": "a" }] } }] }));
    let end = event(&json!({ "candidates": [{ "finishReason": "STOP" }] }));
    let other = event(&json!({ "candidates": [{ "index": 1, "content": { "parts": [{ "text": "b" }] } }] }));
    let cases = [
        ([text.as_str(), end.as_str(), ""], Ok(())),
        ([text.as_str(), "", ""], Err(Fault::Cut)),
        ([text.as_str(), end.as_str(), other.as_str()], Err(Fault::Cut)),
        ([text.as_str(), end.as_str(), "data: {\"cand"], Ok(())),
        (["", "", ""], Err(Fault::Empty)),
        ([": waiting\r\n\r\n", "", ""], Err(Fault::Empty)),
        (["[{\"candidates\":[]}\r\n", "]\r\n", ""], Err(Fault::Empty)),
    ];
    for (events, expected) in cases {
        let mut judge = StreamJudge::new(UsageFor::Client);
        let mut out = Vec::new();
        judge
            .on_chunk(&Bytes::from(told([events.concat().as_bytes()])), &mut out)
            .unwrap();
        assert_eq!(judge.on_end(&mut out), expected, "{events:?}");
    }
}

#[test]
fn a_call_without_an_id_gets_the_same_one_in_a_stream_as_in_an_answer() {
    let call = json!({ "functionCall": { "name": "f", "args": {} } });
    let reply = |id: &str| {
        json!({ "responseId": id, "candidates": [
            { "content": { "parts": [call, call] }, "finishReason": "STOP" },
            { "content": { "parts": [call] }, "finishReason": "STOP" },
        ] })
    };
    let ids = |id: &str| {
        let answer = answer(reply(id).to_string().as_bytes()).unwrap();
        let calls = [(0, 0), (0, 1), (1, 0)];
        calls.map(|(choice, call)| {
            let id = &answer["choices"][choice]["message"]["tool_calls"][call]["id"];
            id.as_str().unwrap().to_owned()
        })
    };

    let [first, second] = ["r-1", ""].map(ids);

    let mut all = [first.clone(), second.clone()].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6);
    for (id, ids) in [("r-1", first), ("", second)] {
        let stream = String::from_utf8(told([event(&reply(id)).as_bytes()])).unwrap();
        for id in ids {
            assert!(id.len() <= 40 && stream.contains(&id), "{id} in {stream}");
        }
    }
}

#[test]
fn arguments_are_written_on_one_line() {
    let body = br#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{
        "a \" b": [ 1.0, 1e400, -0 ],
        "c\\": "x\n  y\\"
    }}}]},"finishReason":"STOP"}]}"#;

    let answer = answer(body).unwrap();

    assert_eq!(
        answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
        r#"{"a \" b":[1.0,1e400,-0],"c\\":"x\n  y\\"}"#
    );
}

#[test]
fn strange_values_are_absent_ones() {
    let reply = json!({ "responseId": 7, "modelVersion": {}, "usageMetadata": { "promptTokenCount": "many" },
        "promptFeedback": [], "candidates": [
            null, 7,
            { "index": -1, "content": 7, "finishReason": 7 },
            { "index": "x", "content": { "parts": {} } },
            { "content": { "parts": [null, { "text": 7 }, { "functionCall": { "args": [] } },
                { "functionCall": { "name": "f", "args": [1], "id": 7 }, "thoughtSignature": 7 },
                { "text": "a", "thought": "yes" }] }, "finishReason": "STOP" },
            { "index": 18_446_744_073_709_551_615_u64, "content": { "parts": [{ "text": "far" }] } },
        ] });

    let answer = answer(reply.to_string().as_bytes()).unwrap();

    assert_eq!(answer["id"], "chatcmpl-1");
    assert_eq!(answer["model"], "asked");
    assert!(answer.get("usage").is_none());
    let last = &answer["choices"][2];
    assert_eq!(last["message"]["content"], "a");
    assert_eq!(last["message"]["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(answer["choices"].as_array().unwrap().len(), 3);
}

#[test]
fn bytes_that_are_no_text_break_no_stream() {
    let stream = b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\xff\"}]},\"finishReason\":\"STOP\"}]}\n\n";

    let told = String::from_utf8(told([stream.as_slice()])).unwrap();

    assert!(
        told.contains("a\u{fffd}") && told.ends_with("data: [DONE]\n\n"),
        "{told}"
    );
}
