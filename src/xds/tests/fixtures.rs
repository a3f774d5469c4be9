//! Providers and policies as a catalog would hold them.

use std::net::SocketAddr;
use std::time::Duration;

use crate::catalog::{Credential, Endpoint, Policy, Provider};
use crate::config::{Breaker, Kind};
use crate::dialect::Dialect;
use crate::xds::EnvoySettings;

/// More than Envoy's listener holds by itself.
pub(super) const MAX_BODY: u64 = 33 << 20;

/// A listener on a free port of this machine.
pub(super) fn settings() -> EnvoySettings {
    EnvoySettings::new(SocketAddr::from(([127, 0, 0, 1], 0)), MAX_BODY)
}

pub(super) fn provider(name: &str, url: &str) -> Provider {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (host, port) = rest.rsplit_once(':').unwrap();
    Provider {
        name: name.into(),
        kind: Kind::OpenAiCompatible,
        dialect: Dialect::OpenAiCompatible,
        endpoint: Endpoint {
            tls: scheme == "https",
            host: host.to_owned(),
            port: port.parse().unwrap(),
            authority: rest.to_owned().into(),
            sni: host.to_owned(),
            ca: None,
        },
        credential: Credential::Open,
        headers: Vec::new(),
        connect_timeout: Duration::from_secs(2),
        health_check: None,
        models_path: "/v1/models".into(),
        breaker: Breaker::default(),
    }
}

pub(super) fn policy(key: &str) -> Policy {
    Policy {
        name: key.into(),
        key: key.into(),
        retriable_status_codes: vec![500, 502, 503],
        num_retries: 3,
        per_try_timeout: Duration::from_secs(5),
        per_try_idle_timeout: Duration::from_secs(30),
        backoff: (Duration::from_millis(5), Duration::from_millis(10)),
    }
}

/// One of each kind that a catalog can hold: by name and by address, in plain text and by TLS.
pub(super) fn providers() -> Vec<Provider> {
    vec![
        provider("openai", "https://api.openai.example:443"),
        provider("azure-east", "http://127.0.0.1:1"),
        provider("local", "http://localhost:1"),
        provider("by-address", "https://127.0.0.1:1"),
        provider("by-address-6", "https://::1:1"),
    ]
}
