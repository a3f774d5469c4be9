//! HTTP/2, in the clear and behind TLS, and what the greeting settles.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::client::ask_on;
use super::{BOUND, CHAT, hello, hello_streamed, sim};
use crate::sim::{Fault, FaultRule, Sim, SimConfig, SimError, SimTls};

type Http2 = SendRequest<Full<Bytes>>;

async fn http2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Http2 {
    let (requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io))
            .await
            .unwrap();
    tokio::spawn(async move { connection.await.ok() });
    requests
}

fn request(body: &serde_json::Value) -> Request<Full<Bytes>> {
    let uri = format!("http://sim.test{CHAT}");
    Request::post(uri)
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap()
}

async fn asked(requests: &mut Http2, body: &serde_json::Value) -> Result<(StatusCode, Bytes), hyper::Error> {
    let answer = tokio::time::timeout(BOUND, requests.send_request(request(body)))
        .await
        .unwrap()?;
    let status = answer.status();
    Ok((status, answer.into_body().collect().await?.to_bytes()))
}

#[tokio::test]
async fn http2_is_spoken_in_the_clear() {
    let sim = sim("a").await;
    let mut requests = http2(TcpStream::connect(sim.addr()).await.unwrap()).await;

    let (status, body) = asked(&mut requests, &hello_streamed("m")).await.unwrap();

    let seen = &sim.control().recent_requests()[0];
    assert_eq!(
        (status, body.ends_with(b"data: [DONE]\n\n")),
        (StatusCode::OK, true)
    );
    assert_eq!(
        (seen.version(), seen.headers()[0].clone()),
        (Version::HTTP_2, ("host".into(), "sim.test".into()))
    );
}

#[tokio::test]
async fn over_http2_a_fault_ends_its_own_stream_only() {
    let sim = sim("a").await;
    let mut requests = http2(TcpStream::connect(sim.addr()).await.unwrap()).await;

    for fault in [Fault::Reset, Fault::Close, Fault::CutStream] {
        sim.control().set_fault(FaultRule::new(fault).times(1));
        let broken = asked(&mut requests, &hello_streamed("m")).await;
        let whole = asked(&mut requests, &hello("m")).await;

        assert!(broken.is_err(), "{fault}");
        assert_eq!(whole.unwrap().0, StatusCode::OK, "{fault}");
    }
    assert_eq!(sim.control().counters().connections, 1);
}

#[tokio::test]
async fn over_http2_a_caller_that_leaves_frees_its_request() {
    let sim = sim("a").await;
    sim.control().set_fault(FaultRule::new(Fault::Hang));
    let mut requests = http2(TcpStream::connect(sim.addr()).await.unwrap()).await;

    let hanging = tokio::spawn(requests.send_request(request(&hello("m"))));
    sim.control()
        .counters_when(BOUND, |counters| counters.by_fault.len() == 1)
        .await
        .unwrap();
    hanging.abort();

    let left = sim
        .control()
        .counters_when(BOUND, |counters| counters.abandoned == 1)
        .await;
    assert_eq!(left.unwrap().concurrent, 0);
}

/// A provider with a certificate for `sim.test`, and who trusts it.
async fn secure(http1_only: bool) -> (Sim, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(vec!["sim.test".to_owned()]).unwrap();
    let certificate_pem = made.cert.pem();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(certificate_pem.as_bytes()).unwrap())
        .unwrap();
    let tls = Some(SimTls {
        certificate_pem,
        key_pem: made.signing_key.serialize_pem(),
    });
    (
        Sim::start(SimConfig {
            tls,
            http1_only,
            ..SimConfig::named("a")
        })
        .await
        .unwrap(),
        roots,
    )
}

async fn greeted(sim: &Sim, roots: RootCertStore, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(sim.addr()).await.unwrap();
    let name = ServerName::try_from("sim.test").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

#[tokio::test]
async fn tls_settles_on_http2_and_the_name_asked_for_is_remembered() {
    let (sim, roots) = secure(false).await;

    let stream = greeted(&sim, roots, &[b"h2", b"http/1.1"]).await;
    let settled = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let answer = asked(&mut http2(stream).await, &hello("m")).await.unwrap();

    let seen = &sim.control().recent_requests()[0];
    assert!(sim.base_url().starts_with("https://127.0.0.1:"));
    assert_eq!((settled.as_deref(), answer.0), (Some(&b"h2"[..]), StatusCode::OK));
    assert_eq!(
        (seen.server_name(), seen.version()),
        (Some("sim.test"), Version::HTTP_2)
    );
}

#[tokio::test]
async fn a_provider_without_http2_settles_on_http1() {
    let (sim, roots) = secure(true).await;

    let stream = greeted(&sim, roots, &[b"h2", b"http/1.1"]).await;
    let settled = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let answer = ask_on(stream, ("POST", CHAT), &[], hello("m").to_string().as_bytes())
        .await
        .unwrap();

    assert_eq!((settled.as_deref(), answer.status), (Some(&b"http/1.1"[..]), 200));
}

#[tokio::test]
async fn a_reset_behind_tls_reaches_the_socket() {
    let (sim, roots) = secure(true).await;
    sim.control().set_fault(FaultRule::new(Fault::Reset));

    let stream = greeted(&sim, roots, &[b"http/1.1"]).await;
    let error = ask_on(stream, ("POST", CHAT), &[], hello("m").to_string().as_bytes())
        .await
        .unwrap_err();

    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_certificate_that_is_none_is_refused_at_the_start() {
    for (certificate_pem, key_pem, expected) in [
        ("", "", "holds none"),
        (
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
            "",
            "private key",
        ),
    ] {
        let tls = SimTls {
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
        };

        let error = Sim::start(SimConfig {
            tls: Some(tls),
            ..SimConfig::named("a")
        })
        .await
        .unwrap_err();

        assert!(
            matches!(error, SimError::Tls(_)) && error.to_string().contains(expected),
            "{error}"
        );
    }
}
