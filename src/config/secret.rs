//! Credentials, and the only place that reads the environment and files.
//!
//! Invariant: a [`Secret`] is never shown; it leaves this type only by [`Secret::expose`], whose callers are
//! the ones that put it on a wire or compare it. Everything read comes from a [`Sources`], so tests bring
//! their own.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::mistake::Invalid;

pub(super) mod interpolate;

/// The most that is read of any file: a configuration, or a secret.
const MAX_FILE_BYTES: u64 = super::document::MAX_BYTES as u64 + 1;
/// The most a credential may have; HTTP servers refuse longer headers.
const MAX_SECRET_BYTES: usize = 16 * 1024;
/// Separates our fingerprints from any other hash of the same key.
const FINGERPRINT_SALT: &[u8] = b"understudy credential fingerprint\0";
/// 48 bits: no two of a few thousand keys share one, and none can be guessed from it.
const FINGERPRINT_BYTES: usize = 6;
/// The frame of a private key in PEM, whatever its algorithm.
const PEM: (&str, &str) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");

/// Where configuration comes from: files and environment variables.
pub trait Sources {
    /// The value of an environment variable, when it is set and is text.
    fn env(&self, name: &str) -> Option<String>;
    /// The content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The environment and the files of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemSources;

impl Sources for SystemSources {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        std::fs::File::open(path)?
            .take(MAX_FILE_BYTES)
            .read_to_end(&mut content)?;
        Ok(content)
    }
}

/// A credential: never in logs, errors, `Debug` or serialized output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a credential that can stand in a header: visible ASCII, not empty. Spaces around it are cut off.
    pub fn try_new(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() {
            return Err(
                Invalid::new("the secret is empty").hint("write the key, `${NAME}` or `file:/path/to/key`")
            );
        }
        if text.len() > MAX_SECRET_BYTES {
            return Err(Invalid::new(format!(
                "the secret has more than {MAX_SECRET_BYTES} bytes; is it the key?"
            )));
        }
        if text.contains([' ', '\t']) {
            return Err(
                Invalid::new("the secret has a space inside").hint("write the key alone, without `Bearer`")
            );
        }
        if text.chars().any(|c| !c.is_ascii_graphic()) {
            return Err(Invalid::new("the secret has characters that no header can carry")
                .hint("is it the whole file of another kind?"));
        }
        Ok(Self(Arc::from(text)))
    }

    /// Takes a private key in PEM form, which no header carries: it only signs.
    pub fn try_pem(text: &str) -> Result<Self, Invalid> {
        // Copied through an environment variable, line ends are often written out.
        let text = text.replace("\\n", "\n");
        let inner = text.trim().strip_prefix(PEM.0);
        let Some(inner) = inner.and_then(|rest| rest.strip_suffix(PEM.1)) else {
            return Err(Invalid::new(format!(
                "the private key does not stand between `{}` and `{}`",
                PEM.0, PEM.1
            )));
        };
        let digits = || inner.bytes().filter(|byte| !byte.is_ascii_whitespace());
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if digits().next().is_none() || !digits().all(is_base64) || text.len() > MAX_SECRET_BYTES {
            return Err(Invalid::new("the private key is not in base64"));
        }
        Ok(Self(Arc::from(format!("{}{inner}{}\n", PEM.0, PEM.1))))
    }

    /// The credential itself: to be sent or compared, never to be shown.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A short name for this credential that tells two apart and gives neither away.
    pub fn fingerprint(&self) -> String {
        fingerprint(&[&self.0])
    }
}

/// A short name for what consists of these parts, some of them secret.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new().chain_update(FINGERPRINT_SALT);
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .take(FINGERPRINT_BYTES)
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Turns what the file says about a secret into the secret, and remembers which files to watch.
pub(super) struct Vault<'s> {
    sources: &'s dyn Sources,
    files: Vec<PathBuf>,
}

impl<'s> Vault<'s> {
    /// A vault that reads from `sources`.
    pub(super) fn new(sources: &'s dyn Sources) -> Self {
        Self {
            sources,
            files: Vec::new(),
        }
    }

    /// The secret that `text` says or, as `file:/path`, points to.
    pub(super) fn secret(&mut self, text: &str) -> Result<Secret, Invalid> {
        self.text(text).and_then(|text| Secret::try_new(&text))
    }

    /// The text that may be a secret: as it stands, or the trimmed content of the file.
    pub(super) fn text(&mut self, text: &str) -> Result<String, Invalid> {
        let Some(path) = text.trim().strip_prefix("file:") else {
            return Ok(text.trim().to_owned());
        };
        let path = path.trim();
        if path.is_empty() {
            return Err(Invalid::new("`file:` names no file").hint("write `file:/path/to/key`"));
        }
        self.file(path).map_err(|invalid| Invalid {
            problem: format!("the file {path} {}", invalid.problem),
            ..invalid
        })
    }

    /// The trimmed content of a file that holds secrets; what is wrong with it is worded to follow its path.
    pub(super) fn file(&mut self, path: &str) -> Result<String, Invalid> {
        let path = PathBuf::from(path);
        let content = self.sources.read(&path);
        if !self.files.contains(&path) {
            self.files.push(path);
        }
        let content = content.map_err(|error| {
            Invalid::new(format!("cannot be read: {error}"))
                .hint("check the path and the file's owner and mode")
        })?;
        let content = String::from_utf8(content)
            .map_err(|_| Invalid::new("holds no text").hint("is it the right file?"))?;
        if content.trim().is_empty() {
            return Err(Invalid::new("is empty").hint("write the key into it"));
        }
        Ok(content.trim().to_owned())
    }

    /// A secret from the environment, if the variable is there.
    pub(super) fn env(&self, name: &str) -> Option<Result<Secret, Invalid>> {
        let value = self.sources.env(name).filter(|value| !value.trim().is_empty());
        value.map(|value| Secret::try_new(&value))
    }

    /// Every file that was named, to be watched for changes.
    pub(super) fn into_files(self) -> Vec<PathBuf> {
        self.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::Fixture;

    #[test]
    fn a_secret_is_trimmed_and_never_shown() {
        let secret = Secret::try_new(" sk-live-1\n").unwrap();

        assert_eq!(secret.expose(), "sk-live-1");
        assert_eq!(format!("{secret:?} {secret}"), "<secret> <secret>");
    }

    #[test]
    fn what_no_header_can_carry_is_no_secret() {
        for (text, problem) in [
            ("", "the secret is empty"),
            (" \n", "the secret is empty"),
            ("Bearer sk-1", "the secret has a space inside"),
            ("sk\u{0}1", "the secret has characters that no header can carry"),
            ("sk\n1", "the secret has characters that no header can carry"),
            ("schlüssel", "the secret has characters that no header can carry"),
        ] {
            assert_eq!(Secret::try_new(text).unwrap_err().problem, problem, "{text:?}");
        }
    }

    #[test]
    fn a_private_key_may_have_its_line_ends_written_out_and_must_be_whole() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIIB\nAQ==\n-----END PRIVATE KEY-----\n";
        let written_out = key.replace('\n', "\\n");

        assert_eq!(Secret::try_pem(key).unwrap().expose(), key);
        assert_eq!(Secret::try_pem(&written_out).unwrap().expose(), key);
        for (text, problem) in [
            (
                "MIIB",
                "the private key does not stand between `-----BEGIN PRIVATE KEY-----` and `-----END PRIVATE KEY-----`",
            ),
            (
                "-----BEGIN PRIVATE KEY-----",
                "the private key does not stand between `-----BEGIN PRIVATE KEY-----` and `-----END PRIVATE KEY-----`",
            ),
            (
                "-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----",
                "the private key is not in base64",
            ),
            (
                "-----BEGIN PRIVATE KEY-----ü-----END PRIVATE KEY-----",
                "the private key is not in base64",
            ),
        ] {
            assert_eq!(Secret::try_pem(text).unwrap_err().problem, problem, "{text:?}");
        }
    }

    #[test]
    fn fingerprints_tell_keys_apart_and_are_stable() {
        let one = Secret::try_new("sk-1").unwrap();
        let other = Secret::try_new("sk-2").unwrap();

        assert_eq!(one.fingerprint(), one.clone().fingerprint());
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.fingerprint().len(), 2 * FINGERPRINT_BYTES);
        assert_ne!(fingerprint(&["a", "bc"]), fingerprint(&["ab", "c"]));
    }

    #[test]
    fn files_are_read_trimmed_and_listed_once_even_when_they_fail() {
        let sources = Fixture::default()
            .file("/run/key", " sk-file \n")
            .file("/run/empty", "\n");
        let mut vault = Vault::new(&sources);

        assert_eq!(vault.secret("file:/run/key").unwrap().expose(), "sk-file");
        assert_eq!(vault.secret("file: /run/key").unwrap().expose(), "sk-file");
        assert_eq!(
            vault.secret("file:/run/empty").unwrap_err().problem,
            "the file /run/empty is empty"
        );
        assert!(
            vault
                .secret("file:/gone")
                .unwrap_err()
                .problem
                .starts_with("the file /gone cannot be read: ")
        );
        assert_eq!(
            vault.secret("file:").unwrap_err().problem,
            "`file:` names no file"
        );
        assert_eq!(
            vault.into_files(),
            ["/run/key", "/run/empty", "/gone"].map(PathBuf::from)
        );
    }
}
