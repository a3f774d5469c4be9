//! What holds in every language: bodies that are made to be slow are not, and a choice that binds is never weakened.

use bytes::Bytes;
use serde_json::{Value, json};

use super::facts::{Facts, MaxTokensField, Thinking};
use super::hub::{Chat, Unsupported};
use super::language::Recipient;
use super::retouch::{Wearer, retouch};
use super::vendor::Vendor;
use super::{Dialect, messages};
use crate::catalog::Surface;
use crate::config::Kind;

/// One provider of each language.
const LANGUAGES: [Dialect; 4] = [
    Dialect::OpenAi,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Bedrock,
];

/// The request in this language.
fn written(dialect: Dialect, chat: &Chat<'_>, facts: &Facts) -> Result<Value, Unsupported> {
    let to = Recipient { model: "m", facts };
    let request = dialect.language().request(chat, to)?;
    Ok(serde_json::from_slice(&request.write()).unwrap())
}

fn function(name: &str) -> String {
    format!(r#"{{"type":"function","function":{{"name":"{name}"}}}}"#)
}

fn list(elements: impl Iterator<Item = String>) -> String {
    elements.collect::<Vec<_>>().join(",")
}

fn allowing(mode: &str, tools: &str, allowed: &str) -> String {
    format!(
        r#"{{"messages":[{{"role":"user","content":"x"}}],"tools":[{tools}],
            "tool_choice":{{"type":"allowed_tools","allowed_tools":{{"mode":"{mode}","tools":[{allowed}]}}}}}}"#
    )
}

#[test]
fn a_call_that_must_be_made_is_refused_where_no_tool_is_left() {
    let body = allowing("required", &function("f"), &function("g"));
    let chat = Chat::read(&body).unwrap();
    for dialect in LANGUAGES {
        let refused = written(dialect, &chat, &Facts::default());
        assert_eq!(refused, Err(Unsupported("tool_choice")), "{dialect:?}");
    }
    let body = allowing("auto", &function("f"), &function("g"));
    let chat = Chat::read(&body).unwrap();
    for dialect in LANGUAGES {
        let body = written(dialect, &chat, &Facts::default()).unwrap();
        let may_call = body.get("tools").or(body.get("toolConfig"));
        let is_none = body["toolConfig"]["functionCallingConfig"] == json!({ "mode": "NONE" });
        assert!(may_call.is_none() || is_none, "{dialect:?}: {body}");
    }
}

// Each of the bodies below takes minutes where the work is the square of the size.

#[test]
fn very_many_allowed_tools_are_found_among_very_many() {
    let count = 50_000;
    let tools = list((0..count).map(|number| function(&format!("a{number}"))));
    let allowed = list((0..count).map(|number| function(&format!("b{number}"))));
    let body = allowing("auto", &tools, &allowed);

    assert!(Chat::read(&body).unwrap().offer().unwrap().tools.is_empty());
}

#[test]
fn very_many_results_between_words_are_put_first() {
    let count = 100_000;
    let turn = r#"{"role":"user","content":"x"},{"role":"tool","tool_call_id":"a","content":"r"}"#;
    let body = format!(r#"{{"messages":[{}]}}"#, vec![turn; count].join(","));

    let body = written(Dialect::Anthropic, &Chat::read(&body).unwrap(), &Facts::default()).unwrap();
    let blocks = body["messages"][0]["content"].as_array().unwrap();
    let kinds = [&blocks[count - 1], &blocks[count]].map(|block| &block["type"]);
    assert_eq!(
        (blocks.len(), kinds),
        (2 * count, [&json!("tool_result"), &json!("text")])
    );
}

#[test]
fn very_many_ids_that_become_one_are_told_apart() {
    // `.` and `_2e` are one in Anthropic's letters.
    let id = |number: u32| -> String {
        let bits = (0..15).map(|bit| if number >> bit & 1 == 1 { "." } else { "_2e" });
        bits.collect()
    };
    let calls = list((0..1 << 15).map(|number| {
        format!(
            r#"{{"id":"{}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#,
            id(number)
        )
    }));
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":"x"}},{{"role":"assistant","tool_calls":[{calls}]}},{{"role":"user","content":"y"}}]}}"#
    );

    for dialect in [Dialect::Anthropic, Dialect::Bedrock] {
        assert!(written(dialect, &Chat::read(&body).unwrap(), &Facts::default()).is_ok());
    }
}

#[test]
fn very_many_calls_after_very_many_words_are_written() {
    let count = 60_000;
    let texts = vec!["\"t\""; count].join(",");
    let call = r#"{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}"#;
    let calls = vec![call; count].join(",");
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":"x"}},{{"role":"assistant","content":[{texts}],"tool_calls":[{calls}]}}]}}"#
    );
    let facts = Facts {
        thinking: Thinking::Level,
        ..Facts::default()
    };

    let body = written(Dialect::Gemini, &Chat::read(&body).unwrap(), &facts).unwrap();
    let parts = body["contents"][1]["parts"].as_array().unwrap();
    let signed = parts.iter().filter(|part| part.get("thoughtSignature").is_some());
    assert_eq!((parts.len(), signed.count()), (2 * count, 1));
}

#[test]
fn one_field_very_many_times_is_made_to_fit() {
    let limits = vec![r#""max_tokens":1"#; 100_000].join(",");
    let facts = Facts {
        max_tokens_field: MaxTokensField::MaxCompletionTokens,
        ..Facts::default()
    };
    let wearer = Wearer {
        vendor: Vendor::of(Kind::OpenAi),
        facts: &facts,
    };
    for (last, renamed) in [("", 100_000), (r#","max_completion_tokens":2"#, 1)] {
        let body = Bytes::from(format!(r#"{{"messages":[],{limits}{last}}}"#));
        let worn = retouch(&body, None, Surface::Chat, wearer).body;
        let worn = String::from_utf8(worn.to_vec()).unwrap();
        assert_eq!(worn.matches("max_completion_tokens").count(), renamed);
    }
}

#[test]
fn a_schema_of_very_many_fields_is_judged() {
    let fields = 0..100_000;
    let properties = list(fields.clone().map(|field| format!(r#""f{field}":{{}}"#)));
    let required = list(fields.rev().map(|field| format!(r#""f{field}""#)));
    let body = format!(
        r#"{{"max_tokens":1,"messages":[{{"role":"user","content":"x"}}],"tools":[{{"name":"f","strict":true,"input_schema":
            {{"type":"object","additionalProperties":false,"properties":{{{properties}}},"required":[{required}]}}}}]}}"#
    );

    assert_eq!(messages::read(&body).unwrap().tools[0].strict, Some(true));
}
