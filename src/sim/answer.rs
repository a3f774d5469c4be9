//! Plain answers in JSON: chat completion, completion and the model listing.
//!
//! They are written as text, not built as a tree, because the benchmark's provider must cost little. Invariant: what
//! is written parses, whatever the names and the caller's words hold.

use super::saying::{Content, Saying, quoted};

/// What Azure adds to a choice.
pub(super) const AZURE_CHOICE: &str = r#","content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#;

/// What Azure adds to an answer.
pub(super) const AZURE_PROMPT: &str = r#""prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}}]"#;

impl Saying {
    /// The answer as one JSON document.
    pub(super) fn plain(&self) -> String {
        let Self {
            number,
            created,
            name,
            finish,
            ..
        } = self;
        let (prefix, object, choice) = match &self.content {
            Content::Chat(text) => ("chatcmpl", "chat.completion", message(&quoted(text), "")),
            Content::ToolCall { function, arguments } => {
                let call = format!(
                    r#","tool_calls":[{{"id":"call_{number}","type":"function","function":{{"name":{},"arguments":{}}}}}]"#,
                    quoted(function),
                    quoted(arguments),
                );
                ("chatcmpl", "chat.completion", message("null", &call))
            }
            Content::Text(text) => ("cmpl", "text_completion", format!(r#""text":{}"#, quoted(text))),
        };
        let model = quoted(&self.model);
        let usage = self.usage_json();
        let (azure_choice, azure_prompt) = if self.is_azure {
            (AZURE_CHOICE, format!(",{AZURE_PROMPT}"))
        } else {
            ("", String::new())
        };
        format!(
            r#"{{"id":"{prefix}-{name}-{number}","object":"{object}","created":{created},"model":{model},"choices":[{{"index":0,{choice},"logprobs":null,"finish_reason":"{finish}"{azure_choice}}}],"usage":{usage},"service_tier":"default","system_fingerprint":"sim-{name}"{azure_prompt}}}"#
        )
    }

    /// The usage object.
    pub(super) fn usage_json(&self) -> String {
        let (prompt, completion) = (self.usage.prompt, self.usage.completion);
        let total = prompt + u64::from(completion);
        format!(
            r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
        )
    }
}

fn message(content: &str, tool_calls: &str) -> String {
    format!(
        r#""message":{{"role":"assistant","content":{content},"refusal":null,"annotations":[]{tool_calls}}}"#
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
