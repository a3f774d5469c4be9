//! Whole answers of Converse, and the listing of foundation models.

use serde_json::{Value, json};

use crate::sim::dialect::anthropic::signature;
use crate::sim::saying::{Block, BlockKind, Finish, Saying, Usage};

/// An answer as one JSON document.
pub(super) fn answer(saying: &Saying) -> Value {
    let content: Vec<_> = saying.blocks.iter().map(block).collect();
    json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(saying.finish),
        "usage": usage(&saying.usage),
        "metrics": metrics(),
    })
}

fn block(block: &Block) -> Value {
    let text = &block.text;
    match &block.kind {
        BlockKind::Thought => {
            json!({"reasoningContent": {"reasoningText": {"text": text, "signature": signature(Some(text))}}})
        }
        BlockKind::Text => json!({"text": text}),
        BlockKind::Call { id, function } => {
            // The arguments are made here and parse.
            let input: Value = serde_json::from_str(text).unwrap_or_default();
            json!({"toolUse": {"toolUseId": call_id(id), "name": function, "input": input}})
        }
    }
}

/// The id of a call.
pub(super) fn call_id(id: &str) -> String {
    format!("tooluse_{id}")
}

/// The word for an end.
pub(super) const fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Filtered => "guardrail_intervened",
    }
}

/// The usage, whose parts of the prompt do not overlap.
pub(super) fn usage(usage: &Usage) -> Value {
    json!({
        "inputTokens": usage.fresh(),
        "outputTokens": usage.completion,
        "totalTokens": usage.total(),
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": usage.written,
    })
}

/// How long it took, as the service would say.
pub(super) fn metrics() -> Value {
    json!({"latencyMs": 1})
}

/// One model.
pub(super) fn model(id: &str, name: &str) -> Value {
    json!({
        "modelId": id,
        "modelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{id}"),
        "modelName": id,
        "providerName": format!("sim {name}"),
        "inputModalities": ["TEXT", "IMAGE"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": true,
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {"status": "ACTIVE"},
    })
}

/// The listing.
pub(super) fn models(ids: &[String], name: &str) -> Value {
    let summaries: Vec<_> = ids.iter().map(|id| model(id, name)).collect();
    json!({"modelSummaries": summaries})
}
