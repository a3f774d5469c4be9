//! An answer has failed: what that means for the next attempt, and for the host.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use understudy_proto::names;

use super::answering::JUDGED_BYTES;
use super::concluding::{Conclusion, tried};
use super::describing::Form;
use super::held::{Held, cleaned};
use super::operations::{Lent, Step};
use super::planning::{admit_first, clusters};
use super::redacting::{holds_key, without_keys};
use super::{Caller, Session};
use crate::attempt::HeaderChanges;
use crate::catalog::Surface;
use crate::config::FailoverMode;
use crate::dialect::told_on;
use crate::outcome::{Class, HeaderView as _, Judged, Scope, callers_error, decode, request_id};
use crate::plan::{self, Situation, Tried};

/// Statuses for an answer that must not be retried although its real status says so: the first that the host's
/// policy does not retry.
const VETO_STATUSES: [u16; 4] = [418, 410, 409, 400];

/// Said to the host when an answer has failed for good while its provider is still sending.
pub(super) const GIVEN_UP: &str = "understudy_given_up";

impl Session {
    /// An answer has failed: either the next attempt is planned, or this was the last.
    pub(super) fn failed(&mut self, index: usize, held: Held, judged: Judged, lent: &mut Lent<'_>) -> Step {
        let class = judged.class;
        self.vote(index, Some(class), judged.hint, lent);
        let wanted = self.moves_on(class, held.status);
        let next = if wanted { self.next(index, lent) } else { None };
        let said = self.said_to_caller(index, &held, &judged);
        let conclusion = Conclusion {
            status: (held.status != 0).then_some(held.status),
            first_byte: Some(held.first_byte),
            detail: (held.status == 0).then_some("dns"),
            failed_over: next.is_some(),
            ..Conclusion::failed(judged)
        };
        self.record(index, conclusion, lent);
        if let Some(clusters) = next {
            let mut headers = cleaned(&held, self.provider(index));
            headers.remove("retry-after");
            headers.set(names::HEADER_RETRY, class.as_str());
            return Step::Discard {
                headers,
                clusters: Some(clusters),
            };
        }
        self.last_failure(index, held, (class, wanted), said)
    }

    /// A provider's refusal in the caller's form, where the provider's own words are in another.
    fn said_to_caller(&self, index: usize, held: &Held, judged: &Judged) -> Option<Bytes> {
        let surface = self.surface();
        let in_other_words = || {
            let said = (held.status, callers_error(judged, held.status));
            told_on(surface, said, request_id(held)).1
        };
        if self.is_foreign(index) {
            return Some(in_other_words());
        }
        // One that speaks Anthropic's language may stand behind a service that does not.
        let body = held.joined();
        let is_own = || told_on(surface, (held.status, body.clone()), None).1 == body;
        (surface == Surface::Messages && !is_own()).then(in_other_words)
    }

    /// Whether the policy lets this failure move on at all.
    pub(super) fn moves_on(&self, class: Class, status: u16) -> bool {
        let Some(Caller { ask, .. }) = self.caller() else {
            return false;
        };
        let failover = &self.live.catalog.model(ask.model).failover;
        failover.mode == FailoverMode::Retry
            && !ask.narrowing.failover_off
            && failover.on.moves_on(class, Some(status))
    }

    /// Plans what remains after the attempt at `index` failed; `None` when nothing does.
    fn next(&mut self, index: usize, lent: &mut Lent<'_>) -> Option<Vec<Arc<str>>> {
        let Caller { ask, .. } = self.caller()?;
        let used = index + 1;
        if used >= self.most_attempts || lent.now + self.longest_wait(used) >= self.deadline {
            return None;
        }
        let live = &self.live;
        let availability = live.availability(ask.model, lent.now);
        let away = |provider| live.away(provider, lent.today);
        let situation = Situation {
            catalog: &live.catalog,
            ask,
            availability: &availability,
            away: &away,
        };
        let tried: Vec<Tried> = self.attempts[..used].iter().map(tried).collect();
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

    /// The longest that the host may wait before the attempt after `used` others: an attempt that would begin after
    /// the deadline is not begun.
    fn longest_wait(&self, used: usize) -> Duration {
        let Some(caller) = self.caller() else {
            return Duration::ZERO;
        };
        let catalog = &self.live.catalog;
        let (base, max) = catalog.policy(catalog.model(caller.ask.model).policy).backoff;
        let doublings = u32::try_from(used).unwrap_or(u32::MAX).saturating_sub(1).min(16);
        base.saturating_mul(1 << doublings).min(max)
    }

    /// No attempt follows: the caller gets the provider's own answer, or, when the failure is ours, a final one.
    fn last_failure(
        &mut self,
        index: usize,
        held: Held,
        (class, wanted): (Class, bool),
        said: Option<Bytes>,
    ) -> Step {
        let ours = class.blame() == Some(Scope::Credential);
        let is_no_answer = (200..300).contains(&held.status);
        let hides_key = !held.is_plain() && self.repeats_key(index, &held);
        let replaced = ours || is_no_answer || hides_key || (wanted && class.blame().is_some());
        let mut headers = cleaned(&held, self.provider(index));
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
            return Step::GiveUp(GIVEN_UP);
        }
        self.passed = Some(held.status);
        if let Some(body) = said {
            let mut reformed = self.reformed(index, &held, Form::Json(body.len()));
            reformed.set.append(&mut headers.set);
            return self.pass_reworded(held.ended, reformed, body);
        }
        let body = held.joined();
        let chunks = match without_keys(self.provider(index), &body) {
            Cow::Borrowed(_) => held.chunks,
            Cow::Owned(clean) => vec![clean.into()],
        };
        Step::Release {
            headers,
            held: chunks,
            end: held.ended,
        }
    }

    /// A refusal goes to the caller in other words. When its provider is still sending, the attempt is over all the
    /// same, and the words follow in the last step.
    fn pass_reworded(&mut self, ended: bool, headers: HeaderChanges, body: Bytes) -> Step {
        if ended {
            return Step::Release {
                headers,
                held: vec![body],
                end: true,
            };
        }
        self.reworded = Some(body);
        Step::GiveUp(GIVEN_UP)
    }

    /// Whether a coded answer repeats our key, which cannot be starred out there.
    fn repeats_key(&self, index: usize, held: &Held) -> bool {
        let body = held.joined();
        let decoded = decode(held.header("content-encoding"), &body, JUDGED_BYTES);
        holds_key(self.provider(index), &decoded.bytes)
    }

    /// The status to show the host when its own policy would retry the real one although we will not; the last step
    /// restores it.
    fn veto(&self, index: usize, status: u16) -> Option<u16> {
        let Caller { ask, .. } = self.caller()?;
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
