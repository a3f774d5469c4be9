//! What the message of an error means, where no word of the body said it.
//!
//! Invariant: a text that puts blame on the provider or our key must open the message, or come with a status at
//! which nobody echoes requests; a text that blames nobody may stand anywhere. None of these texts is promised by
//! any vendor, so each is the last resort before the status.

mod lacking;

use crate::outcome::class::Class;

/// Characters of a message that are read; vendors say what they mean early on.
const READ_LIMIT: usize = 2000;

/// The prompt and the window, in the words of many vendors.
const CONTEXT: &[&str] = &[
    "maximum context length",
    "maximum context limit",
    "model's context length",
    "context length of the model",
    "exceeds the context window",
    "exceeds the model's context window",
    "exceed context limit",
    "exceeds the available context size",
    "input tokens exceed the configured limit",
    "exceeds the maximum number of tokens allowed",
    "prompt is too long",
    "input is too long for requested model",
    "reduce the input token count",
    "reduce the length of the messages",
    "`max_new_tokens` must be <=",
];

/// More bytes than fit.
const PAYLOAD: &[&str] = &[
    "request payload size exceeds",
    "request exceeds the maximum size",
    "request body is too large",
];

/// Content that was refused.
const CONTENT: &[&str] = &[
    "content management policy",
    "blocked by content filtering",
    "responsible ai practices",
    "our safety system",
    "violates usage guidelines",
    "violating our usage policy",
    "requires moderation",
];

/// Money, at statuses where nobody echoes a request. Not `billing` or `payment`: rate limits advertise with them.
const MONEY: &[&str] = &[
    "available credits",
    "any credits",
    "insufficient credits",
    "out of credits",
    "credit balance",
    "insufficient balance",
    "insufficient funds",
    "spending limit",
    "spend limit",
    "spending cap",
    "too many tokens per day",
];

/// Money, where it opens the message.
const MONEY_FIRST: &[&str] = &[
    "you have reached your specified api usage limits",
    "you have reached your specified workspace api usage limits",
    "your credit balance is too low",
    "insufficient balance",
    "insufficient credits",
];

/// A bad key, where it opens the message.
const KEY_FIRST: &[&str] = &[
    "incorrect api key",
    "invalid api key",
    "api key not valid",
    "api key expired",
    "api key not found",
];

/// No capacity, at statuses where nobody echoes a request.
const OVERLOAD: &[&str] = &["overloaded", "at capacity", "high demand", "no capacity"];

/// What the request refers to, and only the caller can have put there: a file, a cache, an object in a bucket.
const CALLERS_OWN: &[&str] = &[
    "permission to access the file",
    "is not in an active state",
    "cachedcontent",
    "cached content",
    "storage.objects.",
    "s3:getobject",
];

/// The same, where it opens the message.
const CALLERS_OWN_FIRST: &[&str] = &[
    "file not found",
    "the file ",
    "no such file",
    "container not found",
    "container_id",
    "skill not found",
];

/// The class that the message names at a status in the 400s.
pub(super) fn class_of(status: u16, message: &str) -> Option<Class> {
    let said = lowered(message);
    let opens = |openings: &[&str]| openings.iter().any(|opening| said.starts_with(opening));
    let holds = |needles: &[&str]| needles.iter().any(|needle| said.contains(needle));
    if holds(CONTENT) {
        Some(Class::ContentFilter)
    } else if opens(KEY_FIRST) {
        Some(Class::Auth)
    } else if opens(MONEY_FIRST) || status == 403 && holds(MONEY) {
        Some(Class::QuotaExhausted)
    } else if holds(CONTEXT) || said.contains("current length is") && said.contains("while limit is") {
        Some(Class::ContextLength)
    } else if holds(PAYLOAD) {
        Some(Class::PayloadTooLarge)
    } else if status != 404 && names_unknown_model(&said) || status == 403 && is_denied_model(&said) {
        Some(Class::ModelNotFound)
    } else if holds(lacking::ANYWHERE)
        || matches!(status, 400 | 413 | 415 | 422) && (lacks_feature(&said) || holds(lacking::OF_REQUESTS))
    {
        Some(Class::Unsupported)
    } else {
        None
    }
}

/// What a 429 is about, if not about a rate.
pub(super) fn limit_of(message: &str) -> Option<Class> {
    let said = lowered(message);
    if MONEY.iter().any(|needle| said.contains(needle)) {
        return Some(Class::QuotaExhausted);
    }
    is_overload(&said).then_some(Class::Overloaded)
}

/// Does it say that there is no capacity just now?
pub(super) fn is_overload(message: &str) -> bool {
    let said = lowered(message);
    OVERLOAD.iter().any(|needle| said.contains(needle))
}

/// Is it about something that only the caller can have named, so that it says nothing of our key or model?
pub(super) fn is_about_callers_own(message: &str) -> bool {
    let said = lowered(message);
    CALLERS_OWN.iter().any(|needle| said.contains(needle))
        || CALLERS_OWN_FIRST.iter().any(|opening| said.starts_with(opening))
}

/// Does it say that the account may not use the model we named?
pub(super) fn denies_model(message: &str) -> bool {
    is_denied_model(&lowered(message))
}

/// Does it say that a token, as a credential, is no good?
pub(super) fn is_bad_token(message: &str) -> bool {
    let said = lowered(message);
    said.contains("invalid") && (said.contains("token") || said.contains("key"))
}

/// Does the message open with this, in any case?
pub(super) fn opens_with(message: &str, opening: &str) -> bool {
    message
        .get(..opening.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(opening))
}

/// The model we named is not there. Our configuration names it, never the caller.
fn names_unknown_model(said: &str) -> bool {
    let gone = [
        "does not exist",
        "not found",
        "decommissioned",
        "retired",
        "is not available",
    ];
    let quoted = said
        .strip_prefix("the ")
        .unwrap_or(said)
        .strip_prefix("model ")
        .unwrap_or_default();
    said.starts_with("invalid model:")
        || said.starts_with("invalid model name")
        || said.starts_with("model not found")
        || said.starts_with("the provided model identifier is invalid")
        || said.starts_with("the model identifier is invalid")
        || said.contains("on-demand throughput")
            && (said.starts_with("invocation of model id") || said.starts_with("the provided model"))
        || is_publishers_model(said)
        || said.ends_with("is not a valid model id")
        || quoted.starts_with(['`', '\'', '"']) && gone.iter().any(|end| said.contains(end))
}

/// The account may not use the model we named, or not where we asked for it.
fn is_denied_model(said: &str) -> bool {
    ["access to model", "access to the model", "access to this model"]
        .iter()
        .any(|needle| said.contains(needle))
        || said.starts_with("model access is denied")
        || is_publishers_model(said)
}

/// Vertex AI's way to say that a model is not to be had.
fn is_publishers_model(said: &str) -> bool {
    let opening = said.strip_prefix("the ").unwrap_or(said);
    let gone = [
        "was not found",
        "not servable",
        "not available",
        "is not allowed",
        "not supported in",
    ];
    opening.starts_with("publisher model") && gone.iter().any(|end| said.contains(end))
}

/// This model, or this server, cannot do what was asked.
fn lacks_feature(said: &str) -> bool {
    let lacking = [
        "does not support",
        "doesn't support",
        "not supported",
        "unsupported",
    ];
    said.contains("model") && lacking.iter().any(|needle| said.contains(needle))
}

/// The part of the message that is read, in lower case.
fn lowered(message: &str) -> String {
    message
        .trim_start()
        .chars()
        .take(READ_LIMIT)
        .map(|c| if c == '’' { '\'' } else { c.to_ascii_lowercase() })
        .collect()
}
