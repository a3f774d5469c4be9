//! Builds a catalog from a resolved configuration.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::policy::{Policy, PolicyIx};
use super::provider::{Provider, ProviderIx};
use super::{Catalog, Client, Clients, Failover, Generation, Model, ModelIx, Target, TargetIx};
use crate::config::{self, ClientKey, Config};

mod failover;
mod provider;
mod target;

/// A configuration that cannot become a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidCatalog(pub String);

impl fmt::Display for InvalidCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidCatalog {}

impl Catalog {
    /// The catalog of `config`, as generation `generation`.
    pub fn build(config: &Config, generation: Generation) -> Result<Self, InvalidCatalog> {
        let providers: Vec<Provider> = provider::all(config);
        let by_provider: HashMap<Arc<str>, ProviderIx> = providers
            .iter()
            .enumerate()
            .map(|(ix, provider)| (provider.name.clone(), ProviderIx(ix)))
            .collect();
        let mut catalog = Self {
            generation,
            providers,
            models: Vec::with_capacity(config.models.len()),
            targets: Vec::new(),
            policies: Vec::new(),
            clients: Clients::Anyone,
            max_body: config.envoy.max_body,
            by_name: HashMap::new(),
            by_provider,
        };
        for model in &config.models {
            catalog.add_model(model, config)?;
        }
        catalog.clients = catalog.clients_of(&config.clients);
        Ok(catalog)
    }

    fn add_model(&mut self, model: &config::Model, config: &Config) -> Result<(), InvalidCatalog> {
        let ix = ModelIx(self.models.len());
        let name: Arc<str> = model.name.as_str().into();
        let aliases: Vec<Arc<str>> = model.aliases.iter().map(|alias| alias.as_str().into()).collect();
        let failover = failover::rules(model)?;
        let policy = self.policy_for(&name, model, &failover);
        let mut targets = Vec::with_capacity(model.targets.len());
        for target in &model.targets {
            targets.push(TargetIx(self.targets.len()));
            let target = self.target_of(ix, target, config)?;
            self.targets.push(target);
        }
        for name in std::iter::once(&name).chain(&aliases) {
            self.by_name.insert(name.clone(), ix);
        }
        let (order, when_all_open) = (model.order, model.when_all_open);
        self.models.push(Model {
            name,
            aliases,
            targets,
            policy,
            failover,
            order,
            when_all_open,
        });
        Ok(())
    }

    fn target_of(
        &self,
        model: ModelIx,
        target: &config::Target,
        config: &Config,
    ) -> Result<Target, InvalidCatalog> {
        let name = target.provider.as_str();
        let Some(&provider) = self.by_provider.get(name) else {
            return Err(InvalidCatalog(format!(
                "a target names the provider `{name}`, which does not exist"
            )));
        };
        let source = &config.providers[provider.0];
        Ok(target::build(source, target, (provider, model)))
    }

    /// The policy of a model; models that agree share one.
    fn policy_for(&mut self, name: &Arc<str>, model: &config::Model, failover: &Failover) -> PolicyIx {
        let wanted = Policy::new(name, model, failover);
        if let Some(same) = self
            .policies
            .iter()
            .position(|policy| policy.agrees_with(&wanted))
        {
            return PolicyIx(same);
        }
        self.policies.push(wanted);
        PolicyIx(self.policies.len() - 1)
    }

    fn clients_of(&self, clients: &config::Clients) -> Clients {
        let config::Clients::Named(named) = clients else {
            return Clients::Anyone;
        };
        let client = |client: &config::Client| Client {
            name: client.name.as_str().into(),
            key_digest: match &client.key {
                ClientKey::Plain(key) => Sha256::digest(key.expose()).into(),
                ClientKey::Sha256(hash) => hash.0,
            },
            models: client.models.as_ref().map(|names| {
                names
                    .iter()
                    .filter_map(|name| self.model_named(name.as_str()))
                    .collect()
            }),
        };
        Clients::Named(named.iter().map(client).collect())
    }
}

#[cfg(test)]
mod tests;
