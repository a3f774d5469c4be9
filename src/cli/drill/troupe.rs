//! Who plays in a drill, and by which rules: names, times, and the configuration that is made of them.
//!
//! Invariant: every time that a case expects is one that the configuration says; both are here.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::app;
use crate::config::{Config, SystemSources};
use crate::sim::{Pace, Sim, SimConfig};

/// The provider that fails.
pub(super) const PRIMARY: &str = "primary";
/// The one that steps in.
pub(super) const BACKUP: &str = "backup";
/// One whose port refuses connections.
pub(super) const REFUSING: &str = "refusing";
/// One whose name does not resolve.
pub(super) const NOWHERE: &str = "nowhere";
/// Those that are simulated.
pub(super) const PLAYERS: [&str; 2] = [PRIMARY, BACKUP];
/// All of them.
pub(super) const PROVIDERS: [&str; 4] = [PRIMARY, BACKUP, REFUSING, NOWHERE];

/// How long an attempt may be silent before its headers.
pub(super) const HEADERS: Duration = Duration::from_secs(1);
/// How long a stream may be silent before its first token: shorter, so that it is this time that runs out first.
pub(super) const FIRST_TOKEN: Duration = Duration::from_millis(700);
/// How long a stream may be silent after it.
pub(super) const STALL: Duration = Duration::from_millis(700);
/// The longest wait before another attempt.
pub(super) const BACKOFF: Duration = Duration::from_millis(50);
/// The longest that the primary's endpoint stays benched, jitter included.
pub(super) const LONGEST_BENCH: Duration = Duration::from_millis(660);

/// A model, and the provider of it that is in trouble.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// What clients ask for.
    pub(super) model: &'static str,
    /// Who is asked first.
    pub(super) failing: &'static str,
}

/// Two targets that take any prompt.
pub(super) const USUAL: Piece = piece("usual", PRIMARY);
/// A backup that takes longer prompts.
pub(super) const ROOMY: Piece = piece("roomy", PRIMARY);
/// A first target that refuses connections.
pub(super) const REFUSED: Piece = piece("refused", REFUSING);
/// A first target whose name does not resolve.
pub(super) const UNRESOLVED: Piece = piece("unresolved", NOWHERE);

const fn piece(model: &'static str, failing: &'static str) -> Piece {
    Piece { model, failing }
}

/// How a simulated provider is.
pub(super) fn player(name: &str) -> SimConfig {
    SimConfig {
        pace: Pace {
            latency: Duration::from_millis(2),
            first_token: Duration::from_millis(5),
            inter_token: Duration::from_millis(2),
            ..Pace::default()
        },
        api_key: Some(key(name).as_str().into()),
        ..SimConfig::named(name)
    }
}

/// Each provider has its own, and refuses any other.
fn key(name: &str) -> String {
    format!("drill-key-of-{name}")
}

/// The configuration of the gateway.
pub(super) fn config(primary: &Sim, backup: &Sim, closed: SocketAddr) -> anyhow::Result<Config> {
    let provider = |name: &str, endpoint: String| json!({ "kind": "openai-compatible", "endpoint": endpoint, "api_key": key(name) });
    let mut failing = provider(PRIMARY, primary.base_url());
    // Its endpoint comes back while the drill looks on; what a single request does to a target stays in force.
    failing["breaker"] = json!({ "open_for": "300ms", "max_open_for": "600ms" });
    let text = json!({
        "providers": {
            PRIMARY: failing,
            BACKUP: provider(BACKUP, backup.base_url()),
            REFUSING: provider(REFUSING, format!("http://{closed}/v1")),
            NOWHERE: provider(NOWHERE, "http://nowhere.invalid/v1".to_owned()),
        },
        "models": {
            USUAL.model: { "targets": [{ "provider": PRIMARY }, { "provider": BACKUP, "priority": 1 }] },
            ROOMY.model: { "targets": [
                { "provider": PRIMARY, "context_window": 8192 },
                { "provider": BACKUP, "priority": 1, "context_window": 131_072 },
            ] },
            REFUSED.model: { "targets": [{ "provider": REFUSING }, { "provider": BACKUP, "priority": 1 }] },
            UNRESOLVED.model: { "targets": [{ "provider": NOWHERE }, { "provider": BACKUP, "priority": 1 }] },
        },
        "defaults": {
            "breaker": { "consecutive_failures": 2, "open_for": "30s" },
            "failover": {
                "per_try_timeout": millis(HEADERS),
                "first_token_timeout": millis(FIRST_TOKEN),
                "stall_timeout": millis(STALL),
                "timeout": "8s",
                "backoff": { "base": "10ms", "max": millis(BACKOFF) },
            },
        },
    });
    let config = Config::parse(&text.to_string(), &SystemSources, app::failover_cause)?;
    Ok(config)
}

fn millis(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}
