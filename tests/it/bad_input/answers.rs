//! Providers that answer anything but what they should: a class for each, never a panic, never a wait without end.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use understudy::sim::{Sim, SimConfig};

use super::CHAT;
use crate::support::{Answer, Ending, Gateway, RawProvider, Running, Script, chat, chat_stream};

/// What one provider does to its connection, and what becomes of it.
pub(super) struct Case {
    pub name: &'static str,
    pub script: Script,
    /// The classes of the hops; two, separated by `|`, where it is a race.
    pub classes: &'static str,
}

pub(super) fn case(name: &'static str, classes: &'static str, script: Script) -> Case {
    Case {
        name,
        script,
        classes,
    }
}

/// One gateway with a model and a scripted provider per case, and one good provider behind all of them.
pub(super) struct Table {
    pub gateway: Running,
    _providers: Vec<RawProvider>,
    _backup: Sim,
}

impl Table {
    pub(super) async fn of(cases: &[Case]) -> Self {
        let backup = Sim::start(SimConfig::named("backup")).await.unwrap();
        let mut providers = Vec::new();
        let mut yaml = "defaults: { failover: { per_try_timeout: 10s, first_token_timeout: 10s } }\n\
             providers:\n  backup: { kind: openai-compatible, endpoint: \"{backup}\", api_key: sk-backup }\n"
            .to_owned();
        let mut models = "models:\n  gpt-4o: { targets: [{ provider: backup }] }\n".to_owned();
        for (number, case) in cases.iter().enumerate() {
            let provider = RawProvider::start([case.script.clone()]).await;
            let (endpoint, account) = (provider.base_url(), "kind: openai-compatible, api_key: sk-odd");
            writeln!(yaml, "  p{number}: {{ endpoint: \"{endpoint}\", {account} }}").unwrap();
            let targets = format!("[{{ provider: p{number} }}, {{ provider: backup, priority: 1 }}]");
            writeln!(models, "  m{number}: {{ targets: {targets} }}").unwrap();
            providers.push(provider);
        }
        let gateway = Gateway::with(&(yaml + &models))
            .fill("backup", backup.base_url())
            .start()
            .await;
        Self {
            gateway,
            _providers: providers,
            _backup: backup,
        }
    }

    /// Asks each once, and says which were not judged as expected.
    pub(super) async fn assert(self, cases: &[Case]) {
        let mut wrong = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let answer = self.gateway.post(CHAT, chat(&format!("m{number}"))).send().await;
            let classes = classes(&answer);
            if !case.classes.split('|').any(|wanted| classes == wanted) || !is_told_well(&answer) {
                wrong.push(format!(
                    "{}: {classes}, not {}: {} {:.300}",
                    case.name,
                    case.classes,
                    answer.status,
                    answer.text()
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let good = self.gateway.post(CHAT, chat("gpt-4o")).send().await;
        assert_eq!(good.hops(), ["backup ok"], "{}", good.text());
        self.gateway.stop().await;
    }
}

fn classes(answer: &Answer) -> String {
    let classes: Vec<_> = answer.trail().into_iter().map(|hop| hop.class).collect();
    classes.join(", ")
}

/// A failover ends in a good answer; what is passed on is the provider's own.
fn is_told_well(answer: &Answer) -> bool {
    let hops = answer.trail();
    hops.len() == 1 || answer.status == 200 && answer.json()["object"] == "chat.completion"
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

const JSON: &str = "content-type: application/json\r\n";

fn answer(status: &str, headers: &str, body: &[u8]) -> Script {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    Script::answering([head.as_bytes(), body].concat())
}

fn error_body(code: &str) -> String {
    format!(r#"{{"error":{{"message":"as scripted","type":"x","param":null,"code":"{code}"}}}}"#)
}

/// An answer that will do.
pub(super) const GOOD: &str =
    r#"{"object":"chat.completion","choices":[{"message":{"role":"assistant","content":"hello"}}]}"#;

#[tokio::test]
async fn any_status_has_a_class() {
    const FAILED: &str = "bad_response, ok";
    let no_body = |status: &str| Script::answering(format!("HTTP/1.1 {status}\r\n\r\n"));
    let early = format!(
        "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n{JSON}content-length: {}\r\n\r\n{}",
        GOOD.len(),
        GOOD
    );
    let cases = [
        case("204", FAILED, no_body("204 No Content")),
        case("304", FAILED, no_body("304 Not Modified")),
        case("200 and nothing", FAILED, answer("200 OK", JSON, b"")),
        case("201 and nothing", FAILED, answer("201 Created", "", b"")),
        case(
            "301",
            FAILED,
            answer("301 Moved", "location: https://elsewhere.test/\r\n", b""),
        ),
        case(
            "307",
            FAILED,
            answer("307 Temporary", "location: /v2\r\n", b"<html>moved</html>"),
        ),
        case("a hint, then 200", "ok", Script::answering(early)),
        case("599", "server_error, ok", answer("599 Odd", "", b"")),
        case("600", "bad_response, ok", answer("600 Odder", "", b"")),
        case("999", "bad_response, ok", answer("999 Denied", "", b"")),
        case(
            "418",
            "client_error",
            answer("418 Teapot", JSON, br#"{"short":"stout"}"#),
        ),
        case(
            "a page for a 502",
            "server_error, ok",
            answer(
                "502 Bad Gateway",
                "content-type: text/html\r\n",
                b"<html><title>oops</title></html>",
            ),
        ),
        case(
            "a page for a 403",
            FAILED,
            answer(
                "403 Forbidden",
                "content-type: text/html\r\n",
                b"<html>cloud</html>",
            ),
        ),
    ];
    Table::of(&cases).await.assert(&cases).await;
}

#[tokio::test]
async fn any_body_has_a_class() {
    let quota = error_body("insufficient_quota");
    let packed = gzip(&quota);
    let ten_megabytes = vec![b'x'; 10 << 20];
    let bomb = gzip(&format!("{}{}", " ".repeat(64 << 20), quota));
    let cases = [
        case(
            "an error in gzip",
            "quota_exhausted, ok",
            answer("429 Slow", "content-encoding: gzip\r\n", &packed),
        ),
        case(
            "broken gzip",
            "rate_limited, ok",
            answer(
                "429 Slow",
                "content-encoding: gzip\r\n",
                &packed[..packed.len() / 2],
            ),
        ),
        case(
            "no gzip at all",
            "rate_limited, ok",
            answer("429 Slow", "content-encoding: gzip\r\n", b"plain"),
        ),
        case(
            "gzip that is not named",
            "rate_limited, ok",
            answer("429 Slow", "", &packed),
        ),
        case(
            "an unknown coding",
            "quota_exhausted, ok",
            answer("429 Slow", "content-encoding: snappy\r\n", quota.as_bytes()),
        ),
        case(
            "a gzip bomb",
            "overloaded, ok",
            answer("503 Busy", "content-encoding: gzip\r\n", &bomb),
        ),
        case(
            "10 MB of error",
            "server_error, ok",
            answer("500 Oops", "", &ten_megabytes),
        ),
        case(
            "binary",
            "server_error, ok",
            answer(
                "500 Oops",
                "content-type: application/octet-stream\r\n",
                &[0, 255, 1, 254],
            ),
        ),
        case(
            "invalid UTF-8",
            "overloaded, ok",
            answer("503 Busy", JSON, b"{\"error\":{\"message\":\"\xff\xfe\"}}"),
        ),
        case(
            "deep nesting",
            "server_error, ok",
            answer("500 Oops", JSON, &b"{\"error\":".repeat(7000)),
        ),
        case(
            "10 MB that is passed on",
            "client_error",
            answer("400 Bad", "", &ten_megabytes),
        ),
    ];
    Table::of(&cases).await.assert(&cases).await;
}

#[tokio::test]
async fn any_header_has_a_class() {
    let many = (0..500).fold(String::new(), |all, number| all + &format!("x-h{number}: 1\r\n"));
    let huge = format!("x-huge: {}\r\n", "h".repeat(200_000));
    let steering = "x-envoy-overloaded: true\r\nx-envoy-ratelimited: true\r\nx-understudy-retry: connect\r\nx-understudy-absent: dns\r\nx-understudy-was: 200\r\n";
    let ok = |headers: &str| answer("200 OK", &format!("{JSON}{headers}"), GOOD.as_bytes());
    let trailers = format!(
        "HTTP/1.1 200 OK\r\n{JSON}transfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n{:x}\r\n{}\r\n0\r\nx-t: 1\r\n\r\n",
        GOOD.len(),
        GOOD
    );
    let cases = [
        case("headers that steer Envoy", "ok", ok(steering)),
        case("500 headers", "reset, ok", ok(&many)),
        case("200 KB in one header", "reset, ok", ok(&huge)),
        case("a header that is no header", "reset, ok", ok("no colon\r\n")),
        case("a NUL in a header", "reset, ok", ok("x: a\0b\r\n")),
        case("two lengths", "reset, ok", ok("content-length: 3\r\n")),
        case("latin letters", "ok", ok("x-latin: caf\u{e9}\r\n")),
        case("trailers", "ok", Script::answering(trailers)),
        case("a cookie", "ok", ok("set-cookie: session=1\r\n")),
        case(
            "a close",
            "ok",
            Script::new().read_request().write(format!(
                "HTTP/1.1 200 OK\r\n{JSON}connection: close\r\n\r\n{GOOD}"
            )),
        ),
        case(
            "HTTP/1.0",
            "ok",
            Script::new()
                .read_request()
                .write(format!("HTTP/1.0 200 OK\r\n{JSON}\r\n{GOOD}")),
        ),
    ];
    Table::of(&cases).await.assert(&cases).await;
}

#[tokio::test]
async fn a_provider_cannot_forge_what_we_tell_the_caller() {
    let forged = "x-understudy-provider: forged\r\nx-understudy-trail: forged;ok;200;0ms\r\nx-understudy-id: forged\r\nx-understudy-attempts: 99\r\nx-envoy-max-retries: 9\r\n";
    let cases = [case(
        "forged",
        "ok",
        answer("200 OK", &format!("{JSON}{forged}"), GOOD.as_bytes()),
    )];
    let table = Table::of(&cases).await;

    let answer = table.gateway.post(CHAT, chat("m0")).send().await;

    assert_eq!(answer.hops(), ["p0 ok"]);
    assert_eq!(answer.header("x-understudy-provider"), Some("p0"));
    assert_eq!(answer.header("x-understudy-attempts"), Some("1"));
    for (name, value) in &answer.headers {
        assert!(!value.as_bytes().starts_with(b"forged"), "{name}");
        assert!(!name.as_str().starts_with("x-envoy"), "{name}");
    }
    table.gateway.stop().await;
}

#[tokio::test]
async fn a_connection_that_was_kept_and_closed_meanwhile_costs_no_request() {
    let once = || answer_once(GOOD);
    let provider = RawProvider::start([once(), once(), once(), once(), once(), once()]).await;
    let yaml = "providers: { only: { kind: openai-compatible, endpoint: \"{only}\", api_key: sk-only } }\n\
         models: { gpt-4o: { targets: [{ provider: only }] } }\n\
         defaults: { breaker: { consecutive_failures: off, error_rate: off } }\n";
    let gateway = Gateway::with(yaml)
        .fill("only", provider.base_url())
        .start()
        .await;

    // Each answer promises to keep the connection, which is closed at once: Envoy may take it for the next request.
    for _ in 0..6 {
        let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    gateway.stop().await;
}

fn answer_once(body: &str) -> Script {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{JSON}connection: keep-alive\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Script::new().read_request().write(head + body)
}

#[tokio::test]
async fn a_stream_of_nonsense_ends() {
    let events = "content-type: text/event-stream\r\n";
    let stream = |body: &[u8]| answer("200 OK", events, body);
    let cases = [
        case("no event", "", stream(b"hello")),
        case("binary", "", stream(&[0, 255, 254, 10, 10])),
        case("no JSON", "", stream(b"data: {{{\n\ndata: [DONE]\n\n")),
        case("one endless line", "", stream(&vec![b'x'; 1 << 20])),
        case("blank lines", "", stream(&b"\n".repeat(100_000))),
        case("nothing", "", stream(b"")),
    ];
    let table = Table::of(&cases).await;
    for (number, case) in cases.iter().enumerate() {
        let stream = table
            .gateway
            .post(CHAT, chat_stream(&format!("m{number}")))
            .stream()
            .await;
        let ended = stream.read_all().await;
        assert_eq!(ended.ending, Ending::Clean, "{}: {ended:?}", case.name);
    }
    table.gateway.stop().await;
}

#[tokio::test]
async fn a_large_answer_waits_for_a_client_that_reads_slowly() {
    let content = "x".repeat(10 << 20);
    let good = GOOD.replace("hello", &content);
    let cases = [
        case("passed on", "ok", answer("200 OK", JSON, good.as_bytes())),
        case(
            "passed on as a mistake",
            "client_error",
            answer("400 Bad", JSON, good.as_bytes()),
        ),
    ];
    let table = Table::of(&cases).await;
    for (number, case) in cases.iter().enumerate() {
        for (times, is_http2) in [(1, false), (2, true)] {
            let call = table.gateway.post(CHAT, chat(&format!("m{number}")));
            let call = if is_http2 { call.http2() } else { call };
            let stream = call.stream().await;
            // The provider has said everything, and most of it waits in Envoy.
            let received = format!("cluster.p{number}.upstream_cx_rx_bytes_total");
            let all = (times * good.len()) as u64;
            table.gateway.wait_for_stat(&received, |bytes| bytes >= all).await;

            let whole = stream.read_all().await.answer();

            assert_eq!(whole.body.len(), good.len(), "{} {is_http2}", case.name);
        }
    }
    table.gateway.stop().await;
}
