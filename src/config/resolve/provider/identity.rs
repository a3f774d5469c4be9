//! Where a provider is, whose credential it gets, and which version of its API is meant.
//!
//! Invariant: a key goes only to the endpoint of the account that says it, or of a backup that says neither
//! `api_key` nor `auth`.

use super::{Account, Noted, Resolver, endpoint};
use crate::config::mistake::Invalid;
use crate::config::provider::{Auth, Endpoint, Kind};
use crate::config::raw::{RawAuth, RawUrl};

/// Azure's version with the longest promise of support.
const AZURE_API_VERSION: &str = "2024-10-21";

impl Account<'_> {
    pub(super) fn endpoint(&self, kind: Kind, resolver: &mut Resolver<'_, '_>) -> Option<Endpoint> {
        let Some(said) = self.said.said("endpoint", |account| account.endpoint.as_ref()) else {
            return self.default_endpoint(kind, resolver);
        };
        let RawUrl(text) = said.value;
        if endpoint::has_credentials(text) {
            let remedy = "take them out of the URL, and write `api_key`";
            resolver.report.refuse(
                &said.at,
                Invalid::new("holds credentials, which a URL would show").hint(remedy),
            );
            return None;
        }
        if text.contains(['?', '#']) {
            // A key may be in it, so it is not repeated.
            let invalid = Invalid::new("has a query or a fragment");
            let remedy = "end the URL before the `?` or `#`; a key belongs into `api_key`";
            resolver.report.refuse(&said.at, invalid.hint(remedy));
            return None;
        }
        let parsed = endpoint::parse(text).and_then(|endpoint| endpoint::settle(endpoint, kind));
        resolver.report.accept(&said.at, parsed)
    }

    fn default_endpoint(&self, kind: Kind, resolver: &mut Resolver<'_, '_>) -> Option<Endpoint> {
        let example = match kind {
            Kind::OpenAi => {
                return resolver
                    .report
                    .accept(&self.at, endpoint::parse(endpoint::OPENAI));
            }
            Kind::AzureOpenAi => "https://my-resource.openai.azure.com",
            Kind::OpenAiCompatible => "http://127.0.0.1:8000/v1",
        };
        let teller = self.said.said("kind", |account| account.kind.as_ref());
        let at = teller.map_or_else(
            || self.at.key("endpoint"),
            |said| said.at.parent().key("endpoint"),
        );
        let invalid = Invalid::new(format!("missing: where is this {kind} provider?"));
        resolver.report.refuse(
            &at,
            invalid.hint(format!("write for example `endpoint: {example}`")),
        );
        None
    }

    /// A key and `auth` belong together: whichever section says one of them says both.
    pub(super) fn auth(&self, kind: Option<Kind>, resolver: &mut Resolver<'_, '_>) -> Option<Auth> {
        let teller = self
            .said
            .iter()
            .find(|(account, _)| account.api_key.is_some() || account.auth.is_some());
        let (key, auth, at) = match teller {
            Some((account, at)) => (account.api_key.as_ref(), account.auth, at),
            None => (
                None,
                None,
                self.said.iter().next_back().map_or(&self.at, |(_, at)| at),
            ),
        };
        match (key, auth) {
            (Some(key), None) => resolver.secret(&at.key("api_key"), &key.0).map(Auth::ApiKey),
            (None, Some(RawAuth::Passthrough)) => Some(Auth::Passthrough),
            (None, Some(RawAuth::None)) => Some(Auth::None),
            (Some(_), Some(_)) => {
                let invalid = Invalid::new("says that our key is not sent, and `api_key` gives one");
                resolver
                    .report
                    .refuse_value(&at.key("auth"), invalid.hint("keep one of the two"));
                None
            }
            (None, None) if kind == Some(Kind::OpenAiCompatible) => Some(Auth::None),
            (None, None) if resolver.report.is_spoiled(&at.key("auth")) => None,
            (None, None) => {
                let invalid = Invalid::new("missing: requests would be refused");
                let remedy = "write `api_key: ${NAME}`, or `auth: passthrough` to send the caller's own";
                if kind.is_some() {
                    resolver.report.refuse(&at.key("api_key"), invalid.hint(remedy));
                }
                None
            }
        }
    }

    /// The version, which for Azure may also decide the path of its endpoint.
    pub(super) fn api_version(
        &self,
        kind: Option<Kind>,
        endpoint: Option<&mut Endpoint>,
        resolver: &mut Resolver<'_, '_>,
    ) -> Result<Option<String>, Noted> {
        let said = self
            .said
            .said("api_version", |account| account.api_version.as_ref());
        let kind = kind.ok_or(Noted)?;
        let is_v1 = endpoint
            .as_ref()
            .is_some_and(|endpoint| endpoint.base_path.ends_with(endpoint::AZURE_V1));
        let Some(said) = said else {
            let is_dated = kind == Kind::AzureOpenAi && !is_v1;
            return Ok(is_dated.then(|| AZURE_API_VERSION.to_owned()));
        };
        let checked = check_version(kind, said.value.trim());
        let version = resolver.report.accept(&said.at, checked).ok_or(Noted)?;
        if version.is_none() && !is_v1 {
            endpoint.ok_or(Noted)?.base_path.push_str(endpoint::AZURE_V1);
        }
        Ok(version)
    }
}

/// A dated version; `None` for the API without.
fn check_version(kind: Kind, version: &str) -> Result<Option<String>, Invalid> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if kind != Kind::AzureOpenAi {
        Err(Invalid::new(format!("means nothing to {kind}")).hint("leave it out"))
    } else if version == "v1" {
        Ok(None)
    } else if version.is_empty() || !version.bytes().all(is_plain) {
        let invalid = Invalid::new("is not a version of the API");
        Err(invalid.hint(format!("write for example `{AZURE_API_VERSION}` or `v1`")))
    } else {
        Ok(Some(version.to_owned()))
    }
}
