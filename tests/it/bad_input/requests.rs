//! Methods, paths, protocols and sizes.

use http::Method;
use serde_json::json;

use super::{CHAT, Good, error, raw_error};
use crate::support::chat;

#[tokio::test]
async fn a_wrong_method_or_path_is_told_what_there_is() {
    let good = Good::start().await;
    let methods = ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"];
    for method in methods.map(|method| method.parse::<Method>().unwrap()) {
        let answer = good.gateway.call(method.clone(), CHAT).send().await;
        assert_eq!(answer.status, 405, "{method}: {}", answer.text());
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        assert_eq!(error(&answer)["code"], "method_not_allowed", "{method}");
    }
    let listing = good.gateway.post("/v1/models", chat("gpt-4o")).send().await;
    assert_eq!(
        (listing.status.as_u16(), listing.header("allow")),
        (405, Some("GET"))
    );
    let long = format!("/v1/{}", "a".repeat(20_000));
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/chat",
        "/v1/chat/completions/",
        "/v1/chat/completions/x",
        "/v2/chat/completions",
        "/v1/responses/x",
        "/chat/completions",
        "/V1/chat/completions",
        "/v1/chat%2Fcompletions",
        "/v1/chat/completions%00",
        "/admin/failover/status",
        "/metrics",
        "/stats",
        &long,
    ] {
        for call in [good.gateway.post(path, chat("gpt-4o")), good.gateway.get(path)] {
            let answer = call.send().await;
            assert!(
                [400, 404].contains(&answer.status.as_u16()),
                "{path}: {} {}",
                answer.status,
                answer.text()
            );
            let error = error(&answer);
            assert!(error["message"].as_str().unwrap().len() < 500, "{error}");
        }
    }
    assert_eq!(good.asked(), 0);
    good.stop_unharmed().await;
}

#[tokio::test]
async fn other_spellings_of_a_good_path_are_good() {
    let good = Good::start().await;
    for path in [
        "/v1/chat/completions?",
        "/v1/chat/completions?api-version=1",
        "//v1//chat/completions",
        "/x/../v1/chat/completions",
    ] {
        let answer = good.gateway.post(path, chat("gpt-4o")).send().await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    for request in good.primary.control().recent_requests() {
        assert_eq!(request.path(), CHAT, "the caller's path and query go no further");
    }
    good.stop_unharmed().await;
}

#[tokio::test]
async fn a_request_without_a_body_is_refused() {
    let good = Good::start().await;
    let answer = good.gateway.call(Method::POST, CHAT).send().await;
    assert_eq!(
        (answer.status.as_u16(), &error(&answer)["code"]),
        (400, &json!("missing_body"))
    );
    let answer = good.gateway.call(Method::POST, CHAT).http2().send().await;
    assert_eq!(
        (answer.status.as_u16(), &error(&answer)["code"]),
        (400, &json!("missing_body"))
    );
    let mut client = good.gateway.raw().await;
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    client.write(head).await;
    let (status, _) = raw_error(&client.read_to_end().await);
    assert_eq!(status, 400, "an empty chunked body");
    good.stop_unharmed().await;
}

/// What HTTP itself forbids. Envoy answers these by itself, in our shape.
fn malformed() -> Vec<(&'static str, String, u16)> {
    let post = |lines: &str| format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\n{lines}\r\n\r\n");
    let many = "x-many: 1\r\n".repeat(200);
    vec![
        ("no request", "hello\r\n\r\n".to_owned(), 400),
        ("a header without a colon", post("broken"), 400),
        ("a blank in a header's name", post("bro ken: 1"), 400),
        (
            "no host",
            format!("POST {CHAT} HTTP/1.1\r\ncontent-length: 0\r\n\r\n"),
            400,
        ),
        ("two lengths", post("content-length: 3\r\ncontent-length: 4"), 400),
        (
            "a length and chunks",
            post("content-length: 3\r\ntransfer-encoding: chunked"),
            400,
        ),
        ("a negative length", post("content-length: -1"), 400),
        ("no number of bytes", post("content-length: many"), 400),
        ("an unknown coding", post("transfer-encoding: gzip"), 501),
        ("a NUL in a value", post("x-nul: a\0b\r\ncontent-length: 0"), 400),
        (
            "HTTP/1.0",
            format!("POST {CHAT} HTTP/1.0\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}"),
            426,
        ),
        ("HTTP/9", format!("POST {CHAT} HTTP/9.9\r\nhost: x\r\n\r\n"), 426),
        (
            "100 KB in one header",
            post(&format!("x-large: {}", "a".repeat(100_000))),
            431,
        ),
        ("200 headers", post(&format!("{many}content-length: 0")), 431),
        (
            "a websocket",
            format!("GET {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"),
            403,
        ),
        (
            "a tunnel",
            "CONNECT api.openai.com:443 HTTP/1.1\r\nhost: api.openai.com:443\r\n\r\n".to_owned(),
            404,
        ),
        (
            "a bad chunk",
            format!("{}zz\r\nhello\r\n", post("transfer-encoding: chunked")),
            400,
        ),
    ]
}

#[tokio::test]
async fn what_http_forbids_is_answered_in_our_shape_too() {
    let good = Good::start().await;
    for (name, bytes, wanted) in malformed() {
        let mut client = good.gateway.raw().await;
        client.write(bytes).await;

        let answer = client.read_until("}}").await;

        let (status, error) = raw_error(&answer);
        assert_eq!(status, wanted, "{name}: {answer}");
        assert!(!error["code"].is_null(), "{name}: {error}");
    }
    assert_eq!(good.asked(), 0);
    good.stop_unharmed().await;
}

#[tokio::test]
async fn a_body_may_come_in_chunks_slowly_and_after_a_promise() {
    let good = Good::start().await;
    let body = chat("gpt-4o").to_string();
    let head =
        format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n");

    let mut chunked = good.gateway.raw().await;
    chunked
        .write(format!("{head}transfer-encoding: chunked\r\n\r\n"))
        .await;
    for byte in body.bytes() {
        chunked.write([b"1\r\n", &[byte][..], b"\r\n"].concat()).await;
    }
    chunked.write("0\r\nx-trailer: 1\r\n\r\n").await;
    let mut slow = good.gateway.raw().await;
    for byte in format!("{head}content-length: {}\r\n\r\n{body}", body.len()).bytes() {
        slow.write([byte]).await;
    }
    let mut promised = good.gateway.raw().await;
    promised
        .write(format!(
            "{head}content-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len()
        ))
        .await;
    promised.read_until("HTTP/1.1 100 Continue").await;
    promised.write(&body).await;

    for mut client in [chunked, slow, promised] {
        let answer = client.read_to_end().await;
        assert!(answer.contains("HTTP/1.1 200 OK"), "{answer}");
    }
    let digests: Vec<_> = good
        .primary
        .control()
        .recent_requests()
        .iter()
        .map(understudy::sim::ReceivedRequest::body_sha256)
        .collect();
    assert_eq!(digests.len(), 3);
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    good.stop_unharmed().await;
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_order() {
    let good = Good::start().await;
    let post = |model: &str, last: &str| {
        let body = chat(model).to_string();
        format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\n{last}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let mut client = good.gateway.raw().await;

    let last = post("gpt-4o", "connection: close\r\n");
    client
        .write([post("gpt-4o", ""), post("nothing", ""), post("gpt-4o", ""), last].concat())
        .await;
    let answer = client.read_to_end().await;

    let statuses: Vec<_> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "404", "200", "200"], "{answer}");
    assert_eq!(good.asked(), 3);
    good.stop_unharmed().await;
}

#[tokio::test]
async fn odd_headers_neither_break_a_request_nor_travel_on() {
    let good = Good::start().await;
    let body = chat("gpt-4o").to_string();
    let mut request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(b"x-latin: caf\xe9\r\nuser-agent: \xff\xfe\r\nx-request-id: one\r\nx-request-id: two\r\ncookie: a=b\r\n");
    request.extend(b"under_score: 1\r\nx-empty:\r\nX-UPPER: 1\r\ncontent-encoding: identity\r\naccept-encoding: gzip, br\r\n\r\n");
    request.extend(body.as_bytes());
    let mut client = good.gateway.raw().await;

    client.write(request).await;
    let answer = client.read_to_end().await;

    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let seen = &good.primary.control().recent_requests_unmasked_for_tests()[0];
    let mut names: Vec<_> = seen.headers().keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent"
        ]
    );
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    good.stop_unharmed().await;
}
