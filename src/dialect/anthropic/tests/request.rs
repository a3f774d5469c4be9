//! What becomes of a request.

use super::*;
use crate::dialect::hub::Message;

#[test]
fn ids_become_legal_and_stay_those_of_their_calls() {
    let turns = turns(&json!([
        { "role": "user", "content": "Go" },
        { "role": "assistant", "tool_calls": [call("a-b_C9", "f"), call("a.b", "f"), call("", "f"), call("ü", "f")] },
        { "role": "tool", "tool_call_id": "ü", "content": "4" },
        { "role": "tool", "tool_call_id": "", "content": "3" },
        { "role": "tool", "tool_call_id": "a.b", "content": "2" },
        { "role": "tool", "tool_call_id": "a-b_C9", "content": "1" },
    ]));

    assert_eq!(ids(&turns[1], "id"), ["a-b_C9", "a_2eb", "_", "_c3_bc"]);
    assert_eq!(ids(&turns[2], "tool_use_id"), ["_c3_bc", "_", "a_2eb", "a-b_C9"]);
}

#[test]
fn an_id_that_comes_again_is_told_apart() {
    let round = [
        json!({ "role": "assistant", "tool_calls": [call("call_0", "f"), call("call_0", "g")] }),
        json!({ "role": "tool", "tool_call_id": "call_0", "content": "f" }),
        json!({ "role": "tool", "tool_call_id": "call_0", "content": "g" }),
    ];
    let mut messages = vec![json!({ "role": "user", "content": "Go" })];
    messages.extend(round.clone());
    let short = turns(&json!(messages));
    messages.extend(round);
    messages.push(json!({ "role": "assistant", "tool_calls": [call("call_0-1", "h")] }));
    let long = turns(&json!(messages));

    assert_eq!(ids(&long[1], "id"), ["call_0", "call_0-1"]);
    assert_eq!(ids(&long[2], "tool_use_id"), ["call_0", "call_0-1"]);
    assert_eq!(ids(&long[3], "id"), ["call_0-2", "call_0-3"]);
    assert_eq!(ids(&long[4], "tool_use_id"), ["call_0-2", "call_0-3"]);
    assert_eq!(ids(&long[5], "id"), ["call_0-1-4"]);
    // What a provider has cached of the beginning stays good.
    assert_eq!(short.as_array().unwrap()[..], long.as_array().unwrap()[..3]);
}

fn ids<'a>(turn: &'a Value, field: &str) -> Vec<&'a str> {
    let blocks = turn["content"].as_array().unwrap().iter();
    blocks.map(|block| block[field].as_str().unwrap()).collect()
}

#[test]
fn results_come_first_in_their_turn() {
    let turns = turns(&json!([
        { "role": "user", "content": "Go" },
        { "role": "assistant", "tool_calls": [call("a", "f"), call("b", "f")] },
        { "role": "tool", "tool_call_id": "a", "content": "1" },
        { "role": "user", "content": "Well?" },
        { "role": "tool", "tool_call_id": "b", "content": " " },
    ]));

    assert_eq!(
        turns[2],
        json!({ "role": "user", "content": [
            { "type": "tool_result", "tool_use_id": "a", "content": [{ "type": "text", "text": "1" }] },
            { "type": "tool_result", "tool_use_id": "b" },
            { "type": "text", "text": "Well?" },
        ] })
    );
}

#[test]
fn a_failed_tool_is_told_as_one() {
    let asked = asked(&json!({ "messages": [
        { "role": "user", "content": "Go" },
        { "role": "assistant", "tool_calls": [call("a", "f")] },
        { "role": "tool", "tool_call_id": "a", "content": "no" },
    ] }));
    let mut chat = Chat::read(&asked).unwrap();
    let Some(Message::Tool { is_error, .. }) = chat.messages.last_mut() else {
        unreachable!()
    };
    *is_error = true;
    let facts = Facts::default();
    let to = Recipient {
        model: "claude-x",
        facts: &facts,
    };

    let body = Anthropic.request(&chat, to).unwrap().write();

    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["messages"][2]["content"][0]["is_error"], json!(true));
}

#[test]
fn somebody_always_speaks_first_and_it_is_the_user() {
    let opening = json!({ "role": "user", "content": [{ "type": "text", "text": "." }] });
    let cases = [
        json!([{ "role": "system", "content": "Be kind." }]),
        json!([{ "role": "user", "content": " \n" }]),
        json!([{ "role": "assistant", "content": "I begin." }]),
    ];
    for messages in cases {
        assert_eq!(turns(&messages)[0], opening, "{messages}");
    }
}

#[test]
fn words_of_the_model_at_the_end_are_gone_on_from_where_they_may_be() {
    let messages = json!([
        { "role": "user", "content": "Say yes" },
        { "role": "assistant", "content": [{ "type": "text", "text": "Y" }, { "type": "text", "text": "e \n" }] },
    ]);
    let refusing = Facts {
        refuses_prefill: true,
        ..Facts::default()
    };

    assert_eq!(turns(&messages)[1]["content"][1]["text"], json!("e"));
    assert_eq!(
        with(&json!({ "messages": messages }), &refusing).unwrap_err(),
        "assistant_prefill"
    );
}

#[test]
fn an_answer_is_wanted_where_something_follows_the_models_words() {
    let refusing = Facts {
        refuses_prefill: true,
        ..Facts::default()
    };
    for last in [
        json!({ "role": "system", "content": "Sum it up." }),
        json!({ "role": "user", "content": "" }),
    ] {
        let messages = json!([
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": "Hello" },
            last,
        ]);

        let (body, _) = with(&json!({ "messages": messages }), &refusing).unwrap();

        assert_eq!(body["messages"][2]["role"], json!("user"), "{messages}");
    }
}

#[test]
fn tools_always_say_that_their_arguments_are_an_object() {
    let cases = [
        (json!(null), json!({ "type": "object", "properties": {} })),
        (json!({}), json!({ "type": "object", "properties": {} })),
        (
            json!({ "properties": { "a": {} }, "required": ["a"] }),
            json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] }),
        ),
        (
            json!({ "type": "object", "x": 1.50 }),
            json!({ "type": "object", "x": 1.50 }),
        ),
    ];
    for (parameters, expected) in cases {
        let tools = json!([{ "type": "function", "function": { "name": "f", "parameters": parameters } }]);
        let (body, _) = with(&json!({ "tools": tools }), &Facts::default()).unwrap();
        assert_eq!(body["tools"][0]["input_schema"], expected);
    }
}

#[test]
fn calls_of_the_past_need_tools_and_get_them_closed() {
    let (body, _) = with(
        &json!({ "messages": [
            { "role": "user", "content": "Go" },
            { "role": "assistant", "tool_calls": [call("a", "f"), call("b", "g"), call("c", "f")] },
            { "role": "user", "content": "Well?" },
        ], "parallel_tool_calls": false }),
        &Facts::default(),
    )
    .unwrap();

    let names: Vec<_> = body["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| &tool["name"])
        .collect();
    assert_eq!(names, ["f", "g"]);
    assert_eq!(body["tool_choice"], json!({ "type": "none" }));
}

#[test]
fn one_tool_at_a_time_is_said_with_every_open_choice() {
    let named = json!({ "type": "function", "function": { "name": "f" } });
    let cases = [
        (
            json!(null),
            json!({ "type": "auto", "disable_parallel_tool_use": true }),
        ),
        (
            json!("auto"),
            json!({ "type": "auto", "disable_parallel_tool_use": true }),
        ),
        (
            json!("required"),
            json!({ "type": "any", "disable_parallel_tool_use": true }),
        ),
        (
            named,
            json!({ "type": "tool", "name": "f", "disable_parallel_tool_use": true }),
        ),
        (json!("none"), json!({ "type": "none" })),
    ];
    for (choice, expected) in cases {
        let fields = json!({ "tools": [tool("f")], "tool_choice": choice, "parallel_tool_calls": false });
        assert_eq!(
            with(&fields, &Facts::default()).unwrap().0["tool_choice"],
            expected
        );
    }
}

#[test]
fn what_a_model_refuses_and_cannot_be_left_out_is_unsupported() {
    let forced = Facts {
        refuses_forced_tools: true,
        ..Facts::default()
    };
    let unbound = Facts {
        refuses_json_schema: true,
        ..Facts::default()
    };
    let allowed = json!({ "type": "allowed_tools", "allowed_tools": { "mode": "required",
        "tools": [{ "type": "function", "function": { "name": "f" } }] } });
    let schema =
        json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": { "type": "object" } } });
    let cases = [
        (
            json!({ "tools": [tool("f")], "tool_choice": "required" }),
            &forced,
            "tool_choice",
        ),
        (
            json!({ "tools": [tool("f")], "tool_choice": allowed }),
            &forced,
            "tool_choice",
        ),
        (json!({ "response_format": schema }), &unbound, "json_schema"),
        (json!({ "n": 2 }), &forced, "n"),
        (json!({ "top_logprobs": 1 }), &forced, "logprobs"),
    ];
    for (fields, facts, feature) in cases {
        assert_eq!(with(&fields, facts).unwrap_err(), feature, "{fields}");
    }
    assert!(with(&json!({ "tools": [tool("f")], "tool_choice": "auto" }), &forced).is_ok());
}

#[test]
fn what_a_model_refuses_and_can_be_left_out_is_dropped_and_named() {
    let refuses = [
        "parallel_tool_calls",
        "reasoning_effort",
        "service_tier",
        "stop",
        "temperature",
        "top_k",
        "user",
    ];
    let facts = Facts {
        refuses: refuses.map(str::to_owned).to_vec(),
        refuses_json_schema: true,
        ..Facts::default()
    };
    let mut strict = tool("f");
    strict["function"]["strict"] = json!(true);

    let (body, dropped) = with(
        &json!({ "parallel_tool_calls": false, "reasoning_effort": "low", "service_tier": "auto", "stop": "x",
            "temperature": 0.5, "top_k": 3, "user": "u", "tools": [strict] }),
        &facts,
    )
    .unwrap();

    let fields: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["model", "max_tokens", "messages", "tools"]);
    assert_eq!(body["tools"][0].get("strict"), None);
    assert_eq!(
        dropped,
        [
            "parallel_tool_calls",
            "reasoning_effort",
            "service_tier",
            "stop",
            "temperature",
            "tools.strict",
            "top_k",
            "user"
        ]
    );
}

#[test]
fn what_says_nothing_is_dropped_without_a_word() {
    let facts = Facts {
        refuses: vec!["temperature".to_owned(), "top_p".to_owned()],
        ..Facts::default()
    };
    let fields = json!({ "temperature": 1, "top_p": 1.0, "n": 1, "presence_penalty": 0, "frequency_penalty": 0.0,
        "metadata": {}, "user": "", "parallel_tool_calls": false, "response_format": { "type": "text" } });

    let (body, dropped) = with(&fields, &facts).unwrap();

    let fields: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["model", "max_tokens", "messages"]);
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn tiers_have_other_names() {
    let cases = [
        ("auto", json!("auto"), 0),
        ("default", json!("standard_only"), 0),
        ("priority", json!(null), 1),
        ("flex", json!(null), 1),
    ];
    for (tier, expected, dropped) in cases {
        let (body, names) = with(&json!({ "service_tier": tier }), &Facts::default()).unwrap();
        assert_eq!(
            (&body["service_tier"], names.len()),
            (&expected, dropped),
            "{tier}"
        );
    }
}

#[test]
fn images_and_files_go_as_what_they_are_or_not_at_all() {
    let image = |url: &str| json!({ "type": "image_url", "image_url": { "url": url } });
    let file = |data: &str| json!({ "type": "file", "file": { "filename": "f", "file_data": data } });
    let base64 = |kind: &str, data: &str| Ok(json!({ "type": "base64", "media_type": kind, "data": data }));
    let text = |data: &str| Ok(json!({ "type": "text", "media_type": "text/plain", "data": data }));
    let cases = [
        (image("data:image/jpg;base64,/9j/"), base64("image/jpeg", "/9j/")),
        (
            image("data:image/webp;charset=x;base64,UklG"),
            base64("image/webp", "UklG"),
        ),
        (image("data:image/svg+xml;base64,PHN2Zz4="), Err("image_type")),
        (image("data:;base64,iVBORw0KGgo="), Err("image_type")),
        (
            image("HTTPS://example.com/a"),
            Ok(json!({ "type": "url", "url": "HTTPS://example.com/a" })),
        ),
        (image("gs://bucket/a.png"), Err("image_url")),
        (file("JVBERi0xLjc="), base64("application/pdf", "JVBERi0xLjc=")),
        (
            file("data:application/pdf;base64,JVBERi0="),
            base64("application/pdf", "JVBERi0="),
        ),
        (file("data:text/plain;base64,R3LDvMOfZQ=="), text("Grüße")),
        (file("data:text/csv;base64,YSxi"), text("a,b")),
        (file("data:application/json;base64,e30"), text("{}")),
        (file("data:text/plain;base64,/w=="), Err("file_type")),
        (file("data:text/plain;base64,"), Err("file_type")),
        (file("data:text/plain;base64,!"), Err("file_type")),
        (file("data:application/zip;base64,UEsD"), Err("file_type")),
        (file("UEsD"), Err("file_type")),
    ];
    for (part, expected) in cases {
        let fields = json!({ "messages": [{ "role": "user", "content": [part] }] });
        let made = with(&fields, &Facts::default());
        let made = made.map(|(body, _)| body["messages"][0]["content"][0]["source"].clone());
        assert_eq!(made, expected, "{part}");
    }
}

#[test]
fn any_json_without_a_schema_is_asked_for_in_words() {
    for format in [
        json!({ "type": "json_object" }),
        json!({ "type": "json_schema", "json_schema": { "name": "n" } }),
    ] {
        let messages =
            json!([{ "role": "user", "content": "Hi" }, { "role": "system", "content": "Be kind." }]);
        let fields = json!({ "messages": messages, "response_format": format });

        let (body, dropped) = with(&fields, &Facts::default()).unwrap();

        assert_eq!(body["system"][0]["text"], json!("Be kind."));
        assert!(body["system"][1]["text"].as_str().unwrap().contains("JSON"));
        assert_eq!(dropped, ["response_format"]);
    }
}
