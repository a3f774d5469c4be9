//! `models`: names, aliases and rules; targets are resolved beside.
//!
//! Invariant: no two models answer to the same name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::provider::Roster;
use super::{Layers, Resolver, policy};
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::model::Model;
use crate::config::name::{ModelName, ProviderName};
use crate::config::policy::{Order, WhenAllOpen};
use crate::config::raw::{Entries, RawConfig, RawModel, RawPolicies};

mod target;

/// Every model in the order of the file.
pub(super) fn resolve(
    raw: &RawConfig,
    defaults: &Layers<'_, RawPolicies>,
    roster: &Roster<'_>,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Vec<Model>> {
    let at = ConfigPath::default().key("models");
    let raw_models = raw.models.as_ref();
    if raw_models.is_none_or(Entries::is_empty) {
        let remedy = "write for example `models: { gpt-4o: { targets: [ { provider: openai } ] } }`";
        resolver.report.refuse(
            &at,
            Invalid::new("missing: there is nothing to ask for").hint(remedy),
        );
        return None;
    }
    let names = Names::of(raw_models?, &at);
    let mut models = Vec::new();
    let mut is_whole = true;
    for (written, model) in raw_models?.iter() {
        let context = Context {
            at: at.key(written),
            defaults,
            roster,
            names: &names,
        };
        match context.resolve(written, model, resolver) {
            Some(model) => models.push(model),
            None => is_whole = false,
        }
    }
    warn_about_shared_deployments(&models, resolver);
    is_whole.then_some(models)
}

/// A backup's own deployment serves every model that comes to it, also models that are not the same.
fn warn_about_shared_deployments(models: &[Model], resolver: &mut Resolver<'_, '_>) {
    let mut served: BTreeMap<(&ProviderName, &ModelName), BTreeSet<&ModelName>> = BTreeMap::new();
    for model in models {
        let mut wanted = None;
        for target in &model.targets {
            if target.backup_rank == 0 {
                wanted = Some(&target.model);
            } else if let Some(wanted) = wanted.filter(|wanted| **wanted != target.model) {
                served
                    .entry((&target.provider, &target.model))
                    .or_default()
                    .insert(wanted);
            }
        }
    }
    for ((provider, deployment), wanted) in served.into_iter().filter(|(_, wanted)| wanted.len() > 1) {
        let wanted: Vec<&str> = wanted.into_iter().map(ModelName::as_str).collect();
        let warning = format!(
            "`{deployment}` of backup `{provider}` stands in for {}",
            wanted.join(" and ")
        );
        resolver
            .report
            .warn(&ConfigPath::default().key("models"), warning);
    }
}

/// Who answers to which name, and where the file says so first.
struct Names<'r>(HashMap<&'r str, ConfigPath>);

impl<'r> Names<'r> {
    fn of(models: &'r Entries<RawModel>, at: &ConfigPath) -> Self {
        let mut names: HashMap<&str, ConfigPath> = models
            .iter()
            .map(|(written, _)| (written, at.key(written)))
            .collect();
        for (written, model) in models.iter() {
            for (index, alias) in model.aliases.iter().flatten().enumerate() {
                names
                    .entry(alias)
                    .or_insert_with(|| at.key(written).key("aliases").index(index));
            }
        }
        Self(names)
    }

    /// The other place that has this name already.
    fn taken(&self, name: &str, here: &ConfigPath) -> Option<&ConfigPath> {
        self.0.get(name).filter(|first| *first != here)
    }
}

/// What a model is resolved with.
struct Context<'c, 'r> {
    at: ConfigPath,
    defaults: &'c Layers<'r, RawPolicies>,
    roster: &'c Roster<'r>,
    names: &'c Names<'c>,
}

impl Context<'_, '_> {
    fn resolve(&self, written: &str, raw: &RawModel, resolver: &mut Resolver<'_, '_>) -> Option<Model> {
        let name = ModelName::try_new(written).map_err(|invalid| {
            resolver.report.refuse(&self.at, invalid.about(written));
        });
        let aliases = self.aliases(raw, resolver);
        let policies = Layers::new(Some(&raw.policies), &self.at).over(self.defaults);
        let failover = policies.within("failover", |all| all.failover.as_ref());
        let failover = policy::failover(&failover, resolver);
        // Judged again with each target's provider in between; told here even if no target stands.
        policy::breaker(&policies.within("breaker", |all| all.breaker.as_ref()), resolver);
        let name = name.ok();
        let targets = target::resolve(self, raw, name.as_ref(), resolver);
        let order = policies.said("order", |all| all.order.as_ref());
        let when_all_open = policies.said("when_all_open", |all| all.when_all_open.as_ref());
        Some(Model {
            name: name?,
            aliases: aliases?,
            targets: targets?,
            failover: failover?,
            order: order.map_or(Order::Weighted, |said| *said.value),
            when_all_open: when_all_open.map_or(WhenAllOpen::TrySoonest, |said| *said.value),
        })
    }

    fn aliases(&self, raw: &RawModel, resolver: &mut Resolver<'_, '_>) -> Option<Vec<ModelName>> {
        let mut aliases = Vec::new();
        let mut is_whole = true;
        for (index, alias) in raw.aliases.iter().flatten().enumerate() {
            let at = self.at.key("aliases").index(index);
            let checked = ModelName::try_new(alias).and_then(|name| match self.names.taken(alias, &at) {
                None => Ok(name),
                Some(first) => {
                    Err(Invalid::new(format!("is the name at `{first}` too")).hint("keep one of the two"))
                }
            });
            match resolver.report.accept(&at, checked) {
                Some(name) => aliases.push(name),
                None => is_whole = false,
            }
        }
        is_whole.then_some(aliases)
    }
}
