//! A response, whole or on its way.

use serde_json::{Value, json};

use crate::sim::saying::{Block, BlockKind, Finish, Saying};

/// The word for how a response ended.
pub(super) const fn status(saying: &Saying) -> &'static str {
    match saying.finish {
        Finish::Stop | Finish::Calls => "completed",
        Finish::Length | Finish::Filtered => "incomplete",
    }
}

/// The response with this status and this output; the usage is told once it has ended.
pub(super) fn response(saying: &Saying, status: &str, output: &[Value]) -> Value {
    let reason = match saying.finish {
        _ if status != "incomplete" => None,
        Finish::Filtered => Some("content_filter"),
        _ => Some("max_output_tokens"),
    };
    let usage = &saying.usage;
    let usage = json!({
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.written},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.thought},
        "total_tokens": usage.total(),
    });
    let has_ended = ["completed", "incomplete"].contains(&status);
    json!({
        "id": format!("resp_{}_{}", saying.name, saying.number),
        "object": "response",
        "created_at": saying.created,
        "status": status,
        "error": null,
        "incomplete_details": reason.map(|reason| json!({"reason": reason})),
        "instructions": null,
        "metadata": {},
        "model": saying.model,
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "service_tier": "default",
        "store": true,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": has_ended.then_some(usage),
    })
}

/// All items of the output.
pub(super) fn output(saying: &Saying) -> Vec<Value> {
    let items = saying.blocks.iter().enumerate();
    items
        .map(|(index, block)| item(saying, index, block, true))
        .collect()
}

/// The id of an item.
pub(super) fn item_id(saying: &Saying, index: usize, block: &Block) -> String {
    let prefix = match block.kind {
        BlockKind::Thought => "rs",
        BlockKind::Text => "msg",
        BlockKind::Call { .. } => "fc",
    };
    format!("{prefix}_{}_{index}", saying.number)
}

/// An item, as it begins or as it is in the end.
pub(super) fn item(saying: &Saying, index: usize, block: &Block, is_whole: bool) -> Value {
    let id = item_id(saying, index, block);
    let text = if is_whole { block.text.as_str() } else { "" };
    let parts: Vec<_> = is_whole.then(|| part(block, text)).into_iter().collect();
    let status = if is_whole { "completed" } else { "in_progress" };
    match &block.kind {
        BlockKind::Thought => json!({"id": id, "type": "reasoning", "summary": parts}),
        BlockKind::Text => {
            json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": parts})
        }
        BlockKind::Call { id: call, function } => json!({
            "id": id,
            "type": "function_call",
            "status": status,
            "arguments": text,
            "call_id": format!("call_{call}"),
            "name": function,
        }),
    }
}

/// The part of an item that holds its text.
pub(super) fn part(block: &Block, text: &str) -> Value {
    match block.kind {
        BlockKind::Thought => json!({"type": "summary_text", "text": text}),
        BlockKind::Text | BlockKind::Call { .. } => {
            json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
        }
    }
}
