//! Programs with the `anthropic` SDK: whoever fails and whoever answers, they get what Anthropic would say.

use serde_json::{Value, json};
use understudy::sim::{Fault, FaultRule};

use super::caller::{Sdk, Told};
use super::stage::{ANTHROPIC, KINDS, Kind, Stage, words};

const QUESTION: &str = "What does an understudy do?";

/// In the answer at once, or in a stream before its first token.
const FAILURES: [Fault; 2] = [Fault::ServerError, Fault::StreamError];

fn hops(first: &str, second: Kind) -> [String; 2] {
    [
        format!("first-{first} server_error"),
        format!("second-{} ok", second.name),
    ]
}

/// That the second provider of this kind gave this answer.
fn is_message_of(kind: Kind, told: &Told, asked: &str) {
    let name = kind.name;
    assert_eq!(told["raised"], Value::Null, "{name}: {told:#?}");
    assert_eq!(told["text"], words(kind, asked), "{told:#?}");
    let message = &told["message"];
    assert_eq!(
        (&message["type"], &message["role"], &message["stop_reason"]),
        (&"message".into(), &"assistant".into(), &"end_turn".into()),
        "{name}: {told:#?}"
    );
    assert!(
        message["id"].as_str().is_some_and(|id| !id.is_empty()),
        "{told:#?}"
    );
    assert_eq!(message["model"], kind.model, "{told:#?}");
    for tokens in ["input_tokens", "output_tokens"] {
        assert!(
            message["usage"][tokens].as_u64() > Some(0),
            "{tokens} of {name}: {told:#?}"
        );
    }
}

#[tokio::test]
async fn whoever_answers_says_it_as_anthropic_would() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::Anthropic);
    for fault in FAILURES {
        stage.fail(FaultRule::new(fault)).await;
        for kind in KINDS {
            let model = format!("anthropic-to-{}", kind.name);

            for scenario in ["create", "beta"] {
                let plain = program.ask(scenario, &model).await;
                is_message_of(kind, &plain, QUESTION);
                assert_eq!(plain.hops(), hops("anthropic", kind), "{scenario}");
            }

            let stream = program.ask("stream", &model).await;
            is_message_of(kind, &stream, QUESTION);
            assert_eq!(stream.hops(), hops("anthropic", kind));
            assert_eq!(stream.pieces(), words(kind, QUESTION));
            assert!(stream.list("pieces").len() > 1, "{stream:#?}");

            let events = program.ask("events", &model).await;
            let kinds = events.list("events");
            assert_eq!(
                (kinds.first(), kinds.last()),
                (Some(&&"message_start".into()), Some(&&"message_stop".into())),
                "{}: {events:#?}",
                kind.name
            );
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn system_prompts_pictures_and_thoughts_reach_whoever_answers() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::Anthropic);
    stage.fail(FaultRule::new(Fault::ServerError)).await;
    for kind in KINDS {
        let model = format!("anthropic-to-{}", kind.name);

        let rich = program.ask("rich", &model).await;
        is_message_of(kind, &rich, "What is in the picture?");
        let last = stage.last_of(kind);
        for part in ["Be brief.", "Be kind.", "iVBORw0KGgo"] {
            assert!(last.contains(part), "{}: no {part} in {last}", kind.name);
        }
        let is_claude = kind.model.contains("claude");
        assert_eq!(
            last.contains("ephemeral"),
            kind.model.starts_with("claude"),
            "{}: {last}",
            kind.name
        );

        for stream in [false, true] {
            let thinking = json!({ "stream": stream });
            let told = program.ask_with("thinking", &model, thinking).await;
            is_message_of(kind, &told, QUESTION);
            assert_eq!(told["text_then"], words(kind, "And now?"), "{told:#?}");
            let last = stage.last_of(kind);
            let budget = last.contains("1024");
            assert!(budget || !is_claude, "{}: {last}", kind.name);
        }
    }
    stage.strike().await;
}

/// That tools were used as told, and that the answer after their results is there.
fn has_used(told: &Told, uses: usize, who: Kind, then: Kind) {
    let (name, then) = (who.name, then.name);
    assert_eq!(told["raised"], Value::Null, "{name}, then {then}: {told:#?}");
    assert_eq!(told["stop_reason"], "tool_use", "{name}: {told:#?}");
    let made = told.list("calls");
    let names: Vec<&Value> = made.iter().map(|call| &call["name"]).collect();
    assert_eq!(names, ["weather", "tides"][..uses], "{name}: {told:#?}");
    let mut ids: Vec<&str> = made.iter().filter_map(|call| call["id"].as_str()).collect();
    ids.retain(|id| !id.is_empty());
    ids.dedup();
    assert_eq!(ids.len(), uses, "{name}: {told:#?}");
    for call in made {
        let said_by = format!("sim-second-{name}");
        assert_eq!(call["input"], json!({ "said_by": said_by }), "{told:#?}");
    }
    assert_eq!(
        told["text"],
        format!("sim second-{then} says: And now?"),
        "{name}, then {then}: {told:#?}"
    );
    assert_eq!(told["stop_reason_then"], "end_turn", "{told:#?}");
}

#[tokio::test]
async fn tools_are_used_and_their_results_go_back_whoever_answers() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::Anthropic);
    for fault in FAILURES {
        stage.fail(FaultRule::new(fault)).await;
        for (kind, uses) in KINDS.into_iter().flat_map(|kind| [(kind, 1), (kind, 2)]) {
            stage.let_call(kind, uses);
            let model = format!("anthropic-to-{}", kind.name);
            for (stream, is_error) in [(false, false), (false, true), (true, false), (true, true)] {
                let order = json!({ "stream": stream, "is_error": is_error });
                let told = program.ask_with("tools", &model, order).await;

                has_used(&told, uses, kind, kind);
                assert_eq!(told.hops(), hops("anthropic", kind));
                assert_eq!(told.hops_in("headers_then"), hops("anthropic", kind));
                let last = stage.last_of(kind);
                assert_eq!(last.contains("no such city"), is_error, "{}: {last}", kind.name);
                assert_eq!(last.contains("weather: fine"), !is_error, "{}: {last}", kind.name);
                assert_eq!(last.contains("tides: fine"), uses == 2, "{}: {last}", kind.name);
            }
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn what_one_provider_began_any_other_goes_on_with() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::Anthropic);
    for kind in KINDS {
        stage.let_call(kind, 2);
        for (then, stream) in KINDS.into_iter().flat_map(|then| [(then, false), (then, true)]) {
            let order = json!({ "stream": stream, "then": then.name });
            let told = program.ask_with("tools", kind.name, order.clone()).await;
            has_used(&told, 2, kind, then);

            let told = program.ask_with("thinking", kind.name, order).await;
            assert_eq!(
                told["text_then"],
                words(then, "And now?"),
                "{}: {told:#?}",
                kind.name
            );
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn whoever_fails_before_the_first_token_somebody_else_streams() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::Anthropic);
    for rule in [
        FaultRule::new(Fault::StreamError),
        FaultRule::new(Fault::StreamError).after_opening(),
        FaultRule::new(Fault::ServerError),
    ] {
        stage.fail(rule.clone()).await;
        for kind in KINDS {
            let told = program
                .ask("stream", &format!("{}-to-anthropic", kind.name))
                .await;

            is_message_of(ANTHROPIC, &told, QUESTION);
            assert_eq!(told.hops(), hops(kind.name, ANTHROPIC), "{rule:?}: {told:#?}");
            assert_eq!(told.pieces(), words(ANTHROPIC, QUESTION));
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn whoever_breaks_off_in_the_middle_the_program_is_told() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::Anthropic);
    for (fault, raised) in [
        // A reset leaves nobody the time to add a word, and the SDK passes on what its transport says.
        (Fault::CutStream, "RemoteProtocolError"),
        (Fault::StreamError, "APIStatusError"),
        (Fault::Stall, "APIStatusError"),
    ] {
        for kind in KINDS {
            stage.fail(FaultRule::new(fault).after_events(3)).await;
            stage.slow_down();

            let told = program
                .ask("events", &format!("{}-to-anthropic", kind.name))
                .await;

            let name = kind.name;
            assert_eq!(told["raised"]["kind"], raised, "{fault} at {name}: {told:#?}");
            assert_eq!(told["ended"], false, "{fault} at {name}: {told:#?}");
            if raised == "APIStatusError" {
                assert_eq!(
                    told["raised"]["type"], "api_error",
                    "{fault} at {name}: {told:#?}"
                );
                assert_eq!(told["raised"]["error_code"], "stream_broken", "{told:#?}");
            }
            let events = told.list("events");
            let has = |wanted: &str| events.iter().any(|event| **event == wanted);
            assert!(has("content_block_delta"), "{fault} at {name}: {told:#?}");
            assert!(
                !has("message_delta") && !has("message_stop"),
                "{fault} at {name}: {told:#?}"
            );
            assert_eq!(stage.received(ANTHROPIC), (1, 0), "{fault} at {name}");
        }
    }
    stage.strike().await;
}
