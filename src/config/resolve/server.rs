//! `listen`, `admin`, `grpc`, `envoy` and `log`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::{Layers, Resolver};
use crate::config::measure;
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::raw::{RawAddress, RawAdmin, RawConfig, RawGrpc, RawHostPort, RawSecret, RawSize};
use crate::config::server::{AdminBind, EnvoySettings, GrpcBind, HostPort, LogLevel, LogSettings};

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10_000);
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9900);
const ENVOY_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);
const SOCKET: &str = "run/understudy.sock";
const MAX_BODY: u64 = 32 << 20;
/// Smaller holds no request; larger is more than Envoy buffers.
const BODY_BOUNDS: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 30;
/// What fits into the address of a Unix socket.
const MAX_SOCKET_PATH: usize = 107;

/// Where Envoy listens for clients.
pub(super) fn listen(raw: &RawConfig, resolver: &mut Resolver<'_, '_>) -> Option<SocketAddr> {
    let root = Layers::new(Some(raw), &ConfigPath::default());
    resolver.value(root.said("listen", |raw| raw.listen.as_ref()), LISTEN, address)
}

/// The admin server, with a token when others can reach it.
pub(super) fn admin(raw: &RawConfig, resolver: &mut Resolver<'_, '_>) -> Option<AdminBind> {
    let at = ConfigPath::default().key("admin");
    let (addr, token) = match &raw.admin {
        None => (Some(ADMIN), None),
        Some(RawAdmin::Address(text)) => (resolver.report.accept(&at, address(text)), None),
        Some(RawAdmin::Full(full)) => {
            let listen = Layers::new(Some(full), &at).said("listen", |full| full.listen.as_ref());
            (resolver.value(listen, ADMIN, address), full.token.as_ref())
        }
    };
    let at = at.key("token");
    let token = match token {
        Some(RawSecret(text)) => Some(resolver.secret(&at, text)?),
        None => None,
    };
    let addr = addr?;
    if token.is_none() && !addr.ip().is_loopback() {
        let problem = format!("missing: whoever reaches {addr} could drain providers");
        let remedy = format!(
            "write `admin: {{ listen: \"{addr}\", token: ${{ADMIN_TOKEN}} }}`, or listen on 127.0.0.1"
        );
        resolver.report.refuse(&at, Invalid::new(problem).hint(remedy));
        return None;
    }
    Some(AdminBind { addr, token })
}

/// Where Envoy reaches Understudy.
pub(super) fn grpc(raw: &RawConfig, resolver: &mut Resolver<'_, '_>) -> Option<GrpcBind> {
    let at = ConfigPath::default().key("grpc");
    let Some(RawGrpc(text)) = &raw.grpc else {
        return Some(GrpcBind::Unix(PathBuf::from(SOCKET)));
    };
    if let Some(path) = text.trim().strip_prefix("unix:") {
        return resolver.report.accept(&at, socket_path(path)).map(GrpcBind::Unix);
    }
    let address = HostPort::try_new(text).map_err(|_| {
        Invalid::new("is neither a socket nor a host with a port")
            .hint("write `unix:run/understudy.sock`, or for example `127.0.0.1:9000`")
    });
    let address = resolver.report.accept(&at, address)?;
    let is_public = address.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    if is_public {
        resolver.report.warn(
            &at,
            format_args!(
                "provider keys cross {address} in plain text; keep that port inside the pod or the container network"
            ),
        );
    }
    Some(GrpcBind::Tcp(address))
}

fn socket_path(path: &str) -> Result<PathBuf, Invalid> {
    // `unix:///run/x.sock` is how URLs say `/run/x.sock`.
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains('\0') {
        return Err(Invalid::new("names no socket").hint("write for example `unix:run/understudy.sock`"));
    }
    if path.len() > MAX_SOCKET_PATH {
        return Err(Invalid::new(format!(
            "is longer than the {MAX_SOCKET_PATH} bytes a socket's path may have"
        ))
        .hint("use a shorter path, such as `unix:/tmp/understudy.sock`"));
    }
    Ok(PathBuf::from(path))
}

/// What Understudy needs to know about Envoy.
pub(super) fn envoy(
    raw: &RawConfig,
    listen: Option<SocketAddr>,
    resolver: &mut Resolver<'_, '_>,
) -> Option<EnvoySettings> {
    let layers = Layers::new(raw.envoy.as_ref(), &ConfigPath::default().key("envoy"));
    let admin = resolver.value(
        layers.said("admin", |envoy| envoy.admin.as_ref()),
        ENVOY_ADMIN,
        address,
    );
    let max_body = resolver.value(
        layers.said("max_body", |envoy| envoy.max_body.as_ref()),
        MAX_BODY,
        max_body,
    );
    let listener = layers.said("listener", |envoy| envoy.listener.as_ref());
    let listener = match listener {
        Some(said) => resolver.report.accept(&said.at, listener_address(said.value)),
        None => listen.map(reachable),
    };
    if let (Some(said), Some(admin)) = (layers.said("admin", |envoy| envoy.admin.as_ref()), admin)
        && !admin.ip().is_loopback()
    {
        let warning =
            "whoever reaches Envoy's admin interface can stop it; keep it on loopback, or off the network";
        resolver.report.warn(&said.at, warning);
    }
    Some(EnvoySettings {
        admin: admin?,
        max_body: max_body?,
        listener: listener?,
    })
}

fn max_body(RawSize(text): &RawSize) -> Result<u64, Invalid> {
    let bytes = measure::size(text)?;
    if BODY_BOUNDS.contains(&bytes) {
        Ok(bytes)
    } else {
        Err(Invalid::new("is out of range").hint("use at least `1KiB` and at most `1GiB`"))
    }
}

fn listener_address(RawHostPort(text): &RawHostPort) -> Result<HostPort, Invalid> {
    let address = HostPort::try_new(text)?;
    if address.port == 0 {
        return Err(
            Invalid::new("has port 0, which nothing can connect to").hint("write the port of `listen`")
        );
    }
    Ok(address)
}

/// The way to a listener from the same machine.
fn reachable(listen: SocketAddr) -> HostPort {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    HostPort::from(SocketAddr::new(ip, listen.port()))
}

/// How the log is written.
pub(super) fn log(raw: &RawConfig) -> LogSettings {
    let log = raw.log.as_ref();
    LogSettings {
        format: log.and_then(|log| log.format),
        level: log.and_then(|log| log.level).unwrap_or(LogLevel::Info),
    }
}

/// No two servers can have the same address.
pub(super) fn collisions(
    listen: Option<SocketAddr>,
    admin: Option<&AdminBind>,
    grpc: Option<&GrpcBind>,
    envoy: Option<&EnvoySettings>,
    resolver: &mut Resolver<'_, '_>,
) {
    let root = ConfigPath::default();
    let grpc = match grpc {
        Some(GrpcBind::Tcp(address)) => address
            .host
            .parse()
            .ok()
            .map(|ip| SocketAddr::new(ip, address.port)),
        Some(GrpcBind::Unix(_)) | None => None,
    };
    let servers = [
        (root.key("listen"), listen),
        (root.key("admin"), admin.map(|admin| admin.addr)),
        (root.key("grpc"), grpc),
        (root.key("envoy").key("admin"), envoy.map(|envoy| envoy.admin)),
    ];
    let mut taken: Vec<(ConfigPath, SocketAddr)> = Vec::new();
    for (at, address) in servers {
        let Some(address) = address.filter(|address| address.port() != 0) else {
            continue;
        };
        if let Some((other, _)) = taken.iter().find(|(_, known)| *known == address) {
            let problem = format!("{address} is taken by `{other}`");
            resolver
                .report
                .refuse(&at, Invalid::new(problem).hint("give each its own port"));
        }
        taken.push((at, address));
    }
}

fn address(RawAddress(text): &RawAddress) -> Result<SocketAddr, Invalid> {
    let text = text.trim();
    let local = text
        .strip_prefix("localhost:")
        .map(|port| format!("127.0.0.1:{port}"));
    local.as_deref().unwrap_or(text).parse().map_err(|_| {
        let is_port = !text.is_empty()
            && text
                .trim_start_matches(':')
                .bytes()
                .all(|byte| byte.is_ascii_digit());
        let example = if is_port {
            format!("127.0.0.1:{}", text.trim_start_matches(':'))
        } else {
            LISTEN.to_string()
        };
        Invalid::new("is not an IP address with a port").hint(format!("write for example `{example}`"))
    })
}
