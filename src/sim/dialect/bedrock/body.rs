//! The shape of a Converse request, as a table.

use crate::sim::dialect::anthropic::{OUTPUT, THINKING};
use crate::sim::dialect::shape::Kind::{Any, Fields, Flag, List, Map, Number, One, Open, Text, Whole, Word};
use crate::sim::dialect::shape::Need::{May, Must};
use crate::sim::dialect::shape::{Field, Kind};

const MOST: i64 = i64::MAX;

/// A question for an answer.
pub(super) static CONVERSE: Kind = Fields(&[
    ("messages", Must, List(&MESSAGE)),
    ("system", May, List(&SYSTEM)),
    (
        "inferenceConfig",
        May,
        Fields(&[
            ("maxTokens", May, Whole(1, MOST)),
            ("temperature", May, Number(0.0, 1.0)),
            ("topP", May, Number(0.0, 1.0)),
            ("stopSequences", May, List(&Text)),
        ]),
    ),
    (
        "toolConfig",
        May,
        Fields(&[("tools", Must, List(&TOOL)), ("toolChoice", May, CHOICE)]),
    ),
    (
        "guardrailConfig",
        May,
        Fields(&[
            ("guardrailIdentifier", May, Text),
            ("guardrailVersion", May, Text),
            ("trace", May, Word(&["enabled", "disabled", "enabled_full"])),
            ("streamProcessingMode", May, Word(&["sync", "async"])),
        ]),
    ),
    ("additionalModelRequestFields", May, Open),
    ("additionalModelResponseFieldPaths", May, List(&Text)),
    ("promptVariables", May, Open),
    ("requestMetadata", May, Map(&Text)),
    (
        "performanceConfig",
        May,
        Fields(&[("latency", May, Word(&["standard", "optimized"]))]),
    ),
    (
        "serviceTier",
        May,
        Fields(&[("type", Must, Word(&["priority", "default", "flex", "reserved"]))]),
    ),
    (
        "outputConfig",
        May,
        Fields(&[
            ("textFormat", May, FORMAT),
            ("effort", May, Word(&["low", "medium", "high", "xhigh", "max"])),
        ]),
    ),
]);

/// What Claude takes beyond what all models take.
pub(super) static CLAUDE: Kind = Fields(&[
    ("thinking", May, THINKING),
    ("output_config", May, OUTPUT),
    ("top_k", May, Whole(0, MOST)),
    ("anthropic_beta", May, List(&Text)),
    ("tool_choice", May, Open),
    ("context_management", May, Any),
]);

static MESSAGE: Kind = Fields(&[
    ("role", Must, Word(&["user", "assistant"])),
    ("content", Must, List(&BLOCK)),
]);

static BLOCK: Kind = One(&[
    ("text", May, Text),
    ("image", May, IMAGE),
    ("document", May, DOCUMENT),
    ("video", May, Open),
    ("audio", May, Open),
    (
        "toolUse",
        May,
        Fields(&[
            ("toolUseId", Must, Text),
            ("name", Must, Text),
            ("input", Must, Open),
            ("type", May, Text),
        ]),
    ),
    (
        "toolResult",
        May,
        Fields(&[
            ("toolUseId", Must, Text),
            ("content", Must, List(&RESULT)),
            ("status", May, Word(&["success", "error"])),
            ("type", May, Text),
        ]),
    ),
    (
        "reasoningContent",
        May,
        One(&[
            (
                "reasoningText",
                May,
                Fields(&[("text", Must, Text), ("signature", May, Text)]),
            ),
            ("redactedContent", May, Text),
        ]),
    ),
    ("guardContent", May, Open),
    ("cachePoint", May, CACHE),
    ("citationsContent", May, Open),
    ("searchResult", May, Open),
]);

/// What a tool may give back.
static RESULT: Kind = One(&[
    ("text", May, Text),
    ("json", May, Open),
    ("image", May, IMAGE),
    ("document", May, DOCUMENT),
    ("video", May, Open),
    ("searchResult", May, Open),
]);

static SYSTEM: Kind = One(&[
    ("text", May, Text),
    ("cachePoint", May, CACHE),
    ("guardContent", May, Open),
]);

static TOOL: Kind = One(&[
    (
        "toolSpec",
        May,
        Fields(&[
            ("name", Must, Text),
            ("description", May, Text),
            ("inputSchema", Must, Fields(&[("json", Must, Open)])),
            ("strict", May, Flag),
        ]),
    ),
    ("systemTool", May, Open),
    ("cachePoint", May, CACHE),
]);

const CHOICE: Kind = One(&[
    ("auto", May, Fields(&[])),
    ("any", May, Fields(&[])),
    ("tool", May, Fields(&[("name", Must, Text)])),
]);

const CACHE: Kind = Fields(&[
    ("type", Must, Word(&["default"])),
    ("ttl", May, Word(&["5m", "1h"])),
]);

const STORED: Field = (
    "s3Location",
    May,
    Fields(&[("uri", Must, Text), ("bucketOwner", May, Text)]),
);

const IMAGE: Kind = Fields(&[
    ("format", Must, Word(&["png", "jpeg", "gif", "webp"])),
    ("source", Must, One(&[("bytes", May, Text), STORED])),
]);

const DOCUMENT: Kind = Fields(&[
    (
        "format",
        May,
        Word(&["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"]),
    ),
    ("name", Must, Text),
    (
        "source",
        Must,
        One(&[
            ("bytes", May, Text),
            STORED,
            ("text", May, Text),
            ("content", May, Any),
        ]),
    ),
    ("context", May, Text),
    ("citations", May, Fields(&[("enabled", Must, Flag)])),
]);

const FORMAT: Kind = Fields(&[
    ("type", Must, Word(&["json_schema"])),
    (
        "structure",
        Must,
        One(&[(
            "jsonSchema",
            May,
            Fields(&[
                ("schema", Must, Text),
                ("name", May, Text),
                ("description", May, Text),
            ]),
        )]),
    ),
]);
