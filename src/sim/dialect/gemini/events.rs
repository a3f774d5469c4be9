//! The parts of a streamed answer: as events without names, or as the items of one growing array.
//!
//! Invariant: each is a whole answer of its own with the usage so far; a call is never cut; the reason of the end comes
//! last, and nothing marks the end but it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Cloud, answer, refusal};
use crate::sim::events::{Queue, Teller};
use crate::sim::refusal::Refusal;
use crate::sim::saying::{BlockKind, Finish, Saying, Usage};

/// How the parts are strung together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Sse,
    Array,
}

/// Writes parts.
#[derive(Debug)]
pub(super) struct Events {
    saying: Arc<Saying>,
    cloud: Cloud,
    framing: Framing,
    is_first: bool,
    sent: u64,
}

impl Events {
    pub(super) const fn new(saying: Arc<Saying>, cloud: Cloud, framing: Framing) -> Self {
        Self {
            saying,
            cloud,
            framing,
            is_first: true,
            sent: 0,
        }
    }

    fn say(&mut self, mut answer: Value, usage: &Usage, out: &mut Queue) {
        answer::sign(&mut answer, &self.saying, usage, self.cloud);
        let framed = self.framed(&answer.to_string());
        out.push_back(framed);
    }

    fn framed(&mut self, text: &str) -> Bytes {
        let is_first = std::mem::replace(&mut self.is_first, false);
        Bytes::from(match self.framing {
            Framing::Sse => format!("data: {text}\r\n\r\n"),
            Framing::Array if is_first => format!("[{text}"),
            Framing::Array => format!(",\r\n{text}"),
        })
    }

    fn end_array(&self, out: &mut Queue) {
        if self.framing == Framing::Array {
            out.push_back(Bytes::from_static(b"]"));
        }
    }
}

impl Teller for Events {
    fn open(&mut self, _out: &mut Queue) {}

    fn begin(&mut self, _block: usize, _out: &mut Queue) {}

    fn piece(&mut self, block: usize, text: &str, out: &mut Queue) {
        let saying = Arc::clone(&self.saying);
        let Some(told) = saying.blocks.get(block) else {
            return;
        };
        self.sent += if self.is_whole(block) {
            u64::from(told.tokens)
        } else {
            1
        };
        let usage = Usage {
            completion: self.sent,
            thought: saying.usage.thought.min(self.sent),
            ..saying.usage
        };
        let part = answer::part(&saying, block, text, self.cloud);
        let parts: Vec<_> = part.into_iter().collect();
        self.say(answer::candidate(&parts, None), &usage, out);
    }

    fn end(&mut self, _block: usize, _out: &mut Queue) {}

    fn close(&mut self, _out: &mut Queue) {}

    fn done(&mut self, out: &mut Queue) {
        let saying = Arc::clone(&self.saying);
        let last = if saying.finish == Finish::Filtered {
            answer::blocked()
        } else {
            let reason = answer::finish_reason(saying.finish);
            answer::candidate(&[json!({"text": ""})], Some(reason))
        };
        self.say(last, &saying.usage, out);
        self.end_array(out);
    }

    fn error(&mut self, refusal: &Refusal<'_>, out: &mut Queue) {
        if refusal.is_raw && self.framing == Framing::Sse {
            // An object over several lines, none of which belongs to an event.
            let usual = Refusal {
                is_raw: false,
                ..*refusal
            };
            let error = refusal::body(&usual, self.cloud);
            let text = serde_json::to_string_pretty(&error).unwrap_or_default();
            out.push_back(Bytes::from(text.replace('\n', "\r\n") + "\r\n"));
            return;
        }
        let error = refusal::body(refusal, self.cloud).to_string();
        let framed = self.framed(&error);
        out.push_back(framed);
        self.end_array(out);
    }

    fn malformed(&mut self, _is_raw: bool, out: &mut Queue) {
        let framed = self.framed(r#"{"candidates":[{"content":{"pa"#);
        out.push_back(framed);
    }

    fn is_whole(&self, block: usize) -> bool {
        let block = self.saying.blocks.get(block);
        block.is_some_and(|block| matches!(block.kind, BlockKind::Call { .. }))
    }
}
