//! What the host's words say about an attempt that brought no answer.
//!
//! Invariant: words that are not known mean a connection that broke, which is what they would most often mean.

use super::OUT_OF_TIME;
use crate::session::unanswered::NoAnswer;

fn no_connection(details: &str) -> bool {
    details.contains("remote_connection_failure") || details.contains("connection_timeout")
}

/// What the host's words say about an attempt without an answer.
pub(super) fn told_by(details: &str) -> NoAnswer {
    if no_connection(details) {
        return connection_trouble(details);
    }
    let timed_out = [
        "upstream_per_try_timeout",
        "upstream_per_try_idle_timeout",
        "response_timeout",
        OUT_OF_TIME,
    ];
    if timed_out.iter().any(|word| details.starts_with(word)) {
        return NoAnswer::TimedOut;
    }
    NoAnswer::Broken
}

/// The host's words about a connection, in ours.
fn connection_trouble(details: &str) -> NoAnswer {
    let (detail, message) = if details.contains("CERTIFICATE_VERIFY_FAILED") {
        (
            "tls_certificate",
            "the provider's TLS certificate was not accepted",
        )
    } else if details.contains("TLS_error") {
        ("tls", "the TLS handshake failed")
    } else if details.contains("Connection_refused") {
        ("refused", "the connection was refused")
    } else {
        ("no_connection", "no connection could be made")
    };
    NoAnswer::Unconnected { detail, message }
}
