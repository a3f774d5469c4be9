//! Every family of metrics: its name, its labels, and the sentence that explains it.
//!
//! Label sets are closed: names that the operator configured, and words of ours. Nothing that a client or a provider
//! wrote ever becomes a label. `model` is always the name that clients use, `provider_model` the provider's own.

use prometheus::{Counter, Histogram, IntCounter, IntGauge, Registry};

use super::family::Family;

/// The name of every metric, in the order of the text.
pub const NAMES: [&str; 29] = [
    "process_resident_memory_bytes",
    "understudy_access_lines_dropped_total",
    "understudy_all_open_total",
    "understudy_attempt_duration_seconds",
    "understudy_attempts_total",
    "understudy_build_info",
    "understudy_circuit_state",
    "understudy_circuit_transitions_total",
    "understudy_client_requests_total",
    "understudy_config_applied_total",
    "understudy_config_generation",
    "understudy_config_rejected_total",
    "understudy_cost_usd_total",
    "understudy_envoy_acks_total",
    "understudy_envoy_nacks_total",
    "understudy_envoys_connected",
    "understudy_failovers_total",
    "understudy_health_checks_total",
    "understudy_output_tokens_per_second",
    "understudy_provider_draining",
    "understudy_request_duration_seconds",
    "understudy_requests_in_flight",
    "understudy_requests_total",
    "understudy_sessions_open",
    "understudy_stage_added_seconds",
    "understudy_time_to_first_token_seconds",
    "understudy_token_expires_in_seconds",
    "understudy_token_refresh_total",
    "understudy_tokens_total",
];

const SECONDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];
const TOKENS_PER_SECOND: &[f64] = &[
    1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 150.0, 250.0, 500.0, 1000.0,
];
const STAGE_SECONDS: &[f64] = &[
    0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
];

/// What clients see.
pub(super) struct RequestFamilies {
    pub(super) requests: Family<IntCounter, 2>,
    pub(super) by_client: Family<IntCounter, 2>,
    pub(super) duration: Family<Histogram, 1>,
    pub(super) stage_added: Family<Histogram, 1>,
    pub(super) all_open: Family<IntCounter, 2>,
    pub(super) in_flight: Family<IntGauge, 0>,
    pub(super) sessions_open: Family<IntGauge, 0>,
}

impl RequestFamilies {
    pub(super) fn register(registry: &Registry) -> Self {
        Self {
            requests: Family::register(
                registry,
                "understudy_requests_total",
                ["model", "outcome"],
                "Requests that ended, by the model that served (empty when none did) and how they ended.",
            ),
            by_client: Family::register(
                registry,
                "understudy_client_requests_total",
                ["client", "outcome"],
                "Requests that ended, by the client that sent them and how they ended.",
            ),
            duration: Family::with_buckets(
                registry,
                "understudy_request_duration_seconds",
                ["model"],
                "Time from the start of a request to the end of its answer, for requests that got one.",
                SECONDS,
            ),
            stage_added: Family::with_buckets(
                registry,
                "understudy_stage_added_seconds",
                ["stage"],
                "Time that Understudy itself added to a request, by stage: plan, attempt or final.",
                STAGE_SECONDS,
            ),
            all_open: Family::register(
                registry,
                "understudy_all_open_total",
                ["model", "decision"],
                "Requests for a model whose every target was benched, by what was done: try_soonest or fail.",
            ),
            in_flight: Family::register(
                registry,
                "understudy_requests_in_flight",
                [],
                "Requests that are being served now.",
            ),
            sessions_open: Family::register(
                registry,
                "understudy_sessions_open",
                [],
                "Streams that Envoy holds open to Understudy for requests and attempts.",
            ),
        }
    }
}

/// What providers did.
pub(super) struct AttemptFamilies {
    pub(super) attempts: Family<IntCounter, 4>,
    pub(super) failovers: Family<IntCounter, 2>,
    pub(super) duration: Family<Histogram, 2>,
    pub(super) first_token: Family<Histogram, 2>,
    pub(super) token_rate: Family<Histogram, 2>,
    pub(super) tokens: Family<IntCounter, 4>,
    pub(super) cost: Family<Counter, 3>,
    pub(super) health_checks: Family<IntCounter, 2>,
}

/// Our signing in by access tokens.
pub(super) struct TokenFamilies {
    pub(super) refreshes: Family<IntCounter, 2>,
    pub(super) expires_in: Family<IntGauge, 1>,
}

impl AttemptFamilies {
    pub(super) fn register(registry: &Registry) -> Self {
        Self {
            attempts: Family::register(
                registry,
                "understudy_attempts_total",
                ["provider", "model", "provider_model", "class"],
                "Attempts that ended, by target and class of failure; ok is the class of those that answered.",
            ),
            failovers: Family::register(
                registry,
                "understudy_failovers_total",
                ["provider", "class"],
                "Failed attempts after which another one followed, by the provider and class of the failed one.",
            ),
            duration: Family::with_buckets(
                registry,
                "understudy_attempt_duration_seconds",
                ["provider", "model"],
                "Time from the start of an attempt to the end of its answer, for attempts that answered.",
                SECONDS,
            ),
            first_token: Family::with_buckets(
                registry,
                "understudy_time_to_first_token_seconds",
                ["provider", "model"],
                "Time from the start of an attempt to the first meaningful event of its stream.",
                SECONDS,
            ),
            token_rate: Family::with_buckets(
                registry,
                "understudy_output_tokens_per_second",
                ["provider", "model"],
                "Tokens of a streamed answer per second, from its first meaningful event to its end.",
                TOKENS_PER_SECOND,
            ),
            tokens: Family::register(
                registry,
                "understudy_tokens_total",
                ["provider", "model", "provider_model", "kind"],
                "Tokens that providers say they counted; input includes cached_input, output includes reasoning.",
            ),
            cost: Family::register(
                registry,
                "understudy_cost_usd_total",
                ["provider", "model", "provider_model"],
                "What the counted tokens cost in US dollars, by the prices in the configuration.",
            ),
            health_checks: Family::register(
                registry,
                "understudy_health_checks_total",
                ["provider", "result"],
                "Active health checks that came back, by result: ok or failed.",
            ),
        }
    }
}

impl TokenFamilies {
    pub(super) fn register(registry: &Registry) -> Self {
        Self {
            refreshes: Family::register(
                registry,
                "understudy_token_refresh_total",
                ["provider", "result"],
                "Access tokens that were asked for, by the provider that signs in with them and by result: ok or failed.",
            ),
            expires_in: Family::register(
                registry,
                "understudy_token_expires_in_seconds",
                ["provider"],
                "How long a provider's access token is still good; 0 when there is none that is.",
            ),
        }
    }
}

/// Who is benched.
pub(super) struct CircuitFamilies {
    pub(super) state: Family<IntGauge, 3>,
    pub(super) transitions: Family<IntCounter, 4>,
    pub(super) draining: Family<IntGauge, 1>,
}

impl CircuitFamilies {
    pub(super) fn register(registry: &Registry) -> Self {
        Self {
            state: Family::register(
                registry,
                "understudy_circuit_state",
                ["scope", "provider", "provider_model"],
                "State of a circuit, the worse the larger: 0 closed, 1 ramping, 2 half_open, 3 open.",
            ),
            transitions: Family::register(
                registry,
                "understudy_circuit_transitions_total",
                ["scope", "provider", "from", "to"],
                "Changes of circuits from one state to another.",
            ),
            draining: Family::register(
                registry,
                "understudy_provider_draining",
                ["provider"],
                "1 while an operator keeps a provider out of service, else 0.",
            ),
        }
    }
}

/// What the process itself and Envoy are doing.
pub(super) struct ControlFamilies {
    pub(super) generation: Family<IntGauge, 0>,
    pub(super) applied: Family<IntCounter, 0>,
    pub(super) rejected: Family<IntCounter, 0>,
    pub(super) acks: Family<IntCounter, 1>,
    pub(super) nacks: Family<IntCounter, 1>,
    pub(super) envoys: Family<IntGauge, 0>,
    pub(super) lines_dropped: Family<IntCounter, 0>,
    pub(super) build: Family<IntGauge, 1>,
    pub(super) resident: Family<IntGauge, 0>,
}

impl ControlFamilies {
    pub(super) fn register(registry: &Registry) -> Self {
        Self {
            generation: Family::register(
                registry,
                "understudy_config_generation",
                [],
                "Number of the configuration in force.",
            ),
            applied: Family::register(
                registry,
                "understudy_config_applied_total",
                [],
                "Configurations that were accepted, the first one included.",
            ),
            rejected: Family::register(
                registry,
                "understudy_config_rejected_total",
                [],
                "Configurations that were refused; the one before stayed in force.",
            ),
            acks: Family::register(
                registry,
                "understudy_envoy_acks_total",
                ["type"],
                "Versions that an Envoy took over, by type of resource.",
            ),
            nacks: Family::register(
                registry,
                "understudy_envoy_nacks_total",
                ["type"],
                "Versions that an Envoy refused, by type of resource.",
            ),
            envoys: Family::register(
                registry,
                "understudy_envoys_connected",
                [],
                "Envoys that take their configuration from Understudy now.",
            ),
            lines_dropped: Family::register(
                registry,
                "understudy_access_lines_dropped_total",
                [],
                "Access lines that were lost because their output was full, slow or broken.",
            ),
            build: Family::register(
                registry,
                "understudy_build_info",
                ["version"],
                "Always 1; its label is the version of Understudy.",
            ),
            resident: Family::register(
                registry,
                "process_resident_memory_bytes",
                [],
                "Memory of Understudy that is in RAM.",
            ),
        }
    }
}
