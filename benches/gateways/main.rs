//! What Understudy costs: plain Envoy, and Envoy with Understudy, before the same simulated providers.
//!
//! ```text
//! cargo bench                                  everything, about two minutes
//! cargo bench -- --quick                       everything, shorter and less exact
//! cargo bench -- --only failover --seconds 5   one scenario, longer
//! ```
//!
//! Method: the processes under test share one CPU, load and providers share another; both sides are up all the time
//! and measured in turn, so that a noisy neighbour hits both; every figure is the median of the runs. CPU time per
//! request is the figure to trust: it hardly depends on what else the machine does, as rates and latencies do.

mod envoys;
mod load;
mod measure;
mod process;
mod providers;
mod scenario;
mod table;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use envoys::Workshop;
use scenario::Scenario;

/// The processes under test run here.
const GATEWAY_CPU: usize = 0;
/// Load and providers run here.
const LOAD_CPU: usize = 1;

/// Compares Envoy and Understudy with plain Envoy.
#[derive(Debug, Parser)]
struct Arguments {
    /// Measure only briefly
    #[arg(long)]
    quick: bool,
    /// Measure only this scenario
    #[arg(long, value_enum)]
    only: Option<Scenario>,
    /// How long one measurement takes
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: Option<u64>,
    /// How often each measurement is taken
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20))]
    runs: Option<u32>,
    /// Measure this program, not the one that was just built
    #[arg(long, value_name = "PATH", default_value = env!("CARGO_BIN_EXE_understudy"))]
    understudy: PathBuf,
    /// Only bring everything up, print the addresses and process ids, and keep it until interrupted
    #[arg(long)]
    keep: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// How long and how often is measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// One measurement.
    time: Duration,
    /// Measurements of the same thing.
    runs: u32,
}

impl Arguments {
    fn effort(&self) -> Effort {
        let (seconds, runs) = if self.quick { (1, 1) } else { (2, 3) };
        Effort {
            time: Duration::from_secs(self.seconds.unwrap_or(seconds)),
            runs: self.runs.unwrap_or(runs),
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last word of the program, for people")]
fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(providers::ROLE) {
        return report(providers::serve());
    }
    let arguments = Arguments::parse();
    if let Err(error) = pin_this_process() {
        eprintln!("not pinned to a CPU ({error:#}): figures are only comparable among themselves");
    }
    report(run(&arguments))
}

#[expect(clippy::print_stderr, reason = "the last word of the program, for people")]
fn report(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmark: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Threads and children started later inherit it.
fn pin_this_process() -> anyhow::Result<()> {
    let pinned = Command::new("taskset")
        .args(["-p", "-c", &LOAD_CPU.to_string(), &std::process::id().to_string()])
        .output()
        .context("`taskset` cannot be run")?;
    anyhow::ensure!(
        pinned.status.success(),
        "{}",
        String::from_utf8_lossy(&pinned.stderr).trim()
    );
    Ok(())
}

async fn measured(arguments: &Arguments) -> anyhow::Result<()> {
    let workshop = Workshop::open(arguments.understudy.clone())?;
    if arguments.keep {
        return scenario::keep(&workshop).await;
    }
    scenario::run(&workshop, arguments.only, arguments.effort()).await
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        // Whoever loses is dropped, and every process with it.
        tokio::select! {
            outcome = measured(arguments) => outcome,
            _ = terminate.recv() => anyhow::bail!("terminated"),
            _ = interrupt.recv() => anyhow::bail!("interrupted"),
        }
    })
}
