//! One measurement: a load on one gateway, and what it cost each of its processes.

use std::time::Duration;

use anyhow::ensure;

use super::envoys::Gateway;
use super::load::{self, Question, Seen, count};
use super::process::Process;

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// So many connections, each asking again at once.
    Connections(usize),
    /// So many requests per second.
    Rate(u32),
}

/// What one measurement found; of several, each field is the median.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// CPU of Envoy per request, in microseconds.
    pub envoy_us: f64,
    /// CPU of Understudy per request, in microseconds.
    pub understudy_us: f64,
    /// Answers per second.
    pub rate: f64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
}

impl Measured {
    /// CPU of the whole gateway per request, in microseconds.
    pub(crate) fn total_us(&self) -> f64 {
        self.envoy_us + self.understudy_us
    }

    /// The median of each field.
    pub(crate) fn median(runs: &[Self]) -> Self {
        let of = |field: fn(&Self) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(field).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        Self {
            envoy_us: of(|run| run.envoy_us),
            understudy_us: of(|run| run.understudy_us),
            rate: of(|run| run.rate),
            p50_ms: of(|run| run.p50_ms),
            p99_ms: of(|run| run.p99_ms),
        }
    }
}

/// Puts a load on a gateway for some time. Every answer must be good: a benchmark of failures measures nothing.
pub(crate) async fn measure(
    gateway: &Gateway,
    question: &Question,
    load: Load,
    time: Duration,
) -> anyhow::Result<Measured> {
    let understudy = || {
        gateway
            .understudy
            .as_ref()
            .map_or(Ok(Duration::ZERO), Process::cpu)
    };
    let before = (gateway.envoy.cpu()?, understudy()?);
    let seen: Seen = match load {
        Load::Connections(connections) => load::saturate(question, connections, time).await?,
        Load::Rate(rate) => load::paced(question, rate, time).await?,
    };
    let after = (gateway.envoy.cpu()?, understudy()?);
    ensure!(
        seen.failed == 0 && seen.answered > 0,
        "{} of {} requests for `{}` failed; {}",
        seen.failed,
        seen.failed + seen.answered,
        question.model,
        gateway.envoy.last_words()
    );
    let per_request = |before: Duration, after: Duration| {
        after.saturating_sub(before).as_secs_f64() * 1e6 / count(seen.answered)
    };
    Ok(Measured {
        envoy_us: per_request(before.0, after.0),
        understudy_us: per_request(before.1, after.1),
        rate: seen.rate(),
        p50_ms: seen.percentile(50),
        p99_ms: seen.percentile(99),
    })
}
