//! `understudy sim`: a simulated provider, until a signal.

use super::output;
use super::signals::Signals;
use crate::sim::args::{self, SimArgs};
use crate::sim::{Dialect, Sim};

/// Runs it and prints its base URL, which an SDK or a `providers` entry takes as it is.
pub(super) async fn run(sim: SimArgs) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let mut printed = Ok(());
    let is_openai = sim.dialect.is_none_or(|dialect| dialect == Dialect::OpenAi);
    let announce = |sim: &Sim| {
        printed = output::line(if is_openai { sim.base_url() } else { sim.origin() });
        output::aside(format_args!(
            "faults, counters and requests: {}/sim",
            sim.origin()
        ));
    };
    args::run(sim, signals.next(), announce).await?;
    Ok(printed?)
}
