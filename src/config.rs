//! One YAML file configures everything: from text to a [`Config`] that holds only legal values.
//!
//! `document` reads the YAML, `secret` fills in `${NAME}` and reads files, `shape` compares the tree with the
//! schema of `raw`, and `resolve` judges each section; what they find wrong is collected in `mistake`, so that
//! a person sees everything at once. Invariant: a [`Config`] needs no further check, and nothing it shows
//! (`Debug`, warnings, mistakes) holds a secret. Knows neither tokio nor protobuf nor any other module.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;

mod auth;
mod document;
mod kind;
mod measure;
mod mistake;
mod model;
mod name;
mod policy;
mod provider;
mod raw;
mod resolve;
mod schema;
mod secret;
mod server;
mod shape;
mod suggest;

pub use auth::{Auth, AwsKeys, Entra, ServiceAccount};
pub use document::SyntaxError;
pub use kind::Kind;
pub use mistake::{ConfigPath, Invalid, Mistake};
pub use model::{MaxTokensField, Model, Price, Supports, Target, Thinking};
pub use name::{CauseCheck, ClientName, FailoverCause, ModelName, ProviderName};
pub use policy::{Backoff, Breaker, ErrorRate, FailoverMode, FailoverPolicy, Order, WhenAllOpen};
pub use provider::{BackupOf, Endpoint, HealthCheck, Provider, Scheme, TlsSettings};
pub use schema::schema_json;
pub use secret::{Secret, Sources, SystemSources};
pub use server::{
    AdminBind, Client, ClientKey, Clients, EnvoySettings, GrpcBind, HostPort, KeyHash, LogFormat, LogLevel,
    LogSettings,
};

/// Everything the file says, legal and complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where Envoy listens for clients.
    pub listen: SocketAddr,
    /// The admin server.
    pub admin: AdminBind,
    /// Where Envoy reaches Understudy.
    pub grpc: GrpcBind,
    /// What Understudy knows about Envoy.
    pub envoy: EnvoySettings,
    /// How the log is written.
    pub log: LogSettings,
    /// Who may call.
    pub clients: Clients,
    /// The accounts that can be called, in the order of the file, each followed by its backups; never empty.
    pub providers: Vec<Provider>,
    /// What clients can name, in the order of the file; never empty.
    pub models: Vec<Model>,
    /// The files that secrets were read from: when one changes, the configuration is to be loaded anew.
    pub secret_files: Vec<PathBuf>,
    /// What is legal and probably not meant, each with its place.
    pub warnings: Vec<String>,
}

impl Config {
    /// Loads the file at `path`; `causes` knows the words of `failover.on`.
    pub fn load(path: &Path, sources: &dyn Sources, causes: CauseCheck) -> Result<Self, LoadError> {
        let text = read(path, sources)?;
        parse(&text, sources, causes).map_err(|refusal| refusal.of_file(path))
    }

    /// Loads from the file at `path` only where the admin server is, whatever the rest of it says and needs.
    pub fn load_admin(path: &Path, sources: &dyn Sources) -> Result<AdminBind, LoadError> {
        let text = read(path, sources)?;
        parse_admin(&text, sources).map_err(|refusal| refusal.of_file(path))
    }

    /// Reads a configuration from its text; `causes` knows the words of `failover.on`.
    pub fn parse(text: &str, sources: &dyn Sources, causes: CauseCheck) -> Result<Self, LoadError> {
        parse(text.as_bytes(), sources, causes).map_err(|refusal| match refusal {
            Refusal::Syntax(error) => LoadError::Syntax { file: None, error },
            Refusal::Mistakes(mistakes) => LoadError::Mistakes { file: None, mistakes },
        })
    }
}

enum Refusal {
    Syntax(SyntaxError),
    Mistakes(Vec<Mistake>),
}

impl Refusal {
    fn of_file(self, path: &Path) -> LoadError {
        let file = Some(path.to_owned());
        match self {
            Self::Syntax(error) => LoadError::Syntax { file, error },
            Self::Mistakes(mistakes) => LoadError::Mistakes { file, mistakes },
        }
    }
}

fn read(path: &Path, sources: &dyn Sources) -> Result<Vec<u8>, LoadError> {
    sources.read(path).map_err(|cause| LoadError::Unreadable {
        file: path.to_owned(),
        cause,
    })
}

fn parse_admin(text: &[u8], sources: &dyn Sources) -> Result<AdminBind, Refusal> {
    let written = document::read(text).map_err(Refusal::Syntax)?;
    let mut tree = Value::Object(
        written
            .get("admin")
            .map(|admin| ("admin".to_owned(), admin.clone()))
            .into_iter()
            .collect(),
    );
    let mut report = mistake::Report::new(&written);
    secret::interpolate::fill(&mut tree, sources, &mut report);
    let admin = raw::RawConfig::deserialize(tree)
        .ok()
        .and_then(|raw| resolve::admin(&raw, secret::Vault::new(sources), &mut report));
    report.finish().map_err(Refusal::Mistakes)?;
    admin.ok_or_else(|| {
        Refusal::Mistakes(vec![Mistake {
            path: "admin".to_owned(),
            problem: "is neither an address nor a mapping of `listen` and `token`".to_owned(),
            remedy: Some("write for example `admin: 127.0.0.1:9900`".to_owned()),
        }])
    })
}

fn parse(text: &[u8], sources: &dyn Sources, causes: CauseCheck) -> Result<Config, Refusal> {
    let written = document::read(text).map_err(Refusal::Syntax)?;
    let mut report = mistake::Report::new(&written);
    let mut tree = written.clone();
    let filled = secret::interpolate::fill(&mut tree, sources, &mut report);
    shape::check(&mut tree, schema::schema(), &filled, &mut report);
    let config = match raw::RawConfig::deserialize(tree) {
        Ok(raw) => resolve::resolve(&raw, secret::Vault::new(sources), causes, &mut report),
        // Serde's message may repeat a value, and a value may be a secret.
        Err(_) => None,
    };
    let warnings = report.finish().map_err(Refusal::Mistakes)?;
    let config = config.ok_or_else(|| {
        Refusal::Mistakes(vec![Mistake {
            path: ConfigPath::default().to_string(),
            problem: "does not have the form of a configuration".to_owned(),
            remedy: Some("compare it with schema/understudy.schema.json".to_owned()),
        }])
    })?;
    Ok(Config { warnings, ..config })
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The text is not YAML.
    Syntax {
        /// The file, if the text came from one.
        file: Option<PathBuf>,
        /// Where and why.
        error: SyntaxError,
    },
    /// The text is YAML and says something that cannot be.
    Mistakes {
        /// The file, if the text came from one.
        file: Option<PathBuf>,
        /// All of it, from top to bottom.
        mistakes: Vec<Mistake>,
    },
}

impl LoadError {
    /// The mistakes, if the text could be read at all.
    pub fn mistakes(&self) -> &[Mistake] {
        match self {
            Self::Mistakes { mistakes, .. } => mistakes,
            Self::Unreadable { .. } | Self::Syntax { .. } => &[],
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |file: &Option<PathBuf>| {
            file.as_ref().map_or_else(
                || "the configuration".to_owned(),
                |file| file.display().to_string(),
            )
        };
        match self {
            Self::Unreadable { file, cause } => write!(f, "{} cannot be read: {cause}", file.display()),
            Self::Syntax { file, error } => write!(f, "{} is not valid YAML: {error}", name(file)),
            Self::Mistakes { file, mistakes } => {
                let count = mistakes.len();
                let noun = if count == 1 { "mistake" } else { "mistakes" };
                write!(f, "{} has {count} {noun}", name(file))?;
                mistakes.iter().try_for_each(|mistake| write!(f, "\n{mistake}"))
            }
        }
    }
}

// The cause is part of the message, so that one line says everything.
impl std::error::Error for LoadError {}

#[cfg(test)]
mod tests;
