//! `providers`: each becomes a provider, and each of its backups becomes one more.
//!
//! Invariant: the [`Roster`] knows every name the file uses for a provider, also of those that have mistakes,
//! so that a target is only told off for a name that does not exist.

use std::time::Duration;

use super::{Layers, Noted, Resolver, count, endpoint};
use crate::config::auth::Auth;
use crate::config::kind::{Kind, Place};
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::provider::{Endpoint, Provider, Scheme};
use crate::config::raw::{Entries, RawAccount, RawBreaker, RawConfig, RawPolicies};

mod auth;
mod connection;
mod headers;
mod identity;
mod roster;

pub(super) use roster::{Entry, Roster};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// An account in the file: a provider, or a backup over its primary.
struct Account<'r> {
    /// Where it stands.
    at: ConfigPath,
    said: Layers<'r, RawAccount>,
    /// The same without what a primary of another kind says: neither its place nor its credential is inherited.
    own: Layers<'r, RawAccount>,
    breaker: Layers<'r, RawBreaker>,
}

/// Every provider in the order of the file, backups right after their primary; and every name there is.
pub(super) fn resolve<'r>(
    raw: &'r RawConfig,
    defaults: &Layers<'r, RawPolicies>,
    resolver: &mut Resolver<'_, '_>,
) -> (Option<Vec<Provider>>, Roster<'r>) {
    let at = ConfigPath::default().key("providers");
    let raw_providers = raw.providers.as_ref();
    if raw_providers.is_none_or(Entries::is_empty) {
        resolver.report.refuse(
            &at,
            Invalid::new("missing: there is nobody to ask").hint(
                "write for example `providers: { openai: { kind: openai, api_key: ${OPENAI_API_KEY} } }`",
            ),
        );
    }
    let roster = Roster::of(raw_providers, &at, resolver.report);
    let default_breaker = defaults.within("breaker", |all| all.breaker.as_ref());
    let mut providers = Vec::with_capacity(roster.entries().len());
    let mut is_whole = true;
    for entry in roster.entries() {
        let breaker = entry
            .said
            .within("breaker", |account| account.breaker.as_ref())
            .over(&default_breaker);
        let account = Account {
            at: entry.at.clone(),
            said: entry.said.clone(),
            own: of_one_kind(&entry.said),
            breaker,
        };
        match account.resolve(entry, resolver) {
            Some(provider) => providers.push(provider),
            None => is_whole = false,
        }
    }
    (is_whole.then_some(providers), roster)
}

impl Account<'_> {
    fn resolve(&self, entry: &Entry<'_>, resolver: &mut Resolver<'_, '_>) -> Option<Provider> {
        let kind = self.kind(resolver);
        if let Some(kind) = kind {
            self.refuse_foreign_keys(kind, resolver);
        }
        let area = self.area(kind, resolver);
        let mut endpoint = kind.and_then(|kind| self.endpoint(kind, &area, resolver));
        let auth = self.auth(kind, endpoint.as_ref(), &area, resolver);
        let is_placed = match (kind, &mut endpoint, &auth) {
            (Some(Kind::Vertex), Some(endpoint), Some(auth)) => {
                self.enter_project(endpoint, &area, auth, resolver)
            }
            _ => Some(()),
        };
        let deployment = entry.deployment(resolver.report);
        let headers = headers::resolve(&self.said, resolver);
        let tls = self.tls(endpoint.as_ref(), resolver);
        let connect_timeout = self
            .said
            .said("connect_timeout", |account| account.connect_timeout.as_ref());
        let connect_timeout = resolver.duration(connect_timeout, CONNECT_TIMEOUT);
        let breaker = super::policy::breaker(&self.breaker, resolver);
        let api_version = self.api_version(kind, endpoint.as_mut(), resolver);
        let health_check = self.health_check(kind, endpoint.as_ref(), resolver);
        let (kind, endpoint, auth, ()) = (kind?, endpoint?, auth?, is_placed?);
        self.warn(kind, &endpoint, &auth, resolver);
        if let (Ok(Some(_)), Auth::Passthrough) = (&health_check, &auth) {
            let warning = "there is no key of ours, so health checks are sent without one";
            resolver.report.warn(&self.at, warning);
        }
        Some(Provider {
            name: entry.name.clone()?,
            kind,
            auth,
            deployment: deployment.ok()?,
            api_version: api_version.ok()?,
            headers: headers?,
            tls: tls?,
            connect_timeout: connect_timeout?,
            health_check: health_check.ok()?,
            breaker: breaker?,
            backup_of: entry.backup_of().ok()?,
            endpoint,
        })
    }

    fn kind(&self, resolver: &mut Resolver<'_, '_>) -> Option<Kind> {
        let said = self.said.said("kind", |account| account.kind.as_ref());
        if said.is_none() {
            let at = self
                .said
                .iter()
                .next_back()
                .map_or(&self.at, |(_, at)| at)
                .key("kind");
            let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            let remedy = format!("write `kind:` and one of {}", words.join(", "));
            resolver
                .report
                .refuse(&at, Invalid::new("missing: what is it?").hint(remedy));
        }
        said.map(|said| *said.value)
    }

    fn warn(&self, kind: Kind, endpoint: &Endpoint, auth: &Auth, resolver: &mut Resolver<'_, '_>) {
        if let Place::At(usual) = kind.place()
            && endpoint.base_path.is_empty()
            && let Ok(usual) = endpoint::parse(usual)
            && !usual.base_path.is_empty()
        {
            let path = usual.base_path;
            let warning = format!("{endpoint} has no path; that of {kind} ends in `{path}`");
            resolver.report.warn(&self.at, warning);
        }
        let what = match auth {
            Auth::ApiKey(_) => "the key",
            Auth::Aws(_) => "signed requests",
            Auth::ServiceAccount(_) | Auth::Entra(_) => "access tokens",
            Auth::Passthrough => "callers' keys",
            Auth::None => return,
        };
        if endpoint.scheme == Scheme::Http && !endpoint.is_loopback() {
            let warning = format!("{what} would cross the network to {endpoint} in plain text; use https");
            resolver.report.warn(&self.at, warning);
        }
    }
}

/// A section and those behind it, up to the first that says another kind.
fn of_one_kind<'r>(said: &Layers<'r, RawAccount>) -> Layers<'r, RawAccount> {
    let kind = said
        .said("kind", |account| account.kind.as_ref())
        .map(|said| *said.value);
    said.until(|account| account.kind.is_some() && account.kind != kind)
}
