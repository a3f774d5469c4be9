//! Access tokens of providers that sign in with one: fetched at the start, renewed before they expire.
//!
//! Invariant: one task per identity, for as long as the catalog in force has it; a request never waits for one, and
//! what is told of a failure holds no secret. The tokens themselves are in the catalog's slots; nothing here reads
//! them again.

mod assertion;
mod exchange;
mod keeper;
mod post;
mod schedule;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use self::keeper::Keeper;
use self::post::Https;
use crate::catalog::{Catalog, Credential, TokenSlot};
use crate::telemetry::Telemetry;

/// The tasks that keep tokens fresh, and how they fare. Dropping it ends them.
pub(super) struct Tokens {
    telemetry: Arc<Telemetry>,
    kept: Mutex<Vec<Kept>>,
}

/// One identity whose token is kept fresh.
struct Kept {
    charge: Arc<Charge>,
    _task: AbortOnDropHandle<()>,
}

/// One identity, and what is known of its token.
struct Charge {
    slot: Arc<TokenSlot>,
    /// Who signs in with it; a new catalog may change that.
    users: Mutex<Users>,
    state: watch::Sender<State>,
}

/// The providers that sign in with one token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Users {
    names: Vec<Arc<str>>,
    /// Authorities that they trust beside those that everybody does.
    authorities: Vec<PathBuf>,
}

/// How the last try came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    /// There was one.
    tried: bool,
    /// Why it brought nothing.
    failure: Option<Arc<str>>,
}

impl Tokens {
    /// No task yet.
    pub(super) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            telemetry,
            kept: Mutex::default(),
        }
    }

    /// Keeps the tokens of this catalog fresh from now on, and no others. What both catalogs have goes on untouched.
    pub(super) fn follow(&self, catalog: &Catalog) {
        let mut kept = self.kept.lock();
        let mut old = std::mem::take(&mut *kept);
        for slot in catalog.token_slots() {
            let users = users(catalog, slot);
            let same = old.iter().position(|kept| Arc::ptr_eq(&kept.charge.slot, slot));
            kept.push(match same {
                Some(position) => {
                    let same = old.swap_remove(position);
                    *same.charge.users.lock() = users;
                    same
                }
                None => self.begin(slot, users),
            });
        }
    }

    fn begin(&self, slot: &Arc<TokenSlot>, users: Users) -> Kept {
        let charge = Arc::new(Charge {
            slot: Arc::clone(slot),
            users: Mutex::new(users),
            state: watch::Sender::default(),
        });
        let keeper = Keeper {
            charge: Arc::clone(&charge),
            exchange: Https::default(),
            today: SystemTime::now,
            telemetry: Arc::clone(&self.telemetry),
        };
        Kept {
            charge,
            _task: AbortOnDropHandle::new(tokio::spawn(keeper.run(fastrand::Rng::new()))),
        }
    }

    /// Every token was asked for at least once, whatever came of it.
    pub(super) fn all_tried(&self) -> bool {
        let kept = self.kept.lock();
        kept.iter().all(|kept| kept.charge.state.borrow().tried)
    }

    /// Returns when every token was asked for, but not later than after `patience`.
    pub(super) async fn tried(&self, patience: Duration) {
        let states: Vec<_> = {
            let kept = self.kept.lock();
            kept.iter().map(|kept| kept.charge.state.subscribe()).collect()
        };
        let all = async {
            for mut state in states {
                // An error means that its task has ended, which is no reason to wait either.
                let _is_tried = state.wait_for(|state| state.tried).await.is_ok();
            }
        };
        let _in_time = tokio::time::timeout(patience, all).await.is_ok();
    }

    /// What operators should know: which providers' tokens could not be fetched, and why.
    pub(super) fn warnings(&self) -> Vec<String> {
        let kept = self.kept.lock();
        let failed = kept.iter().filter_map(|kept| {
            let failure = kept.charge.state.borrow().failure.clone()?;
            let users = kept.charge.users.lock().names.join("`, `");
            Some(format!(
                "the access token of `{users}` could not be fetched: {failure}"
            ))
        });
        failed.collect()
    }

    /// How long the token of each provider that signs in with one is still good.
    pub(super) fn good_for(&self, today: SystemTime) -> Vec<(Arc<str>, Duration)> {
        let kept = self.kept.lock();
        let each = kept.iter().flat_map(|kept| {
            let left = left(&kept.charge.slot, today).unwrap_or_default();
            let names = kept.charge.users.lock().names.clone();
            names.into_iter().map(move |name| (name, left))
        });
        each.collect()
    }

    /// Ends every task.
    pub(super) fn stop(&self) {
        self.kept.lock().clear();
    }
}

/// Who signs in with the token in `slot`.
fn users(catalog: &Catalog, slot: &Arc<TokenSlot>) -> Users {
    let mut users = Users::default();
    for provider in &catalog.providers {
        let is_user = matches!(&provider.credential, Credential::Token(its) if Arc::ptr_eq(its, slot));
        if is_user {
            users.names.push(Arc::clone(&provider.name));
            users.authorities.extend(provider.endpoint.ca.clone());
        }
    }
    users
}

/// How long the token in `slot` is still good; `None` when there is none that is.
fn left(slot: &TokenSlot, today: SystemTime) -> Option<Duration> {
    slot.expires_at()?
        .duration_since(today)
        .ok()
        .filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests;
