//! Plain answers in JSON: chat completion, completion and the model listing.
//!
//! They are written as text, not built as a tree, because the benchmark's provider must cost little. Invariant: what
//! is written parses, whatever the names and the caller's words hold.

use super::Face;
use crate::sim::saying::{Finish, Saying, Usage, quoted};

/// What Azure adds to a choice.
pub(super) const AZURE_CHOICE: &str = r#","content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#;

/// What Azure adds to an answer.
pub(super) const AZURE_PROMPT: &str = r#""prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}}]"#;

/// A chat completion as one JSON document.
pub(super) fn chat(face: Face, saying: &Saying) -> String {
    let calls: Vec<_> = saying
        .calls()
        .map(|(id, function, arguments)| {
            format!(
                r#"{{"id":"call_{id}","type":"function","function":{{"name":{},"arguments":{}}}}}"#,
                quoted(function),
                quoted(arguments),
            )
        })
        .collect();
    let words = saying.words();
    let content = if words.is_empty() {
        "null".to_owned()
    } else {
        quoted(&words)
    };
    let calls = if calls.is_empty() {
        String::new()
    } else {
        format!(r#","tool_calls":[{}]"#, calls.join(","))
    };
    let thoughts = saying
        .thoughts()
        .map(|text| format!(r#","reasoning_content":{}"#, quoted(text)))
        .unwrap_or_default();
    let message = format!(
        r#""message":{{"role":"assistant","content":{content},"refusal":null,"annotations":[]{thoughts}{calls}}}"#
    );
    document(face, saying, ("chatcmpl", "chat.completion"), &message)
}

/// An older completion as one JSON document.
pub(super) fn completion(face: Face, saying: &Saying) -> String {
    let text = format!(r#""text":{}"#, quoted(&saying.words()));
    document(face, saying, ("cmpl", "text_completion"), &text)
}

fn document(face: Face, saying: &Saying, (prefix, object): (&str, &str), choice: &str) -> String {
    let Saying {
        number,
        created,
        name,
        ..
    } = saying;
    let model = quoted(&saying.model);
    let finish = finish(saying.finish);
    let usage = usage(&saying.usage);
    let (azure_choice, azure_prompt) = match face {
        Face::Own => ("", String::new()),
        Face::Deployment | Face::AzureV1 => (AZURE_CHOICE, format!(",{AZURE_PROMPT}")),
    };
    format!(
        r#"{{"id":"{prefix}-{name}-{number}","object":"{object}","created":{created},"model":{model},"choices":[{{"index":0,{choice},"logprobs":null,"finish_reason":"{finish}"{azure_choice}}}],"usage":{usage},"service_tier":"default","system_fingerprint":"sim-{name}"{azure_prompt}}}"#
    )
}

/// The word for an end.
pub(super) const fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Filtered => "content_filter",
    }
}

/// The usage object.
pub(super) fn usage(usage: &Usage) -> String {
    let Usage {
        prompt,
        cached,
        written,
        completion,
        thought,
    } = usage;
    let total = usage.total();
    format!(
        r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached},"cache_write_tokens":{written},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{thought},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
    )
}

/// When the models of every simulated provider were made.
const MODEL_CREATED: u64 = 1_790_000_000;

/// One model.
pub(super) fn model(id: &str, name: &str) -> String {
    format!(
        r#"{{"id":{},"object":"model","created":{MODEL_CREATED},"owned_by":"sim-{name}"}}"#,
        quoted(id)
    )
}

/// The listing.
pub(super) fn models(ids: &[String], name: &str) -> String {
    let items: Vec<_> = ids.iter().map(|id| model(id, name)).collect();
    format!(r#"{{"object":"list","data":[{}]}}"#, items.join(","))
}
