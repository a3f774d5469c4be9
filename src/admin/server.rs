//! The HTTP server: binds, serves with a bound on everything a peer can make it hold, and stops when told.
//!
//! It runs beside the request path and must never slow it down: reports are made on the threads for blocking work,
//! and connections, headers, bodies and time are limited. It knows nothing of what it serves.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::AdminSource;
use super::auth::{Guard, TokenRequired};
use super::page;
use super::routes::{self, Answer, Asked};

/// What one peer, and all together, may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Connections at one time; more wait to be accepted.
    pub(super) connections: usize,
    /// Bytes of a request's headers.
    pub(super) header_bytes: usize,
    /// Bytes of a request's body.
    pub(super) body_bytes: usize,
    /// Time for a request's headers, and of silence between two requests.
    pub(super) header_time: Duration,
    /// Time for a request's body.
    pub(super) body_time: Duration,
    /// Time of one connection, whatever it does.
    pub(super) connection_time: Duration,
    /// Time for an answer that is under way when the connection is to end.
    pub(super) grace: Duration,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        connections: 64,
        header_bytes: 16 << 10,
        body_bytes: 16 << 10,
        header_time: Duration::from_secs(10),
        body_time: Duration::from_secs(10),
        connection_time: Duration::from_mins(5),
        grace: Duration::from_secs(3),
    };
}

/// Why the server cannot be started.
#[derive(Debug)]
pub enum BindError {
    /// Others could reach it, and there is no token.
    Token(TokenRequired),
    /// The address cannot be had.
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(required) => required.fmt(f),
            Self::Address { address, source } => {
                write!(
                    f,
                    "cannot listen on the admin address {address}: {source}; free it, or set `admin` to another"
                )
            }
        }
    }
}

impl std::error::Error for BindError {}

/// The admin server, bound and not yet serving.
pub struct AdminServer {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    guard: Guard,
    source: Arc<dyn AdminSource>,
    limits: Limits,
}

impl AdminServer {
    /// Takes the address; without a token only a loopback address.
    pub async fn bind(
        address: SocketAddr,
        token: Option<&str>,
        source: Arc<dyn AdminSource>,
    ) -> Result<Self, BindError> {
        Self::bind_with(address, token, source, Limits::DEFAULT).await
    }

    pub(super) async fn bind_with(
        address: SocketAddr,
        token: Option<&str>,
        source: Arc<dyn AdminSource>,
        limits: Limits,
    ) -> Result<Self, BindError> {
        let guard = Guard::new(address, token).map_err(BindError::Token)?;
        let refused = |source| BindError::Address { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self {
            listener,
            address,
            shared: Arc::new(Shared {
                guard,
                source,
                limits,
            }),
        })
    }

    /// The address that was taken, its port known.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then lets answers under way finish for a moment.
    pub async fn serve(self, shutdown: CancellationToken) {
        let limits = self.shared.limits;
        let permits = Arc::new(Semaphore::new(limits.connections));
        let connections = TaskTracker::new();
        while let Some(stream) = self.next(&permits, &shutdown).await {
            let (shared, shutdown) = (Arc::clone(&self.shared), shutdown.clone());
            connections.spawn(async move {
                let (stream, permit) = stream;
                serve_connection(stream, shared, shutdown).await;
                drop(permit);
            });
        }
        drop(self.listener);
        connections.close();
        // A connection that does not end in its grace is dropped with the runtime.
        timeout(limits.grace * 2, connections.wait()).await.ok();
    }

    /// The next connection, once there is room for one; `None` at shutdown.
    async fn next(
        &self,
        permits: &Arc<Semaphore>,
        shutdown: &CancellationToken,
    ) -> Option<(TcpStream, Permit)> {
        let accept = async {
            let permit = Arc::clone(permits).acquire_owned().await.ok()?;
            loop {
                match self.listener.accept().await {
                    Ok((stream, _)) => return Some((stream, permit)),
                    // Out of file descriptors, most likely: there is nothing to do but to wait for some.
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => None,
            accepted = accept => accepted,
        }
    }
}

type Permit = tokio::sync::OwnedSemaphorePermit;

async fn serve_connection(stream: TcpStream, shared: Arc<Shared>, shutdown: CancellationToken) {
    let limits = shared.limits;
    let service = service_fn(move |request| respond(request, Arc::clone(&shared)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // How a connection ends is its peer's business: nothing here is worth a log line.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown.cancelled() => {}
        () = sleep(limits.connection_time) => {}
    }
    connection.as_mut().graceful_shutdown();
    timeout(limits.grace, connection).await.ok();
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let answer = match read(body, shared.limits).await {
        Err(refusal) => refusal,
        Ok(body) => {
            let asked = Asked {
                method: parts.method,
                uri: parts.uri,
                headers: parts.headers,
                body,
            };
            let work = move || routes::answer(&asked, &shared.guard, &*shared.source);
            tokio::task::spawn_blocking(work)
                .await
                .unwrap_or_else(|_| broken())
        }
    };
    Ok(response(answer))
}

async fn read(body: Incoming, limits: Limits) -> Result<Bytes, Answer> {
    let too_large = || {
        let message = format!("the body has more than {} bytes", limits.body_bytes);
        Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", &message)
    };
    if body.size_hint().lower() > limits.body_bytes as u64 {
        return Err(too_large());
    }
    match timeout(limits.body_time, Limited::new(body, limits.body_bytes).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Answer::error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "the body ended too early",
        )),
        Err(_) => Err(Answer::error(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the body took too long",
        )),
    }
}

fn broken() -> Answer {
    Answer::error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the report could not be made; the log says why",
    )
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    put(headers, CONTENT_TYPE, answer.content_type);
    put(headers, CACHE_CONTROL, "no-store");
    put(headers, CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY);
    put(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(headers, X_FRAME_OPTIONS, "DENY");
    put(headers, REFERRER_POLICY, "no-referrer");
    if let Some(allow) = answer.allow {
        put(headers, ALLOW, allow);
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        put(headers, WWW_AUTHENTICATE, "Bearer");
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
