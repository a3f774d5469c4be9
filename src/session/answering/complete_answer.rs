//! A complete answer of success: read before its first byte is released, and released in its caller's form.

use super::super::concluding::{Conclusion, plainly};
use super::super::describing::Form;
use super::super::held::{Held, cleaned};
use super::super::operations::{Lent, Step};
use crate::attempt::HeaderChanges;
use crate::catalog::Surface;
use crate::dialect::complete::{self, Completed};
use crate::dialect::stream::Whole;
use crate::outcome::{Class, HeaderView as _, Judged, decode};
use crate::session::Session;

/// Most bytes of a good answer that are held; beyond, it flows.
const HELD_BYTES: usize = 256 << 10;
/// Most bytes of an answer that has to be told in other words.
const TRANSLATED_BYTES: usize = 16 << 20;

impl Session {
    /// Whether the answer of the attempt at `index` reaches its caller in other words only.
    pub(super) fn must_be_read(&self, index: usize) -> bool {
        self.is_foreign(index) || self.wants_stream()
    }

    pub(super) fn most_held(&self, index: usize) -> usize {
        if self.must_be_read(index) {
            TRANSLATED_BYTES
        } else {
            HELD_BYTES
        }
    }

    /// Whether the caller asked for a stream that can be made of a complete answer.
    fn wants_stream(&self) -> bool {
        let is_playable = matches!(self.surface(), Surface::Chat | Surface::Messages);
        is_playable && self.caller().is_some_and(|caller| caller.ask.stream)
    }

    /// A complete answer of success: it is released, in the caller's form, unless it is none.
    pub(super) fn complete(&mut self, index: usize, held: Held, lent: &mut Lent<'_>) -> Step {
        let (completed, headers) = match self.read_complete(index, &held, lent) {
            Ok(read) => read,
            Err(judged) => return self.failed(index, held, judged, lent),
        };
        let may_move_on = self.moves_on(Class::ContentFilter, held.status);
        if completed.is_withheld && may_move_on {
            let judged = plainly(Class::ContentFilter, "the provider declined to answer");
            return self.failed(index, held, judged, lent);
        }
        self.usage = completed.usage;
        self.answer_model = completed.model.map(Into::into);
        self.prove(index, held.first_byte, lent);
        self.vote(index, None, None, lent);
        self.record(index, Conclusion::succeeded(held.status, held.first_byte), lent);
        Step::Release {
            headers,
            held: completed.body.map_or(held.chunks, |body| vec![body]),
            end: true,
        }
    }

    /// What a complete answer says, and the headers it gets; an error, an empty list, or no JSON at all is none.
    fn read_complete(
        &self,
        index: usize,
        held: &Held,
        lent: &Lent<'_>,
    ) -> Result<(Completed, HeaderChanges), Judged> {
        let bad = |message| Err(plainly(Class::BadResponse, message));
        let body = held.joined();
        if body.is_empty() {
            return bad("the answer is empty");
        }
        let body = if held.is_plain() {
            body
        } else {
            let decoded = decode(held.header("content-encoding"), &body, TRANSLATED_BYTES);
            if !decoded.complete {
                return bad("the answer's encoding cannot be read");
            }
            decoded.bytes.into_owned().into()
        };
        let (dialect, surface) = (self.target(index).dialect, self.surface());
        let read = self.with_about(index, lent, |about| {
            let stream = self.wants_stream();
            let played = stream
                .then(|| complete::play(dialect, surface, &body, about))
                .flatten();
            played.unwrap_or_else(|| complete::complete(dialect, surface, &body, about))
        });
        match read {
            Ok(completed) => {
                let form = match &completed.body {
                    None => return Ok((completed, cleaned(held, self.provider(index)))),
                    Some(_) if self.wants_stream() => Form::Stream,
                    Some(body) => Form::Json(body.len()),
                };
                Ok((completed, self.reformed(index, held, form)))
            }
            Err(Whole::ErrorInside(error)) => Err(self.judged_inside(index, held, &error, lent)),
            Err(Whole::Empty | Whole::Good) => bad("the answer has nothing in it"),
            Err(Whole::Unreadable) => bad("the answer is not JSON, or not all of it"),
            Err(Whole::WrongShape) => bad("the answer has not the form of an answer"),
        }
    }
}
