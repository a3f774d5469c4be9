//! What the failures of each language mean: before the first byte they move on, after it they end the stream.

use http::StatusCode;
use serde_json::Value;
use understudy::sim::{Fault, FaultRule, Pace};

use super::stage::{KINDS, Stage, chunks, text_of};
use crate::support::{Ending, chat, chat_stream};

const CHAT: &str = "/v1/chat/completions";

/// Failures, and the class that each is in every language.
const FAILURES: [(Fault, &str); 8] = [
    (Fault::RateLimit, "rate_limited"),
    (Fault::Quota, "quota_exhausted"),
    (Fault::Auth, "auth"),
    (Fault::ServerError, "server_error"),
    (Fault::Overloaded, "overloaded"),
    (Fault::ModelNotFound, "model_not_found"),
    (Fault::Empty, "bad_response"),
    (Fault::BadJson, "bad_response"),
];

#[tokio::test]
async fn a_failure_is_of_the_same_class_in_every_language() {
    let stage = Stage::set(Fault::ServerError).await;
    for (fault, class) in FAILURES {
        stage.fail_with(fault);
        for kind in KINDS {
            let model = format!("{}-to-openai", kind.name);
            let answer = stage.gateway.post(CHAT, chat(&model)).send().await;

            assert_eq!(answer.status, 200, "{fault} at {}: {}", kind.name, answer.text());
            let hops = [format!("bad-{} {class}", kind.name), "good-openai ok".to_owned()];
            assert_eq!(answer.hops(), hops, "{fault}");
            let reset = serde_json::json!({ "provider": format!("bad-{}", kind.name) });
            stage.gateway.admin_post("/admin/circuits/reset", &reset).await;
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_callers_mistake_comes_back_in_openais_shape_from_everyone() {
    let stage = Stage::set(Fault::ContextLength).await;
    for kind in KINDS {
        let model = format!("{}-to-openai", kind.name);
        let answer = stage.gateway.post(CHAT, chat(&model)).send().await;

        assert_eq!(answer.status, 400, "{}: {}", kind.name, answer.text());
        let error = &answer.json()["error"];
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{}: {error}",
            kind.name
        );
        assert_eq!(answer.hops(), [format!("bad-{} context_length", kind.name)]);
    }
    stage.strike().await;
}

#[tokio::test]
async fn an_error_before_the_first_token_fails_over_in_every_language() {
    let stage = Stage::set(Fault::StreamError).await;
    stage.bad.control().clear_faults();
    stage
        .bad
        .control()
        .set_fault(FaultRule::new(Fault::StreamError).after_events(0));
    for kind in KINDS {
        let model = format!("{}-to-openai", kind.name);
        let stream = stage.gateway.post(CHAT, chat_stream(&model)).stream().await;

        let hops = stream.hops();
        assert_eq!(hops[1], "good-openai ok", "{hops:?}");
        assert_ne!(hops[0], format!("bad-{} ok", kind.name));
        let ended = stream.read_all().await;
        assert_eq!(
            text_of(&chunks(&ended.events())),
            "sim good says: Say hello.",
            "{}",
            kind.name
        );
    }
    stage.strike().await;
}

#[tokio::test]
async fn what_breaks_after_the_first_token_never_looks_complete_in_any_language() {
    let stage = Stage::set(Fault::CutStream).await;
    let pace = stage.bad.control().pace();
    let inter_token = std::time::Duration::from_millis(30);
    stage.bad.control().set_pace(Pace { inter_token, ..pace });
    for fault in [Fault::CutStream, Fault::StreamError, Fault::Stall] {
        stage.bad.control().clear_faults();
        stage
            .bad
            .control()
            .set_fault(FaultRule::new(fault).after_events(3));
        for kind in KINDS {
            let model = format!("{}-to-openai", kind.name);
            let ended = stage
                .gateway
                .post(CHAT, chat_stream(&model))
                .stream()
                .await
                .read_all()
                .await;

            let events = ended.events();
            assert!(
                !events.iter().any(|event| event == "[DONE]"),
                "{fault} at {}: {events:#?}",
                kind.name
            );
            let has_text = |event: &String| event.contains("\"content\":\"");
            assert!(
                events.iter().any(has_text),
                "{fault} at {}: {events:#?}",
                kind.name
            );
            let is_error = |event: &String| {
                serde_json::from_str::<Value>(event).is_ok_and(|event| event["error"]["message"].is_string())
            };
            assert!(
                matches!(ended.ending, Ending::Broken(_)) || events.last().is_some_and(is_error),
                "{fault} at {}: {events:#?}",
                kind.name
            );
        }
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_refusal_without_a_body_is_told_in_the_callers_language_too() {
    let stage = Stage::set(Fault::Redirect).await;
    for status in [
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::BAD_REQUEST,
        StatusCode::INTERNAL_SERVER_ERROR,
    ] {
        stage.bad.control().clear_faults();
        // Nothing but headers comes.
        stage
            .bad
            .control()
            .set_fault(FaultRule::new(Fault::Redirect).status(status));
        for (kind, path) in KINDS
            .into_iter()
            .flat_map(|kind| [(kind, CHAT), (kind, "/v1/messages")])
        {
            let mut ask = chat(&format!("{}-to-openai", kind.name));
            ask["max_tokens"] = 100.into();
            let call = stage
                .gateway
                .post(path, ask)
                .header("x-understudy-failover", "off");

            let answer = call.send().await;

            assert_eq!(answer.status, status, "{} by {path}", kind.name);
            let speaks_openai = ["openai", "azure"].contains(&kind.name);
            if speaks_openai && path == CHAT {
                assert_eq!(answer.text(), "", "{}: nothing is made up", kind.name);
            } else {
                let told = answer.json()["error"]["message"].to_string();
                assert!(told.contains("without a body"), "{} by {path}: {told}", kind.name);
            }
        }
    }
    stage.strike().await;
}
