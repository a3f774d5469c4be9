//! An attempt is over: its verdict votes in the circuits, and is told once.

use std::time::Duration;

use super::operations::Lent;
use super::{AttemptRecord, Happened, Progress, Session, Trial};
use crate::breaker::{Failure, Vote, Weight};
use crate::catalog::{Credential, TargetIx};
use crate::outcome::{Class, Effect, Judged};
use crate::plan::Tried;

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
