//! Programs that use `client.responses`: it passes to whoever has it.

use serde_json::Value;
use understudy::sim::{Fault, FaultRule};

use super::caller::Sdk;
use super::stage::{ANTHROPIC, AZURE, OPENAI, Stage, words};

const QUESTION: &str = "What does an understudy do?";

#[tokio::test]
async fn responses_come_from_whoever_has_them() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);
    for fault in [Fault::ServerError, Fault::StreamError] {
        stage.fail(FaultRule::new(fault)).await;
        // Anthropic has no such thing, so it is not even asked.
        for (first, kind, attempts) in [
            ("openai", OPENAI, 2),
            ("openai", AZURE, 2),
            ("anthropic", OPENAI, 1),
        ] {
            let model = format!("{first}-to-{}", kind.name);

            let plain = program.ask("responses", &model).await;
            let stream = program.ask("responses_stream", &model).await;

            for told in [&plain, &stream] {
                assert_eq!(told["raised"], Value::Null, "{fault}, {model}: {told:#?}");
                let hops = told.hops();
                assert_eq!(hops.len(), attempts, "{fault}, {model}: {hops:?}");
                assert_eq!(hops.last(), Some(&format!("second-{} ok", kind.name)));
                assert_eq!(told["status"], "completed", "{told:#?}");
                assert_eq!(told["text"], words(kind, QUESTION), "{told:#?}");
            }
            assert!(plain["total_tokens"].as_u64() > Some(0), "{plain:#?}");
            assert_eq!(stream.pieces(), words(kind, QUESTION));
            assert_eq!(
                stream.list("events").last(),
                Some(&&Value::from("response.completed"))
            );
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn where_nobody_has_responses_the_program_is_told_so() {
    let stage = Stage::set().await;
    let mut program = stage.caller(Sdk::OpenAi);

    let told = program.ask("responses", ANTHROPIC.name).await;

    assert!(told.is_a("APIStatusError"), "{told:#?}");
    let text = told["raised"]["text"].as_str().unwrap();
    assert!(text.contains("responses"), "{text}");
    assert_eq!(stage.received(ANTHROPIC), (0, 0));

    for fault in [Fault::CutStream, Fault::StreamError, Fault::Stall] {
        stage.fail(FaultRule::new(fault).after_events(3)).await;
        stage.slow_down();

        let told = program.ask("responses_stream", "openai-to-openai").await;

        assert!(told.is_a("OpenAIError"), "{fault}: {told:#?}");
        assert_eq!(told["ended"], false, "{fault}: {told:#?}");
        let events = told.list("events");
        assert!(
            !events.iter().any(|event| **event == "response.completed"),
            "{events:?}"
        );
        assert_eq!(stage.received(OPENAI), (1, 0), "{fault}");
    }
    stage.strike().await;
}
