//! Arguments that several commands share.

use std::path::PathBuf;

use clap::Args;

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
