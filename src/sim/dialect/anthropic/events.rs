//! The named events of a streamed message.
//!
//! Invariant: the order is `message_start`, the blocks one after another, `message_delta`, `message_stop`; each event's
//! name is its `type`.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::request::Place;
use super::{Anthropic, answer, thought};
use crate::sim::dialect::Manners as _;
use crate::sim::events::{Queue, Teller};
use crate::sim::refusal::Refusal;
use crate::sim::saying::{BlockKind, Saying, Usage};

/// Writes events.
#[derive(Debug)]
pub(super) struct Events {
    place: Place,
    saying: Arc<Saying>,
}

impl Events {
    pub(super) const fn new(place: Place, saying: Arc<Saying>) -> Self {
        Self { place, saying }
    }

    fn delta(index: usize, delta: &Value) -> Bytes {
        event(&json!({"type": "content_block_delta", "index": index, "delta": delta}))
    }
}

fn event(data: &Value) -> Bytes {
    let name = data["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

impl Teller for Events {
    fn open(&mut self, out: &mut Queue) {
        let mut message = answer::shell(&self.saying);
        message["usage"] = answer::usage(&Usage {
            completion: 1,
            thought: 0,
            ..self.saying.usage
        });
        out.push_back(event(&json!({"type": "message_start", "message": message})));
    }

    fn begin(&mut self, block: usize, out: &mut Queue) {
        if let Some(it) = self.saying.blocks.get(block) {
            let start =
                json!({"type": "content_block_start", "index": block, "content_block": answer::empty(it)});
            out.push_back(event(&start));
        }
        if block == 0 {
            out.push_back(event(&json!({"type": "ping"})));
        }
    }

    fn piece(&mut self, block: usize, text: &str, out: &mut Queue) {
        let delta = match self.saying.blocks.get(block).map(|block| &block.kind) {
            Some(BlockKind::Thought) if text.is_empty() => return,
            Some(BlockKind::Thought) => json!({"type": "thinking_delta", "thinking": text}),
            Some(BlockKind::Call { .. }) => json!({"type": "input_json_delta", "partial_json": text}),
            Some(BlockKind::Text) | None => json!({"type": "text_delta", "text": text}),
        };
        out.push_back(Self::delta(block, &delta));
    }

    fn end(&mut self, block: usize, out: &mut Queue) {
        if let Some(told) = self.saying.blocks.get(block)
            && told.kind == BlockKind::Thought
        {
            let signature = thought::signature(Some(&told.text));
            out.push_back(Self::delta(
                block,
                &json!({"type": "signature_delta", "signature": signature}),
            ));
        }
        out.push_back(event(&json!({"type": "content_block_stop", "index": block})));
    }

    fn close(&mut self, out: &mut Queue) {
        let mut delta = json!({});
        answer::end(&mut delta, &self.saying);
        let usage = answer::usage(&self.saying.usage);
        out.push_back(event(
            &json!({"type": "message_delta", "delta": delta, "usage": usage}),
        ));
    }

    fn done(&mut self, out: &mut Queue) {
        out.push_back(event(&json!({"type": "message_stop"})));
    }

    fn error(&mut self, refusal: &Refusal<'_>, out: &mut Queue) {
        let body = Anthropic(self.place).refuse(refusal).body;
        let frame = if refusal.is_raw {
            ""
        } else {
            "event: error\ndata: "
        };
        out.push_back(Bytes::from(format!("{frame}{body}\n\n")));
    }

    fn malformed(&mut self, _is_raw: bool, out: &mut Queue) {
        out.push_back(Bytes::from_static(
            b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"te\n\n",
        ));
    }
}
