//! `understudy probe`: which keys, deployments and regions work?
//!
//! Every target gets one tiny request through a private Envoy and Understudy, so that names, certificates, paths and
//! keys are the real ones, and a running gateway and its circuits are left alone. Each target is a model of its own
//! there, with failover off: nobody else can answer for it.

mod asking;
mod targets;

use std::time::Duration;

use clap::Args;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::arguments::{self, ConfigFile};
use super::envoy::EnvoyArg;
use super::gateway::{EnvoyChoice, Gateway};
use super::logging::LogArgs;
use super::signals::Signals;
use super::table::Table;
use super::{Told, output, words};
use asking::{Asker, Finding, Found};

/// Send one tiny real request to each target: which keys, deployments and regions work
#[derive(Debug, Args)]
pub(super) struct Probe {
    #[command(flatten)]
    file: ConfigFile,
    /// Only the targets of this model; may be repeated
    #[arg(long = "model", value_name = "NAME")]
    models: Vec<String>,
    /// Only the targets at this provider; may be repeated
    #[arg(long = "provider", value_name = "NAME")]
    providers: Vec<String>,
    /// The caller's key, for providers with `auth: passthrough`; without it they are left out
    #[arg(
        long,
        value_name = "KEY",
        env = "UNDERSTUDY_CALLER_KEY",
        hide_env_values = true
    )]
    caller_key: Option<String>,
    /// How long a target may take
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// How many providers are asked at a time; each of them gets one request at a time
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    envoy: EnvoyArg,
    #[command(flatten)]
    log: LogArgs,
}

/// Asks all of them, and fails if one of them fails.
pub(super) async fn run(probe: Probe) -> anyhow::Result<()> {
    probe.log.start_if_asked()?;
    let mut signals = Signals::listen()?;
    let config = arguments::load(&probe.file.config)?;
    let targets = targets::chosen(&config, &probe.models, &probe.providers)?;
    let choice = EnvoyChoice {
        binary: probe.envoy.find().await?,
        threads: Some(1),
    };
    let asking = async {
        let gateway = Gateway::start_private(targets::isolated(config, &targets), &choice).await?;
        let asker = Asker::new(gateway.listener(), probe.timeout, probe.caller_key.clone());
        let by_provider = targets::by_provider(&targets);
        let mut found: Vec<Finding> = stream::iter(by_provider)
            .map(|targets| asker.ask_each(targets))
            .buffer_unordered(usize::from(probe.concurrency))
            .collect::<Vec<_>>()
            .await
            .concat();
        found.sort_by_key(|finding| finding.number);
        gateway.stop().await;
        anyhow::Ok(found)
    };
    let found = tokio::select! {
        found = asking => found?,
        // Who interrupts it has not heard that all is well.
        () = signals.next() => return Err(Told.into()),
    };
    tell(&found, probe.json)?;
    if found.iter().any(|finding| finding.found == Found::Failed) {
        return Err(Told.into());
    }
    Ok(())
}

fn tell(found: &[Finding], json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(output::json(&found)?);
    }
    let mut table = Table::with_headings([
        "model",
        "provider",
        "its model",
        "result",
        "status",
        "ms",
        "message",
    ]);
    for finding in found {
        table.row(finding.cells());
    }
    output::line(table)?;
    let count = |kind: Found| found.iter().filter(|finding| finding.found == kind).count();
    let left_out = match count(Found::LeftOut) {
        0 => String::new(),
        number => format!(", {number} left out"),
    };
    Ok(output::line(format_args!(
        "\n{}: {} well, {} not{left_out}",
        words::count(found.len(), "target"),
        count(Found::Well),
        count(Found::Failed)
    ))?)
}
