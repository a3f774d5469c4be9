//! What sets one vendor's OpenAI apart from OpenAI's: data, one row for each kind of provider.
//!
//! Invariant: a row describes requests for chat completions, and whoever applies it needs no `if` for a vendor. Fields
//! are those of the hub, by name, at the top of the body. Rows of providers with a language of their own change
//! nothing: their language does the work. It knows no models.

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
    /// It says the usage at the end of a stream when asked by `stream_options`.
    pub stream_options: bool,
    /// What it has beside chat completions.
    pub surfaces: Surfaces,
}

/// The messages that a vendor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Messages {
    /// The role `developer`; else such a message becomes one of `system`.
    pub developer: bool,
    /// Contents that are lists of texts alone; else they become one text.
    pub lists_of_texts: bool,
    /// `name` in a message; else it is left out.
    pub names: bool,
    /// The ids of tool calls it takes.
    pub call_ids: CallIds,
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
            Kind::OpenAi => &OPENAI,
            Kind::AzureOpenAi => &AZURE_OPENAI,
            Kind::Anthropic => &ANTHROPIC,
            Kind::Gemini => &GEMINI,
            Kind::Vertex => &VERTEX,
            Kind::Bedrock => &BEDROCK,
            Kind::Mistral => &MISTRAL,
            Kind::Groq => &GROQ,
            Kind::DeepSeek => &DEEPSEEK,
            Kind::Xai => &XAI,
            Kind::Together => &TOGETHER,
            Kind::Fireworks => &FIREWORKS,
            Kind::OpenRouter => &OPENROUTER,
            Kind::Cohere => &COHERE,
            Kind::Ollama => &OLLAMA,
            Kind::Vllm => &VLLM,
            Kind::OpenAiCompatible => &OPENAI_COMPATIBLE,
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
                ..UNKNOWN
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

const ANY_MESSAGE: Messages = Messages {
    developer: true,
    lists_of_texts: true,
    names: true,
    call_ids: CallIds::Any,
};
/// What every vendor understands.
const PLAIN_MESSAGES: Messages = Messages {
    developer: false,
    lists_of_texts: false,
    ..ANY_MESSAGE
};
const CHAT_ONLY: Surfaces = Surfaces {
    completions: false,
    embeddings: false,
    responses: false,
};

const COMPLETIONS: Surfaces = Surfaces {
    completions: true,
    ..CHAT_ONLY
};
const EMBEDDINGS: Surfaces = Surfaces {
    embeddings: true,
    ..CHAT_ONLY
};
const EVERYTHING: Surfaces = Surfaces {
    completions: true,
    embeddings: true,
    responses: true,
};

/// A vendor of whom nothing is known.
const UNKNOWN: Vendor = Vendor {
    kind: Kind::OpenAiCompatible,
    max_tokens_field: MaxTokensField::AsSent,
    refuses: &[],
    renames: &[],
    adds: &[],
    messages: ANY_MESSAGE,
    one_choice: false,
    stream_options: true,
    surfaces: CHAT_ONLY,
};
/// A vendor whose messages are plain and who knows `max_tokens` alone.
const PLAIN: Vendor = Vendor {
    max_tokens_field: MaxTokensField::MaxTokens,
    messages: PLAIN_MESSAGES,
    ..UNKNOWN
};

static OPENAI: Vendor = Vendor {
    kind: Kind::OpenAi,
    max_tokens_field: MaxTokensField::MaxCompletionTokens,
    surfaces: EVERYTHING,
    ..UNKNOWN
};

static AZURE_OPENAI: Vendor = Vendor {
    kind: Kind::AzureOpenAi,
    max_tokens_field: MaxTokensField::MaxCompletionTokens,
    surfaces: EVERYTHING,
    ..UNKNOWN
};

static ANTHROPIC: Vendor = Vendor {
    kind: Kind::Anthropic,
    ..UNKNOWN
};

static GEMINI: Vendor = Vendor {
    kind: Kind::Gemini,
    ..UNKNOWN
};

static VERTEX: Vendor = Vendor {
    kind: Kind::Vertex,
    ..UNKNOWN
};

static BEDROCK: Vendor = Vendor {
    kind: Kind::Bedrock,
    ..UNKNOWN
};

/// It answers fields that it does not know with a 422, and says the usage of streams without being asked.
static MISTRAL: Vendor = Vendor {
    kind: Kind::Mistral,
    refuses: &[
        "logit_bias",
        "logprobs",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "top_logprobs",
        "user",
        "verbosity",
    ],
    renames: &[("seed", "random_seed")],
    messages: Messages {
        call_ids: CallIds::NineAlphanumerics,
        ..PLAIN_MESSAGES
    },
    stream_options: false,
    surfaces: EMBEDDINGS,
    ..PLAIN
};

static GROQ: Vendor = Vendor {
    kind: Kind::Groq,
    max_tokens_field: MaxTokensField::AsSent,
    refuses: &["logit_bias", "logprobs", "top_logprobs"],
    messages: Messages {
        names: false,
        ..PLAIN_MESSAGES
    },
    one_choice: true,
    surfaces: Surfaces {
        responses: true,
        ..CHAT_ONLY
    },
    ..PLAIN
};

static DEEPSEEK: Vendor = Vendor {
    kind: Kind::DeepSeek,
    ..PLAIN
};

static XAI: Vendor = Vendor {
    kind: Kind::Xai,
    max_tokens_field: MaxTokensField::AsSent,
    surfaces: Surfaces {
        responses: true,
        ..COMPLETIONS
    },
    ..PLAIN
};

static TOGETHER: Vendor = Vendor {
    kind: Kind::Together,
    surfaces: Surfaces {
        embeddings: true,
        ..COMPLETIONS
    },
    ..PLAIN
};

/// Unasked, it would cut a prompt that is too long instead of saying so.
static FIREWORKS: Vendor = Vendor {
    kind: Kind::Fireworks,
    adds: &[("context_length_exceeded_behavior", "\"error\"")],
    surfaces: EVERYTHING,
    ..PLAIN
};

/// What a list of texts says beside its texts is meant for the provider behind it, so it stays a list.
static OPENROUTER: Vendor = Vendor {
    kind: Kind::OpenRouter,
    surfaces: EVERYTHING,
    ..UNKNOWN
};

static COHERE: Vendor = Vendor {
    kind: Kind::Cohere,
    refuses: &[
        "logit_bias",
        "metadata",
        "parallel_tool_calls",
        "service_tier",
        "store",
        "stream_options",
        "top_logprobs",
        "user",
    ],
    messages: Messages {
        developer: true,
        ..PLAIN_MESSAGES
    },
    one_choice: true,
    stream_options: false,
    surfaces: EMBEDDINGS,
    ..PLAIN
};

/// Fields that it does not know it ignores in silence; leaving them out lets us say so.
static OLLAMA: Vendor = Vendor {
    kind: Kind::Ollama,
    refuses: &["logit_bias", "parallel_tool_calls", "tool_choice"],
    messages: Messages {
        developer: false,
        ..ANY_MESSAGE
    },
    one_choice: true,
    surfaces: EVERYTHING,
    ..PLAIN
};

static VLLM: Vendor = Vendor {
    kind: Kind::Vllm,
    messages: Messages {
        developer: false,
        ..ANY_MESSAGE
    },
    surfaces: EVERYTHING,
    ..UNKNOWN
};

/// Nothing is known of such a server, so nothing is changed.
static OPENAI_COMPATIBLE: Vendor = Vendor {
    surfaces: Surfaces {
        responses: false,
        ..EVERYTHING
    },
    ..UNKNOWN
};

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
