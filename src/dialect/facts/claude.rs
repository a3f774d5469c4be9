//! Anthropic's models.

use super::Thinking;
use super::row::{Known, NO_VISION, PLAIN, Row, row};
use crate::catalog::Lacks;

/// Claude 4.5: the last that thinks by a budget, the first that can be held to a schema.
const CLAUDE_4_5: Known = Known {
    context_window: Some(200_000),
    default_max_tokens: 8192,
    thinking: Thinking::Budget,
    ..PLAIN
};
const CLAUDE_4: Known = Known {
    refuses_json_schema: true,
    ..CLAUDE_4_5
};
const CLAUDE_3: Known = Known {
    default_max_tokens: 4096,
    thinking: Thinking::Never,
    ..CLAUDE_4
};
const CLAUDE_4_6: Known = Known {
    context_window: Some(1_000_000),
    default_max_tokens: 8192,
    thinking: Thinking::Adaptive,
    refused_efforts: &["xhigh"],
    refuses_prefill: true,
    ..PLAIN
};
/// From here on sampling is not to be chosen.
const CLAUDE_4_7: Known = Known {
    refuses: &["temperature", "top_k", "top_p"],
    refused_efforts: &[],
    ..CLAUDE_4_6
};
/// Thinking is part of the answer's length, so there must be room for both.
const CLAUDE_5: Known = Known {
    default_max_tokens: 16_384,
    ..CLAUDE_4_7
};

/// From the more special name to the more general one.
pub(super) const ROWS: &[Row] = &[
    row(
        &["claude-fable-5-1", "claude-mythos-5-1"],
        Known {
            thinking: Thinking::Always,
            refuses_forced_tools: true,
            ..CLAUDE_5
        },
    ),
    row(
        &["claude-fable", "claude-mythos", "claude-opus-5-5"],
        Known {
            thinking: Thinking::Always,
            ..CLAUDE_5
        },
    ),
    row(
        &["claude-opus-5"],
        Known {
            thinking: Thinking::AdaptiveByDefault,
            ..CLAUDE_5
        },
    ),
    row(&["claude-sonnet-5", "claude-haiku-5"], CLAUDE_5),
    row(
        &[
            "claude-opus-4-8",
            "claude-opus-4-7",
            "claude-sonnet-4-8",
            "claude-sonnet-4-7",
            "claude-haiku-4-8",
            "claude-haiku-4-7",
        ],
        CLAUDE_4_7,
    ),
    row(
        &["claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-4-6"],
        CLAUDE_4_6,
    ),
    row(
        &["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"],
        CLAUDE_4_5,
    ),
    row(
        &[
            "claude-opus-4",
            "claude-sonnet-4",
            "claude-4",
            "claude-3-7-sonnet",
            "claude-sonnet-3-7",
        ],
        CLAUDE_4,
    ),
    row(
        &["claude-2", "claude-instant"],
        Known {
            context_window: Some(100_000),
            lacks: Lacks {
                tools: true,
                ..NO_VISION
            },
            ..CLAUDE_3
        },
    ),
    row(
        &["claude-3", "claude-opus-3", "claude-sonnet-3", "claude-haiku-3"],
        CLAUDE_3,
    ),
    row(&["claude"], CLAUDE_5),
];
