//! The stage of a drill: two simulated providers, Understudy and Envoy, and a client.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::answer::Answer;
use super::troupe::{self, BACKUP, PRIMARY, PROVIDERS, Piece};
use crate::cli::gateway::{EnvoyChoice, Gateway};
use crate::cli::gateway_admin::GatewayAdmin;
use crate::cli::http::Http;
use crate::config::HostPort;
use crate::sim::{FaultRule, Sim, SimConfig};

/// How long anything may take to come about.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Everything that plays.
pub(super) struct Stage {
    /// `None` while it is down.
    primary: Option<Sim>,
    primary_address: SocketAddr,
    backup: Sim,
    gateway: Gateway,
    admin: GatewayAdmin,
    http: Http,
    /// The primary's port while it is down, so that nobody else takes it.
    kept_port: Option<TcpSocket>,
    /// The port of the provider that refuses connections.
    _closed: TcpSocket,
}

impl Stage {
    /// Starts everybody.
    pub(super) async fn set(choice: &EnvoyChoice) -> anyhow::Result<Self> {
        let primary = Sim::start(troupe::player(PRIMARY)).await?;
        let backup = Sim::start(troupe::player(BACKUP)).await?;
        let closed = closed_port(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let config = troupe::config(&primary, &backup, closed.local_addr()?)?;
        let gateway = Gateway::start_private(config, choice).await?;
        let admin = GatewayAdmin::new(HostPort::from(gateway.app().admin()), None);
        Ok(Self {
            primary_address: primary.addr(),
            primary: Some(primary),
            backup,
            gateway,
            admin,
            http: Http::patient_for(PATIENCE),
            kept_port: None,
            _closed: closed,
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

    /// Waits until nothing of what was is under way, and takes back everything that is held against anybody.
    pub(super) async fn begin_afresh(&mut self) -> anyhow::Result<()> {
        self.until("the end of all requests", async |stage| {
            let status = stage.admin.status().await?;
            Ok(status.sessions_open == 0 && status.requests_in_flight == 0)
        })
        .await?;
        match &self.primary {
            Some(primary) => primary.control().reset(),
            None => self.bring_primary_back().await?,
        }
        for provider in PROVIDERS {
            let order = json!({ "provider": provider });
            let order = post(
                format!("http://{}/admin/circuits/reset", self.admin.address()),
                &order,
            )?;
            let answer = self.http.ask(order).await?;
            ensure!(
                answer.status == StatusCode::OK,
                "the circuits of {provider} cannot be reset: {}",
                answer.status
            );
        }
        Ok(())
    }

    /// Sends one chat request, and reads the answer however it ends.
    pub(super) async fn ask(&self, piece: Piece, stream: bool) -> anyhow::Result<Answer> {
        let body = json!({
            "model": piece.model,
            "stream": stream,
            "messages": [{ "role": "user", "content": "What does an understudy do?" }],
        });
        let request = post(
            format!("http://{}/v1/chat/completions", self.gateway.listener()),
            &body,
        )?;
        let began = Instant::now();
        let whole = async { anyhow::Ok(Answer::read(self.http.begin(request).await?, began).await) };
        let answer = tokio::time::timeout(PATIENCE, whole).await;
        answer.with_context(|| format!("no end of an answer within {PATIENCE:?}"))?
    }

    /// Requests that a provider has seen since the stage began afresh: none while it is down, or was never there.
    pub(super) fn received_by(&self, provider: &str) -> u64 {
        let primary = self.primary.as_ref().filter(|_| provider == PRIMARY);
        primary.map_or(0, |primary| primary.control().counters().requests)
    }

    /// How the failing provider of `piece` stands with Understudy.
    pub(super) async fn standing(&self, piece: Piece) -> anyhow::Result<String> {
        let report = self.admin.model(piece.model).await?;
        let mut targets = report.targets.into_iter();
        let target = targets.find(|target| target.provider == piece.failing);
        let target = target.ok_or_else(|| anyhow!("Understudy has lost sight of {}", piece.failing))?;
        Ok(target.standing)
    }

    /// Makes the primary fail.
    pub(super) fn break_primary(&self, fault: FaultRule) {
        if let Some(primary) = &self.primary {
            primary.control().set_fault(fault);
        }
    }

    /// Takes the primary down: its port refuses connections.
    pub(super) async fn take_primary_down(&mut self) -> anyhow::Result<()> {
        if let Some(primary) = self.primary.take() {
            primary.shutdown().await;
        }
        self.kept_port = Some(closed_port(self.primary_address)?);
        self.until("Envoy to see the primary's connections end", async |stage| {
            let name = format!("cluster.{PRIMARY}.upstream_cx_active");
            let stats = stage.gateway.envoy_admin().stats(&format!("^{name}$")).await?;
            Ok(stats.counter(&name) == 0)
        })
        .await
    }

    /// Starts the primary again where it was.
    pub(super) async fn bring_primary_back(&mut self) -> anyhow::Result<()> {
        self.kept_port = None;
        let again = SimConfig {
            listen: self.primary_address,
            ..troupe::player(PRIMARY)
        };
        self.primary = Some(Sim::start(again).await?);
        Ok(())
    }

    async fn until(
        &self,
        what: &str,
        is_so: impl AsyncFn(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let looking = async {
            while !is_so(self).await? {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(seen) => seen,
            Err(_) => bail!("waited {PATIENCE:?} for {what}"),
        }
    }
}

fn post(url: String, body: &Value) -> anyhow::Result<Request<Full<Bytes>>> {
    Ok(Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body.to_string()))?)
}

/// A port that is taken and refuses connections, as long as this lives.
fn closed_port(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Its last connections may still be fading away.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
