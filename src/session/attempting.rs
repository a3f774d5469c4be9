//! Step two: an attempt starts, and its request is rewritten for its target.

use std::sync::Arc;

use bytes::Bytes;

use super::operations::{Headers, Lent, Outcall};
use super::unanswered::NoAnswer;
use super::{Errand, Happened, Progress, Session, Trial};
use crate::attempt;
use crate::catalog::TargetIx;

impl Session {
    /// Attempt `number` (1 for the first) is starting; returns the request to send.
    ///
    /// Attempts before it that got no answer are concluded now: the host's header says whether the last one ran
    /// out of time, and one that never showed itself was refused.
    pub fn attempt<H: Headers>(&mut self, number: u32, headers: &H, lent: &mut Lent<'_>) -> Outcall {
        let shown = headers.iter().map(|(name, _)| name);
        match &self.errand {
            Errand::HealthCheck { provider, path } => {
                attempt::errand(self.live.catalog.provider(*provider), path, shown)
            }
            Errand::Caller(caller) => {
                let caller = Arc::clone(caller);
                let target = self.follow(number, headers, lent);
                let catalog = &self.live.catalog;
                let to = (catalog.provider_of(target), catalog.target(target));
                attempt::rewrite(&caller.original, caller.ask.surface, to, shown)
            }
        }
    }

    /// Concludes what came before attempt `number`, and notes that it has begun.
    fn follow<H: Headers>(&mut self, number: u32, headers: &H, lent: &mut Lent<'_>) -> TargetIx {
        let timed_out = headers.first("x-envoy-is-timeout-retry").map(Bytes::as_ref) == Some(b"true");
        let index = number.max(1) as usize - 1;
        for earlier in 0..index {
            if self.attempts.len() == earlier {
                self.begin(earlier, lent);
                self.conclude_unanswered(earlier, NoAnswer::refused(), true, lent);
            } else if self.attempts[earlier].record.is_none() {
                let last = earlier + 1 == index;
                let end = if last && timed_out {
                    NoAnswer::TimedOut
                } else {
                    NoAnswer::Broken
                };
                self.conclude_unanswered(earlier, end, true, lent);
            }
        }
        self.attempts.truncate(index);
        self.begin(index, lent)
    }

    /// Notes that the attempt at `index` has begun, with its permit. The host has chosen the cluster already, so a
    /// circuit that refuses by now is passed over: its target is asked all the same, and the verdict still counts.
    pub(super) fn begin(&mut self, index: usize, lent: &mut Lent<'_>) -> TargetIx {
        let target = self.target_of(index);
        let permit = self.reserved.take().or_else(|| {
            let (permit, changes) = self.live.board.admit(target.0, true, lent.now).ok()?;
            lent.happened.extend(
                changes
                    .into_iter()
                    .map(|change| Happened::Circuit(target, change)),
            );
            Some(permit)
        });
        let started = lent.now;
        self.attempts.push(Trial {
            target,
            permit,
            class: None,
            hint: None,
            started,
            progress: Progress::Asked,
            record: None,
        });
        target
    }

    /// Where the attempt at `index` goes: past the end of the plan, to its last target, as the host does.
    fn target_of(&self, index: usize) -> TargetIx {
        let last = self.plan.attempts.len() - 1;
        self.plan.attempts[index.min(last)]
    }
}
