//! Whether the ports that Envoy is to listen on are free.
//!
//! Envoy itself cannot be asked: two Envoys share a port in silence (`SO_REUSEPORT`), and one that cannot have the
//! port of its dynamic listener runs on without it.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// A port that Envoy will want, and the setting that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The setting, as in `listen`.
    pub(super) setting: &'static str,
    /// The address.
    pub(super) address: SocketAddr,
}

/// Says of the first port that cannot be had why, and what to do.
pub(super) fn refused(wanted: &[Wanted]) -> Option<String> {
    wanted.iter().find_map(|Wanted { setting, address }| {
        let error = TcpListener::bind(address).err()?;
        let remedy = remedy(error.kind()).unwrap_or("choose another address");
        Some(format!(
            "Envoy cannot listen on {address} (`{setting}`): {}; {remedy}",
            reason(&error)
        ))
    })
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    }
}

/// What an operator can do about an address that cannot be listened on.
pub(super) fn remedy(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::AddrInUse => Some("stop what listens there, or choose another port"),
        io::ErrorKind::PermissionDenied => {
            Some("choose a port above 1023, or grant the right to bind lower ones (CAP_NET_BIND_SERVICE)")
        }
        io::ErrorKind::AddrNotAvailable => {
            Some("choose an address of this machine, or 0.0.0.0 for all of them")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_setting_and_a_free_one_is_not() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let free = Wanted {
            setting: "envoy.admin",
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };

        let wanted = [
            free,
            Wanted {
                setting: "listen",
                address,
            },
        ];

        assert_eq!(
            refused(&wanted).unwrap(),
            format!(
                "Envoy cannot listen on {address} (`listen`): the port is taken; \
                 stop what listens there, or choose another port"
            )
        );
        drop(taken);
        assert_eq!(refused(&wanted), None);
    }

    #[test]
    fn an_address_of_another_machine_is_told_from_a_taken_port() {
        let address = SocketAddr::from(([192, 0, 2, 1], 1024));

        let refused = refused(&[Wanted {
            setting: "listen",
            address,
        }])
        .unwrap();

        assert!(
            refused.contains("this machine has no such address; choose an address of this machine"),
            "{refused}"
        );
    }
}
