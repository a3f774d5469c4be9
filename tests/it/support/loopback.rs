//! Addresses that nobody else uses.
//!
//! Linux gives every process all of `127.0.0.0/8`, so each test takes an address of its own and needs no free ports.
//! Elsewhere there is only `127.0.0.1`, and ports that were free a moment ago.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// A name that never resolves.
pub const NOWHERE: &str = "nowhere.invalid";

/// Where the parts of one gateway listen.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Envoy, for clients.
    pub listen: SocketAddr,
    /// Envoy's admin server.
    pub envoy_admin: SocketAddr,
    /// Understudy's admin server.
    pub admin: SocketAddr,
}

impl Addresses {
    /// Three that nothing listens on.
    pub fn unused() -> Self {
        let [listen, envoy_admin, admin] = unused([10000, 9901, 9900]);
        Self {
            listen,
            envoy_admin,
            admin,
        }
    }
}

/// An address where a connection is refused, now and until the end of the test.
pub fn closed_port() -> SocketAddr {
    unused([9])[0]
}

fn unused<const N: usize>(ports: [u16; N]) -> [SocketAddr; N] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let seed = std::process::id().wrapping_mul(0x9e37_79b1);
    for _ in 0..1000 {
        let number = seed.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(7));
        let [_, a, b, c] = number.to_be_bytes();
        // 127.0.*.* is where everyone else is.
        let ip = IpAddr::from(Ipv4Addr::new(127, a.max(1), b, c.clamp(1, 254)));
        let addresses = ports.map(|port| SocketAddr::new(ip, port));
        match addresses.map(TcpListener::bind) {
            bound if bound.iter().all(Result::is_ok) => return addresses,
            bound if bound.iter().any(|one| one.as_ref().is_err_and(is_foreign)) => {
                return ports.map(|_| some_port());
            }
            _ => {}
        }
    }
    panic!("a thousand loopback addresses are taken");
}

fn is_foreign(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::AddrNotAvailable
}

fn some_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}
