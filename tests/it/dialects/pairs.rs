//! For every ordered pair of languages: the first provider fails, the second answers, the caller hears OpenAI's.

use serde_json::Value;
use understudy::sim::Fault;

use super::stage::{KINDS, Kind, Stage, chunks, text_of, with_tool};
use crate::support::{Ending, chat, chat_stream};

const CHAT: &str = "/v1/chat/completions";

/// Every ordered pair, as the model that has it.
fn pairs() -> impl Iterator<Item = (Kind, Kind, String)> {
    KINDS
        .into_iter()
        .flat_map(|first| KINDS.into_iter().map(move |second| (first, second)))
        .map(|(first, second)| (first, second, format!("{}-to-{}", first.name, second.name)))
}

fn hops(first: Kind, second: Kind, class: &str) -> [String; 2] {
    [
        format!("bad-{} {class}", first.name),
        format!("good-{} ok", second.name),
    ]
}

#[tokio::test]
async fn whoever_fails_whoever_answers_the_answer_is_openais() {
    let stage = Stage::set(Fault::ServerError).await;
    for (first, second, model) in pairs() {
        let answer = stage.gateway.post(CHAT, chat(&model)).send().await;

        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        assert_eq!(answer.hops(), hops(first, second, "server_error"), "{model}");
        let body = answer.json();
        assert_eq!(body["object"], "chat.completion", "{model}: {body}");
        assert_eq!(
            body["choices"][0]["message"]["role"], "assistant",
            "{model}: {body}"
        );
        assert_eq!(
            body["choices"][0]["message"]["content"], "sim good says: Say hello.",
            "{model}: {body}"
        );
        assert_eq!(body["choices"][0]["finish_reason"], "stop", "{model}: {body}");
        assert!(
            body["usage"]["completion_tokens"].as_u64() > Some(0),
            "{model}: {body}"
        );
        assert_eq!(
            answer.header("x-understudy-output-tokens").map(str::to_owned),
            Some(body["usage"]["completion_tokens"].to_string()),
            "{model}"
        );
    }
    let retries = stage
        .gateway
        .envoy_stat("cluster.good-anthropic.upstream_rq_retry")
        .await;
    assert_eq!(retries, KINDS.len() as u64, "Envoy did the retries");
    stage.strike().await;
}

#[tokio::test]
async fn whoever_fails_whoever_streams_the_stream_is_openais() {
    let stage = Stage::set(Fault::Overloaded).await;
    for (first, second, model) in pairs() {
        let mut ask = chat_stream(&model);
        ask["stream_options"] = serde_json::json!({ "include_usage": true });
        let stream = stage.gateway.post(CHAT, ask).stream().await;

        assert_eq!(stream.hops(), hops(first, second, "overloaded"), "{model}");
        let media_type = stream.header("content-type").unwrap_or_default().to_owned();
        assert!(
            media_type.starts_with("text/event-stream"),
            "{model}: {media_type}"
        );
        let ended = stream.read_all().await;
        assert_eq!(ended.ending, Ending::Clean, "{model}");
        let chunks = chunks(&ended.events());
        assert_eq!(
            text_of(&chunks),
            "sim good says: Say hello.",
            "{model}: {chunks:#?}"
        );
        let ids: std::collections::BTreeSet<_> = chunks
            .iter()
            .filter_map(|chunk| chunk["id"].as_str())
            .filter(|id| !id.is_empty())
            .collect();
        assert_eq!(ids.len(), 1, "{model}: {ids:?}");
        let last = chunks.last().unwrap();
        assert!(
            last["usage"]["completion_tokens"].as_u64() > Some(0),
            "{model}: {last}"
        );
        let finish = chunks
            .iter()
            .rev()
            .find_map(|chunk| chunk["choices"][0]["finish_reason"].as_str());
        assert_eq!(finish, Some("stop"), "{model}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_call_of_a_tool_comes_back_in_openais_form_from_everyone() {
    let stage = Stage::set(Fault::ServerError).await;
    for (_, second, model) in pairs().filter(|(first, ..)| first.name == "openai") {
        let answer = stage.gateway.post(CHAT, with_tool(chat(&model))).send().await;
        let body = answer.json();
        let call = &body["choices"][0]["message"]["tool_calls"][0];
        assert_eq!(call["function"]["name"], "weather", "{model}: {body}");
        assert_eq!(call["type"], "function", "{model}: {body}");
        assert!(
            call["id"].as_str().is_some_and(|id| !id.is_empty()),
            "{model}: {body}"
        );
        let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
        assert!(arguments.is_object(), "{model}: {body}");
        assert_eq!(
            body["choices"][0]["finish_reason"], "tool_calls",
            "{model}: {body}"
        );

        let stream = stage
            .gateway
            .post(CHAT, with_tool(chat_stream(&model)))
            .stream()
            .await;
        assert_eq!(stream.hops()[1], format!("good-{} ok", second.name));
        let chunks = chunks(&stream.read_all().await.events());
        let calls = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0].as_object());
        let (mut name, mut arguments) = (String::new(), String::new());
        for call in calls {
            name.push_str(call["function"]["name"].as_str().unwrap_or_default());
            arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
        assert_eq!(name, "weather", "{model}: {chunks:#?}");
        assert!(
            serde_json::from_str::<Value>(&arguments).is_ok_and(|json| json.is_object()),
            "{model}: {arguments}"
        );
        let finish = chunks
            .iter()
            .rev()
            .find_map(|chunk| chunk["choices"][0]["finish_reason"].as_str());
        assert_eq!(finish, Some("tool_calls"), "{model}");
    }
    stage.strike().await;
}
