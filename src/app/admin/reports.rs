//! One report per kind of thing, each a pure function of what the parts say.

use std::time::{Instant, SystemTime};

use crate::admin::ModelReport;
use crate::admin::report::{
    AckedType, CircuitReport, EnvoyReport, FailureReport, Moment, Nack, PriceReport, ProviderReport,
    RejectedConfig, SkipReport, TargetReport, plain_word,
};
use crate::app::takeover::{Refusal, Takeover};
use crate::breaker::{CircuitSnapshot, Standing, TargetSnapshot};
use crate::catalog::{Model, ModelIx, ProviderIx, Surface, TargetIx};
use crate::config::{FailoverMode, Order, Price, WhenAllOpen};
use crate::plan::{Ask, ExplainedTarget, Features, Narrowing, Situation, explain};
use crate::session::Live;
use crate::xds::{NodeProgress, ResourceType};

/// A point in time that is past.
pub(super) fn past(at: SystemTime, today: SystemTime) -> Moment {
    Moment::past(at, today)
}

/// A configuration that was refused.
pub(super) fn rejected(refusal: Refusal, today: SystemTime) -> RejectedConfig {
    RejectedConfig {
        when: past(refusal.at, today),
        reason: refusal.reason,
    }
}

/// Every Envoy that is connected.
pub(super) fn envoys(takeover: &Takeover, today: SystemTime) -> Vec<EnvoyReport> {
    let progress = takeover.xds().watch().borrow().clone();
    let generation = takeover.gateway().live().catalog.generation.0;
    progress
        .nodes
        .iter()
        .map(|node| envoy(node, &progress.published, generation, today))
        .collect()
}

fn envoy(
    node: &NodeProgress,
    published: &crate::xds::SnapshotVersion,
    generation: u64,
    today: SystemTime,
) -> EnvoyReport {
    let acked = ResourceType::ALL.into_iter().filter_map(|kind| {
        let version = node.of(kind).acked.as_ref()?;
        let current = version == published.of(kind);
        Some(AckedType {
            kind: kind.as_str().to_owned(),
            version: version.to_string(),
            current,
        })
    });
    let nack = ResourceType::ALL.into_iter().find_map(|kind| {
        let (version, message) = node.of(kind).refused.as_ref()?;
        let (kind, version) = (kind.as_str().to_owned(), version.to_string());
        Some(Nack {
            kind,
            version,
            message: message.clone(),
            when: past(today, today),
        })
    });
    EnvoyReport {
        node: node.node.id.to_string(),
        version: node
            .node
            .version
            .map(|version| version.to_string())
            .unwrap_or_default(),
        connected: true,
        generation: node.runs(published).then_some(generation),
        acked: acked.collect(),
        nack,
    }
}

/// Every provider.
pub(super) fn providers(
    takeover: &Takeover,
    live: &Live,
    now: Instant,
    today: SystemTime,
) -> Vec<ProviderReport> {
    let report = |(position, provider): (usize, &crate::catalog::Provider)| {
        let endpoint = &provider.endpoint;
        let target = live
            .catalog
            .targets
            .iter()
            .position(|target| target.provider == ProviderIx(position));
        let snapshot = target.map(|target| live.board.snapshot(target, now));
        ProviderReport {
            name: provider.name.to_string(),
            kind: provider.kind.as_str().to_owned(),
            endpoint: format!(
                "{}://{}",
                if endpoint.tls { "https" } else { "http" },
                String::from_utf8_lossy(&endpoint.authority)
            ),
            draining: live.is_draining(ProviderIx(position)),
            circuits: snapshot
                .map(|snapshot| {
                    [Some(snapshot.endpoint), snapshot.credential]
                        .iter()
                        .flatten()
                        .map(|shown| circuit(shown, now, today))
                        .collect()
                })
                .unwrap_or_default(),
            health: takeover.health_of(&provider.name, today),
        }
    };
    live.catalog.providers.iter().enumerate().map(report).collect()
}

/// One model, in the order of attempts that a plain chat request would get now.
pub(super) fn model(
    takeover: &Takeover,
    live: &Live,
    position: usize,
    now: Instant,
    today: SystemTime,
) -> ModelReport {
    let ix = ModelIx(position);
    let model = live.catalog.model(ix);
    let ask = Ask {
        surface: Surface::Chat,
        model: ix,
        stream: false,
        features: Features::default(),
        input_tokens: 0,
        max_tokens: None,
        narrowing: Narrowing::default(),
        unfit: Vec::new(),
    };
    let availability = live.availability(ix, now);
    let away = |provider| live.away(provider, SystemTime::now());
    let situation = Situation {
        catalog: &live.catalog,
        ask: &ask,
        availability: &availability,
        away: &away,
    };
    let explained = explain(&situation, now);
    let targets = explained
        .targets
        .iter()
        .map(|told| target(takeover, live, (model, told), now, today))
        .collect();
    ModelReport {
        name: model.name.to_string(),
        aliases: model.aliases.iter().map(ToString::to_string).collect(),
        order: order(model.order).to_owned(),
        mode: mode(model.failover.mode).to_owned(),
        attempts: model.failover.attempts,
        when_all_open: when_all_open(model.when_all_open).to_owned(),
        all_open: availability
            .entries()
            .iter()
            .all(|entry| matches!(entry.standing, Standing::Open { .. })),
        targets,
    }
}

fn target(
    takeover: &Takeover,
    live: &Live,
    (model, told): (&Model, &ExplainedTarget),
    now: Instant,
    today: SystemTime,
) -> TargetReport {
    let catalog = &live.catalog;
    let found = model.targets.iter().copied().find(|ix| {
        let target = catalog.target(*ix);
        *catalog.provider(target.provider).name == *told.provider
            && *target.provider_model == *told.provider_model
    });
    let mut report = TargetReport {
        provider: told.provider.clone(),
        model: told.provider_model.clone(),
        place: told.place.and_then(|place| u32::try_from(place).ok()),
        skip: told.skip.as_ref().map(|skip| SkipReport {
            reason: skip.reason.to_owned(),
            detail: skip.detail.clone(),
        }),
        why: told.why.clone(),
        attempts: u32::try_from(told.attempts).unwrap_or(u32::MAX),
        share_percent: told.share_percent,
        priority: told.priority,
        backup_rank: told.backup_rank,
        weight: told.weight,
        speed_ms: told.first_token_ms,
        ..TargetReport::default()
    };
    if let Some(ix) = found {
        let snapshot = live.board.snapshot(ix.0, now);
        stand(&mut report, &snapshot, now, today);
        report.price = catalog.target(ix).price.map(price);
        report.context_window = catalog.target(ix).context_window;
        report.last_failure =
            takeover
                .telemetry()
                .last_failure(TargetIx(ix.0))
                .map(|failure| FailureReport {
                    class: failure.class.as_str().to_owned(),
                    status: failure.status,
                    detail: failure.detail.map(str::to_owned),
                    when: past(failure.at, today),
                });
    }
    report
}

fn stand(report: &mut TargetReport, snapshot: &TargetSnapshot, now: Instant, today: SystemTime) {
    let standing = snapshot.availability.standing;
    standing.as_str().clone_into(&mut report.standing);
    plain_word(standing.as_str()).clone_into(&mut report.plain);
    report.until = standing
        .until()
        .map(|until| Moment::after(until.saturating_duration_since(now), today));
    report.cause = match standing {
        Standing::Open { cause, .. } => Some(cause.as_str().to_owned()),
        _ => None,
    };
    let three = [
        Some(&snapshot.target),
        Some(&snapshot.endpoint),
        snapshot.credential.as_ref(),
    ];
    report.circuits = three
        .into_iter()
        .flatten()
        .map(|shown| circuit(shown, now, today))
        .collect();
}

fn circuit(shown: &CircuitSnapshot, now: Instant, today: SystemTime) -> CircuitReport {
    CircuitReport {
        scope: shown.circuit.scope().as_str().to_owned(),
        state: shown.state.as_str().to_owned(),
        plain: plain_word(shown.state.as_str()).to_owned(),
        until: shown
            .until
            .map(|until| Moment::after(until.saturating_duration_since(now), today)),
        cause: shown.cause.map(|cause| cause.as_str().to_owned()),
        share: match shown.standing {
            Standing::Ramping { share } => Some(share),
            _ => None,
        },
        ejections: shown.ejections,
        consecutive_failures: shown.consecutive_failures,
        window_requests: shown.window.requests.into(),
        window_failures: shown.window.failures.into(),
    }
}

fn price(price: Price) -> PriceReport {
    PriceReport {
        input: price.input,
        cached_input: price.cached_input,
        output: price.output,
    }
}

fn order(order: Order) -> &'static str {
    match order {
        Order::Weighted => "weighted",
        Order::Fastest => "fastest",
        Order::Cheapest => "cheapest",
        Order::Ordered => "ordered",
    }
}

fn mode(mode: FailoverMode) -> &'static str {
    match mode {
        FailoverMode::Retry => "retry",
        FailoverMode::NextRequest => "next_request",
        FailoverMode::Off => "off",
    }
}

fn when_all_open(when: WhenAllOpen) -> &'static str {
    match when {
        WhenAllOpen::TrySoonest => "try_soonest",
        WhenAllOpen::Fail => "fail",
    }
}
