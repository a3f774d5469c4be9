//! `model-catalog.yaml`: one name for what providers call differently; health first, then speed, then price; and the
//! explanation of it.

use std::time::Duration;

use understudy::sim::Pace;

use super::*;

const MODEL: &str = "llama-3.3-70b";

struct Offers {
    groq: Sim,
    together: Sim,
    openai: Sim,
    azure: Sim,
    gateway: Running,
}

async fn offers() -> Offers {
    let (groq, together, openai, azure) = (
        sim("groq").await,
        sim("together").await,
        sim("openai").await,
        sim("azure").await,
    );
    let env = [
        ("GROQ_URL", groq.base_url()),
        ("TOGETHER_URL", together.base_url()),
        ("OPENAI_URL", openai.base_url()),
        ("AZURE_URL", azure.base_url().replace("/v1", "")),
    ];
    let gateway = start(&example("model-catalog.yaml"), env).await;
    Offers {
        groq,
        together,
        openai,
        azure,
        gateway,
    }
}

fn pace(latency: u64) -> Pace {
    Pace {
        latency: Duration::from_millis(latency),
        ..Pace::default()
    }
}

/// Who stands where, the first first, and why.
async fn places(gateway: &Running) -> Vec<(String, String)> {
    let report = gateway.admin_get(&format!("/admin/failover/model/{MODEL}")).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let targets = report["targets"].as_array().unwrap();
    targets
        .iter()
        .map(|target| (text(&target["provider"]), text(&target["why"])))
        .collect()
}

#[tokio::test]
async fn one_name_is_each_providers_own() {
    let all = offers().await;
    for (name, sim, wanted) in [
        ("llama", &all.groq, "llama-3.3-70b-versatile"),
        (
            "llama-70b",
            &all.together,
            "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        ),
        ("gpt-4o-mini", &all.openai, "gpt-4o-mini-2024-07-18"),
    ] {
        let provider = match wanted {
            "llama-3.3-70b-versatile" => "groq",
            "gpt-4o-mini-2024-07-18" => "openai",
            _ => "together",
        };
        let answer = all
            .gateway
            .post(CHAT, chat(name))
            .header("x-understudy-order", provider)
            .send()
            .await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(answer.header("x-understudy-model"), Some(wanted));
        let body: Value = serde_json::from_slice(sim.control().recent_requests()[0].body()).unwrap();
        assert_eq!(body["model"], wanted);
    }
    let answer = all
        .gateway
        .post(CHAT, chat("gpt-4o-mini"))
        .header("x-understudy-order", "azure")
        .send()
        .await;
    assert_eq!(answer.header("x-understudy-model"), Some("prod-4o-mini"));
    assert!(
        all.azure.control().recent_requests()[0]
            .path()
            .starts_with("/openai/deployments/prod-4o-mini/chat/completions?")
    );
    let input = serde_json::json!({ "model": "text-embedding-3-small", "input": "one" });
    assert_eq!(all.gateway.post("/v1/embeddings", input).send().await.status, 200);
    all.gateway.stop().await;
}

#[tokio::test]
async fn health_comes_first_then_speed_then_price_and_it_is_explained() {
    let all = offers().await;

    // Nothing is known of either: the cheaper one.
    let by_price = places(&all.gateway).await;
    assert_eq!(by_price[0].0, "groq", "{by_price:?}");
    // The cheaper one is slow, and both are measured.
    all.groq.control().set_pace(pace(300));
    for provider in ["groq", "together", "together"] {
        let answer = all
            .gateway
            .post(CHAT, chat(MODEL))
            .header("x-understudy-order", provider)
            .send()
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let by_speed = places(&all.gateway).await;
    assert_eq!(by_speed[0].0, "together", "{by_speed:?}");
    for _ in 0..5 {
        assert_eq!(
            all.gateway.post(CHAT, chat(MODEL)).send().await.hops(),
            ["together ok"]
        );
    }
    // The fast one is limited.
    all.together
        .control()
        .set_fault(fault(Fault::RateLimit).retry_after("60"));
    let moved = all.gateway.post(CHAT, chat(MODEL)).send().await;
    assert_eq!(moved.hops(), ["together rate_limited", "groq ok"]);
    let by_health = places(&all.gateway).await;
    assert_eq!(by_health[0].0, "groq", "{by_health:?}");
    let benched = target(&all.gateway, MODEL, "together").await;
    assert_eq!(
        (&benched["plain"], &benched["skip"]["reason"]),
        (&"benched".into(), &"circuit_open".into()),
        "{benched:#}"
    );
    assert!(
        (50..=60).contains(&benched["until"]["in_seconds"].as_i64().unwrap()),
        "{benched:#}"
    );
    for (provider, why) in by_price.iter().chain(&by_speed).chain(&by_health) {
        assert!(!why.is_empty(), "{provider}");
    }
    let (price, speed) = (
        target(&all.gateway, MODEL, "groq").await["price"].clone(),
        target(&all.gateway, MODEL, "groq").await["speed_ms"].clone(),
    );
    assert_eq!(
        (
            price["input"].as_f64(),
            speed.as_f64().is_some_and(|ms| ms >= 290.0)
        ),
        (Some(0.59), true),
        "{price} {speed}"
    );
    all.gateway.stop().await;
}

#[tokio::test]
async fn prices_are_counted_and_embeddings_go_to_the_cheapest() {
    let all = offers().await;

    let answer = all
        .gateway
        .post(CHAT, chat("gpt-4o-mini"))
        .header("x-understudy-order", "openai")
        .send()
        .await;
    assert_eq!(answer.status, 200);
    let metrics = all
        .gateway
        .metrics_when("a cost", |metrics| {
            metrics.metric("understudy_cost_usd_total").value() > 0.0
        })
        .await;

    let usage = &answer.json()["usage"];
    let tokens = |key: &str| usage[key].as_f64().unwrap();
    let wanted = (tokens("prompt_tokens") * 0.15 + tokens("completion_tokens") * 0.60) / 1e6;
    let cost = metrics
        .metric("understudy_cost_usd_total")
        .label("provider", "openai")
        .value();
    assert!((cost - wanted).abs() < 1e-9, "{cost} and not {wanted}");
    let report = all
        .gateway
        .admin_get("/admin/failover/model/text-embedding-3-small")
        .await;
    assert_eq!(report["order"], "cheapest");
    all.gateway.stop().await;
}
