//! The command line: words for people, and which part of the program they start. No decision is made here.

mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The failover brain for LLM traffic beside a stock Envoy.
#[derive(Debug, Parser)]
#[command(name = "understudy", version, about, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve Envoy over gRPC, and the admin page; Envoy is run by somebody else.
    Serve(ConfigFile),
}

/// The configuration file.
#[derive(Debug, clap::Args)]
pub struct ConfigFile {
    /// The configuration file.
    #[arg(short, long, env = "UNDERSTUDY_CONFIG", default_value = "understudy.yaml")]
    pub config: PathBuf,
}

/// Runs a command; everything that went wrong is said in one place.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("the runtime cannot be started")),
    };
    let outcome = match cli.command {
        Command::Serve(file) => runtime.block_on(serve::run(file)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of the program, for people")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("understudy: {error:#}");
    ExitCode::FAILURE
}
