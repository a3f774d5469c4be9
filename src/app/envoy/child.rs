//! Envoy as a child: what it is started with, how it is, and the hand on it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::admin::Admin;
use super::folder::Folder;
use super::ports::{self, Wanted};
use super::supervise::Supervisor;

/// Envoy's own default.
const DRAIN: Duration = Duration::from_mins(10);

/// What an Envoy is started with.
#[derive(Debug, Clone)]
pub struct EnvoyLaunch {
    /// The program.
    pub binary: PathBuf,
    /// Its bootstrap, as YAML.
    pub bootstrap: String,
    /// Where the bootstrap puts the admin server; its port is fixed.
    pub admin: SocketAddr,
    /// Where clients will be served, so that a taken port is noticed before Envoy is started.
    pub listen: Option<SocketAddr>,
    /// In which folder the private one with the bootstrap is made.
    pub folder: PathBuf,
    /// How much Envoy logs.
    pub log_level: EnvoyLogLevel,
    /// How many threads serve requests; `None` is one per core.
    pub concurrency: Option<u32>,
    /// How long connections of a listener that changed may live on.
    pub drain_time: Duration,
}

impl EnvoyLaunch {
    /// One thread per core, only warnings logged, no port looked at but the admin server's.
    pub fn new(binary: PathBuf, bootstrap: String, admin: SocketAddr) -> Self {
        Self {
            binary,
            bootstrap,
            admin,
            listen: None,
            folder: std::env::temp_dir(),
            log_level: EnvoyLogLevel::Warning,
            concurrency: None,
            drain_time: DRAIN,
        }
    }
}

/// How much Envoy logs. There is no finer level: Envoy's debug lines show headers, and with them keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvoyLogLevel {
    /// Something is broken.
    Error,
    /// Something is odd.
    Warning,
    /// Something changed.
    Info,
}

impl EnvoyLogLevel {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// How the child is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvoyState {
    /// There is no process yet, or none any more, or it does not answer yet; it will.
    Starting,
    /// It answers.
    Running {
        /// Its process id.
        pid: u32,
        /// When it first answered.
        since: Instant,
        /// How often it was started again.
        restarts: u32,
    },
    /// It did not start, and starting it again would not help.
    Failed {
        /// Why, and what to do.
        reason: String,
    },
    /// It was asked to end, and has.
    Stopped,
}

/// Envoy cannot be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvoyFailed {
    reason: String,
}

impl EnvoyFailed {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl fmt::Display for EnvoyFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for EnvoyFailed {}

/// An Envoy that is kept running. Dropped, it is stopped.
#[derive(Debug)]
pub struct EnvoyChild {
    admin: Admin,
    state: watch::Receiver<EnvoyState>,
    stopping: DropGuard,
    supervision: JoinHandle<()>,
}

impl EnvoyChild {
    /// Starts it, unless a port it needs is taken. Whether it runs is told by [`Self::running`].
    pub fn spawn(launch: EnvoyLaunch) -> Result<Self, EnvoyFailed> {
        let admin = Wanted {
            setting: "envoy.admin",
            address: launch.admin,
        };
        let listen = launch.listen.map(|address| Wanted {
            setting: "listen",
            address,
        });
        let wanted: Vec<Wanted> = [Some(admin), listen].into_iter().flatten().collect();
        if let Some(reason) = ports::refused(&wanted) {
            return Err(EnvoyFailed::new(reason));
        }
        let unwritable = |error| {
            let folder = launch.folder.display();
            EnvoyFailed::new(format!(
                "the bootstrap of Envoy cannot be written into `{folder}`: {error}"
            ))
        };
        let folder = Folder::create(&launch.folder).map_err(unwritable)?;
        let bootstrap = folder
            .write("bootstrap.yaml", &launch.bootstrap)
            .map_err(unwritable)?;
        let admin = Admin::new(launch.admin);
        let (teller, state) = watch::channel(EnvoyState::Starting);
        let stopping = CancellationToken::new();
        let supervisor = Supervisor::new(launch, (folder, bootstrap), teller, stopping.clone());
        Ok(Self {
            admin,
            state,
            stopping: stopping.drop_guard(),
            supervision: tokio::spawn(supervisor.run()),
        })
    }

    /// How it is, now and from now on.
    pub fn state(&self) -> watch::Receiver<EnvoyState> {
        self.state.clone()
    }

    /// Waits until it runs, and gives its process id; or says why it will not.
    pub async fn running(&self) -> Result<u32, EnvoyFailed> {
        let mut state = self.state.clone();
        let settled = state
            .wait_for(|state| !matches!(state, EnvoyState::Starting))
            .await;
        match settled.as_deref() {
            Ok(EnvoyState::Running { pid, .. }) => Ok(*pid),
            Ok(EnvoyState::Failed { reason }) => Err(EnvoyFailed::new(reason.as_str())),
            Ok(EnvoyState::Starting | EnvoyState::Stopped) | Err(_) => {
                Err(EnvoyFailed::new("Envoy was stopped"))
            }
        }
    }

    /// Its admin server.
    pub const fn admin(&self) -> Admin {
        self.admin
    }

    /// Ends it; when this returns, its process is gone. To spare requests on their way, first
    /// [drain](Admin::drain_listeners) and let them finish.
    pub async fn stop(self) {
        let Self {
            stopping,
            supervision,
            ..
        } = self;
        drop(stopping);
        if let Err(error) = supervision.await {
            tracing::error!(%error, "the supervision of Envoy broke off");
        }
    }
}
