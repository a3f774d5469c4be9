//! The three kinds of configuration that Envoy asks for, and how their content is numbered.
//!
//! A version is a digest of content: the same content has the same version in every process and at every time.

use std::fmt;
use std::sync::Arc;

use envoy_types::pb::google::protobuf::Any;
use sha2::{Digest, Sha256};

/// A kind of configuration, in the order in which changes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// Where providers are (CDS).
    Clusters,
    /// Where clients connect (LDS).
    Listeners,
    /// Which retry policy a request follows (RDS).
    Routes,
}

impl ResourceType {
    /// All kinds, in the order in which changes are sent.
    pub const ALL: [Self; 3] = [Self::Clusters, Self::Listeners, Self::Routes];

    /// The name of the kind on the wire.
    pub fn type_url(self) -> &'static str {
        match self {
            Self::Clusters => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Listeners => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Routes => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        }
    }

    /// The kind of that name, if it is one that Understudy serves.
    pub fn from_type_url(type_url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_url() == type_url)
    }

    /// The word for it in logs, metrics and the admin status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Listeners => "listeners",
            Self::Routes => "routes",
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The digest of all resources of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(Arc<str>);

impl Version {
    /// The version as Envoy is told it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All resources of one kind.
#[derive(Debug, Clone)]
pub struct ResourceSet {
    version: Version,
    resources: Vec<(Arc<str>, Any)>,
}

impl ResourceSet {
    /// Numbers `resources`, which must be in the order of their names.
    pub(super) fn new(resources: Vec<(Arc<str>, Any)>) -> Self {
        debug_assert!(
            resources.is_sorted_by(|a, b| a.0 < b.0),
            "sorted and unique by name"
        );
        let mut digest = Sha256::new();
        for (name, body) in &resources {
            for part in [name.as_bytes(), &body.value] {
                digest.update(part.len().to_be_bytes());
                digest.update(part);
            }
        }
        let mut version = String::with_capacity(16);
        for byte in digest.finalize().iter().take(8) {
            version.extend(
                [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')),
            );
        }
        Self {
            version: Version(version.into()),
            resources,
        }
    }

    /// The digest of the set.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().map(|(name, _)| &**name)
    }

    /// The resources of those names, or all of them.
    pub(super) fn select(&self, names: Option<&[String]>) -> Vec<Any> {
        let wanted = |name: &str| names.is_none_or(|names| names.iter().any(|wanted| wanted == name));
        self.resources
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(_, body)| body.clone())
            .collect()
    }
}
