//! What an Envoy says to a configuration before it would serve with it.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{diagnosis, log};

/// How long it may take; a thousand clusters take a second.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many of its lines are told when none of them is understood.
const LINES_TOLD: usize = 5;

/// An Envoy does not take a configuration, or cannot be asked.
#[derive(Debug)]
pub enum RefusedByEnvoy {
    /// It refused, for this reason.
    Refused(String),
    /// The system does not run it.
    CannotRun(io::Error),
    /// It did not end.
    Hangs,
}

impl fmt::Display for RefusedByEnvoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => f.write_str(reason),
            Self::CannotRun(_) => f.write_str("Envoy cannot be run"),
            Self::Hangs => write!(f, "Envoy did not judge the configuration within {PATIENCE:?}"),
        }
    }
}

impl std::error::Error for RefusedByEnvoy {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::CannotRun(error) => Some(error),
            Self::Refused(_) | Self::Hangs => None,
        }
    }
}

/// Has `binary` judge the bootstrap in a file; nothing is bound and nobody is called.
pub async fn validate(binary: &Path, bootstrap: &Path) -> Result<(), RefusedByEnvoy> {
    let mut command = Command::new(binary);
    command
        .args([
            "--mode",
            "validate",
            "--log-level",
            "error",
            "--log-format",
            log::FORMAT,
        ])
        .arg("--config-path")
        .arg(bootstrap)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .map_err(|_| RefusedByEnvoy::Hangs)?
        .map_err(RefusedByEnvoy::CannotRun)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let known = diagnosis::of(lines.iter().copied()).map(|known| known.sentence);
    let reason = known.unwrap_or_else(|| {
        let last = &lines[lines.len().saturating_sub(LINES_TOLD)..];
        format!("Envoy refuses its configuration:\n{}", last.join("\n"))
    });
    Err(RefusedByEnvoy::Refused(reason))
}
