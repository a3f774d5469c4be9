//! OpenAI's models, those with open weights among them.

use super::row::{Known, NO_VISION, NOTHING, PLAIN, Row, UNTHINKING, row};
use super::{MaxTokensField, Thinking};
use crate::catalog::Lacks;

const NO_CHAT_TOOLS: Lacks = Lacks {
    chat_tools: true,
    ..NOTHING
};

/// What models of OpenAI that think do not let one choose.
const SAMPLING: &[&str] = &[
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "presence_penalty",
    "temperature",
    "top_logprobs",
    "top_p",
];
const GPT_4: Known = UNTHINKING;
const GPT_5: Known = Known {
    context_window: Some(400_000),
    default_max_tokens: 16_384,
    max_tokens_field: MaxTokensField::MaxCompletionTokens,
    ..PLAIN
};
const GPT_5_4: Known = Known {
    context_window: Some(1_050_000),
    refused_efforts: &["max", "minimal"],
    tools_need_no_effort: true,
    ..GPT_5
};
const GPT_6: Known = Known {
    refuses: SAMPLING,
    refused_efforts: &["minimal"],
    ..GPT_5_4
};
const O3: Known = Known {
    context_window: Some(200_000),
    refuses: &[
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "parallel_tool_calls",
        "presence_penalty",
        "stop",
        "temperature",
        "top_logprobs",
        "top_p",
    ],
    refused_efforts: &["max", "minimal", "none", "xhigh"],
    ..GPT_5
};

/// From the more special name to the more general one.
pub(super) const ROWS: &[Row] = &[
    row(
        &["gpt-6-astra"],
        Known {
            refused_efforts: &["minimal", "none"],
            tools_need_no_effort: false,
            lacks: NO_CHAT_TOOLS,
            ..GPT_6
        },
    ),
    row(
        &["gpt-6-1-sol"],
        Known {
            refused_efforts: &["max", "minimal", "none"],
            tools_need_no_effort: false,
            lacks: NO_CHAT_TOOLS,
            ..GPT_6
        },
    ),
    row(&["gpt-6", "gpt-5-6"], GPT_6),
    row(
        &["gpt-5-5"],
        Known {
            refuses: SAMPLING,
            ..GPT_5_4
        },
    ),
    row(
        &["gpt-5-4-mini", "gpt-5-4-nano"],
        Known {
            context_window: Some(400_000),
            ..GPT_5_4
        },
    ),
    row(&["gpt-5-4"], GPT_5_4),
    row(
        &["gpt-5-chat", "gpt-5-1-chat", "gpt-5-2-chat", "gpt-5-3-chat"],
        Known {
            context_window: Some(128_000),
            thinking: Thinking::Never,
            ..GPT_5
        },
    ),
    row(
        &["gpt-5-3", "gpt-5-2"],
        Known {
            refused_efforts: &["max", "minimal"],
            ..GPT_5
        },
    ),
    row(
        &["gpt-5-1"],
        Known {
            refused_efforts: &["max", "minimal", "xhigh"],
            ..GPT_5
        },
    ),
    row(
        &["gpt-5"],
        Known {
            refuses: &[
                "frequency_penalty",
                "logit_bias",
                "logprobs",
                "presence_penalty",
                "stop",
                "temperature",
                "top_logprobs",
                "top_p",
            ],
            refused_efforts: &["max", "none", "xhigh"],
            ..GPT_5
        },
    ),
    row(
        &["gpt-4-1"],
        Known {
            context_window: Some(1_047_576),
            ..GPT_4
        },
    ),
    row(
        &["gpt-4o", "chatgpt-4o", "gpt-4-5"],
        Known {
            context_window: Some(128_000),
            ..GPT_4
        },
    ),
    row(
        &["gpt-4-turbo"],
        Known {
            context_window: Some(128_000),
            refuses_json_schema: true,
            lacks: Lacks {
                json_schema: true,
                ..NOTHING
            },
            ..GPT_4
        },
    ),
    // Many models are deployed by this name.
    row(&["gpt-4"], GPT_4),
    row(
        &["gpt-3-5", "gpt-35"],
        Known {
            context_window: Some(16_385),
            refuses_json_schema: true,
            lacks: Lacks {
                json_schema: true,
                ..NO_VISION
            },
            ..GPT_4
        },
    ),
    row(
        &["o1-mini", "o1-preview"],
        Known {
            context_window: Some(128_000),
            thinking: Thinking::Never,
            refuses_json_schema: true,
            lacks: Lacks {
                tools: true,
                json_schema: true,
                ..NO_VISION
            },
            ..O3
        },
    ),
    row(
        &["o3-mini"],
        Known {
            lacks: NO_VISION,
            ..O3
        },
    ),
    row(&["o4-mini", "o3", "o1"], O3),
    row(
        &["gpt-oss"],
        Known {
            context_window: Some(131_072),
            refused_efforts: &["max", "minimal", "none", "xhigh"],
            lacks: NO_VISION,
            ..PLAIN
        },
    ),
];
