//! The provider that speaks Gemini's language, on Google's own service and on Vertex.

use serde_json::{Value, json};

use super::client::{Answer, ask, post};
use crate::sim::{Dialect, Fault, FaultRule, Manner, Sim, SimConfig, Thinking};

const GENERATE: &str = "/v1beta/models/gemini-x:generateContent";
const STREAM: &str = "/v1beta/models/gemini-x:streamGenerateContent?alt=sse";
const KEY: [(&str, &str); 1] = [("x-goog-api-key", "AIza-key")];

async fn sim() -> Sim {
    Sim::start(SimConfig {
        dialect: Some(Dialect::Gemini),
        ..SimConfig::named("a")
    })
    .await
    .unwrap()
}

fn hello() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]})
}

fn hello_with(fields: &Value) -> Value {
    let mut body = hello();
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn told(sim: &Sim, path: &str, body: &Value) -> Answer {
    post(sim.addr(), path, &KEY, body.to_string().as_bytes()).await
}

/// The items of an event stream whose lines end as Google's do.
fn items(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    let events = text
        .split_terminator("\r\n\r\n")
        .map(|event| event.strip_prefix("data: ").unwrap_or_default());
    events
        .map(|data| serde_json::from_str(data).unwrap_or_default())
        .collect()
}

fn joined(items: &[Value]) -> String {
    let parts = items
        .iter()
        .map(|item| &item["candidates"][0]["content"]["parts"][0]);
    parts.filter_map(|part| part["text"].as_str()).collect()
}

fn look() -> Value {
    json!([{"functionDeclarations": [{"name": "look", "parametersJsonSchema": {"type": "object"}}, {"name": "peek"}]}])
}

#[tokio::test]
async fn an_answer_has_the_published_shape() {
    let sim = sim().await;
    sim.control().set_manner(Manner {
        thinking: Thinking::Always,
        prompt_tokens: Some(100),
        cached_tokens: 40,
        ..Manner::default()
    });

    let answer = told(&sim, GENERATE, &hello()).await;

    let json = answer.json();
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(
        json["candidates"],
        json!([{
            "content": {"parts": [{"text": "sim a thinks", "thought": true}, {"text": "sim a says: hello"}], "role": "model"},
            "index": 0,
            "finishReason": "STOP",
        }])
    );
    let usage = |name: &str| json["usageMetadata"][name].as_u64().unwrap_or_default();
    assert_eq!(
        (usage("promptTokenCount"), usage("cachedContentTokenCount")),
        (100, 40)
    );
    assert_eq!(
        (
            usage("candidatesTokenCount"),
            usage("thoughtsTokenCount"),
            usage("totalTokenCount")
        ),
        (10, 3, 113)
    );
    assert_eq!(
        (&json["modelVersion"], &json["responseId"]),
        (&json!("gemini-x"), &json!("resp-a-1"))
    );
}

#[tokio::test]
async fn a_stream_tells_the_same_without_names_or_an_end() {
    let sim = sim().await;

    let answer = told(&sim, STREAM, &hello()).await;

    let items = items(&answer);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert!(answer.is_whole && !answer.text().contains("[DONE]"));
    assert_eq!((items.len(), joined(&items).as_str()), (11, "sim a says: hello"));
    let reasons: Vec<_> = items
        .iter()
        .map(|item| &item["candidates"][0]["finishReason"])
        .collect();
    assert!(reasons[..10].iter().all(|reason| reason.is_null()) && reasons[10] == "STOP");
    let counts: Vec<_> = items
        .iter()
        .map(|item| item["usageMetadata"]["candidatesTokenCount"].as_u64())
        .collect();
    assert_eq!((counts[0], counts[9], counts[10]), (Some(1), Some(10), Some(10)));
}

#[tokio::test]
async fn without_events_the_stream_is_one_array() {
    let sim = sim().await;
    let path = STREAM.split_once('?').unwrap().0;

    let whole = told(&sim, path, &hello()).await;
    sim.control()
        .set_fault(FaultRule::new(Fault::StreamError).after_events(2));
    let broken = told(&sim, path, &hello()).await;

    let items: Vec<Value> = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(whole.header("content-type"), Some("application/json"));
    assert_eq!((items.len(), joined(&items).as_str()), (11, "sim a says: hello"));
    let items: Vec<Value> = serde_json::from_slice(&broken.body).unwrap();
    assert_eq!(items[2]["error"]["status"], "INTERNAL");
}

#[tokio::test]
async fn calls_come_whole_and_the_end_after_them() {
    let sim = sim().await;
    sim.control().set_manner(Manner {
        calls: 2,
        ..Manner::default()
    });
    let calling = json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}});
    let body = hello_with(&json!({"tools": look(), "toolConfig": calling}));

    let whole = told(&sim, GENERATE, &body).await.json();
    let streamed = items(&told(&sim, STREAM, &body).await);

    let parts = &whole["candidates"][0]["content"]["parts"];
    assert_eq!(
        parts[0]["functionCall"],
        json!({"name": "look", "args": {"said_by": "sim-a"}, "id": "call_1"})
    );
    assert!(parts[0]["thoughtSignature"].is_string() && parts[1].get("thoughtSignature").is_none());
    assert_eq!(whole["candidates"][0]["finishReason"], "STOP");
    assert_eq!(streamed.len(), 3);
    let call = &streamed[1]["candidates"][0];
    assert_eq!(call["content"]["parts"][0]["functionCall"]["id"], "call_2_1");
    assert!(call.get("finishReason").is_none());
    assert_eq!(streamed[2]["usageMetadata"]["candidatesTokenCount"], 20);
}

/// What is laid over a good request, and a part of what has to be said of it.
type Mistake = (Value, &'static str);

fn misshapen() -> Vec<Mistake> {
    let part = |part: Value| json!({"contents": [{"role": "user", "parts": [part]}]});
    let config = |config: Value| json!({"generationConfig": config});
    vec![
        (
            json!({"model": "m"}),
            "Unknown name \"model\": Cannot find field.",
        ),
        (
            part(json!({"type": "text", "text": "x"})),
            "Unknown name \"type\" at 'contents[0].parts[0]'",
        ),
        (
            part(json!({"text": 7})),
            "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING)",
        ),
        (
            config(json!({"max_tokens": 1})),
            "Unknown name \"max_tokens\" at 'generation_config'",
        ),
        (
            config(json!({"temperature": 3})),
            "'generation_config.temperature': it must be in the range 0..2",
        ),
        (
            config(json!({"stopSequences": ["a", "b", "c", "d", "e", "f"]})),
            "at most 5",
        ),
        (
            config(json!({"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}})),
            "only one of thinking budget",
        ),
        (
            config(json!({"responseJsonSchema": {}})),
            "response_mime_type must be application/json",
        ),
    ]
}

fn mistaken_in_functions() -> Vec<Mistake> {
    let declared = |declaration: Value| json!({"tools": [{"functionDeclarations": [declaration]}]});
    let closed = json!({"type": "object", "additionalProperties": false});
    let calling = |config: Value| json!({"tools": look(), "toolConfig": {"functionCallingConfig": config}});
    vec![
        (
            declared(json!({"name": "f", "parameters": closed})),
            "Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters'",
        ),
        (
            declared(json!({"name": "f", "parameters": {"properties": {"a": {"$ref": "#"}}}})),
            "Unknown name \"$ref\" at",
        ),
        (
            declared(json!({"name": "f", "parameters": {}, "parametersJsonSchema": {}})),
            "Only one of parameters",
        ),
        (declared(json!({"name": "7f"})), "Invalid function name"),
        (
            json!({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}),
            "needs function declarations",
        ),
        (
            calling(json!({"mode": "AUTO", "allowedFunctionNames": ["look"]})),
            "should only be set when",
        ),
        (
            calling(json!({"mode": "ANY", "allowedFunctionNames": ["x"]})),
            "is not a declared function",
        ),
    ]
}

fn mistaken_in_turns() -> Vec<Mistake> {
    let content = |role: &str, part: Value| json!({"role": role, "parts": [part]});
    let text = |role: &str| content(role, json!({"text": "x"}));
    let call = content("model", json!({"functionCall": {"name": "look", "args": {}}}));
    let result = |name: &str| {
        content(
            "user",
            json!({"functionResponse": {"name": name, "response": {"output": "42"}}}),
        )
    };
    let talk = |contents: &[Value]| json!({"contents": contents, "tools": look()});
    vec![
        (json!({"contents": []}), "contents is not specified"),
        (
            talk(&[text("assistant")]),
            "Please use a valid role: user, model.",
        ),
        (
            talk(&[content("user", json!({"text": ""}))]),
            "contents[0].parts[0].data: required oneof field 'data'",
        ),
        (talk(&[content("user", json!({}))]), "required oneof field 'data'"),
        (
            talk(&[content(
                "user",
                json!({"text": "x", "inlineData": {"mimeType": "image/png", "data": "eA=="}}),
            )]),
            "required oneof field 'data'",
        ),
        (talk(&[json!({"role": "user", "parts": []})]), "must not be empty"),
        (
            talk(&[content(
                "user",
                json!({"inlineData": {"mimeType": "image/png", "data": "?"}}),
            )]),
            "Base64 decoding failed",
        ),
        (
            talk(&[text("user"), call.clone(), result("")]),
            "function_response.name: Name cannot be empty",
        ),
        (
            talk(&[text("user"), call.clone(), text("user")]),
            "number of function response parts",
        ),
        (
            talk(&[text("user"), result("look")]),
            "immediately after a function call turn",
        ),
        (
            talk(&[content("user", json!({"functionCall": {"name": "look"}}))]),
            "of the role model",
        ),
    ]
}

#[tokio::test]
async fn what_the_service_refuses_is_refused_here() {
    let sim = sim().await;
    let tables = [misshapen(), mistaken_in_functions(), mistaken_in_turns()];

    for (fields, expected) in tables.into_iter().flatten() {
        let answer = told(&sim, GENERATE, &hello_with(&fields)).await;

        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, &error["code"], &error["status"]),
            (400, &json!(400), &json!("INVALID_ARGUMENT")),
            "{fields}"
        );
        assert!(
            error["message"].as_str().unwrap().contains(expected),
            "{fields}: {error}"
        );
    }
}

#[tokio::test]
async fn the_third_generation_wants_its_signatures_back() {
    let sim = sim().await;
    let path = "/v1beta/models/gemini-3-pro:generateContent";
    let mut body = json!({
        "system_instruction": {"parts": [{"text": "s"}]},
        "tools": look(),
        "contents": [
            {"role": "user", "parts": [{"text": "x"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"output": "42"}}}]},
        ],
    });

    let without = told(&sim, path, &body).await;
    body["contents"][1]["parts"][0]["thoughtSignature"] = json!("skip_thought_signature_validator");
    let with = told(&sim, path, &body).await;

    assert!(
        without.text().contains("missing a `thought_signature`"),
        "{}",
        without.text()
    );
    assert_eq!((without.status, with.status), (400, 200));
    assert_eq!(
        with.json()["candidates"][0]["content"]["parts"][0]["text"],
        "sim a says: x"
    );
}

#[tokio::test]
async fn a_key_belongs_into_its_header() {
    let sim = Sim::start(SimConfig {
        api_key: Some("AIza-right".into()),
        ..SimConfig::named("a")
    })
    .await
    .unwrap();
    let in_url = format!("{GENERATE}?key=AIza-right");
    let table = [
        (GENERATE, vec![("x-goog-api-key", "AIza-right")], 200, ""),
        (
            GENERATE,
            vec![("x-goog-api-key", "AIza-wrong")],
            400,
            "API key not valid",
        ),
        (
            GENERATE,
            vec![("authorization", "Bearer AIza-right")],
            401,
            "Expected OAuth 2 access token",
        ),
        (GENERATE, vec![], 403, "unregistered callers"),
        (
            &in_url,
            vec![("x-goog-api-key", "AIza-right")],
            400,
            "The key is in the URL",
        ),
    ];

    for (path, headers, status, expected) in table {
        let answer = post(sim.addr(), path, &headers, hello().to_string().as_bytes()).await;

        assert_eq!(answer.status, status, "{headers:?}");
        assert!(answer.text().contains(expected), "{}", answer.text());
    }
}

#[tokio::test]
async fn errors_have_their_own_status_and_details() {
    let sim = sim().await;
    let struck = async |rule: FaultRule| {
        sim.control().set_fault(rule);
        told(&sim, GENERATE, &hello()).await
    };
    let detail = |answer: &Answer, kind: &str| {
        let error = answer.json()["error"].clone();
        let details = error["details"].as_array().cloned().unwrap_or_default();
        details
            .into_iter()
            .find(|detail| detail["@type"].as_str().unwrap().ends_with(kind))
            .unwrap_or_default()
    };
    let status = |answer: &Answer| answer.json()["error"]["status"].as_str().unwrap().to_owned();

    let limited = struck(FaultRule::new(Fault::RateLimit).retry_after("7.5")).await;
    let used_up = struck(FaultRule::new(Fault::Quota)).await;
    let unpaid = struck(FaultRule::new(Fault::Quota).status(http::StatusCode::PAYMENT_REQUIRED)).await;
    let key = struck(FaultRule::new(Fault::Auth)).await;
    let busy = struck(FaultRule::new(Fault::Overloaded)).await;
    let long = struck(FaultRule::new(Fault::ContextLength)).await;
    let unknown = struck(FaultRule::new(Fault::ModelNotFound)).await;
    let wrapped = struck(FaultRule::new(Fault::ServerError).raw()).await;
    let blocked = struck(FaultRule::new(Fault::ContentFilter)).await.json();

    assert_eq!((limited.status, limited.header("retry-after")), (429, None));
    assert_eq!(detail(&limited, "RetryInfo")["retryDelay"], "7.5s");
    assert!(detail(&limited, "QuotaFailure").to_string().contains("PerMinute"));
    assert!(used_up.status == 429 && detail(&used_up, "QuotaFailure").to_string().contains("PerDay"));
    assert_eq!(
        (unpaid.status, status(&unpaid).as_str()),
        (402, "RESOURCE_EXHAUSTED")
    );
    assert_eq!(
        (key.status, &detail(&key, "ErrorInfo")["reason"]),
        (400, &json!("API_KEY_INVALID"))
    );
    assert_eq!((busy.status, status(&busy).as_str()), (503, "UNAVAILABLE"));
    assert!(
        long.status == 400
            && long
                .text()
                .contains("exceeds the maximum number of tokens allowed")
    );
    assert_eq!((unknown.status, status(&unknown).as_str()), (404, "NOT_FOUND"));
    assert_eq!(wrapped.json()[0]["error"]["status"], "INTERNAL");
    assert_eq!(
        (
            &blocked["promptFeedback"]["blockReason"],
            blocked.get("candidates")
        ),
        (&json!("SAFETY"), None)
    );
}

#[tokio::test]
async fn a_stream_breaks_in_an_event_or_in_bare_lines() {
    let sim = sim().await;
    let struck = async |rule: FaultRule| {
        sim.control().set_fault(rule);
        told(&sim, STREAM, &hello()).await
    };

    let first = struck(FaultRule::new(Fault::StreamError).error(Fault::Overloaded)).await;
    let bare = struck(FaultRule::new(Fault::StreamError).after_events(2).raw()).await;
    let endless = struck(FaultRule::new(Fault::NoDone)).await;
    let malformed = struck(FaultRule::new(Fault::BadJson)).await;
    let blocked = struck(FaultRule::new(Fault::ContentFilter)).await;

    assert_eq!(items(&first)[0]["error"]["status"], "UNAVAILABLE");
    assert_eq!(items(&first).len(), 1);
    let text = bare.text();
    let (_, lines) = text.rsplit_once("\r\n\r\n").unwrap();
    assert!(
        lines.starts_with("{\r\n  \"error\": {\r\n") && lines.ends_with("}\r\n"),
        "{text}"
    );
    assert_eq!(
        serde_json::from_str::<Value>(lines).unwrap()["error"]["code"],
        500
    );
    assert_eq!((items(&endless).len(), endless.is_whole), (10, true));
    assert_eq!(
        (items(&malformed)[0].clone(), joined(&items(&malformed)).as_str()),
        (Value::Null, "sim a says: hello")
    );
    assert_eq!(items(&blocked)[0]["promptFeedback"]["blockReason"], "SAFETY");
    assert_eq!(items(&blocked).len(), 1);
}

#[tokio::test]
async fn models_and_tokens_can_be_asked_for() {
    let sim = sim().await;

    let listed = ask(sim.addr(), ("GET", "/v1beta/models?pageSize=1000"), &KEY, b"")
        .await
        .json();
    let one = ask(sim.addr(), ("GET", "/v1beta/models/gemini-x"), &KEY, b"")
        .await
        .json();
    let count = told(&sim, "/v1beta/models/gemini-x:countTokens", &hello())
        .await
        .json();

    assert_eq!(listed["models"][0]["name"], "models/sim-a");
    assert_eq!(one["name"], "models/gemini-x");
    assert!(count["totalTokens"].as_u64().unwrap() > 0);
}
