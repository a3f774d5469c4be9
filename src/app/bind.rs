//! Binds the sockets, and says plainly why one cannot be had.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_server::AccessLogServiceServer;
use futures_util::TryStreamExt as _;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use understudy_proto::ext_proc::external_processor_server::ExternalProcessorServer;

use super::breakable::Breakable;
use crate::config::{GrpcBind, HostPort};
use crate::extproc::{BrokenRequests, Processor};
use crate::xds::XdsService;

/// Windows of the connections from Envoy: bodies come in one message, and none should wait for another.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;
const FRAME: u32 = 1 << 20;

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

    /// Serves both services until `stopping`; streams that are open then are broken off, never ended cleanly,
    /// because Envoy would send a request on unrewritten after a clean end.
    pub(super) async fn serve(self, (processor, broken, ads): Services, stopping: CancellationToken) {
        let router = Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            // Envoy resets every stream that it is done with, which the defaults take for an attack.
            .http2_max_pending_accept_reset_streams(Some(usize::MAX))
            .http2_max_local_error_reset_streams(None)
            .add_service(processor)
            .add_service(broken)
            .add_service(ads);
        let socket_file = self.file;
        let breakable = stopping.clone();
        let serving = async move {
            match self.socket {
                Socket::Tcp(listener) => {
                    let incoming = TcpListenerStream::new(listener).and_then(|io| async {
                        io.set_nodelay(true)?;
                        Ok(io)
                    });
                    let incoming = incoming.map_ok(|io| Breakable::new(io, breakable.clone()));
                    router.serve_with_incoming(incoming).await
                }
                Socket::Unix(listener) => {
                    let incoming = UnixListenerStream::new(listener);
                    let incoming = incoming.map_ok(|io| Breakable::new(io, breakable.clone()));
                    router.serve_with_incoming(incoming).await
                }
            }
        };
        tokio::select! {
            served = serving => if let Err(error) = served {
                tracing::error!(error = %error, "the gRPC server ended");
            },
            () = stopping.cancelled() => {}
        }
        drop(socket_file);
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
