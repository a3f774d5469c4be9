//! Streams: held back until they say something, read while they flow, ended when they fall silent.
//!
//! Before its first meaningful event a stream can still fail over, and the caller has not seen a byte of it. After
//! that nothing can: whatever breaks it then becomes one last event of ours, and a transfer that does not look
//! complete.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::concluding::{Conclusion, plainly};
use super::describing::Form;
use super::finishing::OUT_OF_TIME;
use super::held::{Flow, Gate, Held, Reader, cleaned};
use super::operations::{Lent, Step};
use super::redacting::without_keys;
use super::{Progress, RequestOutcome, Session};
use crate::catalog::{Failover, Provider};
use crate::dialect::course::Course;
use crate::dialect::stream::{Fault, Stage, UsageFor, error_event};
use crate::outcome::{Class, ErrorBody, Judged, client_safe};

/// Most bytes that are held back; a stream that says nothing in so many is let through.
const GATED_BYTES: usize = 256 << 10;

impl Session {
    /// A stream begins, and is held back.
    pub(super) fn gate(&self, index: usize, held: Held, lent: &Lent<'_>) -> Gate {
        let target = self.live.catalog.target(self.attempts[index].target);
        let asked_by_us = self.caller().is_some_and(|caller| {
            caller.original.adds_usage_for(target) || (self.is_foreign(index) && !caller.asks_usage)
        });
        let usage_for = if asked_by_us {
            UsageFor::Us
        } else {
            UsageFor::Client
        };
        let (dialect, surface) = (target.dialect, self.surface());
        let course = self.with_about(index, lent, |about| {
            Course::new(dialect, surface, usage_for, about)
        });
        Gate {
            held,
            course: Box::new(course),
            ready: Vec::new(),
        }
    }

    /// A chunk of a stream that has said nothing yet.
    pub(super) fn on_gated(
        &mut self,
        index: usize,
        mut gate: Gate,
        (chunk, end): (&Bytes, bool),
        lent: &mut Lent<'_>,
    ) -> Step {
        let mut out = Vec::new();
        let mut read = gate.course.on_chunk(chunk, &mut out);
        if end && read.is_ok() {
            read = gate.course.on_end(&mut out).map(|()| Stage::Done);
        }
        gate.held.size += chunk.len();
        gate.ready.append(&mut out);
        gate.held.ended = end;
        match read {
            Err(fault) => {
                let judged = self.judged_fault(index, &gate.held, fault, lent);
                self.failed(index, gate.held, judged, lent)
            }
            Ok(Stage::Waiting) if gate.held.size <= GATED_BYTES => {
                self.attempts[index].progress = Progress::Gating(gate);
                Step::Hold
            }
            Ok(_) => self.commit(index, gate, lent),
        }
    }

    /// The stream has said something: what was held back is released, in order and unchanged.
    fn commit(&mut self, index: usize, gate: Gate, lent: &mut Lent<'_>) -> Step {
        let Gate { held, course, ready } = gate;
        let mut headers = if course.is_translated() {
            self.reformed(index, &held, Form::Stream)
        } else {
            cleaned(&held, self.provider(index))
        };
        // Its length is not ours to promise: we may have to end it in other words.
        headers.remove("content-length");
        let trial = &mut self.attempts[index];
        let first_token = lent.now.saturating_duration_since(trial.started);
        let (status, heard, end) = (held.status, lent.now, held.ended);
        let reader = Reader::Stream(course);
        trial.progress = Progress::Flowing(Flow {
            status,
            first_token,
            heard,
            reader,
        });
        self.prove(index, first_token, lent);
        if end {
            self.flowed(index, lent);
        }
        Step::Release {
            headers,
            held: ready,
            end,
        }
    }

    /// A chunk of an answer that the caller is reading.
    pub(super) fn on_flowing(
        &mut self,
        index: usize,
        mut flow: Flow,
        (chunk, end): (&Bytes, bool),
        lent: &mut Lent<'_>,
    ) -> Step {
        flow.heard = lent.now;
        let mut out = Vec::with_capacity(1);
        let read = match &mut flow.reader {
            Reader::Opaque(tail) => {
                tail.push(chunk);
                out.push(chunk.clone());
                Ok(())
            }
            Reader::Stream(course) => {
                let read = course.on_chunk(chunk, &mut out).map(|_| ());
                if end && read.is_ok() {
                    course.on_end(&mut out)
                } else {
                    read
                }
            }
        };
        self.attempts[index].progress = Progress::Flowing(flow);
        if let Err(fault) = read {
            let why = in_words(&fault, self.provider(index));
            return self.break_off(index, (out, &why), end, lent);
        }
        if end {
            self.flowed(index, lent);
        }
        match &out[..] {
            [] if !end => Step::Hold,
            [same] if same.as_ptr() == chunk.as_ptr() && same.len() == chunk.len() => Step::Pass,
            _ => Step::Send { chunks: out, end },
        }
    }

    /// What a fault before the first meaningful event means.
    fn judged_fault(&self, index: usize, held: &Held, fault: Fault, lent: &Lent<'_>) -> Judged {
        let message = fault.to_string();
        let Fault::Error(error) = fault else {
            return plainly(Class::BadResponse, &message);
        };
        let mut judged = self.judged_inside(index, held, &error, lent);
        if judged.class == Class::BadResponse {
            judged.class = Class::StreamError;
        }
        judged
    }

    /// A stream breaks while the caller is reading it.
    fn break_off(
        &mut self,
        index: usize,
        (chunks, why): (Vec<Bytes>, &str),
        ended: bool,
        lent: &mut Lent<'_>,
    ) -> Step {
        let trial = &mut self.attempts[index];
        let Progress::Flowing(flow) = std::mem::replace(&mut trial.progress, Progress::Over) else {
            return Step::Pass;
        };
        let label = Class::StreamBroken.as_str();
        let event = match &flow.reader {
            Reader::Stream(course) => course.error_event(label, why),
            Reader::Opaque(_) => error_event(label, why),
        };
        self.usage = flow.reader.usage();
        self.vote(index, Some(Class::StreamBroken), None, lent);
        let conclusion = Conclusion {
            status: Some(flow.status),
            first_byte: Some(flow.first_token),
            ..Conclusion::failed(plainly(Class::StreamBroken, why))
        };
        self.record(index, conclusion, lent);
        self.answer_became(RequestOutcome::Broken);
        self.tell_if_over(lent);
        Step::BreakOff { chunks, event, ended }
    }

    /// When the host must wake us although nothing has come.
    pub fn wake_at(&self, number: u32) -> Option<Instant> {
        let caller = self.caller().filter(|caller| caller.ask.stream)?;
        let failover = &self.live.catalog.model(caller.ask.model).failover;
        let trial = self.attempts.get(number.max(1) as usize - 1)?;
        match &trial.progress {
            Progress::Asked | Progress::Judging(_) | Progress::Holding(_) => Some(self.deadline),
            Progress::Gating(_) => Some(self.deadline.min(trial.started + failover.first_token_timeout)),
            Progress::Flowing(flow) => Some(flow.heard + failover.stall_timeout),
            Progress::Cut(..) | Progress::Over => None,
        }
    }

    /// The host wakes us.
    pub fn on_wake(&mut self, number: u32, lent: &mut Lent<'_>) -> Step {
        let index = number.max(1) as usize - 1;
        if self.wake_at(number).is_none_or(|due| lent.now < due) {
            return Step::Hold;
        }
        let trial = &mut self.attempts[index];
        match std::mem::replace(&mut trial.progress, Progress::Over) {
            Progress::Gating(gate) if lent.now < self.deadline => {
                let judged = plainly(Class::FirstTokenTimeout, "the stream said nothing in time");
                self.failed(index, gate.held, judged, lent)
            }
            Progress::Flowing(flow) => {
                trial.progress = Progress::Flowing(flow);
                let why = "the provider fell silent in the middle of its answer";
                self.break_off(index, (Vec::new(), why), false, lent)
            }
            waiting => {
                trial.progress = if matches!(waiting, Progress::Gating(_)) {
                    Progress::Asked
                } else {
                    waiting
                };
                Step::GiveUp(OUT_OF_TIME)
            }
        }
    }
}

/// A fault in the provider's own words, when it has any, without what must not be shown.
fn in_words(fault: &Fault, provider: &Provider) -> String {
    match fault {
        Fault::Error(body) => {
            let said = client_safe(&ErrorBody::read(&without_keys(provider, body)).message);
            if said.is_empty() {
                fault.to_string()
            } else {
                format!("{fault}: {said}")
            }
        }
        _ => fault.to_string(),
    }
}

/// How long Envoy waits for the headers of a stream: as long as we wait for its first token, and a moment more, so
/// that of the two we speak first.
pub(super) fn patience_with_streams(failover: &Failover) -> Duration {
    const MOMENT: Duration = Duration::from_millis(100);
    failover
        .per_try_timeout
        .min(failover.first_token_timeout + MOMENT)
}
