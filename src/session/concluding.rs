//! An attempt is over: its verdict votes in the circuits, and is told once.

use std::time::Duration;

use super::operations::Lent;
use super::streaming::patience_with_streams;
use super::{AttemptRecord, Happened, Progress, Session, Trial};
use crate::breaker::{Failure, Vote, Weight};
use crate::catalog::{Credential, TargetIx};
use crate::outcome::{Class, Effect, Judged};
use crate::plan::Tried;

/// How an attempt ended that brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The connection was refused, or never came to be.
    Unconnected {
        /// How, in a word.
        detail: &'static str,
        /// The same in a sentence.
        message: &'static str,
    },
    /// The connection broke.
    Broken,
    /// The attempt ran out of time.
    TimedOut,
    /// The stream said nothing in time.
    SilentStream,
    /// The client went away.
    Abandoned,
}

impl NoAnswer {
    /// An attempt that never showed itself to us: its connection failed before a message could be sent.
    pub(super) fn refused() -> Self {
        Self::Unconnected {
            detail: "refused",
            message: "the connection was refused",
        }
    }

    fn conclusion(self, failed_over: bool) -> Conclusion {
        let (class, detail, message) = match self {
            Self::Unconnected { detail, message } => (Class::Connect, Some(detail), message),
            Self::Broken => (Class::Reset, None, "the connection broke before an answer came"),
            Self::TimedOut => (Class::Timeout, None, "no answer came in time"),
            Self::SilentStream => (
                Class::FirstTokenTimeout,
                None,
                "no answer came in the time for a first token",
            ),
            Self::Abandoned => (Class::Abandoned, None, "the caller went away"),
        };
        Conclusion {
            detail,
            failed_over,
            ..Conclusion::failed(plainly(class, message))
        }
    }
}

/// The end of one attempt.
#[derive(Debug, Clone)]
pub(super) struct Conclusion {
    /// Why it failed; `None` is success.
    pub judged: Option<Judged>,
    /// The provider's status.
    pub status: Option<u16>,
    /// Time to its response headers.
    pub first_byte: Option<Duration>,
    /// How exactly no answer came, in a word.
    pub detail: Option<&'static str>,
    /// Whether another attempt follows because of it.
    pub failed_over: bool,
}

impl Conclusion {
    /// A success.
    pub(super) fn succeeded(status: u16, first_byte: Duration) -> Self {
        Self {
            judged: None,
            status: Some(status),
            first_byte: Some(first_byte),
            detail: None,
            failed_over: false,
        }
    }

    /// A failure.
    pub(super) fn failed(judged: Judged) -> Self {
        Self {
            judged: Some(judged),
            status: None,
            first_byte: None,
            detail: None,
            failed_over: false,
        }
    }
}

/// A judgement without a provider's words.
pub(super) fn plainly(class: Class, message: &str) -> Judged {
    Judged {
        class,
        hint: None,
        message: message.to_owned(),
        code: None,
        param: None,
    }
}

/// What planning needs to know of an attempt that failed.
pub(super) fn tried(trial: &Trial) -> Tried {
    Tried {
        target: trial.target,
        needs_larger_window: trial.class.is_some_and(Class::needs_larger_target),
        same_target_pointless: trial.class.is_some_and(|class| match class.effect() {
            Effect::Count => false,
            // One that asked for time gets it.
            Effect::CountWithHint => trial.hint.is_some(),
            Effect::None | Effect::OpenAtOnce | Effect::OpenLong => true,
        }),
    }
}

impl Session {
    /// The attempt at `index` brought no answer: it is judged, votes and is told at once.
    pub(super) fn conclude_unanswered(
        &mut self,
        index: usize,
        end: NoAnswer,
        failed_over: bool,
        lent: &mut Lent<'_>,
    ) {
        let end = if end == NoAnswer::TimedOut && self.is_held_to_first_token() {
            NoAnswer::SilentStream
        } else {
            end
        };
        let conclusion = if end == NoAnswer::Broken {
            self.broken_off(index, lent)
        } else {
            None
        };
        let conclusion = Conclusion {
            failed_over,
            ..conclusion.unwrap_or_else(|| end.conclusion(failed_over))
        };
        let judged = conclusion.judged.as_ref();
        let (class, hint) = (
            judged.map(|judged| judged.class),
            judged.and_then(|judged| judged.hint),
        );
        self.vote(index, class, hint, lent);
        self.record(index, conclusion, lent);
    }

    /// Whether the time for a stream's first token is shorter than that of a whole attempt.
    fn is_held_to_first_token(&self) -> bool {
        self.caller().is_some_and(|caller| {
            let failover = &self.live.catalog.model(caller.ask.model).failover;
            caller.ask.stream && patience_with_streams(failover) < failover.per_try_timeout
        })
    }

    /// The connection broke in the middle of an answer of which the caller has seen nothing.
    fn broken_off(&self, index: usize, lent: &Lent<'_>) -> Option<Conclusion> {
        let cut = || plainly(Class::BadResponse, "the answer broke off in the middle");
        let (judged, held) = match &self.attempts.get(index)?.progress {
            Progress::Judging(held) => (self.judged(index, held, false, lent), held),
            Progress::Holding(held) => (cut(), held),
            Progress::Gating(gate) => (cut(), &gate.held),
            Progress::Asked | Progress::Flowing(_) | Progress::Cut(..) | Progress::Over => return None,
        };
        Some(Conclusion {
            status: Some(held.status),
            first_byte: Some(held.first_byte),
            ..Conclusion::failed(judged)
        })
    }

    /// The verdict on the attempt at `index` votes in its circuits.
    pub(super) fn vote(
        &mut self,
        index: usize,
        class: Option<Class>,
        hint: Option<Duration>,
        lent: &mut Lent<'_>,
    ) {
        let Some(trial) = self.attempts.get_mut(index) else {
            return;
        };
        let target = trial.target;
        trial.class = class;
        trial.hint = hint;
        let permit = trial.permit.take();
        let vote = self.weigh(target, class, hint);
        if let Some(permit) = permit {
            let changes = permit.record(vote, lent.rng, lent.now);
            lent.happened.extend(
                changes
                    .into_iter()
                    .map(|change| Happened::Circuit(target, change)),
            );
        }
    }

    /// The attempt at `index` has shown that it will do, though its answer is still flowing.
    pub(super) fn prove(&mut self, index: usize, first_byte: Duration, lent: &mut Lent<'_>) {
        let Some(trial) = self.attempts.get_mut(index) else {
            return;
        };
        let target = trial.target;
        if let Some(permit) = &mut trial.permit {
            permit.observe_speed(first_byte, lent.now);
            let changes = permit.prove(lent.now);
            lent.happened.extend(
                changes
                    .into_iter()
                    .map(|change| Happened::Circuit(target, change)),
            );
        }
    }

    /// What a verdict counts as, and for which circuit.
    fn weigh(&self, target: TargetIx, class: Option<Class>, hint: Option<Duration>) -> Vote {
        let Some(class) = class else { return Vote::Success };
        let mut verdict = class.verdict(hint);
        if matches!(
            self.live.catalog.provider_of(target).credential,
            Credential::Passthrough
        ) {
            verdict = verdict.with_callers_key();
        }
        let weight = match verdict.effect {
            Effect::None => return Vote::Abandoned,
            Effect::Count | Effect::CountWithHint => Weight::Counts,
            Effect::OpenAtOnce => Weight::OpensNow,
            Effect::OpenLong => Weight::OpensLong,
        };
        let Some(blame) = verdict.blame else {
            return Vote::Abandoned;
        };
        Vote::Failure(Failure {
            blame: scope(blame),
            weight,
            hint: verdict.hint,
            class: class.as_str(),
        })
    }

    /// The attempt at `index` is over; told once.
    pub(super) fn record(&mut self, index: usize, conclusion: Conclusion, lent: &mut Lent<'_>) {
        let Some(trial) = self
            .attempts
            .get_mut(index)
            .filter(|trial| trial.record.is_none())
        else {
            return;
        };
        let record = AttemptRecord {
            target: trial.target,
            number: u32::try_from(index + 1).unwrap_or(u32::MAX),
            status: conclusion.status,
            duration: lent.now.saturating_duration_since(trial.started),
            first_byte: conclusion.first_byte,
            failed_over: conclusion.failed_over,
            detail: conclusion.detail,
            judged: conclusion.judged,
        };
        trial.progress = Progress::Over;
        trial.record = Some(record.clone());
        lent.happened.push(Happened::Attempt(record));
    }
}

fn scope(blamed: crate::outcome::Scope) -> crate::breaker::Scope {
    match blamed {
        crate::outcome::Scope::Endpoint => crate::breaker::Scope::Endpoint,
        crate::outcome::Scope::Credential => crate::breaker::Scope::Credential,
        crate::outcome::Scope::Target => crate::breaker::Scope::Target,
    }
}
