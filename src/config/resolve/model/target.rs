//! `models.*.targets`: each names a provider, and brings that provider's backups along.
//!
//! Invariant: a target's provider exists, what it calls the model is known, and no two of a model's targets
//! are the same.

use std::collections::BTreeSet;

use super::super::provider::Entry;
use super::super::{Layers, Resolver, count, policy};
use super::Context;
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::model::{Price, Supports, Target};
use crate::config::name::ModelName;
use crate::config::raw::{RawModel, RawPrice, RawSupports, RawTarget};
use crate::config::suggest;

/// What every request is made of.
const ESSENTIAL: [&str; 4] = ["input", "messages", "model", "stream"];
const LONGEST_FIELD: usize = 64;

/// What the file says about a target, apart from whom it names.
struct Facts<'r> {
    at: ConfigPath,
    raw: &'r RawTarget,
    price: Option<Price>,
    model: Option<ModelName>,
    refuses: Option<Vec<String>>,
    own: Layers<'r, crate::config::raw::RawBreaker>,
}

/// Every target of a model, backups right after their primaries.
pub(super) fn resolve(
    context: &Context<'_, '_>,
    raw: &RawModel,
    name: Option<&ModelName>,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Vec<Target>> {
    let at = context.at.key("targets");
    let mut targets: Vec<(Target, ConfigPath)> = Vec::new();
    let mut is_whole = true;
    for (index, raw_target) in raw.targets.iter().flatten().enumerate() {
        let at = at.index(index);
        let Some(expanded) = expand(context, (raw, raw_target), (&at, name), resolver) else {
            is_whole = false;
            continue;
        };
        for target in expanded {
            is_whole &= push(&mut targets, target, &at, resolver);
        }
    }
    if raw.targets.as_ref().is_none_or(Vec::is_empty) {
        let remedy = "write for example `targets: [ { provider: openai } ]`";
        resolver.report.refuse(
            &at,
            Invalid::new("missing: nobody serves this model").hint(remedy),
        );
        is_whole = false;
    }
    is_whole.then(|| targets.into_iter().map(|(target, _)| target).collect())
}

/// Adds a target unless the model has it already.
fn push(
    targets: &mut Vec<(Target, ConfigPath)>,
    target: Target,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> bool {
    let same = |known: &Target| known.provider == target.provider && known.model == target.model;
    if let Some((known, first)) = targets.iter().find(|(known, _)| same(known)) {
        let as_backup = if known.backup_rank > 0 {
            ", as a backup"
        } else {
            ""
        };
        let problem = format!(
            "{} with model `{}` is at `{first}` already{as_backup}",
            target.provider, target.model
        );
        resolver
            .report
            .refuse(at, Invalid::new(problem).hint("keep one of the two"));
        return false;
    }
    targets.push((target, at.clone()));
    true
}

fn expand(
    context: &Context<'_, '_>,
    (model, raw): (&RawModel, &RawTarget),
    (at, name): (&ConfigPath, Option<&ModelName>),
    resolver: &mut Resolver<'_, '_>,
) -> Option<Vec<Target>> {
    let entry = provider(context, raw, at, resolver);
    let price = raw
        .price
        .as_ref()
        .map(|raw| price(raw, &at.key("price"), resolver));
    let said = raw
        .model
        .as_ref()
        .map(|said| resolver.report.accept(&at.key("model"), ModelName::try_new(said)));
    let refuses = raw
        .refuses
        .as_ref()
        .map(|fields| refuses(fields, &at.key("refuses"), resolver));
    let breaker = Layers::new(model.policies.breaker.as_ref(), &context.at.key("breaker"));
    let facts = Facts {
        at: at.clone(),
        raw,
        price: price.map_or(Some(None), |price| price.map(Some))?,
        model: said.map_or(Some(None), |said| said.map(Some))?,
        refuses: refuses.map_or(Some(None), |fields| fields.map(Some))?,
        own: breaker,
    };
    let mut targets = Vec::new();
    for entry in context.roster.with_backups(entry?) {
        targets.push(facts.target(context, entry, name, resolver));
    }
    targets.into_iter().collect()
}

/// The provider that the target names.
fn provider(
    context: &Context<'_, '_>,
    raw: &RawTarget,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<usize> {
    let at = at.key("provider");
    let Some(written) = &raw.provider else {
        let invalid = Invalid::new("missing: who serves this target?");
        resolver
            .report
            .refuse(&at, invalid.hint("write the name of one of `providers`"));
        return None;
    };
    let found = context.roster.find(written);
    let are_known = !resolver
        .report
        .is_spoiled(&ConfigPath::default().key("providers"));
    if found.is_none() && are_known {
        let invalid = Invalid::new("is not one of `providers`");
        let names: Vec<&str> = context.roster.names().take(20).collect();
        let meant = suggest::closest(written, context.roster.names());
        let remedy = meant.map_or_else(
            || format!("there is: {}", names.join(", ")),
            |meant| format!("did you mean `{meant}`?"),
        );
        let invalid = invalid.hint(remedy);
        resolver.report.refuse_value(&at, invalid);
    }
    found
}

impl Facts<'_> {
    fn target(
        &self,
        context: &Context<'_, '_>,
        entry: &Entry<'_>,
        name: Option<&ModelName>,
        resolver: &mut Resolver<'_, '_>,
    ) -> Option<Target> {
        let breaker = entry.said.within("breaker", |account| account.breaker.as_ref());
        let defaults = context.defaults.within("breaker", |all| all.breaker.as_ref());
        let breaker = policy::breaker(&self.own.clone().over(&breaker).over(&defaults), resolver);
        let model = self.provider_model(entry, name, resolver);
        Some(Target {
            provider: entry.name.clone()?,
            model: model?,
            weight: self.raw.weight.map_or(1, count),
            priority: self.raw.priority.map_or(0, count),
            backup_rank: entry.rank(),
            context_window: self.raw.context_window,
            max_tokens_field: self.raw.max_tokens_field,
            default_max_tokens: self.raw.default_max_tokens,
            refuses: self.refuses.clone(),
            thinking: self.raw.thinking,
            price: self.price,
            supports: self
                .raw
                .supports
                .as_ref()
                .map_or_else(Supports::default, supports),
            breaker: breaker?,
        })
    }

    /// What this provider calls the model: a backup's own deployment, else what the target says, else the
    /// provider's deployment, else the model's own name.
    fn provider_model(
        &self,
        entry: &Entry<'_>,
        name: Option<&ModelName>,
        resolver: &mut Resolver<'_, '_>,
    ) -> Option<ModelName> {
        let deployment = entry.deployment(resolver.report).ok()?;
        if let Some(model) = &self.model
            && !(entry.has_own_deployment() && self.names_the_primary(entry))
        {
            return Some(model.clone());
        }
        if deployment.is_none() && entry.is_azure() {
            let named = self.raw.provider.as_deref().unwrap_or_default();
            let problem = format!(
                "missing: azure-openai asks for a deployment, and neither this target nor `{named}` names one"
            );
            let remedy =
                "write `model:` with the name of the deployment here, or `deployment:` at the provider";
            resolver
                .report
                .refuse(&self.at.key("model"), Invalid::new(problem).hint(remedy));
            return None;
        }
        deployment.or_else(|| name.cloned())
    }

    /// The target names this backup's primary, and not the backup itself.
    fn names_the_primary(&self, entry: &Entry<'_>) -> bool {
        self.raw.provider.as_deref() != Some(entry.written())
    }
}

fn price(raw: &RawPrice, at: &ConfigPath, resolver: &mut Resolver<'_, '_>) -> Option<Price> {
    let mut required = |key: &str, value: Option<f64>| {
        if value.is_none() {
            let invalid = Invalid::new("missing: a price without it would look too cheap");
            resolver.report.refuse(
                &at.key(key),
                invalid.hint("write USD per million tokens; 0 if it costs nothing"),
            );
        }
        value
    };
    let (input, output) = (required("input", raw.input), required("output", raw.output));
    let input = input?;
    Some(Price {
        input,
        cached_input: raw.cached_input.unwrap_or(input),
        output: output?,
    })
}

/// Fields that can be left out of a request.
fn refuses(fields: &[String], at: &ConfigPath, resolver: &mut Resolver<'_, '_>) -> Option<Vec<String>> {
    let mut known = BTreeSet::new();
    let mut is_whole = true;
    for (index, field) in fields.iter().enumerate() {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_field = !field.is_empty() && field.len() <= LONGEST_FIELD && field.bytes().all(is_plain);
        let checked = if ESSENTIAL.contains(&field.as_str()) {
            Err(Invalid::new("cannot be left out of a request").hint("take it out of the list"))
        } else if is_field {
            Ok(field.clone())
        } else {
            Err(Invalid::new("is no field of a request").hint("write for example `temperature`"))
        };
        match resolver.report.accept(&at.index(index), checked) {
            Some(field) => _ = known.insert(field),
            None => is_whole = false,
        }
    }
    is_whole.then(|| known.into_iter().collect())
}

fn supports(raw: &RawSupports) -> Supports {
    Supports {
        tools: raw.tools,
        vision: raw.vision,
        json_schema: raw.json_schema,
        stream_usage: raw.stream_usage,
        streaming: raw.streaming,
        responses: raw.responses,
    }
}
