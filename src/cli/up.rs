//! `understudy up`: everything, until a signal.

use clap::Args;

use super::arguments::{self, ConfigFile};
use super::envoy::EnvoyArg;
use super::gateway::{EnvoyChoice, Gateway};
use super::logging::LogArgs;
use super::output;
use super::serve::AccessArg;
use super::signals::Signals;
use crate::app::Options;
use crate::telemetry::log::LogFormat;

/// Run everything: Understudy, and Envoy as its supervised child
#[derive(Debug, Args)]
pub(super) struct Up {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    envoy: EnvoyArg,
    /// Threads of Envoy that serve requests; default: one per core
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1024))]
    envoy_threads: Option<u32>,
    #[command(flatten)]
    access: AccessArg,
    #[command(flatten)]
    log: LogArgs,
}

/// Serves until `SIGINT` or `SIGTERM`; a second one does not wait for requests on their way.
pub(super) async fn run(up: Up) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let path = up.file.config;
    let config = arguments::load(&path)?;
    let format = up.log.start(config.log)?;
    let choice = EnvoyChoice {
        binary: up.envoy.find().await?,
        threads: up.envoy_threads,
    };
    let options = Options {
        access: up.access.writer(),
        ..Options::new(path)
    };
    let gateway = tokio::select! {
        started = Gateway::start(config, options, &choice) => started?,
        () = signals.next() => return Ok(()),
    };
    announce(&gateway, &choice, format);
    signals.next().await;
    tokio::select! {
        () = gateway.stop() => {}
        () = signals.next() => {}
    }
    Ok(())
}

fn announce(gateway: &Gateway, choice: &EnvoyChoice, format: LogFormat) {
    let (app, admin) = (gateway.app(), gateway.envoy_admin().address());
    let (clients, page) = (app.config().listen, app.admin());
    let version = choice.binary.version;
    if format == LogFormat::Json {
        let (clients, page) = (format!("http://{clients}/v1"), format!("http://{page}/"));
        let envoy_admin = format!("http://{admin}/");
        tracing::info!(clients, page, envoy_admin, envoy = %version, "serving");
        return;
    }
    output::aside(format_args!(
        "Understudy serves, with Envoy {version} ({}).\n  \
         clients      http://{clients}/v1\n  \
         admin page   http://{page}/\n  \
         Envoy admin  http://{admin}/\n\
         Ctrl-C ends both.",
        choice.binary.path.display()
    ));
}
