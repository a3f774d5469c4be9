//! Steps five and six: attempts end, the final answer passes, the request is over and told once.

mod host_words;

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::operations::{Final, Headers, Lent};
use super::unanswered::NoAnswer;
use super::{
    AttemptRecord, Caller, Errand, Happened, Progress, RequestOutcome, RequestRecord, Session, Trial,
};
use crate::attempt::HeaderChanges;
use crate::breaker::TargetAvailability;
use crate::dialect::told_on;
use crate::outcome::{Ending, Tried, final_answer};
use host_words::told_by;
use understudy_proto::names;

/// What the caller was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    pub at: Instant,
    pub status: u16,
    pub outcome: RequestOutcome,
}

/// What the host says about the final answer.
#[derive(Debug, Clone, Copy)]
pub struct HostWords<'a> {
    /// Why the answer is what it is, in the host's words (Envoy's `response.code_details`).
    pub details: &'a str,
    /// Attempts that the host counted.
    pub attempts: u32,
}

/// Why the caller gets a final answer of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Exhausted,
    OutOfTime,
    Unavailable,
}

/// What the host says when it ended an attempt because we told it that the budget is spent.
pub const OUT_OF_TIME: &str = "understudy_out_of_time";

impl Session {
    /// The host no longer shows us attempt `number`: what became of it is told by the next attempt or by the
    /// final answer. Of an answer that was flowing, the host will say whose doing it was.
    pub fn on_attempt_end(&mut self, number: u32, lent: &mut Lent<'_>) {
        let Some(trial) = self.attempts.get_mut(number.max(1) as usize - 1) else {
            return;
        };
        trial.progress = match std::mem::replace(&mut trial.progress, Progress::Over) {
            Progress::Flowing(flow) => Progress::Cut(flow, lent.now),
            other => other,
        };
    }

    /// The final answer is on its way to the caller.
    pub fn on_final<H: Headers>(&mut self, headers: &H, words: HostWords<'_>, lent: &mut Lent<'_>) -> Final {
        let status = headers
            .text(":status")
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        if matches!(self.errand, Errand::HealthCheck { .. }) {
            self.told = true;
            return Final {
                headers: HeaderChanges::default(),
                body: None,
            };
        }
        let out_of_time = self.conclude_the_last(words, lent);
        let mut answer = match self.verdict(out_of_time) {
            Ok(outcome) => self.passed_on(status, outcome, lent),
            Err(failure) => {
                let mut answer = self.replaced(failure, lent);
                answer.headers.remove.extend(of_one_provider(headers));
                answer
            }
        };
        self.explain(&mut answer.headers, lent.now);
        answer.headers.remove(names::HEADER_RETRY);
        self.tell_if_over(lent);
        answer
    }

    /// The caller went away before it had an answer.
    pub fn on_gone(&mut self, lent: &mut Lent<'_>) {
        if self.answered.is_some() || self.told {
            return;
        }
        for index in 0..self.attempts.len() {
            if self.attempts[index].record.is_none() {
                self.conclude_unanswered(index, NoAnswer::Abandoned, false, lent);
            }
        }
        self.reserved = None;
        self.answered = Some(Answered {
            at: lent.now,
            status: 499,
            outcome: RequestOutcome::Abandoned,
        });
        self.tell_if_over(lent);
    }

    /// True when nothing more can happen to this request.
    pub fn is_over(&self) -> bool {
        self.told
    }

    /// Attempts that the host made and that brought no answer are concluded by the host's words. Returns whether
    /// the time of the whole request ran out.
    fn conclude_the_last(&mut self, words: HostWords<'_>, lent: &mut Lent<'_>) -> bool {
        let made = (words.attempts as usize).min(self.most_attempts);
        while self.attempts.len() < made {
            let index = self.attempts.len();
            self.begin(index, lent);
            if index + 1 < made {
                self.conclude_unanswered(index, NoAnswer::refused(), true, lent);
            }
        }
        let last = self.attempts.len().saturating_sub(1);
        for index in 0..self.attempts.len() {
            if self.attempts[index].record.is_none() && !self.attempts[index].is_unfinished() {
                let end = if index == last {
                    told_by(words.details)
                } else {
                    NoAnswer::Broken
                };
                self.conclude_unanswered(index, end, index != last, lent);
            }
        }
        words.details == OUT_OF_TIME || words.details.starts_with("response_timeout")
    }

    /// Whether the caller gets a provider's own answer (and what that is), or a final one of ours.
    fn verdict(&self, out_of_time: bool) -> Result<RequestOutcome, Failure> {
        if self.passed.is_some() {
            return Ok(RequestOutcome::CallerError);
        }
        match self.attempts.last() {
            Some(last) if last.record.as_ref().is_none_or(|record| record.judged.is_none()) => {
                Ok(RequestOutcome::Success)
            }
            _ if out_of_time => Err(Failure::OutOfTime),
            Some(_) => Err(Failure::Exhausted),
            None => Err(Failure::Unavailable),
        }
    }

    fn passed_on(&mut self, status: u16, outcome: RequestOutcome, lent: &Lent<'_>) -> Final {
        let mut headers = HeaderChanges::default();
        let status = self.passed.unwrap_or(status);
        if self.passed.is_some() {
            headers.set(":status", status.to_string());
        }
        self.answered = Some(Answered {
            at: lent.now,
            status,
            outcome,
        });
        let body = self.reworded.take();
        if body.is_some() {
            headers.set("content-type", "application/json");
        }
        Final { headers, body }
    }

    fn replaced(&mut self, failure: Failure, lent: &Lent<'_>) -> Final {
        let (outcome, ending) = match failure {
            Failure::OutOfTime => (RequestOutcome::TimedOut, Ending::OutOfTime),
            Failure::Exhausted => (RequestOutcome::Exhausted, Ending::Exhausted),
            Failure::Unavailable => (RequestOutcome::Unavailable, Ending::Exhausted),
        };
        let tried: Vec<Tried<'_>> = self.records().filter_map(|record| self.tried(record)).collect();
        let answer = final_answer(self.asked_model(), &tried, ending, self.soonest(lent.now));
        let id = self.id.to_string();
        let (status, body) = told_on(self.surface(), (answer.status, answer.body), Some(&id));
        let mut headers = HeaderChanges::default();
        headers.set(":status", status.to_string());
        headers.set("content-type", "application/json");
        self.identify(&mut headers, &id);
        match answer.retry_after {
            Some(seconds) => headers.set("retry-after", seconds.to_string()),
            None => headers.remove("retry-after"),
        }
        if let Some(word) = answer.should_retry {
            headers.set("x-should-retry", word);
        }
        headers.remove("content-encoding");
        self.answered = Some(Answered {
            at: lent.now,
            status,
            outcome,
        });
        Final {
            headers,
            body: Some(body),
        }
    }

    fn tried<'a>(&'a self, record: &'a AttemptRecord) -> Option<Tried<'a>> {
        let (catalog, judged) = (&self.live.catalog, record.judged.as_ref()?);
        Some(Tried {
            provider: &catalog.provider_of(record.target).name,
            model: &catalog.target(record.target).provider_model,
            class: judged.class,
            status: record.status,
            ms: u64::try_from(record.duration.as_millis()).unwrap_or(u64::MAX),
            message: &judged.message,
            code: judged.code.as_deref(),
            param: judged.param.as_deref(),
            hint: judged.hint,
        })
    }

    fn asked_model(&self) -> &str {
        self.caller().map_or("", |caller| &caller.asked_model)
    }

    /// When the first target of the model may serve again; at once, when one is not benched at all.
    fn soonest(&self, now: Instant) -> Option<Duration> {
        let ask = &self.caller()?.ask;
        let availability = self.live.availability(ask.model, now);
        let wait = |target: &TargetAvailability| {
            target
                .standing
                .until()
                .map(|until| until.saturating_duration_since(now))
        };
        availability.entries().iter().map(wait).min().flatten()
    }

    fn records(&self) -> impl Iterator<Item = &AttemptRecord> {
        self.attempts.iter().filter_map(|trial| trial.record.as_ref())
    }

    /// Tells the whole request, once, when its answer is decided and nothing flows any more.
    pub(super) fn tell_if_over(&mut self, lent: &mut Lent<'_>) {
        let flowing = self.attempts.iter().any(Trial::is_unfinished);
        let Some(answered) = self.answered.filter(|_| !flowing && !self.told) else {
            return;
        };
        self.told = true;
        let Some(Caller {
            ask,
            client,
            asked_model,
            ..
        }) = self.caller()
        else {
            return;
        };
        lent.happened.push(Happened::Request(Box::new(RequestRecord {
            id: self.id,
            generation: self.live.catalog.generation,
            client: *client,
            model: Some(ask.model),
            asked_model: Some(asked_model.clone()),
            surface: Some(ask.surface),
            stream: ask.stream,
            status: answered.status,
            outcome: answered.outcome,
            attempts: self.records().cloned().collect(),
            duration: lent.now.saturating_duration_since(self.started),
            to_headers: Some(answered.at.saturating_duration_since(self.started)),
            upstream: self.upstream(lent.now),
            own_time: self.own_time,
            usage: self.usage,
            answer_model: self.answer_model.clone(),
            forced: self.plan.forced,
        })));
    }
}

/// Headers of the last provider's answer that are not true of all of them: its own waits and limits. A client would
/// believe its `retry-after-ms` before the soonest `retry-after` that we name.
fn of_one_provider<H: Headers>(headers: &H) -> Vec<Bytes> {
    let is_its_own = |name: &Bytes| {
        const PREFIXES: [&[u8]; 4] = [b"x-ratelimit-", b"openai-", b"anthropic-", b"x-amzn-"];
        const NAMES: [&[u8]; 5] = [
            b"retry-after-ms",
            b"request-id",
            b"apim-request-id",
            b"x-generation-id",
            b"location",
        ];
        PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name.as_ref())
    };
    headers
        .iter()
        .map(|(name, _)| name)
        .filter(|name| is_its_own(name))
        .cloned()
        .collect()
}
