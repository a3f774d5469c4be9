//! Either half goes and comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use understudy::sim::{Fault, FaultRule};

use super::{CHAT, PAIR, ask, asked, circuit, sim};
use crate::support::{BOUND, Ending, Gateway, RawProvider, Script, chat, chat_stream, within};

#[tokio::test]
async fn without_understudy_envoy_says_so_at_once_and_serves_again_when_it_is_back() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;
    assert_eq!(ask(&gateway, "gpt-4o").await.status, 200);

    gateway.kill_understudy();
    let before = Instant::now();
    let without = ask(&gateway, "gpt-4o").await;
    let now = Instant::now();
    let took = now.duration_since(before);
    let listing = gateway.get("/v1/models").send().await;
    let envoy_before = gateway.envoy().pid();
    gateway.start_understudy().await;
    let with = ask(&gateway, "gpt-4o").await;

    for answer in [&without, &listing] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        let error = &answer.json()["error"];
        assert_eq!(
            (&error["type"], &error["code"]),
            (&"api_error".into(), &"gateway_unavailable".into())
        );
        assert!(
            error["param"].is_null() && error["message"].is_string(),
            "{error}"
        );
    }
    assert!(
        took < Duration::from_secs(5),
        "at once, not after a timeout: {took:?}"
    );
    assert_eq!(with.hops(), ["primary ok"], "{}", with.text());
    assert_eq!(gateway.envoy().pid(), envoy_before, "Envoy was left alone");
    gateway.stop().await;
}

#[tokio::test]
async fn requests_on_their_way_when_understudy_dies_end_and_never_look_complete() {
    let word = Arc::new(Notify::new());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let script = Script::new()
        .read_request()
        .write(head)
        .write_chunk("data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n")
        .hold();
    let streaming = RawProvider::start([script]).await;
    let hanging = RawProvider::start([Script::new().read_request().wait_for(&word)]).await;
    let other = "  other: { targets: [{ provider: backup }] }\n";
    let mut gateway = Gateway::with(&format!("{PAIR}{other}"))
        .fill("primary", streaming.base_url())
        .fill("backup", hanging.base_url())
        .start()
        .await;
    let mut stream = gateway.post(CHAT, chat_stream("gpt-4o")).stream().await;
    stream.read_until("one").await;
    let waiting = tokio::spawn(gateway.post(CHAT, chat("other")).send());
    hanging.requests_when(1).await;

    gateway.kill_understudy();
    let refused = within("end of the request that waited", waiting).await.unwrap();
    let cut = stream.read_all().await;

    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "gateway_unavailable");
    assert!(matches!(cut.ending, Ending::Broken(_)), "{cut:?}");
    gateway.start_understudy().await;
    gateway.stop().await;
}

#[tokio::test]
async fn understudy_lets_requests_finish_before_it_stops() {
    let word = Arc::new(Notify::new());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let script = Script::new()
        .read_request()
        .write(head)
        .write_chunk("data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n")
        .wait_for(&word)
        .write_chunk("data: [DONE]\n\n")
        .write_chunk("");
    let primary = RawProvider::start([script]).await;
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;
    let mut stream = gateway.post(CHAT, chat_stream("gpt-4o")).stream().await;
    stream.read_until("one").await;

    let rest = async {
        word.notify_one();
        stream.read_all().await
    };
    let (whole, ()) = tokio::join!(rest, gateway.stop_understudy());

    assert_eq!(whole.ending, Ending::Clean);
    assert_eq!(whole.events().last().map(String::as_str), Some("[DONE]"));
    let lines = gateway.access_lines();
    assert_eq!(
        (lines.len(), &lines[0]["outcome"]),
        (1, &"success".into()),
        "told before the end"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn an_envoy_that_died_takes_nothing_with_it() {
    let primary = sim("primary").await;
    primary.control().set_fault(FaultRule::new(Fault::Hang).times(1));
    let mut gateway = Gateway::with(PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", primary.base_url())
        .start()
        .await;
    let mut connection = gateway.connection().await;
    let request = gateway.post(CHAT, chat("gpt-4o")).stream_on(&mut connection);
    let arrived = primary.control().counters_when(BOUND, |seen| seen.requests == 1);
    tokio::select! {
        answer = request => panic!("an answer came: {answer:?}"),
        seen = arrived => assert!(seen.is_ok(), "{seen:?}"),
    }

    gateway.envoy().kill().await;
    gateway.until_no_session().await;
    let answer = ask(&gateway, "gpt-4o").await;

    assert_eq!(answer.hops(), ["primary ok"], "{}", answer.text());
    assert_eq!(asked(&primary), 2);
    let status = gateway.status().await;
    assert_eq!(
        circuit(&status, "primary", "endpoint"),
        "closed",
        "not the provider's fault"
    );
    assert_eq!(status["envoys"].as_array().unwrap().len(), 1, "{status}");
    let lines = gateway.access_lines_when(2).await;
    assert_eq!(lines[0]["outcome"], "abandoned", "{lines:?}");
    gateway.stop().await;
}
