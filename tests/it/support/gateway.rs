//! The whole gateway of one test.

mod envoy;
mod home;
mod look;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Method;
use serde_json::Value;
use tempfile::TempDir;
use understudy::app::envoy::EnvoyChild;
use understudy::app::{App, Options, StartError};

pub use envoy::EnvoyHand;

use home::Home;

use super::access::AccessLog;
use super::call::Call;
use super::client::Connection;
use super::log;
use super::loopback::Addresses;
use super::raw_client::RawClient;
use super::sources::TestSources;
use super::waiting::within;

/// A gateway to be started.
///
/// The configuration may leave out `listen`, `admin`, `grpc` and `envoy.admin`: they are put in front of it, each
/// unless it is there. Wherever it says `{listen}`, `{admin}`, `{envoy_admin}`, `{socket}`, `{dir}` or a name given
/// to [`Gateway::fill`], the value is filled in.
#[derive(Debug)]
pub struct Gateway {
    yaml: String,
    fills: BTreeMap<String, String>,
    sources: TestSources,
    folder: TempDir,
    admin_token: Option<String>,
}

impl Gateway {
    /// One with this configuration.
    pub fn with(yaml: &str) -> Self {
        Self {
            yaml: yaml.to_owned(),
            fills: BTreeMap::new(),
            sources: TestSources::default(),
            admin_token: None,
            folder: tempfile::Builder::new().prefix("us-").tempdir().unwrap(),
        }
    }

    /// Fills `{name}` in.
    #[must_use]
    pub fn fill(mut self, name: &str, value: impl ToString) -> Self {
        self.fills.insert(name.to_owned(), value.to_string());
        self
    }

    /// Sets an environment variable, for this gateway alone.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.sources.set(name, value);
        self
    }

    /// Shows this token to Understudy's admin server.
    #[must_use]
    pub fn admin_token(mut self, token: &str) -> Self {
        self.admin_token = Some(token.to_owned());
        self
    }

    /// Where `{dir}` is: for files that the configuration names.
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// Starts Understudy and Envoy, and waits until both are ready.
    pub async fn start(self) -> Running {
        log::listen();
        let running = Running::start(self).await;
        let running = running.unwrap_or_else(|error| panic!("Understudy does not start: {error}"));
        running.until_ready().await;
        running
    }

    /// Starts Understudy alone, to see it refuse.
    pub async fn refused(self) -> StartError {
        let parts = Parts::of(self);
        match parts.home().await {
            Ok(_) => panic!("Understudy starts with {}", parts.template.text()),
            Err(error) => error,
        }
    }
}

/// What stays when Understudy is restarted.
#[derive(Debug)]
struct Parts {
    template: Template,
    sources: TestSources,
    access: AccessLog,
    config: PathBuf,
    folder: TempDir,
    admin_token: Option<String>,
}

/// The configuration, to be filled in again after each edit.
#[derive(Debug)]
struct Template {
    yaml: String,
    fills: BTreeMap<String, String>,
    addresses: Addresses,
}

impl Template {
    fn text(&self) -> String {
        let says = |key: &str| self.yaml.lines().any(|line| line.starts_with(&format!("{key}:")));
        let own = [
            ("listen", "listen: {listen}\n"),
            ("admin", "admin: {admin}\n"),
            ("grpc", "grpc: unix:{socket}\n"),
            ("envoy", "envoy: { admin: \"{envoy_admin}\" }\n"),
        ];
        let mut text: String = own
            .into_iter()
            .filter(|(key, _)| !says(key))
            .map(|(_, line)| line)
            .collect();
        text.push_str(&self.yaml);
        for (name, value) in &self.fills {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }
}

impl Parts {
    fn of(gateway: Gateway) -> Self {
        let Gateway {
            yaml,
            mut fills,
            sources,
            folder,
            admin_token,
        } = gateway;
        let addresses = Addresses::unused();
        for (name, value) in [
            ("listen", addresses.listen.to_string()),
            ("admin", addresses.admin.to_string()),
            ("envoy_admin", addresses.envoy_admin.to_string()),
            ("socket", folder.path().join("grpc.sock").display().to_string()),
            ("dir", folder.path().display().to_string()),
        ] {
            fills.entry(name.to_owned()).or_insert(value);
        }
        let parts = Self {
            template: Template {
                yaml,
                fills,
                addresses,
            },
            sources,
            access: AccessLog::default(),
            config: folder.path().join("understudy.yaml"),
            folder,
            admin_token,
        };
        parts.write();
        parts
    }

    /// In one step, so that nobody reads half of it.
    fn write(&self) {
        let new = self.folder.path().join("understudy.yaml.new");
        std::fs::write(&new, self.template.text()).unwrap();
        std::fs::rename(&new, &self.config).unwrap();
    }

    async fn home(&self) -> Result<Home, StartError> {
        let options = Options {
            sources: Arc::new(self.sources.clone()),
            access: Some(self.access.writer()),
            ..Options::new(self.config.clone())
        };
        Home::start(options).await
    }
}

/// A gateway that serves. Dropped, it is gone; [`Running::stop`] also looks whether all is well.
pub struct Running {
    parts: Parts,
    /// `None` after it was stopped or killed.
    home: Option<Home>,
    envoy: EnvoyChild,
    /// How often Envoy was killed on purpose.
    kills: u32,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

impl Running {
    async fn start(gateway: Gateway) -> Result<Self, StartError> {
        let parts = Parts::of(gateway);
        let home = parts.home().await?;
        let envoy = envoy::spawn(home.app(), parts.template.addresses, parts.folder.path());
        Ok(Self {
            parts,
            home: Some(home),
            envoy,
            kills: 0,
        })
    }

    /// A POST with a JSON body.
    pub fn post(&self, path: &str, body: Value) -> Call {
        self.call(Method::POST, path).json(&body)
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// A request of any method, with no body yet.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(self.addresses().listen, method, path)
    }

    /// A connection to be used for several requests.
    pub async fn connection(&self) -> Connection {
        Connection::http1(self.addresses().listen).await
    }

    /// The same, with HTTP/2.
    pub async fn http2_connection(&self) -> Connection {
        Connection::http2(self.addresses().listen).await
    }

    /// A connection to write bytes on.
    pub async fn raw(&self) -> RawClient {
        RawClient::connect(self.addresses().listen).await
    }

    /// Where everything listens.
    pub fn addresses(&self) -> Addresses {
        self.parts.template.addresses
    }

    /// The folder that `{dir}` stands for.
    pub fn dir(&self) -> &Path {
        self.parts.folder.path()
    }

    /// The configuration file.
    pub fn config_path(&self) -> &Path {
        &self.parts.config
    }

    /// The app, for what only it can say.
    pub fn app(&self) -> &App {
        self.home.as_ref().expect("Understudy runs").app()
    }

    /// Edits the configuration as it was given to [`Gateway::with`], and writes the file.
    pub fn rewrite_config(&mut self, edit: impl FnOnce(&str) -> String) {
        self.parts.template.yaml = edit(&self.parts.template.yaml);
        self.parts.write();
    }

    /// Gives `{name}` another value, and writes the file.
    pub fn refill(&mut self, name: &str, value: impl ToString) {
        self.parts
            .template
            .fills
            .insert(name.to_owned(), value.to_string());
        self.parts.write();
    }

    /// The hand on Envoy's process.
    pub fn envoy(&mut self) -> EnvoyHand<'_> {
        EnvoyHand::new(self)
    }

    /// Stops Understudy, in good order; Envoy is left alone.
    pub async fn stop_understudy(&mut self) {
        self.home.take().expect("Understudy runs").stop().await;
    }

    /// Ends Understudy as a `SIGKILL` would; Envoy is left alone.
    pub fn kill_understudy(&mut self) {
        drop(self.home.take().expect("Understudy runs"));
    }

    /// Starts it again on the same socket, and waits until all is ready.
    pub async fn start_understudy(&mut self) {
        let home = self.parts.home().await;
        self.home = Some(home.unwrap_or_else(|error| panic!("Understudy does not start again: {error}")));
        self.until_ready().await;
    }

    /// Stops everything, and looks whether all was well: every session over, no crash, no misuse of Envoy that it
    /// noticed, no process left.
    pub async fn stop(mut self) {
        self.until_no_session().await;
        let bugs = self.envoy_stat("server.envoy_bug_failures").await;
        assert_eq!(bugs, 0, "Envoy noticed that it was misused");
        let kills = self.kills;
        let hand = self.envoy();
        assert_eq!(hand.restarts(), kills, "Envoy crashed");
        let pid = hand.pid();
        let Self { home, envoy, .. } = self;
        within("stop of Envoy", envoy.stop()).await;
        assert!(!envoy::is_alive(pid), "Envoy {pid} is left");
        if let Some(home) = home {
            home.stop().await;
        }
    }
}

/// Where the stock Envoy is, for a test that starts one of its own.
pub fn envoy_binary() -> &'static Path {
    envoy::binary()
}
