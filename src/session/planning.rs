//! Step one, second half: the body is read for what planning needs, the plan is made, the first permit obtained.

pub(super) mod models;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::arrival::{Arrival, Refusal, rejected, shortened};
use super::live::Live;
use super::operations::{Dispatch, Lent, Reply};
use super::{Errand, Happened, OwnTime, Session, SessionId};
use crate::attempt::{HeaderChanges, Original};
use crate::breaker::Permit;
use crate::catalog::{Catalog, ClientIx, Clients, ModelIx, ProviderIx, Surface, TargetIx};
use crate::config::FailoverMode;
use crate::dialect::scan::{self, Scanned};
use crate::outcome::{Class, Ending, final_answer, openai_error};
use crate::plan::{self, Ask, Plan, Situation, Skip};
use understudy_proto::names;

/// Marks a health check of ours; its value is a secret of this process.
pub const ERRAND_TOKEN: &str = "x-understudy-errand";
/// The provider a health check of ours is for.
pub const ERRAND_PROVIDER: &str = "x-understudy-errand-provider";

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
    let (client, surface) = (arrival.client, arrival.surface);
    let refused = |client, model, reply| {
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
        return refused(client, None, too_large(body.len(), largest));
    }
    let scanned = match scan::scan(body) {
        Ok(scanned) => scanned,
        Err(error) => return refused(client, None, unreadable(&error)),
    };
    let model = match model_of(&arrival, &scanned) {
        Ok(model) => model,
        Err(reply) => return refused(client, None, reply),
    };
    let ask = ask(&arrival, model, &scanned);
    let asked_model: Arc<str> = Arc::from(scanned.model.as_ref());
    let model_span = scanned.model_span.clone();
    let original = Original {
        body: body.clone(),
        model_span,
        headers: arrival.forwarded,
        credential: arrival.credential,
    };
    let errand = Errand::Client {
        ask,
        original,
        client,
        asked_model,
    };
    open(
        Opening {
            id: arrival.id,
            live: arrival.live,
            errand,
            stripped: arrival.stripped,
            started: arrival.started,
        },
        lent,
    )
}

/// Envoy refuses what is larger too, but never less than its own buffer of a megabyte.
fn too_large(size: usize, largest: u64) -> Reply {
    let message = format!("the request body has {size} bytes, and this gateway takes {largest} at most");
    rejected(413, "request_too_large", &message)
}

fn unreadable(error: &scan::InvalidBody) -> Reply {
    let body = openai_error(
        "invalid_request_error",
        Some("invalid_body"),
        error.param(),
        &error.to_string(),
    );
    Reply {
        status: 400,
        headers: Vec::new(),
        body,
        details: "invalid_body",
    }
}

fn model_of(arrival: &Arrival, scanned: &Scanned<'_>) -> Result<ModelIx, Reply> {
    let catalog = &arrival.live.catalog;
    let Some(model) = catalog.model_named(&scanned.model) else {
        return Err(models::unknown(catalog, arrival.client, &scanned.model));
    };
    if may_name(catalog, arrival.client, model) {
        return Ok(model);
    }
    let message = format!(
        "this API key may not use the model `{}`",
        shortened(&scanned.model)
    );
    let body = openai_error(
        "permission_error",
        Some("model_not_allowed"),
        Some("model"),
        &message,
    );
    Err(Reply {
        status: 403,
        headers: Vec::new(),
        body,
        details: "model_not_allowed",
    })
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

fn ask(arrival: &Arrival, model: ModelIx, scanned: &Scanned<'_>) -> Ask {
    Ask {
        surface: arrival.surface,
        model,
        stream: scanned.stream,
        features: scanned.features,
        input_tokens: scanned.input_tokens,
        max_tokens: scanned.max_tokens,
        narrowing: arrival.narrowing.clone(),
    }
}

/// What a session is opened with.
struct Opening {
    id: SessionId,
    live: Arc<Live>,
    errand: Errand,
    stripped: Vec<Bytes>,
    started: Instant,
}

fn open(opening: Opening, lent: &mut Lent<'_>) -> Planned {
    let Opening {
        id,
        live,
        errand,
        stripped,
        started,
    } = opening;
    let Errand::Client {
        ask,
        client,
        asked_model,
        ..
    } = &errand
    else {
        unreachable!("errands of our own are not planned")
    };
    let (planned, reserved) = reserve(&live, ask, lent);
    let now = lent.now;
    if planned.attempts.is_empty() {
        return Planned::Reply(Box::new(Refused {
            refusal: Refusal {
                reply: nothing_to_try(&live.catalog, &planned, (asked_model, now)),
                client: *client,
            },
            surface: ask.surface,
            model: Some(ask.model),
            unavailable: true,
        }));
    }
    let deadline = started + time_allowed(&live.catalog, ask);
    let most_attempts = most_attempts(&live.catalog, ask, &planned);
    let time = deadline.saturating_duration_since(now);
    let dispatch = dispatch(&live.catalog, ask, (&planned, most_attempts), (stripped, time));
    let session = Session {
        id,
        live,
        errand,
        plan: planned,
        attempts: Vec::with_capacity(2),
        reserved,
        started,
        deadline,
        most_attempts,
        passed: None,
        answered: None,
        usage: None,
        answer_model: None,
        own_time: OwnTime::default(),
        told: false,
    };
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
    let draining = |provider| live.is_draining(provider);
    let situation = Situation {
        catalog: &live.catalog,
        ask,
        availability: &availability,
        draining: &draining,
    };
    let mut planned = plan::plan(&situation, lent.rng, lent.now);
    let permit = admit_first(live, &mut planned, lent);
    (planned, permit)
}

/// Obtains the permit for the first attempt of a plan. A target that refuses (another request was quicker) becomes
/// a skip, and the next one moves up.
pub(super) fn admit_first(live: &Live, planned: &mut Plan, lent: &mut Lent<'_>) -> Option<Permit> {
    while let Some(&first) = planned.attempts.first() {
        if let Ok((permit, changes)) = live.board.admit(first.0, planned.forced, lent.now) {
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

fn dispatch(
    catalog: &Catalog,
    ask: &Ask,
    (planned, most_attempts): (&Plan, usize),
    (stripped, time): (Vec<Bytes>, Duration),
) -> Dispatch {
    let model = catalog.model(ask.model);
    let failover = &model.failover;
    let mut headers = HeaderChanges {
        set: Vec::with_capacity(4),
        remove: stripped,
    };
    headers.set(
        names::HEADER_ROUTE,
        Bytes::copy_from_slice(catalog.policy(model.policy).key.as_bytes()),
    );
    headers.set("x-envoy-max-retries", (most_attempts - 1).to_string());
    if !ask.stream {
        headers.set(
            "x-envoy-upstream-rq-timeout-ms",
            time.as_millis().max(1).to_string(),
        );
    }
    if ask
        .narrowing
        .timeout
        .is_some_and(|timeout| timeout < failover.per_try_timeout)
    {
        headers.set(
            "x-envoy-upstream-rq-per-try-timeout-ms",
            time.as_millis().max(1).to_string(),
        );
    }
    Dispatch {
        headers,
        clusters: clusters(catalog, &planned.attempts),
    }
}

/// The cluster of each attempt.
pub(super) fn clusters(catalog: &Catalog, attempts: &[TargetIx]) -> Vec<Arc<str>> {
    attempts
        .iter()
        .map(|target| catalog.provider_of(*target).name.clone())
        .collect()
}

fn nothing_to_try(catalog: &Catalog, planned: &Plan, (asked, now): (&str, Instant)) -> Reply {
    let soonest = planned
        .soonest_return()
        .map(|until| until.saturating_duration_since(now));
    let reason = |(target, skip): &(TargetIx, Skip)| format!("{}: {skip}", catalog.provider_of(*target).name);
    let reasons = planned.skips.iter().map(reason).collect::<Vec<_>>().join("; ");
    let class = match planned.skips.first() {
        Some((_, Skip::ContextWindow { .. })) => Class::ContextLength,
        _ => Class::Unsupported,
    };
    let misfit = |skip: &Skip| {
        matches!(
            skip,
            Skip::Unsupported { .. } | Skip::ContextWindow { .. } | Skip::NotAllowed
        )
    };
    let ending = if planned.skips.iter().all(|(_, skip)| misfit(skip)) {
        Ending::NothingFits {
            class,
            reason: &reasons,
        }
    } else {
        Ending::Exhausted
    };
    let answer = final_answer(asked, &[], ending, soonest);
    let mut headers: Vec<(&'static str, Bytes)> = Vec::new();
    headers.extend(
        answer
            .retry_after
            .map(|seconds| ("retry-after", seconds.to_string().into())),
    );
    headers.extend(answer.should_retry.map(|word| ("x-should-retry", word.into())));
    Reply {
        status: answer.status,
        headers,
        body: answer.body,
        details: "nothing_available",
    }
}

/// Opens the session of a health check of ours.
pub(super) fn errand(
    id: SessionId,
    live: &Arc<Live>,
    (provider, stripped): (ProviderIx, Vec<Bytes>),
    now: Instant,
) -> Planned {
    let catalog = &live.catalog;
    let called = catalog.provider(provider);
    let check = called.health_check.as_ref();
    let path = check.map_or_else(|| called.models_path.clone(), |check| check.path.clone());
    let time = check.map_or(Duration::from_secs(10), |check| check.timeout);
    let mut headers = HeaderChanges {
        set: Vec::with_capacity(3),
        remove: stripped,
    };
    headers.set("x-envoy-max-retries", "0");
    headers.set("x-envoy-upstream-rq-timeout-ms", time.as_millis().to_string());
    headers.set(names::HEADER_ROUTE, names::ROUTE_PROBE);
    let session = Session {
        id,
        live: live.clone(),
        errand: Errand::HealthCheck { provider, path },
        plan: Plan::default(),
        attempts: Vec::new(),
        reserved: None,
        started: now,
        deadline: now + time,
        most_attempts: 1,
        passed: None,
        answered: None,
        usage: None,
        answer_model: None,
        own_time: OwnTime::default(),
        told: false,
    };
    Planned::Go(
        Box::new(session),
        Dispatch {
            headers,
            clusters: vec![called.name.clone()],
        },
    )
}
