//! The access tokens that were issued here, and whether one is still good.
//!
//! Invariant: a token is good for the service it was issued for, from its issue to the end of its lifetime or to its
//! revocation. The memory held is bounded.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

/// How many tokens are remembered.
const REMEMBERED: usize = 1024;

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Google,
    Entra,
}

/// What can be said of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    /// It was good once, or is for something else.
    Bad,
    /// It was not issued here, or long ago.
    Unknown,
}

/// A token just issued.
pub(super) struct Fresh {
    pub(super) token: String,
    pub(super) expires_in: u64,
}

/// Issues tokens. `Debug` hides them.
pub(super) struct Mint(Mutex<State>);

struct State {
    lifetime: Duration,
    rng: fastrand::Rng,
    issued: VecDeque<Issued>,
}

struct Issued {
    token: String,
    audience: Audience,
    /// Without it, the token was revoked.
    expires: Option<SystemTime>,
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mint(..)")
    }
}

impl Mint {
    pub(super) fn new(lifetime: Duration, rng: fastrand::Rng) -> Self {
        Self(Mutex::new(State {
            lifetime,
            rng,
            issued: VecDeque::new(),
        }))
    }

    /// Changes how long tokens to come are valid.
    pub(super) fn set_lifetime(&self, lifetime: Duration) {
        self.0.lock().lifetime = lifetime;
    }

    pub(super) fn lifetime(&self) -> Duration {
        self.0.lock().lifetime
    }

    /// Makes all tokens bad that were issued so far.
    pub(super) fn revoke(&self) {
        for issued in &mut self.0.lock().issued {
            issued.expires = None;
        }
    }

    pub(super) fn issue(&self, audience: Audience, now: SystemTime) -> Fresh {
        let mut state = self.0.lock();
        let prefix = match audience {
            Audience::Google => "ya29.sim-",
            Audience::Entra => "eyJ0.sim-",
        };
        let token = format!("{prefix}{:032x}", state.rng.u128(..));
        if state.issued.len() >= REMEMBERED {
            state.issued.pop_front();
        }
        let lifetime = state.lifetime;
        state.issued.push_back(Issued {
            token: token.clone(),
            audience,
            expires: now.checked_add(lifetime),
        });
        Fresh {
            token,
            expires_in: lifetime.as_secs(),
        }
    }

    pub(super) fn standing(&self, token: &[u8], audience: Audience, now: SystemTime) -> Standing {
        let state = self.0.lock();
        let known = state.issued.iter().find(|it| it.token.as_bytes() == token);
        match known {
            None => Standing::Unknown,
            Some(it) if it.audience == audience && it.expires.is_some_and(|expires| now < expires) => {
                Standing::Good
            }
            Some(_) => Standing::Bad,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn mint() -> Mint {
        Mint::new(HOUR, fastrand::Rng::with_seed(1))
    }

    #[test]
    fn a_token_is_good_for_its_service_until_its_end() {
        let mint = mint();
        let now = SystemTime::UNIX_EPOCH;

        let fresh = mint.issue(Audience::Google, now);

        let standing = |audience, after| mint.standing(fresh.token.as_bytes(), audience, now + after);
        assert_eq!(fresh.expires_in, 3600);
        assert_eq!(
            standing(Audience::Google, Duration::from_secs(3599)),
            Standing::Good
        );
        assert_eq!(standing(Audience::Google, HOUR), Standing::Bad);
        assert_eq!(standing(Audience::Entra, Duration::ZERO), Standing::Bad);
        assert_eq!(mint.standing(b"other", Audience::Google, now), Standing::Unknown);
    }

    #[test]
    fn a_revocation_ends_what_was_issued_and_nothing_to_come() {
        let mint = mint();
        let now = SystemTime::UNIX_EPOCH;

        let before = mint.issue(Audience::Google, now).token;
        mint.revoke();
        let after = mint.issue(Audience::Google, now).token;

        let standing = |token: &str| mint.standing(token.as_bytes(), Audience::Google, now);
        assert_eq!(
            (standing(&before), standing(&after)),
            (Standing::Bad, Standing::Good)
        );
    }

    #[test]
    fn old_tokens_are_forgotten() {
        let mint = mint();
        let now = SystemTime::UNIX_EPOCH;

        let first = mint.issue(Audience::Google, now).token;
        for _ in 0..REMEMBERED {
            mint.issue(Audience::Google, now);
        }

        assert_eq!(
            mint.standing(first.as_bytes(), Audience::Google, now),
            Standing::Unknown
        );
    }
}
