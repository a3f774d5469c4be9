//! The `understudy` program.

use std::process::ExitCode;

use clap::Parser as _;
use understudy::cli::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
