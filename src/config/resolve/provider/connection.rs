//! How a connection to a provider is checked: its certificate, and its health.
//!
//! Invariant: checks do not overlap, and ask for a path that the provider has.

use std::path::PathBuf;
use std::time::Duration;

use super::super::policy::span;
use super::endpoint::AZURE_V1;
use super::{Account, Noted, Resolver, count};
use crate::config::kind::Kind;
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::provider::{Endpoint, HealthCheck, Scheme, TlsSettings};
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

/// The list of models, where the endpoint has one.
fn default_path(
    kind: Option<Kind>,
    endpoint: Option<&Endpoint>,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<String> {
    let (kind, endpoint) = kind.zip(endpoint)?;
    let base = &endpoint.base_path;
    let what = match kind {
        Kind::AzureOpenAi if !base.ends_with(AZURE_V1) => "deployments",
        Kind::Bedrock => "models",
        Kind::Anthropic => return Some(format!("{base}/v1/models")),
        Kind::Gemini => return Some(format!("{base}/v1beta/models")),
        Kind::Vertex => {
            let before = base.split("/v1").next().unwrap_or_default();
            return Some(format!("{before}/v1beta1/publishers/google/models"));
        }
        // Not below the path where it speaks OpenAI's language.
        Kind::Cohere => return Some("/v1/models".to_owned()),
        _ => return Some(format!("{base}/models")),
    };
    let invalid = Invalid::new(format!("missing: this API has no list of {what} to ask for"));
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
