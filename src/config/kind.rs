//! Kinds of providers: the word of the file, where one is unless the file says, and whether it wants a key.
//!
//! Invariant: a kind is one row of data, and whatever the file needs to know of it stands in that row. What its
//! language is like is known elsewhere.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// The kind of a provider: the language it speaks, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `OpenAI`.
    OpenAi,
    /// Azure `OpenAI`.
    #[serde(rename = "azure-openai")]
    AzureOpenAi,
    /// Anthropic.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// Google Cloud's Vertex AI, with Google's models and Anthropic's.
    Vertex,
    /// AWS Bedrock.
    Bedrock,
    /// Mistral.
    Mistral,
    /// Groq.
    Groq,
    /// `DeepSeek`.
    DeepSeek,
    /// xAI.
    Xai,
    /// Together.
    Together,
    /// Fireworks.
    Fireworks,
    /// `OpenRouter`.
    OpenRouter,
    /// Cohere.
    Cohere,
    /// Ollama, on this machine unless `endpoint` says otherwise.
    Ollama,
    /// vLLM.
    Vllm,
    /// Anything else that speaks `OpenAI`'s language.
    #[serde(rename = "openai-compatible")]
    OpenAiCompatible,
}

/// Where a provider is when the file does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Always there.
    At(&'static str),
    /// Anywhere, so the file must say; an example.
    Anywhere(&'static str),
    /// Where Google Cloud's `location` is.
    Location,
    /// Where AWS's `region` is.
    Region,
}

/// Whether requests need a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Wanted,
    Optional,
}

struct Row {
    word: &'static str,
    place: Place,
    key: Key,
}

impl Kind {
    /// Every kind, in the order in which people are shown them.
    pub const ALL: [Self; 17] = [
        Self::OpenAi,
        Self::AzureOpenAi,
        Self::Anthropic,
        Self::Gemini,
        Self::Vertex,
        Self::Bedrock,
        Self::Mistral,
        Self::Groq,
        Self::DeepSeek,
        Self::Xai,
        Self::Together,
        Self::Fireworks,
        Self::OpenRouter,
        Self::Cohere,
        Self::Ollama,
        Self::Vllm,
        Self::OpenAiCompatible,
    ];

    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        self.row().word
    }

    /// Where it is when the file does not say.
    pub(super) fn place(self) -> Place {
        self.row().place
    }

    /// Requests may do without a credential.
    pub(super) fn may_be_open(self) -> bool {
        self.row().key == Key::Optional
    }

    fn row(self) -> Row {
        use Key::{Optional, Wanted};
        use Place::{Anywhere, At, Location, Region};

        let row = |word, place, key| Row { word, place, key };
        match self {
            Self::OpenAi => row("openai", At("https://api.openai.com/v1"), Wanted),
            Self::AzureOpenAi => row(
                "azure-openai",
                Anywhere("https://my-resource.openai.azure.com"),
                Wanted,
            ),
            Self::Anthropic => row("anthropic", At("https://api.anthropic.com"), Wanted),
            Self::Gemini => row("gemini", At("https://generativelanguage.googleapis.com"), Wanted),
            Self::Vertex => row("vertex", Location, Wanted),
            Self::Bedrock => row("bedrock", Region, Wanted),
            Self::Mistral => row("mistral", At("https://api.mistral.ai/v1"), Wanted),
            Self::Groq => row("groq", At("https://api.groq.com/openai/v1"), Wanted),
            Self::DeepSeek => row("deepseek", At("https://api.deepseek.com"), Wanted),
            Self::Xai => row("xai", At("https://api.x.ai/v1"), Wanted),
            Self::Together => row("together", At("https://api.together.ai/v1"), Wanted),
            Self::Fireworks => row("fireworks", At("https://api.fireworks.ai/inference/v1"), Wanted),
            Self::OpenRouter => row("openrouter", At("https://openrouter.ai/api/v1"), Wanted),
            Self::Cohere => row("cohere", At("https://api.cohere.ai/compatibility/v1"), Wanted),
            Self::Ollama => row("ollama", At("http://127.0.0.1:11434/v1"), Optional),
            Self::Vllm => row("vllm", Anywhere("http://127.0.0.1:8000/v1"), Optional),
            Self::OpenAiCompatible => row(
                "openai-compatible",
                Anywhere("http://127.0.0.1:8000/v1"),
                Optional,
            ),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value};

    use super::*;

    #[test]
    fn the_word_of_a_kind_is_what_the_file_may_say() {
        for kind in Kind::ALL {
            assert_eq!(from_value::<Kind>(Value::from(kind.as_str())).unwrap(), kind);
        }
        let known = schemars::schema_for!(Kind).to_value();
        assert_eq!(known["oneOf"].as_array().unwrap().len(), Kind::ALL.len());
    }
}
