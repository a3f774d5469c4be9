//! What sessions tell, put into the words of telemetry: names in place of positions, dates in place of instants.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::sessions::{Gateway, now};
use crate::breaker::{Change, CircuitKey};
use crate::catalog::{Catalog, ClientIx, Clients, ModelIx, TargetIx};
use crate::dialect::usage::{Usage, cost_micro_usd};
use crate::session::{self, Arrival, Happened, Live, Refusal, SessionId};
use crate::telemetry::event::{
    AllOpen, AttemptEnded, AttemptRecord, CircuitChanged, RequestEnded, RequestOutcome, TimeAdded,
};
use crate::telemetry::{Event, Telemetry};

/// Tells everything that a step of a session brought about.
pub(super) fn tell(telemetry: &Telemetry, (id, live): (SessionId, &Live), happened: Vec<Happened>) {
    let catalog = &live.catalog;
    for fact in happened {
        let event = match fact {
            Happened::Attempt(record) => Event::AttemptEnded(attempt_ended(catalog, id, &record)),
            Happened::Circuit(target, change) => {
                Event::CircuitChanged(circuit_changed(catalog, target, &change))
            }
            Happened::Request(record) => {
                if record.forced {
                    all_open(telemetry, catalog, record.model, true);
                }
                Event::RequestEnded(Box::new(request_ended(catalog, &record)))
            }
        };
        telemetry.emit(&event);
    }
}

/// What is told of a request that we answered ourselves.
pub(super) struct Refused<'a> {
    pub refusal: &'a Refusal,
    pub model: Option<ModelIx>,
    pub surface: Option<crate::catalog::Surface>,
    /// The request was fine, and nothing could be tried.
    pub unavailable: bool,
    /// From its first byte to our answer.
    pub took: Duration,
    /// The part of it that was ours.
    pub own: Duration,
}

/// Tells of a request that we answered ourselves.
pub(super) fn refused(gateway: &Gateway, (id, live): (SessionId, &Live), refused: &Refused<'_>) {
    let catalog = &live.catalog;
    if refused.unavailable {
        all_open(gateway.telemetry(), catalog, refused.model, false);
    }
    let reply = &refused.refusal.reply;
    let outcome = match (refused.unavailable, reply.status) {
        (true, _) => RequestOutcome::Unavailable,
        (false, 200) => RequestOutcome::Success,
        (false, _) => RequestOutcome::Rejected,
    };
    let event = RequestEnded {
        client: refused.refusal.client.and_then(|client| named(catalog, client)),
        model: refused
            .model
            .map(|model| (model, catalog.model(model).name.clone())),
        surface: refused.surface,
        status: Some(reply.status),
        reason: (reply.status != 200).then_some(reply.details),
        added: TimeAdded {
            plan: refused.own,
            ..TimeAdded::default()
        },
        ..unserved((id, catalog), outcome, refused.took)
    };
    gateway.telemetry().emit(&Event::RequestEnded(Box::new(event)));
}

/// Tells of a request whose body never came whole: Envoy refused it with `status`, or its client went away.
pub(super) fn unread(gateway: &Gateway, arrival: &Arrival, status: Option<u16>) {
    let catalog = &arrival.live().catalog;
    let (outcome, reason) = match status {
        None => (RequestOutcome::Abandoned, None),
        Some(413) => (RequestOutcome::Rejected, Some("request_too_large")),
        Some(408) => (RequestOutcome::Rejected, Some("request_timeout")),
        Some(_) => (RequestOutcome::Rejected, Some("invalid_request")),
    };
    let took = now().saturating_duration_since(arrival.started());
    let event = RequestEnded {
        client: arrival.client().and_then(|client| named(catalog, client)),
        surface: Some(arrival.surface()),
        status,
        reason,
        ..unserved((arrival.id(), catalog), outcome, took)
    };
    gateway.telemetry().emit(&Event::RequestEnded(Box::new(event)));
}

/// A request that met no provider.
fn unserved((id, catalog): (SessionId, &Catalog), outcome: RequestOutcome, took: Duration) -> RequestEnded {
    RequestEnded {
        id: id.to_string().into(),
        generation: catalog.generation,
        client: None,
        model: None,
        asked_model: None,
        response_model: None,
        surface: None,
        stream: false,
        status: None,
        outcome,
        reason: None,
        attempts: Vec::new(),
        duration: took,
        upstream: Duration::ZERO,
        added: TimeAdded::default(),
        usage: None,
        cost_micro_usd: None,
        forced: false,
        at: SystemTime::now(),
    }
}

fn all_open(telemetry: &Telemetry, catalog: &Catalog, model: Option<ModelIx>, forced: bool) {
    if let Some(model) = model {
        let model = (model, catalog.model(model).name.clone());
        telemetry.emit(&Event::AllOpen(AllOpen {
            generation: catalog.generation,
            model,
            forced,
        }));
    }
}

fn attempt_ended(catalog: &Catalog, id: SessionId, record: &session::AttemptRecord) -> AttemptEnded {
    AttemptEnded {
        request: id.to_string().into(),
        generation: catalog.generation,
        model: catalog.model(catalog.target(record.target).model).name.clone(),
        record: attempt(catalog, record),
        failed_over: record.failed_over,
        at: SystemTime::now(),
    }
}

fn attempt(catalog: &Catalog, record: &session::AttemptRecord) -> AttemptRecord {
    let provider = catalog.provider_of(record.target);
    AttemptRecord {
        target: record.target,
        provider: provider.name.clone(),
        dialect: provider.dialect,
        provider_model: catalog.target(record.target).provider_model.clone(),
        number: record.number,
        class: record.class(),
        status: record.status,
        duration: record.duration,
        first_token: record.first_byte,
        detail: record.detail,
    }
}

/// A circuit's change in the words of telemetry.
pub(crate) fn circuit_changed(catalog: &Catalog, target: TargetIx, change: &Change) -> CircuitChanged {
    let transition = &change.transition;
    let is_target = matches!(change.circuit, CircuitKey::Target(_));
    CircuitChanged {
        scope: change.circuit.scope(),
        provider: catalog.provider_of(target).name.clone(),
        provider_model: is_target.then(|| catalog.target(target).provider_model.clone()),
        from: transition.from,
        to: transition.to,
        cause: transition.cause,
        open_for: transition
            .until
            .map(|until| until.saturating_duration_since(Instant::now())),
    }
}

fn request_ended(catalog: &Catalog, record: &session::RequestRecord) -> RequestEnded {
    let served = record
        .attempts
        .last()
        .filter(|last| last.judged.is_none())
        .map(|last| last.target);
    RequestEnded {
        id: record.id.to_string().into(),
        generation: record.generation,
        client: record.client.and_then(|client| named(catalog, client)),
        model: record
            .model
            .map(|model| (model, catalog.model(model).name.clone())),
        asked_model: record.asked_model.clone(),
        response_model: record.answer_model.clone(),
        surface: record.surface,
        stream: record.stream,
        status: (record.status != 499).then_some(record.status),
        outcome: outcome(record.outcome),
        reason: None,
        attempts: record
            .attempts
            .iter()
            .map(|attempt_record| attempt(catalog, attempt_record))
            .collect(),
        duration: record.duration,
        upstream: record.upstream,
        added: TimeAdded {
            plan: record.own_time.plan,
            attempt: record.own_time.attempt,
            finish: record.own_time.finish,
        },
        usage: record.usage,
        cost_micro_usd: served.and_then(|target| cost(catalog, target, record.usage.as_ref())),
        forced: record.forced,
        at: SystemTime::now(),
    }
}

fn cost(catalog: &Catalog, target: TargetIx, usage: Option<&Usage>) -> Option<f64> {
    let price = catalog.target(target).price?;
    Some(cost_micro_usd(&price, usage?))
}

fn named(catalog: &Catalog, client: ClientIx) -> Option<(ClientIx, Arc<str>)> {
    match &catalog.clients {
        Clients::Anyone => None,
        Clients::Named(clients) => Some((client, clients[client.0].name.clone())),
    }
}

fn outcome(outcome: session::RequestOutcome) -> RequestOutcome {
    match outcome {
        session::RequestOutcome::Success => RequestOutcome::Success,
        session::RequestOutcome::CallerError => RequestOutcome::CallerError,
        session::RequestOutcome::Exhausted => RequestOutcome::Exhausted,
        session::RequestOutcome::Unavailable => RequestOutcome::Unavailable,
        session::RequestOutcome::TimedOut => RequestOutcome::TimedOut,
        session::RequestOutcome::Broken => RequestOutcome::Broken,
        session::RequestOutcome::Abandoned => RequestOutcome::Abandoned,
    }
}
