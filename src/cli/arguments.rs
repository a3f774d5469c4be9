//! Arguments that several commands share.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use crate::app;
use crate::config::{Config, LoadError, SystemSources};

/// Which configuration.
#[derive(Debug, Args)]
pub(super) struct ConfigFile {
    /// The configuration file
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "UNDERSTUDY_CONFIG",
        default_value = "understudy.yaml"
    )]
    pub(super) config: PathBuf,
}

/// Loads the configuration, with the environment of this process.
pub(super) fn load(path: &Path) -> anyhow::Result<Config> {
    app::load(path, &SystemSources).map_err(|error| match &error {
        LoadError::Unreadable { cause, .. } => {
            let remedy = match cause.kind() {
                ErrorKind::NotFound => {
                    "say where it is with `--config`, or begin with a copy of examples/understudy.yaml"
                }
                ErrorKind::PermissionDenied => "let this user read it",
                ErrorKind::IsADirectory => "name the file in it",
                _ => "say where it is with `--config`",
            };
            anyhow!("{error}; {remedy}")
        }
        LoadError::Syntax { .. } | LoadError::Mistakes { .. } => error.into(),
    })
}
