//! Clients that go away, at every stage: told as abandoned, the provider's connection given back, nobody blamed.

use std::sync::Arc;

use tokio::sync::Notify;
use understudy::sim::{Fault, FaultRule};

use super::{CHAT, Good, serves, unharmed};
use crate::support::{BOUND, Gateway, RawProvider, Script, chat, chat_stream};

const FIRST: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n";

fn request(stream: bool) -> String {
    let body = if stream {
        chat_stream("gpt-4o")
    } else {
        chat("gpt-4o")
    }
    .to_string();
    format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_client_that_leaves_before_its_request_is_whole_leaves_nothing_behind() {
    let good = Good::start().await;
    let whole = request(false);
    let headers = whole.find("\r\n\r\n").unwrap() + 4;
    let mut heard = 0;
    for sent in [0, 3, headers - 3, headers, headers + 1, whole.len() - 1] {
        for reset in [false, true] {
            let mut client = good.gateway.raw().await;
            client.write(&whole[..sent]).await;
            if sent >= headers {
                // Understudy has read the headers, and asked for the body.
                heard += 1;
                let answered = "http.understudy.ext_proc.stream_msgs_received";
                good.gateway.wait_for_stat(answered, |count| count == heard).await;
            }
            if reset {
                client.reset();
            } else {
                drop(client);
            }
        }
    }

    good.gateway
        .wait_for_stat("http.understudy.downstream_cx_active", |active| active == 0)
        .await;
    good.gateway.until_no_session().await;
    assert_eq!(good.asked(), 0);
    let lines = good.gateway.access_lines_when(6).await;
    assert!(
        lines.iter().all(|line| line["outcome"] == "abandoned"),
        "{lines:?}"
    );
    good.stop_unharmed().await;
}

#[tokio::test]
async fn a_client_that_leaves_while_a_provider_thinks_frees_the_provider() {
    let good = Good::start().await;
    for reset in [false, true] {
        good.primary
            .control()
            .set_fault(FaultRule::new(Fault::Hang).times(1));
        let before = good.primary.control().counters();
        let mut client = good.gateway.raw().await;
        client.write(request(false)).await;
        let arrived = |seen: &understudy::sim::Counters| seen.requests == before.requests + 1;
        good.primary
            .control()
            .counters_when(BOUND, arrived)
            .await
            .unwrap();

        if reset {
            client.reset();
        } else {
            drop(client);
        }

        let freed = good
            .primary
            .control()
            .counters_when(BOUND, |seen| seen.concurrent == 0)
            .await;
        assert_eq!(freed.unwrap().abandoned, before.abandoned + 1);
        good.gateway.until_no_session().await;
    }
    let lines = good.gateway.access_lines_when(2).await;
    for line in &lines {
        assert_eq!(
            (&line["outcome"], &line["attempts"][0]["class"]),
            (&"abandoned".into(), &"abandoned".into()),
            "{line}"
        );
    }
    good.stop_unharmed().await;
}

#[tokio::test]
async fn a_client_that_leaves_while_an_answer_comes_frees_the_provider() {
    let word = Arc::new(Notify::new());
    let json =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"object\":";
    let failing =
        "HTTP/1.1 500 Oops\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"error\":";
    let events = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    for (name, head, stream) in [
        ("in a held answer", json, false),
        ("in an error that is being judged", failing, false),
        ("before the first event", events, true),
        (
            "in a stream",
            &format!("{events}{:x}\r\n{FIRST}\r\n", FIRST.len()),
            true,
        ),
    ] {
        let script = Script::new().read_request().write(head).wait_for(&word);
        let again = Script::json(200, super::answers::GOOD);
        let provider = RawProvider::start([script, again]).await;
        let gateway = Gateway::with(super::PAIR)
            .fill("max_body", "1MiB")
            .fill("primary", provider.base_url())
            .fill("backup", provider.base_url())
            .start()
            .await;
        let mut client = gateway.raw().await;
        client.write(request(stream)).await;
        provider.requests_when(1).await;
        if name == "in a stream" {
            client.read_until("\"one\"").await;
        } else {
            gateway
                .wait_for_stat("cluster.primary.upstream_cx_rx_bytes_total", |bytes| {
                    bytes >= head.len() as u64
                })
                .await;
        }

        drop(client);

        gateway.until_no_session().await;
        gateway
            .wait_for_stat("cluster.primary.upstream_cx_active", |active| active == 0)
            .await;
        let lines = gateway.access_lines_when(1).await;
        assert_eq!(lines[0]["outcome"], "abandoned", "{name}: {lines:?}");
        assert_eq!(lines[0]["attempts"][0]["class"], "abandoned", "{name}: {lines:?}");
        unharmed(&gateway, "primary").await;
        serves(&gateway).await;
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_between_two_attempts_ends_the_request() {
    let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    let primary = RawProvider::start([Script::new().read_request().wait_for(&first).write(busy)]).await;
    let backup = RawProvider::start([Script::new().read_request().wait_for(&second)]).await;
    let gateway = Gateway::with(super::PAIR)
        .fill("max_body", "1MiB")
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;
    let mut client = gateway.raw().await;
    client.write(request(false)).await;
    first.notify_one();
    backup.requests_when(1).await;

    drop(client);

    gateway.until_no_session().await;
    let lines = gateway.access_lines_when(1).await;
    let classes: Vec<_> = lines[0]["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| &attempt["class"])
        .collect();
    assert_eq!(classes, ["overloaded", "abandoned"], "{lines:?}");
    unharmed(&gateway, "backup").await;
    gateway.stop().await;
}

#[tokio::test]
async fn a_crowd_that_leaves_at_once_leaves_nothing_behind() {
    let good = Good::start().await;
    good.primary
        .control()
        .set_fault(FaultRule::new(Fault::Hang).times(50));
    let mut crowd = Vec::new();
    for number in 0..50 {
        let mut client = good.gateway.raw().await;
        client.write(request(number % 2 == 0)).await;
        crowd.push(client);
    }
    good.primary
        .control()
        .counters_when(BOUND, |seen| seen.concurrent == 50)
        .await
        .unwrap();

    drop(crowd);

    good.primary
        .control()
        .counters_when(BOUND, |seen| seen.concurrent == 0)
        .await
        .unwrap();
    good.gateway.until_no_session().await;
    assert_eq!(good.gateway.access_lines_when(50).await.len(), 50);
    good.stop_unharmed().await;
}
