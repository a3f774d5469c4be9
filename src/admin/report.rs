//! What an operator is shown, as plain data that the server writes and the `status` and `explain` commands read.
//!
//! Every report can be read back, unknown fields ignored, so that commands and server of neighbouring versions
//! understand each other. There is no field that could hold a key.

mod envoy;
mod moment;

use serde::{Deserialize, Serialize};

pub use envoy::{AckedType, EnvoyReport, Nack};
pub use moment::Moment;

/// Everything at a glance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The version of Understudy.
    pub version: String,
    /// The configuration file.
    pub config_path: String,
    /// The number of the configuration in force.
    pub generation: u64,
    /// When it came into force.
    pub applied: Option<Moment>,
    /// The latest change of the file, when it was refused.
    pub rejected: Option<RejectedConfig>,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Whether requests can be served as configured.
    pub readiness: Readiness,
    /// Requests that are being served.
    pub requests_in_flight: u64,
    /// Streams that Envoy holds open for requests and attempts.
    pub sessions_open: u64,
    /// Every Envoy that has asked for its configuration.
    pub envoys: Vec<EnvoyReport>,
    /// Every provider.
    pub providers: Vec<ProviderReport>,
    /// Every model.
    pub models: Vec<ModelReport>,
    /// What an operator should look at, one sentence each.
    pub warnings: Vec<String>,
}

/// Whether requests can be served as configured: Envoy has acknowledged the configuration in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Readiness {
    /// Yes or no.
    pub ready: bool,
    /// Why not, one sentence each.
    pub reasons: Vec<String>,
}

/// A configuration that was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RejectedConfig {
    /// Every mistake in it.
    pub reason: String,
    /// When it was refused.
    pub when: Moment,
}

/// One provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderReport {
    /// Its name.
    pub name: String,
    /// What it speaks: `openai`, `azure-openai`, ...
    pub kind: String,
    /// Where it is: scheme, host and port.
    pub endpoint: String,
    /// Whether an operator keeps it out of service.
    pub draining: bool,
    /// The circuit of its endpoint, and that of its key when it has one.
    pub circuits: Vec<CircuitReport>,
    /// Its latest active check, when it has checks.
    pub health: Option<HealthReport>,
}

/// The latest active check of a provider.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthReport {
    /// How it came out.
    pub ok: bool,
    /// The status, when there was an answer.
    pub status: Option<u16>,
    /// How it failed, in a word.
    pub detail: Option<String>,
    /// When.
    pub when: Moment,
}

/// Where a request for a model would go now, and why not elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelReport {
    /// Its canonical name.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// How a priority group is ordered: `weighted`, `fastest`, `cheapest` or `ordered`.
    pub order: String,
    /// `retry`, `next_request` or `off`.
    pub mode: String,
    /// Most attempts of a request.
    pub attempts: u32,
    /// What happens when every target is benched: `try_soonest` or `fail`.
    pub when_all_open: String,
    /// Whether every target is benched now.
    pub all_open: bool,
    /// Its targets: first those that would be tried, in order, then the others.
    pub targets: Vec<TargetReport>,
}

/// One target of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetReport {
    /// The provider.
    pub provider: String,
    /// What the provider calls the model.
    pub model: String,
    /// Its place if a request came now, 1 for the first attempt; `None` when it is left out.
    pub place: Option<u32>,
    /// How many attempts of a request it may get; 0 when the budget ends before its place.
    pub attempts: u32,
    /// Why it stands at this place, in a sentence.
    pub why: String,
    /// Its standing, all circuits together: `ready`, `ramping`, `probe_due`, `probing` or `open`.
    pub standing: String,
    /// The same in plain words: `serving`, `returning`, `may be probed`, `probing` or `benched`.
    pub plain: String,
    /// When it may be tried again, when it is benched.
    pub until: Option<Moment>,
    /// The class of failure that benched it.
    pub cause: Option<String>,
    /// Why it is left out.
    pub skip: Option<SkipReport>,
    /// The circuits that it depends on: its own, its endpoint's, its key's.
    pub circuits: Vec<CircuitReport>,
    /// Lower is tried first.
    pub priority: u32,
    /// 0 for a target that was named, n for the n-th backup.
    pub backup_rank: u32,
    /// Its weight inside its priority group.
    pub weight: u32,
    /// Chance to lead its group, in percent, when groups are ordered by weight.
    pub share_percent: Option<f64>,
    /// Its time to the first token, decayed, when it is known.
    pub speed_ms: Option<f64>,
    /// Its prices, when they are configured.
    pub price: Option<PriceReport>,
    /// Tokens that fit, when it is configured.
    pub context_window: Option<u64>,
    /// Its latest failure.
    pub last_failure: Option<FailureReport>,
}

/// Why a target is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SkipReport {
    /// In a word: `circuit_open`, `draining`, ...
    pub reason: String,
    /// In a sentence.
    pub detail: String,
}

/// One circuit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CircuitReport {
    /// `endpoint`, `credential` or `target`.
    pub scope: String,
    /// `closed`, `open`, `half_open` or `ramping`.
    pub state: String,
    /// The same in a plain word.
    pub plain: String,
    /// When it may be probed, while it is open.
    pub until: Option<Moment>,
    /// The class of failure that opened it.
    pub cause: Option<String>,
    /// Percent of requests that it lets through, while it is ramping.
    pub share: Option<u8>,
    /// How often it opened of late, which makes the next time longer.
    pub ejections: u32,
    /// Failures since the last success.
    pub consecutive_failures: u32,
    /// Attempts in the window.
    pub window_requests: u64,
    /// Those of them that failed.
    pub window_failures: u64,
}

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceReport {
    /// Of the prompt.
    pub input: f64,
    /// Of the prompt, from the provider's cache.
    pub cached_input: f64,
    /// Of the answer.
    pub output: f64,
}

/// A failure, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailureReport {
    /// Its class.
    pub class: String,
    /// The provider's status, when there was an answer.
    pub status: Option<u16>,
    /// How exactly it failed, in a word.
    pub detail: Option<String>,
    /// When.
    pub when: Moment,
}

/// The plain words for a circuit's state or a target's standing, as the page prints them in parentheses.
pub fn plain_word(state: &str) -> &'static str {
    match state {
        "closed" | "ready" => "serving",
        "open" => "benched",
        "half_open" | "probing" => "probing",
        "probe_due" => "may be probed",
        "ramping" => "returning",
        _ => "unknown",
    }
}

/// What an operator asks to reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetOrder {
    /// The provider.
    pub provider: String,
    /// One model at it; all its circuits otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What came of an operator's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// The provider that it was about.
    pub provider: String,
    /// `drained`, `resumed` or `reset`.
    pub done: String,
    /// How many circuits were closed by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuits: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_can_be_read_back_and_fields_to_come_are_ignored() {
        let status = Status {
            generation: 3,
            models: vec![ModelReport::default()],
            ..Status::default()
        };

        let mut json = serde_json::to_value(&status).unwrap();
        json["of_a_later_version"] = 1.into();

        assert_eq!(serde_json::from_value::<Status>(json).unwrap(), status);
    }
}
