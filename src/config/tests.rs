//! The configuration as a whole: what is accepted, what is refused and in which words.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{Config, FailoverCause, Invalid, Model, Provider, Sources, Target};

mod accepted;
mod kinds;
mod properties;
mod refused;

/// An environment and files that a test makes up.
#[derive(Clone, Default)]
pub(super) struct Fixture {
    variables: HashMap<String, String>,
    files: HashMap<PathBuf, Vec<u8>>,
}

impl Fixture {
    /// The same, with a variable.
    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same, with a file.
    pub(super) fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.insert(PathBuf::from(path), content.as_ref().to_vec());
        self
    }
}

impl Sources for Fixture {
    fn env(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

/// The variables that the texts of these tests name.
fn sources() -> Fixture {
    Fixture::default()
        .env("OPENAI_API_KEY", "sk-openai-live")
        .env("AZURE_OPENAI_KEY", "azure-live")
        .env("OTHER_KEY", "other-live")
        .env("TEAM_SEARCH_KEY", "team-live")
}

/// Some of the words of `failover.on`.
fn causes(word: &str) -> Result<(), Invalid> {
    let is_known = FailoverCause::DEFAULTS.contains(&word) || word.starts_with("http_");
    if is_known {
        Ok(())
    } else {
        Err(Invalid::new("is no kind of failure").hint("write another"))
    }
}

fn accepted(text: &str) -> Config {
    Config::parse(text, &sources(), causes).unwrap_or_else(|refusal| panic!("{refusal}\n---\n{text}"))
}

fn refused(text: &str) -> Vec<String> {
    let refusal = Config::parse(text, &sources(), causes).expect_err(text);
    refusal.mistakes().iter().map(ToString::to_string).collect()
}

impl Config {
    fn provider(&self, name: &str) -> &Provider {
        self.providers
            .iter()
            .find(|provider| provider.name.as_str() == name)
            .expect(name)
    }

    fn model(&self, name: &str) -> &Model {
        self.models
            .iter()
            .find(|model| model.name.as_str() == name)
            .expect(name)
    }
}

impl Model {
    /// Every target as `provider/model`.
    fn shown(&self) -> Vec<String> {
        let show = |target: &Target| format!("{}/{}", target.provider, target.model);
        self.targets.iter().map(show).collect()
    }
}
