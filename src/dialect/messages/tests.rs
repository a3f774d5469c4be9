//! Tests of Anthropic's surface: goldens that a person can read side by side, and properties.
//!
//! `tests/golden/messages/requests/NAME/` holds `asked.json` and what becomes of it in OpenAI's language;
//! `answers/NAME.hub.json` and `streams/NAME.hub.txt` hold the hub's form, beside them what the caller gets.
//! `UPDATE_GOLDEN=1` writes what is made instead of comparing it.

mod properties;

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::dialect::facts::Facts;
use crate::dialect::hub::{Arguments, Effort, Message};
use crate::dialect::language::{About, Language, Recipient};
use crate::dialect::openai::OpenAi;

const ABOUT: About<'static> = About {
    id: "msg-0001",
    model: "asked-model",
    created: 1_790_000_000,
    shows_usage: true,
};

fn folder(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/messages")
        .join(part)
}

/// The entries of a folder in order.
fn entries(part: &str) -> Vec<PathBuf> {
    let read = fs::read_dir(folder(part)).unwrap();
    let mut paths: Vec<PathBuf> = read.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The files of a folder whose names end so, each with the rest of its name.
fn files(part: &str, end: &str) -> Vec<(PathBuf, String)> {
    let stem = |path: PathBuf| {
        let stem = path.file_name()?.to_str()?.strip_suffix(end)?.to_owned();
        Some((path, stem))
    };
    entries(part).into_iter().filter_map(stem).collect()
}

/// Compares with the file, or writes it.
fn check(path: &Path, made: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, made).unwrap();
    } else if fs::read_to_string(path).unwrap_or_default() != made {
        wrong.push(format!("{}: made was\n{made}", path.display()));
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn translated(asked: &str) -> Value {
    let facts = Facts::default();
    let to = Recipient {
        model: "gpt-x",
        facts: &facts,
    };
    let chat = match read(asked) {
        Ok(chat) => chat,
        Err(malformed) => return json!({ "malformed": malformed.to_string() }),
    };
    match OpenAi.request(&chat, to) {
        Ok(request) => json!({
            "body": serde_json::from_slice::<Value>(&request.write()).unwrap(),
            "dropped": request.dropped,
        }),
        Err(unsupported) => json!({ "unsupported": unsupported.0 }),
    }
}

/// What goes out of a stream that comes in pieces of this size.
fn told(stream: &[u8], size: usize) -> String {
    passed(stream, size).0
}

/// The same, and whether all of it could be told.
fn passed(stream: &[u8], size: usize) -> (String, Result<(), crate::dialect::stream::Fault>) {
    let mut outlet = Outlet::new(&ABOUT);
    let mut out = Vec::new();
    for piece in stream.chunks(size.max(1)) {
        if let Err(fault) = outlet.on_chunk(&Bytes::copy_from_slice(piece), &mut out) {
            return (String::from_utf8(out.concat()).unwrap(), Err(fault));
        }
    }
    let end = outlet.on_end(&mut out);
    (String::from_utf8(out.concat()).unwrap(), end)
}

#[test]
fn every_request_reads_the_same_in_openais_language() {
    let mut wrong = Vec::new();
    for folder in entries("requests") {
        let asked = fs::read_to_string(folder.join("asked.json")).unwrap();
        check(
            &folder.join("openai.json"),
            &pretty(&translated(&asked)),
            &mut wrong,
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_answer_is_told_as_a_message() {
    let mut wrong = Vec::new();
    for (path, stem) in files("answers", ".hub.json") {
        let body = fs::read(&path).unwrap();
        let answer = OpenAi.answer(&body, &ABOUT).unwrap();
        let made: Value = serde_json::from_slice(&write_answer(&answer)).unwrap();
        check(
            &path.with_file_name(format!("{stem}.messages.json")),
            &pretty(&made),
            &mut wrong,
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_stream_is_told_in_events_in_any_split() {
    let mut wrong = Vec::new();
    for (path, stem) in files("streams", ".hub.txt") {
        let stream = fs::read(&path).unwrap();
        let whole = told(&stream, stream.len());
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(told(&stream, size), whole, "{stem} in pieces of {size}");
        }
        check(
            &path.with_file_name(format!("{stem}.messages.txt")),
            &whole,
            &mut wrong,
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_stream_that_is_cut_never_looks_complete() {
    let stream = fs::read(folder("streams/tools.hub.txt")).unwrap();
    for end in 0..stream.len() {
        let told = told(&stream[..end], end);
        let is_finished =
            String::from_utf8_lossy(&stream[..end]).contains(r#""finish_reason":"tool_calls"}"#);

        assert!(is_finished || !told.contains("message_stop"), "cut at {end}");
    }
}

#[test]
fn nothing_follows_the_end() {
    let done = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let twice = [done, done].concat();

    assert_eq!(told(twice.as_bytes(), 5), told(done.as_bytes(), 5));
}

#[test]
fn more_than_can_be_held_back_ends_the_stream() {
    let begin = r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}},{"index":1,"id":"b","function":{"name":"g"}}]}}]}"#;
    let more = format!(
        r#"data: {{"choices":[{{"delta":{{"tool_calls":[{{"index":1,"function":{{"arguments":"{}"}}}}]}}}}]}}"#,
        "x".repeat(1 << 20)
    );
    let stream = [
        begin,
        "\n\n",
        &[more.as_str(), "\n\n"].concat().repeat(9),
        "data: [DONE]\n\n",
    ]
    .concat();

    let (told, end) = passed(stream.as_bytes(), 1 << 16);

    assert!(told.ends_with("\n\n") && !told.contains("message_stop"));
    assert_eq!(end, Err(crate::dialect::stream::Fault::TooLarge));
}

#[test]
fn an_effort_is_read_from_words_and_budgets() {
    let cases = [
        (
            r#""thinking":{"type":"enabled","budget_tokens":1024}"#,
            Some(Effort::Low),
        ),
        (
            r#""thinking":{"type":"enabled","budget_tokens":8192}"#,
            Some(Effort::Medium),
        ),
        (
            r#""thinking":{"type":"enabled","budget_tokens":24576}"#,
            Some(Effort::High),
        ),
        (
            r#""thinking":{"type":"enabled"},"output_config":{"effort":"xhigh"}"#,
            Some(Effort::XHigh),
        ),
        (r#""thinking":{"type":"adaptive"}"#, Some(Effort::High)),
        (
            r#""thinking":{"type":"disabled"},"output_config":{"effort":"max"}"#,
            Some(Effort::None),
        ),
        (r#""output_config":{"effort":"medium"}"#, Some(Effort::Medium)),
        (r#""output_config":{"effort":"immense"}"#, None),
        (r#""thinking":{"type":"later"}"#, None),
    ];
    for (fields, expected) in cases {
        let asked = format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],{fields}}}"#);

        assert_eq!(read(&asked).unwrap().effort, expected, "{fields}");
    }
}

#[test]
fn a_failed_tool_is_known_to_have_failed() {
    let asked = r#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"no"}]},
        {"role":"assistant","content":[{"type":"tool_use","id":"t2","name":"f","input":{"a":1.0}}]}]}"#;

    let chat = read(asked).unwrap();

    assert!(matches!(&chat.messages[0], Message::Tool { is_error: true, .. }));
    assert!(matches!(&chat.messages[1], Message::Assistant { calls, .. }
        if matches!(calls[0].arguments, Arguments::Json(raw) if raw.get() == r#"{"a":1.0}"#)));
}

#[test]
fn an_error_keeps_its_words_and_its_attempts_and_gets_the_type_of_its_status() {
    let body = br#"{"error":{"message":"all 2 attempts failed","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded","attempts":[{"provider":"a","ms":7}]}}"#;

    let made: Value = serde_json::from_slice(&error(429, body, Some("req-1"))).unwrap();

    assert_eq!(
        made,
        json!({ "type": "error", "error": { "type": "rate_limit_error", "message": "all 2 attempts failed",
            "details": { "error_code": "rate_limit_exceeded" }, "attempts": [{ "provider": "a", "ms": 7 }] }, "request_id": "req-1" })
    );
}

#[test]
fn every_status_has_its_type() {
    let cases = [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (408, "timeout_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ];
    for (code, kind) in cases {
        let made: Value = serde_json::from_slice(&error(code, b"{}", None)).unwrap();

        assert_eq!(made["error"]["type"], kind, "{code}");
        assert_eq!(made["request_id"], Value::Null);
    }
    assert_eq!([status(503), status(502), status(429)], [529, 502, 429]);
}

#[test]
fn an_error_of_any_form_is_told_in_words() {
    let cases = [
        (&b"not JSON at all"[..], "not JSON at all"),
        (b"", "the request failed with status 400"),
        (br#"{"error":"flat"}"#, "flat"),
        (br#"{"message":"native"}"#, "native"),
        (
            br#"[{"error":{"code":400,"message":"listed","status":"INVALID_ARGUMENT"}}]"#,
            "listed",
        ),
        (b"<html><title>Bad Gateway</title></html>", "Bad Gateway"),
        (br#"{"error":{"message":7}}"#, r#"{"error":{"message":7}}"#),
    ];
    for (body, expected) in cases {
        let made: Value = serde_json::from_slice(&error(400, body, None)).unwrap();

        assert_eq!(made["error"]["message"], expected, "{}", body.escape_ascii());
    }
}

#[test]
fn an_error_that_has_the_form_already_stays_as_it_is() {
    let body = br#"{"type":"error", "error":{"type":"overloaded_error","message":"Overloaded"}, "request_id":"req_1"}"#;

    assert_eq!(error(529, body, Some("other")), &body[..]);
}

#[test]
fn an_error_of_a_stream_is_one_event() {
    assert_eq!(
        error_event("overloaded", "it \"broke\"\n"),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"it \\\"broke\\\"\\n\",\
         \"details\":{\"error_code\":\"overloaded\"}},\"request_id\":null}\n\n"
    );
}
