//! The hand on a running provider: switch faults, read counters, look at requests.
//!
//! It is the same for a test in this process and for the HTTP console. Invariant: a change holds for every request
//! that is decided after the call returned.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::book::{FaultBook, Place};
use super::config::{Pace, SimConfig};
use super::journal::{Entry, Journal, ReceivedRequest, UnmaskedRequest};
use super::manner::Manner;
use super::mint::Mint;
use super::rule::FaultRule;
use super::stats::{Counters, Stats};

/// Controls one running provider. Clones control the same one.
#[derive(Clone)]
pub struct Control(Arc<State>);

struct State {
    stats: Arc<Stats>,
    book: Mutex<FaultBook>,
    pace: Mutex<Pace>,
    manner: Mutex<Manner>,
    journal: Mutex<Journal>,
    mint: Arc<Mint>,
    keeps_requests: bool,
    first_faults: Vec<FaultRule>,
    first_pace: Pace,
    first_manner: Manner,
    first_lifetime: Duration,
}

impl Control {
    pub(super) fn new(config: &SimConfig) -> Self {
        let rng = config
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let mint = Mint::new(config.sign_in.token_lifetime, rng.clone());
        Self(Arc::new(State {
            mint: Arc::new(mint),
            stats: Arc::default(),
            book: Mutex::new(FaultBook::new(config.faults.clone(), rng)),
            pace: Mutex::new(config.pace),
            manner: Mutex::new(config.manner),
            journal: Mutex::new(Journal::new(config.keep_requests)),
            keeps_requests: config.keep_requests > 0,
            first_faults: config.faults.clone(),
            first_pace: config.pace,
            first_manner: config.manner,
            first_lifetime: config.sign_in.token_lifetime,
        }))
    }

    /// Switches a fault on, in the place of any other for the same model and endpoints.
    pub fn set_fault(&self, rule: FaultRule) {
        self.0.book.lock().set(rule);
    }

    /// Puts these rules, tried in order, in the place of all others. With `times` they make a script.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.0.book.lock().replace(rules);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.set_faults(Vec::new());
    }

    /// The rules that can still strike.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.0.book.lock().rules()
    }

    /// Changes how fast and how long the answers are, for requests to come.
    pub fn set_pace(&self, pace: Pace) {
        *self.0.pace.lock() = pace;
    }

    /// How fast and how long the answers are.
    pub fn pace(&self) -> Pace {
        *self.0.pace.lock()
    }

    /// Changes how else the answers are made, for requests to come.
    pub fn set_manner(&self, manner: Manner) {
        *self.0.manner.lock() = manner;
    }

    /// How else the answers are made.
    pub fn manner(&self) -> Manner {
        *self.0.manner.lock()
    }

    /// Changes how long tokens are valid that are issued from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        self.0.mint.set_lifetime(lifetime);
    }

    /// How long tokens are valid that are issued now.
    pub fn token_lifetime(&self) -> Duration {
        self.0.mint.lifetime()
    }

    /// Makes all tokens bad that were issued so far.
    pub fn revoke_tokens(&self) {
        self.0.mint.revoke();
    }

    /// What has been counted.
    pub fn counters(&self) -> Counters {
        self.0.stats.snapshot()
    }

    /// Waits until the counters are as wanted, and gives them; or the last ones as the error when `bound` has passed.
    pub async fn counters_when(
        &self,
        bound: Duration,
        is_reached: impl Fn(&Counters) -> bool,
    ) -> Result<Counters, Counters> {
        let reached = async {
            loop {
                let mut changed = std::pin::pin!(self.0.stats.changed().notified());
                // Listening starts before looking, so that no change falls between the two.
                changed.as_mut().enable();
                let counters = self.counters();
                if is_reached(&counters) {
                    return counters;
                }
                changed.await;
            }
        };
        tokio::time::timeout(bound, reached)
            .await
            .map_err(|_| self.counters())
    }

    /// The last requests, the oldest first, with keys masked.
    pub fn recent_requests(&self) -> Vec<ReceivedRequest> {
        self.0.journal.lock().requests()
    }

    /// The last requests with their header values in full: for tests that prove which key reached which provider.
    pub fn recent_requests_unmasked_for_tests(&self) -> Vec<UnmaskedRequest> {
        self.0.journal.lock().unmasked()
    }

    /// Forgets counters and requests, and goes back to the faults, the pace, the manner and the lifetime
    /// of tokens of the start.
    pub fn reset(&self) {
        self.set_faults(self.0.first_faults.clone());
        self.set_pace(self.0.first_pace);
        self.set_manner(self.0.first_manner);
        self.set_token_lifetime(self.0.first_lifetime);
        self.0.stats.reset();
        self.0.journal.lock().clear();
    }

    pub(super) fn mint(&self) -> &Arc<Mint> {
        &self.0.mint
    }

    pub(super) fn stats(&self) -> &Arc<Stats> {
        &self.0.stats
    }

    pub(super) fn draw_fault(&self, model: &str, place: Place) -> Option<Arc<FaultRule>> {
        self.0.book.lock().draw(model, place)
    }

    /// Remembers a request, unless none are kept.
    pub(super) fn keep(&self, entry: impl FnOnce() -> Entry) {
        if self.0.keeps_requests {
            self.0.journal.lock().push(entry());
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("faults", &self.faults())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}
