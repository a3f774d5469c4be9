//! `understudy drill`: every fault that is known, one after another, against this build and this Envoy.
//!
//! Everything in it is real but the providers: a stock Envoy, Understudy, HTTP between them. Invariant: a row says what
//! was seen, and passes only when that is what its case expects. It refuses to know how a failure is judged.

mod answer;
mod card;
mod cases;
mod expect;
mod performance;
mod stage;
mod troupe;

use std::time::Instant;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::envoy::{Binary, EnvoyArg};
use super::gateway::EnvoyChoice;
use super::logging::LogArgs;
use super::signals::Signals;
use super::{Told, output};
use card::Row;
use cases::{Case, MATRIX};
use stage::Stage;

/// Go through every fault with this build and this Envoy, and print what the client got
#[derive(Debug, Args)]
pub(super) struct Drill {
    /// Only these cases, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', hide_possible_values = true,
          value_parser = PossibleValuesParser::new(MATRIX.iter().map(|case| case.name)))]
    only: Vec<String>,
    /// Print the card as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    envoy: EnvoyArg,
    #[command(flatten)]
    log: LogArgs,
}

/// The card as programs read it.
#[derive(Debug, Serialize)]
struct Card<'a> {
    understudy: &'a str,
    envoy: String,
    passed: bool,
    ms: u128,
    rows: &'a [Row],
}

/// Runs the matrix; fails when a row does.
pub(super) async fn run(drill: Drill) -> anyhow::Result<()> {
    drill.log.start_if_asked()?;
    let mut signals = Signals::listen()?;
    let choice = EnvoyChoice {
        binary: drill.envoy.find().await?,
        threads: Some(1),
    };
    tokio::select! {
        ran = on_a_stage(&drill, &choice) => ran,
        () = signals.next() => Err(Told.into()),
    }
}

async fn on_a_stage(drill: &Drill, choice: &EnvoyChoice) -> anyhow::Result<()> {
    let mut stage = Stage::set(choice).await?;
    let ran = through_the_cases(drill, &choice.binary, &mut stage).await;
    stage.clear().await;
    if ran? { Ok(()) } else { Err(Told.into()) }
}

/// Answers whether all of them passed.
async fn through_the_cases(drill: &Drill, envoy: &Binary, stage: &mut Stage) -> anyhow::Result<bool> {
    let began = Instant::now();
    let cases: Vec<&Case> = MATRIX.iter().filter(|case| drill.takes(case)).collect();
    if !drill.json {
        card::begin(&envoy.version, cases.len())?;
    }
    let mut rows = Vec::with_capacity(cases.len());
    for case in cases {
        let row = performance::of(case, stage).await;
        let row = row.unwrap_or_else(|error| Row::without_end(case, &error));
        if !drill.json {
            card::line(&row)?;
        }
        rows.push(row);
    }
    let took = Instant::now().saturating_duration_since(began);
    let passed = rows.iter().all(Row::has_passed);
    if drill.json {
        output::json(&Card {
            understudy: env!("CARGO_PKG_VERSION"),
            envoy: envoy.version.to_string(),
            passed,
            ms: took.as_millis(),
            rows: &rows,
        })?;
    } else {
        card::end(&rows, took)?;
    }
    Ok(passed)
}

impl Drill {
    fn takes(&self, case: &Case) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == case.name)
    }
}
