//! Request bodies that cannot be read.

use http::Method;
use serde_json::{Value, json};

use super::{CHAT, Good, error, raw_error};
use crate::support::chat;

fn nested(depth: usize) -> Vec<u8> {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    format!(r#"{{"model":"gpt-4o","messages":[],"x":{open}{close}}}"#).into_bytes()
}

/// Body, code, param.
fn unreadable() -> Vec<(&'static str, Vec<u8>, &'static str, Value)> {
    let case = |name, body: &[u8], param: Value| (name, body.to_vec(), "invalid_body", param);
    vec![
        case("no JSON", b"hello", Value::Null),
        case("cut JSON", br#"{"model":"gpt-4o","messages":["#, Value::Null),
        case(
            "two documents",
            br#"{"model":"gpt-4o"} {"model":"gpt-4o"}"#,
            Value::Null,
        ),
        case("an array", br#"[{"model":"gpt-4o"}]"#, Value::Null),
        case("a form", b"model=gpt-4o&stream=true", Value::Null),
        case("blanks", b" \r\n\t ", Value::Null),
        case(
            "a byte order mark",
            b"\xef\xbb\xbf{\"model\":\"gpt-4o\"}",
            Value::Null,
        ),
        case(
            "invalid UTF-8",
            b"{\"model\":\"gpt-4o\",\"messages\":\"\xff\xfe\"}",
            Value::Null,
        ),
        case("UTF-16", b"{\0\"\0m\0o\0", Value::Null),
        case("a NUL", b"{\"model\":\"gpt-4o\"\0}", Value::Null),
        case("no model", br#"{"messages":[]}"#, json!("model")),
        case("model null", br#"{"model":null}"#, json!("model")),
        case("model number", br#"{"model":4}"#, json!("model")),
        case("model empty", br#"{"model":""}"#, json!("model")),
        case(
            "model twice",
            br#"{"model":"gpt-4o","model":"other"}"#,
            json!("model"),
        ),
        case(
            "model with a lone surrogate",
            br#"{"model":"\ud800"}"#,
            json!("model"),
        ),
        case(
            "stream a word",
            br#"{"model":"gpt-4o","stream":"yes"}"#,
            json!("stream"),
        ),
        case("deep nesting", &nested(100_000), Value::Null),
        case("open nesting", &b"{\"a\":".repeat(100_000), Value::Null),
    ]
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_with_the_reason_and_goes_nowhere() {
    let good = Good::start().await;
    // Envoy ends an HTTP/1.1 connection after any 400; with HTTP/2 the others on it must not notice.
    let mut connection = good.gateway.http2_connection().await;
    for (name, body, code, param) in unreadable() {
        let call = good
            .gateway
            .call(Method::POST, CHAT)
            .body(body)
            .header("content-type", "application/json");

        let answer = call.send_on(&mut connection).await;

        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        let error = error(&answer);
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("invalid_request_error"), &json!(code)),
            "{name}"
        );
        assert_eq!(error["param"], param, "{name}: {error}");
    }
    assert_eq!(good.asked(), 0);
    let metrics = good.gateway.metrics().await;
    let rejected = metrics
        .metric("understudy_requests_total")
        .label("outcome", "rejected");
    let count = u32::try_from(unreadable().len()).unwrap();
    assert_eq!(rejected.value(), f64::from(count));
    good.stop_unharmed().await;
}

#[tokio::test]
async fn a_model_that_does_not_exist_is_named_back_shortly_with_those_that_do() {
    let good = Good::start().await;
    for model in [
        "gpt-5",
        "GPT-4O",
        "gpt-4o ",
        "../gpt-4o",
        "gpt-4o\u{0}",
        "模型",
        &"m".repeat(100_000),
    ] {
        let answer = good.gateway.post(CHAT, chat(model)).send().await;

        assert_eq!(answer.status, 404, "{}", answer.text());
        let error = error(&answer);
        assert_eq!(
            (&error["code"], &error["param"]),
            (&json!("model_not_found"), &json!("model"))
        );
        assert!(error["message"].as_str().unwrap().contains("gpt-4o"), "{error}");
    }
    assert_eq!(good.asked(), 0);
    good.stop_unharmed().await;
}

/// Sends a body whose size is not known before its end.
async fn in_chunks(good: &Good, body: &str) -> (u16, Value) {
    let mut client = good.gateway.raw().await;
    client
        .write(format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        ))
        .await;
    client
        .write(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
        .await;
    raw_error(&client.read_until("}}").await)
}

#[tokio::test]
async fn a_body_is_refused_above_the_limit_and_served_at_it() {
    for (limit, bytes) in [("64KiB", 64 << 10), ("3MiB", 3 << 20)] {
        let good = Good::with_max_body(limit).await;
        let of_size = |size: usize| {
            let mut body = chat("gpt-4o");
            let used = body.to_string().len() + r#","user":"""#.len();
            body["user"] = "x".repeat(size - used).into();
            assert_eq!(body.to_string().len(), size);
            body
        };

        let at = good.gateway.post(CHAT, of_size(bytes)).send().await;
        let above = good.gateway.post(CHAT, of_size(bytes + 1)).send().await;
        let far_above = good.gateway.post(CHAT, of_size(3 * bytes)).send().await;

        assert_eq!(at.status, 200, "{limit}: {}", at.text());
        for answer in [above, far_above] {
            assert_eq!(answer.status, 413, "{limit}: {}", answer.text());
            assert_eq!(error(&answer)["code"], "request_too_large");
        }
        assert_eq!(good.asked(), 1);
        // Above a megabyte Envoy may be quicker, and refuse before we have heard of the request.
        if bytes < 1 << 20 {
            let lines = good.gateway.access_lines_when(3).await;
            for line in &lines[1..] {
                assert_eq!(
                    (&line["status"], &line["reason"]),
                    (&json!(413), &json!("request_too_large")),
                    "{line}"
                );
            }
        }
        let unannounced = in_chunks(&good, &of_size(bytes + 1000).to_string()).await;
        assert_eq!(
            (unannounced.0, &unannounced.1["code"]),
            (413, &json!("request_too_large"))
        );
        assert_eq!(good.asked(), 1);
        good.stop_unharmed().await;
    }
}

#[tokio::test]
async fn whatever_the_provider_alone_can_judge_reaches_it_byte_for_byte() {
    let good = Good::start().await;
    let body = "{ \"messages\" : [\t] ,\n \"n\":1e2, \"dup\":1,\"dup\":2, \"model\"  :\t\"gpt-4o\", \"\\u0000\": \"\\ud83d\\ude00\" }  ";

    let answer = good.gateway.call(Method::POST, CHAT).body(body).send().await;

    let seen = good.primary.control().recent_requests();
    assert_eq!(seen[0].body(), body.as_bytes(), "{}", answer.text());
    good.gateway.until_no_session().await;
    good.stop_unharmed().await;
}
