//! Providers, from the configuration to what the request path and Envoy need.

use std::sync::Arc;

use bytes::Bytes;

use super::target;
use crate::catalog::{Credential, Endpoint, HeaderSecret, HealthCheck, Provider};
use crate::config::{self, Config, Scheme};

/// Every provider, in the order of the file. Those that sign in as the same identity share its token.
pub(super) fn all(config: &Config) -> Vec<Provider> {
    let mut providers: Vec<Provider> = Vec::with_capacity(config.providers.len());
    for source in &config.providers {
        let mut provider = provider(source);
        if let Credential::Token(slot) = &mut provider.credential {
            let same = providers.iter().find_map(|known| match &known.credential {
                Credential::Token(known) if known.fingerprint() == slot.fingerprint() => Some(known),
                _ => None,
            });
            if let Some(same) = same {
                *slot = Arc::clone(same);
            }
        }
        providers.push(provider);
    }
    providers
}

fn provider(source: &config::Provider) -> Provider {
    let dialect = target::dialect(source.kind, None);
    let endpoint = &source.endpoint;
    let check = source.health_check.as_ref().map(|check| HealthCheck {
        path: copied(&check.path),
        interval: check.interval,
        timeout: check.timeout,
        unhealthy: check.unhealthy,
        healthy: check.healthy,
    });
    Provider {
        name: source.name.as_str().into(),
        kind: source.kind,
        dialect,
        models_path: dialect.models_path(&endpoint.base_path).into(),
        endpoint: Endpoint {
            tls: endpoint.scheme == Scheme::Https,
            host: endpoint.host.clone(),
            port: endpoint.port,
            authority: endpoint.authority().into(),
            sni: source.tls.sni.clone().unwrap_or_else(|| endpoint.host.clone()),
            ca: source.tls.ca.clone(),
        },
        credential: Credential::of(dialect, &source.auth),
        headers: source
            .headers
            .iter()
            .map(|(name, value)| (copied(name.as_str()), secret(value)))
            .collect(),
        connect_timeout: source.connect_timeout,
        health_check: check,
        breaker: source.breaker,
    }
}

fn copied(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn secret(value: &http::HeaderValue) -> HeaderSecret {
    HeaderSecret::new(Bytes::copy_from_slice(value.as_bytes()))
}
