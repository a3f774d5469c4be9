//! Reads a stream: frames with one event each, or with the failure that ends it.
//!
//! Invariant: the answer is complete with `messageStop` and `metadata`, in whichever order, and its finish is held
//! back until both have come: an end before that is a cut. What comes after the end is not looked at.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::answer::{self, MALFORMED};
use super::failure::Failure;
use super::frame::{Frame, FrameReader};
use crate::dialect::hub::{Chunks, Finish, Object, Text};
use crate::dialect::language::{Inlet, unreadable};

/// Most blocks that may be open at a time; an honest stream has one.
const MOST_OPEN: usize = 1024;

/// What is said of a failure that comes without a word.
const NO_REASON: &str = "the provider gave no reason";

/// A stream of frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    reader: FrameReader,
    tale: Tale,
}

impl Inlet for Frames {
    fn on_chunk(&mut self, chunk: &[u8], out: &mut Chunks) {
        if out.is_over() {
            return;
        }
        let Self { reader, tale } = self;
        if reader.push(chunk, |frame| tale.on_frame(&frame, out)).is_err() {
            unreadable(out);
        }
    }

    /// The end was told by an event, or else this is a cut.
    fn on_end(&mut self, _out: &mut Chunks) {}
}

/// What the stream has said so far.
#[derive(Debug, Default)]
struct Tale {
    /// The blocks that are calls of tools, by the provider's number.
    open: BTreeMap<u64, Open>,
    /// Calls that have begun.
    calls: usize,
    has_text: bool,
    has_reasoning: bool,
    finish: Option<Finish>,
    has_metadata: bool,
}

/// A call of a tool that is being told.
#[derive(Debug, Clone, Copy)]
enum Open {
    /// The call of that index.
    Call { index: usize, has_arguments: bool },
    /// One that is the provider's own affair.
    Own,
}

impl Open {
    /// More of the arguments has come.
    fn go_on(&mut self, fragment: &str, out: &mut Chunks) {
        if let Self::Call { index, has_arguments } = self {
            *has_arguments |= !fragment.is_empty();
            out.arguments(0, *index, fragment);
        } else {
            out.ping();
        }
    }
}

impl Tale {
    fn on_frame(&mut self, frame: &Frame<'_>, out: &mut Chunks) {
        if out.is_over() {
            return;
        }
        let payload = String::from_utf8_lossy(frame.payload);
        let told = match frame.text(":message-type") {
            Some("event") => {
                let name = frame.text(":event-type");
                name.and_then(|name| self.on_event(name, &payload, out))
            }
            Some("exception") => {
                let name = frame.text(":exception-type");
                name.map(|name| on_exception(name, &payload, out))
            }
            Some("error") => {
                let failure = Failure {
                    name: frame.text(":error-code").unwrap_or("server_error"),
                    message: frame.text(":error-message").unwrap_or(NO_REASON),
                    original_status: None,
                };
                out.error(&failure.body());
                Some(())
            }
            _ => None,
        };
        if told.is_none() {
            unreadable(out);
        }
    }

    /// One event; `None` if it cannot be read.
    fn on_event(&mut self, name: &str, payload: &str, out: &mut Chunks) -> Option<()> {
        match name {
            "messageStart" => out.begin(),
            "contentBlockStart" => return self.on_start(&Object::parse(payload)?, out),
            "contentBlockDelta" => return self.on_delta(&Object::parse(payload)?, out),
            "contentBlockStop" => self.on_stop(block(&Object::parse(payload)?), out),
            "messageStop" => {
                let reason = Object::parse(payload)?.word("stopReason")?.into_owned();
                self.on_finish(answer::finish(&reason, self.calls > 0), out);
            }
            "metadata" => {
                let usage = Object::parse(payload)?
                    .object("usage")
                    .as_ref()
                    .map(answer::usage);
                if let Some(usage) = usage {
                    out.spend(usage);
                }
                self.has_metadata = true;
            }
            // What is yet to come is a sign of life.
            _ => out.ping(),
        }
        self.complete(out);
        Some(())
    }

    fn on_start(&mut self, event: &Object<'_>, out: &mut Chunks) -> Option<()> {
        let Some(tool_use) = event.object("start")?.object("toolUse") else {
            return Some(());
        };
        // Of two blocks of one number, the first has no more to say.
        self.on_stop(block(event), out);
        if self.open.len() >= MOST_OPEN {
            return None;
        }
        let open = if answer::is_own_tool(&tool_use) {
            Open::Own
        } else {
            let index = self.calls;
            self.calls += 1;
            out.call(
                0,
                index,
                (&tool_use.word("toolUseId")?, &tool_use.word("name")?, None),
            );
            Open::Call {
                index,
                has_arguments: false,
            }
        };
        self.open.insert(block(event), open);
        Some(())
    }

    fn on_delta(&mut self, event: &Object<'_>, out: &mut Chunks) -> Option<()> {
        let delta = event.object("delta")?;
        let text = delta.word("text").unwrap_or_default();
        let reasoning = delta.object("reasoningContent");
        let reasoning = reasoning.and_then(|said| said.word("text")).unwrap_or_default();
        self.has_text |= !text.is_empty();
        self.has_reasoning |= !reasoning.is_empty();
        out.text(0, &text);
        out.reasoning(0, &reasoning);
        if let Some(input) = delta.object("toolUse").and_then(|said| said.get("input")) {
            self.open.get_mut(&block(event))?.go_on(&fragment(input), out);
        } else if text.is_empty() && reasoning.is_empty() {
            // Signatures, and what the provider does by itself.
            out.ping();
        }
        Some(())
    }

    /// A block has come to its end. A call without arguments still needs an object of them.
    fn on_stop(&mut self, block: u64, out: &mut Chunks) {
        if let Some(Open::Call {
            index,
            has_arguments: false,
        }) = self.open.remove(&block)
        {
            out.arguments(0, index, "{}");
        }
    }

    fn on_finish(&mut self, finish: Option<Finish>, out: &mut Chunks) {
        while let Some((&block, _)) = self.open.first_key_value() {
            self.on_stop(block, out);
        }
        let is_usable = self.has_text || self.calls > 0;
        match finish {
            None if !is_usable => out.error(&Failure::own(MALFORMED)),
            finish => self.finish = Some(finish.unwrap_or(Finish::Stop)),
        }
    }

    /// Ends the answer once everything has come.
    fn complete(&self, out: &mut Chunks) {
        let Some(finish) = self.finish.filter(|_| self.has_metadata) else {
            return;
        };
        let has_spoken = self.has_text || self.calls > 0 || self.has_reasoning;
        // An end without a finish is how a stream tells that there was nothing in it.
        if !answer::is_empty(has_spoken, finish) {
            out.finish(0, finish);
        }
        if let Some(usage) = out.spent() {
            out.usage(usage);
        }
        out.done();
    }
}

/// The number of the block that an event is about.
fn block(event: &Object<'_>) -> u64 {
    event.count("contentBlockIndex").unwrap_or(0)
}

/// A part of a call's arguments: a piece of their text, or all of them at once.
fn fragment(input: &RawValue) -> Cow<'_, str> {
    Text::read(input).map_or(input.get().into(), Text::into_decoded)
}

fn on_exception(name: &str, payload: &str, out: &mut Chunks) {
    let told = Object::parse(payload).unwrap_or_default();
    let words = ["message", "Message", "originalMessage"];
    let message = words.iter().find_map(|word| told.word(word));
    let failure = Failure {
        name,
        message: message.as_deref().unwrap_or(NO_REASON),
        original_status: told.count("originalStatusCode"),
    };
    out.error(&failure.body());
}
