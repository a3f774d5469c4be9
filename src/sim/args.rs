//! The command line of `understudy sim`.
//!
//! It turns words into a [`SimConfig`] and refuses to print: [`run`] hands the running provider to its caller.

mod manner;
mod sign_in;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use http::{HeaderName, HeaderValue, StatusCode};

use super::Sim;
use super::config::{Pace, SimConfig, SimError, SimTls};
use super::dialect::Dialect;
use super::fault::Fault;
use super::rule::{FaultRule, Reach};
use super::rule_text::{self, InvalidRule};

pub use manner::MannerArgs;
pub use sign_in::SignInArgs;

/// Run a simulated provider of any dialect, with faults to order.
///
/// It speaks every dialect on that dialect's own paths, or with `--dialect` only one, as strictly as the real service.
///
/// A fault strikes by flag, by model name (`fault-rate_limit`, `gpt-4o#server_error:503`), or by a `POST` to
/// `/sim/fault` while it runs. `GET /sim` lists its pages and all faults.
#[derive(Clone, Debug, Args)]
pub struct SimArgs {
    /// Who answers: part of every answer
    #[arg(long, default_value = "sim")]
    pub name: String,
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Speak only this dialect, with its paths and its sign-in
    #[arg(long, value_enum, value_name = "DIALECT")]
    pub dialect: Option<Dialect>,
    /// A model (on Azure's paths: a deployment) that exists; may be repeated; without it every name does
    #[arg(long = "model", value_name = "NAME")]
    pub models: Vec<String>,
    /// The key that callers must send, in the header of their dialect
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Who else may sign in.
    #[command(flatten)]
    pub sign_in: SignInArgs,
    /// How fast and how long the answers are.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// How else the answers are made.
    #[command(flatten)]
    pub manner: MannerArgs,
    /// What goes wrong.
    #[command(flatten)]
    pub fault: FaultArgs,
    /// Speak TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Offer no HTTP/2
    #[arg(long)]
    pub http1_only: bool,
    /// How many of the last requests `/sim/requests` shows; 0 is the fastest
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub keep_requests: usize,
    /// Make the draws of `--fault-rate` repeatable
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// How fast and how long the answers are.
#[derive(Clone, Debug, Args)]
pub struct PaceArgs {
    /// Before the headers of every answer
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub latency: Duration,
    /// In a stream: from the headers to the first event
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub first_token: Duration,
    /// In a stream: between two events
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub inter_token: Duration,
    /// Events with content in a stream
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub tokens: u32,
    /// The least size of an answer's content, or of an embedding, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub answer_bytes: usize,
}

/// What goes wrong from the start.
#[derive(Clone, Debug, Args)]
pub struct FaultArgs {
    /// A fault, as in `rate_limit`, `server_error:503` or `cut_stream:2`; may be repeated; `--help` lists all
    #[arg(long = "fault", value_name = "FAULT", long_help = fault_help())]
    pub faults: Vec<FaultRule>,
    /// Strike only this share of the requests, 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "1", value_parser = share, requires = "faults")]
    pub fault_rate: f64,
    /// Strike only so many requests
    #[arg(long, value_name = "COUNT", requires = "faults")]
    pub fault_times: Option<u32>,
    /// Strike only requests for this model
    #[arg(long, value_name = "NAME", requires = "faults")]
    pub fault_model: Option<String>,
    /// Which endpoints are struck
    #[arg(long, value_enum, value_name = "WHICH", default_value_t, requires = "faults")]
    pub fault_on: Reach,
    /// The status of the error
    #[arg(long, value_name = "STATUS", value_parser = rule_text::status, requires = "faults")]
    pub fault_status: Option<StatusCode>,
    /// The `Retry-After` of the error; empty leaves it out
    #[arg(long, value_name = "VALUE", requires = "faults")]
    pub retry_after: Option<String>,
    /// A header of the error, as in `retry-after-ms: 1500`; may be repeated; an empty value takes one away
    #[arg(long = "fault-header", value_name = "NAME: VALUE", value_parser = rule_text::header, requires = "faults")]
    pub fault_headers: Vec<(HeaderName, HeaderValue)>,
}

fn fault_help() -> String {
    format!(
        "A fault, as in `rate_limit`, `rate_limit:7`, `server_error:503`, `cut_stream:2`, `cut_stream:opening`, \
         `stream_error:overloaded`, `stream_error:3:rate_limit:raw` or `slow_first_token:5s`; may be repeated: the \
         first that strikes is it. All faults: {}",
        Fault::names()
    )
}

fn share(given: &str) -> Result<f64, InvalidRule> {
    given
        .parse()
        .map_err(|_| InvalidRule::Rate(given.to_owned()))
        .and_then(rule_text::share)
}

impl SimArgs {
    /// What these arguments ask for; reads the files they name.
    pub fn into_config(self) -> Result<SimConfig, SimError> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Some(SimTls {
                certificate_pem: text(certificate)?,
                key_pem: text(key)?,
            }),
            _ => None,
        };
        let PaceArgs {
            latency,
            first_token,
            inter_token,
            tokens,
            answer_bytes,
        } = self.pace;
        Ok(SimConfig {
            name: self.name,
            listen: self.listen,
            dialect: self.dialect,
            models: self.models,
            api_key: self.api_key.map(Into::into),
            sign_in: self.sign_in.into_sign_in()?,
            pace: Pace {
                latency,
                first_token,
                inter_token,
                tokens,
                answer_bytes,
            },
            manner: self.manner.into(),
            faults: self.fault.into_rules(),
            tls,
            http1_only: self.http1_only,
            keep_requests: self.keep_requests,
            seed: self.seed,
        })
    }
}

impl FaultArgs {
    /// The rules; what stands behind a fault's colon goes before the flags for all.
    fn into_rules(self) -> Vec<FaultRule> {
        let Self {
            faults,
            fault_rate,
            fault_times,
            fault_model,
            fault_on,
            fault_status,
            retry_after,
            fault_headers,
        } = self;
        let dressed = |rule: FaultRule| FaultRule {
            times: fault_times,
            rate: fault_rate,
            model: fault_model.clone(),
            on: fault_on,
            status: rule.status.or(fault_status),
            retry_after: rule.retry_after.clone().or_else(|| retry_after.clone()),
            headers: fault_headers.clone(),
            ..rule
        };
        faults.into_iter().map(dressed).collect()
    }
}

fn text(path: &Path) -> Result<String, SimError> {
    std::fs::read_to_string(path).map_err(|source| SimError::File {
        path: path.display().to_string(),
        source,
    })
}

/// Runs a provider until `stop` is ready. `announce` is called once it listens, to tell people its address.
pub async fn run(
    args: SimArgs,
    stop: impl Future<Output = ()>,
    announce: impl FnOnce(&Sim),
) -> Result<(), SimError> {
    let sim = Sim::start(args.into_config()?).await?;
    announce(&sim);
    stop.await;
    sim.shutdown().await;
    Ok(())
}
