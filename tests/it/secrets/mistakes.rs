//! Keys in the wrong place of a configuration: the mistake is told, the key is not.

use super::{Guarded, SECRETS, secret};
use crate::support::Gateway;

/// Files in which somebody put a key where it does not belong, or wrote one so that it cannot be used.
fn mistaken(key: &str) -> Vec<String> {
    let models = "models: { gpt-4o: { targets: [{ provider: primary }] } }\n";
    let provider = |text: &str| format!("providers:\n  primary: {{ kind: openai, {text} }}\n{models}");
    vec![
        provider(&format!("api_kee: {key}")),
        provider(&format!("api_key: [{key}]")),
        provider(&format!("api_key: {{ value: {key} }}")),
        provider(&format!("api_key: \"{key}\\n{key}\"")),
        provider(&format!("api_key: \"caf\u{e9} {key}\"")),
        provider(&format!("api_key: \"file:/nowhere/{key}/x\"").replace(key, "path")),
        provider(&format!("api_key: k, headers: {{ x-secret: \"{key}\\0\" }}")),
        provider(&format!("api_key: k, headers: {{ x-secret: [{key}] }}")),
        provider(&format!("api_key: k, headers: {{ authorization: {key} }}")),
        provider(&format!(
            "api_key: k, endpoint: \"https://user:{key}@openai.test/v1\""
        )),
        provider(&format!(
            "api_key: k, endpoint: \"https://openai.test/v1?api-key={key}\""
        )),
        provider(&format!(
            "api_key: k, endpoint: \"ftp://user:{key}@openai.test/v1\""
        )),
        format!(
            "admin: {{ listen: 0.0.0.0:1, token: [{key}] }}\n{}",
            provider("api_key: k")
        ),
        format!(
            "admin: {{ token: {key}, tokn: {key} }}\n{}",
            provider("api_key: k")
        ),
        format!(
            "clients: {{ team: {{ key: [{key}] }} }}\n{}",
            provider("api_key: k")
        ),
        format!(
            "clients: {{ team: {{ key: {key} }}, other: {{ key: {key} }} }}\n{}",
            provider("api_key: k")
        ),
        format!(
            "clients: {{ team: {{ key_sha256: {key} }} }}\n{}",
            provider("api_key: k")
        ),
        format!("clients: {{ team: {key} }}\n{}", provider("api_key: k")),
        provider(&format!("api_key: {key}\n  broken yaml: [")),
        provider(&format!("api_key: {key}, api_key: {key}")),
    ]
}

#[tokio::test]
async fn a_refusal_to_start_repeats_no_key() {
    for yaml in mistaken("Marmalade-Misplaced-Sloe") {
        let error = Gateway::with(&yaml).refused().await;
        for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
            assert!(!text.contains("Marmalade"), "{yaml}\n{text}");
        }
    }
}

#[tokio::test]
async fn a_refused_edit_repeats_no_key() {
    let mut guarded = Guarded::start().await;
    guarded.ask("gpt-4o").await;
    let edits = [
        ("api_key: ${PRIMARY_KEY}", "api_kee: Marmalade-Misplaced-Sloe"),
        (
            "auth: passthrough",
            "auth: passthrough, api_key: \"${HEADER_SECRET}\"",
        ),
        ("key: \"${CLIENT_KEY}\"", "key_sha256: \"${CLIENT_KEY}\""),
    ];
    guarded.gateway.rewrite_config(|yaml| {
        edits.iter().fold(yaml.to_owned(), |yaml, (good, bad)| {
            assert!(yaml.contains(good), "{good}");
            yaml.replace(good, bad)
        })
    });
    let is_refused = |status: &serde_json::Value| !status["rejected"].is_null();
    let status = guarded
        .gateway
        .status_when("refusal", is_refused)
        .await
        .to_string();

    assert!(status.contains("api_kee"), "{status}");
    assert!(!status.contains("Misplaced"), "{}", status);
    assert!(!crate::support::log_text().contains("Misplaced"));
    for (name, _) in SECRETS {
        assert!(!status.contains(secret(name)), "{name}");
    }
    guarded.assert_silent().await;
}
