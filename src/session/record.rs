//! What a session tells when it is over: plain facts in the past tense, for whoever reports them.

use std::sync::Arc;
use std::time::Duration;

use crate::breaker::Change;
use crate::catalog::{ClientIx, Generation, ModelIx, Surface, TargetIx};
use crate::dialect::usage::Usage;
use crate::outcome::{Class, Judged};

use super::SessionId;

/// Something that happened and may be told.
#[derive(Debug)]
pub enum Happened {
    /// An attempt ended and was judged.
    Attempt(AttemptRecord),
    /// A circuit changed.
    Circuit(TargetIx, Change),
    /// The request is over.
    Request(Box<RequestRecord>),
}

/// One attempt, judged.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    /// What was tried.
    pub target: TargetIx,
    /// 1 for the first.
    pub number: u32,
    /// Why it failed; `None` is success.
    pub judged: Option<Judged>,
    /// The provider's status, when there was one.
    pub status: Option<u16>,
    /// From its start to its verdict.
    pub duration: Duration,
    /// From its start to its response headers.
    pub first_byte: Option<Duration>,
    /// Whether another attempt followed because of it.
    pub failed_over: bool,
    /// How exactly no answer came, in a word.
    pub detail: Option<&'static str>,
}

impl AttemptRecord {
    /// The class of its failure.
    pub fn class(&self) -> Option<Class> {
        self.judged.as_ref().map(|judged| judged.class)
    }

    /// The class in a word; `ok` for success.
    pub fn label(&self) -> &'static str {
        self.class().map_or("ok", Class::as_str)
    }
}

/// How a request ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// A provider answered.
    Success,
    /// The caller's mistake, told by a provider.
    CallerError,
    /// Every attempt failed.
    Exhausted,
    /// Nothing could be tried.
    Unavailable,
    /// The request's time was over.
    TimedOut,
    /// The answer broke off while the caller was reading it.
    Broken,
    /// The client went away.
    Abandoned,
}

/// Time that our own steps took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnTime {
    /// Planning.
    pub plan: Duration,
    /// All attempts.
    pub attempt: Duration,
    /// The final answer.
    pub finish: Duration,
}

/// Which of our own times a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnStep {
    /// Planning.
    Plan,
    /// An attempt.
    Attempt,
    /// The final answer.
    Finish,
}

impl OwnTime {
    /// Adds the time of one step.
    pub fn add(&mut self, step: OwnStep, spent: Duration) {
        match step {
            OwnStep::Plan => self.plan += spent,
            OwnStep::Attempt => self.attempt += spent,
            OwnStep::Finish => self.finish += spent,
        }
    }
}

/// One request, from arrival to end.
#[derive(Debug)]
pub struct RequestRecord {
    /// Its id.
    pub id: SessionId,
    /// The catalog it was served from.
    pub generation: Generation,
    /// Who called, when clients are configured.
    pub client: Option<ClientIx>,
    /// The model it asked for, when it named one of ours.
    pub model: Option<ModelIx>,
    /// The name it used.
    pub asked_model: Option<Arc<str>>,
    /// The part of the API.
    pub surface: Option<Surface>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The status the caller was given; 499 when it went away.
    pub status: u16,
    /// How it ended.
    pub outcome: RequestOutcome,
    /// Every attempt.
    pub attempts: Vec<AttemptRecord>,
    /// From arrival to end.
    pub duration: Duration,
    /// From arrival to the final response headers.
    pub to_headers: Option<Duration>,
    /// From arrival to end, the part spent waiting for providers.
    pub upstream: Duration,
    /// Time that our own steps took.
    pub own_time: OwnTime,
    /// The model as the provider named it.
    pub answer_model: Option<Arc<str>>,
    /// What it consumed, when the provider said so.
    pub usage: Option<Usage>,
    /// Whether a benched target was tried because all were.
    pub forced: bool,
}
