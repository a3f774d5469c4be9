//! Wiring: builds every part from a configuration, binds it, keeps it up to date, and takes it down in order.
//!
//! No decision is made here. The order of things is: configuration, catalog, gateway, Envoy's configuration, then
//! the sockets; and backwards at the end, so that a request on its way is never left without an answer.

mod admin;
mod bind;
mod breakable;
pub mod envoy;
mod fixed;
mod health;
mod lanes;
mod observe;
mod reload;
mod takeover;
mod tokens;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use bind::BindError;
pub use takeover::Rejected;

use crate::admin::{AdminServer, AdminSource};
use crate::config::{Config, GrpcBind, Invalid, LoadError, Secret, Sources, SystemSources};
use crate::extproc::{BrokenRequests, Gateway, Processor};
use crate::outcome::FailoverOn;
use crate::telemetry::{Event, Telemetry};
use crate::xds::{self, XdsState};
use takeover::Takeover;

/// How long requests on their way may take to finish when the program is told to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// How long access lines that wait may take to be written.
const LAST_LINES: Duration = Duration::from_secs(2);

/// What an app is started with.
pub struct Options {
    /// The configuration file.
    pub config: PathBuf,
    /// Where environment variables and files come from.
    pub sources: Arc<dyn Sources + Send + Sync>,
    /// Where access lines go; `None` writes none.
    pub access: Option<Box<dyn Write + Send>>,
    /// Whether a changed configuration file is taken over while the app runs.
    pub follow_file: bool,
    /// Envoy has a configuration of its own and will not ask for one: readiness does not wait for it.
    pub static_envoy: bool,
}

impl Options {
    /// The file at `config`, followed; the real environment, no access lines, an Envoy that asks.
    pub fn new(config: PathBuf) -> Self {
        Self {
            config,
            sources: Arc::new(SystemSources),
            access: None,
            follow_file: true,
            static_envoy: false,
        }
    }
}

/// Why an app did not start.
#[derive(Debug)]
pub enum StartError {
    /// The configuration cannot be used.
    Config(LoadError),
    /// The configuration cannot become a catalog.
    Catalog(crate::catalog::InvalidCatalog),
    /// The socket for Envoy cannot be bound.
    Bind(BindError),
    /// The admin server cannot be bound.
    Admin(crate::admin::BindError),
    /// The access log's writer cannot be started.
    AccessLog(std::io::Error),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Catalog(error) => write!(f, "the configuration cannot be used: {error}"),
            Self::Bind(error) => error.fmt(f),
            Self::Admin(error) => error.fmt(f),
            Self::AccessLog(_) => f.write_str("the access log's writer cannot be started"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::AccessLog(error) => Some(error),
            Self::Config(_) | Self::Catalog(_) | Self::Bind(_) | Self::Admin(_) => None,
        }
    }
}

/// Loads the configuration at `path`, with every word in it judged.
pub fn load(path: &std::path::Path, sources: &dyn Sources) -> Result<Config, LoadError> {
    Config::load(path, sources, failover_cause)
}

/// Whether `word` may stand in `failover.on`.
pub fn failover_cause(word: &str) -> Result<(), Invalid> {
    match FailoverOn::parse(&[word]) {
        Ok(_) => Ok(()),
        Err(bad) => Err(bad.into_iter().next().map_or_else(
            || Invalid::new("is no kind of failure"),
            |bad| Invalid::new("is no kind of failure").hint(bad.remedy),
        )),
    }
}

/// What operators would be told by an app that has just started with `config`: every circuit closed, nothing bound.
pub fn at_rest(config: &Config, path: &std::path::Path) -> Result<impl AdminSource, StartError> {
    let telemetry = Arc::new(Telemetry::new(None).map_err(StartError::AccessLog)?);
    let takeover = Takeover::begin(config, path, telemetry).map_err(StartError::Catalog)?;
    Ok(admin::Source::new(Arc::new(takeover), false))
}

/// Understudy, serving.
pub struct App {
    takeover: Arc<Takeover>,
    config: Config,
    admin: std::net::SocketAddr,
    grpc: GrpcBind,
    stopping: CancellationToken,
    is_ending: AtomicBool,
    tasks: TaskTracker,
}

impl App {
    /// Loads the configuration and binds every socket; when this returns, all of them answer.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let config = load(&options.config, options.sources.as_ref()).map_err(StartError::Config)?;
        Self::start_with(config, options).await
    }

    /// The same, with a configuration that was loaded already.
    pub async fn start_with(config: Config, options: Options) -> Result<Self, StartError> {
        let telemetry = Arc::new(Telemetry::new(options.access).map_err(StartError::AccessLog)?);
        let takeover = Takeover::begin(&config, &options.config, telemetry).map_err(StartError::Catalog)?;
        let takeover = Arc::new(takeover);
        // Before anyone can tell that we run: a `SIGHUP` that nobody listens for would end us.
        let hangups = options.follow_file.then(reload::hangups).flatten();
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        takeover.tokens().follow(&takeover.gateway().live().catalog);
        let grpc = bind::grpc(&config.grpc).await.map_err(StartError::Bind)?;
        let bound = grpc.address().clone();
        let token = config.admin.token.as_ref().map(Secret::expose);
        let source = Arc::new(admin::Source::new(takeover.clone(), options.static_envoy));
        let admin = AdminServer::bind(config.admin.addr, token, source)
            .await
            .map_err(StartError::Admin)?;
        let admin_address = admin.local_addr();
        let services = (
            processor(takeover.gateway()),
            BrokenRequests::service(takeover.gateway().clone()),
            xds::service(takeover.xds().clone()),
        );
        tasks.spawn(grpc.serve(services, stopping.child_token()));
        tasks.spawn(admin.serve(stopping.child_token()));
        if options.follow_file {
            tasks.spawn(reload::watch(
                takeover.clone(),
                (options.config, options.sources),
                hangups,
                stopping.child_token(),
            ));
        }
        tasks.spawn(sweep(takeover.gateway().clone(), stopping.child_token()));
        tasks.spawn(health::watch(takeover.clone(), stopping.child_token()));
        takeover.telemetry().emit(&Event::ListenerBound {
            purpose: "grpc",
            address: bound.to_string(),
        });
        takeover.telemetry().emit(&Event::ListenerBound {
            purpose: "admin",
            address: admin_address.to_string(),
        });
        Ok(Self {
            takeover,
            config,
            admin: admin_address,
            grpc: bound,
            stopping,
            is_ending: AtomicBool::new(false),
            tasks,
        })
    }

    /// Where the admin server listens.
    pub fn admin(&self) -> std::net::SocketAddr {
        self.admin
    }

    /// Where Envoy reaches us.
    pub fn grpc(&self) -> &GrpcBind {
        &self.grpc
    }

    /// The configuration the app was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What Envoy was told, and what it made of it.
    pub fn xds(&self) -> &XdsState {
        self.takeover.xds()
    }

    /// Returns when no request is on its way, or when they had time enough; to be followed by [`stop`](Self::stop).
    pub async fn drained(&self) {
        let gateway = self.takeover.gateway();
        let in_flight = gateway.open_sessions() as u64;
        if !self.is_ending.swap(true, Ordering::Relaxed) {
            self.takeover
                .telemetry()
                .emit(&Event::ShutdownBegan { in_flight });
        }
        let drained = async {
            while gateway.open_sessions() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _in_time = tokio::time::timeout(DRAIN, drained).await.is_ok();
    }

    /// Lets requests finish, then takes everything down.
    pub async fn stop(self) {
        self.drained().await;
        self.takeover.xds().close();
        self.stopping.cancel();
        self.takeover.tokens().stop();
        self.tasks.close();
        let _in_time = tokio::time::timeout(LAST_LINES, self.tasks.wait()).await.is_ok();
        self.takeover.telemetry().close(LAST_LINES);
    }
}

fn processor(
    gateway: &Arc<Gateway>,
) -> understudy_proto::ext_proc::external_processor_server::ExternalProcessorServer<Processor> {
    // Envoy holds a body back until it is complete and refuses one over `max_body`; this is only the other end.
    const LARGEST: usize = 1 << 30;
    Processor::service(gateway.clone(), LARGEST)
}

/// Frees what the host forgot to tell, until `stopping`.
async fn sweep(gateway: Arc<Gateway>, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => gateway.sweep(),
        }
    }
}
