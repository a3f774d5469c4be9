//! Steps three and four: an answer comes, and it is decided what it means before the caller sees any of it.
//!
//! A failed answer is held until its body (bounded) has been read, because the body says what the status does not.
//! A complete JSON answer is held too (bounded), so that an answer that is none can still fail over. Everything
//! larger, and every stream, flows byte for byte.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::concluding::{Conclusion, plainly};
use super::operations::{Headers, Lent, Step};
use super::planning::{admit_first, clusters};
use super::tail::Tail;
use super::{Errand, Progress, Session};
use crate::attempt::HeaderChanges;
use crate::catalog::Credential;
use crate::config::FailoverMode;
use crate::dialect::usage;
use crate::outcome::{Class, Evidence, HeaderView, Judged, Scope, decode, judge};
use crate::plan::{self, Situation, Tried};
use understudy_proto::names;

/// Most bytes of a failed answer that are read for its reason.
const JUDGED_BYTES: usize = 64 << 10;
/// Most bytes of a good answer that are held; beyond, it flows.
const HELD_BYTES: usize = 256 << 10;
/// Statuses for an answer that must not be retried although its real status says so: the first that the host's
/// policy does not retry.
const VETO_STATUSES: [u16; 4] = [418, 410, 409, 400];

/// An answer of which the caller has seen nothing.
#[derive(Debug)]
pub(super) struct Held {
    pub status: u16,
    headers: Vec<(Bytes, Bytes)>,
    chunks: Vec<Bytes>,
    size: usize,
    /// The last byte has come.
    ended: bool,
    first_byte: Duration,
}

/// An answer that the caller is reading.
#[derive(Debug)]
pub(super) struct Flow {
    pub status: u16,
    pub first_byte: Duration,
    /// The end of what has passed, where the usage is.
    tail: Tail,
}

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
        if let Some(reason) = headers.text(names::HEADER_ABSENT) {
            let message = format!("the provider's name could not be resolved ({reason})");
            let judged = plainly(Class::Connect, &message);
            let held = Held {
                status: 0,
                headers: Vec::new(),
                chunks: Vec::new(),
                size: 0,
                ended: false,
                first_byte,
            };
            return self.failed(index, held, judged, lent);
        }
        let held = Held::begin(status, headers, first_byte);
        if !(200..300).contains(&status) {
            trial.progress = Progress::Judging(held);
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
                if held.size > HELD_BYTES {
                    return self.flow(index, held, false, lent);
                }
                trial.progress = Progress::Holding(held);
                Step::Hold
            }
            Progress::Flowing(mut flow) => {
                flow.tail.push(chunk);
                trial.progress = Progress::Flowing(flow);
                if end {
                    self.flowed(index, lent);
                }
                Step::Pass
            }
            untouched @ (Progress::Asked | Progress::Over) => {
                trial.progress = untouched;
                Step::Pass
            }
        }
    }

    fn judged(&self, index: usize, held: &Held, complete: bool, lent: &Lent<'_>) -> Judged {
        let body = held.joined();
        let decoded = decode(held.header("content-encoding"), &body, JUDGED_BYTES);
        let provider = self.live.catalog.provider_of(self.attempts[index].target);
        let evidence = Evidence {
            dialect: provider.dialect.errors(),
            status: held.status,
            headers: held,
            body: &decoded.bytes,
            body_complete: complete && decoded.complete,
        };
        let mut judged = judge(&evidence, lent.today);
        if matches!(provider.credential, Credential::Passthrough) {
            judged.class = judged.class.with_callers_key();
        }
        judged
    }

    /// A complete good answer: it is released as it came, unless it is none.
    fn complete(&mut self, index: usize, held: Held, lent: &mut Lent<'_>) -> Step {
        let body = held.joined();
        if body.is_empty() {
            let judged = plainly(Class::BadResponse, "the answer is empty");
            return self.failed(index, held, judged, lent);
        }
        self.usage = usage::usage(&body);
        self.answer_model = usage::answer_model(&body).map(Into::into);
        self.prove(index, held.first_byte, lent);
        self.vote(index, None, None, lent);
        self.record(index, Conclusion::succeeded(held.status, held.first_byte), lent);
        Step::Release {
            headers: cleaned(&held),
            held: held.chunks,
            end: true,
        }
    }

    /// The caller begins to see the answer; from here on nothing can fail over.
    fn flow(&mut self, index: usize, held: Held, ends: bool, lent: &mut Lent<'_>) -> Step {
        let headers = cleaned(&held);
        let mut tail = Tail::default();
        held.chunks.iter().for_each(|chunk| tail.push(chunk));
        self.attempts[index].progress = Progress::Flowing(Flow {
            status: held.status,
            first_byte: held.first_byte,
            tail,
        });
        self.prove(index, held.first_byte, lent);
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
    fn flowed(&mut self, index: usize, lent: &mut Lent<'_>) {
        let trial = &mut self.attempts[index];
        let Progress::Flowing(flow) = std::mem::replace(&mut trial.progress, Progress::Over) else {
            return;
        };
        self.usage = flow.tail.usage();
        self.vote(index, None, None, lent);
        self.record(index, Conclusion::succeeded(flow.status, flow.first_byte), lent);
        self.tell_if_over(lent);
    }

    /// An answer has failed: either the next attempt is planned, or this was the last.
    pub(super) fn failed(&mut self, index: usize, held: Held, judged: Judged, lent: &mut Lent<'_>) -> Step {
        let class = judged.class;
        self.vote(index, Some(class), judged.hint, lent);
        let wanted = self.moves_on(class, held.status);
        let next = if wanted { self.next(index, lent) } else { None };
        let conclusion = Conclusion {
            status: (held.status != 0).then_some(held.status),
            first_byte: Some(held.first_byte),
            detail: (held.status == 0).then_some("dns"),
            failed_over: next.is_some(),
            ..Conclusion::failed(judged)
        };
        self.record(index, conclusion, lent);
        if let Some(clusters) = next {
            let mut headers = cleaned(&held);
            headers.remove("retry-after");
            headers.set(names::HEADER_RETRY, class.as_str());
            return Step::Discard {
                headers,
                clusters: Some(clusters),
            };
        }
        self.last_failure(index, held, class, wanted)
    }

    /// Whether the policy lets this failure move on at all.
    fn moves_on(&self, class: Class, status: u16) -> bool {
        let Errand::Client { ask, .. } = &self.errand else {
            return false;
        };
        let failover = &self.live.catalog.model(ask.model).failover;
        failover.mode == FailoverMode::Retry
            && !ask.narrowing.failover_off
            && failover.on.moves_on(class, Some(status))
    }

    /// Plans what remains after the attempt at `index` failed; `None` when nothing does.
    fn next(&mut self, index: usize, lent: &mut Lent<'_>) -> Option<Vec<Arc<str>>> {
        let Errand::Client { ask, .. } = &self.errand else {
            return None;
        };
        let used = index + 1;
        if used >= self.most_attempts || lent.now >= self.deadline {
            return None;
        }
        let live = &self.live;
        let availability = live.availability(ask.model, lent.now);
        let draining = |provider| live.is_draining(provider);
        let situation = Situation {
            catalog: &live.catalog,
            ask,
            availability: &availability,
            draining: &draining,
        };
        let tried: Vec<Tried> = self.attempts[..used]
            .iter()
            .map(super::concluding::tried)
            .collect();
        let mut rest = plan::replan(&situation, &tried, lent.rng, lent.now);
        rest.attempts.truncate(self.most_attempts - used);
        self.reserved = admit_first(live, &mut rest, lent);
        if rest.attempts.is_empty() {
            return None;
        }
        self.plan.attempts.truncate(used);
        self.plan.attempts.append(&mut rest.attempts);
        Some(clusters(&live.catalog, &self.plan.attempts))
    }

    /// No attempt follows: the caller gets the provider's own answer, or, when the failure is ours, a final one.
    fn last_failure(&mut self, index: usize, held: Held, class: Class, wanted: bool) -> Step {
        let ours = class.blame() == Some(Scope::Credential);
        let replaced = ours || (wanted && class.blame().is_some());
        let mut headers = cleaned(&held);
        if let Some(veto) = self.veto(index, held.status) {
            headers.set(":status", veto.to_string());
        }
        if replaced && held.ended {
            return Step::Discard {
                headers,
                clusters: None,
            };
        }
        if replaced {
            return Step::GiveUp;
        }
        self.passed = Some(held.status);
        Step::Release {
            headers,
            held: held.chunks,
            end: held.ended,
        }
    }

    /// The status to show the host when its own policy would retry the real one although we will not; the last step
    /// restores it.
    fn veto(&self, index: usize, status: u16) -> Option<u16> {
        let Errand::Client { ask, .. } = &self.errand else {
            return None;
        };
        let catalog = &self.live.catalog;
        let retried = &catalog
            .policy(catalog.model(ask.model).policy)
            .retriable_status_codes;
        let would_retry = index + 1 < self.most_attempts && retried.contains(&status);
        VETO_STATUSES
            .into_iter()
            .find(|veto| would_retry && !retried.contains(veto))
    }
}

impl Held {
    fn begin<H: Headers>(status: u16, headers: &H, first_byte: Duration) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Self {
            status,
            headers,
            chunks: Vec::new(),
            size: 0,
            ended: false,
            first_byte,
        }
    }

    fn push(&mut self, chunk: &Bytes, end: bool) {
        self.ended |= end;
        if !chunk.is_empty() {
            self.size += chunk.len();
            self.chunks.push(chunk.clone());
        }
    }

    fn is_event_stream(&self) -> bool {
        let media_type = self.header("content-type").unwrap_or(b"");
        media_type
            .get(..17)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
    }

    /// The body in one piece; a body that came in one chunk is shared, not copied.
    fn joined(&self) -> Bytes {
        match &self.chunks[..] {
            [] => Bytes::new(),
            [whole] => whole.clone(),
            parts => parts.concat().into(),
        }
    }
}

impl HeaderView for Held {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(shown, _)| shown.as_ref() == name.as_bytes())
            .map(|(_, value)| value.as_ref())
    }
}

/// Takes off what would steer the host: providers that sit behind an Envoy of their own send such headers.
fn cleaned(held: &Held) -> HeaderChanges {
    let steers = |name: &Bytes| name.starts_with(b"x-envoy-") || name.starts_with(b"x-understudy-");
    let remove = held
        .headers
        .iter()
        .map(|(name, _)| name)
        .filter(|name| steers(name))
        .cloned()
        .collect();
    HeaderChanges {
        set: Vec::new(),
        remove,
    }
}
