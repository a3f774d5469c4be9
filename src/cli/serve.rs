//! `understudy serve`: the gRPC and admin servers, until a signal.

use std::io::Write;

use clap::Args;

use super::arguments::{self, ConfigFile};
use super::logging::LogArgs;
use super::signals::Signals;
use crate::app::{App, Options};

/// Run Understudy alone, for an Envoy that somebody else runs (compose, pods)
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    file: ConfigFile,
    /// Envoy has a configuration of its own (as envoy/static.yaml) and asks for none: be ready without it
    #[arg(long)]
    static_envoy: bool,
    #[command(flatten)]
    access: AccessArg,
    #[command(flatten)]
    log: LogArgs,
}

/// Whether access lines are written.
#[derive(Debug, Args)]
pub(super) struct AccessArg {
    /// Write no access lines (one JSON object per request) to stdout
    #[arg(long)]
    no_access_log: bool,
}

impl AccessArg {
    /// Where they go.
    pub(super) fn writer(&self) -> Option<Box<dyn Write + Send>> {
        (!self.no_access_log).then(|| Box::new(std::io::stdout()) as Box<dyn Write + Send>)
    }
}

/// Serves until `SIGINT` or `SIGTERM`; a second one does not wait for requests on their way.
pub(super) async fn run(serve: Serve) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let path = serve.file.config;
    let config = arguments::load(&path)?;
    serve.log.start(config.log)?;
    let options = Options {
        access: serve.access.writer(),
        static_envoy: serve.static_envoy,
        ..Options::new(path)
    };
    let app = App::start_with(config, options).await?;
    signals.next().await;
    tokio::select! {
        () = app.stop() => {}
        () = signals.next() => {}
    }
    Ok(())
}
