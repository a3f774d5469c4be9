//! What a stream has said so far.
//!
//! Invariant: events count in their order, and none counts after the one that ends the stream. It knows nothing of
//! chunks.

use bytes::Bytes;

use super::passage::Passage;
use super::reading::{self, Complaint, Presence, Said, Shape, Wanted};
use super::{Fault, Stage, UsageFor, usage_key};
use crate::dialect::sse::{Event, Kind, to_u64};
use crate::dialect::usage::{Usage, usage};
use crate::outcome::openai_error;

/// Most bytes of an error that are kept for its judge.
pub(super) const ERROR_LIMIT: usize = 64 << 10;

/// Most bytes that are kept of an event that cannot be read.
pub(super) const SAMPLE_LIMIT: usize = 256;

/// Longest model name or finish reason that is kept.
const WORD_LIMIT: usize = 256;

/// How the last event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// As it should, or there was none.
    Ended,
    /// Without its blank line.
    Unended,
    /// Without its blank line, and it cannot be read.
    Unreadable,
}

/// The sum of the events.
#[derive(Debug)]
pub(super) struct Seen {
    usage_for: UsageFor,
    pub(super) items: u64,
    pub(super) stage: Stage,
    /// What ended it, and the place of that event.
    pub(super) fault: Option<(Fault, u64)>,
    pub(super) last: Last,
    begun: u128,
    finished: u128,
    pub(super) finish_reason: Option<Box<str>>,
    pub(super) usage: Option<Usage>,
    pub(super) model: Option<Box<str>>,
}

impl Seen {
    pub(super) fn new(usage_for: UsageFor) -> Seen {
        Seen {
            usage_for,
            items: 0,
            stage: Stage::Waiting,
            fault: None,
            last: Last::Ended,
            begun: 0,
            finished: 0,
            finish_reason: None,
            usage: None,
            model: None,
        }
    }

    /// Was the terminal marker seen, after something was said?
    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    pub(super) fn is_meaningful(&self) -> bool {
        self.stage != Stage::Waiting
    }

    /// Is the answer complete, whatever may still come?
    pub(super) fn is_complete(&self) -> bool {
        let is_finished = self.finished != 0 && self.begun & !self.finished == 0;
        self.fault.is_none() && (self.is_done() || is_finished)
    }

    /// The event at `place` ends the stream, if nothing before it has.
    pub(super) fn break_at(&mut self, place: u64, fault: Fault) {
        self.fault.get_or_insert((fault, place));
    }

    pub(super) fn on_event(&mut self, event: &Event<'_>, passage: &mut Passage) {
        if self.fault.is_some() || self.is_done() {
            return;
        }
        self.items += 1;
        if event.kind == Kind::Idle {
            return;
        }
        let before = self.last;
        self.last = if event.is_whole {
            Last::Ended
        } else {
            Last::Unended
        };
        let data = event.data.trim_ascii();
        if event.name == b"error" {
            self.break_at(event.span.start, Fault::Error(bounded(data, ERROR_LIMIT)));
        } else if event.kind == Kind::Data && data.starts_with(b"[DONE]") {
            if self.is_meaningful() {
                self.stage = Stage::Done;
            } else {
                self.break_at(event.span.start, Fault::Empty);
            }
        } else if !data.is_empty() && event.name != b"ping" && !self.on_json(event, event.data, passage) {
            // Only an error needs a second reading: bytes that are no UTF-8 are no reason to break a stream.
            let is_read = reading::mended(event.data).is_some_and(|data| self.on_json(event, &data, passage));
            if !is_read {
                self.on_unreadable(event);
            }
        }
        if self.fault.is_some() {
            // It does not go on, so what counts is what stands before it.
            self.last = before;
        }
    }

    /// Reads JSON; false if it is none.
    fn on_json(&mut self, event: &Event<'_>, json: &[u8], passage: &mut Passage) -> bool {
        let wanted = Wanted {
            meaning: !self.is_meaningful(),
            model: self.model.is_none(),
        };
        let said = match event.kind {
            Kind::Naked => reading::read_first(json, wanted),
            Kind::Data | Kind::Idle => reading::read(json, wanted),
        };
        let Ok(said) = said else {
            return false;
        };
        if let Some(complaint) = said.complaint {
            self.break_at(event.span.start, Fault::Error(error_body(complaint, json)));
            return true;
        }
        if event.kind == Kind::Naked {
            // Clients do not read it either.
            return true;
        }
        if matches!(said.shape, Shape::Array | Shape::Other) {
            return false;
        }
        if said.is_meaningful && !self.is_meaningful() {
            self.stage = Stage::Flowing;
        }
        self.begun |= said.begun;
        self.finished |= said.finished;
        if let Some(reason) = said.finish_reason {
            self.finish_reason = word(reason);
        }
        if let Some(model) = said.model {
            self.model = word(model);
        }
        self.on_usage(event, json, &said, passage);
        true
    }

    fn on_usage(&mut self, event: &Event<'_>, json: &[u8], said: &Said<'_>, passage: &mut Passage) {
        let has_usage = said.usage.is_some_and(|value| value != "null");
        if (has_usage || said.has_inner_usage)
            && let Some(usage) = usage(json)
        {
            self.usage = Some(usage);
        }
        let Some(value) = said.usage.filter(|_| self.usage_for == UsageFor::Us) else {
            return;
        };
        if has_usage && said.choices != Presence::Filled {
            passage.cut(event.span.clone());
        } else if let Some(at) = event.data_at
            && let Some(range) = usage_key::range(json, value)
            && json.len() == event.data.len()
        {
            passage.cut(at + to_u64(range.start)..at + to_u64(range.end));
        }
    }

    fn on_unreadable(&mut self, event: &Event<'_>) {
        if event.is_whole && event.kind == Kind::Data {
            let sample = bounded(event.data, SAMPLE_LIMIT);
            self.break_at(event.span.start, Fault::Unreadable(sample));
        } else if !event.is_whole {
            self.last = Last::Unreadable;
        }
    }
}

/// An error as a body of its own.
pub(super) fn error_body(complaint: Complaint<'_>, json: &[u8]) -> Bytes {
    match complaint {
        Complaint::Whole => bounded(json, ERROR_LIMIT),
        Complaint::Inner(error) => bounded(format!(r#"{{"error":{error}}}"#).as_bytes(), ERROR_LIMIT),
        Complaint::GivenUp(reason) => {
            let reason = reason.trim_matches('"');
            let kind = if reason == "insufficient_system_resource" {
                "overloaded_error"
            } else {
                "server_error"
            };
            let message = format!("the provider gave up with finish_reason `{reason}`");
            openai_error(kind, Some(reason), None, &message)
        }
    }
}

fn bounded(bytes: &[u8], limit: usize) -> Bytes {
    Bytes::copy_from_slice(bytes.get(..limit).unwrap_or(bytes))
}

/// A JSON string as a word; none if it is empty, or too long to be one.
fn word(json: &str) -> Option<Box<str>> {
    let word: String = serde_json::from_str(json).ok()?;
    (1..=WORD_LIMIT)
        .contains(&word.len())
        .then(|| word.into_boxed_str())
}
