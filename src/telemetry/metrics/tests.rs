use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::*;
use crate::breaker::{Cause, Scope, StateWord};
use crate::catalog::{ClientIx, ModelIx};
use crate::dialect::Dialect;
use crate::dialect::usage::Usage;
use crate::outcome::Class;
use crate::telemetry::event::{
    AllOpen, AttemptEnded, AttemptRecord, RequestEnded, RequestOutcome, TimeAdded,
};

fn arc(word: &str) -> Arc<str> {
    Arc::from(word)
}

fn labels(generation: u64, targets: &[[&str; 3]]) -> Labels {
    let unique = |words: Vec<&str>| {
        let mut seen = BTreeSet::new();
        words
            .into_iter()
            .filter(|word| seen.insert(*word))
            .map(arc)
            .collect()
    };
    Labels {
        generation: Generation(generation),
        targets: targets.iter().map(|values| values.map(arc)).collect(),
        models: unique(targets.iter().map(|[_, model, _]| *model).collect()),
        clients: vec![arc("team")],
        providers: unique(targets.iter().map(|[provider, _, _]| *provider).collect()),
    }
}

fn record(target: usize, [provider, _, provider_model]: [&str; 3], class: Option<Class>) -> AttemptRecord {
    AttemptRecord {
        target: TargetIx(target),
        provider: arc(provider),
        dialect: Dialect::OpenAi,
        provider_model: arc(provider_model),
        number: 1,
        class,
        status: Some(if class.is_some() { 429 } else { 200 }),
        duration: Duration::from_millis(200),
        first_token: class.is_none().then_some(Duration::from_millis(60)),
        detail: None,
    }
}

fn attempt(generation: u64, ix: usize, target: [&str; 3], class: Option<Class>) -> AttemptEnded {
    AttemptEnded {
        request: arc("r"),
        generation: Generation(generation),
        model: arc(target[1]),
        record: record(ix, target, class),
        failed_over: class.is_some(),
        at: SystemTime::UNIX_EPOCH,
    }
}

fn request(generation: u64, last: (usize, [&str; 3])) -> RequestEnded {
    RequestEnded {
        id: arc("r"),
        generation: Generation(generation),
        client: Some((ClientIx(0), arc("team"))),
        model: Some((ModelIx(0), arc(last.1[1]))),
        asked_model: None,
        response_model: None,
        surface: None,
        stream: true,
        status: Some(200),
        outcome: RequestOutcome::Success,
        reason: None,
        attempts: vec![record(last.0, last.1, None)],
        duration: Duration::from_millis(300),
        upstream: Duration::from_millis(299),
        added: TimeAdded {
            plan: Duration::from_micros(90),
            attempt: Duration::from_micros(120),
            finish: Duration::ZERO,
        },
        usage: Some(Usage {
            input: 12,
            cached_input: 4,
            cache_write: 0,
            output: 30,
            reasoning: 0,
        }),
        cost_micro_usd: Some(325.0),
        forced: false,
        at: SystemTime::UNIX_EPOCH,
    }
}

const OPENAI: [&str; 3] = ["openai", "gpt-4o", "gpt-4o"];
const AZURE: [&str; 3] = ["azure", "gpt-4o", "my-gpt"];

fn touch_everything(metrics: &Metrics) -> String {
    metrics.resolve(&labels(1, &[OPENAI, AZURE]));
    metrics.catalog_applied(Generation(1));
    metrics.catalog_rejected();
    metrics.attempt_ended(&attempt(1, 0, OPENAI, Some(Class::RateLimited)));
    metrics.attempt_ended(&attempt(1, 1, AZURE, None));
    metrics.request_ended(&request(1, (1, AZURE)));
    metrics.all_open(&AllOpen {
        generation: Generation(1),
        model: (ModelIx(0), arc("gpt-4o")),
        forced: true,
    });
    metrics.circuit_changed(&CircuitChanged {
        scope: Scope::Target,
        provider: arc("openai"),
        provider_model: Some(arc("gpt-4o")),
        from: StateWord::Closed,
        to: StateWord::Open,
        cause: Some(Cause::Class("rate_limited")),
        open_for: Some(Duration::from_secs(30)),
    });
    metrics.health_checked(&HealthChecked {
        provider: arc("openai"),
        ok: false,
        status: None,
        duration: Duration::from_millis(3),
        detail: Some("refused"),
    });
    metrics.token_asked(&TokenAsked {
        providers: vec![arc("openai"), arc("gone"), arc("azure")],
        failure: Some("HTTP 503".to_owned()),
        good_for: None,
        is_news: true,
    });
    metrics.envoy_acked("cluster");
    metrics.envoy_nacked("listener");
    metrics.render(&Observed {
        requests_in_flight: 2,
        sessions_open: 3,
        envoys_connected: 1,
        circuits: vec![CircuitSeen {
            scope: Scope::Target,
            provider: arc("openai"),
            provider_model: Some(arc("gpt-4o")),
            state: StateWord::Open,
        }],
        draining: vec![(arc("openai"), false), (arc("azure"), true)],
        tokens: vec![(arc("azure"), Duration::from_millis(59_900))],
    })
}

#[test]
fn the_text_has_exactly_the_documented_names_each_with_a_sentence() {
    let text = touch_everything(&Metrics::new());

    let help: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '))
        .collect();
    assert_eq!(help.iter().map(|(name, _)| *name).collect::<Vec<_>>(), NAMES);
    for (name, sentence) in help {
        assert!(
            sentence.ends_with('.') && sentence.starts_with(char::is_alphanumeric),
            "{name}: {sentence}"
        );
    }
}

#[test]
fn events_and_the_moment_of_a_scrape_become_these_series() {
    let text = touch_everything(&Metrics::new());

    for line in [
        r#"understudy_attempts_total{class="rate_limited",model="gpt-4o",provider="openai",provider_model="gpt-4o"} 1"#,
        r#"understudy_attempts_total{class="ok",model="gpt-4o",provider="azure",provider_model="my-gpt"} 1"#,
        r#"understudy_failovers_total{class="rate_limited",provider="openai"} 1"#,
        r#"understudy_requests_total{model="gpt-4o",outcome="success"} 1"#,
        r#"understudy_client_requests_total{client="team",outcome="success"} 1"#,
        r#"understudy_tokens_total{kind="cached_input",model="gpt-4o",provider="azure",provider_model="my-gpt"} 4"#,
        r#"understudy_cost_usd_total{model="gpt-4o",provider="azure",provider_model="my-gpt"} 0.000325"#,
        r#"understudy_attempt_duration_seconds_bucket{model="gpt-4o",provider="azure",le="0.25"} 1"#,
        r#"understudy_time_to_first_token_seconds_count{model="gpt-4o",provider="azure"} 1"#,
        r#"understudy_request_duration_seconds_sum{model="gpt-4o"} 0.3"#,
        r#"understudy_stage_added_seconds_bucket{stage="plan",le="0.0001"} 1"#,
        r#"understudy_stage_added_seconds_count{stage="final"} 0"#,
        r#"understudy_all_open_total{decision="try_soonest",model="gpt-4o"} 1"#,
        r#"understudy_circuit_state{provider="openai",provider_model="gpt-4o",scope="target"} 3"#,
        r#"understudy_circuit_transitions_total{from="closed",provider="openai",scope="target",to="open"} 1"#,
        r#"understudy_provider_draining{provider="azure"} 1"#,
        r#"understudy_health_checks_total{provider="openai",result="failed"} 1"#,
        r#"understudy_token_refresh_total{provider="azure",result="failed"} 1"#,
        r#"understudy_token_expires_in_seconds{provider="azure"} 59"#,
        r#"understudy_envoy_acks_total{type="cluster"} 1"#,
        r#"understudy_envoy_nacks_total{type="listener"} 1"#,
        "understudy_config_generation 1",
        "understudy_config_applied_total 1",
        "understudy_config_rejected_total 1",
        "understudy_envoys_connected 1",
        "understudy_requests_in_flight 2",
        "understudy_sessions_open 3",
        "understudy_access_lines_dropped_total 0",
    ] {
        assert!(has_line(&text, line), "missing {line} in\n{text}");
    }
}

/// Labels are written in any order.
fn has_line(text: &str, wanted: &str) -> bool {
    let parts = |line: &str| {
        let mut parts: Vec<String> = line.split(['{', '}', ',']).map(str::to_owned).collect();
        parts.sort();
        parts
    };
    text.lines().any(|line| parts(line) == parts(wanted))
}

#[test]
fn what_a_reload_drops_loses_its_series_and_what_it_keeps_goes_on() {
    let metrics = Metrics::new();
    touch_everything(&metrics);

    // The positions have changed, too.
    metrics.resolve(&labels(2, &[AZURE]));
    metrics.attempt_ended(&attempt(2, 0, AZURE, None));
    metrics.attempt_ended(&attempt(1, 0, OPENAI, Some(Class::Connect)));
    metrics.attempt_ended(&attempt(1, 1, AZURE, None));
    metrics.circuit_changed(&CircuitChanged {
        scope: Scope::Endpoint,
        provider: arc("openai"),
        provider_model: None,
        from: StateWord::Closed,
        to: StateWord::Open,
        cause: Some(Cause::Class("connect")),
        open_for: None,
    });

    let text = metrics.render(&Observed::default());
    assert!(!text.contains("openai"), "{text}");
    let line =
        r#"understudy_attempts_total{class="ok",model="gpt-4o",provider="azure",provider_model="my-gpt"} 3"#;
    assert!(has_line(&text, line), "{text}");
}

#[test]
fn the_last_failure_of_a_target_survives_a_reload() {
    let metrics = Metrics::new();
    metrics.resolve(&labels(1, &[OPENAI, AZURE]));

    metrics.attempt_ended(&attempt(1, 1, AZURE, Some(Class::Overloaded)));
    metrics.resolve(&labels(2, &[AZURE]));

    assert_eq!(
        metrics.last_failure(TargetIx(0)).unwrap().class,
        Class::Overloaded
    );
    assert_eq!(metrics.last_failure(TargetIx(1)), None);
}

#[test]
fn a_request_without_a_model_is_counted_under_no_name() {
    let metrics = Metrics::new();
    metrics.resolve(&labels(1, &[OPENAI]));

    let rejected = RequestEnded {
        client: None,
        model: None,
        asked_model: Some(arc("anything-a-client-writes")),
        outcome: RequestOutcome::Rejected,
        attempts: Vec::new(),
        ..request(1, (0, OPENAI))
    };
    metrics.request_ended(&rejected);
    metrics.resolve(&labels(2, &[OPENAI]));

    let text = metrics.render(&Observed::default());
    assert!(
        has_line(
            &text,
            r#"understudy_requests_total{model="",outcome="rejected"} 1"#
        ),
        "{text}"
    );
    assert!(!text.contains("anything-a-client-writes"));
}
