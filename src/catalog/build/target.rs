//! Targets: what is known of a model and of its vendor, with what the file says on top.
//!
//! Invariant: what the file says wins over what a model's name tells, and that over what its vendor does in general.

use bytes::Bytes;

use crate::catalog::{Lacks, ModelIx, ProviderIx, Surface, SurfacePaths, Target};
use crate::config::{self, Kind, MaxTokensField};
use crate::dialect::facts::{self, Facts};
use crate::dialect::vendor::Vendor;
use crate::dialect::{Dialect, PathParts};

/// The first month of Azure's API in which every model takes the newer field.
const AZURE_TAKES_NEWER_FIELD: &str = "2024-09";

/// The target of `model` at `provider`, which is `source`.
pub(super) fn build(
    source: &config::Provider,
    target: &config::Target,
    (provider, model): (ProviderIx, ModelIx),
) -> Target {
    let dialect = dialect(source.kind, Some(target.model.as_str()));
    let vendor = Vendor::of(source.kind);
    let facts = facts(source, target, vendor);
    Target {
        provider,
        model,
        dialect,
        vendor,
        provider_model: target.model.as_str().into(),
        weight: target.weight,
        priority: target.priority,
        backup_rank: target.backup_rank,
        context_window: facts.context_window,
        lacks: facts.lacks,
        price: target.price,
        breaker: target.breaker,
        paths: paths(source, target, dialect, vendor),
        facts,
    }
}

/// The language of a kind of provider: Vertex speaks that of whoever made the model.
pub(super) fn dialect(kind: Kind, model: Option<&str>) -> Dialect {
    match kind {
        Kind::OpenAi => Dialect::OpenAi,
        Kind::AzureOpenAi => Dialect::AzureOpenAi,
        Kind::Anthropic => Dialect::Anthropic,
        Kind::Gemini => Dialect::Gemini,
        Kind::Vertex if model.is_some_and(|model| model.starts_with("claude")) => Dialect::VertexAnthropic,
        Kind::Vertex => Dialect::VertexGemini,
        Kind::Bedrock => Dialect::Bedrock,
        Kind::Mistral
        | Kind::Groq
        | Kind::DeepSeek
        | Kind::Xai
        | Kind::Together
        | Kind::Fireworks
        | Kind::OpenRouter
        | Kind::Cohere
        | Kind::Ollama
        | Kind::Vllm
        | Kind::OpenAiCompatible => Dialect::OpenAiCompatible,
    }
}

fn facts(source: &config::Provider, target: &config::Target, vendor: &Vendor) -> Facts {
    let known = facts::known(target.model.as_str());
    let is_known = known.is_some();
    let mut facts = known.unwrap_or_default();
    facts.max_tokens_field = match (target.max_tokens_field, vendor.max_tokens_field) {
        (Some(said), _) => said,
        (None, MaxTokensField::MaxTokens) => MaxTokensField::MaxTokens,
        (None, MaxTokensField::MaxCompletionTokens) if !is_known && takes_newer_field(source) => {
            MaxTokensField::MaxCompletionTokens
        }
        (None, _) => facts.max_tokens_field,
    };
    if let Some(limit) = target.default_max_tokens {
        facts.default_max_tokens = limit;
    }
    if let Some(refuses) = &target.refuses {
        facts.refuses.clone_from(refuses);
    }
    if let Some(thinking) = target.thinking {
        facts.thinking = thinking;
    }
    if target.context_window.is_some() {
        facts.context_window = target.context_window;
    }
    let said = target.supports;
    // On Azure people name their deployments as they like, so a name says nothing about what cannot be done there.
    let is_told_by_name = source.kind != Kind::AzureOpenAi;
    let lacks = |said: Option<bool>, known: bool| said.map_or(known && is_told_by_name, |can| !can);
    facts.refuses_json_schema = lacks(said.json_schema, facts.refuses_json_schema);
    facts.lacks = Lacks {
        tools: lacks(said.tools, facts.lacks.tools),
        chat_tools: said.tools.is_none() && facts.lacks.chat_tools && is_told_by_name,
        vision: lacks(said.vision, facts.lacks.vision),
        streaming: lacks(said.streaming, facts.lacks.streaming),
        json_schema: lacks(said.json_schema, facts.lacks.json_schema || !vendor.json_schema),
        stream_usage: lacks(
            said.stream_usage,
            facts.lacks.stream_usage || !vendor.stream_options,
        ),
        many: vendor.one_choice,
    };
    facts
}

/// Azure's older dated versions know only the older field, whatever the model.
fn takes_newer_field(source: &config::Provider) -> bool {
    source
        .api_version
        .as_deref()
        .is_none_or(|version| version >= AZURE_TAKES_NEWER_FIELD)
}

fn paths(
    source: &config::Provider,
    target: &config::Target,
    dialect: Dialect,
    vendor: &Vendor,
) -> SurfacePaths {
    let parts = PathParts {
        base: &source.endpoint.base_path,
        api_version: source.api_version.as_deref(),
        model: target.model.as_str(),
    };
    let has = |surface: Surface| match surface {
        Surface::Responses => target.supports.responses.unwrap_or_else(|| vendor.has(surface)),
        _ => vendor.has(surface),
    };
    SurfacePaths(Surface::ALL.map(|surface| {
        [false, true].map(|stream| {
            let path = dialect.path(parts, surface, stream).filter(|_| has(surface));
            path.map(Bytes::from)
        })
    }))
}
