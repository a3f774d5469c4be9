//! Many requests at once, large prompts, large answers, both versions of HTTP.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use understudy::sim::{Fault, Pace, Sim, SimConfig};

use super::{CHAT, PAIR, failing, fault, sim};
use crate::support::{
    Answer, BOUND, Call, Ending, Gateway, RawProvider, Running, Script, chat, chat_stream, closed_port,
};

async fn gateway(primary: &str, backup: &Sim) -> Running {
    Gateway::with(PAIR)
        .fill("primary", primary)
        .fill("backup", backup.base_url())
        .start()
        .await
}

/// Sends all of them at once.
async fn all(calls: impl IntoIterator<Item = Call>) -> Vec<Answer> {
    let sent: Vec<_> = calls.into_iter().map(|call| tokio::spawn(call.send())).collect();
    let mut answers = Vec::with_capacity(sent.len());
    for one in sent {
        answers.push(one.await.unwrap());
    }
    answers
}

fn prompt(bytes: usize) -> Value {
    json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "p".repeat(bytes) }] })
}

#[tokio::test]
async fn two_hundred_at_once_against_a_failing_primary_all_succeed() {
    for broken in [Fault::ServerError, Fault::Reset] {
        let (primary, backup) = (failing("primary", fault(broken)).await, sim("backup").await);
        let gateway = gateway(&primary.base_url(), &backup).await;

        let first = all((0..200).map(|n| {
            gateway.post(
                CHAT,
                if n % 2 == 0 {
                    chat("gpt-4o")
                } else {
                    chat_stream("gpt-4o")
                },
            )
        }))
        .await;
        let asked = primary.control().counters().requests;
        let second = all((0..200).map(|_| gateway.post(CHAT, chat("gpt-4o")))).await;

        for answer in first.iter().chain(&second) {
            assert_eq!(answer.status, 200, "{broken}: {}", answer.text());
            assert_eq!(answer.header("x-understudy-provider"), Some("backup"));
        }
        // Whoever was on its way when the circuit opened has met the failure; nobody after that.
        assert!((1..=200).contains(&asked), "{broken}: {asked}");
        assert_eq!(primary.control().counters().requests, asked, "{broken}");
        assert!(
            second.iter().all(|answer| answer.hops() == ["backup ok"]),
            "{broken}"
        );
        assert_eq!(
            backup.control().counters().requests,
            400,
            "{broken}: nobody is billed twice"
        );
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_dead_primary_is_asked_a_handful_of_times_by_steady_traffic() {
    let backup = sim("backup").await;
    let gateway = gateway(&format!("http://{}/v1", closed_port()), &backup).await;
    let mut hops: BTreeMap<String, usize> = BTreeMap::new();

    let mut connections = Vec::new();
    for _ in 0..10 {
        connections.push(gateway.connection().await);
    }
    for _ in 0..20 {
        for connection in &mut connections {
            let answer = gateway.post(CHAT, chat("gpt-4o")).send_on(connection).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            for hop in answer.hops() {
                *hops.entry(hop).or_default() += 1;
            }
        }
    }

    assert_eq!(
        hops,
        [("backup ok".to_owned(), 200), ("primary connect".to_owned(), 2)].into()
    );
    assert_eq!(
        gateway
            .envoy_stat("cluster.primary.upstream_cx_connect_fail")
            .await,
        2
    );
    gateway.stop().await;
}

#[tokio::test]
async fn large_prompts_fail_over_whole_many_at_once() {
    const SIZE: usize = 5 << 20;
    // One answers when it has read everything, one breaks, one answers before it has read anything.
    let early = Script::new()
        .read_head()
        .write("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .hold();
    let early = RawProvider::start([early]).await;
    let (busy, broken) = (
        failing("busy", fault(Fault::Overloaded)).await,
        failing("broken", fault(Fault::Reset)).await,
    );
    for primary in [busy.base_url(), broken.base_url(), early.base_url()] {
        let backup = sim("backup").await;
        let gateway = gateway(&primary, &backup).await;

        let answers = all((0..4).map(|n| {
            let call = gateway.post(CHAT, prompt(SIZE));
            if n % 2 == 0 { call } else { call.http2() }
        }))
        .await;

        for answer in &answers {
            assert_eq!(
                (answer.status.as_u16(), answer.header("x-understudy-provider")),
                (200, Some("backup")),
                "{primary}: {}",
                answer.text()
            );
        }
        let wanted = prompt(SIZE).to_string().len();
        let received = backup.control().recent_requests();
        assert_eq!(received.len(), 4, "{primary}");
        let digests: Vec<String> = received
            .iter()
            .map(understudy::sim::ReceivedRequest::body_sha256)
            .collect();
        assert!(
            received.iter().all(|request| request.body_size() == wanted),
            "{primary}: {received:?}"
        );
        assert!(digests.iter().all(|digest| *digest == digests[0]), "{primary}");
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_large_answer_waits_for_a_client_that_reads_slowly() {
    let mut config = SimConfig::named("large");
    config.pace = Pace {
        answer_bytes: 12 << 20,
        ..Pace::default()
    };
    let large = Sim::start(config).await.unwrap();
    let gateway = gateway(&large.base_url(), &large).await;
    let body = json!({ "model": "gpt-4o", "input": "one" });

    for http2 in [false, true] {
        let call = gateway.post("/v1/embeddings", body.clone());
        let answer = if http2 { call.http2() } else { call }.stream().await;
        // The provider has said all of it, and the client has read nothing but the headers.
        let over = large
            .control()
            .counters_when(BOUND, |seen| seen.concurrent == 0)
            .await;
        assert!(over.is_ok(), "{over:?}");
        gateway
            .wait_for_stat("cluster.primary.upstream_rq_active", |active| active == 0)
            .await;
        let whole = answer.read_all().await;

        assert_eq!(whole.ending, Ending::Clean, "{http2}");
        assert!(whole.partial().body.len() >= 12 << 20, "{http2}");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn one_connection_carries_streams_and_failures_side_by_side() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    primary.control().set_fault(fault(Fault::ServerError).rate(0.5));
    let config = PAIR.replace(
        "models:",
        "defaults: { breaker: { consecutive_failures: off, error_rate: off } }\nmodels:",
    );
    let gateway = Gateway::with(&config)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;
    let mut connection = gateway.http2_connection().await;

    let mut streams = Vec::new();
    for number in 0..60 {
        let body = if number % 3 == 0 {
            chat_stream("gpt-4o")
        } else {
            chat("gpt-4o")
        };
        streams.push(gateway.post(CHAT, body).stream_on(&mut connection).await);
    }
    let mut moved = 0;
    for stream in streams {
        let hops = stream.hops();
        let whole = stream.read_all().await;
        assert_eq!(
            (whole.partial().status.as_u16(), &whole.ending),
            (200, &Ending::Clean),
            "{hops:?}"
        );
        moved += u64::from(hops.len() == 2);
    }

    assert_eq!(
        primary
            .control()
            .counters()
            .by_status
            .get(&500)
            .copied()
            .unwrap_or_default(),
        moved
    );
    assert!((10..=50).contains(&moved), "{moved} of 60");
    assert!(connection.is_usable().await);
    gateway.stop().await;
}

#[tokio::test]
async fn clients_that_leave_cost_nobody_anything() {
    let (primary, backup) = (failing("primary", fault(Fault::Hang)).await, sim("backup").await);
    let gateway = gateway(&primary.base_url(), &backup).await;

    let mut raw = Vec::new();
    for _ in 0..5 {
        let mut client = gateway.raw().await;
        let body = chat("gpt-4o").to_string();
        let length = body.len();
        client
            .write(format!("POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"))
            .await;
        raw.push(client);
    }
    primary
        .control()
        .counters_when(BOUND, |seen| seen.concurrent == 5)
        .await
        .unwrap();
    raw.into_iter().for_each(crate::support::RawClient::reset);
    let left = primary
        .control()
        .counters_when(BOUND, |seen| seen.abandoned == 5)
        .await;
    assert!(left.is_ok(), "{left:?}");
    gateway.until_no_session().await;

    let lines = gateway.access_lines_when(5).await;
    assert!(
        lines.iter().all(|line| line["outcome"] == "abandoned"),
        "{lines:#?}"
    );
    primary.control().clear_faults();
    let after = gateway.post(CHAT, chat("gpt-4o")).send().await;
    assert_eq!(after.hops(), ["primary ok"], "it was not the provider's fault");
    assert_eq!(backup.control().counters().requests, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn nothing_is_left_of_a_mixed_bag() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let faults = [
        Fault::RateLimit,
        Fault::ServerError,
        Fault::Overloaded,
        Fault::Reset,
        Fault::Close,
        Fault::Html,
        Fault::Empty,
        Fault::BadJson,
        Fault::CutStream,
        Fault::Gzip,
        Fault::BigError,
        Fault::ContentFilter,
        Fault::Redirect,
    ];
    let rules = faults.map(|one| fault(one).rate(0.1));
    primary.control().set_faults(rules.to_vec());
    let config = PAIR.replace(
        "models:",
        "defaults: { breaker: { consecutive_failures: off, error_rate: off } }\nmodels:",
    );
    let gateway = Gateway::with(&config)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;

    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for _ in 0..6 {
        for answer in all((0..50).map(|_| gateway.post(CHAT, chat("gpt-4o")))).await {
            *statuses.entry(answer.status.as_u16()).or_default() += 1;
        }
        gateway
            .admin_post("/admin/circuits/reset", &json!({ "provider": "primary" }))
            .await;
    }

    let filtered = statuses.remove(&400).unwrap_or_default();
    assert_eq!(
        statuses,
        [(200, 300 - filtered)].into(),
        "only what was filtered failed"
    );
    gateway.until_no_session().await;
    gateway
        .wait_for_stat("cluster.primary.upstream_rq_active", |active| active == 0)
        .await;
    let metrics = gateway.metrics().await;
    assert_eq!(metrics.metric("understudy_requests_total").value(), 300.0);
    gateway.stop().await;
}
