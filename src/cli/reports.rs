//! The words for what reports say: a standing, a circuit, a moment.

use super::words;
use crate::admin::report::{CircuitReport, FailureReport, HealthReport, Moment, TargetReport};

/// How a target stands, as in `benched for 12s (rate_limited)`.
pub(super) fn standing(target: &TargetReport) -> String {
    let share = target.circuits.iter().filter_map(|circuit| circuit.share).min();
    told(
        &target.plain,
        target.until.as_ref(),
        share,
        target.cause.as_deref(),
    )
}

/// How a circuit is, in the same words.
pub(super) fn circuit(circuit: &CircuitReport) -> String {
    told(
        &circuit.plain,
        circuit.until.as_ref(),
        circuit.share,
        circuit.cause.as_deref(),
    )
}

fn told(plain: &str, until: Option<&Moment>, share: Option<u8>, cause: Option<&str>) -> String {
    let share = share.map(|share| format!(" at {share}%"));
    let for_how_long = until.map(|until| format!(" for {}", left(until)));
    let cause = cause
        .filter(|_| until.is_some())
        .map(|cause| format!(" ({cause})"));
    let parts = [share, for_how_long, cause];
    plain.to_owned() + &parts.into_iter().flatten().collect::<String>()
}

/// A failure, as in `rate_limited 429, 12s ago`.
pub(super) fn failure(failure: &FailureReport) -> String {
    let status = failure
        .status
        .map(|status| format!(" {status}"))
        .unwrap_or_default();
    format!("{}{status}, {}", failure.class, ago(&failure.when))
}

/// An active check, as in `ok, 3s ago`.
pub(super) fn health(health: &HealthReport) -> String {
    let how = match (health.ok, health.status, &health.detail) {
        (true, ..) => "ok".to_owned(),
        (false, Some(status), _) => format!("failed with {status}"),
        (false, None, Some(detail)) => format!("failed ({detail})"),
        (false, None, None) => "failed".to_owned(),
    };
    format!("{how}, {}", ago(&health.when))
}

/// As in `12s ago`.
pub(super) fn ago(moment: &Moment) -> String {
    match moment.in_seconds.min(0).unsigned_abs() {
        0 => "just now".to_owned(),
        seconds => format!("{} ago", words::seconds(seconds)),
    }
}

fn left(moment: &Moment) -> String {
    words::seconds(moment.in_seconds.max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benched_target_says_for_how_long_and_why() {
        let benched = TargetReport {
            plain: "benched".to_owned(),
            until: Some(Moment {
                at: String::new(),
                in_seconds: 75,
            }),
            cause: Some("rate_limited".to_owned()),
            ..TargetReport::default()
        };

        assert_eq!(standing(&benched), "benched for 1m 15s (rate_limited)");
    }

    #[test]
    fn a_returning_circuit_says_its_share() {
        let returning = CircuitReport {
            plain: "returning".to_owned(),
            share: Some(25),
            cause: Some("connect".to_owned()),
            ..CircuitReport::default()
        };

        assert_eq!(circuit(&returning), "returning at 25%");
    }
}
