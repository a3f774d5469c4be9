//! Which Envoy a binary is, and whether it is new enough.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// The first one with everything that is asked of it.
const OLDEST: EnvoyVersion = EnvoyVersion {
    major: 1,
    minor: 40,
    patch: 0,
};
/// How long a binary may take to say its version; a cold disk is slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// The version of an Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvoyVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl fmt::Display for EnvoyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Why a binary cannot be used.
#[derive(Debug)]
pub enum UnfitEnvoy {
    /// It is an Envoy, but too old.
    TooOld {
        /// The binary.
        binary: PathBuf,
        /// Its version.
        seen: EnvoyVersion,
    },
    /// It says something that is no version of an Envoy.
    NotEnvoy {
        /// The binary.
        binary: PathBuf,
        /// The beginning of what it said.
        said: String,
    },
    /// The system does not run it.
    CannotRun {
        /// The binary.
        binary: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It does not end.
    Hangs {
        /// The binary.
        binary: PathBuf,
    },
}

impl fmt::Display for UnfitEnvoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooOld { binary, seen } => write!(
                f,
                "`{}` is Envoy {seen}, and {OLDEST} or newer is needed; run `envoy/fetch.sh` and leave out `--envoy` and `$ENVOY`",
                binary.display()
            ),
            Self::NotEnvoy { binary, said } => {
                write!(
                    f,
                    "`{}` is not an Envoy: asked for its version it said `{said}`",
                    binary.display()
                )
            }
            Self::CannotRun { binary, source } if source.raw_os_error() == Some(nix::libc::ENOEXEC) => {
                write!(
                    f,
                    "`{}` is not a program for this machine; run `envoy/fetch.sh`",
                    binary.display()
                )
            }
            Self::CannotRun { binary, .. } => write!(f, "`{}` cannot be run", binary.display()),
            Self::Hangs { binary } => write!(f, "`{} --version` does not end", binary.display()),
        }
    }
}

impl std::error::Error for UnfitEnvoy {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::CannotRun { source, .. } => Some(source),
            Self::TooOld { .. } | Self::NotEnvoy { .. } | Self::Hangs { .. } => None,
        }
    }
}

/// Asks `binary` for its version, and refuses one that is too old.
pub async fn version(binary: &Path) -> Result<EnvoyVersion, UnfitEnvoy> {
    let mut command = Command::new(binary);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let Ok(output) = tokio::time::timeout(PATIENCE, command.output()).await else {
        return Err(UnfitEnvoy::Hangs {
            binary: binary.to_owned(),
        });
    };
    let output = output.map_err(|source| UnfitEnvoy::CannotRun {
        binary: binary.to_owned(),
        source,
    })?;
    let said = String::from_utf8_lossy(if output.stdout.is_empty() {
        &output.stderr
    } else {
        &output.stdout
    });
    let seen = parse(&said).ok_or_else(|| UnfitEnvoy::NotEnvoy {
        binary: binary.to_owned(),
        said: said.trim().chars().take(120).collect(),
    })?;
    if seen < OLDEST {
        return Err(UnfitEnvoy::TooOld {
            binary: binary.to_owned(),
            seen,
        });
    }
    Ok(seen)
}

/// The version in `envoy  version: <commit>/<version>/Clean/RELEASE/BoringSSL`.
fn parse(said: &str) -> Option<EnvoyVersion> {
    let (_, rest) = said.split_once("version:")?;
    let text = rest.trim().split('/').nth(1)?;
    let mut numbers = text.split('-').next()?.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(EnvoyVersion {
        major: next()?,
        minor: next()?,
        patch: next()?,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn script(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("envoy");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn the_version_is_read_out_of_what_envoy_says() {
        for (said, version) in [
            (
                "\n/bin/envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL\n\n",
                Some((1, 40, 0)),
            ),
            (
                "envoy  version: 9e55/1.41.2-dev/Modified/DEBUG/BoringSSL",
                Some((1, 41, 2)),
            ),
            ("envoy  version: 0/2.0.0/Clean/RELEASE/BoringSSL", Some((2, 0, 0))),
            ("envoy  version: 9e55/1.40/Clean", None),
            ("version: x", None),
            ("coreutils 9.1", None),
        ] {
            let version = version.map(|(major, minor, patch)| EnvoyVersion { major, minor, patch });
            assert_eq!(parse(said), version, "{said}");
        }
    }

    #[tokio::test]
    async fn an_old_envoy_is_refused_with_the_version_seen() {
        let folder = tempfile::tempdir().unwrap();
        let binary = script(
            folder.path(),
            "echo envoy  version: 9e55/1.39.1/Clean/RELEASE/BoringSSL",
        );

        let error = version(&binary).await.unwrap_err();

        assert!(
            error
                .to_string()
                .contains("is Envoy 1.39.1, and 1.40.0 or newer is needed"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn what_is_no_envoy_is_refused() {
        let folder = tempfile::tempdir().unwrap();

        let other = version(&script(folder.path(), "echo hello")).await.unwrap_err();
        let missing = version(Path::new("/nowhere/envoy")).await.unwrap_err();
        std::fs::write(folder.path().join("envoy"), [0x7f, b'E', b'L', b'F', 0, 0]).unwrap();
        let foreign = version(&folder.path().join("envoy")).await.unwrap_err();

        assert!(
            other
                .to_string()
                .ends_with("is not an Envoy: asked for its version it said `hello`"),
            "{other}"
        );
        assert_eq!(missing.to_string(), "`/nowhere/envoy` cannot be run");
        assert!(
            foreign.to_string().contains("is not a program for this machine"),
            "{foreign}"
        );
    }
}
