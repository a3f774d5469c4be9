//! What each fault looks like to a caller.

use std::io::{ErrorKind, Read as _};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::client::{Answer, ask_on, open_until, post};
use super::{BOUND, CHAT, chat, hello, hello_streamed};
use crate::sim::{Encoding, Fault, FaultRule, Reach, Sim, SimConfig};

async fn faulty(rule: FaultRule) -> Sim {
    Sim::start(SimConfig {
        faults: vec![rule],
        ..SimConfig::named("a")
    })
    .await
    .unwrap()
}

async fn struck(rule: FaultRule) -> Answer {
    chat(&faulty(rule).await, &hello("m")).await
}

async fn stream_struck(rule: FaultRule) -> Answer {
    chat(&faulty(rule).await, &hello_streamed("m")).await
}

/// Fault, status, type and code.
const ERRORS: [(Fault, u16, &str, &str); 8] = [
    (Fault::RateLimit, 429, "rate_limit_error", "rate_limit_exceeded"),
    (Fault::Quota, 429, "insufficient_quota", "insufficient_quota"),
    (Fault::Auth, 401, "invalid_request_error", "invalid_api_key"),
    (Fault::ServerError, 500, "server_error", "server_error"),
    (
        Fault::Overloaded,
        503,
        "service_unavailable_error",
        "server_is_overloaded",
    ),
    (
        Fault::ContextLength,
        400,
        "invalid_request_error",
        "context_length_exceeded",
    ),
    (
        Fault::ContentFilter,
        400,
        "invalid_request_error",
        "content_policy_violation",
    ),
    (
        Fault::ModelNotFound,
        404,
        "invalid_request_error",
        "model_not_found",
    ),
];

#[tokio::test]
async fn errors_have_their_status_type_and_code() {
    for (fault, status, kind, code) in ERRORS {
        for body in [hello("m"), hello_streamed("m")] {
            let answer = chat(&faulty(FaultRule::new(fault)).await, &body).await;

            let error = &answer.json()["error"];
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (status, Some("application/json")),
                "{fault}"
            );
            assert_eq!(
                (&error["type"], &error["code"]),
                (&json!(kind), &json!(code)),
                "{fault}"
            );
            assert!(
                error["message"].is_string() && error.get("param").is_some(),
                "{fault}"
            );
        }
    }
}

#[tokio::test]
async fn errors_on_azures_paths_have_azures_codes() {
    let dated = "/openai/deployments/d/chat/completions?api-version=2024-10-21";
    let table = [
        (Fault::RateLimit, dated, "429"),
        (
            Fault::RateLimit,
            "/openai/v1/chat/completions",
            "too_many_requests",
        ),
        (Fault::Auth, dated, "401"),
        (Fault::ModelNotFound, dated, "DeploymentNotFound"),
        (Fault::ContentFilter, dated, "content_filter"),
        (Fault::Overloaded, dated, "ServiceUnavailable"),
        (Fault::ServerError, dated, "InternalServerError"),
        (Fault::Quota, dated, "insufficient_quota"),
        (Fault::ContextLength, dated, "context_length_exceeded"),
    ];

    for (fault, path, code) in table {
        let sim = faulty(FaultRule::new(fault)).await;
        let answer = post(sim.addr(), path, &[], hello("m").to_string().as_bytes()).await;

        assert_eq!(answer.json()["error"]["code"], code, "{fault}");
    }
    let sim = faulty(FaultRule::new(Fault::RateLimit).retry_after("1.5")).await;
    let answer = post(sim.addr(), dated, &[], hello("m").to_string().as_bytes()).await;
    assert_eq!(
        (answer.header("retry-after"), answer.header("retry-after-ms")),
        (Some("1.5"), Some("1500"))
    );
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back_in_the_words_of_its_rule() {
    let usual = struck(FaultRule::new(Fault::RateLimit)).await;
    let seven = struck(FaultRule::new(Fault::RateLimit).retry_after("7")).await;
    let date = struck(FaultRule::new(Fault::RateLimit).retry_after("Fri, 31 Dec 2027 23:59:59 GMT")).await;
    let silent = struck(FaultRule::new(Fault::RateLimit).retry_after("")).await;
    let dressed = FaultRule::new(Fault::RateLimit)
        .header("retry-after-ms".parse().unwrap(), "250".parse().unwrap())
        .header("x-ratelimit-reset-requests".parse().unwrap(), "".parse().unwrap());
    let dressed = struck(dressed).await;

    assert_eq!(
        (
            usual.header("retry-after"),
            usual.header("x-ratelimit-remaining-requests")
        ),
        (Some("1"), Some("0"))
    );
    assert_eq!(
        (
            seven.header("retry-after"),
            seven.header("x-ratelimit-reset-requests")
        ),
        (Some("7"), Some("7s"))
    );
    assert_eq!(date.header("retry-after"), Some("Fri, 31 Dec 2027 23:59:59 GMT"));
    assert_eq!(silent.header("retry-after"), None);
    assert_eq!(
        (
            dressed.header("retry-after-ms"),
            dressed.header("x-ratelimit-reset-requests")
        ),
        (Some("250"), None)
    );
}

#[tokio::test]
async fn any_final_status_can_be_asked_for() {
    for status in [204, 302, 403, 404, 418, 499, 502, 503, 504, 529] {
        let rule = FaultRule::new(Fault::ServerError)
            .status(StatusCode::from_u16(status).unwrap())
            .message("as told");

        let answer = struck(rule).await;

        assert_eq!(answer.status, status);
        if status != 204 {
            assert_eq!(answer.json()["error"]["message"], "as told");
        }
    }
    let informational = struck(FaultRule::new(Fault::ServerError).status(StatusCode::PROCESSING)).await;
    assert_eq!(informational.status, 500);
}

#[tokio::test]
async fn only_who_decodes_the_gzip_learns_that_it_is_the_quota() {
    let answer = struck(FaultRule::new(Fault::Gzip)).await;
    let broken = struck(FaultRule::new(Fault::GzipBroken)).await;
    let zstd = struck(FaultRule::new(Fault::Overloaded).encoding(Encoding::Zstd)).await;

    let mut decoded = String::new();
    flate2::read::GzDecoder::new(&*answer.body)
        .read_to_string(&mut decoded)
        .unwrap();
    assert_eq!(
        (answer.status, answer.header("content-encoding")),
        (429, Some("gzip"))
    );
    assert!(decoded.contains("insufficient_quota"), "{decoded}");
    assert!(
        flate2::read::GzDecoder::new(&*broken.body)
            .read_to_string(&mut decoded)
            .is_err()
    );
    assert_eq!(
        (zstd.status, zstd.header("content-encoding")),
        (503, Some("zstd"))
    );
}

#[tokio::test]
async fn odd_answers_are_as_odd_as_they_are_named() {
    let empty = struck(FaultRule::new(Fault::Empty)).await;
    let html = struck(FaultRule::new(Fault::Html)).await;
    let big = struck(FaultRule::new(Fault::BigError)).await;
    let redirect = struck(FaultRule::new(Fault::Redirect)).await;
    let bad = struck(FaultRule::new(Fault::BadJson)).await;
    let inside = struck(FaultRule::new(Fault::StreamError)).await;

    assert_eq!((empty.status, empty.body.len(), empty.is_whole), (200, 0, true));
    assert_eq!((html.status, html.text().starts_with("<html>")), (502, true));
    assert_eq!(
        (big.status, big.body.len(), big.is_whole),
        (500, 10_000_000, true)
    );
    assert_eq!(big.json()["error"]["code"], "server_error");
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (307, Some("/v1/elsewhere"))
    );
    assert!(bad.status == 200 && bad.is_whole && serde_json::from_slice::<Value>(&bad.body).is_err());
    assert_eq!(
        (inside.status, &inside.json()["error"]["type"]),
        (200, &json!("server_error"))
    );
}

#[tokio::test]
async fn a_cut_leaves_what_was_sent_and_no_end() {
    let stream = stream_struck(FaultRule::new(Fault::CutStream).after_events(2)).await;
    let at_once = stream_struck(FaultRule::new(Fault::CutStream).after_events(0)).await;
    let late = stream_struck(FaultRule::new(Fault::CutStream).after_events(1000)).await;
    let plain = struck(FaultRule::new(Fault::CutStream)).await;

    // Role and two events with content.
    assert_eq!(
        (stream.status, stream.is_whole, stream.chunks().len()),
        (200, false, 3)
    );
    assert_eq!(
        (at_once.status, at_once.is_whole, at_once.body.len()),
        (200, false, 0)
    );
    assert_eq!(
        (late.is_whole, late.said().as_str(), late.chunks().len()),
        (false, "sim a says: hello", 11)
    );
    assert!(!plain.is_whole && !plain.body.is_empty());
}

#[tokio::test]
async fn an_error_event_ends_a_stream_without_done() {
    let first = stream_struck(FaultRule::new(Fault::StreamError)).await;
    let later = stream_struck(
        FaultRule::new(Fault::StreamError)
            .after_events(2)
            .message("broke"),
    )
    .await;

    assert_eq!(
        (first.status, first.is_whole, first.chunks().len()),
        (200, true, 1)
    );
    assert_eq!(first.chunks()[0]["error"]["type"], "server_error");
    assert_eq!(later.chunks().len(), 4);
    assert_eq!(later.chunks()[3]["error"]["message"], "broke");
    assert!(!later.text().contains("[DONE]"));
}

#[tokio::test]
async fn a_malformed_event_stands_alone_in_a_stream() {
    let first = stream_struck(FaultRule::new(Fault::BadJson)).await;
    let later = stream_struck(FaultRule::new(Fault::BadJson).after_events(3)).await;

    for (answer, position) in [(first, 0), (later, 4)] {
        let events = answer.events();
        assert!(serde_json::from_str::<Value>(&events[position]).is_err());
        assert_eq!(
            (answer.said().as_str(), events.last().unwrap().as_str()),
            ("sim a says: hello", "[DONE]")
        );
    }
}

#[tokio::test]
async fn no_done_misses_nothing_but_the_marker() {
    let answer = stream_struck(FaultRule::new(Fault::NoDone)).await;

    assert_eq!(
        (answer.is_whole, answer.said().as_str()),
        (true, "sim a says: hello")
    );
    assert!(!answer.text().contains("[DONE]"));
    assert_eq!(struck(FaultRule::new(Fault::NoDone)).await.status, 200);
}

#[tokio::test]
async fn a_hanging_request_ends_when_its_caller_leaves() {
    let sim = faulty(FaultRule::new(Fault::Hang)).await;
    let caller = tokio::spawn({
        let (addr, body) = (sim.addr(), hello("m").to_string());
        async move { post(addr, CHAT, &[], body.as_bytes()).await }
    });

    let held = sim
        .control()
        .counters_when(BOUND, |counters| counters.by_fault.contains_key(&Fault::Hang))
        .await;
    caller.abort();
    let left = sim
        .control()
        .counters_when(BOUND, |counters| counters.abandoned == 1)
        .await
        .unwrap();

    let held = held.unwrap();
    assert_eq!((held.concurrent, held.by_status.len()), (1, 0));
    assert_eq!((left.concurrent, left.max_concurrent), (0, 1));
}

#[tokio::test]
async fn a_stall_keeps_the_connection_and_sends_no_more() {
    for (body, expected) in [
        (hello_streamed("m"), r#""content":"im""#),
        (hello("m"), "chat.completion"),
    ] {
        let sim = faulty(FaultRule::new(Fault::Stall).after_events(2)).await;

        let (caller, seen) = open_until(sim.addr(), CHAT, body.to_string().as_bytes(), expected).await;
        let during = sim.control().counters();
        drop(caller);
        let left = sim
            .control()
            .counters_when(BOUND, |counters| counters.abandoned == 1)
            .await
            .unwrap();

        assert!(seen.starts_with("HTTP/1.1 200 OK"), "{seen}");
        assert_eq!((during.concurrent, left.concurrent), (1, 0));
    }
}

#[tokio::test]
async fn a_slow_first_token_comes_after_the_head() {
    let slow = FaultRule::new(Fault::SlowFirstToken).delay(Duration::from_hours(1));
    for body in [hello_streamed("m"), hello("m")] {
        let sim = faulty(slow.clone()).await;

        let (_caller, seen) = open_until(sim.addr(), CHAT, body.to_string().as_bytes(), "\r\n\r\n").await;

        assert!(
            seen.starts_with("HTTP/1.1 200 OK") && seen.ends_with("\r\n\r\n"),
            "{seen}"
        );
    }
    let short = FaultRule::new(Fault::SlowFirstToken).delay(Duration::from_millis(1));
    assert_eq!(stream_struck(short.clone()).await.said(), "sim a says: hello");
    let sim = faulty(short).await;
    assert!(chat(&sim, &hello("m")).await.is_whole);
    assert_eq!(sim.control().counters().abandoned, 0);
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_close_is_an_end() {
    for (fault, expected) in [
        (Fault::Reset, ErrorKind::ConnectionReset),
        (Fault::Close, ErrorKind::UnexpectedEof),
    ] {
        let sim = faulty(FaultRule::new(fault)).await;
        let stream = TcpStream::connect(sim.addr()).await.unwrap();

        let error = ask_on(stream, ("POST", CHAT), &[], hello("m").to_string().as_bytes())
            .await
            .unwrap_err();

        assert_eq!(error.kind(), expected);
        assert_eq!(
            (
                sim.control().counters().abandoned,
                sim.control().counters().concurrent
            ),
            (0, 0)
        );
    }
}

#[tokio::test]
async fn a_model_name_orders_its_own_fault() {
    let sim = Sim::start(SimConfig {
        models: vec!["gpt-4o".to_owned()],
        ..SimConfig::named("a")
    })
    .await
    .unwrap();
    let azure = "/openai/deployments/d%23overloaded/chat/completions?api-version=1";

    let whole = chat(&sim, &hello("fault-server-error:504")).await;
    let part = chat(&sim, &hello("gpt-4o#rate_limit:9")).await;
    let twist = chat(&sim, &hello_streamed("gpt-4o#no_done")).await;
    let path = post(sim.addr(), azure, &[], hello("m").to_string().as_bytes()).await;
    let healthy = chat(&sim, &hello("gpt-4o")).await;

    assert_eq!(
        (whole.status, part.status, part.header("retry-after")),
        (504, 429, Some("9"))
    );
    assert!(twist.status == 200 && !twist.text().contains("[DONE]"));
    assert_eq!((path.status, healthy.status), (503, 200));
}

#[tokio::test]
async fn a_rule_reaches_the_endpoints_it_names() {
    let table = [
        (Reach::Inference, 500, 200),
        (Reach::Models, 200, 500),
        (Reach::All, 500, 500),
    ];

    for (on, chat_status, models_status) in table {
        let sim = faulty(FaultRule::new(Fault::ServerError).on(on)).await;

        let models = super::client::get(sim.addr(), "/v1/models").await;

        assert_eq!(
            (chat(&sim, &hello("m")).await.status, models.status),
            (chat_status, models_status),
            "{on:?}"
        );
    }
}
