//! Binds the sockets, and says plainly why one cannot be had.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_server::AccessLogServiceServer;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::{Connected, Router};
use understudy_proto::ext_proc::external_processor_server::ExternalProcessorServer;

use super::breakable::Breakable;
use super::lanes::Lanes;
use crate::config::{GrpcBind, HostPort};
use crate::extproc::{BrokenRequests, Processor};
use crate::xds::XdsService;

/// Windows of the connections from Envoy: bodies come in one message, and none should wait for another.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;
const FRAME: u32 = 1 << 20;
/// How soon another connection is accepted after one could not be.
const NEXT_TRY: Duration = Duration::from_millis(100);

/// A socket that cannot be bound.
#[derive(Debug)]
pub struct BindError {
    purpose: &'static str,
    address: String,
    source: io::Error,
}

impl BindError {
    pub(super) fn new(purpose: &'static str, address: impl fmt::Display, source: io::Error) -> Self {
        Self {
            purpose,
            address: address.to_string(),
            source,
        }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            purpose,
            address,
            source,
        } = self;
        write!(f, "`{purpose}` cannot listen on `{address}`: {source}")?;
        match source.kind() {
            io::ErrorKind::AddrInUse => write!(
                f,
                "; stop what listens there, or change `{purpose}` in the configuration"
            ),
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::InvalidInput => {
                write!(
                    f,
                    "; choose another place for `{purpose}`, one that this user may write to"
                )
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(
                    f,
                    "; choose an address of this machine, or 0.0.0.0 for all of them"
                )
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {}

/// What is served to Envoy.
pub(super) type Services = (
    ExternalProcessorServer<Processor>,
    AccessLogServiceServer<BrokenRequests>,
    XdsService,
);

/// The bound gRPC socket.
pub(super) struct Grpc {
    socket: Socket,
    address: GrpcBind,
    /// Removes the socket file when it is dropped, served or not.
    file: SocketFile,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Binds the socket for Envoy.
pub(super) async fn grpc(wanted: &GrpcBind) -> Result<Grpc, BindError> {
    let failed = |error| BindError::new("grpc", wanted, error);
    match wanted {
        GrpcBind::Tcp(address) => {
            let listener = TcpListener::bind((address.host.as_str(), address.port))
                .await
                .map_err(failed)?;
            let bound = listener.local_addr().map_err(failed)?;
            let address = GrpcBind::Tcp(HostPort {
                host: address.host.clone(),
                port: bound.port(),
            });
            Ok(Grpc {
                socket: Socket::Tcp(listener),
                address,
                file: SocketFile(None),
            })
        }
        GrpcBind::Unix(path) => {
            let listener = unix(path).await.map_err(failed)?;
            Ok(Grpc {
                socket: Socket::Unix(listener),
                address: GrpcBind::Unix(path.clone()),
                file: SocketFile(Some(path.clone())),
            })
        }
    }
}

/// Binds a socket file; one that a dead process left behind is taken over.
async fn unix(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let found = std::fs::symlink_metadata(path).ok();
    let is_socket = |found: &std::fs::Metadata| std::os::unix::fs::FileTypeExt::is_socket(&found.file_type());
    if found.as_ref().is_some_and(|found| !is_socket(found)) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something that is no socket is there",
        ));
    }
    if found.is_some() {
        if UnixStream::connect(path).await.is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another process listens there",
            ));
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

impl Grpc {
    /// Where it is bound; a port of 0 has become a real one.
    pub(super) fn address(&self) -> &GrpcBind {
        &self.address
    }

    /// Serves all services until `stopping`; streams that are open then are broken off, never ended cleanly,
    /// because Envoy would send a request on unrewritten after a clean end.
    pub(super) async fn serve(self, services: Services, stopping: CancellationToken) {
        let served = match self.socket {
            Socket::Tcp(listener) => serve(listener, services, stopping).await,
            Socket::Unix(listener) => serve(listener, services, stopping).await,
        };
        if let Err(error) = served {
            tracing::error!(error = %error, "the gRPC server cannot be started");
        }
        drop(self.file);
    }
}

async fn serve<L: Listens>(listener: L, services: Services, stopping: CancellationToken) -> io::Result<()> {
    let breakable = stopping.clone();
    let mut lanes = Lanes::start(&stopping, move |accepted| {
        let stopping = breakable.clone();
        let opened = UnboundedReceiverStream::new(accepted).map(L::open);
        let incoming = opened.map_ok(move |io| Breakable::new(io, stopping.clone()));
        let serving = router(services.clone()).serve_with_incoming(incoming);
        async {
            if let Err(error) = serving.await {
                tracing::error!(error = %error, "the gRPC server ended");
            }
        }
    })?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.next() => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok(accepted) => lanes.take(accepted),
            Err(error) => {
                // Out of file descriptors, most likely: others will be closed.
                tracing::warn!(error = %error, "a connection from Envoy cannot be accepted");
                tokio::time::sleep(NEXT_TRY).await;
            }
        }
    }
    lanes.ended().await;
    Ok(())
}

fn router((processor, broken, ads): Services) -> Router {
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        // Envoy resets every stream that it is done with, which the defaults take for an attack.
        .http2_max_pending_accept_reset_streams(Some(usize::MAX))
        .http2_max_local_error_reset_streams(None)
        .add_service(processor)
        .add_service(broken)
        .add_service(ads)
}

/// A socket that connections come in by. A connection is accepted on one thread and opened on another.
trait Listens {
    type Accepted: Send + 'static;
    type Io: AsyncRead + AsyncWrite + Connected<ConnectInfo: Clone + Send + Sync> + Unpin + Send + 'static;

    fn next(&self) -> impl Future<Output = io::Result<Self::Accepted>> + Send;
    fn open(accepted: Self::Accepted) -> io::Result<Self::Io>;
}

impl Listens for TcpListener {
    type Accepted = std::net::TcpStream;
    type Io = TcpStream;

    async fn next(&self) -> io::Result<Self::Accepted> {
        let (connection, _) = self.accept().await?;
        connection.set_nodelay(true)?;
        connection.into_std()
    }

    fn open(accepted: Self::Accepted) -> io::Result<TcpStream> {
        TcpStream::from_std(accepted)
    }
}

impl Listens for UnixListener {
    type Accepted = std::os::unix::net::UnixStream;
    type Io = UnixStream;

    async fn next(&self) -> io::Result<Self::Accepted> {
        let (connection, _) = self.accept().await?;
        connection.into_std()
    }

    fn open(accepted: Self::Accepted) -> io::Result<UnixStream> {
        UnixStream::from_std(accepted)
    }
}

/// Removes the socket file when the server is gone.
struct SocketFile(Option<PathBuf>);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // A file that is gone already is what we want.
            let _removed = std::fs::remove_file(path).is_ok();
        }
    }
}
