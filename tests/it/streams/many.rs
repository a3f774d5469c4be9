//! Many streams at once: none is lost, reordered or mixed up, and each one costs little.

use std::time::Duration;

use serde_json::{Value, json};
use understudy::sim::{Pace, Sim, SimConfig};

use super::CHAT;
use crate::support::{Ending, Gateway};

/// Streams at once.
const STREAMS: usize = 500;

/// Events with content in each.
const EVENTS: u32 = 100;

/// A sentence that is in no other stream, with more letters than it has events; the provider repeats 200 of them.
fn sentence(number: usize) -> String {
    let letter = |place: usize| char::from(b'a' + u8::try_from((place * place + number) % 26).unwrap());
    let letters: String = (0..190).map(letter).collect();
    format!("{number:03} {letters}")
}

fn text_of(events: &[String]) -> String {
    let content = |event: &String| {
        let event: Value = serde_json::from_str(event).ok()?;
        Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned())
    };
    events.iter().filter_map(content).collect()
}

#[tokio::test]
async fn five_hundred_streams_of_a_hundred_events_each_arrive_whole_and_in_order() {
    let pace = Pace {
        tokens: EVENTS,
        inter_token: Duration::from_millis(5),
        ..Pace::default()
    };
    let config = SimConfig {
        pace,
        keep_requests: 0,
        ..SimConfig::named("p")
    };
    let provider = Sim::start(config).await.unwrap();
    let gateway = Gateway::with(
        r#"
providers: { p: { kind: openai-compatible, endpoint: "{p}", auth: none } }
models: { m: { targets: [ { provider: p } ], failover: { first_token_timeout: 60s, timeout: 120s } } }
"#,
    )
    .fill("p", provider.base_url())
    .start()
    .await;

    let streams: Vec<_> = (0..STREAMS)
        .map(|number| {
            let body = json!({ "model": "m", "stream": true,
                "messages": [{ "role": "user", "content": sentence(number) }] });
            let call = gateway.post(CHAT, body);
            tokio::spawn(async move { call.stream().await.read_all().await })
        })
        .collect();

    for (number, stream) in streams.into_iter().enumerate() {
        let ended = stream.await.unwrap();
        let events = ended.events();
        assert_eq!(ended.ending, Ending::Clean, "stream {number}");
        assert_eq!(
            text_of(&events),
            format!("sim p says: {}", sentence(number)),
            "stream {number}"
        );
        assert_eq!(
            events.last().map(String::as_str),
            Some("[DONE]"),
            "stream {number}"
        );
        assert!(
            events.len() >= EVENTS as usize,
            "stream {number}: {}",
            events.len()
        );
    }
    // A protection against floods, which our own processor must never set off.
    assert_eq!(
        gateway
            .envoy_stat("cluster.understudy.http2.outbound_flood")
            .await,
        0
    );
    gateway.until_no_session().await;
    let lines = gateway.access_lines_when(STREAMS).await;
    assert!(lines.iter().all(|line| line["outcome"] == "success"));
    assert!(
        lines
            .iter()
            .all(|line| line["output_tokens_per_second"].as_f64() > Some(1.0))
    );
    gateway.stop().await;
    provider.shutdown().await;
}
