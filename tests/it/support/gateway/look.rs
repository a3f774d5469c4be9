//! What can be seen of a running gateway from outside: admin servers, metrics, statistics, access lines.

use http::{Method, StatusCode};
use serde_json::Value;
use tokio::net::TcpStream;
use understudy::app::envoy::{EnvoyState, Stats};

use super::Running;
use crate::support::answer::Answer;
use crate::support::call::Call;
use crate::support::scrape::Scrape;
use crate::support::waiting::until;

impl Running {
    /// Waits until Envoy has taken over the configuration and takes connections.
    pub async fn until_ready(&self) {
        let look = || async {
            let state = self.envoy.state().borrow().clone();
            if let EnvoyState::Failed { reason } = state {
                panic!("{reason}");
            }
            let answer = self.admin(Method::GET, "/readyz").send().await;
            let connected = TcpStream::connect(self.addresses().listen).await;
            let seen = (answer.status, answer.text(), connected.is_ok());
            (seen, state)
        };
        until("readiness", look, |((status, _, is_listening), state)| {
            *status == StatusCode::OK && *is_listening && matches!(state, EnvoyState::Running { .. })
        })
        .await;
    }

    /// A request to Understudy's admin server.
    pub fn admin(&self, method: Method, path: &str) -> Call {
        let call = Call::new(self.addresses().admin, method, path);
        match &self.parts.admin_token {
            Some(token) => call.bearer(token),
            None => call,
        }
    }

    /// What Understudy's admin server says at `path`.
    pub async fn admin_get(&self, path: &str) -> Value {
        ok(self.admin(Method::GET, path).send().await)
    }

    /// Gives an order to Understudy's admin server.
    pub async fn admin_post(&self, path: &str, body: &Value) -> Value {
        ok(self.admin(Method::POST, path).json(body).send().await)
    }

    /// Everything that Understudy's admin server says at a glance.
    pub async fn status(&self) -> Value {
        self.admin_get("/admin/failover/status").await
    }

    /// Waits until the status is as wanted.
    pub async fn status_when(&self, what: &str, is_reached: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.status(), is_reached).await
    }

    /// Waits until this generation, or a later one, is in force.
    pub async fn wait_for_generation(&self, generation: u64) -> Value {
        let what = format!("generation {generation}");
        self.status_when(&what, |status| status["generation"].as_u64() >= Some(generation))
            .await
    }

    /// Understudy's metrics.
    pub async fn metrics(&self) -> Scrape {
        let answer = self.admin(Method::GET, "/metrics").send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        Scrape::parse(&answer.text())
    }

    /// Waits until the metrics are as wanted.
    pub async fn metrics_when(&self, what: &str, is_reached: impl Fn(&Scrape) -> bool) -> Scrape {
        until(what, || self.metrics(), is_reached).await
    }

    /// Envoy's statistics whose names match a regular expression.
    pub async fn envoy_stats(&self, filter: &str) -> Stats {
        let stats = self.envoy.admin().stats(filter).await;
        stats.unwrap_or_else(|error| panic!("{error}"))
    }

    /// One of Envoy's counters or gauges.
    pub async fn envoy_stat(&self, name: &str) -> u64 {
        let filter = format!("^{}$", name.replace('.', "\\."));
        self.envoy_stats(&filter).await.counter(name)
    }

    /// Waits until one of Envoy's counters or gauges is as wanted.
    pub async fn wait_for_stat(&self, name: &str, is_reached: impl Fn(u64) -> bool) -> u64 {
        until(name, || self.envoy_stat(name), |value| is_reached(*value)).await
    }

    /// Envoy's configuration, all of it.
    pub async fn envoy_config(&self) -> Value {
        let dump = self.envoy.admin().config_dump().await;
        dump.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The access lines so far; they are written a moment after the answer.
    pub fn access_lines(&self) -> Vec<Value> {
        self.parts.access.lines()
    }

    /// The access log so far, as it was written.
    pub fn access_text(&self) -> String {
        self.parts.access.text()
    }

    /// Waits until there are this many access lines.
    pub async fn access_lines_when(&self, count: usize) -> Vec<Value> {
        let look = || std::future::ready(self.access_lines());
        until(&format!("{count} access lines"), look, |lines| {
            lines.len() >= count
        })
        .await
    }

    /// Waits until no request is on its way, and no stream of Envoy's is open for one.
    pub async fn until_no_session(&self) {
        if self.home.is_none() {
            return;
        }
        self.status_when("end of all sessions", |status| {
            status["sessions_open"] == 0 && status["requests_in_flight"] == 0
        })
        .await;
    }
}

fn ok(answer: Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}
