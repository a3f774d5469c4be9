//! One request as a value with six steps, free of any host.
//!
//! ```text
//! arrive/plan ─▶ attempt ─▶ on_response_headers ─▶ on_chunk ─▶ on_attempt_end ─▶ on_final
//!                  ▲                 │ retry
//!                  └─────────────────┘
//! ```
//!
//! Each step borrows a view of headers or bytes and returns owned operations; the host (today Envoy, by external
//! processing) carries them out. A session is synchronous and holds no clock, no lock and no task. It is the one
//! place where plan, attempt, outcome and breaker meet, and it tells what happened as values, never by logging.

mod answering;
mod arrival;
mod attempting;
mod breaking;
mod concluding;
mod describing;
mod explaining;
mod finishing;
mod held;
mod judging;
mod live;
mod narrowing;
mod operations;
mod planning;
mod record;
mod redacting;
mod streaming;
mod tail;
mod unanswered;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::attempt::Original;
use crate::breaker::Permit;
use crate::catalog::{ClientIx, ProviderIx, TargetIx};
use crate::dialect::usage::Usage;
use crate::outcome::Class;
use crate::plan::{Ask, Plan};

pub use arrival::{Arrival, Arrived, Head, Refusal, arrive};
pub use breaking::Cut;
pub use finishing::{HostWords, OUT_OF_TIME};
pub use live::Live;
pub use operations::{Dispatch, Final, Headers, Lent, Outcall, Reply, Step};
pub use planning::errand::{ERRAND_PROVIDER, ERRAND_TOKEN};
pub use planning::{Planned, Refused, plan};
pub use record::{AttemptRecord, Happened, OwnStep, OwnTime, RequestOutcome, RequestRecord};

/// The id that joins the stages of one request; minted by us, never taken from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub u64);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for SessionId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// One request from its plan to its end.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    live: Arc<Live>,
    errand: Errand,
    plan: Plan,
    attempts: Vec<Trial>,
    /// Obtained for the next attempt while it was planned.
    reserved: Option<Permit>,
    started: Instant,
    deadline: Instant,
    /// What the host was told: first attempt and retries.
    most_attempts: usize,
    /// The status of a provider's refusal that the caller is given as it is.
    passed: Option<u16>,
    /// What the caller is told in that refusal's place, when its attempt had to be ended.
    reworded: Option<Bytes>,
    answered: Option<finishing::Answered>,
    usage: Option<Usage>,
    /// The model as the provider named it.
    answer_model: Option<Arc<str>>,
    /// Time that our own steps took so far.
    own_time: OwnTime,
    told: bool,
}

/// On whose behalf a request travels.
#[derive(Debug)]
enum Errand {
    /// A client's.
    Caller(Arc<Caller>),
    /// Our own, to see whether an endpoint serves.
    HealthCheck { provider: ProviderIx, path: Bytes },
}

/// A client's wish, and what attempts are made from.
#[derive(Debug)]
struct Caller {
    ask: Ask,
    original: Original,
    client: Option<ClientIx>,
    /// The name by which the client asked.
    asked_model: Arc<str>,
    /// The client asked for the usage of its stream.
    asks_usage: bool,
}

/// What planning prepared.
struct Prepared {
    plan: Plan,
    reserved: Option<Permit>,
    most_attempts: usize,
    deadline: Instant,
}

/// One attempt, from the moment Envoy shows it to the moment it has counted.
#[derive(Debug)]
struct Trial {
    target: TargetIx,
    permit: Option<Permit>,
    /// Why it failed, as soon as that is known.
    class: Option<Class>,
    /// How long its provider asked to wait.
    hint: Option<Duration>,
    started: Instant,
    progress: Progress,
    record: Option<AttemptRecord>,
    /// Fields of the request that its target has no place for.
    dropped: Vec<String>,
}

impl Trial {
    /// Its answer is on its way to the caller, or broke off on the way.
    fn is_unfinished(&self) -> bool {
        matches!(self.progress, Progress::Flowing(_) | Progress::Cut(..))
    }
}

/// How far the answer of an attempt has come.
#[derive(Debug)]
enum Progress {
    /// Nothing has come.
    Asked,
    /// An answer that failed is read for its reason, while the host holds its headers.
    Judging(held::Held),
    /// A complete answer is read before its first byte is released.
    Holding(held::Held),
    /// A stream is held back until it says something.
    Gating(held::Gate),
    /// Bytes pass as they come.
    Flowing(held::Flow),
    /// The bytes have stopped before their end; the host will say whose doing it was.
    Cut(held::Flow, Instant),
    /// Nothing more is expected.
    Over,
}

impl Session {
    fn open(
        (id, live, started): (SessionId, Arc<Live>, Instant),
        errand: Errand,
        prepared: Prepared,
    ) -> Self {
        let Prepared {
            plan,
            reserved,
            most_attempts,
            deadline,
        } = prepared;
        Self {
            id,
            live,
            errand,
            plan,
            attempts: Vec::with_capacity(most_attempts.min(2)),
            reserved,
            started,
            deadline,
            most_attempts,
            passed: None,
            reworded: None,
            answered: None,
            usage: None,
            answer_model: None,
            own_time: OwnTime::default(),
            told: false,
        }
    }

    fn caller(&self) -> Option<&Caller> {
        match &self.errand {
            Errand::Caller(caller) => Some(caller),
            Errand::HealthCheck { .. } => None,
        }
    }

    /// The id that joins the stages.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// What it found when it arrived.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// When the request's time is over.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Adds time that one of our steps took.
    pub fn add_own_time(&mut self, step: OwnStep, spent: Duration) {
        self.own_time.add(step, spent);
    }
}
