//! `understudy check`: is the configuration good, and would Envoy take what it yields?

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::arguments::{self, ConfigFile};
use super::envoy::{Binary, EnvoyArg, Missing};
use super::{output, words};
use crate::app::envoy::{Folder, NoEnvoy, validate};
use crate::catalog::{Catalog, Generation};
use crate::config::Config;
use crate::xds::{EnvoySettings, static_bootstrap};

/// Check the configuration, and the Envoy configuration it yields
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration file; default: as for the other commands
    file: Option<PathBuf>,
    #[command(flatten)]
    default: ConfigFile,
    #[command(flatten)]
    envoy: EnvoyArg,
    /// Do not ask Envoy, even if one is at hand
    #[arg(long, conflicts_with = "envoy")]
    no_envoy: bool,
}

/// Prints what was found; every mistake is an error.
pub(super) async fn run(check: Check) -> anyhow::Result<()> {
    let path = check.file.unwrap_or(check.default.config);
    let config = arguments::load(&path)?;
    let catalog = Catalog::build(&config, Generation(1))
        .with_context(|| format!("{} cannot be used", path.display()))?;
    let envoy = if check.no_envoy {
        None
    } else {
        match check.envoy.find().await {
            Ok(binary) => Some(binary),
            Err(Missing::Absent(NoEnvoy::Nowhere { .. })) => None,
            Err(missing) => return Err(missing.into()),
        }
    };
    if let Some(binary) = &envoy {
        ask_envoy(binary, &config, &catalog).await?;
    }
    for warning in &config.warnings {
        output::line(format_args!("warning: {warning}"))?;
    }
    output::line(summary(&path, &catalog))?;
    Ok(match (&envoy, check.no_envoy) {
        (Some(binary), _) => output::line(format_args!(
            "Envoy {} accepts the configuration that it yields",
            binary.version
        )),
        (None, true) => Ok(()),
        (None, false) => output::line("Envoy was not asked: none is at hand (envoy/fetch.sh brings one)"),
    }?)
}

async fn ask_envoy(binary: &Binary, config: &Config, catalog: &Catalog) -> anyhow::Result<()> {
    let settings = EnvoySettings::new(config.listen, config.envoy.max_body);
    let folder = Folder::create(&std::env::temp_dir()).context("no private folder can be made")?;
    let bootstrap = folder
        .write("bootstrap.pb", static_bootstrap(&settings, catalog))
        .context("the configuration of Envoy cannot be written")?;
    Ok(validate(&binary.path, &bootstrap).await?)
}

fn summary(path: &Path, catalog: &Catalog) -> String {
    let mut places = Vec::new();
    places.push(words::count(catalog.providers.len(), "provider"));
    places.push(words::count(catalog.models.len(), "model"));
    places.push(words::count(catalog.targets.len(), "target"));
    places.push(words::count(catalog.policies.len(), "route"));
    format!("{} is good: {}", path.display(), places.join(", "))
}
