//! Steps three and four: an answer comes, and it is decided what it means before the caller sees any of it.
//!
//! A failed answer is held until its body (bounded) has been read, because the body says what the status does not.
//! A complete JSON answer is held too (bounded), so that an answer that is none can still fail over. Everything
//! larger flows byte for byte; of streams, see the steps beside this.

mod complete_answer;

use bytes::Bytes;
use understudy_proto::names;

use super::concluding::{Conclusion, plainly};
use super::held::{Flow, Held, Reader, cleaned};
use super::operations::{Headers, Lent, Step};
use super::redacting::without_keys;
use super::tail::Tail;
use super::{Progress, Session};
use crate::attempt::HeaderChanges;
use crate::catalog::{Credential, Provider, Surface};
use crate::outcome::{Class, Evidence, HeaderView, Judged, decode, judge};

/// Most bytes of a failed answer that are read for its reason.
pub(super) const JUDGED_BYTES: usize = 64 << 10;

impl Session {
    /// The response headers of attempt `number` have come; `ends` when no body follows.
    pub fn on_response_headers<H: Headers>(
        &mut self,
        number: u32,
        headers: &H,
        ends: bool,
        lent: &mut Lent<'_>,
    ) -> Step {
        let index = number.max(1) as usize - 1;
        let Some(trial) = self
            .attempts
            .get_mut(index)
            .filter(|trial| matches!(trial.progress, Progress::Asked))
        else {
            return Step::Release {
                headers: HeaderChanges::default(),
                held: Vec::new(),
                end: ends,
            };
        };
        let status = headers
            .text(":status")
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        let first_byte = lent.now.saturating_duration_since(trial.started);
        let known_by_name = |target| self.live.catalog.provider_of(target).endpoint.is_known_by_name();
        // Said in our own words: a provider known by name could still send that header.
        let is_absent = status == 503 && headers.first(names::HEADER_ABSENT).is_some();
        if is_absent && known_by_name(trial.target) {
            let judged = plainly(Class::Connect, "the provider's name could not be resolved (dns)");
            let held = Held::nothing(first_byte);
            return self.failed(index, held, judged, lent);
        }
        let held = Held::begin(status, headers, first_byte);
        let is_answer = (200..300).contains(&status);
        if is_answer && let Some(wrong) = self.wrong_form(index, &held) {
            return self.failed(index, held, plainly(Class::BadResponse, wrong), lent);
        }
        let trial = &mut self.attempts[index];
        if !is_answer {
            trial.progress = Progress::Judging(held);
        } else if held.is_event_stream() && held.is_plain() {
            let gate = self.gate(index, held, lent);
            self.attempts[index].progress = Progress::Gating(gate);
        } else if held.is_event_stream() {
            return self.flow(index, held, ends, lent);
        } else {
            trial.progress = Progress::Holding(held);
        }
        if ends {
            self.on_chunk(number, &Bytes::new(), true, lent)
        } else {
            Step::Hold
        }
    }

    /// Why an answer of success can be of no use to its caller, as far as its headers tell.
    fn wrong_form(&self, index: usize, held: &Held) -> Option<&'static str> {
        let asks_stream = self.caller()?.ask.stream;
        if !held.is_event_stream() {
            None
        } else if !asks_stream {
            Some("the provider sent a stream, and none was asked for")
        } else {
            let is_unread = self.is_foreign(index) && !held.is_plain();
            is_unread.then_some("the provider sent a coded stream, which cannot be translated")
        }
    }

    /// A chunk of the answer of attempt `number` has come; `end` with the last one.
    pub fn on_chunk(&mut self, number: u32, chunk: &Bytes, end: bool, lent: &mut Lent<'_>) -> Step {
        let index = number.max(1) as usize - 1;
        let Some(trial) = self.attempts.get_mut(index) else {
            return Step::Pass;
        };
        match std::mem::replace(&mut trial.progress, Progress::Over) {
            Progress::Judging(mut held) => {
                held.push(chunk, end);
                if end || held.size >= JUDGED_BYTES {
                    let judged = self.judged(index, &held, end, lent);
                    return self.failed(index, held, judged, lent);
                }
                trial.progress = Progress::Judging(held);
                Step::Hold
            }
            Progress::Holding(mut held) => {
                held.push(chunk, end);
                if end {
                    return self.complete(index, held, lent);
                }
                if held.size > self.most_held(index) {
                    return if self.must_be_read(index) {
                        // Our limit, not the provider's failure: it counts against nobody.
                        let judged = plainly(Class::Unsupported, "the answer is too large to be translated");
                        self.failed(index, held, judged, lent)
                    } else {
                        self.flow(index, held, false, lent)
                    };
                }
                self.attempts[index].progress = Progress::Holding(held);
                Step::Hold
            }
            Progress::Gating(gate) => self.on_gated(index, gate, (chunk, end), lent),
            Progress::Flowing(flow) => self.on_flowing(index, flow, (chunk, end), lent),
            untouched @ (Progress::Asked | Progress::Cut(..) | Progress::Over) => {
                trial.progress = untouched;
                Step::Pass
            }
        }
    }

    /// Who was asked by the attempt at `index`.
    pub(super) fn provider(&self, index: usize) -> &Provider {
        self.live.catalog.provider_of(self.attempts[index].target)
    }

    /// What an answer means that failed, as far as it has come.
    pub(super) fn judged(&self, index: usize, held: &Held, complete: bool, lent: &Lent<'_>) -> Judged {
        let body = held.joined();
        let decoded = decode(held.header("content-encoding"), &body, JUDGED_BYTES);
        self.evidence_judged(index, held, (&decoded.bytes, complete && decoded.complete), lent)
    }

    fn evidence_judged(
        &self,
        index: usize,
        held: &Held,
        (body, body_complete): (&[u8], bool),
        lent: &Lent<'_>,
    ) -> Judged {
        let provider = self.provider(index);
        let evidence = Evidence {
            dialect: self.target(index).dialect.errors(),
            status: held.status,
            headers: held,
            body: &without_keys(provider, body),
            body_complete,
        };
        let mut judged = judge(&evidence, lent.today);
        // Not every server that is well has every part of the API beside chat.
        let is_beside_chat = !matches!(self.surface(), Surface::Chat | Surface::Messages);
        if is_beside_chat && judged.may_miss_the_path() {
            judged.class = Class::Unsupported;
        }
        if matches!(provider.credential, Credential::Passthrough) {
            judged.class = judged.class.with_callers_key();
        }
        judged
    }

    /// An error that came with a status of success.
    pub(super) fn judged_inside(&self, index: usize, held: &Held, error: &[u8], lent: &Lent<'_>) -> Judged {
        self.evidence_judged(index, held, (error, true), lent)
    }

    /// The caller begins to see an answer that is not read; from here on nothing can fail over.
    fn flow(&mut self, index: usize, held: Held, ends: bool, lent: &mut Lent<'_>) -> Step {
        let headers = cleaned(&held, self.provider(index));
        let mut tail = Tail::default();
        held.chunks.iter().for_each(|chunk| tail.push(chunk));
        let (status, first_token, heard) = (held.status, held.first_byte, lent.now);
        let reader = Reader::Opaque(tail);
        self.attempts[index].progress = Progress::Flowing(Flow {
            status,
            first_token,
            heard,
            reader,
        });
        self.prove(index, first_token, lent);
        if ends {
            self.flowed(index, lent);
        }
        Step::Release {
            headers,
            held: held.chunks,
            end: ends,
        }
    }

    /// A flowing answer has come to its end.
    pub(super) fn flowed(&mut self, index: usize, lent: &mut Lent<'_>) {
        let trial = &mut self.attempts[index];
        let Progress::Flowing(flow) = std::mem::replace(&mut trial.progress, Progress::Over) else {
            return;
        };
        self.usage = flow.reader.usage();
        self.answer_model = flow.reader.answer_model().map(Into::into);
        self.vote(index, None, None, lent);
        self.record(index, Conclusion::succeeded(flow.status, flow.first_token), lent);
        self.tell_if_over(lent);
    }
}
