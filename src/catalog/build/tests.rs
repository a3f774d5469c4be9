//! Catalogs of whole files: what targets are asked in, where, and what is known of them.

use std::io;
use std::path::Path;

use crate::catalog::{Catalog, Generation, Surface, Target};
use crate::config::{Config, MaxTokensField, Sources, Thinking};
use crate::dialect::Dialect;

struct Nothing;

impl Sources for Nothing {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The only target of a model at a provider.
fn target(provider: &str, target: &str) -> Target {
    let text = format!(
        "providers: {{ a: {{ {provider} }} }}\nmodels: {{ m: {{ targets: [ {{ provider: a, {target} }} ] }} }}"
    );
    let config = Config::parse(&text, &Nothing, |_| Ok(())).unwrap_or_else(|refusal| panic!("{refusal}"));
    Catalog::build(&config, Generation(1)).unwrap().targets.remove(0)
}

fn path(target: &Target, surface: Surface, stream: bool) -> Option<&str> {
    let path = target.paths.of(surface, stream)?;
    Some(std::str::from_utf8(path).unwrap())
}

#[test]
fn vertex_speaks_the_language_of_whoever_made_the_model() {
    let vertex = "kind: vertex, project: p, location: us, api_key: k";
    let claude = target(vertex, "model: claude-opus-5");
    let gemini = target(vertex, "model: gemini-2.5-pro");

    assert_eq!(claude.dialect, Dialect::VertexAnthropic);
    assert_eq!(
        path(&claude, Surface::Chat, true),
        Some("/v1/projects/p/locations/us/publishers/anthropic/models/claude-opus-5:streamRawPredict")
    );
    assert_eq!(gemini.dialect, Dialect::VertexGemini);
    assert_eq!(
        path(&gemini, Surface::Chat, true),
        Some(
            "/v1/projects/p/locations/us/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
        )
    );
}

#[test]
fn a_surface_that_a_vendor_does_not_have_has_no_path() {
    for (provider, has) in [
        ("kind: openai", [true, true, true, true, true]),
        ("kind: groq", [true, false, false, true, true]),
        ("kind: mistral", [true, false, true, true, false]),
        ("kind: anthropic", [true, false, false, true, false]),
        (
            "kind: bedrock, region: us-east-1",
            [true, false, false, true, false],
        ),
        (
            "kind: openai-compatible, endpoint: 'http://127.0.0.1:1/v1'",
            [true, true, true, true, false],
        ),
    ] {
        let target = target(&format!("{provider}, api_key: k"), "model: x");
        let found = Surface::ALL.map(|surface| path(&target, surface, false).is_some());
        assert_eq!(found, has, "{provider}");
    }
    let said = target(
        "kind: openai-compatible, endpoint: 'http://127.0.0.1:1/v1'",
        "supports: { responses: true }",
    );
    assert_eq!(path(&said, Surface::Responses, false), Some("/v1/responses"));
    let refused = target("kind: openai, api_key: k", "supports: { responses: false }");
    assert_eq!(path(&refused, Surface::Responses, true), None);
}

#[test]
fn what_the_file_says_wins_over_what_a_name_tells() {
    let anthropic = "kind: anthropic, api_key: k";
    let known = target(anthropic, "model: claude-opus-5");
    let said = target(
        anthropic,
        "model: claude-opus-5, context_window: 5000, refuses: [seed], thinking: never, default_max_tokens: 7, \
         supports: { tools: false, vision: true }",
    );

    assert_eq!(known.context_window, Some(1_000_000));
    assert!(known.facts.refuse("temperature") && known.facts.thinking == Thinking::AdaptiveByDefault);
    assert_eq!(
        (said.context_window, said.facts.context_window),
        (Some(5000), Some(5000))
    );
    assert_eq!(said.facts.refuses, ["seed"]);
    assert_eq!(
        (said.facts.thinking, said.facts.default_max_tokens),
        (Thinking::Never, 7)
    );
    assert!(said.lacks.tools && !said.lacks.vision);
}

#[test]
fn the_field_of_the_limit_is_the_vendors_the_models_or_the_files() {
    use MaxTokensField::{AsSent, MaxCompletionTokens, MaxTokens};

    let azure = |version: &str| {
        format!("kind: azure-openai, endpoint: https://r.example, api_key: k, api_version: '{version}'")
    };
    for (provider, model, field) in [
        ("kind: openai, api_key: k", "model: gpt-4o", AsSent),
        ("kind: openai, api_key: k", "model: o3", MaxCompletionTokens),
        (
            "kind: openai, api_key: k",
            "model: brand-new",
            MaxCompletionTokens,
        ),
        (&azure("2024-10-21"), "model: my-gpt", MaxCompletionTokens),
        (&azure("v1"), "model: my-gpt", MaxCompletionTokens),
        (&azure("2024-02-01"), "model: my-gpt", AsSent),
        (
            &azure("2024-02-01"),
            "model: my-gpt, max_tokens_field: max_completion_tokens",
            MaxCompletionTokens,
        ),
        ("kind: together, api_key: k", "model: openai/gpt-5", MaxTokens),
        (
            "kind: openrouter, api_key: k",
            "model: openai/gpt-5",
            MaxCompletionTokens,
        ),
        (
            "kind: vllm, endpoint: 'http://127.0.0.1:1/v1'",
            "model: x",
            AsSent,
        ),
    ] {
        let target = target(provider, model);
        assert_eq!(target.facts.max_tokens_field, field, "{provider} {model}");
    }
}

#[test]
fn what_a_vendor_lacks_its_targets_lack_unless_the_file_knows_better() {
    let deepseek = "kind: deepseek, api_key: k";
    let mistral = target("kind: mistral, api_key: k", "model: x");

    assert!(mistral.lacks.stream_usage && !mistral.lacks.json_schema);
    assert!(target(deepseek, "model: deepseek-chat").lacks.json_schema);
    assert!(
        !target(deepseek, "supports: { json_schema: true }")
            .lacks
            .json_schema
    );
    assert!(
        target("kind: openai, api_key: k", "model: gpt-6-astra")
            .lacks
            .chat_tools
    );
    assert!(
        !target(
            "kind: openai, api_key: k",
            "model: gpt-6-astra, supports: { tools: true }"
        )
        .lacks
        .chat_tools
    );
}
