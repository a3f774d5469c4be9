//! Tests of OpenAI's own language.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::catalog::Surface;
use crate::dialect::facts::{Facts, MaxTokensField, Thinking};
use crate::dialect::hub::{Effort, Message, Part, Source, Text};
use crate::dialect::{Dialect, PathParts};

const ABOUT: About<'static> = About {
    id: "chatcmpl-0001",
    model: "asked",
    created: 1_790_000_000,
    shows_usage: true,
};

fn written(chat: &Chat<'_>, facts: &Facts) -> Result<(Value, Vec<String>), Unsupported> {
    let to = Recipient {
        model: "theirs",
        facts,
    };
    let request = OpenAi.request(chat, to)?;
    Ok((
        serde_json::from_slice(&request.write()).unwrap(),
        request.dropped.clone(),
    ))
}

fn text(text: &str) -> Text<'_> {
    Text::Own(text.into())
}

#[test]
fn the_endpoint_is_the_sdks_base_url() {
    let parts = PathParts {
        base: "/v1",
        api_version: None,
        model: "m",
    };

    assert_eq!(
        Dialect::OpenAi.path(parts, Surface::Chat, false).unwrap(),
        "/v1/chat/completions"
    );
    assert_eq!(
        Dialect::OpenAiCompatible
            .path(parts, Surface::Embeddings, false)
            .unwrap(),
        "/v1/embeddings"
    );
    assert_eq!(Dialect::OpenAi.models_path("/v1"), "/v1/models");
    assert_eq!(Dialect::OpenAi.credential_value(b"k").expose(), "Bearer k");
}

#[test]
fn a_field_that_the_model_refuses_is_left_out_by_name() {
    let chat = Chat::read(
        r#"{"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"top_p":0.9,"top_k":4,"max_tokens":7,"stream":true}"#,
    )
    .unwrap();
    let facts = Facts {
        refuses: vec!["temperature".to_owned(), "stream_options".to_owned()],
        max_tokens_field: MaxTokensField::MaxTokens,
        ..Facts::default()
    };

    let (body, dropped) = written(&chat, &facts).unwrap();

    assert_eq!(
        body,
        json!({ "model": "theirs", "messages": [{ "role": "user", "content": "Hi" }], "max_tokens": 7, "top_p": 0.9, "stream": true })
    );
    assert_eq!(dropped, ["temperature", "top_k"]);
}

#[test]
fn the_usage_of_a_stream_is_asked_for_only_where_it_can_be_had() {
    let chat = Chat::read(r#"{"messages":[{"role":"user","content":"Hi"}],"stream":true}"#).unwrap();
    let mut facts = Facts::default();
    let asks = |facts: &Facts| {
        let (body, dropped) = written(&chat, facts).unwrap();
        assert!(dropped.is_empty(), "{dropped:?}");
        body.get("stream_options").is_some()
    };

    assert!(asks(&facts));
    facts.lacks.stream_usage = true;
    assert!(!asks(&facts));
}

#[test]
fn an_effort_is_the_nearest_that_the_model_knows() {
    let cases = [
        (Effort::None, Thinking::Unknown, Some("low"), false),
        (Effort::Medium, Thinking::Unknown, Some("medium"), false),
        (Effort::Max, Thinking::Unknown, Some("xhigh"), false),
        (Effort::None, Thinking::Never, None, false),
        (Effort::High, Thinking::Never, None, true),
    ];
    for (effort, thinking, expected, is_dropped) in cases {
        let chat = Chat {
            messages: vec![Message::User(vec![Part::Text(text("Hi"))])],
            effort: Some(effort),
            ..Chat::default()
        };
        let facts = Facts {
            thinking,
            refused_efforts: ["max", "minimal", "none"].map(str::to_owned).to_vec(),
            ..Facts::default()
        };

        let (body, dropped) = written(&chat, &facts).unwrap();

        let said = body["reasoning_effort"].as_str();
        assert_eq!(said, expected, "{effort:?} {thinking:?}");
        assert_eq!(!dropped.is_empty(), is_dropped, "{effort:?} {thinking:?}");
    }
}

#[test]
fn a_model_that_uses_no_tools_while_it_thinks_is_told_not_to() {
    let facts = Facts {
        tools_need_no_effort: true,
        ..Facts::default()
    };
    let tools = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
    let cases = [
        ("", "", None, false),
        (tools, "", Some("none"), false),
        (tools, r#","reasoning_effort":"none""#, Some("none"), false),
        (tools, r#","reasoning_effort":"low""#, Some("none"), true),
        ("", r#","reasoning_effort":"low""#, Some("low"), false),
    ];
    for (tools, effort, expected, is_dropped) in cases {
        let asked = format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}]{tools}{effort}}}"#);

        let (body, dropped) = written(&Chat::read(&asked).unwrap(), &facts).unwrap();

        assert_eq!(body["reasoning_effort"].as_str(), expected, "{asked}");
        assert_eq!(!dropped.is_empty(), is_dropped, "{asked}");
    }
}

#[test]
fn what_the_language_cannot_say_is_refused_by_name() {
    let forced = r#""tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required""#;
    let cases = [
        (
            r#"{"messages":[{"role":"user","content":"Hi"}],"stop":["a","b","c","d","e"]}"#.to_owned(),
            "stop",
        ),
        (
            r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"{"}]}"#.to_owned(),
            "assistant_prefill",
        ),
        (
            format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],{forced}}}"#),
            "tool_choice",
        ),
        (
            r#"{"messages":[{"role":"user","content":"Hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"n"}}}"#.to_owned(),
            "json_schema",
        ),
    ];
    let facts = Facts {
        refuses_forced_tools: true,
        refuses_json_schema: true,
        ..Facts::default()
    };
    for (asked, expected) in cases {
        let chat = Chat::read(&asked).unwrap();

        assert_eq!(
            written(&chat, &facts).unwrap_err(),
            Unsupported(expected),
            "{asked}"
        );
    }

    let web = Source::Url("https://example.com/a.pdf".into());
    let chat = Chat {
        messages: vec![Message::User(vec![Part::File(web, None)])],
        ..Chat::default()
    };
    assert_eq!(written(&chat, &facts).unwrap_err(), Unsupported("file_url"));
}

#[test]
fn results_of_calls_are_texts_and_what_else_they_hold_follows_them() {
    let image = |base64: &'static str| {
        Part::Image(Source::Data {
            media_type: "image/png".into(),
            base64: base64.into(),
        })
    };
    let result = |id: &'static str, parts, is_error| Message::Tool {
        id: text(id),
        parts,
        is_error,
    };
    let chat = Chat {
        messages: vec![
            Message::User(vec![Part::Text(text("Go"))]),
            result("c1", vec![Part::Text(text("seen")), image("AA==")], false),
            result("c2", vec![image("BB==")], false),
            result("c3", vec![Part::Text(text("no such file"))], true),
            result("c4", vec![Part::Text(text("ERROR: no"))], true),
            result("c5", vec![], true),
            Message::User(vec![Part::Text(text("And?"))]),
            result("c6", vec![image("CC==")], false),
        ],
        ..Chat::default()
    };

    let (body, _) = written(&chat, &Facts::default()).unwrap();

    let png = |base64: &str| json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{base64}") } });
    let said = |text: &str| json!({ "type": "text", "text": text });
    let tool = |id: &str, text: &str| json!({ "role": "tool", "content": text, "tool_call_id": id });
    let follows = "The result follows in the next message.";
    assert_eq!(
        body["messages"],
        json!([
            { "role": "user", "content": "Go" },
            tool("c1", "seen"), tool("c2", follows), tool("c3", "Error: no such file"), tool("c4", "ERROR: no"), tool("c5", "Error"),
            { "role": "user", "content": [
                said("From the result of the call `c1`:"), png("AA=="), said("From the result of the call `c2`:"), png("BB=="), said("And?")] },
            tool("c6", follows),
            { "role": "user", "content": [said("From the result of the call `c6`:"), png("CC==")] },
        ])
    );
}

#[test]
fn a_user_too_long_for_the_language_is_left_out() {
    let long = "u".repeat(65);
    let asked = format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],"user":"{long}"}}"#);

    let (body, dropped) = written(&Chat::read(&asked).unwrap(), &Facts::default()).unwrap();

    assert!(body.get("user").is_none());
    assert_eq!(dropped, ["user"]);
}

#[test]
fn bytes_that_are_no_text_make_no_answer_unreadable() {
    let body = b"{\"choices\":[{\"message\":{\"content\":\"a \xff b\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}";

    let answer = OpenAi.answer(body, &ABOUT).unwrap();

    assert_eq!(answer.choices[0].text.as_deref(), Some("a \u{fffd} b"));
    assert_eq!(answer.choices[0].calls[0].id, "c");
    assert_eq!((&*answer.id, &*answer.model), ("chatcmpl-0001", "asked"));
}

/// Everything that a conversation says, and who says it.
fn gist(chat: &Chat<'_>) -> Vec<(&'static str, Vec<String>)> {
    let texts = |texts: &[Text<'_>]| texts.iter().map(|text| text.decoded().into_owned()).collect();
    let parts = |parts: &[Part<'_>]| -> Vec<String> {
        let part = parts.iter().map(|part| match part {
            Part::Text(text) => text.decoded().into_owned(),
            other => format!("{other:?}"),
        });
        part.filter(|text| !text.is_empty()).collect()
    };
    let gist = chat.messages.iter().map(|message| match message {
        Message::System(lines) => ("system", texts(lines)),
        Message::User(said) => ("user", parts(said)),
        Message::Assistant { texts: lines, calls } => {
            let mut said: Vec<String> = texts(lines);
            for call in calls {
                said.push(call.id.decoded().into_owned());
                said.push(call.name.decoded().into_owned());
                said.push(
                    call.arguments
                        .object()
                        .map_or_else(|_| format!("{:?}", call.arguments), |json| json.get().to_owned()),
                );
            }
            ("assistant", said)
        }
        Message::Tool { id, parts: said, .. } => {
            let mut all = vec![id.decoded().into_owned()];
            all.extend(parts(said));
            ("tool", all)
        }
    });
    gist.collect()
}

fn any_messages() -> impl Strategy<Value = Vec<Value>> {
    let words = "[a-zA-Zäß🌍\"\\\\\n ]{1,12}";
    let id = "[a-zA-Z0-9_:./-]{1,12}";
    let part = prop_oneof![
        words.prop_map(|text| json!({ "type": "text", "text": text })),
        "[a-zA-Z0-9+/]{4}".prop_map(|data| json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{data}") } })),
        Just(json!({ "type": "image_url", "image_url": "https://example.com/a?b=c" })),
        "[a-zA-Z0-9+/]{4}".prop_map(|data| json!({ "type": "file", "file": { "filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{data}") } })),
    ];
    let call = (id, "[a-z_]{1,8}", words).prop_map(|(id, name, said)| {
        json!({ "id": id, "type": "function", "function": { "name": name, "arguments": json!({ "a": said }).to_string() } })
    });
    let message = prop_oneof![
        words.prop_map(|text| json!({ "role": "system", "content": text })),
        words.prop_map(|text| json!({ "role": "developer", "content": [{ "type": "text", "text": text }] })),
        words.prop_map(|text| json!({ "role": "user", "content": text })),
        prop::collection::vec(part, 1..4).prop_map(|parts| json!({ "role": "user", "content": parts })),
        (words, prop::collection::vec(call, 1..3))
            .prop_map(|(text, calls)| json!({ "role": "assistant", "content": text, "tool_calls": calls })),
        (id, words).prop_map(|(id, text)| json!({ "role": "tool", "tool_call_id": id, "content": text })),
        (id, words, words).prop_map(|(id, a, b)| json!({ "role": "tool", "tool_call_id": id, "content": [{ "type": "text", "text": a }, b] })),
    ];
    prop::collection::vec(message, 1..8)
}

proptest! {
    #[test]
    fn a_conversation_is_the_same_after_it_was_written_and_read(messages in any_messages()) {
        let asked = json!({ "model": "m", "messages": messages }).to_string();
        let chat = Chat::read(&asked).unwrap();
        let facts = Facts::default();
        let request = OpenAi.request(&chat, Recipient { model: "m", facts: &facts }).unwrap().write();
        let again = std::str::from_utf8(&request).unwrap();

        prop_assert_eq!(gist(&Chat::read(again).unwrap()), gist(&chat));
    }

    #[test]
    fn an_answer_is_the_same_after_it_was_written_and_read(
        text in prop::option::of("[a-zäß🌍\"\\\\\n ]{1,12}"), refusal in prop::option::of("[a-z]{1,8}"),
        calls in prop::collection::vec(("[a-z0-9_]{1,8}", "[a-z]{1,8}", "[a-z{}\":]{0,8}"), 0..3),
    ) {
        let calls: Vec<Value> = calls.into_iter()
            .map(|(id, name, arguments)| json!({ "id": id, "function": { "name": name, "arguments": arguments } }))
            .collect();
        let body = json!({ "id": "c-1", "created": 7, "model": "m", "choices": [{ "finish_reason": "length",
            "message": { "content": text, "refusal": refusal, "tool_calls": calls } }], "usage": { "prompt_tokens": 3, "completion_tokens": 4 } });
        let body = body.to_string();
        let answer = OpenAi.answer(body.as_bytes(), &ABOUT).unwrap();
        let again = answer.write();

        prop_assert_eq!(OpenAi.answer(&again, &ABOUT).unwrap(), answer);
    }

    #[test]
    fn no_bytes_cause_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        _ = OpenAi.answer(&body, &ABOUT);
    }

    #[test]
    fn no_json_causes_a_panic(
        body in r#"\{"choices":\[\{"(message|text|delta)":(\{"(content|tool_calls|reasoning)":(\[|\{|"|[0-9a-z":,\[\]{} ]){0,12}\}?|null)\}?\]?\}?"#
    ) {
        _ = OpenAi.answer(body.as_bytes(), &ABOUT);
    }
}
