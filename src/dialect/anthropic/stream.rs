//! Reads a stream.
//!
//! Invariant: nothing says that the answer has ended before `message_stop` does, so one that is cut stays one that
//! was cut. Calls are counted among calls, and none is left without arguments.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::end::{self, Counts};
use crate::dialect::hub::{Chunks, Object};
use crate::dialect::language::{Tale, unreadable};
use crate::dialect::sse::{Event, Kind};

/// Most calls that may be open at a time; an honest stream has one.
const MOST_OPEN: usize = 1024;

/// Most bytes of arguments that are kept of calls that are open.
const MOST_KEPT: usize = 8 << 20;

/// Who reads what is told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// A caller, in the hub's form.
    #[default]
    Caller,
    /// Nobody but the judge: the caller gets the events as they came.
    Judge,
}

/// The events of one stream so far.
#[derive(Debug, Default)]
pub(super) struct Events {
    told_to: Audience,
    counts: Counts,
    /// Calls whose arguments may go on, by the number of their block.
    open: BTreeMap<u64, Call>,
    /// How many calls there were.
    calls: usize,
    says_something: bool,
    stop_reason: Option<String>,
}

/// A call whose arguments may go on.
#[derive(Debug)]
struct Call {
    /// Its number among the calls.
    index: usize,
    /// What to say if nothing is said.
    otherwise: Cow<'static, str>,
}

impl Tale for Events {
    fn on_event(&mut self, event: &Event<'_>, out: &mut Chunks) {
        if event.kind == Kind::Idle {
            return out.ping();
        }
        let data = String::from_utf8_lossy(event.data);
        if data.trim().is_empty() {
            return;
        }
        let is_read = match Object::parse(&data) {
            Some(object) => self.on_object(&object, &data, out).is_some(),
            // What stands outside of events, or is cut off by the end, is not read by others either.
            None => !event.is_whole || event.kind != Kind::Data,
        };
        if !is_read {
            unreadable(out);
        }
    }

    fn on_end(&mut self, _out: &mut Chunks) {}
}

impl Events {
    /// For the judge of a stream that passes as it came.
    pub(super) fn for_judge() -> Self {
        Self {
            told_to: Audience::Judge,
            ..Self::default()
        }
    }

    /// Reads one event; `None` if it lacks what makes it one.
    fn on_object(&mut self, event: &Object<'_>, json: &str, out: &mut Chunks) -> Option<()> {
        if event.get("error").is_some() {
            out.error(json.as_bytes());
            return Some(());
        }
        match event.word("type").as_deref().unwrap_or_default() {
            "message_start" => self.on_start(event, out),
            "content_block_start" => self.on_block(event, out)?,
            "content_block_delta" => self.on_delta(event, out)?,
            "content_block_stop" => {
                if let Some(call) = self.open.remove(&index(event)) {
                    out.arguments(0, call.index, &call.otherwise);
                }
            }
            "message_delta" => self.on_message_delta(event, out),
            "message_stop" => self.on_stop(out),
            "ping" => out.ping(),
            "error" => return None,
            _ => {}
        }
        Some(())
    }

    fn on_start(&mut self, event: &Object<'_>, out: &mut Chunks) {
        let message = event.object("message").unwrap_or_default();
        let word = |name| message.word(name).unwrap_or_default();
        out.name(&word("id"), &word("model"));
        self.count(&message, out);
        out.begin();
    }

    /// A block begins.
    fn on_block(&mut self, event: &Object<'_>, out: &mut Chunks) -> Option<()> {
        let block = event.object("content_block")?;
        let kind = block.word("type")?;
        if kind != "text" {
            // Thoughts may be told without a word, and a search by its results only: to have begun them is to be
            // at work.
            self.says_something = true;
            if self.told_to == Audience::Judge {
                out.text(0, ".");
            }
        }
        match kind.as_ref() {
            "text" => self.text(&block, out),
            "thinking" => thought(&block, out),
            "tool_use" => {
                let (id, name) = (block.word("id")?, block.word("name")?);
                let kept = self.open.values().map(|call| call.otherwise.len());
                let input = block.get("input").map_or(0, |input| input.get().len());
                if self.open.len() >= MOST_OPEN || kept.sum::<usize>() + input > MOST_KEPT {
                    return None;
                }
                let call = Call {
                    index: self.calls,
                    otherwise: match block.get("input") {
                        Some(input) => Cow::Owned(input.get().to_owned()),
                        None => Cow::Borrowed("{}"),
                    },
                };
                out.call(0, call.index, (&id, &name, None));
                if let Some(call) = self.open.insert(index(event), call) {
                    out.arguments(0, call.index, &call.otherwise);
                }
                self.calls += 1;
            }
            _ => {}
        }
        Some(())
    }

    /// A block goes on.
    fn on_delta(&mut self, event: &Object<'_>, out: &mut Chunks) -> Option<()> {
        let delta = event.object("delta")?;
        match delta.word("type")?.as_ref() {
            "text_delta" => self.text(&delta, out),
            "thinking_delta" => thought(&delta, out),
            "input_json_delta" => {
                let fragment = delta.word("partial_json")?;
                // Tools that run at the provider's have arguments too, and are no calls.
                if let Some(call) = self.open.get_mut(&index(event))
                    && !fragment.is_empty()
                {
                    call.otherwise = Cow::Borrowed("");
                    out.arguments(0, call.index, &fragment);
                }
            }
            _ => {}
        }
        Some(())
    }

    fn on_message_delta(&mut self, event: &Object<'_>, out: &mut Chunks) {
        let told = event.object("delta").and_then(|delta| delta.word("stop_reason"));
        if let Some(told) = told {
            self.stop_reason = Some(told.into_owned());
        }
        self.count(event, out);
    }

    fn on_stop(&mut self, out: &mut Chunks) {
        for call in std::mem::take(&mut self.open).into_values() {
            out.arguments(0, call.index, &call.otherwise);
        }
        let finish = end::finish(self.stop_reason.as_deref(), self.calls > 0);
        // To have nothing to say is a turn too, for those who read it in its own form.
        let is_turn = self.told_to == Audience::Judge && self.stop_reason.is_some();
        if !is_turn && end::is_empty(finish, self.says_something) {
            // Its reader sees an end without an answer.
            return;
        }
        out.finish(0, finish);
        if let Some(usage) = self.counts.usage() {
            out.usage(usage);
        }
        out.done();
    }

    fn text(&mut self, of: &Object<'_>, out: &mut Chunks) {
        let text = of.word("text").unwrap_or_default();
        self.says_something |= !text.is_empty();
        out.text(0, &text);
    }

    fn count(&mut self, of: &Object<'_>, out: &mut Chunks) {
        if let Some(usage) = of.object("usage") {
            self.counts.add(&usage);
        }
        if let Some(usage) = self.counts.usage() {
            out.spend(usage);
        }
    }
}

fn thought(of: &Object<'_>, out: &mut Chunks) {
    out.reasoning(0, &of.word("thinking").unwrap_or_default());
}

/// The number of the block that an event is about. Blocks come one after the other, so one without a number is known
/// by its time.
fn index(event: &Object<'_>) -> u64 {
    event.count("index").unwrap_or(0)
}
