//! The shape of a request for content, as a table. Names may be spelled in `snake_case` too.

use serde_json::Value;

use crate::sim::dialect::shape::Kind;
use crate::sim::dialect::shape::Kind::{Any, By, Fields, Flag, List, Map, Number, Open, Text, Whole, Word};
use crate::sim::dialect::shape::Need::{May, Must};

const MOST: i64 = i64::MAX;

/// A question for content.
pub(super) static GENERATE: Kind = Fields(&[
    ("contents", Must, List(&CONTENT)),
    ("systemInstruction", May, CONTENT),
    ("tools", May, List(&TOOL)),
    ("toolConfig", May, TOOL_CONFIG),
    ("safetySettings", May, List(&SAFETY)),
    ("generationConfig", May, GENERATION),
    ("cachedContent", May, Text),
    ("labels", May, Map(&Text)),
    ("serviceTier", May, Text),
    ("store", May, Flag),
    ("modelArmorConfig", May, Open),
]);

/// A question for the number of tokens.
pub(super) static COUNT: Kind = Fields(&[
    ("contents", May, List(&CONTENT)),
    ("systemInstruction", May, CONTENT),
    ("tools", May, List(&TOOL)),
    ("generationConfig", May, GENERATION),
    ("generateContentRequest", May, Open),
]);

const CONTENT: Kind = Fields(&[("role", May, Text), ("parts", May, List(&PART))]);

static PART: Kind = Fields(&[
    ("text", May, Text),
    (
        "inlineData",
        May,
        Fields(&[
            ("mimeType", Must, Text),
            ("data", Must, Text),
            ("displayName", May, Text),
        ]),
    ),
    (
        "fileData",
        May,
        Fields(&[
            ("mimeType", May, Text),
            ("fileUri", Must, Text),
            ("displayName", May, Text),
        ]),
    ),
    (
        "functionCall",
        May,
        Fields(&[("id", May, Text), ("name", May, Text), ("args", May, Open)]),
    ),
    (
        "functionResponse",
        May,
        Fields(&[
            ("id", May, Text),
            ("name", May, Text),
            ("response", May, Open),
            ("parts", May, Any),
            ("willContinue", May, Flag),
            ("scheduling", May, Text),
        ]),
    ),
    ("executableCode", May, Open),
    ("codeExecutionResult", May, Open),
    ("thought", May, Flag),
    ("thoughtSignature", May, Text),
    ("videoMetadata", May, Open),
    ("mediaResolution", May, Any),
    ("partMetadata", May, Open),
    ("mediaProcessing", May, Any),
]);

/// The fields of a part of which there has to be exactly one.
pub(super) const DATA: [&str; 7] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
];

static TOOL: Kind = Fields(&[
    ("functionDeclarations", May, List(&DECLARATION)),
    ("googleSearch", May, Open),
    ("googleSearchRetrieval", May, Open),
    ("googleMaps", May, Open),
    ("codeExecution", May, Open),
    ("urlContext", May, Open),
    ("computerUse", May, Open),
    ("fileSearch", May, Open),
    ("enterpriseWebSearch", May, Open),
    ("parallelAiSearch", May, Open),
    ("retrieval", May, Open),
    ("mcpServers", May, Any),
]);

static DECLARATION: Kind = Fields(&[
    ("name", Must, Text),
    ("description", May, Text),
    ("behavior", May, Text),
    ("parameters", May, By(schema)),
    ("parametersJsonSchema", May, Any),
    ("response", May, By(schema)),
    ("responseJsonSchema", May, Any),
]);

/// The part of `OpenAPI` that is taken: no references, no closed objects, no choices but `anyOf`.
static SCHEMA: Kind = Fields(&[
    ("type", May, Text),
    ("format", May, Text),
    ("title", May, Text),
    ("description", May, Text),
    ("nullable", May, Flag),
    ("enum", May, List(&Text)),
    ("items", May, By(schema)),
    ("minItems", May, Any),
    ("maxItems", May, Any),
    ("properties", May, Map(&By(schema))),
    ("propertyOrdering", May, List(&Text)),
    ("required", May, List(&Text)),
    ("minProperties", May, Any),
    ("maxProperties", May, Any),
    ("minimum", May, Number(f64::MIN, f64::MAX)),
    ("maximum", May, Number(f64::MIN, f64::MAX)),
    ("minLength", May, Any),
    ("maxLength", May, Any),
    ("pattern", May, Text),
    ("anyOf", May, List(&By(schema))),
    ("example", May, Any),
    ("default", May, Any),
]);

/// Schemas hold schemas.
fn schema(_: &Value) -> &'static Kind {
    &SCHEMA
}

const TOOL_CONFIG: Kind = Fields(&[
    (
        "functionCallingConfig",
        May,
        Fields(&[
            (
                "mode",
                May,
                Word(&["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"]),
            ),
            ("allowedFunctionNames", May, List(&Text)),
            ("streamFunctionCallArguments", May, Flag),
        ]),
    ),
    ("retrievalConfig", May, Open),
    ("includeServerSideToolInvocations", May, Flag),
]);

static SAFETY: Kind = Fields(&[
    ("category", Must, Text),
    (
        "threshold",
        Must,
        Word(&[
            "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
            "BLOCK_LOW_AND_ABOVE",
            "BLOCK_MEDIUM_AND_ABOVE",
            "BLOCK_ONLY_HIGH",
            "BLOCK_NONE",
            "OFF",
        ]),
    ),
    ("method", May, Text),
]);

const GENERATION: Kind = Fields(&[
    ("temperature", May, Number(0.0, 2.0)),
    ("topP", May, Number(0.0, 1.0)),
    ("topK", May, Number(0.0, f64::MAX)),
    ("candidateCount", May, Whole(1, 8)),
    ("maxOutputTokens", May, Whole(1, MOST)),
    ("stopSequences", May, List(&Text)),
    ("presencePenalty", May, Number(-2.0, 2.0)),
    ("frequencyPenalty", May, Number(-2.0, 2.0)),
    ("seed", May, Whole(-2_147_483_648, 2_147_483_647)),
    (
        "responseMimeType",
        May,
        Word(&["text/plain", "application/json", "text/x.enum"]),
    ),
    ("responseSchema", May, By(schema)),
    ("responseJsonSchema", May, Any),
    ("responseLogprobs", May, Flag),
    ("logprobs", May, Whole(0, 20)),
    ("responseModalities", May, List(&Text)),
    ("enableEnhancedCivicAnswers", May, Flag),
    ("speechConfig", May, Open),
    ("imageConfig", May, Open),
    ("mediaResolution", May, Text),
    ("audioTimestamp", May, Flag),
    ("routingConfig", May, Open),
    ("modelConfig", May, Open),
    ("audioTranscriptionConfig", May, Open),
    ("continuationToken", May, Text),
    (
        "thinkingConfig",
        May,
        Fields(&[
            ("includeThoughts", May, Flag),
            ("thinkingBudget", May, Whole(-1, 2_147_483_647)),
            (
                "thinkingLevel",
                May,
                Word(&[
                    "THINKING_LEVEL_UNSPECIFIED",
                    "MINIMAL",
                    "LOW",
                    "MEDIUM",
                    "HIGH",
                    "XHIGH",
                    "minimal",
                    "low",
                    "medium",
                    "high",
                    "xhigh",
                ]),
            ),
        ]),
    ),
]);
