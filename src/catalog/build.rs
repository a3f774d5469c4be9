//! Builds a catalog from a resolved configuration.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::policy::{Policy, PolicyIx};
use super::provider::{Credential, Endpoint, HeaderSecret, HealthCheck, Provider, ProviderIx};
use super::{
    Catalog, Client, Clients, Failover, Generation, Lacks, Model, ModelIx, Surface, SurfacePaths, Target,
    TargetIx,
};
use crate::config::{self, Auth, ClientKey, Config, FailoverMode, Kind, Scheme};
use crate::dialect::{Dialect, PathParts, facts};
use crate::outcome::FailoverOn;

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
        let providers: Vec<Provider> = config.providers.iter().map(provider).collect();
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
        let failover = failover(model)?;
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
        let dialect = self.providers[provider.0].dialect;
        let parts = PathParts {
            base: &source.endpoint.base_path,
            api_version: source.api_version.as_deref(),
            model: target.model.as_str(),
        };
        Ok(Target {
            provider,
            model,
            provider_model: target.model.as_str().into(),
            weight: target.weight,
            priority: target.priority,
            backup_rank: target.backup_rank,
            context_window: target.context_window,
            lacks: Lacks {
                tools: !target.supports.tools,
                vision: !target.supports.vision,
                streaming: !target.supports.streaming,
                json_schema: !target.supports.json_schema,
                stream_usage: !target.supports.stream_usage,
            },
            price: target.price,
            breaker: target.breaker,
            paths: paths(dialect, parts),
            dialect,
            facts: facts::of(target.model.as_str()),
        })
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

impl Policy {
    /// Room that Envoy's own idle limit leaves to our stall timer, which tells the caller what happened.
    const IDLE_BACKSTOP: Duration = Duration::from_secs(5);

    fn new(name: &Arc<str>, model: &config::Model, failover: &Failover) -> Self {
        let retries = if failover.mode == FailoverMode::Retry {
            failover.attempts.saturating_sub(1)
        } else {
            0
        };
        let statuses = if retries == 0 {
            Vec::new()
        } else {
            failover.on.retriable_status_codes()
        };
        let longest_silence = failover
            .stall_timeout
            .max(failover.first_token_timeout)
            .max(failover.per_try_timeout);
        let backoff = model.failover.backoff;
        let mut policy = Self {
            name: name.clone(),
            key: name.clone(),
            retriable_status_codes: statuses,
            num_retries: retries,
            per_try_timeout: failover.per_try_timeout,
            per_try_idle_timeout: longest_silence + Self::IDLE_BACKSTOP,
            backoff: (backoff.base, backoff.max),
        };
        policy.key = policy.keyed();
        policy
    }

    /// The name and a digest of the values.
    fn keyed(&self) -> Arc<str> {
        let values = format!(
            "{:?}{:?}{:?}{:?}{:?}",
            self.retriable_status_codes,
            self.num_retries,
            self.per_try_timeout,
            self.per_try_idle_timeout,
            self.backoff
        );
        let digest = Sha256::digest(values.as_bytes());
        format!(
            "{}-{:02x}{:02x}{:02x}{:02x}",
            self.name, digest[0], digest[1], digest[2], digest[3]
        )
        .into()
    }

    fn agrees_with(&self, other: &Self) -> bool {
        let mut same_name = other.clone();
        same_name.name = self.name.clone();
        same_name.key = same_name.keyed();
        *self == same_name
    }
}

fn failover(model: &config::Model) -> Result<Failover, InvalidCatalog> {
    let policy = &model.failover;
    let words: Vec<&str> = policy.on.iter().map(config::FailoverCause::as_str).collect();
    let on = FailoverOn::parse(&words).map_err(|bad| {
        let bad = bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        InvalidCatalog(format!("models.{}.failover.on: {bad}", model.name.as_str()))
    })?;
    Ok(Failover {
        mode: policy.mode,
        on,
        attempts: policy.attempts,
        attempts_per_target: policy.attempts_per_target,
        per_try_timeout: policy.per_try_timeout,
        first_token_timeout: policy.first_token_timeout,
        stall_timeout: policy.stall_timeout,
        timeout: policy.timeout,
        backoff_max: policy.backoff.max,
    })
}

fn paths(dialect: Dialect, parts: PathParts<'_>) -> SurfacePaths {
    SurfacePaths(
        Surface::ALL
            .map(|surface| [false, true].map(|stream| dialect.path(parts, surface, stream).map(Bytes::from))),
    )
}

fn provider(source: &config::Provider) -> Provider {
    let dialect = match source.kind {
        Kind::OpenAi => Dialect::OpenAi,
        Kind::AzureOpenAi => Dialect::AzureOpenAi,
        Kind::OpenAiCompatible => Dialect::OpenAiCompatible,
    };
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
        credential: credential(dialect, &source.auth),
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

fn credential(dialect: Dialect, auth: &Auth) -> Credential {
    match auth {
        Auth::ApiKey(key) => Credential::Ours {
            header: dialect.credential_header(),
            fingerprint: key.fingerprint().into(),
            value: dialect.credential_value(key.expose().as_bytes()),
        },
        Auth::Passthrough => Credential::Passthrough,
        Auth::None => Credential::Open,
    }
}
