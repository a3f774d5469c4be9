//! A configuration is taken over without a gap, or refused without a trace.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use tokio::sync::Notify;
use understudy::sim::{ApiKey, Fault, FaultRule, Sim, SimConfig};

use super::{PAIR, ask, asked, circuit, provider, sim};
use crate::support::call::Call;
use crate::support::{Addresses, Ending, Gateway, RawProvider, Script, chat, chat_stream, log_line, until};

const CHAT: &str = super::CHAT;

/// A stream whose second half waits for a word.
fn waiting_stream(word: &Arc<Notify>) -> Script {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    Script::new()
        .read_request()
        .write(head)
        .write_chunk("data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n")
        .wait_for(word)
        .write_chunk("data: {\"choices\":[{\"delta\":{\"content\":\"two\"}}]}\n\n")
        .write_chunk("data: [DONE]\n\n")
        .write_chunk("")
        .again()
}

#[tokio::test]
async fn an_edit_serves_new_requests_while_a_stream_of_what_it_removed_flows_on() {
    let word = Arc::new(Notify::new());
    let (old, new) = (
        RawProvider::start([waiting_stream(&word)]).await,
        sim("new").await,
    );
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", old.base_url())
        .fill("backup", old.base_url())
        .fill("new", new.base_url())
        .start()
        .await;
    let mut stream = gateway.post(CHAT, chat_stream("gpt-4o")).stream().await;
    stream.read_until("one").await;

    gateway.rewrite_config(|_| {
        "providers: { fresh: { kind: openai-compatible, endpoint: \"{new}\", api_key: sk-new } }\n\
         models: { gpt-5: { targets: [{ provider: fresh }] } }\n"
            .to_owned()
    });
    gateway.wait_for_generation(2).await;
    let served = ask(&gateway, "gpt-5").await;
    let removed = ask(&gateway, "gpt-4o").await;

    assert_eq!(served.hops(), ["fresh ok"], "{}", served.text());
    assert_eq!(removed.status, 404, "{}", removed.text());
    let error = &removed.json()["error"];
    assert_eq!(error["code"], "model_not_found");
    assert!(error["message"].as_str().unwrap().contains("gpt-5"), "{error}");
    word.notify_one();
    let whole = stream.read_all().await;
    assert_eq!((&whole.ending, whole.events().len()), (&Ending::Clean, 3));
    assert_eq!(old.connections(), 1, "the stream stayed where it was");

    // Its last request is over, so the cluster goes too, and nothing counts under its name any more.
    until(
        "end of the old cluster",
        || gateway.envoy_config(),
        |dump| !dump.to_string().contains("\"primary\""),
    )
    .await;
    let metrics = gateway.metrics().await;
    for gone in [
        "understudy_requests_total",
        "understudy_request_duration_seconds_count",
    ] {
        assert_eq!(metrics.metric(gone).label("model", "gpt-4o").count(), 0, "{gone}");
    }
    for gone in ["understudy_attempts_total", "understudy_circuit_state"] {
        assert_eq!(
            metrics.metric(gone).label("provider", "primary").count(),
            0,
            "{gone}"
        );
    }
    assert_eq!(metrics.metric("understudy_config_generation").value(), 2.0);
    assert_eq!(metrics.metric("understudy_config_applied_total").value(), 2.0);
    gateway.stop().await;
}

#[tokio::test]
async fn an_edit_is_in_force_within_a_second() {
    let primary = sim("primary").await;
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;

    let mut fastest = Duration::MAX;
    for generation in 2..6 {
        let before = Instant::now();
        gateway.rewrite_config(|yaml| yaml.replace("gpt-4o", "gpt-4o-next"));
        gateway.wait_for_generation(generation).await;
        let now = Instant::now();
        fastest = fastest.min(now.duration_since(before));
    }

    // The machine may be busy with other tests, but not during each of four edits.
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn circuits_outlive_an_edit_that_does_not_concern_them() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    primary
        .control()
        .set_fault(FaultRule::new(Fault::RateLimit).retry_after("3600").times(1));
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;
    let before = ask(&gateway, "gpt-4o").await;

    gateway.rewrite_config(|yaml| {
        yaml.replace(
            "gpt-4o:\n",
            "other: { targets: [{ provider: backup }] }\n  gpt-4o:\n    aliases: [same]\n",
        )
    });
    gateway.wait_for_generation(2).await;
    let after = ask(&gateway, "same").await;

    assert_eq!(before.hops(), ["primary rate_limited", "backup ok"]);
    assert_eq!(
        after.hops(),
        ["backup ok"],
        "benched for an hour, whatever was edited"
    );
    assert_eq!(asked(&primary), 1);
    let model = gateway.admin_get("/admin/failover/model/gpt-4o").await;
    let benched = &model["targets"][1];
    assert_eq!(
        (&benched["provider"], &benched["standing"]),
        (&"primary".into(), &"open".into())
    );
    let until = benched["until"]["in_seconds"].as_i64().unwrap();
    assert!((3000..=4000).contains(&until), "{benched}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_key_in_a_file_is_read_again_and_its_circuit_forgotten() {
    let mut config = SimConfig::named("primary");
    config.api_key = Some(ApiKey::from("sk-after-rotation"));
    let (primary, backup) = (Sim::start(config).await.unwrap(), sim("backup").await);
    let gateway = Gateway::with(&PAIR.replace("sk-primary", "file:{dir}/key"))
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url());
    std::fs::write(gateway.dir().join("key"), "sk-before-rotation\n").unwrap();
    let gateway = gateway.start().await;
    let before = ask(&gateway, "gpt-4o").await;
    let status = gateway.status().await;

    std::fs::write(gateway.dir().join("key"), "sk-after-rotation\n").unwrap();
    gateway.wait_for_generation(2).await;
    let after = ask(&gateway, "gpt-4o").await;

    assert_eq!(before.hops(), ["primary auth", "backup ok"]);
    assert_eq!(circuit(&status, "primary", "credential"), "open");
    assert_eq!(after.hops(), ["primary ok"], "{}", after.text());
    let seen = primary.control().recent_requests_unmasked_for_tests();
    let keys: Vec<_> = seen
        .iter()
        .map(|request| request.header("authorization"))
        .collect();
    assert_eq!(
        keys,
        [
            Some("Bearer sk-before-rotation"),
            Some("Bearer sk-after-rotation")
        ]
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_bad_edit_changes_nothing_and_says_everything_that_is_wrong_with_it() {
    let primary = sim("primary").await;
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;

    gateway.rewrite_config(|yaml| {
        yaml.replace("targets:", "targetz:").replace(
            "openai-compatible, endpoint: \"{backup}\"",
            "openai-compatible, endpoint: \"ftp://control.test\"",
        )
    });
    let status = gateway
        .status_when("word on the refusal", |status| !status["rejected"].is_null())
        .await;
    let answer = ask(&gateway, "gpt-4o").await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        (&status["generation"], &status["readiness"]["ready"]),
        (&1.into(), &true.into())
    );
    let reason = status["rejected"]["reason"].as_str().unwrap();
    for part in [
        "models.gpt-4o",
        "targetz",
        "did you mean `targets`",
        "ftp://control.test",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.metric("understudy_config_rejected_total").value(), 1.0);
    assert_eq!(metrics.metric("understudy_config_generation").value(), 1.0);
    log_line(&["WARN", "configuration refused"]).await;
    log_line(&["ftp://control.test"]).await;

    gateway.rewrite_config(|yaml| {
        yaml.replace("targetz:", "targets:")
            .replace("ftp://control.test", "{backup}")
    });
    let status = gateway.wait_for_generation(2).await;
    assert!(
        status["rejected"].is_null(),
        "a good edit ends the complaint: {status}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_file_that_is_gone_or_no_text_changes_nothing() {
    let primary = sim("primary").await;
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;

    for (number, break_it) in [
        (|path: &std::path::Path| std::fs::remove_file(path).unwrap()) as fn(&std::path::Path),
        |path| std::fs::write(path, [0xff, 0xfe, 0x00]).unwrap(),
        |path| std::fs::write(path, "").unwrap(),
        |path| std::fs::write(path, "providers: [").unwrap(),
    ]
    .into_iter()
    .enumerate()
    {
        break_it(gateway.config_path());
        let rejections = |wanted: f64| {
            move |metrics: &crate::support::Scrape| {
                metrics.metric("understudy_config_rejected_total").value() == wanted
            }
        };
        let count = f64::from(u32::try_from(number).unwrap() + 1);
        gateway.metrics_when("refusal", rejections(count)).await;
        assert_eq!(ask(&gateway, "gpt-4o").await.status, 200, "case {number}");
    }

    gateway.rewrite_config(|yaml| yaml.replace("gpt-4o", "gpt-5"));
    gateway.wait_for_generation(2).await;
    assert_eq!(ask(&gateway, "gpt-5").await.status, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn what_envoy_refuses_leaves_the_generation_before_in_force() {
    let primary = sim("primary").await;
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;

    gateway.rewrite_config(|yaml| {
        let secure = "kind: openai-compatible, endpoint: \"https://secure.test/v1\", tls: { ca: /nowhere/authority.pem }";
        yaml.replace("kind: openai-compatible, endpoint: \"{backup}\"", secure)
            .replace("gpt-4o", "gpt-5")
    });
    let status = gateway
        .status_when("word on the refusal", |status| !status["rejected"].is_null())
        .await;

    let reason = status["rejected"]["reason"].as_str().unwrap();
    assert!(reason.contains("Envoy did not accept it"), "{reason}");
    assert!(reason.contains("/nowhere/authority.pem"), "{reason}");
    assert_eq!(status["generation"], 1);
    let served = ask(&gateway, "gpt-4o").await;
    assert_eq!(served.status, 200, "{}", served.text());
    assert_eq!(ask(&gateway, "gpt-5").await.status, 404);
    let metrics = gateway.metrics().await;
    assert!(
        metrics
            .metric("understudy_envoy_nacks_total")
            .label("type", "clusters")
            .value()
            >= 1.0
    );
    assert_eq!(metrics.metric("understudy_config_rejected_total").value(), 1.0);
    log_line(&["WARN", "envoy refused", "/nowhere/authority.pem"]).await;
    let ready = gateway.status_when("readiness again", |status| status["readiness"]["ready"] == true);
    assert_eq!(ready.await["envoys"][0]["generation"], 1);

    gateway.rewrite_config(|yaml| {
        yaml.replace(
            "https://secure.test/v1\", tls: { ca: /nowhere/authority.pem }",
            "{backup}\"",
        )
    });
    let status = gateway.wait_for_generation(2).await;
    assert!(status["rejected"].is_null(), "{status}");
    assert_eq!(ask(&gateway, "gpt-5").await.status, 200);
    gateway.stop().await;
}

#[tokio::test]
async fn a_provider_that_moves_is_asked_at_its_new_place_and_judged_afresh() {
    let broken = RawProvider::start([Script::new().read_request().reset()]).await;
    let (moved, backup) = (sim("moved").await, sim("backup").await);
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", broken.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;
    for _ in 0..2 {
        assert_eq!(
            ask(&gateway, "gpt-4o").await.hops(),
            ["primary reset", "backup ok"]
        );
    }
    assert_eq!(circuit(&gateway.status().await, "primary", "endpoint"), "open");

    gateway.refill("primary", moved.base_url());
    gateway.wait_for_generation(2).await;
    let answer = ask(&gateway, "gpt-4o").await;

    assert_eq!(answer.hops(), ["primary ok"], "{}", answer.text());
    assert_eq!((asked(&moved), broken.connections()), (1, 2));
    assert_eq!(circuit(&gateway.status().await, "primary", "endpoint"), "closed");
    gateway.stop().await;
}

#[tokio::test]
async fn the_listener_may_move_and_checks_follow_it() {
    let primary = sim("primary").await;
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;
    let elsewhere = Addresses::unused().listen;

    gateway.rewrite_config(|yaml| {
        let checked = "api_key: sk-primary, health_check: { interval: 300ms, timeout: 300ms }";
        format!(
            "listen: {elsewhere}\n{}",
            yaml.replace("api_key: sk-primary", checked)
        )
    });
    gateway.wait_for_generation(2).await;
    let look = || async { tokio::net::TcpStream::connect(elsewhere).await.is_ok() };
    until("listener at the new place", look, |is_there| *is_there).await;
    let answer = Call::new(elsewhere, Method::POST, CHAT)
        .json(&chat("gpt-4o"))
        .send()
        .await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let checked = |status: &serde_json::Value| provider(status, "primary")["health"]["ok"] == true;
    gateway
        .status_when("a good check at the new place", checked)
        .await;
    gateway.stop().await;
}

#[tokio::test]
async fn what_needs_a_restart_is_said() {
    let primary = sim("primary").await;
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;
    let elsewhere = Addresses::unused();

    gateway.rewrite_config(|yaml| format!("admin: {}\ngrpc: {}\n{yaml}", elsewhere.admin, elsewhere.listen));
    let status = gateway.wait_for_generation(2).await;

    let warnings = status["warnings"].to_string();
    for key in ["`admin`", "`grpc`"] {
        assert!(warnings.contains(key), "{key}: {warnings}");
    }
    assert!(warnings.contains("restart"), "{warnings}");
    gateway.stop().await;
}
