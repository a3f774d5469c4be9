//! An attempt ends without an answer: what is known of how, what that counts as, and when it counts for nothing.
//!
//! A caller who is in a hurry must not bench a provider: an attempt that was given less time than the policy gives
//! one has shown nothing when that time runs out.

use super::concluding::{Conclusion, plainly};
use super::operations::Lent;
use super::streaming::patience_with_streams;
use super::{Progress, Session};
use crate::outcome::Class;

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

    fn is_out_of_time(self) -> bool {
        matches!(self, Self::TimedOut | Self::SilentStream)
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

impl Session {
    /// The attempt at `index` brought no answer: it is judged, votes and is told at once.
    pub(super) fn conclude_unanswered(
        &mut self,
        index: usize,
        end: NoAnswer,
        failed_over: bool,
        lent: &mut Lent<'_>,
    ) {
        let end = if end == NoAnswer::TimedOut && (self.is_held_to_first_token() || self.is_gated(index)) {
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
        if end.is_out_of_time() && !self.had_its_time(index, lent) {
            self.release(index, class);
        } else {
            self.vote(index, class, hint, lent);
        }
        self.record(index, conclusion, lent);
    }

    /// Whether the attempt at `index` was given the time that the policy gives an attempt: one that was begun near
    /// the end of the whole budget, or for a caller in a hurry, was not.
    fn had_its_time(&self, index: usize, lent: &Lent<'_>) -> bool {
        let (Some(trial), Some(caller)) = (self.attempts.get(index), self.caller()) else {
            return true;
        };
        let failover = &self.live.catalog.model(caller.ask.model).failover;
        let patience = if caller.ask.stream {
            patience_with_streams(failover)
        } else {
            failover.per_try_timeout
        };
        // The host's clock and ours do not agree to the millisecond.
        lent.now.saturating_duration_since(trial.started) >= patience.mul_f64(0.9)
    }

    /// The attempt at `index` is over without having shown anything about its target.
    pub(super) fn release(&mut self, index: usize, class: Option<Class>) {
        if let Some(trial) = self.attempts.get_mut(index) {
            trial.class = class;
            trial.permit = None;
        }
    }

    /// Whether the time for a stream's first token is shorter than that of a whole attempt.
    fn is_held_to_first_token(&self) -> bool {
        self.caller().is_some_and(|caller| {
            let failover = &self.live.catalog.model(caller.ask.model).failover;
            caller.ask.stream && patience_with_streams(failover) < failover.per_try_timeout
        })
    }

    /// Whether the stream of the attempt at `index` has begun and said nothing.
    fn is_gated(&self, index: usize) -> bool {
        let progress = self.attempts.get(index).map(|trial| &trial.progress);
        matches!(progress, Some(Progress::Gating(_)))
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
}
