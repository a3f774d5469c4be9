//! The provider that speaks Anthropic's language.

use serde_json::{Value, json};

use super::client::{Answer, ask, post};
use crate::sim::{Dialect, Fault, FaultRule, Manner, Sim, SimConfig, Thinking};

const MESSAGES: &str = "/v1/messages";
const HEADERS: [(&str, &str); 2] = [("x-api-key", "sk-ant"), ("anthropic-version", "2023-06-01")];

async fn sim() -> Sim {
    Sim::start(SimConfig {
        dialect: Some(Dialect::Anthropic),
        ..SimConfig::named("a")
    })
    .await
    .unwrap()
}

fn hello() -> Value {
    json!({"model": "claude-x", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]})
}

/// The hello with these fields laid over it; null takes one away.
fn hello_with(fields: &Value) -> Value {
    let mut body = hello();
    for (name, value) in fields.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    body
}

async fn messages(sim: &Sim, body: &Value) -> Answer {
    post(sim.addr(), MESSAGES, &HEADERS, body.to_string().as_bytes()).await
}

fn look() -> Value {
    json!([{"name": "look", "input_schema": {"type": "object"}}])
}

/// The names of a stream's events, neighbours of the same name once.
fn names(answer: &Answer) -> Vec<String> {
    let mut names: Vec<_> = answer.named_events().into_iter().map(|(name, _)| name).collect();
    names.dedup();
    names
}

fn joined(answer: &Answer, field: &str) -> String {
    let events = answer.named_events();
    let pieces = events
        .iter()
        .filter_map(|(_, data)| data["delta"][field].as_str());
    pieces.collect()
}

#[tokio::test]
async fn a_message_has_the_published_shape() {
    let sim = sim().await;

    let answer = messages(&sim, &hello()).await;

    let message = answer.json();
    assert_eq!(
        (answer.status, answer.header("request-id")),
        (200, Some("req-a-1"))
    );
    assert_eq!(
        answer.header("anthropic-ratelimit-requests-remaining"),
        Some("49")
    );
    assert_eq!(
        (
            answer.header("x-request-id"),
            answer.header("openai-processing-ms")
        ),
        (None, None)
    );
    assert_eq!(
        (
            &message["type"],
            &message["role"],
            &message["model"],
            &message["stop_reason"]
        ),
        (
            &json!("message"),
            &json!("assistant"),
            &json!("claude-x"),
            &json!("end_turn")
        )
    );
    assert_eq!(
        message["content"],
        json!([{"type": "text", "text": "sim a says: hello"}])
    );
    assert_eq!(message["usage"]["output_tokens"], 10);
}

#[tokio::test]
async fn a_stream_tells_the_same_message_in_named_events() {
    let sim = sim().await;

    let answer = messages(&sim, &hello_with(&json!({"stream": true}))).await;

    let events = answer.named_events();
    assert_eq!(
        answer.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(
        names(&answer),
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert!(events.iter().all(|(name, data)| data["type"] == json!(name)));
    assert_eq!(joined(&answer, "text"), "sim a says: hello");
    let started = &events[0].1["message"];
    assert_eq!(
        (&started["content"], &started["stop_reason"]),
        (&json!([]), &Value::Null)
    );
    let ended = &events[events.len() - 2].1;
    assert_eq!(
        (&ended["delta"]["stop_reason"], &ended["usage"]["output_tokens"]),
        (&json!("end_turn"), &json!(10))
    );
    assert_eq!(ended["usage"]["input_tokens"], started["usage"]["input_tokens"]);
}

#[tokio::test]
async fn calls_are_made_whole_and_in_fragments() {
    let sim = sim().await;
    sim.control().set_manner(Manner {
        calls: 2,
        preamble: true,
        ..Manner::default()
    });
    let mut body = hello_with(&json!({"tools": look(), "tool_choice": {"type": "any"}}));

    let whole = messages(&sim, &body).await.json();
    body["stream"] = json!(true);
    let stream = messages(&sim, &body).await;
    body["tool_choice"] = json!({"type": "tool", "name": "look", "disable_parallel_tool_use": true});
    body["stream"] = json!(false);
    let one = messages(&sim, &body).await.json();

    let starts: Vec<_> = stream
        .named_events()
        .into_iter()
        .filter(|(name, _)| name == "content_block_start")
        .map(|(_, data)| (data["index"].clone(), data["content_block"].clone()))
        .collect();
    assert_eq!(whole["stop_reason"], "tool_use");
    assert_eq!(
        whole["content"][1],
        json!({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"said_by": "sim-a"}})
    );
    assert_eq!(whole["content"][2]["id"], "toolu_1_1");
    assert_eq!(
        starts[2],
        (
            json!(2),
            json!({"type": "tool_use", "id": "toolu_2_1", "name": "look", "input": {}})
        )
    );
    assert_eq!(
        joined(&stream, "partial_json"),
        r#"{"said_by":"sim-a"}"#.repeat(2)
    );
    assert_eq!(one["content"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn thoughts_are_shown_on_request_and_come_back_only_unchanged() {
    let sim = sim().await;
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000});
    let mut body = hello_with(&thinking);

    let told = messages(&sim, &body).await.json();
    body["stream"] = json!(true);
    let stream = messages(&sim, &body).await;
    let thought = &told["content"][0];
    let mut replay = hello_with(&thinking);
    replay["messages"] = json!([
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "hi"}]},
        {"role": "user", "content": "and?"},
    ]);
    let same = messages(&sim, &replay).await;
    replay["messages"][1]["content"][0]["thinking"] = json!("something else");
    let forged = messages(&sim, &replay).await;
    let hidden = messages(
        &sim,
        &json!({"model": "claude-opus-5-1", "max_tokens": 9, "messages": hello()["messages"]}),
    )
    .await;

    assert_eq!(
        (&thought["type"], &thought["thinking"]),
        (&json!("thinking"), &json!("sim a thinks"))
    );
    assert_eq!(told["usage"]["output_tokens_details"]["thinking_tokens"], 3);
    assert_eq!(joined(&stream, "thinking"), "sim a thinks");
    assert_eq!(
        joined(&stream, "signature"),
        thought["signature"].as_str().unwrap()
    );
    assert_eq!((same.status, forged.status), (200, 400));
    assert!(forged.text().contains("Invalid `signature`"), "{}", forged.text());
    assert_eq!(hidden.json()["content"][0]["thinking"], "");
}

/// What is laid over a good request, and a part of what has to be said of it.
type Mistake = (Value, &'static str);

fn user(content: &Value) -> Value {
    json!({"role": "user", "content": content})
}

fn assistant(content: &Value) -> Value {
    json!({"role": "assistant", "content": content})
}

fn said(text: &str) -> Value {
    json!([{"type": "text", "text": text}])
}

fn misshapen() -> Vec<Mistake> {
    let bitmap =
        json!([{"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": ""}}]);
    let foreign = json!([{"type": "image_url", "image_url": {}}]);
    let of_user = |content: &Value| json!({"messages": [user(content)]});
    vec![
        (json!({"seed": 1}), "seed: Extra inputs are not permitted"),
        (json!({"model": null}), "model: Field required"),
        (json!({"max_tokens": null}), "max_tokens: Field required"),
        (
            json!({"max_tokens": "1"}),
            "max_tokens: Input should be a valid integer",
        ),
        (json!({"temperature": 1.5}), "temperature: range: 0..1"),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "messages.0.role: Input should be 'user'",
        ),
        (
            json!({"messages": [{"role": "user", "content": "x", "name": "n"}]}),
            "messages.0.name: Extra inputs",
        ),
        (of_user(&foreign), "Input tag 'image_url'"),
        (
            of_user(&bitmap),
            "source.media_type: Input should be 'image/jpeg'",
        ),
        (
            json!({"tool_choice": "auto"}),
            "tool_choice: Input should be a valid dictionary",
        ),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 10}}),
            "thinking.budget_tokens: range",
        ),
    ]
}

fn mistaken_in_turns() -> Vec<Mistake> {
    let of_user = |content: &Value| json!({"messages": [user(content)]});
    vec![
        (
            json!({"messages": []}),
            "messages: at least one message is required",
        ),
        (
            of_user(&json!("")),
            "messages.0: all messages must have non-empty content",
        ),
        (
            of_user(&json!([])),
            "messages.0: all messages must have non-empty content",
        ),
        (of_user(&said("")), "text content blocks must be non-empty"),
        (
            json!({"messages": [assistant(&json!("a"))]}),
            "first message must use the",
        ),
        (
            json!({"messages": [{"role": "system", "content": "x"}]}),
            "messages.0.role: Input should be 'user'",
        ),
        (
            json!({"system": said("")}),
            "system: text content blocks must be non-empty",
        ),
        (json!({"stop_sequences": [" "]}), "must contain non-whitespace"),
    ]
}

fn mistaken_in_tools() -> Vec<Mistake> {
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "look", "input": {}});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "x"});
    let talk = |messages: &[Value]| json!({"messages": messages, "tools": look()});
    let answered = |results: &Value| {
        talk(&[
            user(&json!("hi")),
            assistant(&json!([call("t1"), call("t2")])),
            user(results),
        ])
    };
    let offered = |tool: &Value| json!({"tools": [tool]});
    vec![
        (
            json!({"tool_choice": {"type": "auto"}}),
            "only be specified while providing tools",
        ),
        (
            json!({"tools": look(), "tool_choice": {"type": "tool", "name": "x"}}),
            "Tool 'x' not found",
        ),
        (
            offered(&json!({"name": "a b", "input_schema": {"type": "object"}})),
            "should match pattern",
        ),
        (
            offered(&json!({"name": "a", "input_schema": {}})),
            "input_schema.type: Field required",
        ),
        (
            talk(&[user(&json!("x")), assistant(&json!([call("t1"), call("t2")]))]),
            "without `tool_result` blocks immediately after: t1, t2",
        ),
        (answered(&json!([result("t1")])), "immediately after: t2"),
        (
            answered(&json!([said("x")[0], result("t1"), result("t2")])),
            "immediately after: t1, t2",
        ),
        (
            answered(&json!([result("t1"), result("t2"), result("t3")])),
            "unexpected `tool_use_id`",
        ),
        (talk(&[user(&json!([result("t1")]))]), "unexpected `tool_use_id`"),
        (
            talk(&[user(&json!([call("t1")]))]),
            "can only be in `assistant` messages",
        ),
        (
            talk(&[user(&json!("x")), assistant(&json!([call("a.b")]))]),
            "should match pattern",
        ),
        (
            json!({"messages": [user(&json!("x")), assistant(&json!([call("t1")])), user(&json!([result("t1")]))]}),
            "must define tools",
        ),
    ]
}

fn impossible_for_the_model() -> Vec<Mistake> {
    let thinking = json!({"type": "enabled", "budget_tokens": 1024});
    let newest = "claude-opus-4-7";
    vec![
        (json!({"thinking": thinking}), "`max_tokens` must be greater"),
        (
            json!({"thinking": thinking, "max_tokens": 2000, "temperature": 0.5}),
            "`temperature` may only be set to 1",
        ),
        (
            json!({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}),
            "'additionalProperties' must be explicitly set to false",
        ),
        (
            json!({"model": newest, "temperature": 0.5}),
            "`temperature` is deprecated for this model",
        ),
        (
            json!({"model": newest, "thinking": thinking, "max_tokens": 2000}),
            "is not supported for this model",
        ),
        (
            json!({"model": newest, "messages": [user(&json!("x")), assistant(&json!("y"))]}),
            "does not support assistant message prefill",
        ),
        (
            json!({"model": "claude-haiku-4-5", "thinking": {"type": "adaptive"}}),
            "adaptive thinking is not supported",
        ),
        (
            json!({"model": "claude-haiku-4-5", "temperature": 0.1, "top_p": 0.1}),
            "cannot both be specified",
        ),
    ]
}

#[tokio::test]
async fn what_the_service_refuses_is_refused_here() {
    let sim = sim().await;
    let tables = [
        misshapen(),
        mistaken_in_turns(),
        mistaken_in_tools(),
        impossible_for_the_model(),
    ];

    for (fields, expected) in tables.into_iter().flatten() {
        let answer = messages(&sim, &hello_with(&fields)).await;

        let error = answer.json();
        assert_eq!(
            (answer.status, &error["type"], &error["error"]["type"]),
            (400, &json!("error"), &json!("invalid_request_error")),
            "{fields}: {error}"
        );
        assert!(
            error["error"]["message"].as_str().unwrap().contains(expected),
            "{fields}: {error}"
        );
        assert_eq!(error["request_id"].as_str(), answer.header("request-id"));
    }
}

#[tokio::test]
async fn a_rich_request_is_taken() {
    let sim = sim().await;
    let body = json!({
        "model": "claude-x", "max_tokens": 10, "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "tools": look(), "tool_choice": {"type": "auto"}, "metadata": {"user_id": "u"}, "stop_sequences": ["X"], "top_k": 3,
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "first"},
                {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
            ]},
            {"role": "assistant", "content": [{"type": "text", "text": "t"}, {"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "42"}], "is_error": true}]},
            {"role": "user", "content": [{"type": "text", "text": "last"}]},
        ],
    });

    let answer = messages(&sim, &body).await;

    assert_eq!(answer.json()["content"][0]["text"], "sim a says: last");
}

#[tokio::test]
async fn headers_let_in_or_keep_out() {
    let sim = Sim::start(SimConfig {
        api_key: Some("sk-right".into()),
        ..SimConfig::named("a")
    })
    .await
    .unwrap();
    let version = ("anthropic-version", "2023-06-01");
    let table = [
        (vec![("x-api-key", "sk-right"), version], 200, ""),
        (vec![("authorization", "Bearer sk-right"), version], 200, ""),
        (
            vec![("x-api-key", "sk-right"), ("anthropic-version", "2026-10-21")],
            200,
            "",
        ),
        (
            vec![("x-api-key", "sk-wrong"), version],
            401,
            "authentication_error",
        ),
        (
            vec![("api-key", "sk-right"), version],
            401,
            "authentication_error",
        ),
        (vec![version], 401, "authentication_error"),
        (vec![("x-api-key", "sk-right")], 400, "invalid_request_error"),
        (
            vec![("x-api-key", "sk-right"), ("anthropic-version", "1")],
            400,
            "invalid_request_error",
        ),
    ];

    for (headers, status, kind) in table {
        let answer = post(sim.addr(), MESSAGES, &headers, hello().to_string().as_bytes()).await;

        assert_eq!(answer.status, status, "{headers:?}");
        if status != 200 {
            assert_eq!(answer.json()["error"]["type"], kind, "{headers:?}");
        }
    }
}

#[tokio::test]
async fn models_and_tokens_can_be_asked_for() {
    let sim = Sim::start(SimConfig {
        models: vec!["claude-x".to_owned()],
        manner: Manner {
            prompt_tokens: Some(7),
            ..Manner::default()
        },
        ..SimConfig::named("a")
    })
    .await
    .unwrap();
    let get = async |path: &str| ask(sim.addr(), ("GET", path), &HEADERS, b"").await;
    let counted = json!({"model": "claude-x", "messages": hello()["messages"]}).to_string();

    let listed = get("/v1/models?limit=1000").await.json();
    let one = get("/v1/models/claude-x").await.json();
    let none = get("/v1/models/claude-y").await;
    let count = post(
        sim.addr(),
        "/v1/messages/count_tokens",
        &HEADERS,
        counted.as_bytes(),
    )
    .await;
    let spoken = post(
        sim.addr(),
        "/v1/messages/count_tokens",
        &HEADERS,
        hello().to_string().as_bytes(),
    )
    .await;

    assert_eq!(
        (&listed["data"][0]["type"], &listed["has_more"]),
        (&json!("model"), &json!(false))
    );
    assert_eq!(one["id"], "claude-x");
    assert_eq!(
        (none.status, &none.json()["error"]["type"]),
        (404, &json!("not_found_error"))
    );
    assert_eq!(count.json(), json!({"input_tokens": 7}));
    assert!(
        spoken.text().contains("max_tokens: Extra inputs"),
        "{}",
        spoken.text()
    );
}

#[tokio::test]
async fn errors_have_their_own_status_and_type() {
    let quota =
        |status: u16| FaultRule::new(Fault::Quota).status(http::StatusCode::from_u16(status).unwrap());
    let table = [
        (FaultRule::new(Fault::RateLimit), 429, "rate_limit_error"),
        (FaultRule::new(Fault::Quota), 429, "rate_limit_error"),
        (quota(402), 402, "billing_error"),
        (quota(400), 400, "invalid_request_error"),
        (FaultRule::new(Fault::Auth), 401, "authentication_error"),
        (FaultRule::new(Fault::ServerError), 500, "api_error"),
        (FaultRule::new(Fault::Overloaded), 529, "overloaded_error"),
        (FaultRule::new(Fault::ContextLength), 400, "invalid_request_error"),
        (FaultRule::new(Fault::ModelNotFound), 404, "not_found_error"),
    ];
    let sim = sim().await;

    for (rule, status, kind) in table {
        let is_limit = rule.fault == Fault::RateLimit;
        sim.control().set_fault(rule);

        let answer = messages(&sim, &hello()).await;

        assert_eq!(
            (answer.status, &answer.json()["error"]["type"]),
            (status, &json!(kind))
        );
        assert_eq!(answer.header("retry-after"), is_limit.then_some("1"));
    }
}

#[tokio::test]
async fn a_stream_breaks_in_its_own_events() {
    let sim = sim().await;
    let body = hello_with(&json!({"stream": true}));
    let told = async |rule: FaultRule| {
        sim.control().set_fault(rule);
        messages(&sim, &body).await
    };

    let first = told(FaultRule::new(Fault::StreamError).error(Fault::Overloaded)).await;
    let opened = told(FaultRule::new(Fault::StreamError).after_opening().message("no")).await;
    let later = told(FaultRule::new(Fault::StreamError).after_events(2)).await;
    let unmarked = told(FaultRule::new(Fault::NoDone)).await;
    let malformed = told(FaultRule::new(Fault::BadJson)).await;
    let cut = told(FaultRule::new(Fault::CutStream)).await;
    let refused = told(FaultRule::new(Fault::ContentFilter)).await;

    let error = &first.named_events()[0];
    assert_eq!((first.named_events().len(), error.0.as_str()), (1, "error"));
    assert_eq!(
        error.1["error"],
        json!({"type": "overloaded_error", "message": "Overloaded"})
    );
    assert_eq!(
        names(&opened),
        ["message_start", "content_block_start", "ping", "error"]
    );
    assert_eq!(opened.named_events()[3].1["error"]["message"], "no");
    assert_eq!(joined(&later, "text"), "sim");
    assert_eq!(
        later.named_events().last().unwrap().1["error"]["type"],
        "api_error"
    );
    assert_eq!(names(&unmarked).last().unwrap(), "message_delta");
    assert_eq!(
        (
            malformed.named_events()[0].1.clone(),
            joined(&malformed, "text").as_str()
        ),
        (Value::Null, "sim a says: hello")
    );
    assert!(!cut.is_whole && joined(&cut, "text") == "sim a");
    let ended = &refused.named_events()[1].1["delta"];
    assert_eq!(
        (&ended["stop_reason"], &ended["stop_details"]["type"]),
        (&json!("refusal"), &json!("refusal"))
    );
}

#[tokio::test]
async fn the_journal_names_the_dialect() {
    let sim = Sim::start(SimConfig {
        manner: Manner {
            thinking: Thinking::Never,
            ..Manner::default()
        },
        ..SimConfig::named("a")
    })
    .await
    .unwrap();

    messages(&sim, &hello()).await;
    super::chat(&sim, &super::hello("m")).await;
    post(sim.addr(), "/nowhere", &[], b"").await;

    let dialects: Vec<_> = sim
        .control()
        .recent_requests()
        .iter()
        .map(crate::sim::ReceivedRequest::dialect)
        .collect();
    assert_eq!(dialects, [Some(Dialect::Anthropic), Some(Dialect::OpenAi), None]);
}
