//! An answer breaks off while the caller is reading it: whose doing it was, and what that counts as.

use std::time::Instant;

use super::concluding::{Conclusion, plainly};
use super::finishing::Answered;
use super::operations::Lent;
use super::{Progress, RequestOutcome, Session, Trial};
use crate::outcome::Class;

/// Whose doing it was that a flowing answer broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The caller left.
    ByCaller,
    /// The provider, or the way to it.
    ByProvider,
    /// The host did not say.
    Unknown,
}

impl Session {
    /// The host says whose doing it was that the answer broke off.
    pub fn on_cut(&mut self, cut: Cut, lent: &mut Lent<'_>) {
        let Some(index) = self.attempts.iter().position(Trial::is_unfinished) else {
            return;
        };
        let trial = &mut self.attempts[index];
        let (Progress::Flowing(flow) | Progress::Cut(flow, _)) =
            std::mem::replace(&mut trial.progress, Progress::Over)
        else {
            return;
        };
        let (class, message, outcome) = match cut {
            Cut::ByProvider => (
                Class::StreamBroken,
                "the answer broke off while it was being read",
                RequestOutcome::Broken,
            ),
            Cut::ByCaller | Cut::Unknown => (
                Class::Abandoned,
                "the caller went away",
                RequestOutcome::Abandoned,
            ),
        };
        self.usage = flow.reader.usage();
        self.vote(index, Some(class), None, lent);
        let conclusion = Conclusion {
            status: Some(flow.status),
            first_byte: Some(flow.first_token),
            ..Conclusion::failed(plainly(class, message))
        };
        self.record(index, conclusion, lent);
        self.answer_became(outcome);
        self.tell_if_over(lent);
    }

    /// What became of the answer after its headers had gone out.
    pub(super) fn answer_became(&mut self, outcome: RequestOutcome) {
        self.answered = self.answered.map(|answered| Answered { outcome, ..answered });
    }

    /// Since when the host has owed its word on an answer that broke off.
    pub fn cut_since(&self) -> Option<Instant> {
        self.attempts.iter().find_map(|trial| match trial.progress {
            Progress::Cut(_, since) => Some(since),
            _ => None,
        })
    }
}
