//! Turns the hub's stream into the events of Anthropic's surface.
//!
//! Invariant: blocks are open one at a time, in order; the end is told once, and only after the hub's own; how the
//! bytes were cut changes nothing. What cannot go out yet is held within a bound. It judges nothing: what comes was
//! judged good before.

mod calls;
mod events;
mod literal;

use bytes::Bytes;

use self::calls::Calls;
use self::events::Events;
use self::literal::Literal;
use super::stop_reason;
use crate::dialect::hub::{Finish, Object, Text};
use crate::dialect::language::About;
use crate::dialect::sse::{Event, Kind, SseReader};
use crate::dialect::stream::Fault;
use crate::dialect::usage::{Usage, usage};

/// Most bytes that are held back: of calls that wait for another's end, and of text that is blank so far.
const MOST_HELD: usize = 8 << 20;

/// The way out of one stream.
#[derive(Debug)]
pub(in crate::dialect) struct Outlet {
    reader: SseReader,
    telling: Telling,
}

impl Outlet {
    /// The way out of a stream that begins.
    pub(in crate::dialect) fn new(about: &About<'_>) -> Self {
        Self {
            reader: SseReader::default(),
            telling: Telling {
                events: Events::new(about),
                blank: Literal::default(),
                late: Literal::default(),
                calls: Calls::default(),
                finish: None,
                has_refused: false,
                usage: None,
                is_over: false,
                has_given_up: false,
            },
        }
    }

    /// More of the hub's stream has come; adds to `out` what goes out because of it.
    pub(in crate::dialect) fn on_chunk(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Result<(), Fault> {
        let Self { reader, telling } = self;
        if reader.push(chunk, |event| telling.on_event(&event)).is_err() {
            telling.give_up();
        }
        out.extend(telling.events.take());
        telling.verdict()
    }

    /// The hub's stream has ended, and was complete as far as it says so itself.
    pub(in crate::dialect) fn on_end(&mut self, out: &mut Vec<Bytes>) -> Result<(), Fault> {
        let Self { reader, telling } = self;
        if reader.finish(|event| telling.on_event(&event)).is_err() {
            telling.give_up();
        }
        if telling.finish.is_some() {
            telling.end();
        }
        out.extend(telling.events.take());
        telling.verdict()
    }
}

/// What was told so far.
#[derive(Debug)]
struct Telling {
    events: Events,
    /// Text before the first that is not blank: it may be all there is.
    blank: Literal,
    /// Text after the first call, which has to wait for the last.
    late: Literal,
    calls: Calls,
    finish: Option<Finish>,
    has_refused: bool,
    usage: Option<Usage>,
    is_over: bool,
    /// It is over because the rest cannot be told.
    has_given_up: bool,
}

impl Telling {
    fn on_event(&mut self, event: &Event<'_>) {
        if self.is_over {
            return;
        }
        let data = event.data.trim_ascii();
        match event.kind {
            Kind::Idle => self.events.ping(),
            Kind::Naked => {}
            Kind::Data if data.starts_with(b"[DONE]") => self.end(),
            Kind::Data => {
                let text = String::from_utf8_lossy(data);
                if let Some(object) = Object::parse(&text) {
                    self.on_object(&object, data);
                }
            }
        }
    }

    fn on_object(&mut self, object: &Object<'_>, json: &[u8]) {
        let has_usage = object.get("usage").is_some() || object.get("x_groq").is_some();
        if let Some(usage) = has_usage.then(|| usage(json)).flatten() {
            self.usage = Some(usage);
        }
        let choices = object.list("choices").unwrap_or_default();
        // This surface has one answer.
        let choice = choices
            .into_iter()
            .filter_map(Object::read)
            .find(|choice| choice.count("index").unwrap_or(0) == 0);
        if let Some(choice) = choice {
            let word = |name| object.word(name).unwrap_or_default();
            self.events.begin(&word("id"), &word("model"));
            self.on_choice(&choice);
        }
        if self.calls.held() + self.late.len() + self.blank.len() > MOST_HELD {
            self.give_up();
        }
    }

    fn on_choice(&mut self, choice: &Object<'_>) {
        let delta = choice
            .object("delta")
            .or_else(|| choice.object("message"))
            .unwrap_or_default();
        if is_thinking(&delta) {
            // It goes no further, but that something happens does.
            self.events.ping();
        }
        for text in texts(&delta) {
            self.on_text(&text);
        }
        if let Some(refusal) = delta.text("refusal").filter(|text| !text.is_empty()) {
            self.has_refused = true;
            self.on_text(&refusal);
        }
        for call in delta
            .list("tool_calls")
            .unwrap_or_default()
            .into_iter()
            .filter_map(Object::read)
        {
            self.calls.add(&call);
        }
        self.calls.advance(&mut self.events);
        if let Some(reason) = choice.word("finish_reason").filter(|reason| !reason.is_empty()) {
            self.finish = Some(Finish::from_word(&reason));
        }
    }

    fn on_text(&mut self, text: &Text<'_>) {
        if !self.calls.is_empty() {
            self.late.push(text);
        } else if self.events.is_in_text() {
            self.events.text(&Literal::of(text));
        } else {
            self.blank.push(text);
            if !text.is_blank() {
                self.events.text(&std::mem::take(&mut self.blank));
            }
        }
    }

    /// Everything is told, and that it is.
    fn end(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.events.begin("", "");
        self.calls.finish(&mut self.events);
        if !self.late.is_blank() {
            self.events.text(&self.late);
        }
        let finish = self.finish.unwrap_or(Finish::Stop);
        let reason = stop_reason(finish, !self.calls.is_empty(), self.has_refused);
        self.events.end(reason, self.usage.unwrap_or_default());
    }

    /// The rest cannot be told.
    fn give_up(&mut self) {
        self.has_given_up |= !std::mem::replace(&mut self.is_over, true);
    }

    fn verdict(&self) -> Result<(), Fault> {
        if self.has_given_up {
            Err(Fault::TooLarge)
        } else {
            Ok(())
        }
    }
}

/// What a piece says: mostly one text; with some servers, a list of parts.
fn texts<'a>(delta: &Object<'a>) -> Vec<Text<'a>> {
    if let Some(text) = delta.text("content") {
        return if text.is_empty() { Vec::new() } else { vec![text] };
    }
    let parts = delta.list("content").unwrap_or_default();
    let text = |raw| Text::read(raw).or_else(|| Object::read(raw)?.text("text"));
    parts
        .into_iter()
        .filter_map(text)
        .filter(|text| !text.is_empty())
        .collect()
}

/// Does a piece say what the model is thinking?
fn is_thinking(delta: &Object<'_>) -> bool {
    let is_told = |name| delta.text(name).is_some_and(|text| !text.is_empty());
    let parts = || delta.list("content").unwrap_or_default();
    let is_thought = |raw| Object::read(raw).is_some_and(|part| part.get("thinking").is_some());
    is_told("reasoning_content") || is_told("reasoning") || parts().into_iter().any(is_thought)
}
