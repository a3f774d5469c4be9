//! Applications of Microsoft Entra that sign in at Azure.
//!
//! Invariant: an application's secret goes to the endpoint of its tenant, by TLS.

use super::super::{Resolver, endpoint, identity};
use crate::config::auth::Entra;
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::provider::Endpoint;
use crate::config::raw::RawEntra;

/// Where tenants are.
const LOGIN: &str = "https://login.microsoftonline.com";
/// What tokens are for at hosts of the newer kind, and what at all others.
const SCOPES: (&str, &str) = (
    "https://ai.azure.com/.default",
    "https://cognitiveservices.azure.com/.default",
);
const NEWER_HOSTS: &str = ".services.ai.azure.com";

/// The application that `entra` describes, for a provider at `place`.
pub(super) fn resolve(
    raw: &RawEntra,
    at: &ConfigPath,
    place: Option<&Endpoint>,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Entra> {
    let tenant = word(raw.tenant.as_ref(), &at.key("tenant"), resolver);
    let token_url = match &raw.token_url {
        Some(url) => identity::url(&at.key("token_url"), url, resolver, endpoint::token_url),
        None => tenant_url(tenant, &at.key("tenant"), resolver),
    };
    let client_id = word(raw.client_id.as_ref(), &at.key("client_id"), resolver);
    if let Ok(None) = client_id {
        let invalid = Invalid::new("missing: which application signs in?");
        resolver.report.refuse(
            &at.key("client_id"),
            invalid.hint("write the id of its registration in Entra"),
        );
    }
    let secret_at = at.key("client_secret");
    if raw.client_secret.is_none() {
        let invalid = Invalid::new("missing: how does the application prove itself?");
        resolver
            .report
            .refuse(&secret_at, invalid.hint("write `client_secret: ${NAME}`"));
    }
    let client_secret = raw
        .client_secret
        .as_ref()
        .and_then(|secret| resolver.secret(&secret_at, &secret.0));
    let scope = word(raw.scope.as_ref(), &at.key("scope"), resolver);
    Some(Entra {
        client_id: client_id.ok()??,
        client_secret: client_secret?,
        token_url: token_url?,
        scope: match scope.ok()? {
            Some(scope) => scope,
            None => scope_of(place?).to_owned(),
        },
    })
}

/// A word that can stand in a form and in a path.
fn word(
    said: Option<&String>,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Result<Option<String>, super::super::Noted> {
    let Some(text) = said.map(|text| text.trim()) else {
        return Ok(None);
    };
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'/');
    let is_word = !text.is_empty() && text.len() <= 200 && text.bytes().all(is_plain);
    let invalid = || Invalid::new("has characters that none has").hint("copy it from the Azure portal");
    let checked = is_word.then(|| text.to_owned()).ok_or_else(invalid);
    resolver
        .report
        .accept(at, checked)
        .map(Some)
        .ok_or(super::super::Noted)
}

fn tenant_url(
    tenant: Result<Option<String>, super::super::Noted>,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Endpoint> {
    let Some(tenant) = tenant.ok()? else {
        let invalid = Invalid::new("missing: whose application is it?");
        resolver
            .report
            .refuse(at, invalid.hint("write the id of your tenant in Entra"));
        return None;
    };
    let parsed = endpoint::parse(&format!("{LOGIN}/{tenant}/oauth2/v2.0/token"));
    resolver.report.accept(at, parsed)
}

fn scope_of(place: &Endpoint) -> &'static str {
    let (newer, older) = SCOPES;
    if place.host.ends_with(NEWER_HOSTS) {
        newer
    } else {
        older
    }
}
