//! What is measured, in which order, and on which gateways.

use std::time::Duration;

use super::Effort;
use super::envoys::{Gateway, Workshop};
use super::measure::{Load, Measured, measure};
use super::providers::Providers;
use super::table;

/// Requests per second of the latency measurements.
const MODEST: u32 = 200;
/// Connections that keep the gateway's CPU busy without a queue to speak of.
const FEW: usize = 8;
/// Connections under which work is done in batches.
const MANY: usize = 64;
/// Connections of the memory measurement.
const CROWD: usize = 200;
/// Models of a small and of a large configuration.
const MODELS: [usize; 2] = [10, 1000];
/// Before anything is measured: connections open, code and caches warm.
const WARM_UP: Duration = Duration::from_millis(300);

/// What is asked of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// The first provider answers
    Success,
    /// The first provider always fails, and is asked every time
    Failover,
    /// The first provider has failed, and is not asked again
    Open,
    /// A stream of 23 events, each a chunk of its own
    Streaming,
    /// 200 requests at once, for the memory
    Crowd,
    /// 10 models and 1,000
    Models,
}

impl Scenario {
    /// Models that Understudy's configuration has for the scenarios.
    pub(crate) const MODELS: usize = 5;

    /// What is measured one after the other with the same two gateways.
    const COMPARED: [Self; 4] = [Self::Success, Self::Failover, Self::Open, Self::Streaming];

    /// The model that Understudy is asked for.
    pub(crate) const fn model(self) -> &'static str {
        match self {
            Self::Success | Self::Models => "success",
            Self::Failover => "failover",
            Self::Open => "open",
            Self::Streaming => "streaming",
            Self::Crowd => "slow",
        }
    }

    /// The route that plain Envoy takes.
    pub(crate) const fn plain_route(self) -> &'static str {
        match self {
            Self::Success | Self::Models | Self::Open => "good",
            Self::Failover => "failover",
            Self::Streaming => "streaming",
            Self::Crowd => "slow",
        }
    }

    /// Whether answers are streams.
    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::Streaming)
    }

    /// What the table calls it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Success => "success at the first attempt",
            Self::Failover => "fail-over at the first attempt",
            Self::Open => "fail-over, circuit open",
            Self::Streaming => "stream of 23 events",
            Self::Crowd => "200 requests at once",
            Self::Models => "models",
        }
    }

    const fn loads(self) -> &'static [Load] {
        match self {
            Self::Success => &[
                Load::Connections(FEW),
                Load::Connections(MANY),
                Load::Rate(MODEST),
            ],
            Self::Streaming => &[Load::Connections(MANY)],
            _ => &[Load::Connections(FEW), Load::Rate(MODEST)],
        }
    }
}

/// Brings everything up and waits.
pub(crate) async fn keep(workshop: &Workshop) -> anyhow::Result<()> {
    let mut providers = Providers::start()?;
    let [plain, ours] = both(workshop, &mut providers).await?;
    table::addresses(&plain, &ours);
    std::future::pending().await
}

async fn both(workshop: &Workshop, providers: &mut Providers) -> anyhow::Result<[Gateway; 2]> {
    let gateways = [
        workshop.plain(providers)?,
        workshop.understudy(providers, MODELS[0])?,
    ];
    for gateway in &gateways {
        gateway.ready().await?;
    }
    Ok(gateways)
}

/// Measures everything, or one scenario, and prints it.
pub(crate) async fn run(workshop: &Workshop, only: Option<Scenario>, effort: Effort) -> anyhow::Result<()> {
    let wanted = |scenario| only.is_none_or(|only| only == scenario);
    let mut providers = Providers::start()?;
    let [plain, ours] = both(workshop, &mut providers).await?;
    table::head(effort);
    for scenario in Scenario::COMPARED
        .into_iter()
        .filter(|&scenario| wanted(scenario))
    {
        for &load in scenario.loads() {
            let [plain, ours] = compare([&plain, &ours], scenario, load, effort).await?;
            table::row(scenario, load, &plain, &ours);
        }
    }
    if wanted(Scenario::Models) {
        let large = workshop.understudy(&mut providers, MODELS[1])?;
        large.ready().await?;
        let scenario = Scenario::Models;
        let [small, large] = compare([&ours, &large], scenario, Load::Connections(FEW), effort).await?;
        table::models(MODELS, &small, &large);
    }
    if wanted(Scenario::Crowd) {
        memory(&plain, &ours, effort).await?;
    }
    Ok(())
}

/// The medians of two gateways, measured in turn.
async fn compare(
    gateways: [&Gateway; 2],
    scenario: Scenario,
    load: Load,
    effort: Effort,
) -> anyhow::Result<[Measured; 2]> {
    let mut runs = [Vec::new(), Vec::new()];
    for gateway in gateways {
        measure(gateway, &gateway.question(scenario), load, WARM_UP).await?;
    }
    for _ in 0..effort.runs {
        for (gateway, measured) in gateways.into_iter().zip(&mut runs) {
            measured.push(measure(gateway, &gateway.question(scenario), load, effort.time).await?);
        }
    }
    Ok(runs.map(|runs| Measured::median(&runs)))
}

/// The peak of resident memory while so many requests wait for a slow provider.
async fn memory(plain: &Gateway, ours: &Gateway, effort: Effort) -> anyhow::Result<()> {
    let scenario = Scenario::Crowd;
    let mut peaks = Vec::new();
    for gateway in [plain, ours] {
        let processes = [Some(&gateway.envoy), gateway.understudy.as_ref()];
        let processes = processes.into_iter().flatten();
        processes
            .clone()
            .try_for_each(super::process::Process::forget_peak)?;
        let load = Load::Connections(CROWD);
        measure(gateway, &gateway.question(scenario), load, effort.time).await?;
        for process in processes {
            peaks.push(process.peak_mib()?);
        }
    }
    table::memory(CROWD, &peaks);
    Ok(())
}
