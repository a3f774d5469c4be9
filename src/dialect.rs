//! The wire languages of providers: where requests go, how we sign in, how bodies are rewritten and read.
//!
//! One file per language; this parent only says which one answers. It knows nothing of health, plans or gRPC.

mod azure;
mod openai;
pub mod scan;
pub mod sse;
pub mod stream;
pub mod usage;

use bytes::Bytes;

use crate::catalog::{HeaderSecret, Surface};
use crate::outcome::ErrorDialect;

/// A provider's wire language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI itself.
    OpenAi,
    /// Azure OpenAI, in deployment or `v1` style.
    AzureOpenAi,
    /// Any server that speaks OpenAI's language.
    OpenAiCompatible,
}

/// What a path is made of.
#[derive(Debug, Clone, Copy)]
pub struct PathParts<'a> {
    /// The path of the configured endpoint, without a slash at its end.
    pub base: &'a str,
    /// Azure's `api-version`, when one is to be sent.
    pub api_version: Option<&'a str>,
    /// What the provider calls the model.
    pub model: &'a str,
}

impl Dialect {
    /// The path, with its query, of one surface.
    pub fn path(self, parts: PathParts<'_>, surface: Surface) -> String {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => openai::path(parts.base, surface.suffix()),
            Self::AzureOpenAi => azure::path(parts, surface.suffix()),
        }
    }

    /// The path that lists models: what a health check may fetch.
    pub fn models_path(self, base: &str) -> String {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => openai::path(base, "models"),
            Self::AzureOpenAi => azure::models_path(base),
        }
    }

    /// The header that carries the credential.
    pub fn credential_header(self) -> &'static str {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => "authorization",
            Self::AzureOpenAi => "api-key",
        }
    }

    /// The value of [`Self::credential_header`] for a bare key.
    pub fn credential_value(self, key: &[u8]) -> HeaderSecret {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => openai::bearer(key),
            Self::AzureOpenAi => HeaderSecret::new(Bytes::copy_from_slice(key)),
        }
    }

    /// How its error bodies are read.
    pub fn errors(self) -> ErrorDialect {
        match self {
            Self::OpenAi => ErrorDialect::OpenAi,
            Self::AzureOpenAi => ErrorDialect::AzureOpenAi,
            Self::OpenAiCompatible => ErrorDialect::OpenAiCompatible,
        }
    }

    /// The word of the configuration file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::AzureOpenAi => "azure-openai",
            Self::OpenAiCompatible => "openai-compatible",
        }
    }
}
