//! The two gateways that are compared: plain Envoy, and Envoy with Understudy.
//!
//! Plain Envoy has the listener and connection options that Understudy gives its own, one worker thread like it, and
//! a route straight to each provider. Its fail-over is what a static file can say: retry any 5xx at the next group.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use understudy::app::envoy;
use understudy::xds::{BootstrapSettings, GrpcAddress, bootstrap_yaml};

use super::load::{self, Question};
use super::process::Process;
use super::providers::{Addresses, Providers};
use super::scenario::Scenario;

/// How long a gateway may take to serve its first request.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// Envoy.
    pub envoy: Process,
    /// Understudy beside it.
    pub understudy: Option<Process>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where its Envoy's admin server listens.
    pub admin: SocketAddr,
    /// Removed with it.
    _folder: tempfile::TempDir,
}

/// What gateways are made from.
#[derive(Debug)]
pub(crate) struct Workshop {
    envoy: PathBuf,
    understudy: PathBuf,
}

impl Workshop {
    /// Finds the Envoy that any command of ours would find, or fetches it.
    pub(crate) fn open(understudy: PathBuf) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (named, path) = (std::env::var("ENVOY").ok(), std::env::var_os("PATH"));
        let fetched = root.join("envoy/bin/envoy");
        let find = || envoy::find(None, named.as_deref(), path.as_deref(), &fetched);
        let envoy = if let Ok(envoy) = find() {
            envoy
        } else {
            let fetching = std::process::Command::new(root.join("envoy/fetch.sh")).status()?;
            anyhow::ensure!(fetching.success(), "Envoy cannot be fetched");
            find()?
        };
        Ok(Self { envoy, understudy })
    }

    /// Envoy alone.
    pub(crate) fn plain(&self, providers: &mut Providers) -> anyhow::Result<Gateway> {
        let folder = tempfile::tempdir()?;
        let [listen, admin] = free_ports()?;
        let bootstrap = folder.path().join("plain.yaml");
        std::fs::write(&bootstrap, plain_bootstrap(listen, admin, &providers.addresses))?;
        let envoy = self.start_envoy("plain-envoy", &bootstrap, folder.path())?;
        providers.leash(envoy.id())?;
        Ok(Gateway {
            envoy,
            understudy: None,
            listen,
            admin,
            _folder: folder,
        })
    }

    /// Envoy with Understudy, which knows so many models.
    pub(crate) fn understudy(&self, providers: &mut Providers, models: usize) -> anyhow::Result<Gateway> {
        let folder = tempfile::tempdir()?;
        let [listen, admin, pages] = free_ports()?;
        let socket = folder.path().join("understudy.sock");
        let config = folder.path().join("understudy.yaml");
        let yaml = configuration([listen, admin, pages], &socket, (&providers.addresses, models));
        std::fs::write(&config, yaml)?;
        let config = config.to_string_lossy().into_owned();
        let understudy = Process::start(
            "understudy",
            &self.understudy,
            &["serve", "--config", &config],
            folder.path(),
        )?;
        providers.leash(understudy.id())?;
        let bootstrap = folder.path().join("bootstrap.yaml");
        let settings = BootstrapSettings {
            node_id: "bench".to_owned(),
            grpc: GrpcAddress::Unix(socket),
            admin,
        };
        std::fs::write(&bootstrap, bootstrap_yaml(&settings))?;
        let envoy = self.start_envoy("envoy", &bootstrap, folder.path())?;
        providers.leash(envoy.id())?;
        Ok(Gateway {
            envoy,
            understudy: Some(understudy),
            listen,
            admin,
            _folder: folder,
        })
    }

    fn start_envoy(&self, name: &'static str, bootstrap: &Path, folder: &Path) -> anyhow::Result<Process> {
        let config = bootstrap.to_string_lossy();
        let arguments = [
            "-c",
            &config,
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "-l",
            "warning",
        ];
        Process::start(name, &self.envoy, &arguments, folder)
    }
}

impl Gateway {
    /// Waits until it serves.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        let question = self.question(Scenario::Success);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if load::try_once(&question).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let others = self.understudy.as_ref().map(Process::last_words);
        anyhow::bail!("{}; {}", self.envoy.last_words(), others.unwrap_or_default());
    }

    /// What a scenario asks of it.
    pub(crate) fn question(&self, scenario: Scenario) -> Question {
        Question {
            to: self.listen,
            model: scenario.model().to_owned(),
            route: scenario.plain_route(),
            stream: scenario.is_stream(),
        }
    }
}

/// All at once, so that no port is given twice.
fn free_ports<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let bind = |_| TcpListener::bind(("127.0.0.1", 0));
    let listeners = (0..N).map(bind).collect::<Result<Vec<_>, _>>()?;
    let ports = listeners
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<Vec<_>, _>>()?;
    ports.try_into().ok().context("as many ports as listeners")
}

/// The configuration of Understudy: the models of the scenarios, and others up to the number wanted.
fn configuration(
    [listen, admin, pages]: [SocketAddr; 3],
    socket: &Path,
    (providers, models): (&Addresses, usize),
) -> String {
    let provider = |name: &str, at: SocketAddr| {
        format!(
            "  {name}: {{ kind: openai-compatible, endpoint: \"http://{at}/v1\", api_key: sk-of-ours-{name} }}\n"
        )
    };
    let other = |number| {
        format!("  other-{number}: {{ targets: [{{ provider: good }}, {{ provider: bad, priority: 1 }}] }}\n")
    };
    let others: Vec<String> = (Scenario::MODELS..models).map(other).collect();
    [
        format!(
            "listen: {listen}\nadmin: {pages}\ngrpc: unix:{}\n",
            socket.display()
        ),
        format!("envoy: {{ admin: {admin} }}\nlog: {{ level: warn }}\n"),
        "defaults: { failover: { backoff: { base: 1ms, max: 1ms } } }\nproviders:\n".to_owned(),
        provider("good", providers.good),
        provider("bad", providers.bad),
        provider("streaming", providers.streaming),
        provider("slow", providers.slow),
        "models:\n".to_owned(),
        "  success: { targets: [{ provider: good }, { provider: bad, priority: 1 }] }\n".to_owned(),
        "  failover: { targets: [{ provider: bad }, { provider: good, priority: 1 }], \
         breaker: { consecutive_failures: off, error_rate: off } }\n"
            .to_owned(),
        "  open: { targets: [{ provider: bad }, { provider: good, priority: 1 }], \
         breaker: { consecutive_failures: 1, open_for: 1h, max_open_for: 1h } }\n"
            .to_owned(),
        "  streaming: { targets: [{ provider: streaming }, { provider: bad, priority: 1 }] }\n".to_owned(),
        "  slow: { targets: [{ provider: slow }, { provider: bad, priority: 1 }] }\n".to_owned(),
        others.concat(),
    ]
    .concat()
}

/// Plain Envoy, options as in `src/xds`.
fn plain_bootstrap(listen: SocketAddr, admin: SocketAddr, providers: &Addresses) -> String {
    let cluster = |name: &str, at: SocketAddr| {
        PLAIN_CLUSTER
            .replace("NAME", name)
            .replace("PORT", &at.port().to_string())
    };
    let clusters = [
        cluster("good", providers.good),
        cluster("bad", providers.bad),
        cluster("streaming", providers.streaming),
        cluster("slow", providers.slow),
    ];
    PLAIN
        .replace("LISTEN", &listen.port().to_string())
        .replace("ADMIN", &admin.port().to_string())
        .replace("CLUSTERS", &clusters.concat())
}

const PLAIN: &str = include_str!("plain.yaml");
const PLAIN_CLUSTER: &str = include_str!("plain_cluster.yaml");
