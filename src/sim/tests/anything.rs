//! Whatever a body says, every dialect answers it or refuses it, and none falls over it.

use std::time::SystemTime;

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::sim::config::{Pace, SimConfig};
use crate::sim::manner::Manner;
use crate::sim::provider::{Call, Provider};
use crate::sim::route::{self, Api, Route, Signpost};

const PATHS: [&str; 9] = [
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1beta/models/gemini-3:streamGenerateContent",
    "/v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-4-7:rawPredict",
    "/model/anthropic.claude-opus-4-7/converse-stream",
    "/openai/responses?api-version=1",
];

/// The names that any of the dialects gives to a field.
const NAMES: [&str; 40] = [
    "model",
    "messages",
    "role",
    "content",
    "type",
    "text",
    "tools",
    "tool_choice",
    "name",
    "input",
    "input_schema",
    "id",
    "tool_use_id",
    "max_tokens",
    "system",
    "thinking",
    "budget_tokens",
    "signature",
    "contents",
    "parts",
    "functionCall",
    "functionResponse",
    "functionDeclarations",
    "toolConfig",
    "generationConfig",
    "args",
    "response",
    "parameters",
    "properties",
    "items",
    "toolUse",
    "toolResult",
    "toolUseId",
    "toolSpec",
    "inputSchema",
    "json",
    "function",
    "tool_calls",
    "anthropic_version",
    "schema",
];

const WORDS: [&str; 17] = [
    "",
    "user",
    "assistant",
    "model",
    "tool",
    "text",
    "tool_use",
    "tool_result",
    "thinking",
    "enabled",
    "function",
    "any",
    "required",
    "object",
    "claude-opus-4-7",
    "vertex-2023-10-16",
    "t1",
];

fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..5000).prop_map(Value::from),
        prop::sample::select(&WORDS[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let named = (prop::sample::select(&NAMES[..]), inner.clone());
        let fields = |pairs: Vec<(&str, Value)>| {
            let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            prop::collection::vec(named, 0..8).prop_map(fields),
        ]
    })
}

fn status(provider: &Provider, path: &'static str, body: &Bytes) -> Option<u16> {
    let request = Request::post(path)
        .header("authorization", "Bearer k")
        .header("anthropic-version", "2023-06-01")
        .header("x-goog-api-key", "k");
    let mut parts = request.body(()).unwrap().into_parts().0;
    // The bearer is no token, and on Google's paths it would be taken for one.
    if path.contains("/models/") {
        parts.headers.remove("authorization");
    }
    let Route::Api(Api {
        surface,
        target,
        endpoint,
    }) = route::of(parts.uri.path(), Signpost::default())
    else {
        panic!("{path} leads to nobody")
    };
    let decision = provider.decide(&Call {
        number: 1,
        request_id: "req-1",
        received: SystemTime::UNIX_EPOCH,
        surface,
        endpoint,
        target: target.as_deref(),
        parts: &parts,
        body,
        pace: Pace::default(),
        manner: Manner::default(),
        is_strict: true,
    });
    decision.reaction.status()
}

proptest! {
    #[test]
    fn every_body_is_answered_or_refused(body in body()) {
        let provider = Provider::new(SimConfig::named("a")).unwrap();
        let bytes = Bytes::from(body.to_string());

        for path in PATHS {
            let status = status(&provider, path, &bytes);
            prop_assert!(matches!(status, Some(200 | 400 | 401)), "{path} {status:?} {body}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let provider = Provider::new(SimConfig::named("a")).unwrap();
        let bytes = Bytes::from(body);

        for path in PATHS {
            let status = status(&provider, path, &bytes);
            prop_assert!(matches!(status, Some(400 | 401)), "{path} {status:?}");
        }
    }
}
