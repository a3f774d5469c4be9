//! What sets one vendor's OpenAI apart from OpenAI's: data, one row for each kind of provider.
//!
//! Invariant: a row describes requests for chat completions, and whoever applies it needs no `if` for a vendor. Fields
//! are those of the hub, by name, at the top of the body. Rows of providers with a language of their own change
//! nothing: their language does the work. It knows no models.

mod rows;

use super::facts::MaxTokensField;
use crate::catalog::Surface;
use crate::config::Kind;

/// How the requests of one kind of provider differ from OpenAI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vendor {
    /// The kind of provider.
    pub kind: Kind,
    /// Which field it takes for the length of an answer. `MaxTokens`: it knows no other. `MaxCompletionTokens`: all
    /// of its models take it, and of the other one that is not certain. `AsSent`: it knows both.
    pub max_tokens_field: MaxTokensField,
    /// Fields that it answers with an error, or that do nothing there: to be left out.
    pub refuses: &'static [&'static str],
    /// Fields that it calls otherwise: the hub's name, and its own.
    pub renames: &'static [(&'static str, &'static str)],
    /// Fields to be added when they are not there, with their JSON.
    pub adds: &'static [(&'static str, &'static str)],
    /// The messages it takes.
    pub messages: Messages,
    /// It gives one choice only: an ask for more cannot be carried.
    pub one_choice: bool,
    /// It can hold an answer to a JSON schema, where the model can.
    pub json_schema: bool,
    /// It says the usage at the end of a stream when asked by `stream_options`.
    pub stream_options: bool,
    /// What it has beside chat completions.
    pub surfaces: Surfaces,
}

/// The messages that a vendor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a vendor, not a state"
)]
pub struct Messages {
    /// The role `developer`; else such a message becomes one of `system`.
    pub developer: bool,
    /// Contents that are lists of texts alone; else they become one text.
    pub lists_of_texts: bool,
    /// `name` in a message; else it is left out.
    pub names: bool,
    /// The ids of tool calls it takes.
    pub call_ids: CallIds,
    /// `extra_content` in a tool call, what Google wants back with it; else it is left out.
    pub extra_content: bool,
}

/// The ids of tool calls that a vendor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallIds {
    /// Any.
    Any,
    /// Nine letters and digits, so that those of others must be made anew, the same each time.
    NineAlphanumerics,
}

/// What a vendor has beside chat completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surfaces {
    /// `/completions`.
    pub completions: bool,
    /// `/embeddings`.
    pub embeddings: bool,
    /// `/responses`.
    pub responses: bool,
}

impl Vendor {
    /// The row of a kind.
    pub fn of(kind: Kind) -> &'static Self {
        match kind {
            Kind::OpenAi => &rows::OPENAI,
            Kind::AzureOpenAi => &rows::AZURE_OPENAI,
            Kind::Anthropic => &rows::ANTHROPIC,
            Kind::Gemini => &rows::GEMINI,
            Kind::Vertex => &rows::VERTEX,
            Kind::Bedrock => &rows::BEDROCK,
            Kind::Mistral => &rows::MISTRAL,
            Kind::Groq => &rows::GROQ,
            Kind::DeepSeek => &rows::DEEPSEEK,
            Kind::Xai => &rows::XAI,
            Kind::Together => &rows::TOGETHER,
            Kind::Fireworks => &rows::FIREWORKS,
            Kind::OpenRouter => &rows::OPENROUTER,
            Kind::Cohere => &rows::COHERE,
            Kind::Ollama => &rows::OLLAMA,
            Kind::Vllm => &rows::VLLM,
            Kind::OpenAiCompatible => &rows::OPENAI_COMPATIBLE,
        }
    }

    /// The word of the configuration file.
    pub fn word(&self) -> &'static str {
        self.kind.as_str()
    }

    /// Nothing of a chat request has to be changed for it.
    pub fn takes_everything(&self) -> bool {
        *self
            == Self {
                kind: self.kind,
                stream_options: self.stream_options,
                surfaces: self.surfaces,
                ..rows::UNKNOWN
            }
    }

    /// It has this part of the API, where its language does.
    pub fn has(&self, surface: Surface) -> bool {
        match surface {
            // Anthropic's surface is served by way of chat, where it is not the provider's own.
            Surface::Chat | Surface::Messages => true,
            Surface::Completions => self.surfaces.completions,
            Surface::Embeddings => self.surfaces.embeddings,
            Surface::Responses => self.surfaces.responses,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_row() {
        for kind in Kind::ALL {
            assert_eq!(Vendor::of(kind).kind, kind);
        }
    }

    #[test]
    fn what_is_added_is_json_and_nothing_is_both_left_out_and_renamed() {
        for kind in Kind::ALL {
            let row = Vendor::of(kind);
            for (_, json) in row.adds {
                serde_json::from_str::<serde_json::Value>(json).unwrap();
            }
            let renamed = row.renames.iter().map(|(name, _)| name);
            let added = row.adds.iter().map(|(name, _)| name);
            for name in renamed.chain(added) {
                assert!(!row.refuses.contains(name), "{kind}: {name}");
            }
            assert!(row.refuses.is_sorted(), "{kind}");
            let is_refused = row.refuses.contains(&"stream_options");
            assert!(
                !(is_refused && row.stream_options),
                "{kind} refuses what it is asked with"
            );
        }
    }

    #[test]
    fn only_those_whose_language_is_not_openais_and_strangers_get_what_was_sent() {
        let untouched: Vec<&str> = Kind::ALL
            .into_iter()
            .map(Vendor::of)
            .filter(|row| row.takes_everything())
            .map(Vendor::word)
            .collect();

        assert_eq!(
            untouched,
            [
                "anthropic",
                "gemini",
                "vertex",
                "bedrock",
                "openrouter",
                "openai-compatible"
            ]
        );
    }
}
