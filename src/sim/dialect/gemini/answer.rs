//! Whole answers with content, and the listing of models.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Cloud;
use crate::sim::saying::{Block, BlockKind, Finish, Saying, Usage};

/// An answer as one JSON document.
pub(super) fn answer(saying: &Saying, cloud: Cloud) -> Value {
    let parts = (0..saying.blocks.len()).filter_map(|block| {
        let text = saying.blocks.get(block)?.text.as_str();
        part(saying, block, text, cloud)
    });
    let parts: Vec<_> = parts.collect();
    let mut answer = if saying.finish == Finish::Filtered {
        blocked()
    } else {
        candidate(&parts, Some(finish_reason(saying.finish)))
    };
    sign(&mut answer, saying, &saying.usage, cloud);
    answer
}

/// What the safety system says in place of an answer.
pub(super) fn blocked() -> Value {
    json!({"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": []}})
}

/// An answer, or a part of one.
pub(super) fn candidate(parts: &[Value], finish_reason: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = finish_reason {
        candidate["finishReason"] = reason.into();
    }
    json!({"candidates": [candidate]})
}

/// Adds what every answer and every part of one says of itself.
pub(super) fn sign(answer: &mut Value, saying: &Saying, usage: &Usage, cloud: Cloud) {
    answer["usageMetadata"] = usage_metadata(usage, cloud);
    answer["modelVersion"] = saying.model.as_str().into();
    answer["responseId"] = format!("resp-{}-{}", saying.name, saying.number).into();
}

/// A block, or a piece of it.
pub(super) fn part(saying: &Saying, block: usize, text: &str, cloud: Cloud) -> Option<Value> {
    let Block { kind, .. } = saying.blocks.get(block)?;
    Some(match kind {
        BlockKind::Thought => json!({"text": text, "thought": true}),
        BlockKind::Text => json!({"text": text}),
        BlockKind::Call { id, function } => {
            // The arguments are made here and parse.
            let args: Value = serde_json::from_str(text).unwrap_or_default();
            let mut call = json!({"name": function, "args": args});
            if cloud == Cloud::Gemini {
                call["id"] = format!("call_{id}").into();
            }
            let mut part = json!({"functionCall": call});
            if saying.call_index(block) == 0 {
                part["thoughtSignature"] = STANDARD.encode(format!("thought before {id}")).into();
            }
            part
        }
    })
}

/// The word for an end; that there are calls is not told by it.
pub(super) const fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Calls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filtered => "SAFETY",
    }
}

fn usage_metadata(usage: &Usage, cloud: Cloud) -> Value {
    let mut metadata = json!({
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.completion.saturating_sub(usage.thought),
        "totalTokenCount": usage.total(),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.prompt}],
    });
    if usage.cached > 0 {
        metadata["cachedContentTokenCount"] = usage.cached.into();
    }
    if usage.thought > 0 {
        metadata["thoughtsTokenCount"] = usage.thought.into();
    }
    if cloud == Cloud::Vertex {
        metadata["trafficType"] = "ON_DEMAND".into();
    }
    metadata
}

/// One model.
pub(super) fn model(id: &str, name: &str, cloud: Cloud) -> Value {
    match cloud {
        Cloud::Gemini => json!({
            "name": format!("models/{id}"),
            "version": "001",
            "displayName": format!("{id} of sim {name}"),
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
            "temperature": 1,
            "maxTemperature": 2,
            "thinking": true,
        }),
        Cloud::Vertex => json!({
            "name": format!("publishers/google/models/{id}"),
            "versionId": "default",
            "launchStage": "GA",
        }),
    }
}

/// The listing.
pub(super) fn models(ids: &[String], name: &str, cloud: Cloud) -> Value {
    let all: Vec<_> = ids.iter().map(|id| model(id, name, cloud)).collect();
    match cloud {
        Cloud::Gemini => json!({"models": all}),
        Cloud::Vertex => json!({"publisherModels": all}),
    }
}
