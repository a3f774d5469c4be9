//! `understudy demo`: a failover for a person who has never seen one, and a smoke test.
//!
//! Everything in it is real but the providers: a stock Envoy, Understudy, HTTP between them. What is told is what was
//! seen; when that is not what should be seen, the command fails.

mod stage;
mod story;

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::process::Command;

use super::envoy::{Binary, EnvoyArg};
use super::gateway::EnvoyChoice;
use super::logging::LogArgs;
use super::signals::Signals;
use super::{Told, output};
use stage::Stage;

/// What brings Envoy.
const FETCH: &str = "envoy/fetch.sh";

/// Watch a failover: simulated providers, a real Envoy, a story of a dozen lines
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Leave everything running afterwards, to try it with curl, until Ctrl-C
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    envoy: EnvoyArg,
    #[command(flatten)]
    log: LogArgs,
}

/// Tells the story; fails when it does not come out as told.
pub(super) async fn run(demo: Demo) -> anyhow::Result<()> {
    demo.log.start_if_asked()?;
    let mut signals = Signals::listen()?;
    tokio::select! {
        played = play(&demo) => {
            let stage = played?;
            if demo.keep {
                signals.next().await;
            }
            stage.clear().await;
            Ok(())
        }
        () = signals.next() => Err(Told.into()),
    }
}

async fn play(demo: &Demo) -> anyhow::Result<Stage> {
    let binary = found_or_fetched(&demo.envoy).await?;
    let choice = EnvoyChoice {
        binary,
        threads: Some(1),
    };
    let mut stage = Stage::set(&choice).await?;
    let told = story::tell(&mut stage, &choice.binary).await;
    let told = match told {
        Ok(()) if demo.keep => story::invite(&stage),
        Ok(()) => story::part(),
        Err(error) => Err(error),
    };
    if let Err(error) = told {
        stage.clear().await;
        return Err(error);
    }
    Ok(stage)
}

async fn found_or_fetched(envoy: &EnvoyArg) -> anyhow::Result<Binary> {
    match envoy.find().await {
        Ok(binary) => Ok(binary),
        Err(missing) if envoy.may_be_fetched_after(&missing) && Path::new(FETCH).exists() => {
            output::aside(format_args!(
                "No Envoy 1.40 or newer is here; running {FETCH} ..."
            ));
            fetch().await?;
            Ok(envoy.find().await?)
        }
        Err(missing) => Err(missing.into()),
    }
}

async fn fetch() -> anyhow::Result<()> {
    let fetched = Command::new(FETCH)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .with_context(|| format!("{FETCH} cannot be run"))?;
    if !fetched.success() {
        bail!("{FETCH} brought no Envoy; it said why above");
    }
    Ok(())
}
