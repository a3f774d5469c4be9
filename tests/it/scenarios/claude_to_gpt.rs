//! `claude-to-gpt.yaml`: a tool built for Claude goes on with GPT and comes back; callers hear their own language;
//! what only Anthropic can do stays with it.

use serde_json::json;
use understudy::sim::UnmaskedRequest;

use super::*;

const MESSAGES: &str = "/v1/messages";
const BOTH: [&str; 2] = ["anthropic", "openai"];
const SONNET: &str = "claude-sonnet-4-6";

struct Providers {
    anthropic: Sim,
    openai: Sim,
    gateway: Running,
}

async fn providers() -> Providers {
    let (anthropic, openai) = (
        native("claude", Dialect::Anthropic).await,
        native("gpt", Dialect::OpenAi).await,
    );
    let env = [
        ("ANTHROPIC_URL", anthropic.base_url().replace("/v1", "")),
        ("OPENAI_URL", openai.base_url()),
        ("ANTHROPIC_API_KEY", "sk-ant-ours".to_owned()),
        ("OPENAI_API_KEY", "sk-ours".to_owned()),
    ];
    let gateway = start(&example("claude-to-gpt.yaml"), env).await;
    Providers {
        anthropic,
        openai,
        gateway,
    }
}

/// What a coding tool sends: a cached prompt, a tool, thinking, a header for what is in trial.
fn ask(messages: Value) -> Value {
    let prompt =
        json!([{ "type": "text", "text": "You write code.", "cache_control": { "type": "ephemeral" } }]);
    let schema =
        json!({ "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] });
    json!({
        "model": SONNET,
        "max_tokens": 2000,
        "system": prompt,
        "messages": messages,
        "thinking": { "type": "adaptive" },
        "tools": [{ "name": "read_file", "description": "Reads a file.", "input_schema": schema }],
        "metadata": { "user_id": "user-1" },
    })
}

fn post(gateway: &Running, body: Value) -> Call {
    let call = gateway.post("/v1/messages?beta=true", body);
    call.header("x-api-key", "any")
        .header("anthropic-beta", "trial-1")
}

fn last(sim: &Sim) -> UnmaskedRequest {
    sim.control().recent_requests_unmasked_for_tests().pop().unwrap()
}

/// The body of the last request.
fn written(sim: &Sim) -> Value {
    let requests = sim.control().recent_requests();
    serde_json::from_slice(requests.last().unwrap().body()).unwrap()
}

#[tokio::test]
async fn a_conversation_goes_to_gpt_and_comes_back() {
    let all = providers().await;
    let question = json!({ "role": "user", "content": "Read main.rs." });

    // Claude answers: everything is as it was written.
    let mine = post(&all.gateway, ask(json!([question]))).send().await;
    assert_eq!(
        (mine.status.as_u16(), mine.hops()),
        (200, vec!["anthropic ok".to_owned()]),
        "{}",
        mine.text()
    );
    let seen = last(&all.anthropic);
    assert_eq!(written(&all.anthropic), ask(json!([question])));
    assert_eq!(
        (
            seen.header("x-api-key"),
            seen.header("anthropic-beta"),
            seen.header("authorization")
        ),
        (Some("sk-ant-ours"), Some("trial-1"), None)
    );

    // Claude is overloaded, and GPT calls the tool.
    all.anthropic.control().set_fault(fault(Fault::Overloaded));
    let thought = json!({ "type": "thinking", "thinking": "I see.", "signature": "c2ln" });
    let turn =
        json!({ "role": "assistant", "content": [thought, { "type": "text", "text": "Let me look." }] });
    let mut asked = ask(json!([question, turn, { "role": "user", "content": "Do." }]));
    asked["tool_choice"] = json!({ "type": "any" });
    let theirs = post(&all.gateway, asked).send().await;
    assert_eq!(
        theirs.hops(),
        ["anthropic overloaded", "openai ok"],
        "{}",
        theirs.text()
    );
    let answer = theirs.json();
    assert_eq!(
        (&answer["type"], &answer["stop_reason"], &answer["model"]),
        (&json!("message"), &json!("tool_use"), &json!("gpt-5.1")),
        "{answer}"
    );
    let seen = last(&all.openai);
    let written = written(&all.openai);
    assert_eq!(
        (
            seen.header("authorization"),
            seen.header("anthropic-beta"),
            seen.header("x-api-key")
        ),
        (Some("Bearer sk-ours"), None, None)
    );
    assert_eq!(
        (&written["model"], &written["max_completion_tokens"]),
        (&json!("gpt-5.1"), &json!(2000)),
        "{written}"
    );
    assert_eq!(written["reasoning_effort"], "high", "{written}");
    for lost in ["I see.", "cache_control", "signature"] {
        assert!(!written.to_string().contains(lost), "{lost} in {written}");
    }
    assert!(written.to_string().contains("Let me look."), "{written}");

    // Claude is back, and takes what GPT has said and called.
    all.anthropic.control().clear_faults();
    forgive(&all.gateway, &BOTH).await;
    let call = &answer["content"].as_array().unwrap().last().unwrap();
    let result = json!({ "type": "tool_result", "tool_use_id": call["id"], "content": "fn main() {}" });
    let history = json!([
        question,
        { "role": "assistant", "content": answer["content"] },
        { "role": "user", "content": [result] },
    ]);
    let back = post(&all.gateway, ask(history)).send().await;
    assert_eq!(
        (back.status.as_u16(), back.hops()),
        (200, vec!["anthropic ok".to_owned()]),
        "{}",
        back.text()
    );
    all.gateway.stop().await;
}

#[tokio::test]
async fn streams_and_errors_stay_in_the_callers_language() {
    let all = providers().await;
    all.anthropic.control().set_fault(fault(Fault::Overloaded));
    let mut asked = ask(json!([{ "role": "user", "content": "Say hello." }]));
    asked["stream"] = true.into();

    let stream = post(&all.gateway, asked.clone()).stream().await;
    assert!(
        stream.header("x-understudy-first-token-ms").is_some(),
        "{:?}",
        stream.headers
    );
    let stream = stream.read_all().await;
    let kinds: Vec<String> = stream.events().iter().map(|event| kind(event)).collect();
    assert_eq!(
        (
            kinds.first().map(String::as_str),
            kinds.last().map(String::as_str)
        ),
        (Some("message_start"), Some("message_stop")),
        "{kinds:?}"
    );

    all.openai.control().set_fault(fault(Fault::RateLimit));
    forgive(&all.gateway, &BOTH).await;
    let failed = post(&all.gateway, asked).send().await;
    let error = failed.json();
    assert_eq!(
        (failed.status.as_u16(), &error["type"], &error["error"]["type"]),
        (502, &json!("error"), &json!("api_error")),
        "{error}"
    );
    assert_eq!(
        error["error"]["attempts"].as_array().map(Vec::len),
        Some(2),
        "{error}"
    );
    all.gateway.stop().await;
}

fn kind(event: &str) -> String {
    let event: Value = serde_json::from_str(event).unwrap();
    event["type"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn what_only_anthropic_can_do_stays_there() {
    let all = providers().await;
    all.anthropic.control().set_fault(fault(Fault::Overloaded));
    let mut asked = ask(json!([{ "role": "user", "content": "Search." }]));
    asked["tools"] = json!([{ "type": "web_search_20250305", "name": "web_search" }]);

    let answer = post(&all.gateway, asked).send().await;

    assert_eq!(
        (answer.status.as_u16(), answer.hops()),
        (529, vec!["anthropic overloaded".to_owned(); 2]),
        "a lone target is tried again: {}",
        answer.text()
    );
    assert_eq!(answer.json()["error"]["type"], "overloaded_error");
    assert_eq!(all.openai.control().counters().requests, 0);
    all.gateway.stop().await;
}

#[tokio::test]
async fn a_caller_of_gpt_gets_claude_in_openais_words() {
    let all = providers().await;
    all.openai.control().set_fault(fault(Fault::Quota));

    let mut asked = chat("gpt-5.1");
    asked["seed"] = 7.into();
    let answer = all.gateway.post(CHAT, asked).send().await;

    assert_eq!(
        answer.hops(),
        ["openai quota_exhausted", "anthropic ok"],
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("x-understudy-dropped"), Some("seed"));
    let body = answer.json();
    assert_eq!(
        (&body["object"], &body["model"]),
        (&json!("chat.completion"), &json!(SONNET)),
        "{body}"
    );
    let written = written(&all.anthropic);
    assert_eq!(written["max_tokens"], 8192, "it must be told a limit: {written}");
    assert_eq!(
        all.gateway.post(MESSAGES, ask(json!([]))).send().await.status,
        400
    );
    all.gateway.stop().await;
}
