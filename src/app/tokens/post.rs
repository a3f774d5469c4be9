//! One small request over HTTP/1.1, on a connection of its own: so rare that nothing is kept open for the next.
//!
//! Invariant: time and size of everything that comes from outside are bounded. It knows how to ask, not what a token
//! is.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

use super::exchange::{self, Exchange, Failure, Fresh};
use crate::catalog::TokenSource;
use crate::config::{Endpoint, Scheme};
use crate::outcome;

/// How long everything may take, from the first look-up to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one address may take to accept, when there may be others.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer that is read.
const ANSWER: usize = 64 * 1024;

/// Asks over HTTPS, or over plain HTTP where the configuration allows it.
pub(super) struct Https {
    patience: Duration,
}

impl Default for Https {
    fn default() -> Self {
        Self { patience: PATIENCE }
    }
}

impl Exchange for Https {
    async fn fetch(
        &self,
        source: &TokenSource,
        authorities: &[PathBuf],
        today: SystemTime,
    ) -> Result<Fresh, Failure> {
        let asked = ask(source, authorities, today);
        match tokio::time::timeout(self.patience, asked).await {
            Ok(answered) => answered,
            Err(_elapsed) => Err(Failure::Slow(self.patience)),
        }
    }
}

async fn ask(source: &TokenSource, authorities: &[PathBuf], today: SystemTime) -> Result<Fresh, Failure> {
    let url = exchange::url(source);
    let form = exchange::form(source, today)?;
    let stream = connected(url).await?;
    let answer = match url.scheme {
        Scheme::Http => post(stream, url, form).await?,
        Scheme::Https => post(secured(stream, url, authorities).await?, url, form).await?,
    };
    if answer.status().is_success() {
        exchange::token(answer.body())
    } else {
        let wait = outcome::hint(answer.headers(), today);
        Err(exchange::refusal(
            source,
            answer.status().as_u16(),
            answer.body(),
            wait,
        ))
    }
}

/// A connection to the first address that accepts one.
async fn connected(url: &Endpoint) -> Result<TcpStream, Failure> {
    let unreachable = |error| Failure::Unreachable(url.authority(), error);
    let addresses = tokio::net::lookup_host((url.host.as_str(), url.port)).await;
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses.map_err(unreachable)? {
        match tokio::time::timeout(ADDRESS_PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(elapsed) => failure = elapsed.into(),
        }
    }
    Err(unreachable(failure))
}

/// The same connection behind TLS.
async fn secured(
    stream: TcpStream,
    url: &Endpoint,
    authorities: &[PathBuf],
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, Failure> {
    let failure = |error| Failure::Tls(url.authority(), error);
    let name = ServerName::try_from(url.host.clone())
        .map_err(|error| failure(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let config = trusting(authorities).map_err(failure)?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(failure)
}

/// Trusts whom everybody trusts, and the authorities in these files. They are Envoy's, so one that cannot be read
/// here is left out.
fn trusting(authorities: &[PathBuf]) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for file in authorities {
        let certificates = CertificateDer::pem_file_iter(file).into_iter().flatten();
        roots.add_parsable_certificates(certificates.flatten());
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| io::Error::new(io::ErrorKind::Unsupported, error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

async fn post<S>(stream: S, url: &Endpoint, form: String) -> Result<http::Response<Bytes>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(Failure::Broken)?;
    let _driven = AbortOnDropHandle::new(tokio::spawn(connection));
    let path = if url.base_path.is_empty() {
        "/"
    } else {
        &url.base_path
    };
    let request = Request::post(path)
        .header(HOST, url.authority())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("understudy/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(form)))
        .map_err(|error| {
            let error = io::Error::new(io::ErrorKind::InvalidInput, error);
            Failure::Unreachable(url.to_string(), error)
        })?;
    let answer = requests.send_request(request).await.map_err(Failure::Broken)?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, ANSWER).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return Failure::TooLong;
        }
        error
            .downcast()
            .map_or(Failure::TooLong, |error| Failure::Broken(*error))
    })?;
    Ok(http::Response::from_parts(head, body.to_bytes()))
}

#[cfg(test)]
mod tests;
