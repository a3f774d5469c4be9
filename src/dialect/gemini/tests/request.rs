use std::borrow::Cow;

use super::*;
use crate::dialect::hub::{Message, Part, Source, Text};

fn call(id: &str, name: &str) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": "{\"a\":1}" } })
}

fn result(id: &str, content: impl Into<Value>) -> Value {
    json!({ "role": "tool", "tool_call_id": id, "content": content.into() })
}

fn calls(calls: &[Value]) -> Value {
    json!({ "role": "assistant", "content": null, "tool_calls": calls })
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text })
}

#[test]
fn a_signature_comes_back_and_the_first_call_of_a_turn_has_one() {
    let signed = |mut call: Value| {
        call["extra_content"] = json!({ "google": { "thought_signature": "c2ln" } });
        call
    };
    let messages = json!({ "messages": [
        user("Go"),
        calls(&[signed(call("1", "f")), call("2", "f")]),
        result("1", "x"),
        result("2", "x"),
        calls(&[call("3", "f"), signed(call("4", "f"))]),
        result("3", "x"),
        result("4", "x"),
    ] });
    let signatures = |facts: &Facts| {
        let (body, _) = ask(&messages, facts).unwrap();
        [(1, 0), (1, 1), (3, 0), (3, 1)]
            .map(|(content, part)| body["contents"][content]["parts"][part]["thoughtSignature"].clone())
    };

    assert_eq!(
        signatures(&newer()),
        [
            json!("c2ln"),
            Value::Null,
            json!("skip_thought_signature_validator"),
            json!("c2ln")
        ]
    );
    assert_eq!(
        signatures(&Facts::default()),
        [json!("c2ln"), Value::Null, Value::Null, json!("c2ln")]
    );
}

#[test]
fn results_stand_alone_right_after_their_calls() {
    let image = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBO" } });
    let text = |text: &str| json!({ "type": "text", "text": text });
    let (body, _) = ask(
        &json!({ "messages": [
            user("Go"),
            calls(&[call("1", "f"), call("2", "g")]),
            result("1", vec![text("one"), image, text("\ntwo")]),
            { "role": "system", "content": "Be kind." },
            result("2", ""),
            user("And?"),
        ] }),
        &Facts::default(),
    )
    .unwrap();

    let result = |id, name, text| json!({ "functionResponse": { "id": id, "name": name, "response": { "output": text } } });
    assert_eq!(
        body["contents"][2],
        json!({ "role": "user", "parts": [result("1", "f", "one\n\ntwo")] })
    );
    assert_eq!(
        body["contents"][3],
        json!({ "role": "user", "parts": [{ "inlineData": { "mimeType": "image/png", "data": "iVBO" } }] })
    );
    assert_eq!(body["contents"][4]["parts"], json!([result("2", "g", "")]));
    assert_eq!(body["contents"][5]["parts"], json!([{ "text": "And?" }]));
}

#[test]
fn a_tool_that_failed_says_so() {
    let asked = json!({ "messages": [user("Go"), calls(&[call("1", "f")]), result("1", "no such city")] });
    let asked = asked.to_string();
    let mut chat = Chat::read(&asked).unwrap();
    let Some(Message::Tool { is_error, .. }) = chat.messages.last_mut() else {
        panic!("the last is a result")
    };
    *is_error = true;

    let (body, _) = write(&chat, &Facts::default()).unwrap();

    assert_eq!(
        body["contents"][2]["parts"][0]["functionResponse"]["response"],
        json!({ "error": "no such city" })
    );
}

#[test]
fn what_cannot_be_carried_is_refused_by_name() {
    let tool = |name: &str| json!({ "tools": [{ "type": "function", "function": { "name": name } }] });
    let with = |mut fields: Value, more: Value| {
        let more = more.as_object().unwrap().clone();
        fields.as_object_mut().unwrap().extend(more);
        fields
    };
    let json_object = json!({ "response_format": { "type": "json_object" } });
    let json_schema =
        json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": {} } } });
    let older = Facts {
        thinking: Thinking::BudgetAlways,
        ..Facts::default()
    };
    let free = Facts {
        refuses_forced_tools: true,
        ..Facts::default()
    };
    let formless = Facts {
        refuses_json_schema: true,
        ..Facts::default()
    };
    let plain = Facts::default();
    let cases = [
        (json!({ "n": 9 }), &plain, Some("n")),
        (json!({ "n": 8 }), &plain, None),
        (json!({ "n": 1 }), &newer(), None),
        (json!({ "n": 2 }), &newer(), Some("n")),
        (json!({ "top_logprobs": 1 }), &plain, Some("logprobs")),
        (json!({ "stop": ["1", "2", "3", "4", "5", ""] }), &plain, None),
        (
            json!({ "stop": ["1", "2", "3", "4", "5", "6"] }),
            &plain,
            Some("stop"),
        ),
        (tool("a.b:c-d_1"), &plain, None),
        (tool("1st"), &plain, Some("tool_name")),
        (tool("größe"), &plain, Some("tool_name")),
        (tool(""), &plain, Some("tool_name")),
        (tool(&"x".repeat(128)), &plain, None),
        (tool(&"x".repeat(129)), &plain, Some("tool_name")),
        (with(tool("f"), json_object.clone()), &newer(), None),
        (
            with(tool("f"), json_object.clone()),
            &older,
            Some("response_format_with_tools"),
        ),
        (json_object.clone(), &formless, None),
        (json_schema.clone(), &formless, Some("json_schema")),
        (with(tool("f"), json!({ "tool_choice": "auto" })), &free, None),
        (
            with(tool("f"), json!({ "tool_choice": "required" })),
            &free,
            Some("tool_choice"),
        ),
    ];
    for (fields, facts, expected) in cases {
        let refused = ask_with(fields.clone(), facts).err().map(|refused| refused.0);
        assert_eq!(refused, expected, "{fields}");
    }
}

#[test]
fn a_conversation_is_refused_by_name() {
    let unanswered = Facts {
        refuses_prefill: true,
        ..Facts::default()
    };
    let model = json!({ "role": "assistant", "content": "Yes" });
    let cases = [
        (vec![user("")], "empty_messages"),
        (
            vec![json!({ "role": "system", "content": "Be kind." })],
            "empty_messages",
        ),
        (vec![user("Go"), result("1", "x")], "tool_call_id"),
        (
            vec![user("Go"), calls(&[call("2", "f")]), result("1", "x")],
            "tool_call_id",
        ),
        (
            vec![user("Go"), calls(&[call("1", "f g")]), result("1", "x")],
            "tool_name",
        ),
        (vec![user("Go"), model.clone()], "assistant_prefill"),
        (vec![user("Go"), model, user("")], "assistant_prefill"),
    ];
    for (messages, expected) in cases {
        let asked = json!({ "messages": messages });
        assert_eq!(ask(&asked, &unanswered).unwrap_err().0, expected, "{asked}");
    }
}

#[test]
fn an_effort_is_told_as_the_model_wants_it() {
    let budget = |tokens: u32| Some(json!({ "thinkingBudget": tokens }));
    let level = |word: &str| Some(json!({ "thinkingLevel": word }));
    let cases = [
        (
            Thinking::Budget,
            ["none", "minimal", "high"],
            [budget(0), budget(1024), budget(24_576)],
        ),
        (
            Thinking::Unknown,
            ["none", "low", "max"],
            [budget(0), budget(1024), budget(24_576)],
        ),
        (
            Thinking::BudgetAlways,
            ["none", "medium", "xhigh"],
            [None, budget(8192), budget(24_576)],
        ),
        (
            Thinking::Level,
            ["none", "minimal", "low"],
            [level("LOW"), level("LOW"), level("LOW")],
        ),
        (
            Thinking::Level,
            ["medium", "high", "max"],
            [level("MEDIUM"), level("HIGH"), level("HIGH")],
        ),
        (Thinking::Never, ["none", "low", "high"], [None, None, None]),
    ];
    for (thinking, efforts, expected) in cases {
        let facts = Facts {
            thinking,
            ..Facts::default()
        };
        for (effort, expected) in efforts.into_iter().zip(expected) {
            let (body, dropped) = ask_with(json!({ "reasoning_effort": effort }), &facts).unwrap();

            let config = body["generationConfig"].get("thinkingConfig").cloned();
            assert_eq!(config, expected, "{thinking:?} {effort}");
            let holds_anyway = thinking == Thinking::Never && effort == "none";
            assert_eq!(
                dropped == ["reasoning_effort"],
                expected.is_none() && !holds_anyway,
                "{thinking:?} {effort}"
            );
        }
    }
    let fussy = Facts {
        refused_efforts: vec!["medium".to_owned()],
        ..newer()
    };
    let (body, _) = ask_with(json!({ "reasoning_effort": "medium" }), &fussy).unwrap();
    assert_eq!(
        body["generationConfig"]["thinkingConfig"],
        json!({ "thinkingLevel": "HIGH" })
    );
}

#[test]
fn what_a_model_refuses_is_left_out_and_named() {
    let fields = json!({ "temperature": 1, "top_p": 0.5, "top_k": 3, "max_tokens": 9, "stop": "x", "seed": 7,
        "presence_penalty": 1, "frequency_penalty": 1, "reasoning_effort": "low" });
    let names: Vec<_> = fields.as_object().unwrap().keys().cloned().collect();
    let facts = Facts {
        refuses: names.clone(),
        ..Facts::default()
    };

    let (kept, none) = ask_with(fields.clone(), &Facts::default()).unwrap();
    let (body, mut dropped) = ask_with(fields, &facts).unwrap();

    assert_eq!(kept["generationConfig"].as_object().unwrap().len(), names.len());
    assert!(none.is_empty());
    assert!(body.get("generationConfig").is_none());
    let mut names = names;
    names.sort_unstable();
    dropped.sort_unstable();
    assert_eq!(dropped, names);
}

#[test]
fn a_seed_of_more_than_32_bits_is_left_out() {
    let cases = [
        ("-2147483648", true),
        ("2147483647", true),
        ("2147483648", false),
        ("1.5", false),
        ("1e3", true),
        ("9007199254740993", false),
    ];
    for (seed, is_kept) in cases {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],"seed":{seed}}}"#);
        let (_, dropped) = write(&Chat::read(&body).unwrap(), &Facts::default()).unwrap();
        assert_eq!(dropped.is_empty(), is_kept, "{seed}");
    }
}

#[test]
fn what_says_only_what_holds_anyway_is_not_named() {
    let cases = [
        (
            json!({ "service_tier": "auto", "metadata": {}, "parallel_tool_calls": false }),
            vec![],
        ),
        (
            json!({ "service_tier": "priority", "metadata": { "a": "b" } }),
            vec!["metadata", "service_tier"],
        ),
        (
            json!({ "tools": [{ "type": "function", "function": { "name": "f", "strict": true } }],
                "parallel_tool_calls": false }),
            vec!["parallel_tool_calls", "tools.strict"],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(
            ask_with(fields.clone(), &Facts::default()).unwrap().1,
            expected,
            "{fields}"
        );
    }
}

#[test]
fn bytes_go_with_their_type_or_not_at_all() {
    let data = |media_type: &'static str, base64: &'static str| Source::Data {
        media_type: Cow::Borrowed(media_type),
        base64: Cow::Borrowed(base64),
    };
    let url = |url: &'static str| Source::Url(Cow::Borrowed(url));
    let file = |source, name: Option<&'static str>| {
        Part::File(source, name.map(|name| Text::Own(Cow::Borrowed(name))))
    };
    let inline = |kind: &str| Ok(json!({ "inlineData": { "mimeType": kind, "data": "AAAA" } }));
    let stored = |kind: &str, uri: &str| Ok(json!({ "fileData": { "mimeType": kind, "fileUri": uri } }));
    let cases = [
        (Part::Image(data("image/webp", "AAAA")), inline("image/webp")),
        (Part::Image(data("image/jpg", "AAAA")), inline("image/jpeg")),
        (Part::Image(data("", "AAAA")), Err("image_type")),
        (
            Part::Image(url("gs://b/a.PNG")),
            stored("image/png", "gs://b/a.PNG"),
        ),
        (Part::Image(url("gs://b/a")), Err("image_type")),
        (Part::Image(url("https://b/a.png")), Err("image_url")),
        (Part::Image(url("/etc/a.png")), Err("image_url")),
        (file(data("text/csv", "AAAA"), None), inline("text/csv")),
        (file(data("", "AAAA"), Some("a.b.Txt")), inline("text/plain")),
        (file(data("", "AAAA"), Some("a")), Err("file_type")),
        (file(data("", "AAAA"), None), Err("file_type")),
        (
            file(data("", "JVBERi0="), None),
            Ok(json!({ "inlineData": { "mimeType": "application/pdf", "data": "JVBERi0=" } })),
        ),
        (
            file(url("gs://b/a.pdf"), None),
            stored("application/pdf", "gs://b/a.pdf"),
        ),
        (file(url("https://b/a.pdf"), None), Err("file_url")),
        (Part::Other("file_id"), Err("file_id")),
    ];
    for (part, expected) in cases {
        let name = format!("{part:?}");
        let chat = Chat {
            messages: vec![Message::User(vec![part])],
            ..Chat::default()
        };
        let made = write(&chat, &Facts::default())
            .map(|(body, _)| body["contents"][0]["parts"][0].clone())
            .map_err(|refused| refused.0);
        assert_eq!(made, expected, "{name}");
    }
}

#[test]
fn a_text_goes_on_as_it_was_written() {
    let body = r#"{"messages":[{"role":"system","content":"\u0041\/"},{"role":"user","content":"\u00e9 \ud83d ü"}]}"#;
    let chat = Chat::read(body).unwrap();
    let facts = Facts::default();
    let to = Recipient {
        model: "m",
        facts: &facts,
    };

    let written = Gemini.request(&chat, to).unwrap().write();

    assert_eq!(
        std::str::from_utf8(&written).unwrap(),
        r#"{"systemInstruction":{"parts":[{"text":"\u0041\/"}]},"contents":[{"role":"user","parts":[{"text":"\u00e9 \ud83d ü"}]}]}"#
    );
}
