//! The provider that speaks Bedrock's language.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::{Value, json};

use super::client::{Answer, ask, post};
use crate::sim::{AwsKeys, Dialect, Fault, FaultRule, Manner, Sim, SimConfig, Thinking};

const CONVERSE: &str = "/model/some.model-v1%3A0/converse";
const STREAM: &str = "/model/some.model-v1%3A0/converse-stream";
const BEARER: [(&str, &str); 1] = [("authorization", "Bearer key")];

async fn sim() -> Sim {
    Sim::start(SimConfig {
        dialect: Some(Dialect::Bedrock),
        ..SimConfig::named("a")
    })
    .await
    .unwrap()
}

fn hello() -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": "hello"}]}]})
}

fn hello_with(fields: &Value) -> Value {
    let mut body = hello();
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn converse(sim: &Sim, body: &Value) -> Answer {
    post(sim.addr(), CONVERSE, &BEARER, body.to_string().as_bytes()).await
}

async fn stream(sim: &Sim, body: &Value) -> Answer {
    post(sim.addr(), STREAM, &BEARER, body.to_string().as_bytes()).await
}

fn tools() -> Value {
    json!({"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]})
}

/// What a frame says: its message type, which event or exception, and its payload.
type Told = (String, String, Value);

/// Reads all frames and holds their checksums against what they sum.
fn frames(mut bytes: &[u8]) -> Vec<Told> {
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap());
    let mut told = Vec::new();
    while !bytes.is_empty() {
        let total = number(bytes) as usize;
        let head = number(&bytes[4..]) as usize;
        assert_eq!(number(&bytes[8..]), crc32fast::hash(&bytes[..8]));
        assert_eq!(number(&bytes[total - 4..]), crc32fast::hash(&bytes[..total - 4]));
        let headers = headers(&bytes[12..12 + head]);
        let header = |name: &str| {
            headers
                .iter()
                .find(|(it, _)| it == name)
                .map(|(_, value)| value.clone())
        };
        let kind = [":event-type", ":exception-type", ":error-code"]
            .into_iter()
            .find_map(header);
        let payload = serde_json::from_slice(&bytes[12 + head..total - 4]).unwrap_or_default();
        told.push((header(":message-type").unwrap(), kind.unwrap(), payload));
        bytes = &bytes[total..];
    }
    told
}

fn headers(mut bytes: &[u8]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut headers = Vec::new();
    while let [length, rest @ ..] = bytes {
        let (name, rest) = rest.split_at(usize::from(*length));
        assert_eq!(rest[0], 7);
        let length = usize::from(u16::from_be_bytes([rest[1], rest[2]]));
        headers.push((text(name), text(&rest[3..3 + length])));
        bytes = &rest[3 + length..];
    }
    headers
}

/// The kinds of the frames, neighbours of the same kind once.
fn kinds(told: &[Told]) -> Vec<&str> {
    let mut kinds: Vec<_> = told.iter().map(|(_, kind, _)| kind.as_str()).collect();
    kinds.dedup();
    kinds
}

fn joined(told: &[Told], pointer: &str) -> String {
    told.iter()
        .filter_map(|(.., payload)| payload.pointer(pointer)?.as_str())
        .collect()
}

#[tokio::test]
async fn an_answer_has_the_published_shape() {
    let sim = sim().await;
    sim.control().set_manner(Manner {
        prompt_tokens: Some(100),
        cached_tokens: 60,
        cache_write_tokens: 30,
        ..Manner::default()
    });

    let answer = converse(&sim, &hello()).await;

    let json = answer.json();
    assert_eq!(
        (answer.status, answer.header("x-amzn-requestid")),
        (200, Some("req-a-1"))
    );
    assert_eq!(
        json["output"]["message"],
        json!({"role": "assistant", "content": [{"text": "sim a says: hello"}]})
    );
    assert_eq!(json["stopReason"], "end_turn");
    assert_eq!(
        json["usage"],
        json!({"inputTokens": 10, "outputTokens": 10, "totalTokens": 110, "cacheReadInputTokens": 60, "cacheWriteInputTokens": 30})
    );
}

#[tokio::test]
async fn a_stream_tells_the_same_in_frames() {
    let sim = sim().await;

    let answer = stream(&sim, &hello()).await;

    let told = frames(&answer.body);
    assert_eq!(
        answer.header("content-type"),
        Some("application/vnd.amazon.eventstream")
    );
    assert_eq!(
        kinds(&told),
        [
            "messageStart",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata"
        ]
    );
    assert_eq!(joined(&told, "/delta/text"), "sim a says: hello");
    assert_eq!(told[told.len() - 2].2, json!({"stopReason": "end_turn"}));
    assert_eq!(told.last().unwrap().2["usage"]["outputTokens"], 10);
}

#[tokio::test]
async fn calls_and_thoughts_are_told_whole_and_in_fragments() {
    let sim = sim().await;
    sim.control().set_manner(Manner {
        calls: 2,
        thinking: Thinking::Always,
        ..Manner::default()
    });
    let mut config = tools();
    config["toolChoice"] = json!({"any": {}});
    let body = hello_with(&json!({"toolConfig": config}));

    let whole = converse(&sim, &body).await.json();
    let told = frames(&stream(&sim, &body).await.body);

    let content = &whole["output"]["message"]["content"];
    let starts: Vec<_> = told
        .iter()
        .filter(|(_, kind, _)| kind == "contentBlockStart")
        .collect();
    assert_eq!(whole["stopReason"], "tool_use");
    assert_eq!(
        content[0]["reasoningContent"]["reasoningText"]["text"],
        "sim a thinks"
    );
    assert_eq!(
        content[2]["toolUse"],
        json!({"toolUseId": "tooluse_1_1", "name": "look", "input": {"said_by": "sim-a"}})
    );
    assert_eq!(
        starts[1].2,
        json!({"start": {"toolUse": {"toolUseId": "tooluse_2_1", "name": "look"}}, "contentBlockIndex": 2})
    );
    assert_eq!(
        joined(&told, "/delta/toolUse/input"),
        r#"{"said_by":"sim-a"}"#.repeat(2)
    );
    assert_eq!(joined(&told, "/delta/reasoningContent/text"), "sim a thinks");
    assert_eq!(
        json!(joined(&told, "/delta/reasoningContent/signature")),
        content[0]["reasoningContent"]["reasoningText"]["signature"]
    );
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
    json!([{"text": text}])
}

fn misshapen() -> Vec<Mistake> {
    let of_user = |content: &Value| json!({"messages": [user(content)]});
    let image = |bytes: &str| json!([{"image": {"format": "png", "source": {"bytes": bytes}}}]);
    let document =
        |name: &str| json!({"document": {"format": "pdf", "name": name, "source": {"bytes": "JVBE"}}});
    vec![
        (json!({"model": "m"}), "extraneous key [model] is not permitted"),
        (
            json!({"inferenceConfig": {"temperature": 1.5}}),
            "#/inferenceConfig/temperature: the value is not in",
        ),
        (
            json!({"messages": [{"role": "tool", "content": said("x")}]}),
            "tool is not a valid enum value",
        ),
        (of_user(&json!("x")), "#/messages/0/content: expected type: list"),
        (
            of_user(&json!([{"type": "text", "text": "x"}])),
            "extraneous key [type]",
        ),
        (
            of_user(&json!([{"text": "x", "cachePoint": {"type": "default"}}])),
            "exactly one key",
        ),
        (of_user(&image("no base64")), "Could not decode the bytes"),
        (
            of_user(&json!([{"text": "x"}, document("a.pdf")])),
            "document file name can only contain",
        ),
        (of_user(&json!([document("a")])), "A text block is required"),
        (
            json!({"toolConfig": {"tools": []}}),
            "length greater than or equal to 1",
        ),
        (
            json!({"requestMetadata": {"a": 1}}),
            "#/requestMetadata/a: expected type: string",
        ),
    ]
}

fn mistaken_in_turns() -> Vec<Mistake> {
    let call = json!([{"toolUse": {"toolUseId": "t1", "name": "look", "input": {}}}]);
    let result = |id: &str| json!({"toolResult": {"toolUseId": id, "content": said("42")}});
    let talk = |messages: &[Value]| json!({"messages": messages, "toolConfig": tools()});
    let tool = |tool: &Value| json!({"toolConfig": {"tools": [{"toolSpec": tool}]}});
    vec![
        (json!({"messages": []}), "The messages field is empty"),
        (
            json!({"messages": [assistant(&said("x"))]}),
            "must start with a user message",
        ),
        (
            json!({"messages": [user(&said("x")), user(&said("y"))]}),
            "must alternate between user and assistant",
        ),
        (
            json!({"messages": [user(&said(" "))]}),
            "messages.0.content.0 is blank",
        ),
        (json!({"messages": [user(&json!([]))]}), "at messages.0 is empty"),
        (json!({"system": said("")}), "in the system prompt is blank"),
        (
            talk(&[user(&said("x")), assistant(&call)]),
            "Expected toolResult blocks at messages.2.content",
        ),
        (
            talk(&[user(&said("x")), assistant(&call), user(&said("y"))]),
            "for the following Ids: t1",
        ),
        (
            talk(&[
                user(&said("x")),
                assistant(&call),
                user(&json!([result("t1"), result("t2")])),
            ]),
            "exceeds the number of toolUse blocks",
        ),
        (
            talk(&[user(&json!([result("t1")]))]),
            "exceeds the number of toolUse blocks",
        ),
        (
            json!({"messages": [user(&said("x")), assistant(&call), user(&json!([result("t1")]))]}),
            "toolConfig field must be defined",
        ),
        (
            tool(&json!({"name": "a b", "inputSchema": {"json": {"type": "object"}}})),
            "regular expression pattern",
        ),
        (
            tool(&json!({"name": "a", "inputSchema": {"json": {}}})),
            "must be one of the following: object",
        ),
        (
            tool(&json!({"name": "a", "description": "", "inputSchema": {"json": {"type": "object"}}})),
            "toolSpec.description' failed",
        ),
    ]
}

#[tokio::test]
async fn what_the_service_refuses_is_refused_here() {
    let sim = sim().await;

    for (fields, expected) in misshapen().into_iter().chain(mistaken_in_turns()) {
        let answer = converse(&sim, &hello_with(&fields)).await;

        let kind = answer.header("x-amzn-errortype").unwrap_or_default().to_owned();
        assert!(
            answer.status == 400 && kind.starts_with("ValidationException:"),
            "{fields}: {kind}"
        );
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(expected), "{fields}: {message}");
    }
}

#[tokio::test]
async fn claude_has_rules_of_its_own() {
    let sim = sim().await;
    let table = [
        (
            "claude-opus-4-7",
            json!({"inferenceConfig": {"temperature": 0.2}}),
            "`temperature` is deprecated",
        ),
        (
            "claude-haiku-4-5",
            json!({"additionalModelRequestFields": {"seed": 1}}),
            "seed: Extra inputs",
        ),
        (
            "claude-haiku-4-5",
            json!({"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}}),
            "adaptive thinking is not supported",
        ),
        (
            "claude-opus-4-7",
            json!({"messages": [user(&said("x")), assistant(&said("y"))]}),
            "does not support assistant message prefill",
        ),
    ];

    for (model, fields, expected) in table {
        let path = format!("/model/us.anthropic.{model}-v1%3A0/converse");
        let body = hello_with(&fields).to_string();

        let answer = post(sim.addr(), &path, &BEARER, body.as_bytes()).await;

        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(
            message.starts_with("The model returned the following errors: "),
            "{message}"
        );
        assert!(answer.status == 400 && message.contains(expected), "{message}");
    }
}

/// Signs a request as the maker of the service does.
fn signed(keys: &AwsKeys, path: &str, body: &[u8], time: SystemTime) -> Vec<(String, String)> {
    let token = keys.session_token.clone();
    let identity = Credentials::new(
        &*keys.access_key_id,
        &*keys.secret_access_key,
        token,
        None,
        "test",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("bedrock")
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers = [("host", "sim.test"), ("content-type", "application/json")];
    let url = format!("https://sim.test{path}");
    let request = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let signed = instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    signed
        .chain([("content-type".to_owned(), "application/json".to_owned())])
        .collect()
}

#[tokio::test]
async fn a_signature_is_computed_again() {
    let keys = AwsKeys {
        session_token: Some("session".to_owned()),
        ..AwsKeys::new("AKIDEXAMPLE", "right")
    };
    let mut config = SimConfig::named("a");
    config.sign_in.aws = Some(keys.clone());
    let sim = Sim::start(config).await.unwrap();
    let wrong = AwsKeys {
        secret_access_key: "wrong".to_owned(),
        ..keys.clone()
    };
    let bare = AwsKeys {
        session_token: None,
        ..keys.clone()
    };
    let now = SystemTime::now();
    let old = now - Duration::from_secs(400);
    let arn = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/converse";
    let table = [
        (&keys, CONVERSE, now, 200, ""),
        (&keys, arn, now, 200, ""),
        (&wrong, CONVERSE, now, 403, "InvalidSignatureException"),
        (&keys, CONVERSE, old, 403, "InvalidSignatureException"),
        (&bare, CONVERSE, now, 403, "UnrecognizedClientException"),
    ];
    let body = hello().to_string();

    for (keys, path, time, status, kind) in table {
        let headers = signed(keys, path, body.as_bytes(), time);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let answer = post(sim.addr(), path, &headers, body.as_bytes()).await;

        assert_eq!(answer.status, status, "{kind} {}", answer.text());
        assert!(
            answer
                .header("x-amzn-errortype")
                .unwrap_or_default()
                .starts_with(kind),
            "{kind}"
        );
    }
    let bearer = converse(&sim, &hello()).await;
    let nobody = post(sim.addr(), CONVERSE, &[], body.as_bytes()).await;
    assert_eq!((bearer.status, nobody.status), (403, 403));
    assert!(
        nobody
            .header("x-amzn-errortype")
            .unwrap()
            .starts_with("MissingAuthenticationToken")
    );
}

#[tokio::test]
async fn errors_have_their_own_status_and_exception() {
    let with = |fault, status: u16| FaultRule::new(fault).status(http::StatusCode::from_u16(status).unwrap());
    let table = [
        (FaultRule::new(Fault::RateLimit), 429, "ThrottlingException"),
        (FaultRule::new(Fault::Quota), 400, "ServiceQuotaExceededException"),
        (with(Fault::Quota, 429), 429, "ThrottlingException"),
        (FaultRule::new(Fault::Auth), 403, "UnrecognizedClientException"),
        (FaultRule::new(Fault::ServerError), 500, "InternalServerException"),
        (with(Fault::ServerError, 408), 408, "ModelTimeoutException"),
        (with(Fault::ServerError, 424), 424, "ModelErrorException"),
        (
            FaultRule::new(Fault::Overloaded),
            503,
            "ServiceUnavailableException",
        ),
        (with(Fault::Overloaded, 429), 429, "ModelNotReadyException"),
        (FaultRule::new(Fault::ContextLength), 400, "ValidationException"),
        (
            FaultRule::new(Fault::ModelNotFound),
            404,
            "ResourceNotFoundException",
        ),
        (with(Fault::ModelNotFound, 400), 400, "ValidationException"),
    ];
    let sim = sim().await;

    for (rule, status, exception) in table {
        sim.control().set_fault(rule);

        let answer = converse(&sim, &hello()).await;

        let kind = answer.header("x-amzn-errortype").unwrap();
        assert_eq!((answer.status, kind.split(':').next()), (status, Some(exception)));
        assert!(answer.json()["message"].is_string() && answer.header("retry-after").is_none());
    }
}

#[tokio::test]
async fn a_stream_breaks_in_frames() {
    let sim = sim().await;
    let told = async |rule: FaultRule| {
        sim.control().set_fault(rule);
        stream(&sim, &hello()).await
    };

    let first = told(FaultRule::new(Fault::StreamError).error(Fault::RateLimit)).await;
    let opened = told(FaultRule::new(Fault::StreamError).after_opening()).await;
    let failed = FaultRule::new(Fault::StreamError).status(http::StatusCode::FAILED_DEPENDENCY);
    let failed = told(failed.after_events(2)).await;
    let raw = told(FaultRule::new(Fault::StreamError).raw().message("no")).await;
    let unmarked = told(FaultRule::new(Fault::NoDone)).await;
    let malformed = told(FaultRule::new(Fault::BadJson)).await;
    let miscounted = told(FaultRule::new(Fault::BadJson).raw()).await;
    let filtered = told(FaultRule::new(Fault::ContentFilter)).await;

    let first = frames(&first.body);
    assert_eq!(
        (first[0].0.as_str(), first[0].1.as_str()),
        ("exception", "throttlingException")
    );
    assert_eq!(first.len(), 1);
    assert_eq!(
        kinds(&frames(&opened.body)),
        ["messageStart", "internalServerException"]
    );
    let failed = frames(&failed.body);
    assert_eq!(failed.last().unwrap().1, "modelStreamErrorException");
    assert_eq!(failed.last().unwrap().2["originalStatusCode"], 424);
    let raw = frames(&raw.body);
    assert_eq!(
        (raw[0].0.as_str(), raw[0].1.as_str()),
        ("error", "internalServerException")
    );
    assert_eq!(
        kinds(&frames(&unmarked.body)).last().unwrap(),
        &"contentBlockStop"
    );
    let malformed = frames(&malformed.body);
    assert_eq!(
        (&malformed[0].2, joined(&malformed, "/delta/text").as_str()),
        (&Value::Null, "sim a says: hello")
    );
    assert!(std::panic::catch_unwind(|| frames(&miscounted.body)).is_err());
    let filtered = frames(&filtered.body);
    assert_eq!(kinds(&filtered), ["messageStart", "messageStop", "metadata"]);
    assert_eq!(filtered[1].2["stopReason"], "guardrail_intervened");
}

#[tokio::test]
async fn models_are_listed() {
    let sim = sim().await;

    let listed = ask(sim.addr(), ("GET", "/foundation-models"), &BEARER, b"")
        .await
        .json();

    assert_eq!(listed["modelSummaries"][0]["modelId"], "sim-a");
}
