//! Keeps one Envoy running: starts it, sees it end, waits a little longer each time, starts it again.
//!
//! The states follow each other in [`Supervisor::keep_up`]; the next process is started only after the one before was
//! reaped. It never restarts what a restart cannot mend: a first start that fails for a lasting reason is final.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::admin::Admin;
use super::backoff::Backoff;
use super::child::{EnvoyLaunch, EnvoyState};
use super::folder::Folder;
use super::process::{End, Process};

/// How often a starting Envoy is asked whether it is there.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How many of its last lines go into the warning when it ends.
const LINES_TOLD: usize = 5;

/// Keeps one Envoy running.
pub(super) struct Supervisor {
    launch: EnvoyLaunch,
    /// Removed when the supervision ends.
    _folder: Folder,
    bootstrap: PathBuf,
    state: watch::Sender<EnvoyState>,
    stopping: CancellationToken,
    has_run: bool,
    restarts: u32,
}

impl Supervisor {
    pub(super) fn new(
        launch: EnvoyLaunch,
        (folder, bootstrap): (Folder, PathBuf),
        state: watch::Sender<EnvoyState>,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            launch,
            _folder: folder,
            bootstrap,
            state,
            stopping,
            has_run: false,
            restarts: 0,
        }
    }

    /// Returns when Envoy was stopped or cannot be started; no process is left then.
    pub(super) async fn run(mut self) {
        let last = self.keep_up().await;
        if let EnvoyState::Failed { reason } = &last {
            tracing::error!(reason, "Envoy cannot be started");
        }
        self.state.send_replace(last);
    }

    async fn keep_up(&mut self) -> EnvoyState {
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            let end = match Process::start(&self.launch, &self.bootstrap) {
                Ok(process) => self.live(process).await,
                Err(error) if self.has_run => Some(self.not_run(&error)),
                Err(error) => {
                    return EnvoyState::Failed {
                        reason: self.not_run(&error).how,
                    };
                }
            };
            let Some(end) = end else {
                return EnvoyState::Stopped;
            };
            self.state.send_replace(EnvoyState::Starting);
            if let Some(diagnosis) = end
                .diagnosis
                .as_ref()
                .filter(|found| found.is_lasting && !self.has_run)
            {
                return EnvoyState::Failed {
                    reason: diagnosis.sentence.clone(),
                };
            }
            let pause = backoff.after(started.elapsed());
            warn(&end, pause);
            tokio::select! {
                () = self.stopping.cancelled() => return EnvoyState::Stopped,
                () = tokio::time::sleep(pause) => {}
            }
            self.restarts = self.restarts.saturating_add(1);
        }
    }

    /// One process, from its start to its end; `None` when it was we who ended it.
    async fn live(&mut self, mut process: Process) -> Option<End> {
        let ended = tokio::select! {
            biased;
            () = self.stopping.cancelled() => None,
            ended = process.ended() => Some(ended),
            () = answers(Admin::new(self.launch.admin)) => {
                self.tell_running(&process);
                tokio::select! {
                    biased;
                    () = self.stopping.cancelled() => None,
                    ended = process.ended() => Some(ended),
                }
            }
        };
        let Some(ended) = ended else {
            process.stop().await;
            return None;
        };
        Some(process.last_words(ended).await)
    }

    fn tell_running(&mut self, process: &Process) {
        let (pid, restarts) = (process.pid(), self.restarts);
        self.has_run = true;
        tracing::info!(pid, restarts, "Envoy runs");
        let since = Instant::now().into_std();
        self.state
            .send_replace(EnvoyState::Running { pid, since, restarts });
    }

    fn not_run(&self, error: &std::io::Error) -> End {
        let how = format!("`{}` cannot be run: {error}", self.launch.binary.display());
        End {
            how,
            lines: Vec::new(),
            diagnosis: None,
        }
    }
}

/// Returns once the admin server answers anything.
async fn answers(admin: Admin) {
    while admin.is_ready().await.is_err() {
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn warn(end: &End, pause: Duration) {
    let lines = end
        .lines
        .iter()
        .rev()
        .take(LINES_TOLD)
        .rev()
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    let meaning = end
        .diagnosis
        .as_ref()
        .map_or("", |diagnosis| diagnosis.sentence.as_str());
    tracing::warn!(
        how = end.how,
        meaning,
        lines,
        restart_in_ms = pause.as_millis(),
        "Envoy ended, and is started again"
    );
}
