//! Sockets: accept, greet with TLS if asked to, and hand requests to the server beside it.
//!
//! Invariant: when the accept loop has ended, its port is free and its connections are gone. It refuses to know what a
//! request is about; a reset is a flag on the wire that takes effect when the wire is dropped.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::sync::CancellationToken;

use super::config::{SimError, SimTls};
use super::provider::Provider;
use super::serve::{self, Link};
use super::stats::OpenConnection;

/// How long a TLS greeting may take.
const GREETING: Duration = Duration::from_secs(10);
/// How long to wait when the system has no descriptor for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// The largest head of a request; gateways are tested with long ones.
const MAX_HEAD: usize = 1 << 20;

/// A listener that is ready to accept.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) http1_only: bool,
}

impl Door {
    /// Accepts until told to stop, then closes everything.
    pub(super) async fn serve(self, provider: Arc<Provider>, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        let numbers = AtomicU64::new(0);
        let server = Arc::new(server(self.http1_only));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_ended) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let number = numbers.fetch_add(1, Ordering::Relaxed) + 1;
                        let greeter = Greeter { tls: self.tls.clone(), server: Arc::clone(&server), number };
                        connections.spawn(greeter.attend(stream, Arc::clone(&provider)));
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
        drop(self.listener);
        connections.shutdown().await;
    }
}

type Server = auto::Builder<TokioExecutor>;

fn server(http1_only: bool) -> Server {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().max_buf_size(MAX_HEAD).max_headers(1000);
    let max_head = u32::try_from(MAX_HEAD).unwrap_or(u32::MAX);
    server
        .http2()
        .max_header_list_size(max_head)
        .max_concurrent_streams(1000)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(8 << 20)
        .max_send_buf_size(1 << 20);
    if http1_only { server.http1_only() } else { server }
}

/// One connection, before it is known what it speaks.
struct Greeter {
    tls: Option<TlsAcceptor>,
    server: Arc<Server>,
    number: u64,
}

impl Greeter {
    async fn attend(self, stream: TcpStream, provider: Arc<Provider>) {
        let _open = OpenConnection::enter(provider.control().stats());
        // Without it, small answers would wait for the caller's acknowledgement; with an old kernel they just do.
        stream.set_nodelay(true).ok();
        let is_reset = Arc::new(AtomicBool::new(false));
        let wire = Wire {
            stream,
            is_reset: Arc::clone(&is_reset),
        };
        let Some(tls) = &self.tls else {
            let link = Link {
                number: self.number,
                server_name: None,
                is_reset,
            };
            return self.converse(wire, provider, link).await;
        };
        if let Ok(Ok(secure)) = tokio::time::timeout(GREETING, tls.accept(wire)).await {
            let server_name = secure.get_ref().1.server_name().map(Arc::from);
            let link = Link {
                number: self.number,
                server_name,
                is_reset,
            };
            self.converse(secure, provider, link).await;
        }
    }

    async fn converse<I>(&self, io: I, provider: Arc<Provider>, link: Link)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let link = Arc::new(link);
        let service =
            service_fn(move |request| serve::respond(Arc::clone(&provider), Arc::clone(&link), request));
        // How a connection ended is the caller's to tell; most faults end it with an error on purpose.
        self.server.serve_connection(TokioIo::new(io), service).await.ok();
    }
}

/// Reads a certificate and its key.
pub(super) fn acceptor(tls: &SimTls, http1_only: bool) -> Result<TlsAcceptor, SimError> {
    let invalid = |reason: &dyn std::fmt::Display| SimError::Tls(reason.to_string());
    let chain = CertificateDer::pem_slice_iter(tls.certificate_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid(&error))?;
    if chain.is_empty() {
        return Err(SimError::Tls("the PEM text holds none".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(tls.key_pem.as_bytes())
        .map_err(|error| invalid(&format!("its private key: {error}")))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| invalid(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if !http1_only {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A TCP stream that can end with a reset instead of in good order.
struct Wire {
    stream: TcpStream,
    is_reset: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.is_reset.load(Ordering::Relaxed) {
            // A linger time of zero makes the close a reset. If it cannot be set, the close is an ordinary one.
            self.stream.set_zero_linger().ok();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
