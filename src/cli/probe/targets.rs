//! Which targets are probed, and the configuration in which each of them stands alone.

use std::collections::BTreeMap;

use crate::cli::Usage;
use crate::config::{Auth, Config, FailoverMode, Kind, Model, ModelName, Target, WhenAllOpen};

/// A target to be probed.
#[derive(Debug, Clone)]
pub(super) struct Probed {
    /// Its place among them, and in the name of its model there.
    pub(super) number: usize,
    /// The models that it serves, as the file calls them.
    pub(super) models: Vec<String>,
    /// The language of its provider.
    pub(super) kind: Kind,
    /// Whether it takes the caller's key.
    pub(super) takes_callers_key: bool,
    model: Model,
    target: Target,
}

impl Probed {
    /// The provider.
    pub(super) fn provider(&self) -> &str {
        self.target.provider.as_str()
    }

    /// What the provider calls the model.
    pub(super) fn its_model(&self) -> &str {
        self.target.model.as_str()
    }

    /// The model that has this target alone.
    pub(super) fn alone(&self) -> String {
        format!("probe-{}", self.number)
    }
}

/// The targets of these models and providers, where none is named all; each once, in the order of the file.
pub(super) fn chosen(config: &Config, models: &[String], providers: &[String]) -> Result<Vec<Probed>, Usage> {
    check_names(config, models, providers)?;
    let mut chosen: Vec<Probed> = Vec::new();
    for model in config.models.iter().filter(|model| is_named(model, models)) {
        for target in &model.targets {
            if !providers.is_empty() && !providers.iter().any(|name| name == target.provider.as_str()) {
                continue;
            }
            let same = chosen
                .iter_mut()
                .find(|other| other.target.provider == target.provider && other.target.model == target.model);
            if let Some(same) = same {
                same.models.push(model.name.to_string());
                continue;
            }
            let provider = config
                .providers
                .iter()
                .find(|provider| provider.name == target.provider);
            chosen.push(Probed {
                number: chosen.len(),
                models: vec![model.name.to_string()],
                kind: provider.map_or(Kind::OpenAiCompatible, |provider| provider.kind),
                takes_callers_key: provider.is_some_and(|provider| provider.auth == Auth::Passthrough),
                model: model.clone(),
                target: target.clone(),
            });
        }
    }
    if chosen.is_empty() {
        return Err(Usage(
            "no target is both of such a model and at such a provider".to_owned(),
        ));
    }
    Ok(chosen)
}

fn is_named(model: &Model, names: &[String]) -> bool {
    let mut own = std::iter::once(&model.name).chain(&model.aliases);
    names.is_empty() || own.any(|own| names.iter().any(|name| name == own.as_str()))
}

/// A name that is misspelled should not make everything look well.
fn check_names(config: &Config, models: &[String], providers: &[String]) -> Result<(), Usage> {
    let unknown = |what: &str, name: &str, known: Vec<&str>| {
        Usage(format!(
            "no {what} is called `{name}`; the {what}s are: {}",
            known.join(", ")
        ))
    };
    for name in models {
        let one = std::slice::from_ref(name);
        if !config.models.iter().any(|model| is_named(model, one)) {
            let known = config.models.iter().map(|model| model.name.as_str()).collect();
            return Err(unknown("model", name, known));
        }
    }
    for name in providers {
        if !config
            .providers
            .iter()
            .any(|provider| provider.name.as_str() == name)
        {
            let known = config
                .providers
                .iter()
                .map(|provider| provider.name.as_str())
                .collect();
            return Err(unknown("provider", name, known));
        }
    }
    Ok(())
}

/// The configuration with each of `targets` as a model of its own that never fails over, and no checks in between.
pub(super) fn isolated(mut config: Config, targets: &[Probed]) -> Config {
    for provider in &mut config.providers {
        provider.health_check = None;
    }
    config.models = targets.iter().filter_map(alone).collect();
    config
}

fn alone(probed: &Probed) -> Option<Model> {
    let mut model = probed.model.clone();
    model.name = ModelName::try_new(&probed.alone()).ok()?;
    model.aliases = Vec::new();
    model.targets = vec![Target {
        priority: 0,
        backup_rank: 0,
        ..probed.target.clone()
    }];
    model.failover.mode = FailoverMode::Off;
    // A key that one of its models was refused with is tried with the others too.
    model.when_all_open = WhenAllOpen::TrySoonest;
    Some(model)
}

/// The targets of each provider.
pub(super) fn by_provider(targets: &[Probed]) -> Vec<Vec<Probed>> {
    let mut groups: BTreeMap<&str, Vec<Probed>> = BTreeMap::new();
    for target in targets {
        groups.entry(target.provider()).or_default().push(target.clone());
    }
    groups.into_values().collect()
}
