//! Names find their rows, however they are decorated, and the table says what it must.

use super::Thinking::{Adaptive, AdaptiveByDefault, Always, Budget, BudgetAlways, Level, Never, Unknown};
use super::*;

#[test]
fn no_row_hides_another() {
    for (index, row) in rows().enumerate() {
        for name in row.names {
            let found = rows().position(|row| row.names.iter().any(|known| holds(name, known)));
            assert_eq!(found, Some(index), "{name}");
            assert!(
                name.bytes()
                    .all(|byte| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit()),
                "{name}"
            );
        }
        let facts = row.facts.spelled_out();
        assert!(facts.refuses.is_sorted(), "{:?}", row.names);
        assert!(facts.refused_efforts.is_sorted(), "{:?}", row.names);
    }
}

#[test]
fn a_name_is_found_however_it_is_decorated() {
    for (name, thinking, context_window) in [
        ("claude-opus-5", AdaptiveByDefault, Some(1_000_000)),
        (
            "us.anthropic.claude-opus-5-v1:0",
            AdaptiveByDefault,
            Some(1_000_000),
        ),
        ("claude-opus-5@20260724", AdaptiveByDefault, Some(1_000_000)),
        ("anthropic/claude-opus-5.5", Always, Some(1_000_000)),
        ("claude-fable-5-1-20260901", Always, Some(1_000_000)),
        ("claude-sonnet-5-5", Adaptive, Some(1_000_000)),
        ("anthropic/claude-sonnet-4.6", Adaptive, Some(1_000_000)),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
            Budget,
            Some(200_000),
        ),
        ("claude-sonnet-4@20250514", Budget, Some(200_000)),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", Never, Some(200_000)),
        ("claude-next", Adaptive, Some(1_000_000)),
        ("models/gemini-3-pro", Level, Some(1_048_576)),
        ("gemini-3.5-flash", Level, Some(1_048_576)),
        ("google/gemini-2.5-pro-preview", BudgetAlways, Some(1_048_576)),
        ("gemini-2.5-flash-lite", Budget, Some(1_048_576)),
        ("gemini-2.0-flash-001", Never, Some(1_048_576)),
        ("GPT-4o-2024-08-06", Never, Some(128_000)),
        ("ft:gpt-4.1-mini-2025-04-14:org::id", Never, Some(1_047_576)),
        ("gpt-35-turbo-16k", Never, Some(16_385)),
        ("gpt-5-mini", Unknown, Some(400_000)),
        ("gpt-6-sol", Unknown, Some(1_050_000)),
        ("accounts/fireworks/models/gpt-oss-120b", Unknown, Some(131_072)),
        ("gpt-oss:20b", Unknown, Some(131_072)),
        ("o3-mini-2025-01-31", Unknown, Some(200_000)),
        ("us.amazon.nova-lite-v1:0", Never, Some(300_000)),
    ] {
        let facts = known(name).expect(name);
        assert_eq!(
            (facts.thinking, facts.context_window),
            (thinking, context_window),
            "{name}"
        );
    }
    for name in [
        "my-gpt",
        "gpt-50",
        "proto3",
        "xgpt-4o",
        "qwen3-32b",
        "claudette",
        "text-embedding-3-small",
        "",
    ] {
        assert_eq!(known(name), None, "{name}");
        assert_eq!(of(name), Facts::default());
    }
}

#[test]
fn newer_claudes_let_nobody_choose_their_sampling() {
    for (name, is_refused) in [
        ("claude-sonnet-4-5", false),
        ("claude-opus-4-6", false),
        ("claude-opus-4-7", true),
        ("claude-opus-4-8", true),
        ("claude-haiku-5-5", true),
        ("claude-opus-5", true),
        ("claude-mythos-5", true),
    ] {
        for field in ["temperature", "top_p", "top_k"] {
            assert_eq!(of(name).refuse(field), is_refused, "{name} {field}");
        }
    }
}

#[test]
fn families_of_claude_differ_in_what_they_answer_with_an_error() {
    let said = |name: &str| {
        let facts = of(name);
        (
            facts.refuses_prefill,
            facts.refuses_json_schema,
            facts.refuses_forced_tools,
        )
    };

    assert_eq!(said("claude-opus-4-1-20250805"), (false, true, false));
    assert_eq!(said("claude-opus-4-5-20251101"), (false, false, false));
    assert_eq!(said("claude-sonnet-4-6"), (true, false, false));
    assert_eq!(said("claude-fable-5"), (true, false, false));
    assert_eq!(said("claude-fable-5-1"), (true, false, true));
    assert_eq!(said("claude-mythos-5-1"), (true, false, true));
    assert_eq!(of("claude-sonnet-4-6").refused_efforts, ["xhigh"]);
    assert_eq!(of("claude-3-opus-20240229").default_max_tokens, 4096);
    assert_eq!(of("claude-opus-4-8").default_max_tokens, 8192);
}

#[test]
fn models_of_openai_that_think_take_the_newer_field_and_refuse_sampling() {
    for (name, field, temperature, stop) in [
        ("gpt-4o", MaxTokensField::AsSent, false, false),
        ("gpt-4.1", MaxTokensField::AsSent, false, false),
        ("o1", MaxTokensField::MaxCompletionTokens, true, true),
        ("o4-mini", MaxTokensField::MaxCompletionTokens, true, true),
        ("gpt-5", MaxTokensField::MaxCompletionTokens, true, true),
        ("gpt-5.1", MaxTokensField::MaxCompletionTokens, false, false),
        (
            "gpt-5-chat-latest",
            MaxTokensField::MaxCompletionTokens,
            false,
            false,
        ),
        ("gpt-6-luna", MaxTokensField::MaxCompletionTokens, true, false),
        ("gpt-6-astra", MaxTokensField::MaxCompletionTokens, true, false),
    ] {
        let facts = of(name);
        assert_eq!(facts.max_tokens_field, field, "{name}");
        assert_eq!(
            (facts.refuse("temperature"), facts.refuse("stop")),
            (temperature, stop),
            "{name}"
        );
    }
    let (astra, sol) = (of("gpt-6-astra"), of("gpt-6-sol"));
    assert!(astra.lacks.chat_tools && !astra.lacks.tools && !astra.tools_need_no_effort);
    assert!(!sol.lacks.chat_tools && sol.tools_need_no_effort);
}
