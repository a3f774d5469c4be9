//! The stage of the demo: two simulated providers, Understudy and Envoy, and a client.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;

use crate::admin::report::TargetReport;
use crate::app;
use crate::app::envoy::Admin;
use crate::cli::gateway::{EnvoyChoice, Gateway};
use crate::cli::gateway_admin::GatewayAdmin;
use crate::cli::http::Http;
use crate::config::{Config, HostPort, SystemSources};
use crate::sim::{FaultRule, Pace, Sim, SimConfig};

/// The provider that fails.
pub(super) const PRIMARY: &str = "openai";
/// The one that steps in.
pub(super) const BACKUP: &str = "azure-east";
/// What the client asks for.
pub(super) const MODEL: &str = "gpt-4o";

/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Everything that plays.
pub(super) struct Stage {
    /// `None` while it is down.
    primary: Option<Sim>,
    primary_address: SocketAddr,
    backup: Sim,
    gateway: Gateway,
    admin: GatewayAdmin,
    http: Http,
    asked: u64,
}

/// An answer, as its caller sees it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: StatusCode,
    pub(super) provider: String,
    pub(super) trail: String,
}

/// A stream, as its caller sees it.
#[derive(Debug)]
pub(super) struct SeenStream {
    pub(super) answer: Seen,
    pub(super) events: usize,
    pub(super) first_after: Duration,
    pub(super) whole: Duration,
    pub(super) is_complete: bool,
}

impl Stage {
    /// Starts everybody.
    pub(super) async fn set(choice: &EnvoyChoice) -> anyhow::Result<Self> {
        let primary = Sim::start(provider(PRIMARY)).await?;
        let backup = Sim::start(provider(BACKUP)).await?;
        let gateway = Gateway::start_private(config(&primary, &backup)?, choice).await?;
        let admin = GatewayAdmin::new(HostPort::from(gateway.app().admin()), None);
        Ok(Self {
            primary_address: primary.addr(),
            primary: Some(primary),
            backup,
            gateway,
            admin,
            http: Http::patient_for(PATIENCE),
            asked: 0,
        })
    }

    /// Ends everybody.
    pub(super) async fn clear(self) {
        self.gateway.stop().await;
        if let Some(primary) = self.primary {
            primary.shutdown().await;
        }
        self.backup.shutdown().await;
    }

    /// Sends one chat request.
    pub(super) async fn ask(&mut self) -> anyhow::Result<Seen> {
        let answer = self.http.ask(self.request(false)?).await?;
        self.asked += 1;
        let header = |name| answer.header(name).unwrap_or_default().to_owned();
        Ok(Seen {
            status: answer.status,
            provider: header("x-understudy-provider"),
            trail: header("x-understudy-trail"),
        })
    }

    /// Sends one chat request for a stream, and reads it.
    pub(super) async fn ask_for_a_stream(&mut self) -> anyhow::Result<SeenStream> {
        let began = Instant::now();
        let since = |began: Instant| Instant::now().saturating_duration_since(began);
        let response = self.http.begin(self.request(true)?).await?;
        self.asked += 1;
        let (parts, mut body) = response.into_parts();
        let header = |name: &str| {
            let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let answer = Seen {
            status: parts.status,
            provider: header("x-understudy-provider"),
            trail: header("x-understudy-trail"),
        };
        let mut first_after = None;
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame.context("the stream broke off")?.data_ref() {
                first_after.get_or_insert_with(|| since(began));
                text.extend_from_slice(data);
            }
        }
        let text = String::from_utf8_lossy(&text);
        let events = text.lines().filter(|line| line.starts_with("data: ")).count();
        Ok(SeenStream {
            answer,
            events: events.saturating_sub(1),
            first_after: first_after.unwrap_or_default(),
            whole: since(began),
            is_complete: text.trim_end().ends_with("data: [DONE]"),
        })
    }

    fn request(&self, stream: bool) -> anyhow::Result<Request<Full<Bytes>>> {
        let body = json!({
            "model": MODEL,
            "stream": stream,
            "messages": [{ "role": "user", "content": "What does an understudy do?" }],
        });
        Ok(Request::post(format!("{}/chat/completions", self.base_url()))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string()))?)
    }

    /// What clients take as their base URL.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.gateway.listener())
    }

    /// Where the admin server of Understudy is.
    pub(super) fn admin_address(&self) -> &HostPort {
        self.admin.address()
    }

    /// The admin server of Envoy.
    pub(super) fn envoy(&self) -> Admin {
        self.gateway.envoy_admin()
    }

    /// Where the primary's faults are switched.
    pub(super) fn primary_console(&self) -> String {
        format!("http://{}/sim", self.primary_address)
    }

    /// Requests that the client has sent.
    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    /// Requests that the primary has seen since it was started.
    pub(super) fn seen_by_primary(&self) -> u64 {
        let primary = self.primary.as_ref();
        primary.map_or(0, |primary| primary.control().counters().requests)
    }

    /// Makes the primary fail.
    pub(super) fn break_primary(&self, fault: FaultRule) {
        if let Some(primary) = &self.primary {
            primary.control().set_fault(fault);
        }
    }

    /// Lets the primary be well again.
    pub(super) fn mend_primary(&self) {
        if let Some(primary) = &self.primary {
            primary.control().clear_faults();
        }
    }

    /// Takes the primary down: its port refuses connections.
    pub(super) async fn take_primary_down(&mut self) -> anyhow::Result<()> {
        if let Some(primary) = self.primary.take() {
            primary.shutdown().await;
        }
        self.until("Envoy to see its connections end", async |stage| {
            let name = format!("cluster.{PRIMARY}.upstream_cx_active");
            let stats = stage.envoy().stats(&format!("^{name}$")).await?;
            Ok((stats.counter(&name) == 0).then_some(()))
        })
        .await
    }

    /// Starts the primary again where it was.
    pub(super) async fn bring_primary_back(&mut self) -> anyhow::Result<()> {
        let again = SimConfig {
            listen: self.primary_address,
            ..provider(PRIMARY)
        };
        self.primary = Some(Sim::start(again).await?);
        Ok(())
    }

    /// How the primary stands with Understudy.
    pub(super) async fn primary_standing(&self) -> anyhow::Result<TargetReport> {
        let report = self.admin.model(MODEL).await?;
        let of_primary = |target: &TargetReport| target.provider == PRIMARY;
        report
            .targets
            .into_iter()
            .find(of_primary)
            .ok_or_else(|| anyhow!("Understudy has lost sight of {PRIMARY}"))
    }

    /// Waits until the primary has this standing.
    pub(super) async fn until_primary_is(&self, standing: &str) -> anyhow::Result<()> {
        self.until(&format!("{PRIMARY} to be `{standing}`"), async |stage| {
            let seen = stage.primary_standing().await?;
            Ok((seen.standing == standing).then_some(()))
        })
        .await
    }

    /// Waits until the primary is not benched.
    pub(super) async fn until_primary_may_serve(&self) -> anyhow::Result<()> {
        self.until(&format!("{PRIMARY} to be let back"), async |stage| {
            let seen = stage.primary_standing().await?;
            Ok((seen.standing != "open").then_some(()))
        })
        .await
    }

    async fn until<T>(
        &self,
        what: &str,
        look: impl AsyncFn(&Self) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let looking = async {
            loop {
                if let Some(seen) = look(self).await? {
                    return Ok(seen);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(seen) => seen,
            Err(_) => bail!("waited {PATIENCE:?} for {what}"),
        }
    }
}

fn provider(name: &str) -> SimConfig {
    SimConfig {
        pace: Pace {
            latency: Duration::from_millis(2),
            first_token: Duration::from_millis(5),
            inter_token: Duration::from_millis(25),
            ..Pace::default()
        },
        api_key: Some(key(name).as_str().into()),
        ..SimConfig::named(name)
    }
}

/// Each provider has its own, and refuses any other.
fn key(name: &str) -> String {
    format!("demo-key-of-{name}")
}

fn config(primary: &Sim, backup: &Sim) -> anyhow::Result<Config> {
    let text = json!({
        "providers": {
            PRIMARY: { "kind": "openai", "endpoint": primary.base_url(), "api_key": key(PRIMARY) },
            BACKUP: {
                "kind": "azure-openai",
                "endpoint": format!("http://{}", backup.addr()),
                "api_key": key(BACKUP),
                "deployment": "gpt-4o-eastus",
            },
        },
        "models": {
            MODEL: { "targets": [{ "provider": PRIMARY }, { "provider": BACKUP, "priority": 1 }] },
        },
        // Benched for a second at most, so that a recovery can be watched.
        "defaults": { "breaker": { "open_for": "500ms", "max_open_for": "1s" } },
    });
    let config = Config::parse(&text.to_string(), &SystemSources, app::failover_cause)?;
    Ok(config)
}
