//! `understudy sim`: a simulated provider, until a signal.

use super::output;
use super::signals::Signals;
use crate::sim::Sim;
use crate::sim::args::{self, SimArgs};

/// Runs it and prints its base URL, which an SDK or a `providers` entry takes as it is.
pub(super) async fn run(sim: SimArgs) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let mut printed = Ok(());
    let announce = |sim: &Sim| {
        printed = output::line(sim.base_url());
        let console = sim.base_url().replace("/v1", "/sim");
        output::aside(format_args!("faults, counters and requests: {console}"));
    };
    args::run(sim, signals.next(), announce).await?;
    Ok(printed?)
}
