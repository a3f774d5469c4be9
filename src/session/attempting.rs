//! Step two: an attempt starts, and its request is rewritten for its target.

use std::sync::Arc;

use bytes::Bytes;

use super::concluding::{Conclusion, plainly};
use super::judging::GIVEN_UP;
use super::operations::{Headers, Lent, Outcall};
use super::unanswered::NoAnswer;
use super::{Errand, Happened, Progress, Session, Trial};
use crate::attempt::{self, NotSent};
use crate::catalog::TargetIx;
use crate::outcome::Class;

impl Session {
    /// Attempt `number` (1 for the first) is starting; returns the request to send, or the words to end it with.
    ///
    /// Attempts before it that got no answer are concluded now: the host's header says whether the last one ran
    /// out of time, and one that never showed itself was refused.
    pub fn attempt<H: Headers>(
        &mut self,
        number: u32,
        headers: &H,
        lent: &mut Lent<'_>,
    ) -> Result<Outcall, &'static str> {
        let shown = headers.iter().map(|(name, _)| name);
        match &self.errand {
            Errand::HealthCheck { provider, path } => {
                let provider = self.live.catalog.provider(*provider);
                attempt::errand(provider, path, shown, lent.today).map_err(|_| GIVEN_UP)
            }
            Errand::Caller(caller) => {
                let caller = Arc::clone(caller);
                let target = self.follow(number, headers, lent);
                let catalog = &self.live.catalog;
                let to = (catalog.provider_of(target), catalog.target(target));
                match attempt::rewrite(&caller.original, to, shown, lent.today) {
                    Ok(mut outcall) => {
                        if let Some(trial) = self.attempts.last_mut() {
                            trial.dropped = std::mem::take(&mut outcall.dropped);
                        }
                        Ok(outcall)
                    }
                    Err(not_sent) => Err(self.not_sent(not_sent, lent)),
                }
            }
        }
    }

    /// The last attempt cannot be made: it is over, and the final answer says why.
    fn not_sent(&mut self, why: NotSent, lent: &mut Lent<'_>) -> &'static str {
        let index = self.attempts.len().saturating_sub(1);
        let class = match why {
            NotSent::Unsupported(_) => Class::Unsupported,
            // Ours, and nothing that the provider has shown.
            NotSent::NoToken | NotSent::Unsignable(_) => Class::Auth,
        };
        let judged = plainly(class, &why.to_string());
        self.release(index, Some(class));
        self.record(index, Conclusion::failed(judged), lent);
        GIVEN_UP
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
            dropped: Vec::new(),
        });
        target
    }

    /// Where the attempt at `index` goes: past the end of the plan, to its last target, as the host does.
    fn target_of(&self, index: usize) -> TargetIx {
        let last = self.plan.attempts.len() - 1;
        self.plan.attempts[index.min(last)]
    }
}
