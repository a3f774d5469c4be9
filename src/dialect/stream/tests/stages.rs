//! What counts as saying something, and what a stream tells about itself.

use super::*;

/// The stage after this one chunk.
fn stage(stream: &str) -> Result<Stage, Fault> {
    StreamJudge::new(UsageFor::Client).on_chunk(&Bytes::from(stream.to_owned()), &mut Vec::new())
}

#[test]
fn what_says_nothing_does_not_end_the_waiting() {
    let cases = [
        ": OPENROUTER PROCESSING\n\n".to_owned(),
        "\n\n".to_owned(),
        "event: ping\ndata: {\"type\":\"ping\"}\n\n".to_owned(),
        "event: ping\ndata: pong\n\n".to_owned(),
        "data:\n\n".to_owned(),
        "data: {}\n\n".to_owned(),
        "data: null\n\n".to_owned(),
        "data: {\"error\":null,\"choices\":null}\n\n".to_owned(),
        "data: {\"error\":{},\"errors\":[],\"message\":\"\"}\n\n".to_owned(),
        // A prelude of Azure, with an error of the filter that is none of the answer.
        "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,\
         \"content_filter_results\":{\"error\":{\"code\":\"content_filter_error\",\"message\":\"x\"}}}]}\n\n"
            .to_owned(),
        "data: {\"choices\":[{\"index\":0,\"content_filter_offsets\":{\"start\":1},\"delta\":{},\"finish_reason\":null}]}\n\n"
            .to_owned(),
        delta(ROLE),
        delta("null"),
        delta(r#"{"role":"assistant","content":null,"tool_calls":[],"reasoning":"","x":{ },"y":[ ],"z":0,"b":true}"#),
        event(r#"{"index":0,"text":"","finish_reason":null}"#),
        event(r#"{"index":0,"delta":{},"finish_reason":""}"#),
        event("null"),
        // Not complete yet.
        content("A cat").trim_end().to_owned(),
    ];

    for stream in cases {
        assert_eq!(stage(&stream), Ok(Stage::Waiting), "{stream}");
    }
}

#[test]
fn whatever_is_said_ends_the_waiting() {
    let cases = [
        content("A"),
        content("\\ud83d"),
        delta(r#"{"role":"assistant","content":"A"}"#),
        delta(r#"{"content":[{"type":"text","text":"A"}]}"#),
        delta(r#"{"refusal":"No."}"#),
        delta(r#"{"reasoning_content":"Hm"}"#),
        delta(r#"{"reasoning":"Hm","content":""}"#),
        delta(
            r#"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}"#,
        ),
        delta(r#"{"function_call":{"name":"f"}}"#),
        delta(r#"{"something_new":{"a":1}}"#),
        event(r#"{"delta":{},"finish_reason":"stop"}"#),
        event(r#"{"delta":{"content":""},"finish_reason":"content_filter"}"#),
        event(r#"{"index":1,"delta":{"content":"B"}}"#),
        event(r#"{"index":0,"text":"A","finish_reason":null}"#),
        // Bytes that are no UTF-8 are the client's to mend.
        content("x").replace('x', "\u{1}").replace('\u{1}', "?"),
        "data: {\ndata: \"choices\":\ndata: [{\"delta\":{\"content\":\"A\"}}]}\n\n".to_owned(),
    ];

    for stream in cases {
        assert_eq!(stage(&stream), Ok(Stage::Flowing), "{stream}");
        assert_eq!(
            stage(&format!("{}{stream}", delta(ROLE))),
            Ok(Stage::Flowing),
            "{stream}"
        );
    }
}

#[test]
fn bytes_that_are_no_utf8_pass_unchanged() {
    let mut stream = [content("A@B"), finish(0, "stop"), DONE.to_owned()]
        .concat()
        .into_bytes();
    let at = stream.iter().position(|byte| *byte == b'@').unwrap();
    stream[at] = 0xFF;

    for usage_for in [UsageFor::Client, UsageFor::Us] {
        let outcome = pass(usage_for, [stream.as_slice()]);

        assert_eq!((outcome.end, outcome.passed), (Ok(()), stream.clone()));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_stream_is_complete_with_its_marker_or_when_every_choice_is_finished() {
    let n2 = |last: &str| {
        [
            event(r#"{"index":0,"delta":{"content":"A"}},{"index":1,"delta":{"content":"B"}}"#),
            finish(0, "stop"),
            last.to_owned(),
        ]
        .concat()
    };
    let cases = [
        (ordinary(None), Ok(())),
        (ordinary(Some(USAGE)), Ok(())),
        ([content("A"), DONE.to_owned()].concat(), Ok(())),
        ([content("A"), finish(0, "stop")].concat(), Ok(())),
        // Content, finish and usage in one.
        (
            event(r#"{"delta":{"content":"A"},"finish_reason":"length"}"#),
            Ok(()),
        ),
        (finish(0, "stop"), Ok(())),
        (content("A"), Err(Fault::Cut)),
        ([content("A"), finish(0, "")].concat(), Err(Fault::Cut)),
        (n2(""), Err(Fault::Cut)),
        (n2(&finish(1, "stop")), Ok(())),
        (n2(DONE), Ok(())),
        // More choices than can be told apart.
        (
            [
                event(r#"{"index":4294967295,"delta":{"content":"A"}}"#),
                finish(300, "stop"),
            ]
            .concat(),
            Ok(()),
        ),
        // Beginnings.
        (String::new(), Err(Fault::Empty)),
        (": ping\n\n".to_owned(), Err(Fault::Empty)),
        (delta(ROLE), Err(Fault::Empty)),
        (DONE.to_owned(), Err(Fault::Empty)),
        ([delta(ROLE), DONE.to_owned()].concat(), Err(Fault::Empty)),
        (
            event("").replace("[]", "[],\"usage\":{\"prompt_tokens\":1}"),
            Err(Fault::Empty),
        ),
        ("<html>\n<body>\n</html>".to_owned(), Err(Fault::Empty)),
        // The whole answer instead of a stream of it.
        (
            r#"{"choices":[{"index":0,"message":{"content":"A"},"finish_reason":"stop"}]}"#.to_owned(),
            Err(Fault::Empty),
        ),
        // Ends without a blank line.
        ([content("A"), "data: [DONE]".to_owned()].concat(), Ok(())),
        (
            [content("A"), finish(0, "stop").trim_end().to_owned()].concat(),
            Ok(()),
        ),
        (
            [content("A"), content("B").trim_end().to_owned()].concat(),
            Err(Fault::Cut),
        ),
        (
            [content("A"), "data: {\"id\":\"chatcm".to_owned()].concat(),
            Err(Fault::Cut),
        ),
        ([content("A"), "data: [DON".to_owned()].concat(), Err(Fault::Cut)),
        (["data: {\"id\":\"chatcm".to_owned()].concat(), Err(Fault::Empty)),
        (
            [
                content("A"),
                finish(0, "stop"),
                "data: {\"id\":\"chatcm".to_owned(),
            ]
            .concat(),
            Ok(()),
        ),
        // After the end.
        (
            [
                content("A"),
                DONE.to_owned(),
                "data: {\"error\":\"x\"}\n\ngarbage {".to_owned(),
            ]
            .concat(),
            Ok(()),
        ),
        (
            [content("A"), "data:  [DONE] \r\n\r\n".to_owned()].concat(),
            Ok(()),
        ),
    ];

    for (stream, expected) in cases {
        let outcome = pass_whole(&stream);
        assert_eq!(outcome.end, expected, "{stream}");
    }
}

#[test]
fn the_last_usage_counts_and_the_first_model() {
    let usage = |tokens: u64| {
        event("").replace(
            "[]",
            &format!("[],\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":{tokens}}}"),
        )
    };
    let groq = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"prompt_tokens":5,"completion_tokens":6}}}"#;
    let cases = [
        (ordinary(Some(USAGE)), tokens(30, 12)),
        (ordinary(None), None),
        // In every event, and twice at the end.
        (
            [usage(1), content("A"), usage(2), usage(3), DONE.to_owned()].concat(),
            tokens(3, 3),
        ),
        // Something that is no usage does not hide one that was.
        (
            [
                usage(4),
                usage(0).replace(r#"{"prompt_tokens":3,"completion_tokens":0}"#, "{}"),
            ]
            .concat(),
            tokens(3, 4),
        ),
        (format!("{groq}\n\n"), tokens(5, 6)),
        (
            [usage(7), "data: {\"error\":\"x\"}\n\n".to_owned()].concat(),
            tokens(3, 7),
        ),
    ];

    for (stream, expected) in cases {
        let outcome = pass_whole(&stream);
        assert_eq!(outcome.usage, expected, "{stream}");
    }

    let azure = "data: {\"choices\":[],\"model\":\"\"}\n\n".to_owned() + &ordinary(None);
    let outcome = pass_whole(&azure);
    assert_eq!(outcome.model.as_deref(), Some("m-1"));
    assert_eq!(outcome.finish_reason.as_deref(), Some("stop"));
    assert_eq!(outcome.items, 8);
    let strange = azure.replace("\"m-1\"", "{\"a\":1}").replace("\"stop\"", "7");
    let outcome = pass_whole(&strange);
    assert_eq!(
        (outcome.model, outcome.finish_reason, outcome.end),
        (None, None, Ok(()))
    );
}
