//! What both stages share: the live catalog, the open sessions by id, and the sink for what happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use parking_lot::Mutex;

use super::telling;
use crate::breaker::Change;
use crate::catalog::{Generation, TargetIx};
use crate::session::{Cut, Happened, Lent, Live, OwnStep, Session, SessionId};
use crate::telemetry::{Event, Telemetry};

/// How long the host may take to say whose doing it was that an answer broke off.
const LONGEST_SILENCE: Duration = Duration::from_secs(2);

/// A session as both stages hold it. The lock is held for one step at a time, never across a wait.
pub(super) type Shared = Arc<Mutex<Session>>;

/// The one place where requests, the live catalog and telemetry meet.
pub struct Gateway {
    live: ArcSwap<Live>,
    sessions: DashMap<SessionId, Shared>,
    next: AtomicU64,
    errand_token: String,
    telemetry: Arc<Telemetry>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("open", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// A gateway that serves `live`.
    pub fn new(live: Arc<Live>, telemetry: Arc<Telemetry>) -> Self {
        // Ids of an earlier process must not name a session of this one: Envoy may still send them.
        let first = u64::from(fastrand::u32(..)) << 32;
        let errand_token = format!("{:032x}", fastrand::u128(..));
        Self {
            live: ArcSwap::new(live),
            sessions: DashMap::new(),
            next: AtomicU64::new(first),
            errand_token,
            telemetry,
        }
    }

    /// What requests find when they arrive.
    pub fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Requests that arrive from now on find `live`; those on their way keep what they found.
    pub fn replace(&self, live: Arc<Live>) {
        self.live.store(live);
    }

    /// The secret that marks our own health checks.
    pub fn errand_token(&self) -> &str {
        &self.errand_token
    }

    /// Requests on their way.
    pub fn open_sessions(&self) -> usize {
        self.sessions.len()
    }

    /// The sink.
    pub fn telemetry(&self) -> &Arc<Telemetry> {
        &self.telemetry
    }

    /// Whether a request of a catalog older than `generation` is on its way.
    pub fn has_sessions_before(&self, generation: Generation) -> bool {
        self.sessions
            .iter()
            .any(|entry| entry.value().lock().live().catalog.generation < generation)
    }

    /// Gives up waiting for the host's word on answers that broke off some time ago: the log it comes by may lose
    /// one, and a session must not be kept for ever.
    pub fn sweep(&self) {
        let now = now();
        let overdue = |session: &Session| {
            session
                .cut_since()
                .is_some_and(|since| now.saturating_duration_since(since) > LONGEST_SILENCE)
        };
        let forgotten: Vec<Shared> = (self.sessions.iter())
            .filter(|entry| overdue(&entry.value().lock()))
            .map(|entry| entry.value().clone())
            .collect();
        for shared in forgotten {
            self.step(OwnStep::Finish, &shared, |session, lent| {
                session.on_cut(Cut::Unknown, lent);
            });
        }
    }

    /// Tells of a circuit that changed by other means than a request.
    pub fn tell_change(&self, live: &Live, target: TargetIx, change: &Change) {
        self.telemetry
            .emit(&Event::CircuitChanged(telling::circuit_changed(
                &live.catalog,
                target,
                change,
            )));
    }

    /// Lends randomness and time to a step that has no session yet, and hands over what happened.
    pub(super) fn lend<T>(step: impl FnOnce(&mut Lent<'_>) -> T) -> (T, Vec<Happened>) {
        let mut happened = Vec::new();
        let mut rng = fastrand::Rng::new();
        let mut lent = Lent {
            rng: &mut rng,
            happened: &mut happened,
            today: SystemTime::now(),
            now: now(),
        };
        let result = step(&mut lent);
        (result, happened)
    }

    pub(super) fn mint(&self) -> SessionId {
        SessionId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn open(&self, session: Session) -> Shared {
        let id = session.id();
        let shared = Arc::new(Mutex::new(session));
        self.sessions.insert(id, shared.clone());
        shared
    }

    pub(super) fn find(&self, id: SessionId) -> Option<Shared> {
        self.sessions.get(&id).map(|entry| entry.value().clone())
    }

    /// Runs one step of a session, tells what happened, and forgets the session when it is over.
    pub(super) fn step<T>(
        &self,
        kind: OwnStep,
        shared: &Shared,
        step: impl FnOnce(&mut Session, &mut Lent<'_>) -> T,
    ) -> T {
        let ((result, over, id, live), happened) = Self::lend(|lent| {
            let mut session = shared.lock();
            let result = step(&mut session, lent);
            session.add_own_time(kind, now().saturating_duration_since(lent.now));
            (result, session.is_over(), session.id(), session.live().clone())
        });
        if over {
            self.sessions.remove(&id);
        }
        if !happened.is_empty() {
            telling::tell(&self.telemetry, (id, &live), happened);
        }
        result
    }
}

/// The clock of the request path: the only place where it is read.
pub(super) fn now() -> Instant {
    Instant::now()
}
