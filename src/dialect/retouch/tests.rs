//! Tests of requests that are made to fit.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::Kind;
use crate::dialect::scan::scan;

/// The request as this vendor takes it, and what was left out.
fn worn(kind: Kind, facts: &Facts, body: &str) -> (String, Vec<String>) {
    worn_by(Vendor::of(kind), facts, Surface::Chat, body)
}

fn worn_by(vendor: &Vendor, facts: &Facts, surface: Surface, body: &str) -> (String, Vec<String>) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let wearer = Wearer { vendor, facts };
    let Retouched { body, dropped } = retouch(&body, None, surface, wearer);
    (String::from_utf8(body.into()).unwrap(), dropped)
}

fn refusing(fields: &[&str]) -> Facts {
    Facts {
        refuses: fields.iter().map(|&field| field.to_owned()).collect(),
        ..Facts::default()
    }
}

const SENT: &str = r#"{ "model" : "gpt-4o", "messages": [ {"role":"developer","content":"Be kind."}, {"role":"user","name":"ann","content":[{"type":"text","text":"a \"b\""}, "c\u00e9"]} ], "max_completion_tokens": 1e2 , "seed":9007199254740993, "user":"u", "stream_options":{"include_usage":true}, "x":1.0 }"#;

#[test]
fn what_fits_is_shared_and_not_copied() {
    let body = Bytes::from_static(SENT.as_bytes());
    let facts = Facts::default();
    let idle = Wearer {
        vendor: Vendor::of(Kind::OpenAiCompatible),
        facts: &facts,
    };
    let plain =
        Bytes::from_static(br#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":1}"#);
    let mistral = Wearer {
        vendor: Vendor::of(Kind::Mistral),
        facts: &facts,
    };

    let untouched = retouch(&body, None, Surface::Chat, idle);
    let seen = retouch(&plain, Some((&(9..12), "m")), Surface::Chat, mistral);

    assert_eq!(untouched.body.as_ptr(), body.as_ptr());
    assert_eq!(seen.body.as_ptr(), plain.as_ptr());
}

#[test]
fn one_request_fits_each_vendor_and_stays_itself_elsewhere() {
    let facts = Facts {
        max_tokens_field: MaxTokensField::MaxTokens,
        ..Facts::default()
    };

    let (mistral, dropped) = worn(Kind::Mistral, &facts, SENT);
    assert_eq!(
        mistral,
        r#"{ "model" : "gpt-4o", "messages": [ {"role":"system","content":"Be kind."}, {"role":"user","name":"ann","content":"a \"b\"\ncé"} ], "max_tokens": 1e2 , "random_seed":9007199254740993, "x":1.0 }"#
    );
    assert_eq!(dropped, ["stream_options", "user"]);

    let (groq, dropped) = worn(Kind::Groq, &Facts::default(), SENT);
    assert_eq!(
        groq,
        r#"{ "model" : "gpt-4o", "messages": [ {"role":"system","content":"Be kind."}, {"role":"user","content":"a \"b\"\ncé"} ], "max_completion_tokens": 1e2 , "seed":9007199254740993, "user":"u", "stream_options":{"include_usage":true}, "x":1.0 }"#
    );
    assert_eq!(dropped, ["messages.name"]);

    let (fireworks, _) = worn(
        Kind::Fireworks,
        &Facts::default(),
        r#"{"model":"m", "messages":[] }"#,
    );
    assert_eq!(
        fireworks,
        r#"{"model":"m", "messages":[],"context_length_exceeded_behavior":"error" }"#
    );
    let asked = r#"{"model":"m","context_length_exceeded_behavior":"truncate"}"#;
    assert_eq!(worn(Kind::Fireworks, &Facts::default(), asked).0, asked);
}

#[test]
fn fields_go_with_exactly_one_comma() {
    let facts = refusing(&["a", "b", "c"]);
    let cases = [
        (r#"{"a":1,"k":2}"#, r#"{"k":2}"#),
        (r#"{"k":2,"a":1}"#, r#"{"k":2}"#),
        (r#"{"a":1,"b":{"c":[1,2]},"k":2,"c":3}"#, r#"{"k":2}"#),
        (
            r#"{ "a" : 1 , "k" : 2 , "b" : "," , "c" : 3 }"#,
            r#"{ "k" : 2   }"#,
        ),
        (r#"{"k":{"a":1},"a":1,"l":"a"}"#, r#"{"k":{"a":1},"l":"a"}"#),
        (r#"{"a":1}"#, "{}"),
        (r#"{"a":1,"b":2}"#, "{}"),
        (r#"{"k":1,"\u0061":2}"#, r#"{"k":1}"#),
    ];
    for (body, expected) in cases {
        let vendor = Vendor::of(Kind::OpenAiCompatible);

        assert_eq!(worn_by(vendor, &facts, Surface::Chat, body).0, expected, "{body}");
    }
}

#[test]
fn a_field_that_says_nothing_is_not_missed() {
    let facts = refusing(&["user", "seed"]);

    let (body, dropped) = worn(
        Kind::OpenAi,
        &facts,
        r#"{"model":"m","user":null,"seed":1,"seed":2}"#,
    );

    assert_eq!(
        (body.as_str(), dropped),
        (r#"{"model":"m"}"#, vec!["seed".to_owned()])
    );
}

#[test]
fn one_limit_is_left_of_two() {
    use MaxTokensField::{AsSent, MaxCompletionTokens, MaxTokens};
    let cases = [
        (AsSent, r#"{"max_tokens":1}"#, r#"{"max_tokens":1}"#),
        (MaxTokens, r#"{"max_completion_tokens":1}"#, r#"{"max_tokens":1}"#),
        (
            MaxCompletionTokens,
            r#"{"max_tokens":1}"#,
            r#"{"max_completion_tokens":1}"#,
        ),
        (
            MaxTokens,
            r#"{"max_tokens":1,"max_completion_tokens":2}"#,
            r#"{"max_tokens":1}"#,
        ),
        (
            MaxCompletionTokens,
            r#"{"max_tokens":1,"max_completion_tokens":2}"#,
            r#"{"max_completion_tokens":2}"#,
        ),
        (
            MaxCompletionTokens,
            r#"{"max_tokens":1,"max_completion_tokens":null}"#,
            r#"{"max_completion_tokens":1}"#,
        ),
        (MaxTokens, r#"{"x":1,"max_completion_tokens":null}"#, r#"{"x":1}"#),
    ];
    for (max_tokens_field, body, expected) in cases {
        let facts = Facts {
            max_tokens_field,
            ..Facts::default()
        };

        let (made, dropped) = worn(Kind::OpenAi, &facts, body);

        assert_eq!(made, expected, "{max_tokens_field:?} {body}");
        assert!(dropped.is_empty());
    }
}

#[test]
fn lists_of_texts_become_one_and_other_lists_stay() {
    let cases = [
        (
            r#"[{"type":"text","text":"a"},{"text":"b\n","type":"text","cache_control":{}}]"#,
            r#""a\nb\n""#,
        ),
        (r#"[{"type":"refusal","refusal":"no"}]"#, r#""no""#),
        ("[]", r#""""#),
        (r#"["a","b"]"#, r#""a\nb""#),
        (
            r#"[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:,"}}]"#,
            r#"[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:,"}}]"#,
        ),
        (r#"[{"type":"text","text":7}]"#, r#"[{"type":"text","text":7}]"#),
        ("[7]", "[7]"),
        (r#""a""#, r#""a""#),
        ("null", "null"),
        (r#"[{"type":"text","text":"\ud83d"}]"#, r#""\ud83d""#),
    ];
    for (content, expected) in cases {
        let body = |content: &str| format!(r#"{{"messages":[{{"role":"user","content":{content}}}]}}"#);

        assert_eq!(
            worn(Kind::Together, &Facts::default(), &body(content)).0,
            body(expected)
        );
    }
}

#[test]
fn what_google_wants_back_with_a_call_goes_to_those_alone_who_may_be_google() {
    let extra = r#"{"google":{"thought_signature":"c2ln"}}"#;
    let body = |before: &str, after: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"extra_content"}},{{"role":"assistant","tool_calls":[{{{before}"id":"aB3dE6gH9","type":"function","function":{{"name":"f","arguments":"{{\"extra_content\":1}}"}}{after}}}]}}]}}"#
        )
    };
    let (first, last) = (
        format!(r#""extra_content":{extra},"#),
        format!(r#","extra_content":{extra}"#),
    );
    for sent in [body("", &last), body(&first, ""), body("", "")] {
        for kind in [Kind::OpenAi, Kind::AzureOpenAi, Kind::Mistral, Kind::Groq] {
            let (made, dropped) = worn(kind, &Facts::default(), &sent);
            assert_eq!(made, body("", ""), "{kind}");
            assert!(dropped.is_empty(), "{kind}: {dropped:?}");
        }
        for kind in [Kind::OpenAiCompatible, Kind::OpenRouter, Kind::Vllm] {
            assert_eq!(worn(kind, &Facts::default(), &sent).0, sent, "{kind}");
        }
    }
}

#[test]
fn calls_and_their_results_keep_one_id() {
    let sent = r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"id\":\"call_1\"}"}},{"id":"aB3dE6gH9"}]},
        {"role":"tool","tool_call_id":"call_1","content":"x"},{"role":"tool","tool_call_id":"aB3dE6gH9","content":"y"}]}"#;

    let (made, _) = worn(Kind::Mistral, &Facts::default(), sent);

    let made: Value = serde_json::from_str(&made).unwrap();
    let calls = &made["messages"][0]["tool_calls"];
    assert_eq!(calls[0]["id"].as_str().unwrap().len(), 9);
    assert_eq!(calls[0]["id"], made["messages"][1]["tool_call_id"]);
    assert_eq!(calls[0]["function"]["arguments"], r#"{"id":"call_1"}"#);
    assert_eq!(calls[1]["id"], "aB3dE6gH9");
    assert_eq!(made["messages"][2]["tool_call_id"], "aB3dE6gH9");
}

#[test]
fn the_result_of_a_retired_function_keeps_its_name() {
    let sent = r#"{"messages":[{"role":"function","name":"f","content":"x"},{"name":"bob","role":"user","content":"y"}]}"#;

    let (made, dropped) = worn(Kind::Groq, &Facts::default(), sent);

    assert_eq!(
        made,
        r#"{"messages":[{"role":"function","name":"f","content":"x"},{"role":"user","content":"y"}]}"#
    );
    assert_eq!(dropped, ["messages.name"]);
}

#[test]
fn an_effort_that_the_model_does_not_know_becomes_the_nearest() {
    let known = |refused: &[&str], thinking| Facts {
        refused_efforts: refused.iter().map(|&word| word.to_owned()).collect(),
        thinking,
        ..Facts::default()
    };
    let cases = [
        (
            known(&["max", "xhigh"], Thinking::Unknown),
            "max",
            Some("high"),
            false,
        ),
        (
            known(&["max", "xhigh"], Thinking::Unknown),
            "low",
            Some("low"),
            false,
        ),
        (
            known(&["none"], Thinking::Unknown),
            "none",
            Some("minimal"),
            false,
        ),
        (known(&[], Thinking::Unknown), "max", Some("max"), false),
        (known(&[], Thinking::Never), "low", None, true),
        (known(&[], Thinking::Never), "none", None, false),
        (
            known(&["max"], Thinking::Unknown),
            "immense",
            Some("immense"),
            false,
        ),
    ];
    for (facts, asked, expected, is_dropped) in cases {
        let body = format!(r#"{{"model":"m","reasoning_effort":"{asked}"}}"#);

        let (made, dropped) = worn(Kind::OpenAi, &facts, &body);

        let made: Value = serde_json::from_str(&made).unwrap();
        assert_eq!(made["reasoning_effort"].as_str(), expected, "{asked}");
        assert_eq!(!dropped.is_empty(), is_dropped, "{asked}");
    }
}

#[test]
fn a_model_that_uses_no_tools_while_it_thinks_is_told_not_to() {
    let facts = Facts {
        tools_need_no_effort: true,
        ..Facts::default()
    };
    let cases = [
        (
            r#"{"tools":[1]}"#,
            r#"{"tools":[1],"reasoning_effort":"none"}"#,
            false,
        ),
        (
            r#"{"functions":[1] }"#,
            r#"{"functions":[1],"reasoning_effort":"none" }"#,
            false,
        ),
        (
            r#"{"reasoning_effort":"low","tools":[1]}"#,
            r#"{"reasoning_effort":"none","tools":[1]}"#,
            true,
        ),
        (
            r#"{"reasoning_effort":null,"tools":[1]}"#,
            r#"{"reasoning_effort":"none","tools":[1]}"#,
            false,
        ),
        (
            r#"{"reasoning_effort":"none","tools":[1]}"#,
            r#"{"reasoning_effort":"none","tools":[1]}"#,
            false,
        ),
        (
            r#"{"reasoning_effort":"low","tools":[ ]}"#,
            r#"{"reasoning_effort":"low","tools":[ ]}"#,
            false,
        ),
        (r#"{"tools":null}"#, r#"{"tools":null}"#, false),
    ];
    for (body, expected, is_told) in cases {
        let (made, dropped) = worn(Kind::OpenAi, &facts, body);

        assert_eq!(made, expected);
        assert_eq!(!dropped.is_empty(), is_told, "{body}");
    }
    let (made, _) = worn_by(
        Vendor::of(Kind::OpenAi),
        &facts,
        Surface::Responses,
        r#"{"tools":[1]}"#,
    );
    assert_eq!(made, r#"{"tools":[1]}"#);
}

#[test]
fn other_parts_of_the_api_lose_what_is_refused_and_nothing_more() {
    let facts = Facts {
        max_tokens_field: MaxTokensField::MaxTokens,
        ..Facts::default()
    };
    let sent = r#"{"model":"m","input":[{"role":"developer","content":[{"type":"text","text":"a"}]}],"user":"u","seed":1,"max_completion_tokens":2}"#;
    let vendor = Vendor::of(Kind::Mistral);

    let (made, dropped) = worn_by(vendor, &facts, Surface::Embeddings, sent);

    assert_eq!(made, sent.replace(r#""user":"u","#, ""));
    assert_eq!(dropped, ["user"]);
}

#[test]
fn the_model_is_named_in_the_same_pass() {
    let body = Bytes::from_static(SENT.as_bytes());
    let span = scan(&body).unwrap().model_span;
    let facts = Facts::default();

    for kind in Kind::ALL {
        let wearer = Wearer {
            vendor: Vendor::of(kind),
            facts: &facts,
        };
        let named = retouch(&body, Some((&span, "their \"model\"")), Surface::Chat, wearer).body;
        let plain = retouch(&body, None, Surface::Chat, wearer).body;

        let mut expected: Value = serde_json::from_slice(&plain).unwrap();
        expected["model"] = json!("their \"model\"");
        assert_eq!(
            serde_json::from_slice::<Value>(&named).unwrap(),
            expected,
            "{kind}"
        );
    }
}

#[test]
fn what_is_no_request_stays_as_it_is() {
    let facts = refusing(&["user"]);
    for body in [
        "",
        "[1]",
        "{",
        r#"{"messages":7,"user":1}"#,
        r#"{"messages":["x"],"user":1}"#,
        r#"{"user":1}{}"#,
    ] {
        assert_eq!(
            worn(Kind::Mistral, &facts, body),
            (body.to_owned(), vec![]),
            "{body}"
        );
    }
}

fn any_object() -> impl Strategy<Value = Vec<(String, Value)>> {
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!(1.5)),
        Just(json!({ "a": [1, "}", ","] })),
        "[a-z,{}\\[\\]\" ]{0,6}".prop_map(Value::from)
    ];
    prop::collection::vec(("[a-e]", value), 0..8)
}

proptest! {
    #[test]
    fn what_is_left_is_what_was_there_without_what_is_refused(
        members in any_object(), refused in prop::collection::vec("[a-e]", 1..3), space in "[ \n\t]{0,2}",
    ) {
        let member = |(name, value): &(String, Value)| format!("{space}\"{name}\"{space}:{space}{value}{space}");
        let body = format!("{{{space}{}}}{space}", members.iter().map(member).collect::<Vec<_>>().join(","));
        let refused: Vec<&str> = refused.iter().map(String::as_str).collect();

        let (made, _) = worn(Kind::OpenAiCompatible, &refusing(&refused), &body);

        let left: Vec<_> = members.iter().filter(|(name, _)| !refused.contains(&name.as_str())).collect();
        let expected: serde_json::Map<String, Value> = left.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        prop_assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), Value::from(expected));
        for kept in left {
            prop_assert!(made.contains(member(kept).trim()));
        }
        prop_assert_eq!(worn(Kind::OpenAiCompatible, &refusing(&refused), &made).0, made);
    }

    #[test]
    fn no_bytes_cause_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let facts = refusing(&["user"]);
        let body = Bytes::from(body);
        for kind in Kind::ALL {
            let wearer = Wearer { vendor: Vendor::of(kind), facts: &facts };
            retouch(&body, None, Surface::Chat, wearer);
        }
    }

    #[test]
    fn no_request_causes_a_panic(
        body in r#"\{"messages":\[(\{"(role|content|name|tool_calls|tool_call_id)":(\[|\{|"[a-z]{0,3}"|:|,|\]|\}|[0-9]){0,8}\}?,?){0,3}\]?\}?"#
    ) {
        for kind in Kind::ALL {
            worn(kind, &refusing(&["user"]), &body);
        }
    }
}
