//! Complete answers.

use proptest::prelude::*;

use crate::dialect::bedrock::Bedrock;
use crate::dialect::hub::Answer;
use crate::dialect::language::{About, Language, NoAnswer};

const WHOLE: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"Grüße \ud83c\udf0d"},
    {"reasoningContent":{"reasoningText":{"text":"Hm","signature":"E"}}},
    {"toolUse":{"toolUseId":"t","name":"f","input":{"a":[1,{"b":"c"}]}}}]}},
    "stopReason":"tool_use","usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}"#;

fn read(body: &[u8]) -> Result<Answer<'_>, NoAnswer> {
    let about = About {
        id: "i",
        model: "m",
        created: 1,
        shows_usage: false,
    };
    Bedrock.answer(body, &about)
}

#[test]
fn an_answer_that_is_cut_anywhere_is_none() {
    assert!(read(WHOLE.as_bytes()).is_ok());

    for length in 0..WHOLE.len() {
        assert_eq!(
            read(&WHOLE.as_bytes()[..length]),
            Err(NoAnswer::Unreadable),
            "{length}"
        );
    }
}

#[test]
fn what_is_nested_deeply_passes() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = WHOLE.replace(r#"{"a":[1,{"b":"c"}]}"#, &deep);

    assert_eq!(read(body.as_bytes()).unwrap().choices[0].calls[0].arguments, deep);
}

#[test]
fn counts_of_any_size_add_up_without_harm() {
    let most = u64::MAX;
    let usage = format!(
        r#"{{"inputTokens":{most},"outputTokens":{most},"cacheReadInputTokens":{most},"cacheWriteInputTokens":-1}}"#
    );
    let body = WHOLE.replace(r#"{"inputTokens":1,"outputTokens":2,"totalTokens":3}"#, &usage);

    let usage = read(body.as_bytes()).unwrap().usage.unwrap();

    assert_eq!(
        (usage.input, usage.cached_input, usage.cache_write),
        (most, most, 0)
    );
}

proptest! {
    #[test]
    fn no_bytes_do_harm(at in 0..WHOLE.len(), noise in prop::collection::vec(any::<u8>(), 0..6), keep in any::<bool>()) {
        let (before, after) = WHOLE.as_bytes().split_at(at);
        let after = if keep { after } else { &[] };
        let body = [before, noise.as_slice(), after].concat();

        if let Ok(answer) = read(&body) {
            answer.write();
        }
    }

    #[test]
    fn every_text_is_kept(texts in prop::collection::vec("[a-z \\\\\"üß🌍\n]{0,12}", 1..5)) {
        let blocks: Vec<_> = texts.iter().map(|text| serde_json::json!({"text": text})).collect();
        let body = serde_json::json!({"output": {"message": {"content": blocks}}, "stopReason": "max_tokens"}).to_string();

        let answer = read(body.as_bytes()).unwrap();

        prop_assert_eq!(answer.choices[0].text.clone().unwrap_or_default(), texts.concat());
    }
}
