//! The frames of a streamed answer.
//!
//! Invariant: the order is `messageStart`, the blocks one after another, `messageStop`, `metadata`. Only a call has a
//! start of its own; a text begins with its first piece.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{answer, frame, refusal};
use crate::sim::dialect::anthropic::signature;
use crate::sim::events::{Queue, Teller};
use crate::sim::refusal::Refusal;
use crate::sim::saying::{BlockKind, Saying};

/// Writes frames.
#[derive(Debug)]
pub(super) struct Events {
    saying: Arc<Saying>,
}

impl Events {
    pub(super) const fn new(saying: Arc<Saying>) -> Self {
        Self { saying }
    }
}

fn event(kind: &str, payload: &Value) -> Bytes {
    frame::event(kind, payload.to_string().as_bytes())
}

fn delta(block: usize, delta: &Value) -> Bytes {
    // The service fills its frames up with letters of no meaning.
    event(
        "contentBlockDelta",
        &json!({"contentBlockIndex": block, "delta": delta, "p": "abcdefghij"}),
    )
}

impl Teller for Events {
    fn open(&mut self, out: &mut Queue) {
        out.push_back(event("messageStart", &json!({"role": "assistant"})));
    }

    fn begin(&mut self, block: usize, out: &mut Queue) {
        if let Some(BlockKind::Call { id, function }) = self.saying.blocks.get(block).map(|it| &it.kind) {
            let start = json!({"toolUse": {"toolUseId": answer::call_id(id), "name": function}});
            out.push_back(event(
                "contentBlockStart",
                &json!({"start": start, "contentBlockIndex": block}),
            ));
        }
    }

    fn piece(&mut self, block: usize, text: &str, out: &mut Queue) {
        let piece = match self.saying.blocks.get(block).map(|block| &block.kind) {
            Some(BlockKind::Thought) if text.is_empty() => return,
            Some(BlockKind::Thought) => json!({"reasoningContent": {"text": text}}),
            Some(BlockKind::Call { .. }) => json!({"toolUse": {"input": text}}),
            Some(BlockKind::Text) | None => json!({"text": text}),
        };
        out.push_back(delta(block, &piece));
    }

    fn end(&mut self, block: usize, out: &mut Queue) {
        if let Some(told) = self.saying.blocks.get(block)
            && told.kind == BlockKind::Thought
        {
            let signature = signature(Some(&told.text));
            out.push_back(delta(
                block,
                &json!({"reasoningContent": {"signature": signature}}),
            ));
        }
        out.push_back(event("contentBlockStop", &json!({"contentBlockIndex": block})));
    }

    fn close(&mut self, _out: &mut Queue) {}

    fn done(&mut self, out: &mut Queue) {
        let reason = answer::stop_reason(self.saying.finish);
        out.push_back(event("messageStop", &json!({"stopReason": reason})));
        let usage = answer::usage(&self.saying.usage);
        out.push_back(event(
            "metadata",
            &json!({"usage": usage, "metrics": answer::metrics()}),
        ));
    }

    fn error(&mut self, refusal: &Refusal<'_>, out: &mut Queue) {
        let (kind, message) = refusal::in_stream(refusal);
        out.push_back(if refusal.is_raw {
            frame::error(kind, message["message"].as_str().unwrap_or_default())
        } else {
            frame::exception(kind, message.to_string().as_bytes())
        });
    }

    fn malformed(&mut self, is_raw: bool, out: &mut Queue) {
        let broken = br#"{"contentBlockIndex":0,"delta":{"te"#;
        let frame = frame::event("contentBlockDelta", broken);
        out.push_back(if is_raw { miscounted(&frame) } else { frame });
    }
}

/// The frame with a checksum that is wrong.
fn miscounted(frame: &[u8]) -> Bytes {
    let mut bytes = frame.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 0xff;
    }
    bytes.into()
}
