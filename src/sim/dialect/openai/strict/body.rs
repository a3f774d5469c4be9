//! The shape of a chat request, as a table.

use serde_json::Value;

use crate::sim::dialect::shape::Kind;
use crate::sim::dialect::shape::Kind::{
    Any, By, Fields, Flag, List, Map, Number, Open, Tagged, Text, TextOr, Whole, Word,
};
use crate::sim::dialect::shape::Need::{May, Must};

const MOST: i64 = i64::MAX;

/// A request for an answer.
pub(super) static CHAT: Kind = Fields(&[
    ("model", May, Text),
    ("messages", Must, List(&By(message))),
    ("max_completion_tokens", May, Whole(1, MOST)),
    ("max_tokens", May, Whole(1, MOST)),
    ("temperature", May, Number(0.0, 2.0)),
    ("top_p", May, Number(0.0, 1.0)),
    ("n", May, Whole(1, 128)),
    ("stop", May, TextOr(&List(&Text))),
    ("presence_penalty", May, Number(-2.0, 2.0)),
    ("frequency_penalty", May, Number(-2.0, 2.0)),
    ("logit_bias", May, Map(&Number(-100.0, 100.0))),
    ("logprobs", May, Flag),
    ("top_logprobs", May, Whole(0, 20)),
    ("seed", May, Whole(i64::MIN, MOST)),
    ("stream", May, Flag),
    (
        "stream_options",
        May,
        Fields(&[("include_usage", May, Flag), ("include_obfuscation", May, Flag)]),
    ),
    ("tools", May, List(&TOOL)),
    ("tool_choice", May, TextOr(&CHOICE)),
    ("parallel_tool_calls", May, Flag),
    ("response_format", May, FORMAT),
    (
        "reasoning_effort",
        May,
        Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    ),
    ("verbosity", May, Word(&["low", "medium", "high"])),
    (
        "service_tier",
        May,
        Word(&["auto", "default", "flex", "scale", "priority", "fast"]),
    ),
    ("metadata", May, Map(&Text)),
    ("user", May, Text),
    ("safety_identifier", May, Text),
    ("prompt_cache_key", May, Text),
    ("prompt_cache_retention", May, Word(&["in_memory", "24h"])),
    ("prompt_cache_options", May, Open),
    ("modalities", May, List(&Word(&["text", "audio"]))),
    (
        "audio",
        May,
        Fields(&[("voice", Must, Any), ("format", Must, Text)]),
    ),
    (
        "prediction",
        May,
        Fields(&[("type", Must, Word(&["content"])), ("content", Must, Any)]),
    ),
    ("store", May, Flag),
    ("web_search_options", May, Open),
    ("moderation", May, Open),
    ("functions", May, List(&FUNCTION)),
    ("function_call", May, TextOr(&Fields(&[("name", Must, Text)]))),
]);

/// A message has the fields of its role.
fn message(message: &Value) -> &'static Kind {
    match message["role"].as_str() {
        Some("developer" | "system") => &SYSTEM,
        Some("assistant") => &ASSISTANT,
        Some("tool") => &RESULT,
        Some("function") => &OLD_RESULT,
        _ => &USER,
    }
}

const ROLE: Kind = Word(&["developer", "system", "user", "assistant", "tool", "function"]);

static TEXTS: Kind = List(&Tagged(&[("text", TEXT)]));

const TEXT: Kind = Fields(&[("text", Must, Text), ("prompt_cache_breakpoint", May, Open)]);

static SYSTEM: Kind = Fields(&[
    ("role", Must, ROLE),
    ("content", Must, TextOr(&TEXTS)),
    ("name", May, Text),
]);

static USER: Kind = Fields(&[
    ("role", Must, ROLE),
    ("content", Must, TextOr(&PARTS)),
    ("name", May, Text),
]);

static PARTS: Kind = List(&Tagged(&[
    ("text", TEXT),
    (
        "image_url",
        Fields(&[
            (
                "image_url",
                Must,
                Fields(&[
                    ("url", Must, Text),
                    ("detail", May, Word(&["auto", "low", "high"])),
                ]),
            ),
            ("prompt_cache_breakpoint", May, Open),
        ]),
    ),
    (
        "input_audio",
        Fields(&[(
            "input_audio",
            Must,
            Fields(&[("data", Must, Text), ("format", Must, Word(&["wav", "mp3"]))]),
        )]),
    ),
    (
        "file",
        Fields(&[(
            "file",
            Must,
            Fields(&[
                ("file_id", May, Text),
                ("file_data", May, Text),
                ("filename", May, Text),
            ]),
        )]),
    ),
]));

static ASSISTANT: Kind = Fields(&[
    ("role", Must, ROLE),
    ("content", May, TextOr(&SAID)),
    ("refusal", May, Text),
    ("name", May, Text),
    ("audio", May, Fields(&[("id", Must, Text)])),
    ("tool_calls", May, List(&CALL)),
    (
        "function_call",
        May,
        Fields(&[("name", Must, Text), ("arguments", Must, Text)]),
    ),
    ("annotations", May, Any),
    // It is not in the schema, but many bring it back, and it is let pass.
    ("reasoning_content", May, Any),
]);

static SAID: Kind = List(&Tagged(&[
    ("text", TEXT),
    ("refusal", Fields(&[("refusal", Must, Text)])),
]));

static CALL: Kind = Tagged(&[
    (
        "function",
        Fields(&[
            ("id", Must, Text),
            (
                "function",
                Must,
                Fields(&[("name", Must, Text), ("arguments", Must, Text)]),
            ),
        ]),
    ),
    (
        "custom",
        Fields(&[
            ("id", Must, Text),
            (
                "custom",
                Must,
                Fields(&[("name", Must, Text), ("input", Must, Text)]),
            ),
        ]),
    ),
]);

static RESULT: Kind = Fields(&[
    ("role", Must, ROLE),
    ("content", Must, TextOr(&TEXTS)),
    ("tool_call_id", Must, Text),
]);

static OLD_RESULT: Kind = Fields(&[("role", Must, ROLE), ("content", Must, Any), ("name", Must, Text)]);

const FUNCTION: Kind = Fields(&[
    ("name", Must, Text),
    ("description", May, Text),
    ("parameters", May, Open),
    ("strict", May, Flag),
]);

static TOOL: Kind = Tagged(&[
    ("function", Fields(&[("function", Must, FUNCTION)])),
    ("custom", Fields(&[("custom", Must, Open)])),
]);

const NAMED: Kind = Fields(&[("name", Must, Text)]);

static CHOICE: Kind = Tagged(&[
    ("function", Fields(&[("function", Must, NAMED)])),
    ("custom", Fields(&[("custom", Must, NAMED)])),
    (
        "allowed_tools",
        Fields(&[(
            "allowed_tools",
            Must,
            Fields(&[("mode", Must, Word(&["auto", "required"])), ("tools", Must, Any)]),
        )]),
    ),
]);

const FORMAT: Kind = Tagged(&[
    ("text", Fields(&[])),
    ("json_object", Fields(&[])),
    (
        "json_schema",
        Fields(&[(
            "json_schema",
            Must,
            Fields(&[
                ("name", Must, Text),
                ("description", May, Text),
                ("schema", May, Open),
                ("strict", May, Flag),
            ]),
        )]),
    ),
]);
