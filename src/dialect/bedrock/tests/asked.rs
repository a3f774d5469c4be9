//! Requests.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::dialect::bedrock::Bedrock;
use crate::dialect::facts::{Facts, Thinking};
use crate::dialect::hub::{Chat, Message, Part, Text, Unsupported};
use crate::dialect::language::{Language, Recipient};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-v1:0";

/// The body for a model with these facts, and what was left out of it.
fn written(model: &str, facts: &Facts, asked: &Value) -> Result<(Value, Vec<String>), Unsupported> {
    let asked = asked.to_string();
    let chat = Chat::read(&asked).unwrap();
    let request = Bedrock.request(&chat, Recipient { model, facts })?;
    Ok((serde_json::from_slice(&request.write()).unwrap(), request.dropped))
}

/// A request with one word of the user's and these fields.
fn with(fields: Value) -> Value {
    let mut asked = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let Value::Object(fields) = fields else {
        panic!("not an object")
    };
    asked.as_object_mut().unwrap().extend(fields);
    asked
}

/// A request of these messages.
fn of(messages: Value) -> Value {
    let mut asked = with(json!({}));
    asked["messages"] = messages;
    asked
}

fn claude(thinking: Thinking) -> Facts {
    Facts {
        thinking,
        ..Facts::default()
    }
}

/// What the fields of a request come to, beside its messages.
fn settings(model: &str, facts: &Facts, fields: Value) -> (Value, Vec<String>) {
    let (mut body, dropped) = written(model, facts, &with(fields)).unwrap();
    body.as_object_mut().unwrap().remove("messages");
    (body, dropped)
}

#[test]
fn thinking_is_told_in_the_way_of_the_model() {
    let adaptive = json!({"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}});
    let effort = |word: &str| json!({"outputConfig": {"effort": word}});
    let both = |word: &str| json!({"additionalModelRequestFields": adaptive["additionalModelRequestFields"], "outputConfig": {"effort": word}});
    let enabled = |budget: u64| json!({"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": budget}}, "inferenceConfig": {"maxTokens": 4096 + budget}});
    let cases = [
        (Thinking::Budget, "minimal", Some(enabled(1024))),
        (Thinking::Budget, "low", Some(enabled(1024))),
        (Thinking::Budget, "medium", Some(enabled(8192))),
        (Thinking::Budget, "high", Some(enabled(24576))),
        (Thinking::Budget, "max", Some(enabled(24576))),
        (Thinking::Budget, "none", Some(json!({}))),
        (Thinking::Adaptive, "none", Some(json!({}))),
        (Thinking::Adaptive, "minimal", Some(both("low"))),
        (Thinking::Adaptive, "high", Some(both("high"))),
        (
            Thinking::AdaptiveByDefault,
            "none",
            Some(json!({"additionalModelRequestFields": {"thinking": {"type": "disabled"}}})),
        ),
        (Thinking::AdaptiveByDefault, "xhigh", Some(effort("xhigh"))),
        (Thinking::Always, "none", Some(effort("low"))),
        (Thinking::Always, "minimal", Some(effort("low"))),
        (Thinking::Always, "max", Some(effort("max"))),
        (Thinking::Unknown, "medium", Some(effort("medium"))),
        (Thinking::Unknown, "none", None),
        (Thinking::Never, "high", None),
        (Thinking::Never, "none", Some(json!({}))),
    ];

    for (thinking, asked, expected) in cases {
        let (body, dropped) = settings(CLAUDE, &claude(thinking), json!({"reasoning_effort": asked}));

        let is_dropped = expected.is_none();
        let mut whole = json!({"inferenceConfig": {"maxTokens": 4096}});
        let expected = expected.unwrap_or_else(|| json!({}));
        whole
            .as_object_mut()
            .unwrap()
            .extend(expected.as_object().unwrap().clone());
        assert_eq!(body, whole, "{thinking:?} {asked}");
        assert_eq!(
            dropped == ["reasoning_effort"],
            is_dropped,
            "{thinking:?} {asked}"
        );
    }
}

#[test]
fn a_model_that_cannot_think_does_not_when_it_is_told_not_to() {
    for (thinking, effort, is_dropped) in [
        (Thinking::Never, "none", false),
        (Thinking::Never, "low", true),
        (Thinking::Unknown, "none", true),
    ] {
        let fields = json!({"reasoning_effort": effort});
        let (_, dropped) = settings("amazon.nova-pro-v1:0", &claude(thinking), fields);
        assert_eq!(!dropped.is_empty(), is_dropped, "{thinking:?} {effort}");
    }
}

#[test]
fn an_effort_that_is_refused_becomes_the_next_one_below() {
    let facts = Facts {
        thinking: Thinking::Always,
        refused_efforts: vec!["xhigh".to_owned(), "low".to_owned()],
        ..Facts::default()
    };

    for (asked, expected) in [
        ("xhigh", json!("high")),
        ("max", json!("max")),
        ("medium", json!("medium")),
        ("low", Value::Null),
        ("none", Value::Null),
    ] {
        let (body, dropped) = settings(CLAUDE, &facts, json!({"reasoning_effort": asked}));
        assert_eq!(body["outputConfig"]["effort"], expected, "{asked}");
        assert_eq!(dropped.is_empty(), !expected.is_null(), "{asked}");
    }
}

#[test]
fn an_effort_of_a_forced_call_goes_without_thinking() {
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    let fields = json!({"tools": tool, "tool_choice": "required", "reasoning_effort": "max"});

    let (body, dropped) = settings(CLAUDE, &claude(Thinking::Adaptive), fields);

    assert_eq!(body["outputConfig"], json!({"effort": "high"}));
    assert!(body["additionalModelRequestFields"].is_null());
    assert!(dropped.is_empty());
}

#[test]
fn a_budget_gives_way_to_what_binds() {
    let facts = claude(Thinking::Budget);
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    let call = json!({"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let result = json!({"role": "tool", "tool_call_id": "c", "content": "4"});
    let user = json!({"role": "user", "content": "Hi"});
    let words = json!({"role": "assistant", "content": "So"});
    let cases = [
        (json!([user]), json!({"max_tokens": 1364}), None),
        (json!([user]), json!({"max_tokens": 1365}), Some(1024)),
        (json!([user]), json!({"max_tokens": 4096}), Some(3072)),
        (
            json!([user]),
            json!({"tools": tool, "tool_choice": "required"}),
            None,
        ),
        (
            json!([user]),
            json!({"tools": tool, "tool_choice": "auto"}),
            Some(24576),
        ),
        (json!([user, call, result]), json!({"tools": tool}), None),
        (
            json!([user, call, result, words, user]),
            json!({"tools": tool}),
            Some(24576),
        ),
        (json!([user, words]), json!({}), None),
    ];

    for (messages, fields, expected) in cases {
        let mut asked = with(fields);
        asked["messages"] = messages;
        asked["reasoning_effort"] = json!("high");

        let (body, dropped) = written(CLAUDE, &facts, &asked).unwrap();

        let budget = &body["additionalModelRequestFields"]["thinking"]["budget_tokens"];
        assert_eq!(budget.as_u64(), expected, "{asked}");
        assert_eq!(dropped.is_empty(), expected.is_some(), "{asked}");
    }
}

#[test]
fn thinking_leaves_no_say_in_how_words_are_picked() {
    let fields = json!({"reasoning_effort": "low", "temperature": 0.5, "top_p": 0.9, "top_k": 5});
    let sampling = ["temperature", "top_k", "top_p"];

    for thinking in [Thinking::Budget, Thinking::Adaptive] {
        let (body, dropped) = settings(CLAUDE, &claude(thinking), fields.clone());
        assert_eq!(dropped, sampling, "{thinking:?}");
        assert!(body["inferenceConfig"]["temperature"].is_null());
    }
    let (body, dropped) = settings(CLAUDE, &claude(Thinking::Always), fields.clone());
    assert_eq!(dropped, ["top_p"], "of the two, one");
    assert_eq!(body["additionalModelRequestFields"], json!({"top_k": 5}));
    let (body, dropped) = settings("amazon.nova-pro-v1:0", &Facts::default(), fields);
    assert_eq!(dropped, ["reasoning_effort", "top_k"]);
    assert_eq!(
        body,
        json!({"inferenceConfig": {"temperature": 0.5, "topP": 0.9}})
    );
}

#[test]
fn anthropics_models_take_one_say_in_how_words_are_picked() {
    let cases = [
        (
            json!({"temperature": 0.5, "top_p": 0.9}),
            json!({"temperature": 0.5}),
            vec!["top_p"],
        ),
        (
            json!({"temperature": 0.5, "top_p": 1}),
            json!({"temperature": 0.5}),
            vec![],
        ),
        (
            json!({"temperature": 1, "top_p": 0.9}),
            json!({"topP": 0.9}),
            vec![],
        ),
        (
            json!({"temperature": 1.5, "top_p": 1.0}),
            json!({"temperature": 1}),
            vec![],
        ),
        (json!({"top_p": 0.9}), json!({"topP": 0.9}), vec![]),
        (
            json!({"reasoning_effort": "low", "temperature": 1, "top_p": 0.97}),
            json!({"topP": 0.97}),
            vec![],
        ),
        (
            json!({"reasoning_effort": "low", "temperature": 0}),
            json!({}),
            vec!["temperature"],
        ),
    ];

    for (fields, expected, dropped) in cases {
        let (mut body, left) = settings(CLAUDE, &claude(Thinking::Adaptive), fields.clone());
        let config = body["inferenceConfig"].as_object_mut().unwrap();
        config.remove("maxTokens");
        assert_eq!(
            (&json!(config), left),
            (&expected, dropped.into_iter().map(str::to_owned).collect()),
            "{fields}"
        );
    }
    let facts = Facts {
        refuses: vec!["temperature".to_owned(), "top_p".to_owned()],
        ..Facts::default()
    };
    let (body, left) = settings(CLAUDE, &facts, json!({"temperature": 1, "top_p": 0.5}));
    assert_eq!(body, json!({"inferenceConfig": {"maxTokens": 4096}}));
    assert_eq!(left, ["top_p"], "to leave out a default loses nothing");
}

#[test]
fn fields_that_the_model_refuses_are_left_out_by_name() {
    let refused = [
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "user",
        "metadata",
        "service_tier",
        "reasoning_effort",
    ];
    let facts = Facts {
        refuses: refused.map(str::to_owned).to_vec(),
        ..Facts::default()
    };
    let fields = json!({"temperature": 1, "top_p": 1, "top_k": 1, "stop": "x", "user": "u", "metadata": {"a": "b"},
        "service_tier": "flex", "reasoning_effort": "low"});

    let (body, dropped) = settings("meta.llama4", &facts, fields);

    let mut expected = refused;
    expected.sort_unstable();
    assert_eq!((body, dropped), (json!({}), expected.map(str::to_owned).to_vec()));
}

#[test]
fn numbers_stay_as_they_were_written_but_within_their_range() {
    for (asked, expected) in [
        ("0.70", "0.70"),
        ("1e0", "1e0"),
        ("1.7", "1"),
        ("-0.1", "0"),
        ("1e999", "1"),
    ] {
        let asked = format!(r#"{{"messages":[{{"role":"user","content":"Hi"}}],"temperature":{asked}}}"#);
        let chat = Chat::read(&asked).unwrap();
        let facts = Facts::default();
        let to = Recipient {
            model: "m",
            facts: &facts,
        };

        let body = Bedrock.request(&chat, to).unwrap().write();

        let expected = format!(r#""inferenceConfig":{{"temperature":{expected}}}"#);
        assert!(str::from_utf8(&body).unwrap().contains(&expected), "{asked}");
    }
}

#[test]
fn metadata_is_noted_as_far_as_it_is_taken() {
    let many: serde_json::Map<String, Value> =
        (0..20).map(|key| (format!("k{key:02}"), json!("v"))).collect();
    let cases = [
        (json!({"user": "u"}), json!({"user": "u"}), vec![]),
        (
            json!({"metadata": {"a": "b c"}, "user": "u"}),
            json!({"a": "b c", "user": "u"}),
            vec![],
        ),
        (
            json!({"metadata": {"a": 1, "b": "", "": "c", "d": "x"}}),
            json!({"b": "", "d": "x"}),
            vec!["metadata"],
        ),
        (
            json!({"metadata": {"a": "v".repeat(257)}}),
            Value::Null,
            vec!["metadata"],
        ),
        (
            json!({"metadata": {"a": "what?"}, "user": "ü"}),
            Value::Null,
            vec!["metadata", "user"],
        ),
        (
            json!({"metadata": {"user": "x"}, "user": "u"}),
            json!({"user": "x"}),
            vec!["user"],
        ),
        (json!({"metadata": {}}), Value::Null, vec![]),
    ];

    for (fields, expected, dropped) in cases {
        let (body, left) = settings("m", &Facts::default(), fields.clone());
        assert_eq!(
            (&body["requestMetadata"], left),
            (&expected, dropped.into_iter().map(str::to_owned).collect()),
            "{fields}"
        );
    }
    let (body, left) = settings("m", &Facts::default(), json!({"metadata": many, "user": "u"}));
    assert_eq!(body["requestMetadata"].as_object().unwrap().len(), 16);
    assert_eq!(left, ["metadata", "user"]);
}

#[test]
fn tiers_have_their_own_words() {
    let cases = [
        ("auto", Value::Null, false),
        ("default", json!({"type": "default"}), false),
        ("flex", json!({"type": "flex"}), false),
        ("priority", json!({"type": "priority"}), false),
        ("fast", json!({"type": "priority"}), false),
        ("scale", Value::Null, true),
    ];

    for (asked, expected, is_dropped) in cases {
        let (body, dropped) = settings("m", &Facts::default(), json!({"service_tier": asked}));
        assert_eq!(
            (&body["serviceTier"], dropped.len() == 1),
            (&expected, is_dropped),
            "{asked}"
        );
    }
}

#[test]
fn what_cannot_be_carried_is_refused_by_name() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let named = |name: &str| json!([{"type": "function", "function": {"name": name}}]);
    let allowed = |mode: &str| json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [{"type": "function", "function": {"name": "g"}}]}});
    let image = |url: &str| {
        of(json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]))
    };
    let file = |name: &str, data: &str| {
        of(
            json!([{"role": "user", "content": [{"type": "file", "file": {"filename": name, "file_data": data}}]}]),
        )
    };
    let history = json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "4"}]);
    let cases = [
        (with(json!({"n": 2})), "n"),
        (with(json!({"logprobs": true})), "logprobs"),
        (with(json!({"top_logprobs": 2})), "logprobs"),
        (image("https://example.com/a.png"), "image_url"),
        (image("data:image/bmp;base64,AA=="), "image_type"),
        (image("data:;base64,AA=="), "image_type"),
        (image("s3://bucket/a"), "image_type"),
        (file("a.zip", "data:application/zip;base64,AA=="), "file_type"),
        (file("a", "AA=="), "file_type"),
        (with(json!({"tools": named("a.b")})), "tool_name"),
        (with(json!({"tools": named(&"x".repeat(65))})), "tool_name"),
        (with(json!({"tools": named("")})), "tool_name"),
        (
            with(json!({"tools": tools, "tool_choice": allowed("required")})),
            "tool_choice",
        ),
        (
            json!({"messages": history, "tools": tools, "tool_choice": "none"}),
            "tool_choice",
        ),
        (
            json!({"messages": history, "tools": tools, "tool_choice": allowed("auto")}),
            "tool_choice",
        ),
    ];

    for (asked, feature) in cases {
        assert_eq!(
            written(CLAUDE, &Facts::default(), &asked).unwrap_err().0,
            feature,
            "{asked}"
        );
    }
}

#[test]
fn what_the_model_refuses_and_nothing_can_replace_is_refused_by_name() {
    let facts = Facts {
        refuses_forced_tools: true,
        refuses_prefill: true,
        refuses_json_schema: true,
        ..Facts::default()
    };
    let tools = json!([{"type": "function", "function": {"name": "f", "strict": true}}]);
    let schema = json!({"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}});
    let named = json!({"type": "function", "function": {"name": "f"}});
    let prefill = json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "So"}]);
    for (asked, feature) in [
        (
            with(json!({"tools": tools, "tool_choice": "required"})),
            "tool_choice",
        ),
        (with(json!({"tools": tools, "tool_choice": named})), "tool_choice"),
        (with(json!({"response_format": schema})), "json_schema"),
        (of(prefill), "assistant_prefill"),
    ] {
        assert_eq!(written(CLAUDE, &facts, &asked).unwrap_err().0, feature, "{asked}");
    }

    let (body, dropped) = written(CLAUDE, &facts, &with(json!({"tools": tools}))).unwrap();
    assert!(body["toolConfig"]["tools"][0]["toolSpec"]["tools.strict"].is_null());
    assert_eq!(dropped, ["tools.strict"]);
}

#[test]
fn images_and_documents_are_known_by_type_name_or_content() {
    let part = |content: Value| of(json!([{"role": "user", "content": [content]}]));
    let image = |url: &str| part(json!({"type": "image_url", "image_url": {"url": url}}));
    let file =
        |name: &str, data: &str| part(json!({"type": "file", "file": {"filename": name, "file_data": data}}));
    let cases = [
        (
            image("data:image/jpg;base64,AA=="),
            json!({"image": {"format": "jpeg", "source": {"bytes": "AA=="}}}),
        ),
        (
            image("data:image/WEBP;charset=x;BASE64,AA=="),
            json!({"image": {"format": "webp", "source": {"bytes": "AA=="}}}),
        ),
        (
            image("s3://bucket/a.GIF"),
            json!({"image": {"format": "gif", "source": {"s3Location": {"uri": "s3://bucket/a.GIF"}}}}),
        ),
        (
            file("a.md", "data:application/octet-stream;base64,AA=="),
            json!({"document": {"format": "md", "name": "a", "source": {"bytes": "AA=="}}}),
        ),
        (
            file("", "JVBERi0="),
            json!({"document": {"format": "pdf", "name": "document", "source": {"bytes": "JVBERi0="}}}),
        ),
    ];

    for (asked, expected) in cases {
        let (body, _) = written(CLAUDE, &Facts::default(), &asked).unwrap();
        let content = body["messages"][0]["content"].as_array().unwrap();
        assert_eq!(content[0], expected, "{asked}");
        // Nobody takes a document without a word beside it.
        assert_eq!(content.len() == 2, expected["document"].is_object(), "{asked}");
    }
}

#[test]
fn results_come_first_in_their_turn_and_carry_images() {
    let asked = of(json!([
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "user", "content": "Wait"},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "image_url", "image_url": "data:image/png;base64,AA=="}]},
    ]));

    let (body, _) = written(CLAUDE, &Facts::default(), &asked).unwrap();

    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"text": "."}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": 1}}}]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "c", "content": [{"image": {"format": "png", "source": {"bytes": "AA=="}}}]}},
                {"text": "Wait"},
            ]},
        ])
    );
}

#[test]
fn a_failed_tool_says_so() {
    let tool = |text: &'static str, is_error| Message::Tool {
        id: Text::Own("c".into()),
        parts: vec![Part::Text(Text::Own(text.into()))],
        is_error,
    };
    let chat = Chat {
        messages: vec![tool("no such city", true), tool("", true), tool("4", false)],
        ..Chat::default()
    };
    let facts = Facts::default();
    let to = Recipient {
        model: CLAUDE,
        facts: &facts,
    };

    let body: Value = serde_json::from_slice(&Bedrock.request(&chat, to).unwrap().write()).unwrap();

    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"toolResult": {"toolUseId": "c", "content": [{"text": "no such city"}], "status": "error"}},
            {"toolResult": {"toolUseId": "c", "content": [{"text": "(no output)"}], "status": "error"}},
            {"toolResult": {"toolUseId": "c", "content": [{"text": "4"}]}},
        ])
    );
}

#[test]
fn words_of_the_model_are_gone_on_from_only_where_they_end_the_request() {
    let user = json!({"role": "user", "content": "Hi"});
    let words = json!({"role": "assistant", "content": "So \n"});
    let blank = json!({"role": "user", "content": " "});
    let system = json!({"role": "system", "content": "Be kind."});

    for (messages, expected) in [
        (json!([user, words]), json!([["Hi"], ["So"]])),
        (json!([user, words, blank]), json!([["Hi"], ["So \n"], ["."]])),
        (json!([user, words, system]), json!([["Hi"], ["So \n"], ["."]])),
        (json!([system]), json!([["."]])),
        (json!([words]), json!([["."], ["So"]])),
    ] {
        let (body, _) = written(CLAUDE, &Facts::default(), &of(messages)).unwrap();
        let texts = |turn: &Value| -> Value {
            let blocks = turn["content"].as_array().unwrap();
            blocks.iter().map(|block| block["text"].clone()).collect()
        };
        let said: Value = body["messages"].as_array().unwrap().iter().map(texts).collect();
        assert_eq!(said, expected);
    }
}

#[test]
fn the_arguments_of_a_tool_are_said_to_be_an_object() {
    for (parameters, expected) in [
        (Value::Null, json!({"type": "object", "properties": {}})),
        (json!({}), json!({"type": "object", "properties": {}})),
        (
            json!({"properties": {"a": {}}, "required": ["a"]}),
            json!({"type": "object", "properties": {"a": {}}, "required": ["a"]}),
        ),
        (json!({"type": "object"}), json!({"type": "object"})),
        (json!(true), json!(true)),
    ] {
        let tools = json!([{"type": "function", "function": {"name": "f", "description": " ", "strict": false, "parameters": parameters}}]);
        let (body, _) = settings(CLAUDE, &Facts::default(), json!({"tools": tools}));
        let spec = &body["toolConfig"]["tools"][0]["toolSpec"];
        assert_eq!(spec, &json!({"name": "f", "inputSchema": {"json": expected}}));
    }
}

#[test]
fn a_model_is_anthropics_by_its_name_or_by_how_it_thinks() {
    for (model, thinking, is_claude) in [
        ("us.anthropic.claude-opus-5-v1:0", Thinking::Unknown, true),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/Anthropic.Claude",
            Thinking::Unknown,
            true,
        ),
        (
            "arn:aws:bedrock:us-east-1:123:application-inference-profile/abc",
            Thinking::Unknown,
            false,
        ),
        (
            "arn:aws:bedrock:us-east-1:123:application-inference-profile/abc",
            Thinking::Adaptive,
            true,
        ),
        ("amazon.nova-pro-v1:0", Thinking::Unknown, false),
        ("openai.gpt-oss-120b-1:0", Thinking::Level, false),
    ] {
        let (body, _) = settings(model, &claude(thinking), json!({}));
        assert_eq!(!body["inferenceConfig"].is_null(), is_claude, "{model}");
    }
}

/// One message of any role, with any text.
fn any_message() -> impl Strategy<Value = Value> {
    let text = || "[a-z \\\\\"üß🌍\n]{0,12}";
    let call = || ("[a-c/ü]{0,3}", "[a-z_-]{1,8}", text());
    prop_oneof![
        text().prop_map(|text| json!({"role": "user", "content": text})),
        prop::collection::vec(text(), 0..4).prop_map(|texts| {
            let parts: Vec<_> = texts
                .iter()
                .map(|text| json!({"type": "text", "text": text}))
                .collect();
            json!({"role": "user", "content": parts})
        }),
        text().prop_map(|text| json!({"role": "system", "content": text})),
        (text(), prop::collection::vec(call(), 0..3)).prop_map(|(text, calls)| {
            let calls: Vec<_> = calls
                .iter()
                .map(|(id, name, value)| {
                    let arguments = json!({"v": value}).to_string();
                    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
                })
                .collect();
            json!({"role": "assistant", "content": text, "tool_calls": calls})
        }),
        ("[a-c/ü]{0,3}", text())
            .prop_map(|(id, text)| json!({"role": "tool", "tool_call_id": id, "content": text})),
    ]
}

/// Every text that a user, a system or a model says, in order and by kind, less those that are blank.
#[derive(Debug, PartialEq, Default)]
struct Kept {
    system: Vec<String>,
    user: Vec<String>,
    assistant: Vec<String>,
    calls: Vec<(String, String)>,
    results: Vec<String>,
}

fn kept_of_asked(messages: &[Value]) -> Kept {
    let mut kept = Kept::default();
    for message in messages {
        let content = &message["content"];
        let texts = content.as_array().map_or_else(
            || vec![content.as_str().unwrap_or_default().to_owned()],
            |parts| {
                parts
                    .iter()
                    .map(|part| part["text"].as_str().unwrap().to_owned())
                    .collect()
            },
        );
        let texts = texts.into_iter().filter(|text| !text.trim().is_empty());
        match message["role"].as_str().unwrap() {
            "system" => kept.system.extend(texts),
            "user" => kept.user.extend(texts),
            "tool" => kept.results.push(texts.collect::<String>()),
            // Words to go on from may not end in white space.
            _ => kept
                .assistant
                .extend(texts.map(|text| text.trim_end().to_owned())),
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            let word = |name: &str| function[name].as_str().unwrap().to_owned();
            kept.calls.push((word("name"), word("arguments")));
        }
    }
    kept
}

fn kept_of_written(body: &Value) -> Kept {
    let mut kept = Kept::default();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    for block in body["system"].as_array().into_iter().flatten() {
        kept.system.push(word(&block["text"]));
    }
    let made_up = [".", "(no output)"];
    for message in body["messages"].as_array().unwrap() {
        for block in message["content"].as_array().unwrap() {
            if let Some(text) = block["text"].as_str().filter(|text| !made_up.contains(text)) {
                if message["role"] == "user" {
                    kept.user.push(text.to_owned());
                } else {
                    kept.assistant.push(text.trim_end().to_owned());
                }
            }
            if block["toolUse"].is_object() {
                kept.calls.push((
                    word(&block["toolUse"]["name"]),
                    block["toolUse"]["input"].to_string(),
                ));
            }
            if block["toolResult"].is_object() {
                let text = word(&block["toolResult"]["content"][0]["text"]);
                kept.results.push(if text == "(no output)" {
                    String::new()
                } else {
                    text
                });
            }
        }
    }
    kept
}

proptest! {
    #[test]
    fn a_request_keeps_every_text_call_and_id(messages in prop::collection::vec(any_message(), 1..10)) {
        let (body, _) = written(CLAUDE, &Facts::default(), &of(json!(messages))).unwrap();

        prop_assert_eq!(kept_of_written(&body), kept_of_asked(&messages));

        // Each call has an id of its own, in letters that are allowed.
        let turns = body["messages"].as_array().unwrap();
        let blocks = || turns.iter().flat_map(|turn| turn["content"].as_array().unwrap());
        let mut ids: Vec<&str> = blocks().filter_map(|block| block["toolUse"]["toolUseId"].as_str()).collect();
        for id in &ids {
            prop_assert!((1..=64).contains(&id.len()));
            prop_assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte)));
        }
        let calls = ids.len();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), calls);

        // Turns alternate, and the user's comes first.
        for (index, turn) in turns.iter().enumerate() {
            prop_assert_eq!(&turn["role"], if index % 2 == 0 { "user" } else { "assistant" });
            prop_assert!(!turn["content"].as_array().unwrap().is_empty());
        }
    }

    #[test]
    fn results_name_the_calls_that_they_belong_to(turns in prop::collection::vec(prop::collection::vec("[ab/?]{0,2}", 1..4), 1..5)) {
        let mut messages = Vec::new();
        let mut expected = Vec::new();
        for (turn, ids) in turns.iter().enumerate() {
            let call = |(index, id): (usize, &String)| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": format!("{{\"n\":{}}}", turn * 10 + index)}});
            let result = |(index, id): (usize, &String)| json!({"role": "tool", "tool_call_id": id, "content": (turn * 10 + index).to_string()});
            messages.push(json!({"role": "assistant", "tool_calls": ids.iter().enumerate().map(call).collect::<Vec<_>>()}));
            messages.extend(ids.iter().enumerate().map(result));
            expected.extend((0..ids.len()).map(|index| (turn * 10 + index).to_string()));
        }

        let (body, _) = written(CLAUDE, &Facts::default(), &of(json!(messages))).unwrap();

        let mut calls = std::collections::HashMap::new();
        let mut answered = Vec::new();
        for block in body["messages"].as_array().unwrap().iter().flat_map(|turn| turn["content"].as_array().unwrap()) {
            if let Some(id) = block["toolUse"]["toolUseId"].as_str() {
                calls.insert(id, block["toolUse"]["input"]["n"].clone());
            }
            if let Some(id) = block["toolResult"]["toolUseId"].as_str() {
                let text = block["toolResult"]["content"][0]["text"].as_str().unwrap();
                prop_assert_eq!(calls[id].to_string().parse::<u64>().unwrap(), text.parse::<u64>().unwrap());
                answered.push(text.to_owned());
            }
        }
        prop_assert_eq!(answered, expected);
    }
}
