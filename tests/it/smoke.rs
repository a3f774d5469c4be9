//! Each way through the harness once: what fails here fails everywhere.

use std::sync::Arc;

use tokio::sync::Notify;
use understudy::sim::{Fault, FaultRule, Sim, SimConfig};

use crate::support::{
    Authority, Ending, Gateway, NOWHERE, RawProvider, Script, chat, chat_stream, closed_port,
};

const CHAT: &str = "/v1/chat/completions";

const CONFIG: &str = r#"
providers:
  primary: { kind: openai-compatible, endpoint: "{primary}", api_key: "${PRIMARY_KEY:-sk-primary}" }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models:
  gpt-4o:
    targets:
      - { provider: primary }
      - { provider: backup, priority: 1 }
"#;

async fn sim(name: &str) -> Sim {
    Sim::start(SimConfig::named(name)).await.unwrap()
}

#[tokio::test]
async fn a_request_that_the_primary_refuses_is_answered_by_the_backup() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    primary.control().set_fault(FaultRule::new(Fault::Overloaded));
    let gateway = Gateway::with(CONFIG)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .env("PRIMARY_KEY", "sk-from-env")
        .start()
        .await;

    let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.hops(), ["primary overloaded", "backup ok"]);
    assert_eq!(answer.header("x-understudy-provider"), Some("backup"));
    assert_eq!(backup.control().counters().requests, 1);
    let asked = &primary.control().recent_requests_unmasked_for_tests()[0];
    assert_eq!(asked.header("authorization"), Some("Bearer sk-from-env"));
    assert_eq!(
        gateway
            .wait_for_stat("cluster.backup.upstream_rq_retry", |n| n > 0)
            .await,
        1
    );
    let metrics = gateway.metrics().await;
    let failed = metrics
        .metric("understudy_attempts_total")
        .label("provider", "primary");
    assert_eq!(failed.value(), 1.0, "{failed:?}");
    let lines = gateway.access_lines_when(1).await;
    assert_eq!(lines[0]["attempts"].as_array().unwrap().len(), 2, "{lines:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_stream_arrives_as_it_comes_and_a_client_may_leave() {
    let word = Arc::new(Notify::new());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let event = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let script = Script::new()
        .read_request()
        .write(head)
        .write_chunk(&event("one"))
        .wait_for(&word)
        .write_chunk(&event("two"))
        .write_chunk("data: [DONE]\n\n")
        .write_chunk("")
        .again();
    let primary = RawProvider::start([script]).await;
    let gateway = Gateway::with(CONFIG)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;

    let mut stream = gateway.post(CHAT, chat_stream("gpt-4o")).stream().await;
    stream.read_until("one").await;
    word.notify_one();
    let whole = stream.read_all().await;
    let mut left = gateway.post(CHAT, chat_stream("gpt-4o")).stream().await;
    left.read_until("one").await;
    drop(left);

    assert_eq!(whole.ending, Ending::Clean);
    assert_eq!(whole.events()[2], "[DONE]");
    assert_eq!(primary.requests()[0].line(), "POST /v1/chat/completions HTTP/1.1");
    gateway.until_no_session().await;
    let lines = gateway.access_lines_when(2).await;
    assert_eq!(lines[1]["outcome"], "abandoned", "{lines:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn one_connection_carries_many_requests_in_both_versions_of_http() {
    let primary = sim("primary").await;
    let gateway = Gateway::with(CONFIG)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;

    for mut connection in [gateway.connection().await, gateway.http2_connection().await] {
        for _ in 0..3 {
            let answer = gateway.post(CHAT, chat("gpt-4o")).send_on(&mut connection).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        assert!(connection.is_usable().await);
    }
    let answer = gateway.post(CHAT, chat("gpt-4o")).http2().send().await;

    assert_eq!(answer.version, http::Version::HTTP_2);
    assert_eq!(primary.control().counters().requests, 7);
    gateway.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_request_get_an_answer_too() {
    let primary = sim("primary").await;
    let gateway = Gateway::with(CONFIG)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;

    let mut client = gateway.raw().await;
    client
        .write("POST /v1/chat/completions HTTP/1.1\r\nbroken\r\n\r\n")
        .await;
    let answer = client.read_to_end().await;

    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_primary_that_cannot_be_reached_is_passed_over() {
    let backup = sim("backup").await;
    let resetting = RawProvider::start([Script::new().read_request().reset()]).await;
    for (primary, class) in [
        (format!("http://{}/v1", closed_port()), "connect"),
        (format!("http://{NOWHERE}/v1"), "connect"),
        (resetting.base_url(), "reset"),
    ] {
        let gateway = Gateway::with(CONFIG)
            .fill("primary", &primary)
            .fill("backup", backup.base_url())
            .start()
            .await;

        let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;

        assert_eq!(answer.status, 200, "{primary}: {}", answer.text());
        assert_eq!(
            answer.hops(),
            [&format!("primary {class}"), "backup ok"],
            "{primary}"
        );
        gateway.stop().await;
    }
    assert_eq!(resetting.connections(), 1);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() {
    let authority = Authority::new();
    let secure = async |name: &str, server: &str| {
        let mut config = SimConfig::named(name);
        config.tls = Some(authority.issue(server));
        Sim::start(config).await.unwrap()
    };
    let (primary, backup) = (
        secure("primary", "other.test").await,
        secure("backup", "localhost").await,
    );
    let config = CONFIG.replace("endpoint:", "tls: { ca: \"{dir}/authority.pem\" }, endpoint:");
    let gateway = Gateway::with(&config)
        .fill("primary", primary.base_url().replace("127.0.0.1", "localhost"))
        .fill("backup", backup.base_url().replace("127.0.0.1", "localhost"));
    authority.write_to(gateway.dir());
    let gateway = gateway.start().await;

    let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    let trail = answer.trail();
    assert_eq!(
        (trail[0].provider.as_str(), trail[0].status),
        ("primary", None),
        "{trail:?}"
    );
    assert_eq!(primary.control().counters().requests, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn an_edit_of_the_configuration_is_taken_over() {
    let primary = sim("primary").await;
    let mut gateway = Gateway::with(CONFIG)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;

    gateway.rewrite_config(|yaml| yaml.replace("gpt-4o:", "gpt-5:"));
    gateway.wait_for_generation(2).await;
    let new = gateway.post(CHAT, chat("gpt-5")).send().await;
    let old = gateway.post(CHAT, chat("gpt-4o")).send().await;

    assert_eq!((new.status.as_u16(), old.status.as_u16()), (200, 404));
    gateway.stop().await;
}

#[tokio::test]
async fn either_half_may_be_restarted() {
    let primary = sim("primary").await;
    let mut gateway = Gateway::with(CONFIG)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;

    gateway.envoy().kill().await;
    let after_envoy = gateway.post(CHAT, chat("gpt-4o")).send().await;
    gateway.stop_understudy().await;
    let without = gateway.post(CHAT, chat("gpt-4o")).send().await;
    gateway.start_understudy().await;
    let after_stop = gateway.post(CHAT, chat("gpt-4o")).send().await;
    gateway.kill_understudy();
    gateway.start_understudy().await;
    let after_kill = gateway.post(CHAT, chat("gpt-4o")).send().await;

    assert_eq!(after_envoy.status, 200, "{}", after_envoy.text());
    assert_eq!(without.status, 503, "{}", without.text());
    assert_eq!(after_stop.status, 200, "{}", after_stop.text());
    assert_eq!(after_kill.status, 200, "{}", after_kill.text());
    gateway.stop().await;
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_refused() {
    let error = Gateway::with("providers: {}\nmodels: 3\n").refused().await;

    assert!(error.to_string().contains("models"), "{error}");
}
