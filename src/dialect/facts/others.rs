//! Models of everybody else.

use super::Thinking;
use super::row::{Known, NO_VISION, PLAIN, Row, UNTHINKING, row};

const GEMINI: Known = Known {
    context_window: Some(1_048_576),
    default_max_tokens: 8192,
    refuses: &["frequency_penalty", "presence_penalty"],
    thinking: Thinking::Level,
    ..PLAIN
};
const GEMINI_2: Known = Known {
    refuses: &[],
    thinking: Thinking::Never,
    refuses_json_schema: true,
    ..GEMINI
};

const GROK: Known = Known {
    refuses: &["frequency_penalty", "presence_penalty", "stop"],
    ..PLAIN
};

/// From the more special name to the more general one.
pub(super) const ROWS: &[Row] = &[
    // Google
    row(
        &["gemini-3-pro"],
        Known {
            refused_efforts: &["medium", "minimal", "none"],
            ..GEMINI
        },
    ),
    row(
        &["gemini-2-5-pro"],
        Known {
            thinking: Thinking::BudgetAlways,
            ..GEMINI
        },
    ),
    row(
        &["gemini-2-5"],
        Known {
            thinking: Thinking::Budget,
            ..GEMINI
        },
    ),
    row(
        &["gemini-1-5-pro"],
        Known {
            context_window: Some(2_097_152),
            ..GEMINI_2
        },
    ),
    row(&["gemini-2", "gemini-1-5"], GEMINI_2),
    row(&["gemini"], GEMINI),
    // Amazon
    row(&["nova-2"], PLAIN),
    row(
        &["nova-micro"],
        Known {
            context_window: Some(128_000),
            refuses_json_schema: true,
            lacks: NO_VISION,
            ..UNTHINKING
        },
    ),
    row(
        &["nova-lite", "nova-pro"],
        Known {
            context_window: Some(300_000),
            refuses_json_schema: true,
            ..UNTHINKING
        },
    ),
    row(
        &["nova-premier"],
        Known {
            context_window: Some(1_000_000),
            refuses_json_schema: true,
            ..UNTHINKING
        },
    ),
    // xAI
    row(
        &["grok-4"],
        Known {
            thinking: Thinking::Never,
            ..GROK
        },
    ),
    row(
        &["grok-3-mini"],
        Known {
            refused_efforts: &["max", "medium", "minimal", "none", "xhigh"],
            lacks: NO_VISION,
            ..GROK
        },
    ),
    // Cohere
    row(
        &["command-a-reasoning"],
        Known {
            refused_efforts: &["low", "max", "medium", "minimal", "xhigh"],
            ..PLAIN
        },
    ),
    row(&["command-a", "command-r"], UNTHINKING),
    // Open weights, whoever serves them
    row(
        &["deepseek-chat", "deepseek-reasoner", "deepseek-r1", "deepseek-v3"],
        Known {
            lacks: NO_VISION,
            ..PLAIN
        },
    ),
    row(
        &["llama-3-1", "llama-3-3", "llama3-1", "llama3-3"],
        Known {
            lacks: NO_VISION,
            ..UNTHINKING
        },
    ),
];
