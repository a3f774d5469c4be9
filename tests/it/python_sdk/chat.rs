//! Programs with the `openai` SDK: whoever fails and whoever answers, they get what OpenAI would say.

use serde_json::{Value, json};
use understudy::sim::{Fault, FaultRule};

use super::caller::{Sdk, Told};
use super::stage::{KINDS, Kind, OPENAI, Stage, has, words};

/// In the answer at once, or in a stream before its first token.
const FAILURES: [Fault; 2] = [Fault::ServerError, Fault::StreamError];

fn hops(first: &str, second: Kind) -> [String; 2] {
    [
        format!("first-{first} server_error"),
        format!("second-{} ok", second.name),
    ]
}

/// That the second provider of this kind gave this answer, after OpenAI failed.
fn is_answer_of(kind: Kind, told: &Told, asked: &str) {
    let name = kind.name;
    assert_eq!(told["raised"], Value::Null, "{name}: {told:#?}");
    assert_eq!(told.hops(), hops("openai", kind), "{told:#?}");
    let answer = &told["answer"];
    assert_eq!(answer["object"], "chat.completion", "{name}: {told:#?}");
    assert_eq!(told["text"], words(kind, asked), "{told:#?}");
    assert_eq!(told["finish"], "stop", "{name}: {told:#?}");
    assert!(told["total_tokens"].as_u64() > Some(0), "{name}: {told:#?}");
}

fn is_whole_stream(kind: Kind, told: &Told) {
    let name = kind.name;
    assert_eq!(told["raised"], Value::Null, "{name}: {told:#?}");
    assert_eq!(told.pieces(), words(kind, "What does an understudy do?"));
    assert!(
        told.list("pieces").len() > 1,
        "{name}: it comes piece by piece: {told:#?}"
    );
    assert_eq!(
        (&told["finish"], &told["ended"]),
        (&"stop".into(), &true.into()),
        "{name}"
    );
    // Azure's first chunk is about the prompt, and has none.
    let mut ids = told.list("ids");
    ids.retain(|id| *id != "");
    assert_eq!(ids.len(), 1, "{name}: {ids:?}");
}

#[tokio::test]
async fn whoever_answers_says_it_as_openai_would() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);
    for fault in FAILURES {
        stage.fail(FaultRule::new(fault)).await;
        for kind in KINDS {
            let model = format!("openai-to-{}", kind.name);

            let chat = program.ask("chat", &model).await;
            is_answer_of(kind, &chat, "What does an understudy do?");

            let stream = program.ask("stream", &model).await;
            assert_eq!(stream.hops(), hops("openai", kind));
            is_whole_stream(kind, &stream);
            assert_eq!(stream["usage"], Value::Null, "nobody asked for it: {stream:#?}");

            let stream = program.ask("stream_with_usage", &model).await;
            assert_eq!(stream.hops(), hops("openai", kind));
            is_whole_stream(kind, &stream);
            assert!(stream["usage"].as_u64() > Some(0), "{stream:#?}");
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn pictures_schemas_and_effort_reach_whoever_answers() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);
    stage.fail(FaultRule::new(Fault::ServerError)).await;
    for kind in KINDS {
        let model = format!("openai-to-{}", kind.name);

        let image = program.ask("image", &model).await;
        is_answer_of(kind, &image, "What is in the picture?");
        assert!(
            stage.last_of(kind).contains("iVBORw0KGgo"),
            "{}: no picture",
            kind.name
        );

        let told = program.ask("json_schema", &model).await;
        if has(kind, "json_schema") {
            is_answer_of(kind, &told, "What does an understudy do?");
            let schema = stage.last_of(kind);
            assert!(
                schema.contains("days") && schema.contains("integer"),
                "{}: {schema}",
                kind.name
            );
        } else {
            // What a provider cannot promise it is not asked for, and nobody else was left.
            assert_eq!(told["raised"]["kind"], "InternalServerError", "{told:#?}");
            assert!(stage.last_of(kind).contains("iVBORw0KGgo"));
        }

        let told = program.ask("reasoning", &model).await;
        is_answer_of(kind, &told, "What does an understudy do?");
        assert_eq!(told["text_then"], words(kind, "And now?"), "{told:#?}");
        let thoughts = &told["answer"]["choices"][0]["message"]["reasoning_content"];
        let usage = &told["answer"]["usage"]["completion_tokens_details"]["reasoning_tokens"];
        assert_eq!(thoughts.is_string(), has(kind, "thoughts"), "{told:#?}");
        // Bedrock does not say how many they were.
        let is_counted = has(kind, "thoughts") && kind.name != "bedrock";
        assert_eq!(usage.as_u64() > Some(0), is_counted, "{told:#?}");
        let dropped = &told["headers"]["x-understudy-dropped"];
        assert_eq!(*dropped == "reasoning_effort", !has(kind, "effort"), "{told:#?}");
        let last = stage.last_of(kind);
        let is_asked_for = last.contains("reasoning_effort") || last.contains("thinking");
        assert_eq!(is_asked_for, has(kind, "effort"), "{}: {last}", kind.name);
    }
    stage.strike().await;
}

/// That tools were called as told, and that the answer after their results is there.
fn has_called(told: &Told, calls: usize, who: Kind, then: Kind) {
    let (name, then) = (who.name, then.name);
    assert_eq!(told["raised"], Value::Null, "{name}, then {then}: {told:#?}");
    assert_eq!(told["finish"], "tool_calls", "{name}: {told:#?}");
    let made = told.list("calls");
    let names: Vec<&Value> = made.iter().map(|call| &call["name"]).collect();
    assert_eq!(names, ["weather", "tides"][..calls], "{name}: {told:#?}");
    let mut ids: Vec<&str> = made.iter().filter_map(|call| call["id"].as_str()).collect();
    ids.retain(|id| !id.is_empty());
    ids.dedup();
    assert_eq!(ids.len(), calls, "{name}: {told:#?}");
    for call in made {
        let said_by = format!("sim-second-{name}");
        assert_eq!(call["arguments"], json!({ "said_by": said_by }), "{told:#?}");
    }
    let text = told["text"].as_str().unwrap_or_default();
    assert!(text.starts_with(&format!("sim second-{then} says:")), "{told:#?}");
    assert_eq!(told["finish_then"], "stop", "{name}, then {then}: {told:#?}");
}

#[tokio::test]
async fn tools_are_called_and_their_results_go_back_whoever_answers() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);
    for fault in FAILURES {
        stage.fail(FaultRule::new(fault)).await;
        for (kind, calls) in KINDS.into_iter().flat_map(|kind| [(kind, 1), (kind, 2)]) {
            stage.let_call(kind, calls);
            let model = format!("openai-to-{}", kind.name);
            for stream in [false, true] {
                let told = program
                    .ask_with("tools", &model, json!({ "stream": stream }))
                    .await;

                has_called(&told, calls, kind, kind);
                assert_eq!(told.hops(), hops("openai", kind));
                assert_eq!(told.hops_in("headers_then"), hops("openai", kind));
                let last = stage.last_of(kind);
                assert!(last.contains("weather: fine"), "{}: {last}", kind.name);
                assert_eq!(last.contains("tides: fine"), calls == 2, "{}: {last}", kind.name);
            }
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn what_one_provider_began_any_other_goes_on_with() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);
    for kind in KINDS {
        stage.let_call(kind, 2);
        for then in KINDS {
            for stream in [false, true] {
                let order = json!({ "stream": stream, "then": then.name });
                let told = program.ask_with("tools", kind.name, order).await;
                has_called(&told, 2, kind, then);
            }
            let told = program
                .ask_with("reasoning", kind.name, json!({ "then": then.name }))
                .await;
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
    let mut program = stage.caller(Sdk::OpenAi);
    for rule in [
        FaultRule::new(Fault::StreamError),
        FaultRule::new(Fault::StreamError).after_opening(),
        FaultRule::new(Fault::ServerError),
    ] {
        stage.fail(rule.clone()).await;
        for kind in KINDS {
            let told = program.ask("stream", &format!("{}-to-openai", kind.name)).await;

            assert_eq!(told.hops(), hops(kind.name, OPENAI), "{rule:?}: {told:#?}");
            is_whole_stream(OPENAI, &told);
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn whoever_breaks_off_in_the_middle_the_program_is_told() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);
    for (fault, raised, code) in [
        // A reset leaves nobody the time to add a word; the SDK sees the transfer break off.
        (Fault::CutStream, "APIConnectionError", Value::Null),
        (Fault::StreamError, "APIError", "stream_broken".into()),
        (Fault::Stall, "APIError", "stream_broken".into()),
    ] {
        for kind in KINDS {
            stage.fail(FaultRule::new(fault).after_events(3)).await;
            stage.slow_down();

            let told = program.ask("stream", &format!("{}-to-openai", kind.name)).await;

            let name = kind.name;
            assert_eq!(told["raised"]["kind"], raised, "{fault} at {name}: {told:#?}");
            assert_eq!(told["raised"]["code"], code, "{fault} at {name}: {told:#?}");
            assert!(told.is_a("OpenAIError"));
            assert_eq!((&told["finish"], &told["ended"]), (&Value::Null, &false.into()));
            assert_eq!(told.list("pieces").len(), 3, "{fault} at {name}: {told:#?}");
            assert_eq!(stage.received(OPENAI), (1, 0), "{fault} at {name}");
        }
    }
    stage.strike().await;
}
