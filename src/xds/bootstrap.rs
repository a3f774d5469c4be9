//! The bootstrap of an Envoy that is ours: the shipped file with addresses filled in.
//!
//! `envoy/bootstrap.yaml` is the only text; this module replaces three places in it and knows nothing else of it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

const SHIPPED: &str = include_str!("../../envoy/bootstrap.yaml");
const NODE: &str = r#"id: "understudy-envoy""#;
const ADMIN: &str = r#"socket_address: { address: "127.0.0.1", port_value: 9901 }"#;
const KIND: &str = "type: STATIC";
const UNDERSTUDY: &str = r#"pipe: { path: "run/understudy.sock" }"#;

/// Where Envoy finds Understudy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrpcAddress {
    /// A socket file, by a path that Envoy can open.
    Unix(PathBuf),
    /// A host and a port; a name is resolved by Envoy.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

impl fmt::Display for GrpcAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// What differs between one bootstrap and another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapSettings {
    /// The name of this Envoy in logs, metrics and the admin status.
    pub node_id: String,
    /// Where Envoy finds Understudy.
    pub grpc: GrpcAddress,
    /// Where Envoy's admin server listens.
    pub admin: SocketAddr,
}

impl Default for BootstrapSettings {
    fn default() -> Self {
        Self {
            node_id: "understudy-envoy".to_owned(),
            grpc: GrpcAddress::Unix("run/understudy.sock".into()),
            admin: SocketAddr::from(([127, 0, 0, 1], 9901)),
        }
    }
}

/// The bootstrap as YAML.
pub fn bootstrap_yaml(settings: &BootstrapSettings) -> String {
    let (kind, address) = match &settings.grpc {
        GrpcAddress::Unix(path) => (
            KIND,
            format!("pipe: {{ path: {} }}", quoted(&path.to_string_lossy())),
        ),
        GrpcAddress::Tcp { host, port } => {
            let is_name = host.parse::<IpAddr>().is_err();
            (
                if is_name { "type: STRICT_DNS" } else { KIND },
                socket_address(host, *port),
            )
        }
    };
    let admin = socket_address(&settings.admin.ip().to_string(), settings.admin.port());
    SHIPPED
        .replacen(NODE, &format!("id: {}", quoted(&settings.node_id)), 1)
        .replacen(ADMIN, &admin, 1)
        .replacen(KIND, kind, 1)
        .replacen(UNDERSTUDY, &address, 1)
}

fn socket_address(host: &str, port: u16) -> String {
    format!(
        "socket_address: {{ address: {}, port_value: {port} }}",
        quoted(host)
    )
}

/// JSON's quoting is YAML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_shipped_file() {
        assert_eq!(bootstrap_yaml(&BootstrapSettings::default()), SHIPPED);
    }

    #[test]
    fn every_place_that_is_filled_in_stands_once_in_the_shipped_file() {
        for place in [NODE, ADMIN, KIND, UNDERSTUDY] {
            assert_eq!(SHIPPED.matches(place).count(), 1, "{place}");
        }
    }

    #[test]
    fn a_name_is_resolved_and_an_address_is_not() {
        let with = |host: &str| {
            let grpc = GrpcAddress::Tcp {
                host: host.to_owned(),
                port: 9902,
            };
            bootstrap_yaml(&BootstrapSettings {
                grpc,
                ..BootstrapSettings::default()
            })
        };

        assert!(with("understudy").contains("type: STRICT_DNS"));
        assert!(
            with("understudy").contains(r#"socket_address: { address: "understudy", port_value: 9902 }"#)
        );
        assert!(with("10.0.0.7").contains("type: STATIC"));
        assert!(with("::1").contains("type: STATIC"));
    }

    #[test]
    fn odd_names_are_quoted() {
        let settings = BootstrapSettings {
            node_id: "a \"b\": {c}".to_owned(),
            grpc: GrpcAddress::Unix("/tmp/a, b}/u.sock".into()),
            ..BootstrapSettings::default()
        };

        let yaml = bootstrap_yaml(&settings);

        assert!(yaml.contains(r#"id: "a \"b\": {c}""#));
        assert!(yaml.contains(r#"pipe: { path: "/tmp/a, b}/u.sock" }"#));
    }
}
