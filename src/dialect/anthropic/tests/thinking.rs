//! How hard a model is told to think, and what that closes.

use super::*;
use crate::dialect::facts::Thinking;

fn family(thinking: Thinking) -> Facts {
    Facts {
        thinking,
        ..Facts::default()
    }
}

/// What is said of thinking, and whether the effort was dropped.
fn said(fields: &Value, facts: &Facts) -> (Value, Value, u64, bool) {
    let (body, dropped) = with(fields, facts).unwrap();
    (
        body["thinking"].clone(),
        body["output_config"]["effort"].clone(),
        body["max_tokens"].as_u64().unwrap(),
        dropped.contains(&"reasoning_effort".to_owned()),
    )
}

#[test]
fn every_family_is_told_in_its_own_way() {
    use Thinking::{Adaptive, AdaptiveByDefault, Always, Budget, Level, Never, Unknown};
    let budget = |tokens: u64| json!({ "type": "enabled", "budget_tokens": tokens });
    let adaptive = || json!({ "type": "adaptive" });
    let null = || json!(null);
    let cases = [
        (Budget, "none", null(), null(), 4096, false),
        (Budget, "minimal", budget(1024), null(), 5120, false),
        (Budget, "low", budget(1024), null(), 5120, false),
        (Budget, "medium", budget(8192), null(), 12_288, false),
        (Budget, "high", budget(24_576), null(), 28_672, false),
        (Budget, "max", budget(24_576), null(), 28_672, false),
        (Adaptive, "none", null(), null(), 4096, false),
        (Adaptive, "minimal", adaptive(), json!("low"), 4096, false),
        (Adaptive, "medium", adaptive(), json!("medium"), 4096, false),
        (Adaptive, "max", adaptive(), json!("max"), 4096, false),
        (
            AdaptiveByDefault,
            "none",
            json!({ "type": "disabled" }),
            null(),
            4096,
            false,
        ),
        (AdaptiveByDefault, "low", null(), json!("low"), 4096, false),
        (AdaptiveByDefault, "xhigh", null(), json!("xhigh"), 4096, false),
        (Always, "none", null(), json!("low"), 4096, false),
        (Always, "high", null(), json!("high"), 4096, false),
        (Never, "none", null(), null(), 4096, false),
        (Never, "high", null(), null(), 4096, true),
        (Unknown, "none", null(), null(), 4096, true),
        (Unknown, "high", null(), json!("high"), 4096, false),
        (Level, "high", null(), json!("high"), 4096, false),
    ];
    for (thinking, effort, told, word, max_tokens, is_dropped) in cases {
        assert_eq!(
            said(&json!({ "reasoning_effort": effort }), &family(thinking)),
            (told, word, max_tokens, is_dropped),
            "{thinking:?} {effort}"
        );
    }
}

#[test]
fn a_budget_stays_below_the_callers_limit_or_is_not_asked_for() {
    let cases = [
        (30_000, "high", Some(22_500)),
        (100_000, "high", Some(24_576)),
        (2000, "medium", Some(1500)),
        (1366, "low", Some(1024)),
        (1365, "low", Some(1024)),
        (1364, "low", None),
        (1, "low", None),
    ];
    for (limit, effort, budget) in cases {
        let fields = json!({ "reasoning_effort": effort, "max_tokens": limit });
        let (thinking, _, max_tokens, is_dropped) = said(&fields, &family(Thinking::Budget));

        assert_eq!(thinking["budget_tokens"].as_u64(), budget, "{limit} {effort}");
        assert_eq!(
            (max_tokens, is_dropped),
            (limit, budget.is_none()),
            "{limit} {effort}"
        );
    }
}

#[test]
fn a_large_default_limit_has_room_for_the_budget_already() {
    let facts = Facts {
        default_max_tokens: 64_000,
        ..family(Thinking::Budget)
    };

    let (_, _, max_tokens, _) = said(&json!({ "reasoning_effort": "high" }), &facts);

    assert_eq!(max_tokens, 64_000);
}

#[test]
fn a_word_that_the_model_refuses_becomes_the_next_lower_one() {
    let facts = Facts {
        refused_efforts: vec!["xhigh".to_owned(), "low".to_owned()],
        ..family(Thinking::Adaptive)
    };
    let effort = |asked: &str| said(&json!({ "reasoning_effort": asked }), &facts).1;

    assert_eq!(effort("xhigh"), json!("high"));
    assert_eq!(effort("max"), json!("max"));
}

#[test]
fn a_budget_gives_way_to_what_it_cannot_go_with() {
    let asking = json!({ "role": "assistant", "tool_calls": [call("a", "f")] });
    let result = json!({ "role": "tool", "tool_call_id": "a", "content": "1" });
    let user = json!({ "role": "user", "content": "Hi" });
    let answer = json!({ "role": "assistant", "content": "So" });
    let cases = [
        (json!([user]), "required", true),
        (json!([user]), "auto", false),
        (json!([user, asking, result]), "auto", true),
        (json!([user, asking, result, user]), "auto", true),
        (json!([user, answer]), "auto", true),
        (json!([user, asking, result, answer, user]), "auto", false),
    ];
    for (messages, choice, is_dropped) in cases {
        let fields = json!({ "messages": messages, "tools": [tool("f")], "tool_choice": choice,
            "reasoning_effort": "low" });
        let (thinking, _, _, dropped) = said(&fields, &family(Thinking::Budget));
        assert_eq!(
            (thinking.is_null(), dropped),
            (is_dropped, is_dropped),
            "{messages} {choice}"
        );
    }
}

#[test]
fn an_adaptive_model_that_must_call_a_tool_keeps_its_effort() {
    let fields = json!({ "tools": [tool("f")], "tool_choice": "required", "reasoning_effort": "low" });

    let (thinking, effort, _, is_dropped) = said(&fields, &family(Thinking::Adaptive));

    assert_eq!((thinking, effort, is_dropped), (json!(null), json!("low"), false));
}

#[test]
fn sampling_is_said_once_and_within_bounds() {
    let (plain, thoughtful) = (family(Thinking::Never), family(Thinking::Adaptive));
    let null = || json!(null);
    let cases = [
        (json!({ "temperature": 0.70 }), &plain, (json!(0.70), null()), ""),
        (json!({ "temperature": 1 }), &plain, (json!(1), null()), ""),
        (json!({ "temperature": 1.7 }), &plain, (json!(1.0), null()), ""),
        (json!({ "temperature": -1 }), &plain, (json!(0.0), null()), ""),
        (
            json!({ "temperature": 0.7, "top_p": 0.9 }),
            &plain,
            (json!(0.7), null()),
            "top_p",
        ),
        (
            json!({ "temperature": 0.7, "top_p": 1 }),
            &plain,
            (json!(0.7), null()),
            "",
        ),
        (
            json!({ "temperature": 1, "top_p": 0.9 }),
            &plain,
            (null(), json!(0.9)),
            "",
        ),
        (json!({ "top_p": 0.9 }), &plain, (null(), json!(0.9)), ""),
        (
            json!({ "temperature": 0.7, "top_p": 0.97 }),
            &thoughtful,
            (null(), json!(0.97)),
            "temperature",
        ),
        (
            json!({ "temperature": 1, "top_p": 0.5 }),
            &thoughtful,
            (null(), null()),
            "top_p",
        ),
        (json!({ "top_k": 5 }), &thoughtful, (null(), null()), "top_k"),
    ];
    for (mut fields, facts, (temperature, top_p), named) in cases {
        if facts.thinking == Thinking::Adaptive {
            fields["reasoning_effort"] = json!("low");
        }
        let (body, dropped) = with(&fields, facts).unwrap();
        assert_eq!(
            (&body["temperature"], &body["top_p"]),
            (&temperature, &top_p),
            "{fields}"
        );
        assert_eq!(dropped.join(" "), named, "{fields}");
    }
}
