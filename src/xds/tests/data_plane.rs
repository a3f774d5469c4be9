//! Requests through a real Envoy that runs with a generated configuration.

use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Server;
use understudy_proto::ext_proc::external_processor_server::ExternalProcessorServer;

use super::fakes::{closed_port, echo, secure_echo};
use super::fixtures::{MAX_BODY, policy, provider, settings};
use super::process::{BOUND, Envoy, exchange};
use super::stages::{REFUSED, SENT, Stages};
use crate::catalog::Provider;
use crate::xds::{
    BootstrapSettings, GrpcAddress, Progress, Snapshot, Unobserved, XdsState, bootstrap_yaml, service,
};

/// Envoy and the two stages.
struct Gateway {
    envoy: Envoy,
    stages: Stages,
    port: u16,
    state: XdsState,
    serving: DropGuard,
    _directory: tempfile::TempDir,
}

impl Gateway {
    /// An Envoy that is told what these providers need.
    async fn with(providers: &[Provider]) -> Self {
        let gateway = Self::booted(providers, |socket| {
            bootstrap_yaml(&BootstrapSettings {
                grpc: GrpcAddress::Unix(socket.to_owned()),
                admin: ([127, 0, 0, 1], 0).into(),
                ..BootstrapSettings::default()
            })
        });
        let gateway = gateway.await;
        let mut progress = gateway.state.watch();
        tokio::time::timeout(BOUND, progress.wait_for(Progress::is_settled))
            .await
            .unwrap()
            .unwrap();
        gateway
    }

    async fn booted(providers: &[Provider], bootstrap: impl FnOnce(&Path) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("u.sock");
        let state = XdsState::new(
            Snapshot::of(&settings(), providers, &[policy("a")]),
            Arc::new(Unobserved),
        );
        let stages = Stages::default();
        let stop = CancellationToken::new();
        let serving = Server::builder()
            // Envoy resets a stream that it is done with; a careful server would take that for an attack.
            .http2_max_pending_accept_reset_streams(Some(usize::MAX))
            .http2_max_local_error_reset_streams(None)
            .add_service(service(state.clone()))
            .add_service(ExternalProcessorServer::new(stages.clone()).max_decoding_message_size(1 << 30))
            .serve_with_incoming_shutdown(
                UnixListenerStream::new(UnixListener::bind(&socket).unwrap()),
                stop.clone().cancelled_owned(),
            );
        tokio::spawn(serving);
        let envoy = Envoy::start(&bootstrap(&socket)).await;
        let port = envoy.port().await;
        Self {
            envoy,
            stages,
            port,
            state,
            serving: stop.drop_guard(),
            _directory: directory,
        }
    }

    async fn post(&self, plan: &[&'static str], body: &str) -> String {
        *self.stages.plan.lock() = plan.to_vec();
        let length = body.len();
        exchange(
            self.port,
            format!(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: client.example\r\nconnection: close\r\n\
                 x-understudy-route: a\r\nx-envoy-max-retries: 0\r\nx-envoy-upstream-rq-timeout-ms: 1\r\n\
                 content-length: {length}\r\n\r\n{body}"
            ),
        )
        .await
    }

    fn attempts(&self) -> Vec<String> {
        self.stages.attempts.lock().clone()
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

/// The code of an error that clients can read.
fn code(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    assert!(head.contains("content-type: application/json"), "{answer}");
    let error: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(
        error["error"]["message"].is_string() && error["error"]["type"].is_string(),
        "{answer}"
    );
    error["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_name_without_an_address_moves_on_and_says_so() {
    let port = echo().await;
    let nowhere = provider("nowhere", "https://no-such-host.invalid:443");
    let gateway = Gateway::with(&[nowhere, provider("good", &format!("http://localhost:{port}"))]).await;

    let answer = gateway.post(&["nowhere", "good"], "{}").await;

    assert_eq!(status(&answer), "200", "{answer}\n{}", gateway.envoy.log());
    assert_eq!(gateway.attempts(), ["nowhere#1 s-1 dns", "good#2 s-1"]);
    assert_eq!(gateway.envoy.stat("cluster.good.upstream_rq_retry").await, 1);
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("x-understudy-"), "{head}");
}

#[tokio::test]
async fn the_file_written_by_hand_serves_as_well() {
    let file = include_str!("../../../envoy/static.yaml");
    let (closed, open) = (closed_port().await, echo().await);
    let replaced = |text: String, place: &str, value: &str| {
        assert_eq!(text.matches(place).count(), 1, "{place}");
        text.replace(place, value)
    };
    let gateway = Gateway::booted(&[], |socket| {
        let places = [
            ("port_value: 9901", "port_value: 0".to_owned()),
            ("port_value: 10000", "port_value: 0".to_owned()),
            (
                "address: localhost, port_value: 9001",
                format!("address: localhost, port_value: {closed}"),
            ),
            ("port_value: 9002", format!("port_value: {open}")),
            ("run/understudy.sock", socket.display().to_string()),
        ];
        places.iter().fold(file.to_owned(), |text, (place, value)| {
            replaced(text, place, value)
        })
    });
    let gateway = gateway.await;

    let answer = gateway.post(&["openai", "azure-east"], "{}").await;

    assert_eq!(status(&answer), "200", "{answer}\n{}", gateway.envoy.log());
    assert_eq!(gateway.attempts(), ["azure-east#2 s-1"]);
    assert_eq!(
        gateway.envoy.stat("cluster.azure-east.upstream_rq_retry").await,
        1
    );
}

#[tokio::test]
async fn an_attempt_carries_its_own_body_with_its_length() {
    let port = echo().await;
    let gateway = Gateway::with(&[provider("good", &format!("http://127.0.0.1:{port}"))]).await;

    let answer = gateway
        .post(
            &["good"],
            r#"{"from":"the client, and longer than what is sent in the end"}"#,
        )
        .await;

    assert!(
        answer.contains(&format!("content-length: {}\r\n", SENT.len())),
        "{answer}"
    );
    assert!(answer.ends_with(SENT), "{answer}");
}

#[tokio::test]
async fn a_body_as_large_as_allowed_is_planned_and_retried() {
    let port = echo().await;
    let nowhere = provider("nowhere", "https://no-such-host.invalid:443");
    let gateway = Gateway::with(&[nowhere, provider("good", &format!("http://127.0.0.1:{port}"))]).await;

    let answer = gateway
        .post(
            &["nowhere", "good"],
            &"x".repeat(usize::try_from(MAX_BODY).unwrap()),
        )
        .await;

    assert_eq!(status(&answer), "200", "{answer}");
    assert_eq!(gateway.attempts(), ["nowhere#1 s-1 dns", "good#2 s-1"]);
}

#[tokio::test]
async fn a_refused_connection_moves_on() {
    let port = echo().await;
    let closed = format!("http://127.0.0.1:{}", closed_port().await);
    let gateway = Gateway::with(&[
        provider("closed", &closed),
        provider("good", &format!("http://127.0.0.1:{port}")),
    ])
    .await;

    let answer = gateway.post(&["closed", "good"], "{}").await;

    assert_eq!(status(&answer), "200", "{answer}");
    assert_eq!(gateway.attempts(), ["good#2 s-1"]);
}

#[tokio::test]
async fn a_certificate_of_another_name_moves_on() {
    let directory = tempfile::tempdir().unwrap();
    let (port, ca) = secure_echo(&directory).await;
    let mut good = provider("good", &format!("https://localhost:{port}"));
    good.endpoint.ca = Some(ca);
    let mut posing = good.clone();
    posing.name = "posing".into();
    posing.endpoint.sni = "api.openai.example".to_owned();
    let gateway = Gateway::with(&[good, posing]).await;

    let answer = gateway.post(&["posing", "good"], "{}").await;

    assert_eq!(status(&answer), "200", "{answer}\n{}", gateway.envoy.log());
    assert_eq!(gateway.attempts(), ["good#2 s-1"]);
    assert_eq!(
        gateway.envoy.stat("cluster.posing@dns.ssl.fail_verify_san").await,
        1
    );
}

#[tokio::test]
async fn a_client_cannot_set_internal_headers() {
    let port = echo().await;
    let gateway = Gateway::with(&[provider("good", &format!("http://127.0.0.1:{port}"))]).await;

    let answer = gateway.post(&["good"], "{}").await;

    assert_eq!(status(&answer), "200", "{answer}");
    let shown = gateway.stages.shown.lock();
    let internal = [
        "x-understudy-route",
        "x-envoy-max-retries",
        "x-envoy-upstream-rq-timeout-ms",
    ];
    assert!(
        !shown.iter().any(|name| internal.contains(&name.as_str())),
        "{shown:?}"
    );
}

#[tokio::test]
async fn what_the_stages_refuse_themselves_passes_untouched() {
    let gateway = Gateway::with(&[]).await;

    let answer = exchange(
        gateway.port,
        format!("GET {REFUSED} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
    )
    .await;

    assert_eq!(status(&answer), "404");
    assert!(answer.ends_with(r#"{"ours":true}"#), "{answer}");
}

#[tokio::test]
async fn what_envoy_refuses_has_the_shape_of_an_error() {
    let gateway = Gateway::with(&[]).await;

    let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n";
    let headers = exchange(
        gateway.port,
        format!("{head}x-large: {}\r\n\r\n", "x".repeat(100 << 10)),
    )
    .await;
    assert_eq!(
        (status(&headers), code(&headers).as_str()),
        ("431", "headers_too_large")
    );

    let larger = usize::try_from(MAX_BODY).unwrap() + 1;
    let body = gateway.post(&["none"], &"x".repeat(larger)).await;
    assert_eq!(
        (status(&body), code(&body).as_str()),
        ("413", "request_too_large")
    );

    let malformed = exchange(gateway.port, "POST / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n").await;
    assert_eq!(
        (status(&malformed), code(&malformed).as_str()),
        ("400", "invalid_request")
    );

    let unknown = gateway.post(&["no-such-cluster"], "{}").await;
    assert_eq!(
        (status(&unknown), code(&unknown).as_str()),
        ("503", "upstream_unavailable")
    );
}

#[tokio::test]
async fn without_understudy_nothing_passes_and_the_client_is_told() {
    let port = echo().await;
    let gateway = Gateway::with(&[provider("good", &format!("http://127.0.0.1:{port}"))]).await;
    assert_eq!(status(&gateway.post(&["good"], "{}").await), "200");

    gateway.state.close();
    drop(gateway.serving);
    let request = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let answer = gateway
        .envoy
        .until("refusal", async || {
            let answer = exchange(gateway.port, request).await;
            (status(&answer) == "503").then_some(answer)
        })
        .await;

    assert_eq!(code(&answer), "gateway_unavailable");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_requests_at_once_all_move_on() {
    let port = echo().await;
    let nowhere = provider("nowhere", "https://no-such-host.invalid:443");
    let closed = provider("closed", &format!("http://127.0.0.1:{}", closed_port().await));
    let good = provider("good", &format!("http://localhost:{port}"));
    let gateway = Gateway::with(&[nowhere, closed, good]).await;
    let body = "x".repeat(300_000);

    let answers: Vec<String> = stream::iter(0..400)
        .map(|_| gateway.post(&["nowhere", "closed", "good"], &body))
        .buffer_unordered(60)
        .collect()
        .await;

    let failed = answers.iter().find(|answer| status(answer) != "200");
    assert_eq!(failed, None, "{}", gateway.envoy.log());
    assert_eq!(gateway.envoy.stat("cluster.good.upstream_rq_retry").await, 400);
}
