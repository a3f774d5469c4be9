//! One Envoy process: started, waited for, ended.
//!
//! Dropped, it is killed. It knows nothing of restarts.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::child::EnvoyLaunch;
use super::diagnosis::{self, Diagnosis};
use super::leash::Leash;
use super::log::{self, Tail};

/// How long Envoy may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the last lines of an Envoy that has ended may take to arrive.
const LAST_LINES: Duration = Duration::from_secs(1);

/// A running Envoy.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pid: Pid,
    reader: JoinHandle<()>,
    tail: Arc<Tail>,
    leash: Option<Leash>,
}

/// How an Envoy ended that was not asked to.
#[derive(Debug)]
pub(super) struct End {
    /// As in "exit status 1" or "signal SIGKILL".
    pub(super) how: String,
    /// What it wrote last.
    pub(super) lines: Vec<String>,
    /// What that means.
    pub(super) diagnosis: Option<Diagnosis>,
}

impl Process {
    /// Runs the binary with the bootstrap that is in a file.
    pub(super) fn start(launch: &EnvoyLaunch, bootstrap: &Path) -> io::Result<Self> {
        let mut child = command(launch, bootstrap).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = id
            .map(Pid::from_raw)
            .ok_or_else(|| io::Error::other("it has no process id"))?;
        let output = child
            .stderr
            .take()
            .ok_or_else(|| io::Error::other("its output cannot be read"))?;
        let tail = Arc::new(Tail::default());
        let reader = tokio::spawn(log::forward(output, tail.clone()));
        let leash = Leash::tie(pid)
            .inspect_err(|error| tracing::debug!(%error, "Envoy goes without a leash"))
            .ok();
        Ok(Self {
            child,
            pid,
            reader,
            tail,
            leash,
        })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Waits until it has ended by itself.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// What is to be said of one that has ended.
    pub(super) async fn last_words(mut self, status: io::Result<ExitStatus>) -> End {
        self.untie().await;
        let _in_time = tokio::time::timeout(LAST_LINES, &mut self.reader).await.is_ok();
        let lines = self.tail.lines();
        let diagnosis = diagnosis::of(lines.iter().map(String::as_str));
        End {
            how: status.map_or_else(|error| error.to_string(), how),
            lines,
            diagnosis,
        }
    }

    /// Asks it to end, and makes it when it takes too long; when this returns, it is gone.
    pub(super) async fn stop(mut self) {
        self.tail.begin_farewell();
        self.signal(Signal::SIGTERM);
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err() {
            tracing::warn!(
                patience_ms = PATIENCE.as_millis(),
                "Envoy did not end when it was asked to, and is killed"
            );
            self.signal(Signal::SIGKILL);
            if let Err(error) = self.child.wait().await {
                tracing::warn!(%error, "the end of Envoy cannot be seen");
            }
        }
        self.untie().await;
        let _in_time = tokio::time::timeout(LAST_LINES, &mut self.reader).await.is_ok();
    }

    async fn untie(&mut self) {
        if let Some(leash) = self.leash.take() {
            leash.untie().await;
        }
    }

    /// To the whole group, so that a script that runs Envoy does not leave it behind.
    fn signal(&self, signal: Signal) {
        // Once it was waited for, its id may belong to someone else.
        if self.child.id().is_some()
            && let Err(error) = killpg(self.pid, signal)
        {
            tracing::debug!(%error, %signal, "Envoy cannot be signalled");
        }
    }

    #[cfg(test)]
    pub(super) fn leash(&mut self) -> &mut Leash {
        self.leash.as_mut().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        self.reader.abort();
    }
}

fn command(launch: &EnvoyLaunch, bootstrap: &Path) -> Command {
    let mut command = Command::new(&launch.binary);
    command
        .arg("--config-path")
        .arg(bootstrap)
        // There is one Envoy at a time, and no shared memory to hand over.
        .arg("--disable-hot-restart")
        .args([
            "--log-level",
            launch.log_level.as_str(),
            "--log-format",
            log::FORMAT,
        ])
        .args(["--drain-time-s", &launch.drain_time.as_secs().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A terminal's Ctrl-C is for us; Envoy serves on until the requests on their way are done.
        .process_group(0)
        .kill_on_drop(true);
    if let Some(concurrency) = launch.concurrency {
        command.args(["--concurrency", &concurrency.to_string()]);
    }
    command
}

fn how(status: ExitStatus) -> String {
    let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
    signal.map_or_else(|| status.to_string(), |signal| format!("signal {signal}"))
}
