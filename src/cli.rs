//! The command line: words for people, and which parts of the program they start.
//!
//! Invariant: what a command prints for its user goes through [`output`], and everything that went wrong is said once,
//! here. It decides nothing about requests.

mod arguments;
mod check;
mod demo;
mod drill;
mod envoy;
mod explain;
mod gateway;
mod gateway_admin;
mod http;
mod logging;
mod output;
mod probe;
mod reports;
mod serve;
mod signals;
mod simulate;
mod status;
mod table;
mod up;
mod words;

use std::fmt;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::config;
use crate::sim::args::SimArgs;

/// More threads than this only hand requests to and fro.
const MOST_WORKERS: usize = 4;
/// How long what still runs after a command may take to end.
const LAST_TASKS: Duration = Duration::from_secs(2);

/// The failover brain for LLM traffic beside a stock Envoy.
#[derive(Debug, Parser)]
#[command(
    name = "understudy",
    version,
    about,
    max_term_width = 110,
    after_help = "See it at work: understudy demo. Run it: understudy up -c understudy.yaml"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything: Understudy, and Envoy as its supervised child
    Up(up::Up),
    /// Run Understudy alone, for an Envoy that somebody else runs (compose, pods)
    Serve(serve::Serve),
    /// Check the configuration, and the Envoy configuration it yields
    Check(check::Check),
    /// Tell where a request for a model would go now, and why not elsewhere
    Explain(explain::Explain),
    /// Send one tiny real request to each target: which keys, deployments and regions work
    Probe(probe::Probe),
    /// Show how a running Understudy is: its Envoy, providers and models
    Status(status::StatusView),
    Sim(Box<SimArgs>),
    /// Watch a failover: simulated providers, a real Envoy, a story of a dozen lines
    Demo(demo::Demo),
    /// Go through every fault with this build and this Envoy, and print what the client got
    Drill(drill::Drill),
    /// Print the JSON Schema of the configuration file, for editors
    Schema,
}

/// A mistake on the command line.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A command did its work, and what it found is bad; it has said so itself.
#[derive(Debug)]
struct Told;

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it did not come out well")
    }
}

impl std::error::Error for Told {}

/// Runs a command: 0 when it did what it is for, 1 when not, 2 when it was called wrongly.
pub fn run(cli: Cli) -> ExitCode {
    let ran = runtime().and_then(|runtime| {
        let outcome = runtime.block_on(perform(cli.command));
        runtime.shutdown_timeout(LAST_TASKS);
        outcome
    });
    ended(ran)
}

async fn perform(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(up) => up::run(up).await,
        Command::Serve(serve) => serve::run(serve).await,
        Command::Check(check) => check::run(check).await,
        Command::Explain(explain) => explain::run(explain).await,
        Command::Probe(probe) => probe::run(probe).await,
        Command::Status(status) => status::run(status).await,
        Command::Sim(sim) => simulate::run(*sim).await,
        Command::Demo(demo) => demo::run(demo).await,
        Command::Drill(drill) => drill::run(drill).await,
        Command::Schema => Ok(output::text(&config::schema_json())?),
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    use anyhow::Context as _;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_WORKERS))
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

fn ended(ran: anyhow::Result<()>) -> ExitCode {
    let Err(error) = ran else {
        return ExitCode::SUCCESS;
    };
    if output::is_closed(&error) {
        // Whoever read it has seen enough.
        return ExitCode::SUCCESS;
    }
    if error.is::<Told>() {
        return ExitCode::FAILURE;
    }
    output::complaint(&error);
    if error.is::<Usage>() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}
