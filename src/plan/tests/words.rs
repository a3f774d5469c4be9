//! What an operator reads.

use serde_json::json;

use super::*;

#[test]
fn an_explanation_shows_the_order_of_health_then_speed_then_price() {
    let mut world = World::of(5)
        .ordered_by(Order::Fastest)
        .took(0, 400)
        .took(1, 203)
        .took(2, 206)
        .open(3, 12);
    for (i, dollars) in [1.0, 2.0, 1.5, 1.0, 1.0].into_iter().enumerate() {
        world.targets[i].price = price(dollars, dollars);
    }
    world.ask.max_tokens = Some(1000);

    let explanation = world.explanation();

    let told: Vec<_> = explanation
        .targets
        .iter()
        .map(|target| {
            (
                target.provider.as_str(),
                target.place,
                target.attempts,
                target.why.as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("provider-2", Some(1), 1, "priority 0, first token after 0.206 s"),
            ("provider-1", Some(2), 1, "priority 0, first token after 0.203 s"),
            ("provider-0", Some(3), 1, "priority 0, first token after 0.400 s"),
            (
                "provider-4",
                Some(4),
                0,
                "priority 0, speed not known yet; one request in ten goes to such a target first; \
                 not reached, the attempts of one request are used up before it"
            ),
            (
                "provider-3",
                None,
                0,
                "left out: the target circuit is open after `overloaded`; it may return in 12.000 s"
            ),
        ]
    );
    assert_eq!(explanation.targets[0].price_micro_usd, Some(1500.0));
}

#[test]
fn weights_are_explained_as_chances() {
    let weights = [1, 3];
    let mut world = World::of(3).ordered_by(Order::Weighted).each(|i, target| {
        target.weight = weights.get(i).copied().unwrap_or(7);
    });
    world.targets[2].priority = 1;

    let explanation = world.explanation();

    let told: Vec<_> = explanation
        .targets
        .iter()
        .map(|t| (t.provider.as_str(), t.share_percent))
        .collect();
    assert_eq!(
        told,
        [
            ("provider-1", Some(75.0)),
            ("provider-0", Some(25.0)),
            ("provider-2", Some(100.0))
        ]
    );
}

#[test]
fn health_is_explained() {
    let cases = [
        (Standing::ProbeDue, "the next request probes it"),
        (
            Standing::Ramping { share: 25 },
            "in its place for 25% of requests",
        ),
        (
            Standing::Probing {
                until: Instant::now(),
            },
            "another request is probing it",
        ),
    ];
    for (standing, words) in cases {
        let explanation = World::of(2).stands(0, standing).explanation();

        let target = explanation
            .targets
            .iter()
            .find(|target| target.provider == "provider-0")
            .unwrap();
        assert!(target.why.contains(words), "{}", target.why);
    }
    let forced = World::of(1).open(0, 3).explanation();
    assert!(forced.forced && forced.targets[0].why.contains("every target is benched"));
}

#[test]
fn an_explanation_is_plain_data() {
    let world = World::of(1).open(0, 3);

    let told = serde_json::to_value(world.clone().open(0, 3).explanation()).unwrap();

    assert_eq!(
        told,
        json!({
            "model": "gpt-4o", "order": "ordered", "mode": "retry", "attempts": 1, "forced": true,
            "targets": [{
                "place": 1, "attempts": 1, "provider": "provider-0", "provider_model": "gpt-4o",
                "priority": 0, "backup_rank": 0, "weight": 1, "share_percent": null,
                "standing": {"state": "open", "scope": "target", "cause": "overloaded", "returns_in_ms": 3000},
                "skip": null, "price_micro_usd": null, "first_token_ms": null,
                "why": "every target is benched, and this one is nearest to service",
            }],
        })
    );
    let mut failing = world;
    failing.model.when_all_open = WhenAllOpen::Fail;
    let told = serde_json::to_value(failing.explanation()).unwrap();
    assert_eq!(
        told["targets"][0]["skip"],
        json!({
            "reason": "circuit_open", "detail": "the target circuit is open after `overloaded`", "returns_in_ms": 3000,
        })
    );
}

#[test]
fn every_reason_has_a_name_and_a_sentence() {
    let skips = [
        Skip::CircuitOpen {
            until: Instant::now(),
            scope: "endpoint",
            cause: "connect",
        },
        Skip::Probing,
        Skip::Ramping { share: 10 },
        Skip::ContextWindow {
            window: Some(1),
            needed: 2,
        },
        Skip::ContextWindow {
            window: None,
            needed: 2,
        },
        Skip::Unsupported { feature: "tools" },
        Skip::Draining,
        Skip::NotAllowed,
        Skip::Tried,
    ];
    for skip in skips {
        let sentence = skip.to_string();

        assert!(skip.name().chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        assert!(sentence.contains(' ') && !sentence.ends_with('.'), "{sentence}");
    }
}
