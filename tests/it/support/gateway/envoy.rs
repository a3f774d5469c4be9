//! The Envoy of a test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use understudy::app::App;
use understudy::app::envoy::{EnvoyChild, EnvoyLaunch, EnvoyState};
use understudy::config::GrpcBind;
use understudy::xds::{BootstrapSettings, GrpcAddress, bootstrap_yaml};

use super::Running;
use crate::support::loopback::Addresses;
use crate::support::waiting::within;

/// The stock binary; fetched once when it is not there.
pub(in crate::support) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy");
        let binary = folder.join("bin/envoy");
        if !binary.exists() {
            let status = Command::new(folder.join("fetch.sh")).status().unwrap();
            assert!(status.success(), "envoy/fetch.sh failed");
        }
        binary
    })
}

/// Starts one for `app`, with one thread.
pub(super) fn spawn(app: &App, addresses: Addresses, folder: &Path) -> EnvoyChild {
    let grpc = match app.grpc() {
        GrpcBind::Unix(path) => GrpcAddress::Unix(path.clone()),
        GrpcBind::Tcp(address) => GrpcAddress::Tcp {
            host: address.host.clone(),
            port: address.port,
        },
    };
    let bootstrap = bootstrap_yaml(&BootstrapSettings {
        node_id: format!("envoy at {}", addresses.listen),
        grpc,
        admin: addresses.envoy_admin,
    });
    let mut launch = EnvoyLaunch::new(binary().to_owned(), bootstrap, addresses.envoy_admin);
    launch.listen = Some(addresses.listen);
    launch.folder = folder.to_owned();
    launch.concurrency = Some(1);
    EnvoyChild::spawn(launch).unwrap_or_else(|error| panic!("{error}"))
}

/// The hand on Envoy's process.
#[derive(Debug)]
pub struct EnvoyHand<'g> {
    gateway: &'g mut Running,
}

impl<'g> EnvoyHand<'g> {
    pub(super) fn new(gateway: &'g mut Running) -> Self {
        Self { gateway }
    }

    /// The id of its process, which must be running.
    pub fn pid(&self) -> u32 {
        self.running().0
    }

    /// How often it was started again.
    pub fn restarts(&self) -> u32 {
        self.running().1
    }

    /// Kills it, and waits until it is back and serves.
    pub async fn kill(self) {
        let (before, restarts) = self.running();
        kill(pid(before), Signal::SIGKILL).unwrap();
        self.gateway.kills += 1;
        let mut state = self.gateway.envoy.state();
        let is_back = |state: &EnvoyState| matches!(state, EnvoyState::Running { restarts: now, .. } if *now > restarts);
        within("Envoy after it was killed", state.wait_for(is_back))
            .await
            .unwrap();
        self.gateway.until_ready().await;
    }

    fn running(&self) -> (u32, u32) {
        match *self.gateway.envoy.state().borrow() {
            EnvoyState::Running { pid, restarts, .. } => (pid, restarts),
            ref other => panic!("Envoy does not run: {other:?}"),
        }
    }
}

pub(super) fn is_alive(number: u32) -> bool {
    kill(pid(number), None).is_ok()
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap())
}
