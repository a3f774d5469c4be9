//! Who is at the other end of a stream.

use std::fmt;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::{Node, node::UserAgentVersionType};

/// A version of Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvoyVersion {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
    /// Patch.
    pub patch: u32,
}

impl EnvoyVersion {
    /// The oldest that has the `priority_group` cluster specifier.
    pub const OLDEST: Self = Self {
        major: 1,
        minor: 40,
        patch: 0,
    };
}

impl fmt::Display for EnvoyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// An Envoy, as it introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnvoyNode {
    /// The `node.id` of its bootstrap.
    pub id: Arc<str>,
    /// Its version, if it says it in numbers.
    pub version: Option<EnvoyVersion>,
}

impl EnvoyNode {
    /// Longer names are cut: they are shown in logs and on a page.
    const LONGEST_ID: usize = 128;

    pub(super) fn introduced_by(node: &Node) -> Self {
        let version = match &node.user_agent_version_type {
            Some(UserAgentVersionType::UserAgentBuildVersion(build)) => build.version.as_ref(),
            _ => None,
        };
        Self {
            id: node.id.chars().take(Self::LONGEST_ID).collect::<String>().into(),
            version: version.map(|version| EnvoyVersion {
                major: version.major_number,
                minor: version.minor_number,
                patch: version.patch,
            }),
        }
    }

    /// The version, when it is one that cannot read what Understudy sends.
    pub fn too_old(&self) -> Option<EnvoyVersion> {
        self.version.filter(|version| *version < EnvoyVersion::OLDEST)
    }
}
