//! Writes the events of Anthropic's surface.
//!
//! Invariant: the message begins before anything else and once, and at most one block is open.

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use super::super::answer::{Message, WrittenUsage};
use super::super::call_id;
use super::Literal;
use crate::dialect::language::About;
use crate::dialect::usage::Usage;

/// The block that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    None,
    Text,
    Call,
}

/// The events of one stream.
#[derive(Debug)]
pub(super) struct Events {
    id: String,
    model: String,
    has_begun: bool,
    open: Open,
    /// Of the next block.
    index: u64,
    ready: BytesMut,
}

impl Events {
    pub(super) fn new(about: &About<'_>) -> Self {
        Self {
            id: about.id.to_owned(),
            model: about.model.to_owned(),
            has_begun: false,
            open: Open::None,
            index: 0,
            ready: BytesMut::new(),
        }
    }

    /// What was written since the last time, if anything was.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        (!self.ready.is_empty()).then(|| self.ready.split().freeze())
    }

    /// Is a block of text open?
    pub(super) fn is_in_text(&self) -> bool {
        self.open == Open::Text
    }

    /// The message begins, unless it has. Words that are empty are ours.
    pub(super) fn begin(&mut self, id: &str, model: &str) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let (own_id, own_model) = (std::mem::take(&mut self.id), std::mem::take(&mut self.model));
        let or = |word: &str, own: &str| {
            if word.is_empty() {
                own.to_owned()
            } else {
                word.to_owned()
            }
        };
        let message = Message {
            id: &or(id, &own_id),
            kind: "message",
            role: "assistant",
            model: &or(model, &own_model),
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: (),
            usage: WrittenUsage::default(),
        };
        self.event(
            "message_start",
            &Start {
                kind: "message_start",
                message,
            },
        );
        // Calls without an id are named after the answer.
        self.id = own_id;
    }

    /// A sign of life.
    pub(super) fn ping(&mut self) {
        if self.has_begun {
            self.raw(b"event: ping\ndata: {\"type\":\"ping\"}\n\n");
        }
    }

    /// More text, in a block of its own if none is open.
    pub(super) fn text(&mut self, text: &Literal) {
        if self.open != Open::Text {
            self.close();
            self.open(Open::Text, r#"{"type":"text","text":""}"#);
        }
        self.delta("text_delta", "text", text);
    }

    /// A call begins. Its id may be empty; its name is as it is written in JSON.
    pub(super) fn call(&mut self, id: &str, name: &Literal) {
        self.close();
        let id = if id.is_empty() {
            format!("call_{}_{}", self.id, self.index)
        } else {
            id.to_owned()
        };
        let (id, name) = (call_id(&id), name.as_str());
        let block = format!(r#"{{"type":"tool_use","id":"{id}","name":"{name}","input":{{}}}}"#);
        self.open(Open::Call, &block);
    }

    /// More of the arguments of the call that is open.
    pub(super) fn arguments(&mut self, fragment: &Literal) {
        self.delta("input_json_delta", "partial_json", fragment);
    }

    /// Closes the block that is open, if one is.
    pub(super) fn close(&mut self) {
        if self.open != Open::None {
            let index = self.index;
            self.text_event(
                "content_block_stop",
                &format!(r#"{{"type":"content_block_stop","index":{index}}}"#),
            );
            self.open = Open::None;
            self.index += 1;
        }
    }

    /// The answer is complete.
    pub(super) fn end(&mut self, stop_reason: &'static str, usage: Usage) {
        self.close();
        let delta = MessageDelta {
            kind: "message_delta",
            delta: Stop {
                stop_reason,
                stop_sequence: (),
            },
            usage: WrittenUsage::of(usage),
        };
        self.event("message_delta", &delta);
        self.text_event("message_stop", r#"{"type":"message_stop"}"#);
    }

    /// Bytes of an event that was written elsewhere.
    pub(super) fn raw(&mut self, event: &[u8]) {
        self.ready.extend_from_slice(event);
    }

    fn open(&mut self, open: Open, block: &str) {
        let index = self.index;
        self.text_event(
            "content_block_start",
            &format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#),
        );
        self.open = open;
    }

    fn delta(&mut self, kind: &str, field: &str, value: &Literal) {
        let (index, value) = (self.index, value.as_str());
        self.text_event(
            "content_block_delta",
            &format!(
                r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{field}":"{value}"}}}}"#
            ),
        );
    }

    fn event(&mut self, name: &str, data: &impl Serialize) {
        let json = serde_json::to_string(data).expect("plain values are written without failure");
        self.text_event(name, &json);
    }

    fn text_event(&mut self, name: &str, data: &str) {
        for part in ["event: ", name, "\ndata: ", data, "\n\n"] {
            self.ready.extend_from_slice(part.as_bytes());
        }
    }
}

#[derive(Serialize)]
struct Start<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct MessageDelta {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: Stop,
    usage: WrittenUsage,
}

#[derive(Serialize)]
struct Stop {
    stop_reason: &'static str,
    stop_sequence: (),
}
