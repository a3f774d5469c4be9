use std::sync::Arc;

use super::*;
use crate::breaker::Cause;
use crate::breaker::StateWord::{Closed, HalfOpen, Open, Ramping};

fn change(from: StateWord, to: StateWord, cause: Option<&'static str>) -> CircuitChanged {
    CircuitChanged {
        scope: Scope::Credential,
        provider: Arc::from("openai"),
        provider_model: None,
        from,
        to,
        cause: cause.map(Cause::Class),
        open_for: None,
    }
}

#[test]
fn a_refused_key_is_warned_of_once_until_its_circuit_closes() {
    let telemetry = Telemetry::new(None).unwrap();

    assert!(telemetry.is_worth_a_warning(&change(Closed, Open, Some("auth"))));
    assert!(!telemetry.is_worth_a_warning(&change(Open, HalfOpen, None)));
    assert!(!telemetry.is_worth_a_warning(&change(HalfOpen, Open, Some("auth"))));
    assert!(!telemetry.is_worth_a_warning(&change(Ramping, Closed, None)));
    assert!(telemetry.is_worth_a_warning(&change(Closed, Open, Some("auth"))));
}

#[test]
fn what_passes_by_itself_is_no_warning() {
    let telemetry = Telemetry::new(None).unwrap();

    for cause in ["rate_limited", "connect", "a_word_that_is_no_class"] {
        assert!(
            !telemetry.is_worth_a_warning(&change(Closed, Open, Some(cause))),
            "{cause}"
        );
    }
}
