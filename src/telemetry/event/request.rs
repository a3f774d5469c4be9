//! The end of a request, as the access line tells it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::AttemptRecord;
use crate::catalog::{ClientIx, Generation, ModelIx, Surface};
use crate::dialect::usage::Usage;

/// How a request ended, as the client saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestOutcome {
    /// A provider's answer.
    Success,
    /// A provider's refusal of what the caller asked.
    CallerError,
    /// Every attempt failed.
    Exhausted,
    /// Nothing could be tried.
    Unavailable,
    /// The time of the request ran out.
    TimedOut,
    /// Our own refusal: no such model, no such path, a bad key, unreadable.
    Rejected,
    /// The answer broke off while the client was reading it.
    Broken,
    /// The client went away.
    Abandoned,
}

impl RequestOutcome {
    /// Every outcome, in the order of their indices.
    pub const ALL: [Self; 8] = [
        Self::Success,
        Self::CallerError,
        Self::Exhausted,
        Self::Unavailable,
        Self::TimedOut,
        Self::Rejected,
        Self::Broken,
        Self::Abandoned,
    ];

    /// The word for it in metrics and in the access line.
    pub fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::CallerError => "caller_error",
            Self::Exhausted => "exhausted",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::Rejected => "rejected",
            Self::Broken => "broken",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Time that Understudy itself added to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeAdded {
    /// By the plan stage.
    pub plan: Duration,
    /// By the attempt stage, all attempts together.
    pub attempt: Duration,
    /// By writing the final answer.
    pub finish: Duration,
}

impl TimeAdded {
    /// By all stages together.
    pub fn total(self) -> Duration {
        self.plan + self.attempt + self.finish
    }
}

/// A client got its last byte, or went away.
#[derive(Debug, Clone)]
pub struct RequestEnded {
    /// The minted id.
    pub id: Arc<str>,
    /// The catalog that the request began with.
    pub generation: Generation,
    /// Who called, when `clients` are configured and the key was right.
    pub client: Option<(ClientIx, Arc<str>)>,
    /// The model that served, by its canonical name.
    pub model: Option<(ModelIx, Arc<str>)>,
    /// The model as the client named it, when that is not the canonical name.
    pub asked_model: Option<Arc<str>>,
    /// The model as the provider named it in its answer.
    pub response_model: Option<Arc<str>>,
    /// The part of the API, when the path named one.
    pub surface: Option<Surface>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The status that the client saw; `None` when it went away before.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: RequestOutcome,
    /// Why it was rejected, in a word.
    pub reason: Option<&'static str>,
    /// Every attempt, in order.
    pub attempts: Vec<AttemptRecord>,
    /// From the first byte of the request to the last of the answer.
    pub duration: Duration,
    /// The part of it spent waiting for providers.
    pub upstream: Duration,
    /// The part of it that Understudy added.
    pub added: TimeAdded,
    /// Tokens, when a provider told.
    pub usage: Option<Usage>,
    /// What that cost, when prices are configured: millionths of a US dollar.
    pub cost_micro_usd: Option<f64>,
    /// Whether a benched target was tried because every one was benched.
    pub forced: bool,
    /// When it ended.
    pub at: SystemTime,
}

impl RequestEnded {
    /// Tokens per second of a streamed answer, from its first meaningful event to its end; `None` for an answer that
    /// was no stream, broke off, or came all at once.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below the limit")]
    pub fn tokens_per_second(&self) -> Option<f64> {
        let last = self
            .attempts
            .last()
            .filter(|last| self.stream && last.class.is_none())?;
        let flowed = last.duration.checked_sub(last.first_token?)?.as_secs_f64();
        let tokens = self.usage?.output;
        (tokens > 0 && flowed >= 0.001).then(|| tokens as f64 / flowed)
    }
}
