//! The chunks of a streamed chat completion or completion.
//!
//! Invariant: the order is role, content, finish, usage (if asked for), `[DONE]`, and all chunks share id, time and
//! model.

use std::sync::Arc;

use bytes::Bytes;

use super::answer::{self, AZURE_CHOICE, AZURE_PROMPT};
use super::{Face, refusal};
use crate::sim::events::{Queue, Teller};
use crate::sim::refusal::Refusal;
use crate::sim::saying::{Block, BlockKind, Saying, quoted};

/// Writes chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    face: Face,
    is_chat: bool,
    wants_usage: bool,
    /// From `data: ` to before the choices, the same for all chunks.
    head: String,
    saying: Arc<Saying>,
}

impl Chunks {
    pub(super) fn new(face: Face, (is_chat, wants_usage): (bool, bool), saying: Arc<Saying>) -> Self {
        let (prefix, object) = if is_chat {
            ("chatcmpl", "chat.completion.chunk")
        } else {
            ("cmpl", "text_completion")
        };
        let Saying {
            number,
            created,
            ref model,
            ref name,
            ..
        } = *saying;
        let model = quoted(model);
        let head = format!(
            r#"data: {{"id":"{prefix}-{name}-{number}","object":"{object}","created":{created},"model":{model},"system_fingerprint":"sim-{name}","choices":["#
        );
        Self {
            face,
            is_chat,
            wants_usage,
            head,
            saying,
        }
    }

    fn block(&self, block: usize) -> Option<&Block> {
        self.saying.blocks.get(block)
    }

    /// The beginning of a call, if this block is one.
    fn call(&self, block: usize) -> Option<String> {
        match &self.block(block)?.kind {
            BlockKind::Call { id, function } => {
                let index = self.saying.call_index(block);
                let function = quoted(function);
                Some(format!(
                    r#""tool_calls":[{{"index":{index},"id":"call_{id}","type":"function","function":{{"name":{function},"arguments":""}}}}]"#
                ))
            }
            BlockKind::Thought | BlockKind::Text => None,
        }
    }

    /// A chunk with one choice.
    fn choice(&self, body: &str, finish: &str) -> Bytes {
        let mut event = String::with_capacity(self.head.len() + body.len() + 96);
        event.push_str(&self.head);
        event.push_str(r#"{"index":0,"#);
        event.push_str(body);
        event.push_str(r#","logprobs":null,"finish_reason":"#);
        event.push_str(finish);
        if self.face != Face::Own {
            event.push_str(AZURE_CHOICE);
        }
        event.push_str("}]");
        if self.wants_usage {
            event.push_str(r#","usage":null"#);
        }
        event.push_str("}\n\n");
        Bytes::from(event)
    }
}

impl Teller for Chunks {
    fn open(&mut self, out: &mut Queue) {
        if self.face != Face::Own {
            out.push_back(azure_prelude());
        }
        if !self.is_chat {
            return;
        }
        let delta = match self.call(0) {
            Some(call) => format!(r#""delta":{{"role":"assistant","content":null,{call}}}"#),
            None => r#""delta":{"role":"assistant","content":"","refusal":null}"#.to_owned(),
        };
        out.push_back(self.choice(&delta, "null"));
    }

    fn begin(&mut self, block: usize, out: &mut Queue) {
        // That of the first block came with the role.
        if let Some(call) = self.call(block).filter(|_| block > 0) {
            out.push_back(self.choice(&format!(r#""delta":{{{call}}}"#), "null"));
        }
    }

    fn piece(&mut self, block: usize, text: &str, out: &mut Queue) {
        let piece = quoted(text);
        let body = match self.block(block).map(|block| &block.kind) {
            Some(BlockKind::Call { .. }) => {
                let index = self.saying.call_index(block);
                format!(
                    r#""delta":{{"tool_calls":[{{"index":{index},"function":{{"arguments":{piece}}}}}]}}"#
                )
            }
            Some(BlockKind::Thought) => format!(r#""delta":{{"reasoning_content":{piece}}}"#),
            _ if self.is_chat => format!(r#""delta":{{"content":{piece}}}"#),
            _ => format!(r#""text":{piece}"#),
        };
        out.push_back(self.choice(&body, "null"));
    }

    fn end(&mut self, _block: usize, _out: &mut Queue) {}

    fn close(&mut self, out: &mut Queue) {
        let body = if self.is_chat {
            r#""delta":{}"#
        } else {
            r#""text":"""#
        };
        let finish = format!("\"{}\"", answer::finish(self.saying.finish));
        out.push_back(self.choice(body, &finish));
        if self.wants_usage {
            let usage = answer::usage(&self.saying.usage);
            out.push_back(Bytes::from(format!("{}],\"usage\":{usage}}}\n\n", self.head)));
        }
    }

    fn done(&mut self, out: &mut Queue) {
        out.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
    }

    fn error(&mut self, refusal: &Refusal<'_>, out: &mut Queue) {
        // In a stream, Azure has the words of the other faces.
        let error = refusal::body(Face::Own, refusal);
        let frame = if refusal.is_raw { "" } else { "data: " };
        out.push_back(Bytes::from(format!("{frame}{error}\n\n")));
    }

    fn malformed(&mut self, _is_raw: bool, out: &mut Queue) {
        out.push_back(Bytes::from_static(
            b"data: {\"id\":\"chatcmpl-broken\",\"choices\":[{\"delta\":{\"conte\n\n",
        ));
    }
}

/// Azure's first chunk tells of the prompt's filter and belongs to no answer yet.
fn azure_prelude() -> Bytes {
    Bytes::from(format!(
        "data: {{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",{AZURE_PROMPT}}}\n\n"
    ))
}
