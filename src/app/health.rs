//! Active health checks: small requests of our own, sent through Envoy, so that names, certificates and keys are
//! the real ones. Each result goes to the circuit of the provider's endpoint.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::takeover::Takeover;
use crate::breaker::Health;
use crate::catalog::{Generation, HealthCheck, Provider, ProviderIx};
use crate::config::HostPort;
use crate::session::{ERRAND_PROVIDER, ERRAND_TOKEN};
use crate::telemetry::event::HealthChecked;

/// How often it is seen whether another catalog is in force.
const TURN: Duration = Duration::from_millis(500);
/// Most bytes of an answer that are read.
const ANSWER: usize = 1 << 20;

type HttpClient = Client<HttpConnector, Empty<Bytes>>;

/// Runs the checks of whichever catalog is in force, until `stopping`.
pub(super) async fn watch(takeover: Arc<Takeover>, stopping: CancellationToken) {
    let client: HttpClient = Client::builder(TokioExecutor::new()).build_http();
    let mut running: Option<(Generation, JoinSet<()>)> = None;
    loop {
        let live = takeover.gateway().live();
        let generation = live.catalog.generation;
        if running.as_ref().is_none_or(|(of, _)| *of != generation) {
            let mut checks = JoinSet::new();
            for (position, provider) in live.catalog.providers.iter().enumerate() {
                if let Some(check) = &provider.health_check {
                    let checker = Checker {
                        takeover: takeover.clone(),
                        client: client.clone(),
                        listener: takeover.listener(),
                        provider: provider.clone(),
                        position: ProviderIx(position),
                        check: check.clone(),
                    };
                    checks.spawn(checker.run(generation));
                }
            }
            // The checks of the catalog before end with the set they were in.
            running = Some((generation, checks));
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(TURN) => {}
        }
    }
}

struct Checker {
    takeover: Arc<Takeover>,
    client: HttpClient,
    listener: HostPort,
    provider: Provider,
    position: ProviderIx,
    check: HealthCheck,
}

/// Results in a row.
#[derive(Default)]
struct Streak {
    ok: bool,
    length: u32,
}

impl Streak {
    fn add(&mut self, ok: bool) -> u32 {
        self.length = if self.ok == ok {
            self.length.saturating_add(1)
        } else {
            1
        };
        self.ok = ok;
        self.length
    }
}

impl Checker {
    async fn run(self, generation: Generation) {
        let mut streak = Streak::default();
        let mut ticks = tokio::time::interval(self.check.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let started = Instant::now();
            let status = match tokio::time::timeout(self.check.timeout, self.ask()).await {
                Ok(Some(status)) => Some(status),
                Ok(None) => continue,
                Err(_elapsed) => None,
            };
            let ok = status.is_some_and(|status| (200..300).contains(&status));
            let length = streak.add(ok);
            let live = self.takeover.gateway().live();
            if live.catalog.generation != generation {
                return;
            }
            self.takeover.note_health(HealthChecked {
                provider: self.provider.name.clone(),
                ok,
                status,
                duration: Instant::now().saturating_duration_since(started),
                detail: if ok {
                    None
                } else {
                    Some(if status.is_some() { "status" } else { "no_answer" })
                },
            });
            let word = match ok {
                true if length >= self.check.healthy => Some(Health::Healthy),
                false if length >= self.check.unhealthy => Some(Health::Unhealthy {
                    stands_for: self.check.interval * 3,
                }),
                _ => None,
            };
            if let Some(word) = word {
                self.takeover
                    .tell_health(&live, self.position, word, Instant::now());
            }
        }
    }

    /// The status that came back through Envoy; `None` when Envoy itself did not answer, which says nothing of the
    /// provider.
    async fn ask(&self) -> Option<u16> {
        let request = http::Request::get(format!("http://{}/v1/models", self.listener))
            .header(ERRAND_TOKEN, self.takeover.gateway().errand_token())
            .header(ERRAND_PROVIDER, self.provider.name.as_ref())
            .body(Empty::new())
            .ok()?;
        let answer = self.client.request(request).await.ok()?;
        let status = answer.status().as_u16();
        // The body is read, so that the connection can be used again.
        let _whole = Limited::new(answer.into_body(), ANSWER).collect().await.is_ok();
        Some(status)
    }
}
