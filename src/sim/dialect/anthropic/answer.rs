//! Whole answers of the Messages API, its count of tokens, and its listing of models.

use serde_json::{Value, json};

use super::thought;
use crate::sim::saying::{Block, BlockKind, Finish, Saying, Usage};

/// A message as one JSON document.
pub(super) fn message(saying: &Saying) -> Value {
    let content: Vec<_> = saying.blocks.iter().map(whole).collect();
    let mut message = shell(saying);
    message["content"] = content.into();
    end(&mut message, saying);
    message["usage"] = usage(&saying.usage);
    message
}

/// A message before its first word.
pub(super) fn shell(saying: &Saying) -> Value {
    json!({
        "id": format!("msg_{}_{}", saying.name, saying.number),
        "type": "message",
        "role": "assistant",
        "model": saying.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
    })
}

/// Writes down why a message, or its last event, ends.
pub(super) fn end(into: &mut Value, saying: &Saying) {
    into["stop_reason"] = match saying.finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
        Finish::Filtered => "refusal",
    }
    .into();
    into["stop_sequence"] = Value::Null;
    if saying.finish == Finish::Filtered {
        into["stop_details"] = json!({
            "type": "refusal",
            "category": "cyber",
            "explanation": "This request was declined by the safety system.",
        });
    }
}

fn whole(block: &Block) -> Value {
    let text = &block.text;
    let mut whole = empty(block);
    match block.kind {
        BlockKind::Thought => {
            whole["thinking"] = text.as_str().into();
            whole["signature"] = thought::signature(Some(text)).into();
        }
        BlockKind::Text => whole["text"] = text.as_str().into(),
        // The arguments are made here and parse.
        BlockKind::Call { .. } => whole["input"] = serde_json::from_str(text).unwrap_or_default(),
    }
    whole
}

/// A block as it begins.
pub(super) fn empty(block: &Block) -> Value {
    match &block.kind {
        BlockKind::Thought => json!({"type": "thinking", "thinking": "", "signature": ""}),
        BlockKind::Text => json!({"type": "text", "text": ""}),
        BlockKind::Call { id, function } => {
            json!({"type": "tool_use", "id": format!("toolu_{id}"), "name": function, "input": {}})
        }
    }
}

/// The usage, whose parts of the prompt do not overlap.
pub(super) fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.fresh(),
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"thinking_tokens": usage.thought},
        "service_tier": "standard",
    })
}

/// One model.
pub(super) fn model(id: &str, name: &str) -> Value {
    json!({
        "id": id,
        "type": "model",
        "display_name": format!("{id} of sim {name}"),
        "created_at": "2026-09-21T00:00:00Z",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    })
}

/// The listing.
pub(super) fn models(ids: &[String], name: &str) -> Value {
    let data: Vec<_> = ids.iter().map(|id| model(id, name)).collect();
    json!({"data": data, "has_more": false, "first_id": ids.first(), "last_id": ids.last()})
}
