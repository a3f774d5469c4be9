//! The wire languages of providers: where requests go, how we sign in, how bodies are rewritten and read.
//!
//! One file per language; this parent only says which one answers. It knows nothing of health, plans or gRPC.

mod anthropic;
mod azure;
mod bedrock;
pub mod carry;
mod claude;
pub mod complete;
pub mod course;
pub mod facts;
mod gemini;
#[cfg(test)]
mod golden;
mod hub;
mod language;
mod messages;
mod openai;
mod path;
mod responses;
pub mod retouch;
pub mod scan;
pub mod sse;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod usage;
pub mod vendor;

use bytes::Bytes;

pub use hub::{Malformed, Unsupported};
pub use language::About;
pub use path::PathParts;

use crate::catalog::{HeaderSecret, Surface};
use crate::outcome::ErrorDialect;
use language::Language;

/// A provider's wire language, and the place where it is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI itself.
    OpenAi,
    /// Azure OpenAI, in deployment or `v1` style.
    AzureOpenAi,
    /// Any server that speaks OpenAI's language.
    OpenAiCompatible,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Gemini, as Vertex AI serves it.
    VertexGemini,
    /// Anthropic's messages, as Vertex AI serves them.
    VertexAnthropic,
    /// Amazon Bedrock's Converse.
    Bedrock,
}

/// An error of ours, in OpenAI's shape, as callers of `surface` expect it, and the status that goes with it.
pub fn told_on(surface: Surface, (status, body): (u16, Bytes), request_id: Option<&str>) -> (u16, Bytes) {
    match surface {
        Surface::Messages => {
            let told = messages::error(status, &body, request_id);
            (messages::status(status), told)
        }
        _ => (status, body),
    }
}

/// How an ask in one part of the API gets to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carriage {
    /// As the caller wrote it.
    Native,
    /// By the hub, in other words.
    Translated,
    /// Not at all.
    None,
}

impl Dialect {
    /// The path, with its query, of one surface; `None` when the provider has no such thing.
    pub fn path(self, parts: PathParts<'_>, surface: Surface, stream: bool) -> Option<String> {
        path::path(self, parts, surface, stream)
    }

    /// How an ask to `surface` gets to a provider of this dialect.
    pub fn carriage(self, surface: Surface) -> Carriage {
        match (self.speaks_hub(), surface) {
            (true, Surface::Messages) | (false, Surface::Chat) => Carriage::Translated,
            (true, _) => Carriage::Native,
            (false, Surface::Messages) if self.speaks_anthropic() => Carriage::Native,
            (false, Surface::Messages) => Carriage::Translated,
            (false, _) => Carriage::None,
        }
    }

    /// Whether it speaks OpenAI's language, which is the hub's.
    pub fn speaks_hub(self) -> bool {
        matches!(self, Self::OpenAi | Self::AzureOpenAi | Self::OpenAiCompatible)
    }

    /// Whether its own answers and errors are in the form that callers of `surface` expect.
    pub fn is_understood_on(self, surface: Surface) -> bool {
        self.carriage(surface) == Carriage::Native
    }

    /// The path that lists models: what a health check may fetch; `None` when the provider has no such thing.
    pub fn models_path(self, base: &str) -> String {
        path::models(self, base)
    }

    /// The header that carries the credential.
    pub fn credential_header(self) -> &'static str {
        match self {
            Self::OpenAi | Self::OpenAiCompatible | Self::Bedrock => "authorization",
            Self::AzureOpenAi => "api-key",
            Self::Anthropic => "x-api-key",
            Self::Gemini | Self::VertexGemini | Self::VertexAnthropic => "x-goog-api-key",
        }
    }

    /// The value of [`Self::credential_header`] for a bare key.
    pub fn credential_value(self, key: &[u8]) -> HeaderSecret {
        if self.credential_header() == "authorization" {
            openai::bearer(key)
        } else {
            HeaderSecret::new(Bytes::copy_from_slice(key))
        }
    }

    /// How its error bodies are read.
    pub fn errors(self) -> ErrorDialect {
        match self {
            Self::OpenAi => ErrorDialect::OpenAi,
            Self::AzureOpenAi => ErrorDialect::AzureOpenAi,
            Self::OpenAiCompatible => ErrorDialect::OpenAiCompatible,
            Self::Anthropic | Self::VertexAnthropic => ErrorDialect::Anthropic,
            Self::Gemini | Self::VertexGemini => ErrorDialect::Google,
            Self::Bedrock => ErrorDialect::Bedrock,
        }
    }

    /// The word of the configuration file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::AzureOpenAi => "azure-openai",
            Self::OpenAiCompatible => "openai-compatible",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::VertexGemini | Self::VertexAnthropic => "vertex",
            Self::Bedrock => "bedrock",
        }
    }

    /// The language that is spoken there, wherever it is.
    fn language(self) -> &'static dyn Language {
        match self {
            Self::OpenAi | Self::AzureOpenAi | Self::OpenAiCompatible => &openai::OpenAi,
            Self::Anthropic => &anthropic::Anthropic,
            Self::VertexAnthropic => &anthropic::OnVertex,
            Self::Gemini | Self::VertexGemini => &gemini::Gemini,
            Self::Bedrock => &bedrock::Bedrock,
        }
    }

    fn speaks_anthropic(self) -> bool {
        matches!(self, Self::Anthropic | Self::VertexAnthropic)
    }
}
