use proptest::prelude::*;

use super::*;
use crate::outcome::Scope;

fn on(names: &[&str]) -> FailoverOn {
    FailoverOn::parse(names).unwrap()
}

fn remedy(name: &str) -> String {
    FailoverOn::parse(&["connect", name])
        .unwrap_err()
        .remove(0)
        .to_string()
}

#[test]
fn the_default_is_every_row_that_says_yes() {
    assert_eq!(
        FailoverOn::default().names(),
        [
            "connect",
            "reset",
            "timeout",
            "first_token_timeout",
            "server_error",
            "bad_response",
            "stream_error",
            "overloaded",
            "rate_limited",
            "quota_exhausted",
            "auth",
            "permission",
            "model_not_found",
            "context_length",
            "payload_too_large",
            "unsupported",
        ]
    );
}

#[test]
fn classes_move_on_when_listed_and_only_then() {
    let policy = on(&["rate_limited", "timeout"]);

    assert!(policy.moves_on(Class::RateLimited, Some(429)));
    assert!(policy.moves_on(Class::Timeout, None));
    assert!(!policy.moves_on(Class::QuotaExhausted, Some(429)));
    assert!(!policy.moves_on(Class::Connect, None));
}

#[test]
fn a_status_matches_whatever_the_class() {
    let policy = on(&["http_429", "http_400"]);

    assert!(policy.moves_on(Class::QuotaExhausted, Some(429)));
    assert!(policy.moves_on(Class::ClientError, Some(400)));
    assert!(!policy.moves_on(Class::ClientError, Some(422)));
    assert!(!policy.moves_on(Class::RateLimited, Some(503)));
    assert!(!policy.moves_on(Class::RateLimited, None));
}

#[test]
fn what_is_partly_sent_or_not_awaited_never_moves_on() {
    let policy = on(&["http_5xx", "http_499", "client_error"]);

    assert!(!policy.moves_on(Class::StreamBroken, Some(500)));
    assert!(!policy.moves_on(Class::Abandoned, Some(499)));
    assert!(remedy("stream_broken").contains("already sent"));
    assert!(remedy("abandoned").contains("nobody waits"));
}

#[test]
fn names_of_other_gateways_are_understood() {
    for (name, class, status) in [
        ("error", Class::Connect, None),
        ("error", Class::Reset, None),
        ("connect-failure", Class::Connect, None),
        ("refused-stream", Class::Reset, None),
        ("invalid_header", Class::BadResponse, Some(200)),
        ("5xx", Class::ServerError, Some(500)),
        ("5xx", Class::Connect, None),
        ("gateway-error", Class::Overloaded, Some(503)),
        ("http_5xx", Class::ServerError, Some(520)),
        ("HTTP_503", Class::Overloaded, Some(503)),
        ("503", Class::Overloaded, Some(503)),
        ("rate-limited", Class::RateLimited, Some(429)),
    ] {
        assert!(on(&[name]).moves_on(class, status), "{name}");
    }
    assert_eq!(on(&["non_idempotent"]), FailoverOn::NOTHING);
}

#[test]
fn the_policies_of_others_can_be_written_down() {
    let every = on(&["error", "timeout", "http_429", "http_500", "http_502", "http_503"]);
    for (class, status) in [
        (Class::Connect, None),
        (Class::Reset, None),
        (Class::Timeout, None),
        (Class::RateLimited, Some(429)),
        (Class::ServerError, Some(500)),
        (Class::Overloaded, Some(503)),
    ] {
        assert!(every.moves_on(class, status), "{class}");
    }

    let azure = on(&["http_503", "timeout", "connect"]);
    for (class, status) in [
        (Class::Auth, Some(401)),
        (Class::RateLimited, Some(429)),
        (Class::ClientError, Some(400)),
        (Class::ServerError, Some(500)),
    ] {
        assert!(!azure.moves_on(class, status), "{class}");
    }
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let mistakes =
        FailoverOn::parse(&["rate_limted", "timeout", "http_200", "nonsense entirely"]).unwrap_err();

    let places: Vec<_> = mistakes.iter().map(|mistake| mistake.index).collect();
    assert_eq!(places, [0, 2, 3]);
    assert_eq!(
        mistakes[0].to_string(),
        "`rate_limted` is not a failure to move on from; did you mean `rate_limited`?"
    );
    assert!(mistakes[1].remedy.contains("http_300"), "{}", mistakes[1]);
    assert!(
        mistakes[2].remedy.contains("one of: connect, reset,"),
        "{}",
        mistakes[2]
    );
}

#[test]
fn every_4xx_at_once_is_refused() {
    for name in ["4xx", "http_4xx"] {
        assert!(remedy(name).contains("callers' mistakes"), "{name}");
    }
}

#[test]
fn a_status_is_retriable_only_if_nothing_it_may_mean_stays() {
    assert_eq!(on(&["rate_limited", "timeout"]).retriable_status_codes(), [408]);
    assert_eq!(
        on(&["rate_limited", "quota_exhausted"]).retriable_status_codes(),
        [402]
    );

    let limits = on(&["rate_limited", "quota_exhausted", "overloaded", "unsupported"]);
    assert_eq!(limits.retriable_status_codes(), [402, 429]);

    let codes = FailoverOn::default().retriable_status_codes();
    for status in [408, 429, 500, 502, 503, 504, 520, 529] {
        assert!(codes.contains(&status), "{status}");
    }
    for status in [400, 401, 403, 404, 409, 413, 422] {
        assert!(!codes.contains(&status), "{status}");
    }
}

#[test]
fn a_status_named_by_number_is_retriable() {
    assert_eq!(
        on(&["http_404", "http_503", "http_503"]).retriable_status_codes(),
        [404, 503]
    );
    assert!(FailoverOn::NOTHING.retriable_status_codes().is_empty());
}

#[test]
fn no_blameless_class_but_the_declared_ones_moves_on_by_default() {
    let policy = FailoverOn::default();
    for class in Class::ALL {
        let expected = class
            .blame()
            .is_some_and(|scope| scope != Scope::Target || class.may_fail_over())
            || class.needs_larger_target()
            || class == Class::Unsupported;
        assert_eq!(policy.moves_on(class, None), expected, "{class}");
    }
}

proptest! {
    #[test]
    fn any_name_is_understood_or_refused_with_a_remedy(name in "\\PC{0,30}") {
        match FailoverOn::parse(&[&name]) {
            Ok(policy) => prop_assert_eq!(FailoverOn::parse(&policy.names()), Ok(policy)),
            Err(mistakes) => prop_assert!(mistakes.len() == 1 && !mistakes[0].remedy.is_empty()),
        }
    }
}
