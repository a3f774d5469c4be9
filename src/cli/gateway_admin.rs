//! What a running Understudy says on its admin server.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use clap::Args;
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::arguments::ConfigFile;
use super::http::{Answer, Http, Unanswered};
use crate::admin::{ModelReport, Readiness, Status};
use crate::app::envoy::percent_encoded;
use crate::config::{AdminBind, Config, HostPort, SystemSources};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which running Understudy is asked.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// The admin server of the Understudy to ask; default: `admin` of the configuration file
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    admin: Option<HostPort>,
    /// Its token; default: that of the configuration file
    #[arg(
        long,
        value_name = "TOKEN",
        env = "UNDERSTUDY_ADMIN_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
}

fn host_and_port(given: &str) -> Result<HostPort, String> {
    let address = given.trim().trim_start_matches("http://").trim_end_matches('/');
    HostPort::try_new(address).map_err(|invalid| invalid.to_string())
}

/// The admin server of one Understudy.
pub(super) struct GatewayAdmin {
    http: Http,
    address: HostPort,
    token: Option<String>,
}

/// Why it does not say what it was asked.
#[derive(Debug)]
pub(super) enum AskError {
    /// Nobody answers.
    Unanswered {
        /// Where.
        address: HostPort,
        /// Why.
        source: Unanswered,
    },
    /// It refused.
    Refused {
        /// Where.
        address: HostPort,
        /// How.
        status: StatusCode,
        /// In its own words.
        message: String,
    },
    /// It answered something else; it is not an Understudy of our time.
    Unreadable {
        /// Where.
        address: HostPort,
    },
}

impl AskError {
    /// Nobody is there at all.
    pub(super) fn is_nobody(&self) -> bool {
        matches!(
            self,
            Self::Unanswered {
                source: Unanswered::Nobody(_),
                ..
            }
        )
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered {
                address,
                source: Unanswered::Nobody(_),
            } => write!(
                f,
                "no Understudy answers at {address}; start one with `understudy up`, or say where it is with `--admin`"
            ),
            Self::Unanswered { address, source } => {
                write!(f, "the Understudy at {address} did not answer: {source}")
            }
            Self::Refused {
                address,
                status: StatusCode::UNAUTHORIZED,
                ..
            } => write!(
                f,
                "the Understudy at {address} wants its admin token; give it with `--token` or $UNDERSTUDY_ADMIN_TOKEN"
            ),
            Self::Refused { message, .. } => f.write_str(message),
            Self::Unreadable { address } => write!(f, "what answers at {address} is not an Understudy"),
        }
    }
}

// The causes are part of the messages: what is below them helps nobody.
impl std::error::Error for AskError {}

impl AdminArgs {
    /// Whether the command line says where to ask.
    pub(super) fn names_a_gateway(&self) -> bool {
        self.admin.is_some()
    }

    /// Whom to ask; the file is needed only for what the command line does not say.
    pub(super) fn gateway(&self) -> anyhow::Result<GatewayAdmin> {
        let in_file = || Config::load_admin(&self.file.config, &SystemSources);
        let (address, token) = if let Some(address) = &self.admin {
            // A file that is about another Understudy has no token for this one.
            let same = |bound: &AdminBind| HostPort::from(reached(bound.addr)) == *address;
            (
                address.clone(),
                in_file().ok().filter(same).and_then(|bound| bound.token),
            )
        } else {
            let bound = in_file().map_err(|error| {
                anyhow!("{error}\n  hint: to do without the file, say where Understudy is with `--admin`")
            })?;
            (HostPort::from(reached(bound.addr)), bound.token)
        };
        let token = self
            .token
            .clone()
            .or_else(|| token.map(|token| token.expose().to_owned()));
        Ok(GatewayAdmin::new(address, token))
    }
}

/// Where a program on this machine reaches what listens at `bound`.
fn reached(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

impl GatewayAdmin {
    /// The one at `address`.
    pub(super) fn new(address: HostPort, token: Option<String>) -> Self {
        Self {
            http: Http::patient_for(PATIENCE),
            address,
            token,
        }
    }

    /// Where it is.
    pub(super) fn address(&self) -> &HostPort {
        &self.address
    }

    /// Everything at a glance.
    pub(super) async fn status(&self) -> Result<Status, AskError> {
        self.report("/admin/failover/status").await
    }

    /// Where a request for `model` would go now.
    pub(super) async fn model(&self, model: &str) -> Result<ModelReport, AskError> {
        let model = percent_encoded(model);
        self.report(&format!("/admin/failover/model/{model}")).await
    }

    /// Whether it serves as configured.
    pub(super) async fn readiness(&self) -> Result<Readiness, AskError> {
        let answer = self.get("/readyz").await?;
        match answer.status {
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => self.read(&answer),
            _ => Err(self.refused(&answer)),
        }
    }

    async fn report<T: DeserializeOwned>(&self, path: &str) -> Result<T, AskError> {
        let answer = self.get(path).await?;
        if answer.status == StatusCode::OK {
            self.read(&answer)
        } else {
            Err(self.refused(&answer))
        }
    }

    async fn get(&self, path: &str) -> Result<Answer, AskError> {
        let mut request = Request::get(format!("http://{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let unanswered = |source| AskError::Unanswered {
            address: self.address.clone(),
            source,
        };
        let request = request
            .body(Full::new(Bytes::new()))
            .map_err(|error| unanswered(Unanswered::Broken(error.into())))?;
        self.http.ask(request).await.map_err(unanswered)
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, AskError> {
        serde_json::from_slice(&answer.body).map_err(|_| AskError::Unreadable {
            address: self.address.clone(),
        })
    }

    fn refused(&self, answer: &Answer) -> AskError {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let message = body
            .pointer("/error/message")
            .and_then(Value::as_str)
            .map_or_else(
                || format!("what answers at {} said {}", self.address, answer.status),
                str::to_owned,
            );
        AskError::Refused {
            address: self.address.clone(),
            status: answer.status,
            message,
        }
    }
}
