//! The rows of all vendors.
//!
//! Invariant: a row says only what sets its vendor apart; everything else is as in the row it is made from.

use super::{CallIds, MaxTokensField, Messages, Surfaces, Vendor};
use crate::config::Kind;

const ANY_MESSAGE: Messages = Messages {
    developer: true,
    lists_of_texts: true,
    names: true,
    call_ids: CallIds::Any,
    extra_content: true,
};
/// Whatever OpenAI has put into its own language, and nothing else.
const OPENAI_MESSAGES: Messages = Messages {
    extra_content: false,
    ..ANY_MESSAGE
};
/// What every vendor understands.
const PLAIN_MESSAGES: Messages = Messages {
    developer: false,
    lists_of_texts: false,
    ..OPENAI_MESSAGES
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
pub(super) const UNKNOWN: Vendor = Vendor {
    kind: Kind::OpenAiCompatible,
    max_tokens_field: MaxTokensField::AsSent,
    refuses: &[],
    renames: &[],
    adds: &[],
    messages: ANY_MESSAGE,
    one_choice: false,
    json_schema: true,
    stream_options: true,
    surfaces: CHAT_ONLY,
};
/// A vendor whose messages are plain and who knows `max_tokens` alone.
const PLAIN: Vendor = Vendor {
    max_tokens_field: MaxTokensField::MaxTokens,
    messages: PLAIN_MESSAGES,
    ..UNKNOWN
};

pub(super) static OPENAI: Vendor = Vendor {
    kind: Kind::OpenAi,
    max_tokens_field: MaxTokensField::MaxCompletionTokens,
    messages: OPENAI_MESSAGES,
    surfaces: EVERYTHING,
    ..UNKNOWN
};

pub(super) static AZURE_OPENAI: Vendor = Vendor {
    kind: Kind::AzureOpenAi,
    max_tokens_field: MaxTokensField::MaxCompletionTokens,
    messages: OPENAI_MESSAGES,
    surfaces: EVERYTHING,
    ..UNKNOWN
};

pub(super) static ANTHROPIC: Vendor = Vendor {
    kind: Kind::Anthropic,
    ..UNKNOWN
};

pub(super) static GEMINI: Vendor = Vendor {
    kind: Kind::Gemini,
    ..UNKNOWN
};

pub(super) static VERTEX: Vendor = Vendor {
    kind: Kind::Vertex,
    ..UNKNOWN
};

pub(super) static BEDROCK: Vendor = Vendor {
    kind: Kind::Bedrock,
    ..UNKNOWN
};

/// It answers fields that it does not know with a 422, and says the usage of streams without being asked.
pub(super) static MISTRAL: Vendor = Vendor {
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

pub(super) static GROQ: Vendor = Vendor {
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

pub(super) static DEEPSEEK: Vendor = Vendor {
    kind: Kind::DeepSeek,
    json_schema: false,
    ..PLAIN
};

pub(super) static XAI: Vendor = Vendor {
    kind: Kind::Xai,
    max_tokens_field: MaxTokensField::AsSent,
    surfaces: Surfaces {
        responses: true,
        ..COMPLETIONS
    },
    ..PLAIN
};

pub(super) static TOGETHER: Vendor = Vendor {
    kind: Kind::Together,
    surfaces: Surfaces {
        embeddings: true,
        ..COMPLETIONS
    },
    ..PLAIN
};

/// Unasked, it would cut a prompt that is too long instead of saying so.
pub(super) static FIREWORKS: Vendor = Vendor {
    kind: Kind::Fireworks,
    adds: &[("context_length_exceeded_behavior", "\"error\"")],
    surfaces: EVERYTHING,
    ..PLAIN
};

/// What a list of texts says beside its texts is meant for the provider behind it, so it stays a list.
pub(super) static OPENROUTER: Vendor = Vendor {
    kind: Kind::OpenRouter,
    surfaces: EVERYTHING,
    ..UNKNOWN
};

pub(super) static COHERE: Vendor = Vendor {
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
pub(super) static OLLAMA: Vendor = Vendor {
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

pub(super) static VLLM: Vendor = Vendor {
    kind: Kind::Vllm,
    messages: Messages {
        developer: false,
        ..ANY_MESSAGE
    },
    surfaces: EVERYTHING,
    ..UNKNOWN
};

/// Nothing is known of such a server, so nothing is changed.
pub(super) static OPENAI_COMPATIBLE: Vendor = Vendor {
    surfaces: Surfaces {
        responses: false,
        ..EVERYTHING
    },
    ..UNKNOWN
};
