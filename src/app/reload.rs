//! Watches the configuration file and the files of its secrets, and takes over what changed.
//!
//! The files are looked at a few times a second: that works on every file system, sees through the symlinks of
//! mounted secrets, and is cheap for a handful of files. `SIGHUP` looks at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::load;
use super::takeover::Takeover;
use crate::config::Sources;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_millis(300);

/// Listens for `SIGHUP`; until it does, that signal ends the process.
pub(super) fn hangups() -> Option<Signal> {
    signal(SignalKind::hangup()).ok()
}

/// Watches until `stopping`.
pub(super) async fn watch(
    takeover: Arc<Takeover>,
    (path, sources): (PathBuf, Arc<dyn Sources + Send + Sync>),
    mut hangups: Option<Signal>,
    stopping: CancellationToken,
) {
    let mut files = vec![path.clone()];
    if let Ok(config) = load(&path, sources.as_ref()) {
        files.extend(config.secret_files);
    }
    let mut seen = digest(&files, sources.as_ref());
    loop {
        let asked = tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => false,
            () = hangup(&mut hangups) => true,
        };
        let found = digest(&files, sources.as_ref());
        if found == seen && !asked {
            continue;
        }
        // A file that is being written is looked at again until it stands still.
        tokio::time::sleep(Duration::from_millis(20)).await;
        if digest(&files, sources.as_ref()) != found {
            continue;
        }
        match load(&path, sources.as_ref()) {
            Ok(config) => {
                files.truncate(1);
                files.extend(config.secret_files.iter().cloned());
                seen = digest(&files, sources.as_ref());
                // A refusal is told by the takeover itself.
                let _taken_over = takeover.apply(&config).await.is_ok();
            }
            Err(error) => {
                seen = found;
                takeover.refuse(error.to_string());
            }
        }
    }
}

async fn hangup(hangups: &mut Option<Signal>) {
    match hangups {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// A digest of all contents; a file that cannot be read counts as empty.
fn digest(files: &[PathBuf], sources: &dyn Sources) -> [u8; 32] {
    let mut digest = Sha256::new();
    for file in files {
        let content = sources.read(file).unwrap_or_default();
        digest.update(content.len().to_le_bytes());
        digest.update(content);
    }
    digest.finalize().into()
}
