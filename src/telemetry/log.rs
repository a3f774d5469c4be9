//! Log lines: what an operator acts on at INFO, what only the operator can mend at WARN, the rest at DEBUG.
//!
//! Messages are constants and facts are fields. Everything goes to stderr, since stdout belongs to the access line.
//! Nothing here counts or decides; whether a warning was given before is told by the caller.

use std::fmt;
use std::io::IsTerminal;
use std::time::Duration;

use humantime::format_duration;
use tracing::{debug, info, warn};
use tracing_subscriber::EnvFilter;

use crate::breaker::{Cause, StateWord};

use super::event::{AttemptEnded, CircuitChanged, Event, HealthChecked, RequestEnded, TokenAsked};

/// At its lowest level the crate that signs requests tells what it signs, and with which key.
const SIGNER_IS_SILENT: &str = "aws_sigv4=off";

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogError {
    /// The filter cannot be read.
    Filter {
        /// As it was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something in this process logs already.
    AlreadySet,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter { given, reason } => write!(
                f,
                "log filter `{given}` cannot be read ({reason}); write a level such as `info`, or `info,understudy=debug`"
            ),
            Self::AlreadySet => f.write_str("logging was set up twice"),
        }
    }
}

impl std::error::Error for LogError {}

/// Sends log lines that pass `filter` (a level, or `target=level` pairs) to stderr.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(parse(filter)?)
        .with_writer(std::io::stderr);
    let set = match format {
        LogFormat::Text => lines
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init(),
    };
    set.map_err(|_| LogError::AlreadySet)
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| LogError::Filter {
            given: filter.to_owned(),
            reason: error.to_string(),
        })?;
    Ok(filter.add_directive(
        SIGNER_IS_SILENT
            .parse()
            .expect("a target and a level are a directive"),
    ))
}

/// Writes the line of an event; `warn` marks the first opening of a circuit that only the operator can mend.
pub(super) fn write(event: &Event, warn: bool) {
    match event {
        Event::AttemptEnded(event) => attempt_ended(event),
        Event::RequestEnded(event) => request_ended(event),
        Event::CircuitChanged(event) => circuit_changed(event, warn),
        Event::HealthChecked(event) => health_checked(event),
        Event::TokenAsked(event) => token_asked(event),
        Event::AllOpen(event) => {
            debug!(model = %event.model.1, forced = event.forced, "every target is benched");
        }
        Event::CircuitsReset {
            provider,
            model,
            count,
        } => {
            info!(%provider, model = model.as_deref(), count, "circuits reset");
        }
        Event::ProviderDrained { provider } => info!(%provider, "provider drained"),
        Event::ProviderResumed { provider } => info!(%provider, "provider resumed"),
        Event::CatalogApplied {
            generation,
            providers,
            models,
        } => {
            info!(%generation, providers, models, "configuration applied");
        }
        Event::CatalogRejected { reason } => {
            warn!(%reason, "configuration refused, the one before stays in force");
        }
        Event::EnvoyConnected { node, version } => info!(%node, %version, "envoy connected"),
        Event::EnvoyAcked { node, kind, version } => debug!(%node, kind, %version, "envoy took over"),
        Event::EnvoyNacked {
            node,
            kind,
            version,
            message,
        } => {
            warn!(%node, kind, %version, %message, "envoy refused, the version before stays in force");
        }
        Event::EnvoyTurnedAway { node, version } => {
            warn!(%node, %version, "envoy is too old and was turned away, use 1.40 or newer");
        }
        Event::EnvoyDisconnected { node } => info!(%node, "envoy disconnected"),
        Event::ListenerBound { purpose, address } => info!(purpose, %address, "listener bound"),
        Event::ShutdownBegan { in_flight } => info!(in_flight, "shutdown began"),
    }
}

fn health_checked(event: &HealthChecked) {
    debug!(
        provider = %event.provider,
        ok = event.ok,
        status = event.status,
        detail = event.detail,
        ms = millis(event.duration),
        "health checked"
    );
}

fn token_asked(event: &TokenAsked) {
    let providers = event.providers.join(", ");
    let good_for = event
        .good_for
        .map(|left| format_duration(readable(left)).to_string());
    let reason = event.failure.as_deref();
    match (reason, event.is_news) {
        (None, true) => info!(%providers, good_for, "access token fetched"),
        (None, false) => debug!(%providers, good_for, "access token fetched"),
        (Some(reason), true) => warn!(%providers, %reason, good_for, "access token not fetched"),
        (Some(reason), false) => debug!(%providers, %reason, good_for, "access token not fetched"),
    }
}

fn attempt_ended(event: &AttemptEnded) {
    let record = &event.record;
    debug!(
        request = %event.request,
        number = record.number,
        provider = %record.provider,
        model = %event.model,
        provider_model = %record.provider_model,
        class = record.label(),
        detail = record.detail,
        status = record.status,
        ms = millis(record.duration),
        failed_over = event.failed_over,
        "attempt ended"
    );
}

fn request_ended(event: &RequestEnded) {
    debug!(
        request = %event.id,
        model = event.model.as_ref().map(|(_, name)| &**name),
        outcome = event.outcome.label(),
        reason = event.reason,
        status = event.status,
        attempts = event.attempts.len(),
        ms = millis(event.duration),
        "request ended"
    );
}

fn circuit_changed(event: &CircuitChanged, warn: bool) {
    let CircuitChanged { provider, .. } = event;
    let [scope, from, to] = [event.scope.as_str(), event.from.as_str(), event.to.as_str()];
    let cause = event.cause.map(Cause::as_str);
    let model = event.provider_model.as_deref();
    let open_for = event
        .open_for
        .map(|left| format_duration(readable(left)).to_string());
    match (event.from, event.to) {
        (_, StateWord::Open) if warn => warn!(
            scope,
            %provider,
            model,
            cause,
            open_for,
            "circuit opened, and only a change of key, account or configuration will help"
        ),
        (StateWord::Closed | StateWord::Ramping, StateWord::Open) => {
            info!(scope, %provider, model, cause, open_for, "circuit opened");
        }
        (_, StateWord::Closed) => info!(scope, %provider, model, from, "circuit closed"),
        _ => debug!(scope, %provider, model, from, to, cause, open_for, "circuit changed"),
    }
}

/// Without the digits that nobody reads.
fn readable(left: Duration) -> Duration {
    if left.as_secs() > 0 {
        Duration::from_secs(left.as_secs())
    } else {
        Duration::from_millis(millis(left))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::breaker::Scope;
    use crate::breaker::StateWord::{Closed, HalfOpen, Open, Ramping};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The line of an event, as a log at INFO has it.
    fn line(event: &Event, warn: bool) -> String {
        let kept = Kept::default();
        let output = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(parse("info").unwrap())
            .with_writer(move || output.clone())
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, || write(event, warn));
        String::from_utf8(kept.0.lock().clone()).unwrap()
    }

    fn change(from: StateWord, to: StateWord) -> Event {
        Event::CircuitChanged(CircuitChanged {
            scope: Scope::Endpoint,
            provider: Arc::from("openai"),
            provider_model: None,
            from,
            to,
            cause: Some(Cause::Class("connect")),
            open_for: Some(Duration::from_millis(30_400)),
        })
    }

    #[test]
    fn a_trip_and_a_recovery_are_told_and_the_steps_between_are_not() {
        let opened = "circuit opened scope=\"endpoint\" provider=openai cause=\"connect\" open_for=\"30s\"\n";

        assert_eq!(
            line(&change(Closed, Open), false).trim_start(),
            format!("INFO {opened}")
        );
        assert!(line(&change(Ramping, Open), false).contains("INFO circuit opened"));
        assert!(line(&change(HalfOpen, Open), true).contains("WARN circuit opened"));
        assert!(line(&change(Ramping, Closed), false).contains("INFO circuit closed"));
        for (from, to) in [(Open, HalfOpen), (HalfOpen, Open), (HalfOpen, Ramping)] {
            assert_eq!(line(&change(from, to), false), "", "{from} {to}");
        }
    }

    #[test]
    fn what_envoy_refuses_is_a_warning_and_what_it_takes_over_is_detail() {
        let (node, version) = (Arc::from("edge-1"), Arc::from("7"));
        let acked = Event::EnvoyAcked {
            node: Arc::clone(&node),
            kind: "cluster",
            version: Arc::clone(&version),
        };
        let message = "no such field".to_owned();
        let nacked = Event::EnvoyNacked {
            node,
            kind: "cluster",
            version,
            message,
        };

        assert_eq!(line(&acked, false), "");
        let told = line(&nacked, false);
        assert!(told.contains("WARN") && told.contains("no such field"), "{told}");
    }

    #[test]
    fn a_token_is_told_when_it_comes_and_when_it_fails_and_its_renewals_are_detail() {
        let asked = |failure: Option<&str>, is_news| {
            let event = TokenAsked {
                providers: vec![Arc::from("vertex"), Arc::from("vertex-eu")],
                failure: failure.map(str::to_owned),
                good_for: Some(Duration::from_secs(3599)),
                is_news,
            };
            line(&Event::TokenAsked(event), false).trim_start().to_owned()
        };

        assert_eq!(
            asked(None, true),
            "INFO access token fetched providers=vertex, vertex-eu good_for=\"59m 59s\"\n"
        );
        assert_eq!(
            asked(Some("HTTP 503"), true),
            "WARN access token not fetched providers=vertex, vertex-eu reason=HTTP 503 good_for=\"59m 59s\"\n"
        );
        assert_eq!(asked(None, false) + &asked(Some("HTTP 503"), false), "");
    }

    #[test]
    fn the_signer_tells_nothing_at_any_level() {
        let filter = parse("trace,aws_sigv4=trace").unwrap();

        assert!(filter.to_string().contains("aws_sigv4=off"), "{filter}");
        assert!(!filter.to_string().contains("aws_sigv4=trace"), "{filter}");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_shown_with_a_remedy() {
        let refusal = parse("info,understudy=loud").err().unwrap().to_string();

        assert!(
            refusal.contains("`info,understudy=loud`") && refusal.contains("such as `info`"),
            "{refusal}"
        );
    }
}
