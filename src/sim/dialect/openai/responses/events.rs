//! The named and numbered events of a streamed response.
//!
//! Invariant: the numbers count up from zero without a gap; each item is added, told and done before the next one.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer;
use crate::sim::dialect::openai::{Face, refusal};
use crate::sim::events::{Queue, Teller};
use crate::sim::refusal::Refusal;
use crate::sim::saying::{Block, BlockKind, Saying};

/// Writes events.
#[derive(Debug)]
pub(super) struct Events {
    saying: Arc<Saying>,
    sent: u64,
}

impl Events {
    pub(super) const fn new(saying: Arc<Saying>) -> Self {
        Self { saying, sent: 0 }
    }

    /// Sends an event of this name with these fields.
    fn send(&mut self, name: &str, fields: Value, out: &mut Queue) {
        let mut data = json!({"type": name, "sequence_number": self.sent});
        if let (Value::Object(data), Value::Object(fields)) = (&mut data, fields) {
            data.extend(fields);
        }
        self.sent += 1;
        out.push_back(Bytes::from(format!("event: {name}\ndata: {data}\n\n")));
    }

    /// The same about an item, which is named.
    fn send_of(&mut self, (index, block): (usize, &Block), name: &str, mut fields: Value, out: &mut Queue) {
        fields["item_id"] = answer::item_id(&self.saying, index, block).into();
        fields["output_index"] = index.into();
        match block.kind {
            BlockKind::Thought => fields["summary_index"] = 0.into(),
            BlockKind::Text => fields["content_index"] = 0.into(),
            BlockKind::Call { .. } => {}
        }
        self.send(name, fields, out);
    }
}

/// What the events about a block's text, and about the part that holds it, begin with.
const fn names(kind: &BlockKind) -> (&'static str, Option<&'static str>) {
    match kind {
        BlockKind::Thought => (
            "response.reasoning_summary_text",
            Some("response.reasoning_summary_part"),
        ),
        BlockKind::Text => ("response.output_text", Some("response.content_part")),
        BlockKind::Call { .. } => ("response.function_call_arguments", None),
    }
}

impl Teller for Events {
    fn open(&mut self, out: &mut Queue) {
        let response = answer::response(&self.saying, "in_progress", &[]);
        self.send("response.created", json!({"response": response}), out);
        self.send("response.in_progress", json!({"response": response}), out);
    }

    fn begin(&mut self, block: usize, out: &mut Queue) {
        let saying = Arc::clone(&self.saying);
        let Some(told) = saying.blocks.get(block) else {
            return;
        };
        let item = answer::item(&saying, block, told, false);
        self.send(
            "response.output_item.added",
            json!({"output_index": block, "item": item}),
            out,
        );
        if let (_, Some(part)) = names(&told.kind) {
            let fields = json!({"part": answer::part(told, "")});
            self.send_of((block, told), &format!("{part}.added"), fields, out);
        }
    }

    fn piece(&mut self, block: usize, text: &str, out: &mut Queue) {
        let saying = Arc::clone(&self.saying);
        let Some(told) = saying.blocks.get(block) else {
            return;
        };
        let (name, _) = names(&told.kind);
        self.send_of(
            (block, told),
            &format!("{name}.delta"),
            json!({"delta": text}),
            out,
        );
    }

    fn end(&mut self, block: usize, out: &mut Queue) {
        let saying = Arc::clone(&self.saying);
        let Some(told) = saying.blocks.get(block) else {
            return;
        };
        let (name, part) = names(&told.kind);
        let text = told.text.as_str();
        let fields = match &told.kind {
            BlockKind::Call { function, .. } => json!({"arguments": text, "name": function}),
            BlockKind::Thought | BlockKind::Text => json!({"text": text}),
        };
        self.send_of((block, told), &format!("{name}.done"), fields, out);
        if let Some(part) = part {
            let fields = json!({"part": answer::part(told, text)});
            self.send_of((block, told), &format!("{part}.done"), fields, out);
        }
        let item = answer::item(&saying, block, told, true);
        self.send(
            "response.output_item.done",
            json!({"output_index": block, "item": item}),
            out,
        );
    }

    fn close(&mut self, _out: &mut Queue) {}

    fn done(&mut self, out: &mut Queue) {
        let status = answer::status(&self.saying);
        let response = answer::response(&self.saying, status, &answer::output(&self.saying));
        self.send(&format!("response.{status}"), json!({"response": response}), out);
    }

    fn error(&mut self, refusal: &Refusal<'_>, out: &mut Queue) {
        let error = refusal::body(Face::Own, refusal)["error"].take();
        if refusal.is_raw {
            self.send("error", error, out);
            return;
        }
        let mut response = answer::response(&self.saying, "failed", &[]);
        response["error"] = json!({"code": error["code"], "message": error["message"]});
        self.send("response.failed", json!({"response": response}), out);
    }

    fn malformed(&mut self, _is_raw: bool, out: &mut Queue) {
        out.push_back(Bytes::from_static(
            b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"del\n\n",
        ));
    }
}
