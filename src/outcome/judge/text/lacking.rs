//! Texts that say that this target cannot do what was asked, although another may.
//!
//! Invariant: nothing here blames anybody, so each text may stand anywhere in a message. It costs one more attempt
//! to take a caller's mistake for one of these, and an answer to overlook one.

/// At any status.
pub(super) const ANYWHERE: &[&str] = &[
    "is deprecated for this model",
    "unknown variant `developer`",
    "must be passed back",
    "no endpoints found that support",
    "is enabled only for api versions",
];

/// At the statuses that complain of a request.
pub(super) const OF_REQUESTS: &[&str] = &[
    // Lengths of answers
    "maximum allowed number of output tokens",
    "exceeds the model limit of",
    "supports at most",
    // Claude: the order of messages
    "conversation must end with a user message",
    "cannot end with trailing whitespace",
    "must have non-empty content",
    "content blocks must be non-empty",
    // Claude: thinking
    "budget_tokens",
    "when thinking is enabled",
    "when `thinking` is enabled",
    "expected `thinking` or `redacted_thinking`",
    "blocks in the latest assistant message cannot be modified",
    "`signature` in `thinking` block",
    // Claude: sampling, forced tools, schemas, fields
    "cannot both be specified",
    "when tool_choice forces tool use",
    "is not compatible with this model",
    "output_config.",
    "output_format.",
    "'additionalproperties' must be",
    "json schema is invalid",
    "schema is too complex",
    "schemas contains too many",
    "too many optional parameters",
    "too many strict tools",
    "extra inputs are not permitted",
    "image exceeds",
    "image dimensions exceed",
    // Gemini: thinking
    "thought_signature",
    "thought signature",
    "thinking budget",
    "thinking_budget",
    "thinking level",
    "thinking_level",
    "only works in thinking mode",
    // Gemini: features, fields, schemas, files
    "is not enabled for",
    "cannot find field",
    "function call turn",
    "function_declarations",
    "response_schema",
    "too many states for serving",
    "invalid function name",
    "unsupported mime type",
    "cannot fetch content from the provided url",
    // Bedrock
    "extraneous key",
    "must be defined when using tooluse",
    "must start with a user message",
    "roles must alternate",
    "is blank. add text to the text field",
];
