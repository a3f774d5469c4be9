//! An environment as a value, and real files.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use understudy::config::{Sources, SystemSources};

/// What the configuration of a test is filled from.
#[derive(Clone, Debug, Default)]
pub struct TestSources {
    env: HashMap<String, String>,
}

impl TestSources {
    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }
}

impl Sources for TestSources {
    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        SystemSources.read(path)
    }
}
