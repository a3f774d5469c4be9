//! Step one, second half: the body is read for what planning needs, the plan is made, the first permit obtained.

mod dispatching;
pub(super) mod errand;
pub(super) mod models;
pub(super) mod refusals;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::arrival::{Arrival, Refusal};
use super::live::Live;
use super::operations::{Dispatch, Lent, Reply};
use super::{Caller, Errand, Happened, Prepared, Session, SessionId};
use crate::attempt::Original;
use crate::breaker::Permit;
use crate::catalog::{Catalog, ClientIx, Clients, ModelIx, Surface, TargetIx};
use crate::config::FailoverMode;
use crate::dialect::scan::{self, Scanned};
use crate::dialect::stream::include_usage;
use crate::dialect::{Malformed, carry};
use crate::plan::{self, Ask, Plan, Situation, Skip};
pub(super) use dispatching::clusters;
use dispatching::dispatch;

/// What planning led to.
#[derive(Debug)]
pub enum Planned {
    /// An answer of our own.
    Reply(Box<Refused>),
    /// A session, and how the host sends the request on its way.
    Go(Box<Session>, Dispatch),
}

/// A request that was refused after its body was read.
#[derive(Debug)]
pub struct Refused {
    /// The answer, and who called.
    pub refusal: Refusal,
    /// The part of the API.
    pub surface: Surface,
    /// The model, when it named one of ours.
    pub model: Option<ModelIx>,
    /// True when the request was fine and nothing could be tried.
    pub unavailable: bool,
}

/// Plans a request whose body has come.
pub fn plan(arrival: Arrival, body: &Bytes, lent: &mut Lent<'_>) -> Planned {
    let (id, client, surface) = (arrival.id, arrival.client, arrival.surface);
    let refused = |client, model, mut reply: Reply| {
        reply.speak(surface, id);
        let refusal = Refusal { reply, client };
        Planned::Reply(Box::new(Refused {
            refusal,
            surface,
            model,
            unavailable: false,
        }))
    };
    let largest = arrival.live.catalog.max_body;
    if body.len() as u64 > largest {
        return refused(client, None, refusals::too_large(body.len() as u64, largest));
    }
    let scanned = match scan::scan(body) {
        Ok(scanned) => scanned,
        Err(error) => return refused(client, None, refusals::unreadable(&error)),
    };
    let model = match model_of(&arrival, &scanned) {
        Ok(model) => model,
        Err(reply) => return refused(client, None, reply),
    };
    let (unfit, malformed) = unfit(&arrival, model, body);
    let ask = ask(&arrival, model, (&scanned, unfit));
    let asked_model: Arc<str> = Arc::from(scanned.model.as_ref());
    let original = Original {
        surface,
        stream: ask.stream,
        body: body.clone(),
        model_span: scanned.model_span.clone(),
        with_usage: with_usage(&ask, body, &scanned.model_span),
        headers: arrival.forwarded,
        credential: arrival.credential,
    };
    let caller = Caller {
        ask,
        original,
        client,
        asked_model,
        asks_usage: scanned.stream_options_include_usage == Some(true),
    };
    let Arrival {
        id,
        live,
        stripped,
        started,
        ..
    } = arrival;
    open(
        Opening {
            id,
            live,
            stripped,
            started,
            malformed,
        },
        caller,
        lent,
    )
}

/// The model's targets that the request cannot be carried to.
fn unfit(
    arrival: &Arrival,
    model: ModelIx,
    body: &Bytes,
) -> (Vec<(TargetIx, &'static str)>, Option<Malformed>) {
    let catalog = &arrival.live.catalog;
    let targets = catalog.model(model).targets.iter();
    let targets = targets.map(|target| (*target, catalog.target(*target)));
    carry::unfit(arrival.surface, body, targets)
}

/// The request with the usage of its stream asked for; `None` when the caller asks itself, or wants no stream.
fn with_usage(ask: &Ask, body: &Bytes, model_span: &Range<usize>) -> Option<(Bytes, Range<usize>)> {
    if !ask.stream || !matches!(ask.surface, Surface::Chat | Surface::Completions) {
        return None;
    }
    let splice = include_usage(body)?;
    let grown = splice.text.len();
    let shift = |at: usize| {
        if splice.at.start < model_span.start {
            at + grown - splice.at.len()
        } else {
            at
        }
    };
    Some((splice.apply(body), shift(model_span.start)..shift(model_span.end)))
}

/// What a session is opened with, beside its caller.
struct Opening {
    id: SessionId,
    live: Arc<Live>,
    stripped: Vec<Bytes>,
    started: Instant,
    /// Why the request cannot be read, if a target needs it read.
    malformed: Option<Malformed>,
}

fn model_of(arrival: &Arrival, scanned: &Scanned<'_>) -> Result<ModelIx, Reply> {
    let catalog = &arrival.live.catalog;
    let Some(model) = catalog.model_named(&scanned.model) else {
        return Err(models::unknown(catalog, arrival.client, &scanned.model));
    };
    let allowed = may_name(catalog, arrival.client, model);
    if allowed {
        Ok(model)
    } else {
        Err(refusals::not_allowed(&scanned.model))
    }
}

/// Whether a client may name a model.
pub(super) fn may_name(catalog: &Catalog, client: Option<ClientIx>, model: ModelIx) -> bool {
    match (&catalog.clients, client) {
        (Clients::Named(clients), Some(ix)) => clients[ix.0]
            .models
            .as_ref()
            .is_none_or(|models| models.contains(&model)),
        _ => true,
    }
}

fn ask(
    arrival: &Arrival,
    model: ModelIx,
    (scanned, unfit): (&Scanned<'_>, Vec<(TargetIx, &'static str)>),
) -> Ask {
    let mut narrowing = arrival.narrowing.clone();
    narrowing.failover_off |= arrival.surface == Surface::Responses && scanned.is_pinned;
    Ask {
        surface: arrival.surface,
        model,
        stream: scanned.stream,
        features: scanned.features,
        input_tokens: scanned.input_tokens,
        max_tokens: scanned.max_tokens,
        narrowing,
        unfit,
    }
}

/// Plans for a caller whose wish is understood, and opens its session.
fn open(opening: Opening, caller: Caller, lent: &mut Lent<'_>) -> Planned {
    let catalog = &opening.live.catalog;
    let ask = &caller.ask;
    let (planned, reserved) = reserve(&opening.live, ask, lent);
    if planned.attempts.is_empty() {
        let mut reply = match &opening.malformed {
            Some(malformed) => refusals::malformed(malformed),
            None => refusals::nothing_to_try(catalog, &planned, (&caller.asked_model, lent.now)),
        };
        reply.speak(ask.surface, opening.id);
        let (surface, model) = (ask.surface, Some(ask.model));
        let refusal = Refusal {
            reply,
            client: caller.client,
        };
        return Planned::Reply(Box::new(Refused {
            refusal,
            surface,
            model,
            unavailable: opening.malformed.is_none(),
        }));
    }
    let deadline = opening.started + time_allowed(catalog, ask);
    let most_attempts = most_attempts(catalog, ask, &planned);
    let time = deadline.saturating_duration_since(lent.now);
    let dispatch = dispatch(catalog, ask, (&planned, most_attempts), (opening.stripped, time));
    let prepared = Prepared {
        plan: planned,
        reserved,
        most_attempts,
        deadline,
    };
    let errand = Errand::Caller(Arc::new(caller));
    let session = Session::open((opening.id, opening.live, opening.started), errand, prepared);
    Planned::Go(Box::new(session), dispatch)
}

/// A caller may ask for less time than the policy gives, never for more.
fn time_allowed(catalog: &Catalog, ask: &Ask) -> Duration {
    let allowed = catalog.model(ask.model).failover.timeout;
    ask.narrowing
        .timeout
        .map_or(allowed, |wanted| wanted.min(allowed))
}

/// Plans, and obtains the permit for the first attempt.
fn reserve(live: &Live, ask: &Ask, lent: &mut Lent<'_>) -> (Plan, Option<Permit>) {
    let availability = live.availability(ask.model, lent.now);
    let away = |provider| live.away(provider, lent.today);
    let situation = Situation {
        catalog: &live.catalog,
        ask,
        availability: &availability,
        away: &away,
    };
    let mut planned = plan::plan(&situation, lent.rng, lent.now);
    let permit = admit_first(live, &mut planned, lent);
    (planned, permit)
}

/// Obtains the permit for the first attempt of a plan. A target that refuses (another request was quicker) becomes
/// a skip, and the next one moves up.
pub(super) fn admit_first(live: &Live, planned: &mut Plan, lent: &mut Lent<'_>) -> Option<Permit> {
    while let Some(&first) = planned.attempts.first() {
        let catalog = &live.catalog;
        let mode = catalog.model(catalog.target(first).model).failover.mode;
        let force = planned.forced || mode == FailoverMode::Off;
        if let Ok((permit, changes)) = live.board.admit(first.0, force, lent.now) {
            lent.happened
                .extend(changes.into_iter().map(|change| Happened::Circuit(first, change)));
            return Some(permit);
        }
        planned.attempts.retain(|target| *target != first);
        planned.skips.push((first, Skip::Probing));
    }
    None
}

/// The host is told once how many attempts there may be.
fn most_attempts(catalog: &Catalog, ask: &Ask, planned: &Plan) -> usize {
    match catalog.model(ask.model).failover.mode {
        FailoverMode::Retry if !ask.narrowing.failover_off => planned.attempts.len(),
        _ => 1,
    }
}
