//! A model's rules of failing over: the part that we follow, and the part that Envoy carries out.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::InvalidCatalog;
use crate::catalog::{Failover, Policy};
use crate::config::{self, FailoverMode};
use crate::outcome::FailoverOn;

impl Policy {
    /// Room that Envoy's own idle limit leaves to our stall timer, which tells the caller what happened.
    const IDLE_BACKSTOP: Duration = Duration::from_secs(5);

    pub(super) fn new(name: &Arc<str>, model: &config::Model, failover: &Failover) -> Self {
        let retries = if failover.mode == FailoverMode::Retry {
            failover.attempts.saturating_sub(1)
        } else {
            0
        };
        let statuses = if retries == 0 {
            Vec::new()
        } else {
            failover.on.retriable_status_codes()
        };
        let longest_silence = failover
            .stall_timeout
            .max(failover.first_token_timeout)
            .max(failover.per_try_timeout);
        let backoff = model.failover.backoff;
        let mut policy = Self {
            name: name.clone(),
            key: name.clone(),
            retriable_status_codes: statuses,
            num_retries: retries,
            per_try_timeout: failover.per_try_timeout,
            per_try_idle_timeout: longest_silence + Self::IDLE_BACKSTOP,
            backoff: (backoff.base, backoff.max),
        };
        policy.key = policy.keyed();
        policy
    }

    /// The name and a digest of the values.
    fn keyed(&self) -> Arc<str> {
        let values = format!(
            "{:?}{:?}{:?}{:?}{:?}",
            self.retriable_status_codes,
            self.num_retries,
            self.per_try_timeout,
            self.per_try_idle_timeout,
            self.backoff
        );
        let digest = Sha256::digest(values.as_bytes());
        format!(
            "{}-{:02x}{:02x}{:02x}{:02x}",
            self.name, digest[0], digest[1], digest[2], digest[3]
        )
        .into()
    }

    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        let mut same_name = other.clone();
        same_name.name = self.name.clone();
        same_name.key = same_name.keyed();
        *self == same_name
    }
}

/// The rules that planning and judging read.
pub(super) fn rules(model: &config::Model) -> Result<Failover, InvalidCatalog> {
    let policy = &model.failover;
    let words: Vec<&str> = policy.on.iter().map(config::FailoverCause::as_str).collect();
    let on = FailoverOn::parse(&words).map_err(|bad| {
        let bad = bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        InvalidCatalog(format!("models.{}.failover.on: {bad}", model.name.as_str()))
    })?;
    Ok(Failover {
        mode: policy.mode,
        on,
        attempts: policy.attempts,
        attempts_per_target: policy.attempts_per_target,
        per_try_timeout: policy.per_try_timeout,
        first_token_timeout: policy.first_token_timeout,
        stall_timeout: policy.stall_timeout,
        timeout: policy.timeout,
        backoff_max: policy.backoff.max,
    })
}
