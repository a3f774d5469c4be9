//! Which Envoy is run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::envoy::{EnvoyVersion, NoEnvoy, UnfitEnvoy, find, version};
use crate::config::{Sources as _, SystemSources};

/// Where `envoy/fetch.sh` puts it.
const FETCHED: &str = "envoy/bin/envoy";

/// Which Envoy is run.
#[derive(Debug, Default, Args)]
pub(super) struct EnvoyArg {
    /// The Envoy to run; default: $ENVOY, the first `envoy` in $PATH, or what envoy/fetch.sh brought
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
}

/// An Envoy that can be run.
#[derive(Debug, Clone)]
pub(super) struct Binary {
    /// The program.
    pub(super) path: PathBuf,
    /// What it says it is.
    pub(super) version: EnvoyVersion,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Missing {
    /// None is here.
    Absent(NoEnvoy),
    /// The one that is here cannot be used.
    Unfit(UnfitEnvoy),
}

impl From<Missing> for anyhow::Error {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Absent(error) => error.into(),
            Missing::Unfit(error) => error.into(),
        }
    }
}

impl EnvoyArg {
    /// Whether fetching one could help: none was named, and what was looked for is not there or too old.
    pub(super) fn may_be_fetched_after(&self, missing: &Missing) -> bool {
        match missing {
            Missing::Absent(NoEnvoy::Nowhere { .. }) => true,
            Missing::Unfit(UnfitEnvoy::TooOld { .. }) => {
                self.envoy.is_none() && SystemSources.env("ENVOY").is_none()
            }
            Missing::Absent(NoEnvoy::Named { .. }) | Missing::Unfit(_) => false,
        }
    }

    /// Finds it, and sees that it is new enough.
    pub(super) async fn find(&self) -> Result<Binary, Missing> {
        let env = SystemSources.env("ENVOY");
        let path_var = SystemSources.env("PATH").map(OsString::from);
        let found = find(
            self.envoy.as_deref(),
            env.as_deref(),
            path_var.as_deref(),
            Path::new(FETCHED),
        )
        .map_err(Missing::Absent)?;
        match fit(found).await {
            // Nobody named the one in `$PATH`, so the one that was fetched because of it may take its place.
            Err(Missing::Unfit(unfit)) if self.envoy.is_none() && env.is_none() => {
                match find(None, None, None, Path::new(FETCHED)) {
                    Ok(fetched) => fit(fetched).await,
                    Err(_) => Err(Missing::Unfit(unfit)),
                }
            }
            fitted => fitted,
        }
    }
}

async fn fit(path: PathBuf) -> Result<Binary, Missing> {
    let version = version(&path).await.map_err(Missing::Unfit)?;
    Ok(Binary { path, version })
}
