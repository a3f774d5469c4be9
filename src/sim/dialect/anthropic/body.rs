//! The shape of a Messages request, as a table.

use serde_json::Value;

use crate::sim::dialect::shape::Kind::{
    Any, By, Fields, Flag, List, Number, Open, Tagged, Text, TextOr, Whole, Word,
};
use crate::sim::dialect::shape::Need::{May, Must};
use crate::sim::dialect::shape::{Field, Kind};

const MOST: i64 = i64::MAX;

/// A question for an answer; `model` and the version are looked at where the path says which of them there is.
pub(super) static MESSAGES: Kind = Fields(&[
    ("max_tokens", Must, Whole(1, MOST)),
    ("messages", Must, List(&MESSAGE)),
    ("system", May, TextOr(&SYSTEM)),
    ("stop_sequences", May, List(&Text)),
    ("stream", May, Flag),
    ("temperature", May, Number(0.0, 1.0)),
    ("top_p", May, Number(0.0, 1.0)),
    ("top_k", May, Whole(0, MOST)),
    ("tools", May, List(&TOOL)),
    ("tool_choice", May, CHOICE),
    ("metadata", May, Fields(&[("user_id", May, Text)])),
    ("thinking", May, THINKING),
    ("output_config", May, OUTPUT),
    ("service_tier", May, Word(&["auto", "standard_only"])),
    ("cache_control", May, CACHE),
    ("container", May, Any),
    ("context_management", May, Any),
    ("diagnostics", May, Open),
    ("inference_geo", May, Text),
    ("mcp_servers", May, Any),
    SPEED,
    ("user_profile_id", May, Text),
    ("workspace_id", May, Text),
]);

/// A question for the number of tokens.
pub(super) static COUNT: Kind = Fields(&[
    ("messages", Must, List(&MESSAGE)),
    ("system", May, TextOr(&SYSTEM)),
    ("tools", May, List(&TOOL)),
    ("tool_choice", May, CHOICE),
    ("thinking", May, THINKING),
    ("output_config", May, OUTPUT),
    ("cache_control", May, CACHE),
    ("context_management", May, Any),
    ("mcp_servers", May, Any),
    SPEED,
    ("user_profile_id", May, Text),
    ("workspace_id", May, Text),
]);

const SPEED: Field = ("speed", May, Word(&["standard", "fast"]));

const CACHE: Kind = Fields(&[
    ("type", Must, Word(&["ephemeral"])),
    ("ttl", May, Word(&["5m", "1h"])),
]);

static MESSAGE: Kind = Fields(&[
    ("role", Must, Word(&["user", "assistant", "system"])),
    ("content", Must, TextOr(&BLOCKS)),
]);

static BLOCKS: Kind = List(&Tagged(&[
    ("text", Fields(TEXT)),
    ("image", Fields(PICTURE)),
    ("document", Fields(DOCUMENT)),
    ("search_result", Open),
    (
        "tool_use",
        Fields(&[
            ("id", Must, Text),
            ("name", Must, Text),
            ("input", Must, Open),
            ("caller", May, Open),
            ("toolset_name", May, Text),
            ("cache_control", May, CACHE),
        ]),
    ),
    (
        "tool_result",
        Fields(&[
            ("tool_use_id", Must, Text),
            ("content", May, TextOr(&RESULT)),
            ("is_error", May, Flag),
            ("toolset_name", May, Text),
            ("cache_control", May, CACHE),
        ]),
    ),
    (
        "thinking",
        Fields(&[("thinking", Must, Text), ("signature", Must, Text)]),
    ),
    ("redacted_thinking", Fields(&[("data", Must, Text)])),
    ("server_tool_use", Open),
    ("web_search_tool_result", Open),
    ("web_fetch_tool_result", Open),
    ("code_execution_tool_result", Open),
    ("bash_code_execution_tool_result", Open),
    ("text_editor_code_execution_tool_result", Open),
    ("tool_search_tool_result", Open),
    ("container_upload", Open),
]));

/// What a tool may give back.
static RESULT: Kind = List(&Tagged(&[
    ("text", Fields(TEXT)),
    ("image", Fields(PICTURE)),
    ("document", Fields(DOCUMENT)),
    ("search_result", Open),
    ("tool_reference", Open),
    ("browser_state", Open),
]));

static SYSTEM: Kind = List(&Tagged(&[("text", Fields(TEXT))]));

const TEXT: &[Field] = &[
    ("text", Must, Text),
    ("cache_control", May, CACHE),
    ("citations", May, Any),
];

const PICTURE: &[Field] = &[
    ("source", Must, IMAGE),
    ("transformations", May, Open),
    ("cache_control", May, CACHE),
];

const IMAGE: Kind = Tagged(&[
    (
        "base64",
        Fields(&[
            (
                "media_type",
                Must,
                Word(&["image/jpeg", "image/png", "image/gif", "image/webp"]),
            ),
            ("data", Must, Text),
        ]),
    ),
    ("url", Fields(&[("url", Must, Text)])),
    ("file", Fields(&[("file_id", Must, Text)])),
]);

const DOCUMENT: &[Field] = &[
    (
        "source",
        Must,
        Tagged(&[
            (
                "base64",
                Fields(&[
                    ("media_type", Must, Word(&["application/pdf"])),
                    ("data", Must, Text),
                ]),
            ),
            (
                "text",
                Fields(&[("media_type", Must, Word(&["text/plain"])), ("data", Must, Text)]),
            ),
            ("content", Fields(&[("content", Must, Any)])),
            ("url", Fields(&[("url", Must, Text)])),
            ("file", Fields(&[("file_id", Must, Text)])),
        ]),
    ),
    ("title", May, Text),
    ("context", May, Text),
    ("citations", May, Fields(&[("enabled", May, Flag)])),
    ("cache_control", May, CACHE),
];

/// A tool of the caller's; those of the service are known by their `type` and are their own affair.
static TOOL: Kind = By(|tool: &Value| match tool["type"].as_str() {
    None | Some("custom") => &CUSTOM_TOOL,
    Some(_) => &Open,
});

static CUSTOM_TOOL: Kind = Fields(&[
    ("type", May, Word(&["custom"])),
    ("name", Must, Text),
    ("description", May, Text),
    ("input_schema", Must, Open),
    ("strict", May, Flag),
    ("cache_control", May, CACHE),
    ("defer_loading", May, Flag),
    ("allowed_callers", May, Any),
    ("input_examples", May, Any),
    ("eager_input_streaming", May, Flag),
]);

const ALONE: Field = ("disable_parallel_tool_use", May, Flag);

const CHOICE: Kind = Tagged(&[
    ("auto", Fields(&[ALONE])),
    ("any", Fields(&[ALONE])),
    ("tool", Fields(&[("name", Must, Text), ALONE])),
    ("none", Fields(&[])),
]);

const DISPLAY: Field = ("display", May, Word(&["summarized", "omitted"]));

/// How a model is to think.
pub(in crate::sim::dialect) const THINKING: Kind = Tagged(&[
    (
        "enabled",
        Fields(&[("budget_tokens", Must, Whole(1024, MOST)), DISPLAY]),
    ),
    ("adaptive", Fields(&[DISPLAY])),
    ("between_tools", Fields(&[])),
    ("disabled", Fields(&[])),
]);

/// How much, and in which form, it is to answer.
pub(in crate::sim::dialect) const OUTPUT: Kind = Fields(&[
    ("effort", May, Word(&["low", "medium", "high", "xhigh", "max"])),
    (
        "format",
        May,
        Tagged(&[("json_schema", Fields(&[("schema", Must, Open)]))]),
    ),
]);
