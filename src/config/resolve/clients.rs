//! `clients`: who may call.
//!
//! Invariant: a port that others can reach is open to anyone only if the file says so aloud.

use std::collections::HashSet;
use std::net::SocketAddr;

use sha2::{Digest as _, Sha256};

use super::Resolver;
use crate::config::auth::Auth;
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::name::{ClientName, ModelName};
use crate::config::provider::Provider;
use crate::config::raw::{Entries, RawClient, RawClients, RawConfig, RawSecret};
use crate::config::server::{Client, ClientKey, Clients, KeyHash};
use crate::config::suggest;

/// Who may call.
pub(super) fn resolve(
    raw: &RawConfig,
    listen: Option<SocketAddr>,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Clients> {
    let at = ConfigPath::default().key("clients");
    match &raw.clients {
        Some(RawClients::Anyone(_)) => Some(Clients::Anyone),
        Some(RawClients::Named(clients)) => named(raw, clients, &at, resolver).map(Clients::Named),
        None => {
            let listen = listen?;
            if listen.ip().is_loopback() {
                return Some(Clients::Anyone);
            }
            let problem = format!("missing: whoever reaches {listen} would spend the providers' keys");
            let remedy = "write `clients: { my-team: { key: ${MY_TEAM_KEY} } }`, or `clients: anyone` if that is meant";
            resolver.report.refuse(&at, Invalid::new(problem).hint(remedy));
            None
        }
    }
}

fn named(
    raw: &RawConfig,
    clients: &Entries<RawClient>,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Vec<Client>> {
    if clients.is_empty() {
        let invalid = Invalid::new("names nobody, so nobody could call");
        resolver
            .report
            .refuse(at, invalid.hint("name a client, or write `clients: anyone`"));
        return None;
    }
    let mut named: Vec<Client> = Vec::new();
    let mut keys: Vec<([u8; 32], &str)> = Vec::new();
    let mut is_whole = true;
    for (name, client) in clients.iter() {
        let at = at.key(name);
        let Some(known) = one(raw, (name, client), &at, resolver) else {
            is_whole = false;
            continue;
        };
        let hash = key_hash(&known.key);
        if let Some((_, other)) = keys.iter().find(|(taken, _)| *taken == hash) {
            let invalid = Invalid::new(format!(
                "has the same key as `{other}`, so the two cannot be told apart"
            ));
            resolver
                .report
                .refuse(&at, invalid.hint("give each a key of its own"));
            is_whole = false;
        }
        keys.push((hash, name));
        named.push(known);
    }
    is_whole.then_some(named)
}

fn one(
    raw: &RawConfig,
    (name, client): (&str, &RawClient),
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Client> {
    let checked = ClientName::try_new(name).map_err(|invalid| {
        resolver.report.refuse(at, invalid.about(name));
    });
    let key = key(client, at, resolver);
    let models = match &client.models {
        None => Some(None),
        Some(models) => allowed(raw, models, &at.key("models"), resolver).map(Some),
    };
    Some(Client {
        name: checked.ok()?,
        key: key?,
        models: models?,
    })
}

fn key(client: &RawClient, at: &ConfigPath, resolver: &mut Resolver<'_, '_>) -> Option<ClientKey> {
    match (&client.key, &client.key_sha256) {
        (Some(RawSecret(key)), None) => resolver.secret(&at.key("key"), key).map(ClientKey::Plain),
        (None, Some(RawSecret(hash))) => {
            let hash = resolver.vault.text(hash).and_then(|hash| KeyHash::try_new(&hash));
            let at = at.key("key_sha256");
            hash.map_err(|invalid| resolver.report.refuse(&at, invalid))
                .ok()
                .map(ClientKey::Sha256)
        }
        (None, None) if resolver.report.is_spoiled(&at.key("key_sha256")) => None,
        (None, None) => {
            let invalid = Invalid::new("missing: how is this client known?");
            resolver.report.refuse(
                &at.key("key"),
                invalid.hint("write `key: ${NAME}`, or `key_sha256:`"),
            );
            None
        }
        (Some(_), Some(_)) => {
            let invalid = Invalid::new("there is a `key` too").hint("keep one of the two");
            resolver.report.refuse(&at.key("key_sha256"), invalid);
            None
        }
    }
}

fn key_hash(key: &ClientKey) -> [u8; 32] {
    match key {
        ClientKey::Plain(secret) => Sha256::digest(secret.expose().as_bytes()).into(),
        ClientKey::Sha256(KeyHash(hash)) => *hash,
    }
}

/// The models' own names for what a client may name.
fn allowed(
    raw: &RawConfig,
    names: &[String],
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Vec<ModelName>> {
    let models = || raw.models.iter().flat_map(Entries::iter);
    let mut allowed = Vec::new();
    let mut seen = HashSet::new();
    let mut is_whole = true;
    for (index, written) in names.iter().enumerate() {
        let owner = models().find(|(name, model)| {
            name == written || model.aliases.iter().flatten().any(|alias| alias == written)
        });
        let Some(name) = owner.map(|(name, _)| ModelName::try_new(name)) else {
            is_whole = false;
            if !resolver.report.is_spoiled(&ConfigPath::default().key("models")) {
                let invalid = Invalid::new("is not one of `models`");
                let invalid = match suggest::closest(written, models().map(|(name, _)| name)) {
                    Some(meant) => invalid.hint(format!("did you mean `{meant}`?")),
                    None => invalid,
                };
                resolver.report.refuse_value(&at.index(index), invalid);
            }
            continue;
        };
        match name {
            Ok(name) if seen.insert(name.clone()) => allowed.push(name),
            Ok(_) => {}
            // Told where the model stands.
            Err(_) => is_whole = false,
        }
    }
    is_whole.then_some(allowed)
}

/// A key of ours that a client shows would be sent on by `auth: passthrough`.
pub(super) fn check_passthrough(
    clients: Option<&Clients>,
    providers: Option<&[Provider]>,
    resolver: &mut Resolver<'_, '_>,
) {
    let Some(Clients::Named(_)) = clients else { return };
    for provider in providers
        .unwrap_or_default()
        .iter()
        .filter(|provider| provider.auth == Auth::Passthrough)
    {
        let at = ConfigPath::default().key("providers").key(provider.name.as_str());
        let warning = "`auth: passthrough` sends on what the caller shows, and `clients` makes callers show their \
                       key for Understudy";
        resolver.report.warn(&at, warning);
    }
}
