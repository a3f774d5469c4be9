//! Nothing that a file can hold makes reading it panic, and no message repeats a secret.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::super::*;
use super::{Fixture, causes, sources};

const WORDS: [&str; 34] = [
    "openai",
    "azure-openai",
    "anthropic",
    "gemini",
    "vertex",
    "bedrock",
    "mistral",
    "vllm",
    "adaptive",
    "file:/account",
    "openai-compatible",
    "a",
    "b",
    "anyone",
    "off",
    "retry",
    "passthrough",
    "30s",
    "1ms",
    "127.0.0.1:1",
    "0.0.0.0:2",
    "https://x.example/v1",
    "http://y",
    "unix:s",
    "32MiB",
    "connect",
    "${SECRET}",
    "${MISSING}",
    "file:/secret",
    "",
    "ä\u{0}",
    "v1",
    "fastest",
    "/v1/models",
];
const KEYS: [&str; 78] = [
    "listen",
    "admin",
    "grpc",
    "envoy",
    "clients",
    "providers",
    "models",
    "defaults",
    "log",
    "kind",
    "endpoint",
    "api_key",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "credentials_file",
    "profile",
    "service_account",
    "token_url",
    "entra",
    "tenant",
    "client_id",
    "client_secret",
    "scope",
    "project",
    "location",
    "region",
    "refuses",
    "thinking",
    "max_tokens_field",
    "default_max_tokens",
    "auth",
    "deployment",
    "api_version",
    "headers",
    "tls",
    "ca",
    "sni",
    "connect_timeout",
    "health_check",
    "path",
    "interval",
    "timeout",
    "breaker",
    "backups",
    "name",
    "aliases",
    "targets",
    "provider",
    "model",
    "weight",
    "priority",
    "price",
    "input",
    "output",
    "supports",
    "tools",
    "failover",
    "on",
    "attempts",
    "backoff",
    "base",
    "max",
    "per_try_timeout",
    "consecutive_failures",
    "error_rate",
    "open_for",
    "max_open_for",
    "order",
    "key",
    "key_sha256",
    "a",
    "b",
    "openai",
    "x-header",
    "token",
    "nonsense",
    "Odd Name",
];

/// Trees made of our own keys and words, so that they get past the first check.
fn trees() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => prop::sample::select(WORDS.to_vec()).prop_map(Value::from),
        2 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => (0..30_i64).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 80, 8, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::vec((prop::sample::select(KEYS.to_vec()), inner), 0..8).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

fn secretive() -> Fixture {
    sources()
        .env("SECRET", "hush-hush-1")
        .env("AWS_ACCESS_KEY_ID", "hush-hush-3")
        .env("AWS_SECRET_ACCESS_KEY", "hush-hush-4")
        .file("/secret", "hush-hush-2")
        .file("/account", super::kinds::key_file("hush"))
}

fn read(text: &[u8]) -> Result<Config, LoadError> {
    Config::load(Path::new("c"), &secretive().file("c", text), causes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(read(&bytes));
    }

    #[test]
    fn arbitrary_yaml_like_text_never_panics(text in "[-a-z{}\\[\\]:,&*!|>'\"#%@$ \n0-9.]{0,200}") {
        drop(read(text.as_bytes()));
    }

    #[test]
    fn arbitrary_trees_never_panic_and_are_always_explained(tree in trees()) {
        let outcome = read(tree.to_string().as_bytes());

        let shown = format!("{outcome:?}");
        prop_assert!(!shown.contains("hush"), "{}", shown);
        if let Err(refusal) = outcome {
            let shown = refusal.to_string();
            prop_assert!(!shown.contains("hush"), "{}", shown);
            prop_assert!(!shown.contains("does not have the form"), "the shape let something through: {}", tree);
        }
    }

    #[test]
    fn arbitrary_sections_of_a_legal_file_are_always_explained(
        section in trees(),
        place in prop::sample::select(vec![
            "/providers/openai", "/providers/openai/backups", "/models/m", "/models/m/targets", "/defaults", "/admin",
            "/clients", "/models/m/targets/0", "/providers/openai/health_check", "/defaults/breaker", "/providers",
        ]),
    ) {
        let mut tree = serde_json::json!({
            "admin": null, "clients": null, "defaults": {"breaker": null},
            "providers": {"openai": {"kind": "openai", "api_key": "k", "backups": [], "health_check": null}},
            "models": {"m": {"targets": [{"provider": "openai"}]}},
        });
        *tree.pointer_mut(place).unwrap() = section;

        if let Err(refusal) = read(tree.to_string().as_bytes()) {
            prop_assert!(!refusal.to_string().contains("does not have the form"), "{}", tree);
        }
    }
}

#[test]
fn a_thousand_models_are_read_at_once() {
    let mut models = Map::new();
    for n in 0..1000 {
        models.insert(
            format!("model-{n}"),
            serde_json::json!({"aliases": [format!("alias-{n}")], "targets": [{"provider": "a"}]}),
        );
    }
    let tree = serde_json::json!({"providers": {"a": {"kind": "openai", "api_key": "k"}}, "models": models});

    assert_eq!(read(tree.to_string().as_bytes()).unwrap().models.len(), 1000);
}
