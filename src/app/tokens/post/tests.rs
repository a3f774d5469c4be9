use std::io::Write as _;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;
use crate::app::tokens::tests::{BOUND, Reply, SECRET, Server, endpoint, entra};

async fn fetch(url: Endpoint, authorities: &[PathBuf]) -> Result<Fresh, Failure> {
    let source = TokenSource::Entra(entra(url));
    Https::default()
        .fetch(&source, authorities, SystemTime::now())
        .await
}

async fn failure(reply: Reply) -> Failure {
    let server = Server::replying([reply]).await;
    let failure = fetch(server.endpoint(), &[]).await.err().unwrap();
    assert!(!format!("{failure} {failure:?}").contains(SECRET));
    failure
}

#[tokio::test]
async fn a_token_is_asked_for_by_a_form() {
    let server = Server::replying([Reply::token("abc", 3599)]).await;

    let fresh = fetch(server.endpoint(), &[]).await.unwrap();

    assert_eq!(
        (fresh.token.expose(), fresh.lifetime),
        ("abc", Duration::from_secs(3599))
    );
    let asked = server.asked(1).await[0].to_ascii_lowercase();
    for line in [
        "post /token http/1.1\r\n".to_owned(),
        format!("\r\nhost: {}\r\n", server.address),
        "\r\ncontent-type: application/x-www-form-urlencoded\r\n".to_owned(),
        "\r\n\r\ngrant_type=client_credentials&client_id=app-1&".to_owned(),
    ] {
        assert!(asked.contains(&line), "{line} in {asked}");
    }
}

#[tokio::test]
async fn whatever_is_answered_is_a_failure_in_words() {
    let wait = "HTTP/1.1 429 X\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n".to_owned();
    let limited = failure(Reply::Bytes(wait)).await;
    assert_eq!(limited.to_string(), "HTTP 429");
    assert_eq!(limited.wait(), Some(Duration::from_secs(30)));

    let moved = "HTTP/1.1 302 X\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n".to_owned();
    assert_eq!(failure(Reply::Bytes(moved)).await.to_string(), "HTTP 302");

    let cut = "HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{".to_owned();
    assert!(matches!(failure(Reply::Bytes(cut)).await, Failure::Broken(_)));

    assert!(matches!(
        failure(Reply::Bytes("SSH-2.0-x\r\n".to_owned())).await,
        Failure::Broken(_)
    ));

    let long = Reply::json(200, &format!("{{\"access_token\":\"{}\"}}", "x".repeat(ANSWER)));
    assert!(matches!(failure(long).await, Failure::TooLong));

    assert!(matches!(failure(Reply::json(200, "{}")).await, Failure::NoToken));
}

#[tokio::test]
async fn silence_is_waited_for_only_so_long() {
    let server = Server::replying([Reply::Nothing]).await;
    let source = TokenSource::Entra(entra(server.endpoint()));
    let hasty = Https {
        patience: Duration::from_millis(50),
    };

    let failure = hasty.fetch(&source, &[], SystemTime::now()).await.err().unwrap();

    assert_eq!(failure.to_string(), "no answer within 50ms");
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();

    let failure = fetch(endpoint(&nobody.to_string()), &[]).await.err().unwrap();

    let told = failure.to_string();
    assert!(
        told.starts_with(&format!("`{nobody}` cannot be reached: ")),
        "{told}"
    );
    assert!(!failure.is_refusal());
}

/// A server of `localhost` behind TLS, and the file of the authority that vouches for it.
async fn secured_server() -> (Endpoint, tempfile::NamedTempFile, AbortOnDropHandle<()>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Endpoint {
        scheme: Scheme::Https,
        ..endpoint(&format!("localhost:{}", listener.local_addr().unwrap().port()))
    };
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _length = stream.read(&mut [0; 4096]).await;
            let Reply::Bytes(answer) = Reply::token("secured", 60) else {
                return;
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap_or_default();
        }
    });
    (url, file, AbortOnDropHandle::new(task))
}

#[tokio::test]
async fn tls_is_spoken_with_whom_the_authorities_vouch_for_and_with_nobody_else() {
    let (url, authority, _server) = secured_server().await;
    let missing = PathBuf::from("/nowhere/ca.pem");

    let known = [missing, authority.path().to_owned()];
    let fresh = tokio::time::timeout(BOUND, fetch(url.clone(), &known))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(fresh.token.expose(), "secured");

    let failure = fetch(url, &[]).await.err().unwrap();
    assert!(matches!(failure, Failure::Tls(..)), "{failure:?}");
    assert!(
        failure.to_string().contains("certificate"),
        "{failure} says what is wrong"
    );
}
