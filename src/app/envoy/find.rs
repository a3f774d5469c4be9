//! Where the Envoy binary is.
//!
//! Whoever names one gets that one or an error, never another. It reads neither the environment nor arguments: both
//! are parameters.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Why there is no binary to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoEnvoy {
    /// The one that was asked for is not there, or not a program.
    Named {
        /// What named it: `--envoy` or `$ENVOY`.
        by: &'static str,
        /// What it named.
        path: PathBuf,
        /// A file is there, but it cannot be run.
        is_there: bool,
    },
    /// None was asked for, and none was found.
    Nowhere {
        /// Every place that was looked at.
        looked: Vec<PathBuf>,
    },
}

impl fmt::Display for NoEnvoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named {
                by,
                path,
                is_there: true,
            } => {
                write!(
                    f,
                    "`{}`, named by `{by}`, is not a program that may be run",
                    path.display()
                )
            }
            Self::Named {
                by,
                path,
                is_there: false,
            } => {
                write!(f, "`{}`, named by `{by}`, is not there", path.display())?;
                f.write_str("; correct it, or leave it out and run `envoy/fetch.sh`")
            }
            Self::Nowhere { looked } => {
                f.write_str("there is no Envoy at ")?;
                for (position, place) in looked.iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    write!(f, "{comma}`{}`", place.display())?;
                }
                f.write_str("; run `envoy/fetch.sh`, or name one with `--envoy` or `$ENVOY`")
            }
        }
    }
}

impl std::error::Error for NoEnvoy {}

/// The binary to run: the one named by `explicit` (`--envoy`) or `env` (`$ENVOY`), else the first `envoy` in the
/// folders of `path_var` (`$PATH`), else what `envoy/fetch.sh` left at `fetched`.
pub fn find(
    explicit: Option<&Path>,
    env: Option<&str>,
    path_var: Option<&OsStr>,
    fetched: &Path,
) -> Result<PathBuf, NoEnvoy> {
    let env = env.map(str::trim).filter(|name| !name.is_empty()).map(Path::new);
    let named = explicit
        .map(|path| ("--envoy", path))
        .or(env.map(|path| ("$ENVOY", path)));
    if let Some((by, path)) = named {
        return at(path, path_var).ok_or_else(|| NoEnvoy::Named {
            by,
            path: path.to_owned(),
            is_there: path.exists(),
        });
    }
    let mut looked = in_path(Path::new("envoy"), path_var);
    looked.push(fetched.to_owned());
    let found = looked.iter().find(|place| is_program(place)).cloned();
    found.ok_or(NoEnvoy::Nowhere { looked })
}

/// A path as it stands; a bare name, when no such file is here, in `$PATH`, as a shell would.
fn at(path: &Path, path_var: Option<&OsStr>) -> Option<PathBuf> {
    if is_program(path) {
        return Some(absolute(path));
    }
    let is_bare = path.components().count() == 1;
    let places = if is_bare {
        in_path(path, path_var)
    } else {
        Vec::new()
    };
    places.into_iter().find(|place| is_program(place))
}

fn in_path(name: &Path, path_var: Option<&OsStr>) -> Vec<PathBuf> {
    let folders = path_var.map(std::env::split_paths).into_iter().flatten();
    folders
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(|folder| folder.join(name))
        .collect()
}

/// A bare file name would be looked for in `$PATH` when it is run.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(path: &Path, mode: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_named_one_comes_before_all_others_and_is_never_replaced() {
        let root = tempfile::tempdir().unwrap();
        let [named, other, fetched] =
            ["named/envoy", "bin/envoy", "fetched/envoy"].map(|p| root.path().join(p));
        for path in [&named, &other, &fetched] {
            program(path, 0o755);
        }
        let path_var = root.path().join("bin");
        let path_var = Some(path_var.as_os_str());
        let missing = root.path().join("gone");

        let find = |explicit, env| find(explicit, env, path_var, &fetched);

        assert_eq!(find(Some(named.as_path()), Some("/else")), Ok(named.clone()));
        assert_eq!(find(None, named.to_str()), Ok(named.clone()));
        assert_eq!(find(None, Some(" ")), Ok(other.clone()));
        assert_eq!(find(Some(Path::new("envoy")), None), Ok(other));
        let error = find(Some(&missing), None).unwrap_err();
        assert_eq!(
            error,
            NoEnvoy::Named {
                by: "--envoy",
                path: missing,
                is_there: false
            }
        );
    }

    #[test]
    fn what_cannot_be_run_is_passed_over_and_the_fetched_one_is_the_last_resort() {
        let root = tempfile::tempdir().unwrap();
        program(&root.path().join("bin/envoy"), 0o644);
        let fetched = root.path().join("fetched");
        program(&fetched, 0o755);
        let path_var = root.path().join("bin");

        assert_eq!(
            find(None, None, Some(path_var.as_os_str()), &fetched),
            Ok(fetched.clone())
        );
        let named = path_var.join("envoy");
        let error = find(None, named.to_str(), None, &fetched).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "`{}`, named by `$ENVOY`, is not a program that may be run",
                named.display()
            )
        );
    }

    #[test]
    fn the_message_names_every_place_and_the_remedy() {
        let error = find(
            None,
            None,
            Some(OsStr::new("/nowhere/a::/nowhere/b")),
            Path::new("envoy/bin/none"),
        );

        assert_eq!(
            error.unwrap_err().to_string(),
            "there is no Envoy at `/nowhere/a/envoy`, `/nowhere/b/envoy`, `envoy/bin/none`; \
             run `envoy/fetch.sh`, or name one with `--envoy` or `$ENVOY`"
        );
    }
}
