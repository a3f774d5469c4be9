//! How a connection to a provider is checked: its certificate, and its health.
//!
//! Invariant: checks do not overlap, and ask for a path that the provider has.

use std::path::PathBuf;
use std::time::Duration;

use super::super::policy::span;
use super::endpoint::AZURE_V1;
use super::{Account, Noted, Resolver, count};
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::provider::{Endpoint, HealthCheck, Kind, Scheme, TlsSettings};
use crate::config::server::host_name;

impl Account<'_> {
    pub(super) fn tls(
        &self,
        endpoint: Option<&Endpoint>,
        resolver: &mut Resolver<'_, '_>,
    ) -> Option<TlsSettings> {
        let layers = self.said.within("tls", |account| account.tls.as_ref());
        let ca = layers.said("ca", |tls| tls.ca.as_ref());
        let sni = layers.said("sni", |tls| tls.sni.as_ref());
        let sni_at = sni.as_ref().map(|sni| sni.at.clone());
        let ca = resolver.value(ca, None, |path| {
            let is_path = !path.trim().is_empty() && !path.contains('\0');
            is_path
                .then(|| Some(PathBuf::from(path)))
                .ok_or_else(|| Invalid::new("names no file"))
        });
        let sni = resolver.value(sni, None, |name| {
            let name = host_name(name).filter(|name| !name.contains(':'));
            name.map(Some)
                .ok_or_else(|| Invalid::new("is not a DNS name").hint("write for example `api.example.com`"))
        });
        if let Some(endpoint) =
            endpoint.filter(|endpoint| endpoint.scheme == Scheme::Http && !layers.is_empty())
        {
            resolver.report.warn(
                &self.at.key("tls"),
                format_args!("{endpoint} is reached without TLS, so this does nothing"),
            );
        }
        let is_own_endpoint = self
            .said
            .iter()
            .next()
            .is_some_and(|(account, _)| account.endpoint.is_some());
        if let (Some(at), Some(Some(name))) = (sni_at, &sni)
            && is_own_endpoint
            && at.parent().parent() != self.at
        {
            let warning = format!("inherits `tls.sni: {name}`, although its endpoint is another");
            resolver.report.warn(&self.at, warning);
        }
        Some(TlsSettings { ca: ca?, sni: sni? })
    }

    pub(super) fn health_check(
        &self,
        kind: Option<Kind>,
        endpoint: Option<&Endpoint>,
        resolver: &mut Resolver<'_, '_>,
    ) -> Result<Option<HealthCheck>, Noted> {
        let layers = self
            .said
            .within("health_check", |account| account.health_check.as_ref());
        let Some((_, at)) = layers.iter().next() else {
            return Ok(None);
        };
        let path = match layers.said("path", |check| check.path.as_ref()) {
            Some(said) => resolver.report.accept(&said.at, check_path(said.value)),
            None => default_path(kind, endpoint, &at.key("path"), resolver),
        };
        let timeout = layers.said("timeout", |check| check.timeout.as_ref());
        let interval = layers.said("interval", |check| check.interval.as_ref());
        let timeout = ("timeout", timeout, Duration::from_secs(3));
        let times = span(timeout, ("interval", interval, Duration::from_secs(10)), resolver);
        let unhealthy = layers.said("unhealthy", |check| check.unhealthy.as_ref());
        let healthy = layers.said("healthy", |check| check.healthy.as_ref());
        let (timeout, interval) = times.ok_or(Noted)?;
        Ok(Some(HealthCheck {
            path: path.ok_or(Noted)?,
            interval,
            timeout,
            unhealthy: unhealthy.map_or(3, |said| count(*said.value)),
            healthy: healthy.map_or(2, |said| count(*said.value)),
        }))
    }
}

/// The endpoint's list of models, where there is one.
fn default_path(
    kind: Option<Kind>,
    endpoint: Option<&Endpoint>,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<String> {
    let (kind, endpoint) = kind.zip(endpoint)?;
    if kind != Kind::AzureOpenAi || endpoint.base_path.ends_with(AZURE_V1) {
        return Some(format!("{}/models", endpoint.base_path));
    }
    let invalid = Invalid::new("missing: this API has no list of deployments to ask for");
    resolver
        .report
        .refuse(at, invalid.hint("write a path that answers 200"));
    None
}

fn check_path(path: &str) -> Result<String, Invalid> {
    let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if is_path {
        Ok(path.to_owned())
    } else {
        Err(Invalid::new("is not a path").hint("write for example `/v1/models`"))
    }
}
