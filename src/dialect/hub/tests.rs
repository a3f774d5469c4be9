//! Tests of the hub's own form.

use super::*;
use crate::dialect::language::About;
use crate::dialect::sse::SseReader;
use crate::dialect::stream::{Stage, StreamJudge, UsageFor};

const ABOUT: About<'static> = About {
    id: "a",
    model: "m",
    created: 1,
    shows_usage: false,
};

#[test]
fn a_request_is_read_with_everything_that_it_says() {
    let body = r#"{"model":"m","messages":[{"role":"developer","content":"Be brief."},
     {"role":"user","content":[{"type":"text","text":"What \"is\" this?"},{"type":"image_url","image_url":{"url":"data:image/PNG;base64,iVB.."}}]},
     {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"x\":1}"}}]},
     {"role":"tool","tool_call_id":"call_1","content":"a cat"}],
     "tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}],"tool_choice":"required",
     "max_completion_tokens":200,"stream":true,"stream_options":{"include_usage":true},"stop":["a","b"],"seed":1,"store":true}"#;

    let chat = Chat::read(body).unwrap();

    assert_eq!(chat.messages.len(), 4);
    assert!(
        matches!(&chat.messages[1], Message::User(parts) if matches!(&parts[..], [Part::Text(_),
        Part::Image(Source::Data { media_type, base64 })] if media_type == "image/png" && base64 == "iVB.."))
    );
    assert!(matches!(&chat.messages[2], Message::Assistant { calls, .. }
        if calls[0].arguments.object().unwrap().get() == r#"{"x":1}"#));
    assert!(matches!(chat.tool_choice, Some(ToolChoice::Required)));
    assert_eq!(chat.max_tokens, Some(200));
    assert!(chat.stream);
    assert_eq!(chat.stop.len(), 2);
    assert_eq!(chat.others, ["store"]);
    assert!(chat.binding.is_empty());
}

#[test]
fn an_answer_of_any_length_can_be_played() {
    let text = "ü\u{1}".repeat(3 << 20);
    let said = Said {
        id: "c".into(),
        name: "f".into(),
        arguments: format!(r#"{{"x":"{}"}}"#, "y".repeat(9 << 20)).into(),
        signature: None,
    };
    let answer = Answer {
        id: "a".into(),
        created: 1,
        model: "m".into(),
        choices: vec![Choice {
            text: Some(text.as_str().into()),
            reasoning: Some(text.as_str().into()),
            refusal: None,
            calls: vec![said],
            finish: Finish::ToolCalls,
        }],
        usage: None,
    };
    let mut chunks = Chunks::new(&ABOUT);
    answer.play(&mut chunks);
    let played = chunks.take();
    let mut judge = StreamJudge::new(UsageFor::Client);

    assert_eq!(judge.on_chunk(&played, &mut Vec::new()), Ok(Stage::Done));
    let mut told = String::new();
    SseReader::default()
        .push(&played, |event| {
            let event: serde_json::Value = serde_json::from_slice(event.data).unwrap_or_default();
            told += event["choices"][0]["delta"]["content"]
                .as_str()
                .unwrap_or_default();
        })
        .unwrap();
    assert!(told == text, "{} bytes came of {}", told.len(), text.len());
}

#[test]
fn what_binds_is_known_by_name() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}],
        "logit_bias":{"1":2},"tools":[{"type":"custom","custom":{"name":"c"}}],"web_search_options":{}}"#;

    assert_eq!(
        Chat::read(body).unwrap().binding,
        ["audio", "custom_tools", "logit_bias", "web_search_options"]
    );
}

#[test]
fn a_request_of_no_form_is_refused_with_its_place() {
    let cases = [
        (r#"{"model":"m"}"#, "`messages` is not a list"),
        (r#"{"messages":[]}"#, "`messages` is empty"),
        (r#"{"messages":[7]}"#, "`messages[0]` is not an object"),
        (
            r#"{"messages":[{"content":"x"}]}"#,
            "`messages[0].role` is missing",
        ),
        (
            r#"{"messages":[{"role":"user","content":7}]}"#,
            "`messages[0].content` is not a string or a list of parts",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(Chat::read(body).unwrap_err().to_string(), expected, "{body}");
    }
}

#[test]
fn half_of_a_surrogate_pair_does_no_harm() {
    let body = r#"{"messages":[{"role":"user","content":"a\ud83d b"}]}"#;

    let chat = Chat::read(body).unwrap();

    let Message::User(parts) = &chat.messages[0] else {
        unreachable!()
    };
    let Part::Text(text) = &parts[0] else {
        unreachable!()
    };
    assert!(text.decoded().starts_with('a'));
}

#[test]
fn a_text_of_nothing_but_white_space_is_blank_however_it_is_written() {
    for (literal, is_blank) in [
        (r#""""#, true),
        (r#""  ""#, true),
        (r#"" \n\t\u00a0 ""#, true),
        ("\"\u{2003}\"", true),
        (r#""a""#, false),
        (r#""  a\n""#, false),
        (r#""\n a""#, false),
        (r#""\"""#, false),
        (r#""\\""#, false),
        (r#""\ud83d""#, false),
        (r#""ü""#, false),
    ] {
        let raw: &serde_json::value::RawValue = serde_json::from_str(literal).unwrap();
        assert_eq!(Text::Raw(raw).is_blank(), is_blank, "{literal}");
    }
    assert!(Text::Own("\n".into()).is_blank() && !Text::Own("\\".into()).is_blank());
}
