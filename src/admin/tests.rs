//! Every endpoint through a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::report::{ProviderReport, TargetReport};
use super::server::Limits;
use super::*;

const PATIENCE: Duration = Duration::from_secs(10);
const MODELS: [&str; 2] = ["gpt-4o", "meta/llama-3:70b"];

/// A source that knows two models and one provider, and remembers what it was told to do.
#[derive(Default)]
struct Told {
    ready: bool,
    orders: Mutex<Vec<String>>,
}

impl Told {
    fn order(&self, provider: &str, order: String) -> Result<(), UnknownName> {
        if provider != "openai" {
            let known = vec!["openai".to_owned()];
            return Err(UnknownName {
                what: Named::Provider,
                given: provider.to_owned(),
                known,
            });
        }
        self.orders.lock().push(order);
        Ok(())
    }
}

impl AdminSource for Told {
    fn status(&self) -> Status {
        let provider = ProviderReport {
            name: "openai".to_owned(),
            ..ProviderReport::default()
        };
        Status {
            generation: 7,
            providers: vec![provider],
            readiness: self.readiness(),
            ..Status::default()
        }
    }

    fn model(&self, name: &str) -> Result<ModelReport, UnknownName> {
        if !MODELS.contains(&name) {
            let known = MODELS.map(str::to_owned).to_vec();
            return Err(UnknownName {
                what: Named::Model,
                given: name.to_owned(),
                known,
            });
        }
        let target = TargetReport {
            place: Some(1),
            standing: "closed".to_owned(),
            ..TargetReport::default()
        };
        Ok(ModelReport {
            name: name.to_owned(),
            targets: vec![target],
            ..ModelReport::default()
        })
    }

    fn readiness(&self) -> Readiness {
        let reasons = if self.ready {
            Vec::new()
        } else {
            vec!["no Envoy has asked yet".to_owned()]
        };
        Readiness {
            ready: self.ready,
            reasons,
        }
    }

    fn drain(&self, provider: &str) -> Result<(), UnknownName> {
        self.order(provider, format!("drain {provider}"))
    }

    fn resume(&self, provider: &str) -> Result<(), UnknownName> {
        self.order(provider, format!("resume {provider}"))
    }

    fn reset(&self, provider: &str, model: Option<&str>) -> Result<usize, UnknownName> {
        self.order(provider, format!("reset {provider} {model:?}"))
            .map(|()| 2)
    }

    fn metrics(&self) -> String {
        "# HELP understudy_x_total X.\n".to_owned()
    }
}

struct Running {
    address: SocketAddr,
    told: Arc<Told>,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
}

impl Running {
    async fn start(ready: bool, token: Option<&str>, limits: Limits) -> Self {
        let told = Arc::new(Told {
            ready,
            ..Told::default()
        });
        let source: Arc<dyn AdminSource> = Arc::<Told>::clone(&told);
        let server = AdminServer::bind_with("127.0.0.1:0".parse().unwrap(), token, source, limits)
            .await
            .unwrap();
        let (address, shutdown) = (server.local_addr(), CancellationToken::new());
        let server = tokio::spawn(server.serve(shutdown.clone()));
        Self {
            address,
            told,
            shutdown,
            server,
        }
    }

    async fn open() -> Self {
        Self::start(true, None, Limits::DEFAULT).await
    }

    async fn send(&self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may refuse before it has read everything.
        stream.write_all(bytes).await.ok();
        Reply::read(&mut stream).await
    }

    async fn ask(&self, line: &str, headers: &str, body: &str) -> Reply {
        let host = self.address;
        let length = body.len();
        self.send(
            format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
                .as_bytes(),
        )
        .await
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(&format!("GET {path}"), "", "").await
    }

    fn orders(&self) -> Vec<String> {
        self.told.orders.lock().clone()
    }
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    /// Everything until the server closes.
    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is an end like any other.
        timeout(PATIENCE, stream.read_to_end(&mut bytes))
            .await
            .unwrap()
            .ok();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        Self {
            status,
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn json(&self) -> Value {
        assert!(self.head.contains("content-type: application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    fn error(&self) -> (u16, String) {
        let json = self.json();
        assert!(
            json["error"]["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{json}"
        );
        (self.status, json["error"]["type"].as_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn status_and_models_are_told_as_reports_that_can_be_read_back() {
    let admin = Running::open().await;

    let status: Status =
        serde_json::from_value(admin.get("/admin/failover/status?x=1").await.json()).unwrap();
    assert_eq!(status, admin.told.status());

    for path in ["gpt-4o", "meta/llama-3:70b", "meta%2Fllama-3%3A70b"] {
        let reply = admin.get(&format!("/admin/failover/model/{path}")).await;
        let model: ModelReport = serde_json::from_value(reply.json()).unwrap();
        assert_eq!(model.targets[0].place, Some(1));
    }
}

#[tokio::test]
async fn an_unknown_model_names_the_models_there_are() {
    let admin = Running::open().await;

    let reply = admin.get("/admin/failover/model/gpt-5").await;

    assert_eq!(reply.error(), (404, "not_found".to_owned()));
    assert_eq!(reply.json()["error"]["known"], serde_json::json!(MODELS));
    assert_eq!(
        reply.json()["error"]["message"],
        "no model is called `gpt-5`; the models are: gpt-4o, meta/llama-3:70b"
    );
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let admin = Running::open().await;

    let reply = admin.get("/metrics").await;

    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, "# HELP understudy_x_total X.\n")
    );
    assert!(reply.head.contains("content-type: text/plain; version=0.0.4"));
}

#[tokio::test]
async fn readiness_says_why_not() {
    let admin = Running::start(false, None, Limits::DEFAULT).await;

    let reply = admin.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.json(),
        serde_json::json!({ "ready": false, "reasons": ["no Envoy has asked yet"] })
    );
    assert_eq!(admin.get("/healthz").await.status, 200);

    let admin = Running::open().await;
    let reply = admin.get("/readyz").await;
    assert_eq!(
        (reply.status, reply.json()["ready"].clone()),
        (200, Value::Bool(true))
    );
}

#[tokio::test]
async fn the_page_is_three_files_under_a_strict_policy() {
    let admin = Running::open().await;

    for (path, kind) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
    ] {
        let reply = admin.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(
            reply.head.contains(&format!("content-type: {kind}")),
            "{path}: {}",
            reply.head
        );
        for header in [
            "content-security-policy: default-src 'none';",
            "x-content-type-options: nosniff",
        ] {
            assert!(reply.head.contains(header), "{path}: {}", reply.head);
        }
    }
}

#[tokio::test]
async fn orders_reach_the_source() {
    let admin = Running::open().await;

    let reply = admin.ask("POST /admin/providers/openai/drain", "", "").await;
    assert_eq!(
        reply.json(),
        serde_json::json!({ "provider": "openai", "done": "drained" })
    );
    let reply = admin.ask("POST /admin/providers/%6fpenai/resume", "", "").await;
    assert_eq!(reply.json()["done"], "resumed");
    let reply = admin
        .ask("POST /admin/circuits/reset", "", r#"{"provider":"openai"}"#)
        .await;
    assert_eq!(
        reply.json(),
        serde_json::json!({ "provider": "openai", "done": "reset", "circuits": 2 })
    );
    admin
        .ask(
            "POST /admin/circuits/reset",
            "",
            r#"{"provider":"openai","model":"gpt-4o"}"#,
        )
        .await;

    let told = [
        "drain openai",
        "resume openai",
        "reset openai None",
        r#"reset openai Some("gpt-4o")"#,
    ];
    assert_eq!(admin.orders(), told);
}

#[tokio::test]
async fn what_cannot_be_done_says_so_in_json_and_does_nothing() {
    let admin = Running::open().await;

    for (line, body, status, kind) in [
        ("GET /nowhere", "", 404, "not_found"),
        ("GET /admin/failover/model/%zz", "", 400, "bad_request"),
        ("POST /admin/providers/nobody/drain", "", 404, "not_found"),
        ("GET /admin/providers/openai/drain", "", 405, "method_not_allowed"),
        (
            "DELETE /admin/providers/openai/drain",
            "",
            405,
            "method_not_allowed",
        ),
        ("POST /admin/failover/status", "", 405, "method_not_allowed"),
        ("POST /healthz", "", 405, "method_not_allowed"),
        ("OPTIONS /metrics", "", 405, "method_not_allowed"),
        ("POST /admin/circuits/reset", "", 400, "bad_request"),
        (
            "POST /admin/circuits/reset",
            r#"{"provider":"openai","modle":"x"}"#,
            400,
            "bad_request",
        ),
        (
            "POST /admin/circuits/reset",
            r#"{"provider":"nobody"}"#,
            404,
            "not_found",
        ),
    ] {
        let reply = admin.ask(line, "", body).await;
        assert_eq!(reply.error(), (status, kind.to_owned()), "{line}");
    }
    let reply = admin.get("/admin/circuits/reset").await;
    assert!(reply.head.contains("allow: post"), "{}", reply.head);
    assert!(admin.orders().is_empty());
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    let admin = Running::open().await;

    let reply = admin.ask("HEAD /admin/failover/status", "", "").await;

    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_token_guards_everything_but_the_probes_and_the_empty_page() {
    let admin = Running::start(false, Some("letmein"), Limits::DEFAULT).await;

    for line in [
        "GET /admin/failover/status",
        "GET /metrics",
        "GET /nowhere",
        "POST /admin/providers/openai/drain",
    ] {
        let reply = admin.ask(line, "", "").await;
        assert_eq!(reply.error(), (401, "unauthorized".to_owned()), "{line}");
        assert!(reply.head.contains("www-authenticate: bearer"));
        let reply = admin.ask(line, "authorization: Bearer guess\r\n", "").await;
        assert_eq!(reply.status, 401, "{line}");
    }
    assert!(admin.orders().is_empty());

    assert_eq!(admin.get("/healthz").await.status, 200);
    assert_eq!(admin.get("/").await.status, 200);
    let reply = admin.get("/readyz").await;
    assert_eq!(
        (reply.status, reply.json()["reasons"].clone()),
        (503, serde_json::json!([]))
    );

    let token = "authorization: Bearer letmein\r\n";
    assert_eq!(admin.ask("GET /metrics", token, "").await.status, 200);
    assert_eq!(
        admin
            .ask("POST /admin/providers/openai/drain", token, "")
            .await
            .status,
        200
    );
    let reply = admin.ask("GET /readyz", token, "").await;
    assert_eq!(reply.json()["reasons"][0], "no Envoy has asked yet");
}

#[tokio::test]
async fn a_rebound_name_and_another_sites_order_are_refused() {
    let admin = Running::open().await;

    let rebound = "GET /admin/failover/status HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert_eq!(
        admin.send(rebound.as_bytes()).await.error(),
        (403, "forbidden".to_owned())
    );

    for header in [
        "origin: https://evil.example\r\n",
        "sec-fetch-site: cross-site\r\n",
        "origin: null\r\n",
    ] {
        let reply = admin.ask("POST /admin/providers/openai/drain", header, "").await;
        assert_eq!(reply.error(), (403, "forbidden".to_owned()), "{header}");
    }
    assert!(admin.orders().is_empty());

    let own = format!(
        "origin: http://{}\r\nsec-fetch-site: same-origin\r\n",
        admin.address
    );
    assert_eq!(
        admin
            .ask("POST /admin/providers/openai/drain", &own, "")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_address_that_others_can_reach_is_not_bound_without_a_token() {
    let source: Arc<dyn AdminSource> = Arc::new(Told::default());

    let refusal = AdminServer::bind("0.0.0.0:0".parse().unwrap(), None, source)
        .await
        .err()
        .unwrap();

    assert!(refusal.to_string().contains("set an admin token"), "{refusal}");
}

#[tokio::test]
async fn a_taken_port_is_told_with_a_remedy() {
    let admin = Running::open().await;

    let refusal = AdminServer::bind(admin.address, None, Arc::new(Told::default()))
        .await
        .err()
        .unwrap();

    let message = refusal.to_string();
    assert!(
        message.contains(&admin.address.to_string()) && message.contains("`admin`"),
        "{message}"
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_held() {
    let admin = Running::open().await;

    let announced = "POST /admin/circuits/reset HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                     content-length: 99999999\r\n\r\n";
    assert_eq!(
        admin.send(announced.as_bytes()).await.error(),
        (413, "payload_too_large".to_owned())
    );

    let head = "POST /admin/circuits/reset HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let reply = admin.send(format!("{head}{}", chunk.repeat(5)).as_bytes()).await;
    assert_eq!(reply.error(), (413, "payload_too_large".to_owned()));

    let headers = format!("x-long: {}\r\n", "x".repeat(100_000));
    assert_eq!(admin.ask("GET /healthz", &headers, "").await.status, 431);
    assert_eq!(admin.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_peer_that_dawdles_is_sent_away() {
    let short = Duration::from_millis(50);
    let limits = Limits {
        header_time: short,
        body_time: short,
        ..Limits::DEFAULT
    };
    let admin = Running::start(true, None, limits).await;

    let half_a_head = admin.send(b"GET /healthz HTTP/1.1\r\nhost: local").await;
    assert!([0, 408].contains(&half_a_head.status), "{half_a_head:?}");

    let head = "POST /admin/circuits/reset HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{";
    assert_eq!(
        admin.send(head.as_bytes()).await.error(),
        (408, "timeout".to_owned())
    );

    let mut idle = TcpStream::connect(admin.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(
        Reply::read(&mut idle).await.status,
        200,
        "answered, and closed when nothing more came"
    );
}

#[tokio::test]
async fn no_connection_is_kept_for_ever() {
    let short = Duration::from_millis(50);
    let limits = Limits {
        connection_time: short,
        grace: short,
        ..Limits::DEFAULT
    };
    let admin = Running::start(true, None, limits).await;

    let unread = "GET /admin/failover/status HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(3);

    assert_eq!(
        admin.send(unread.as_bytes()).await.status,
        200,
        "answered, and closed at the end of its time"
    );
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let limits = Limits {
        connections: 1,
        header_time: Duration::from_millis(50),
        ..Limits::DEFAULT
    };
    let admin = Running::start(true, None, limits).await;

    let _silent = TcpStream::connect(admin.address).await.unwrap();

    assert_eq!(
        admin.get("/healthz").await.status,
        200,
        "served once the silent one was sent away"
    );
}

#[tokio::test]
async fn shutdown_ends_the_server_with_a_silent_peer_connected() {
    let limits = Limits {
        grace: Duration::from_millis(50),
        ..Limits::DEFAULT
    };
    let admin = Running::start(true, None, limits).await;
    let mut stream = TcpStream::connect(admin.address).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();

    admin.shutdown.cancel();

    timeout(PATIENCE, admin.server).await.unwrap().unwrap();
    assert!(TcpStream::connect(admin.address).await.is_err());
}
