//! Keeps one token fresh for as long as it is let.
//!
//! Invariant: the token that is there stays until a newer one takes its place, however often the renewal fails; each
//! try is told once.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use tokio::time::Instant;

use super::exchange::Exchange;
use super::{Charge, State, left, schedule};
use crate::telemetry::event::TokenAsked;
use crate::telemetry::{Event, Telemetry};

/// How long it is slept at a time: a machine that was suspended wakes with a wall clock far ahead of ours.
const NAP: Duration = Duration::from_secs(30);

/// What a task keeps one token fresh with.
pub(super) struct Keeper<X, C> {
    pub(super) charge: Arc<Charge>,
    pub(super) exchange: X,
    /// The wall clock, by which tokens expire.
    pub(super) today: C,
    pub(super) telemetry: Arc<Telemetry>,
}

impl<X: Exchange, C: Fn() -> SystemTime + Send + Sync + 'static> Keeper<X, C> {
    /// Asks at once, and again whenever it is time.
    pub(super) async fn run(self, mut rng: Rng) {
        let mut failures = 0_u32;
        let mut was_good = false;
        loop {
            let asked = (self.today)();
            let authorities = self.charge.users.lock().authorities.clone();
            let source = self.charge.slot.source();
            let (wait, failure) = match self.exchange.fetch(source, &authorities, asked).await {
                Ok(fresh) => {
                    self.charge.slot.store(&fresh.token, asked + fresh.lifetime);
                    (schedule::renewal(fresh.lifetime, &mut rng), None)
                }
                Err(failure) => {
                    let doubled = failures.saturating_add(1);
                    let wait = schedule::repetition(doubled, failure.is_refusal(), failure.wait(), &mut rng);
                    (wait, Some(failure.to_string()))
                }
            };
            let good_for = left(&self.charge.slot, (self.today)());
            let is_news = match &failure {
                None => failures > 0 || !was_good,
                Some(_) => failures == 0 || was_good && good_for.is_none(),
            };
            failures = match failure {
                None => 0,
                Some(_) => failures.saturating_add(1),
            };
            was_good = good_for.is_some();
            self.tell(failure, good_for, is_news);
            self.rest(wait).await;
        }
    }

    fn tell(&self, failure: Option<String>, good_for: Option<Duration>, is_news: bool) {
        self.charge.state.send_replace(State {
            tried: true,
            failure: failure.as_deref().map(Arc::from),
        });
        let providers = self.charge.users.lock().names.clone();
        self.telemetry.emit(&Event::TokenAsked(TokenAsked {
            providers,
            failure,
            good_for,
            is_news,
        }));
    }

    /// Waits for so long by the clock that advances first.
    async fn rest(&self, wait: Duration) {
        let (due, wall) = (Instant::now() + wait, (self.today)() + wait);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() || (self.today)() >= wall {
                return;
            }
            tokio::time::sleep(left.min(NAP)).await;
        }
    }
}

#[cfg(test)]
mod tests;
