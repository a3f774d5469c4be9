//! What is shown of the Envoys that take their configuration from us.

use serde::{Deserialize, Serialize};

use super::Moment;

/// One Envoy and what it has taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvoyReport {
    /// Its node id.
    pub node: String,
    /// The version it says it is.
    pub version: String,
    /// Whether its stream is open.
    pub connected: bool,
    /// The generation that it has acknowledged for every type.
    pub generation: Option<u64>,
    /// What it has acknowledged, type by type.
    pub acked: Vec<AckedType>,
    /// Its latest refusal, until it accepts something newer.
    pub nack: Option<Nack>,
}

/// The version of one type of resource that an Envoy has acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AckedType {
    /// The type in a word.
    pub kind: String,
    /// The version.
    pub version: String,
    /// Whether it is the version in force.
    pub current: bool,
}

/// What an Envoy refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Nack {
    /// The type in a word.
    pub kind: String,
    /// The version that was refused.
    pub version: String,
    /// Envoy's reason.
    pub message: String,
    /// When.
    pub when: Moment,
}
