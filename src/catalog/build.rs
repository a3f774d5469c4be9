//! Builds a catalog from a resolved configuration.

use std::fmt;

/// A configuration that cannot become a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidCatalog(pub String);

impl fmt::Display for InvalidCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidCatalog {}
