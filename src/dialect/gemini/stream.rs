//! Reads a stream, one response object per event.
//!
//! Invariant: no finish is told before the bytes end, since a call may still follow the event that names one; bytes
//! that end before every candidate did are a cut, of which nothing is told.

use std::collections::BTreeMap;

use super::end::{End, Heard, blocked};
use super::reply::{Candidate, Part, Reply, complaint};
use crate::dialect::hub::{Chunks, Finish};
use crate::dialect::language::{NoAnswer, Tale, unreadable};
use crate::dialect::sse::{Event, Kind};

/// What the candidates of one stream have said so far.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    begun: BTreeMap<u64, Progress>,
}

/// How far a candidate has come.
#[derive(Debug, Default)]
struct Progress {
    heard: Heard,
    end: Option<End>,
}

impl Tale for Candidates {
    fn on_event(&mut self, event: &Event<'_>, out: &mut Chunks) {
        let json = String::from_utf8_lossy(event.data);
        match event.kind {
            Kind::Idle => out.ping(),
            Kind::Naked => {
                // What else stands there is nothing that clients would read.
                if let Some(error) = complaint(&json) {
                    out.error(error.as_bytes());
                }
            }
            Kind::Data if json.trim_ascii().is_empty() => {}
            Kind::Data => match Reply::read(&json) {
                Ok(reply) => self.on_reply(reply, out),
                Err(NoAnswer::Error(error)) => out.error(&error),
                Err(_) if event.is_whole => unreadable(out),
                Err(_) => {}
            },
        }
    }

    fn on_end(&mut self, out: &mut Chunks) {
        let finishes = self
            .begun
            .iter()
            .map(|(index, one)| Some((*index, one.finish()?)));
        let Some(finishes) = finishes.collect::<Option<Vec<_>>>() else {
            return;
        };
        if finishes.iter().all(|(_, finish)| finish.is_err()) {
            // Where nothing is told, its reader sees an end without an answer.
            if let Some((_, Err(NoAnswer::Error(complaint)))) = finishes.first() {
                out.error(complaint);
            }
            return;
        }
        for (index, finish) in finishes {
            out.finish(index, finish.unwrap_or(Finish::Stop));
        }
        if let Some(usage) = out.spent() {
            out.usage(usage);
        }
        out.done();
    }
}

impl Candidates {
    fn on_reply(&mut self, reply: Reply<'_>, out: &mut Chunks) {
        out.name(&reply.id, &reply.model);
        if let Some(reason) = reply.blocked.filter(|_| reply.candidates.is_empty()) {
            out.error(&blocked(&reason));
        }
        // Each counts everything before it.
        if let Some(usage) = reply.usage {
            out.spend(usage);
        }
        for candidate in reply.candidates {
            self.begun
                .entry(candidate.index)
                .or_default()
                .on_piece(candidate, out);
        }
    }
}

impl Progress {
    fn on_piece(&mut self, candidate: Candidate<'_>, out: &mut Chunks) {
        let choice = candidate.index;
        self.heard.has_more |= candidate.has_more;
        for part in candidate.parts {
            match part {
                Part::Text(text) => {
                    self.heard.has_said |= !text.is_empty();
                    out.text(choice, &text);
                }
                Part::Thought(text) => out.reasoning(choice, &text),
                Part::Call(call) => {
                    let id = call.id_in(out.id(), choice, self.heard.calls);
                    out.call(
                        choice,
                        self.heard.calls,
                        (&id, &call.name, call.signature.as_deref()),
                    );
                    out.arguments(choice, self.heard.calls, &call.arguments);
                    self.heard.calls += 1;
                }
            }
        }
        self.end = candidate.end.or(self.end.take());
    }

    /// How it finished, if it did.
    fn finish(&self) -> Option<Result<Finish, NoAnswer>> {
        let end = self.end.as_ref()?;
        Some(end.finish(self.heard))
    }
}
