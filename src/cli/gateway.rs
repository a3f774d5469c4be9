//! Understudy and its Envoy together: up in order, and down in order.
//!
//! Invariant: once [`Gateway::start`] returns, a client is served; once [`Gateway::stop`] returns, no process of ours
//! is left and no request was cut that ended in time.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tokio::net::TcpStream;

use super::envoy::Binary;
use crate::app::envoy::{Admin, EnvoyChild, EnvoyLaunch, Folder};
use crate::app::{App, Options};
use crate::config::{AdminBind, Clients, Config, GrpcBind, HostPort};
use crate::xds::{BootstrapSettings, GrpcAddress, Settled, bootstrap_yaml};

/// How long Envoy may take for each step until it serves.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long clients may take to read the rest of their answers when everything is over.
const HANDOVER: Duration = Duration::from_secs(10);
/// What Envoy counts, at the listener for clients, of requests that are not over for them.
const UNFINISHED: &str = r"^http\.understudy\.downstream_(rq_active|cx_tx_bytes_buffered)$";
/// How often Envoy is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Understudy and its Envoy, serving.
pub(super) struct Gateway {
    app: App,
    envoy: EnvoyChild,
    /// Gone when both are.
    _folder: Option<Folder>,
}

/// The Envoy of a gateway.
#[derive(Debug, Clone)]
pub(super) struct EnvoyChoice {
    /// Which.
    pub(super) binary: Binary,
    /// How many threads serve requests; `None` is one per core.
    pub(super) threads: Option<u32>,
}

impl Gateway {
    /// Starts both, and waits until they serve.
    pub(super) async fn start(
        config: Config,
        options: Options,
        choice: &EnvoyChoice,
    ) -> anyhow::Result<Self> {
        let app = App::start_with(config, options).await?;
        let started = Self::with_envoy(&app, choice).await;
        match started {
            Ok(envoy) => Ok(Self {
                app,
                envoy,
                _folder: None,
            }),
            Err(error) => {
                app.stop().await;
                Err(error)
            }
        }
    }

    /// Starts both for ourselves alone: on free ports of the loopback address, with a socket in a private folder, open
    /// to whoever is on this machine.
    pub(super) async fn start_private(mut config: Config, choice: &EnvoyChoice) -> anyhow::Result<Self> {
        let folder = Folder::create(&std::env::temp_dir()).context("no private folder can be made")?;
        let [listen, admin] = free_ports().context("there is no free port")?;
        config.listen = listen;
        config.envoy.listener = HostPort::from(listen);
        config.envoy.admin = admin;
        config.admin = AdminBind {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: None,
        };
        config.grpc = GrpcBind::Unix(folder.path().join("understudy.sock"));
        config.clients = Clients::Anyone;
        let options = Options {
            follow_file: false,
            ..Options::new(folder.path().join("understudy.yaml"))
        };
        let gateway = Self::start(config, options, choice).await?;
        Ok(Self {
            _folder: Some(folder),
            ..gateway
        })
    }

    async fn with_envoy(app: &App, choice: &EnvoyChoice) -> anyhow::Result<EnvoyChild> {
        let config = app.config();
        let bootstrap = bootstrap_yaml(&BootstrapSettings {
            grpc: reached_at(app.grpc()),
            admin: config.envoy.admin,
            ..BootstrapSettings::default()
        });
        let mut launch = EnvoyLaunch::new(choice.binary.path.clone(), bootstrap, config.envoy.admin);
        launch.listen = Some(config.listen);
        launch.concurrency = choice.threads;
        let envoy = EnvoyChild::spawn(launch)?;
        let ready = match tokio::time::timeout(PATIENCE, envoy.running()).await {
            Ok(Ok(_)) => served(app).await,
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(anyhow!(
                "Envoy does not come up: its admin server gave no answer within {PATIENCE:?}; its last words are in the \
                 log (`--log warn`)"
            )),
        };
        if let Err(error) = ready {
            envoy.stop().await;
            return Err(error);
        }
        Ok(envoy)
    }

    /// Understudy's part.
    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// Envoy's admin server.
    pub(super) fn envoy_admin(&self) -> Admin {
        self.envoy.admin()
    }

    /// Where clients are served, as one on this machine reaches it.
    pub(super) fn listener(&self) -> &HostPort {
        &self.app.config().envoy.listener
    }

    /// Takes no new clients, lets requests finish, then ends Envoy and then Understudy.
    pub(super) async fn stop(self) {
        let admin = self.envoy.admin();
        for asked in [admin.close_connections().await, admin.drain_listeners().await] {
            if let Err(error) = asked {
                tracing::debug!(%error, "Envoy cannot be asked to drain");
            }
        }
        self.app.drained().await;
        handed_over(admin).await;
        self.envoy.stop().await;
        self.app.stop().await;
    }
}

/// Returns when Envoy runs with its first configuration and accepts clients, or says why it does not.
async fn served(app: &App) -> anyhow::Result<()> {
    let xds = app.xds();
    let mut progress = xds.watch();
    let connected = progress.wait_for(|progress| !progress.nodes.is_empty() || !progress.refused.is_empty());
    if tokio::time::timeout(PATIENCE, connected).await.is_err() {
        bail!(
            "Envoy runs, but did not connect to Understudy at {} within {PATIENCE:?}",
            app.grpc()
        );
    }
    match xds.settle(&xds.published().version(), PATIENCE).await {
        Settled::Acked => {}
        Settled::Rejected { kind, message, .. } => {
            bail!("Envoy refuses its configuration ({}): {message}", kind.as_str())
        }
        Settled::NoEnvoy => bail!("Envoy was turned away: it is not the version it said it is"),
        Settled::TimedOut { .. } => {
            bail!("Envoy did not take its configuration within {PATIENCE:?}")
        }
    }
    let listener = &app.config().envoy.listener;
    let accepted = async {
        while TcpStream::connect((listener.host.as_str(), listener.port))
            .await
            .is_err()
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(PATIENCE, accepted).await.is_err() {
        bail!(
            "Envoy took its configuration, but nobody accepts at {listener} (`envoy.listener`) after {PATIENCE:?}"
        );
    }
    Ok(())
}

/// Returns when Envoy has written the last byte to its clients, or when that takes too long: Understudy is done with
/// a request before Envoy is.
async fn handed_over(admin: Admin) {
    let nothing_left = async {
        // An Envoy that gives no answer has nothing to hand over.
        while let Ok(stats) = admin.stats(UNFINISHED).await {
            if stats.sum(|_| true) == 0 {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(HANDOVER, nothing_left).await.is_err() {
        tracing::warn!("clients were still reading their answers when Envoy was ended");
    }
}

/// Where an Envoy on this machine finds us.
fn reached_at(bound: &GrpcBind) -> GrpcAddress {
    match bound {
        GrpcBind::Unix(path) => GrpcAddress::Unix(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        GrpcBind::Tcp(address) => GrpcAddress::Tcp {
            host: match address.host.as_str() {
                "0.0.0.0" => "127.0.0.1".to_owned(),
                "::" => "::1".to_owned(),
                host => host.to_owned(),
            },
            port: address.port,
        },
    }
}

/// Ports that are free now, all different.
fn free_ports<const N: usize>() -> std::io::Result<[SocketAddr; N]> {
    let mut held = Vec::with_capacity(N);
    let mut free = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for address in &mut free {
        let listener = TcpListener::bind(*address)?;
        *address = listener.local_addr()?;
        held.push(listener);
    }
    Ok(free)
}
