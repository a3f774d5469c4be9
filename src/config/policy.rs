//! The rules of choosing, failing over and benching.
//!
//! Invariant: each policy is whole; nothing that uses one looks for defaults again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::mistake::Invalid;
use super::name::FailoverCause;

/// What is tried after a failure.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FailoverPolicy {
    /// Whether the failing request moves on.
    pub mode: FailoverMode,
    /// Which failures move on, as the file names them.
    pub on: Vec<FailoverCause>,
    /// How many attempts a request gets, the first one included.
    pub attempts: u32,
    /// How many of them one target gets.
    pub attempts_per_target: u32,
    /// The pause before the next attempt.
    pub backoff: Backoff,
    /// How long one attempt may take until its response headers; never longer than `timeout` unless the file
    /// insists.
    pub per_try_timeout: Duration,
    /// Streams: how long until the first meaningful event.
    pub first_token_timeout: Duration,
    /// Streams: how long a silence may be after that.
    pub stall_timeout: Duration,
    /// How long all attempts together may take.
    pub timeout: Duration,
}

impl Default for FailoverPolicy {
    fn default() -> Self {
        Self {
            mode: FailoverMode::Retry,
            on: FailoverCause::defaults(),
            attempts: 3,
            attempts_per_target: 1,
            backoff: Backoff::default(),
            per_try_timeout: Duration::from_secs(30),
            first_token_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            timeout: Duration::from_mins(2),
        }
    }
}

/// Whether the failing request moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailoverMode {
    /// The failing request is tried elsewhere.
    Retry,
    /// The failing request gets its error; the following ones go elsewhere.
    NextRequest,
    /// Neither.
    Off,
}

/// The pause before the next attempt: it grows from `base` to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    /// The first pause.
    pub base: Duration,
    /// The longest pause; never shorter than `base`.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(25),
            max: Duration::from_secs(1),
        }
    }
}

/// When a circuit opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Breaker {
    /// Exactly so many failures in a row open it; `None` is never.
    pub consecutive_failures: Option<u32>,
    /// Such a share of failures within `window` opens it; `None` is never.
    pub error_rate: Option<ErrorRate>,
    /// The span over which the share is counted.
    pub window: Duration,
    /// How many requests the window must hold before the share counts.
    pub min_requests: u32,
    /// How long it stays open the first time.
    pub open_for: Duration,
    /// The longest it stays open without a hint; never shorter than `open_for`.
    pub max_open_for: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            consecutive_failures: Some(2),
            error_rate: Some(ErrorRate(5_000)),
            window: Duration::from_secs(30),
            min_requests: 5,
            open_for: Duration::from_secs(30),
            max_open_for: Duration::from_mins(5),
        }
    }
}

/// A share in hundredths of a percent, from 1 to 10,000: a whole number, so that it can be compared and hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorRate(u16);

impl ErrorRate {
    /// Takes a share above 0 and up to 1, as in 0.5 for half.
    pub fn try_new(share: f64) -> Result<Self, Invalid> {
        let hundredths = (share * 10_000.0).round();
        if !(1.0..=10_000.0).contains(&hundredths) {
            return Err(Invalid::new("is not a share above 0 and up to 1").hint("write 0.5 for half"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "within 1..=10,000"
        )]
        Ok(Self(hundredths as u16))
    }

    /// The share in hundredths of a percent.
    pub fn basis_points(self) -> u16 {
        self.0
    }
}

/// Which target of a priority comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// By chance, in proportion to the weights.
    Weighted,
    /// The one with the shortest time to the first token of late.
    Fastest,
    /// The one with the lowest price for this request.
    Cheapest,
    /// The one that stands first in the file.
    Ordered,
}

/// What happens when every target is benched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenAllOpen {
    /// The one that may return soonest is tried.
    TrySoonest,
    /// The request fails at once.
    Fail,
}
