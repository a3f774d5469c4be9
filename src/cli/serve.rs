//! `understudy serve`: the gRPC and admin servers, until a signal.

use tokio::signal::unix::{SignalKind, signal};

use super::ConfigFile;
use crate::app::{App, Options};

/// Serves until `SIGINT` or `SIGTERM`.
pub(super) async fn run(file: ConfigFile) -> anyhow::Result<()> {
    let options = Options {
        access: Some(Box::new(std::io::stdout())),
        ..Options::new(file.config)
    };
    let app = App::start(options).await?;
    wait_for_a_signal().await?;
    app.stop().await;
    Ok(())
}

/// Returns when the program is asked to stop.
pub(super) async fn wait_for_a_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
