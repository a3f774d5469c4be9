//! Envoy as a child of ours: found, looked at, started, kept running and taken down.
//!
//! Invariant: there is never more than one process per [`EnvoyChild`], and none is left behind: not by a stop, not by
//! a drop, and not when this process is killed. It takes the bootstrap as text and refuses to know what is in it;
//! what is asked of the running Envoy goes through [`Admin`], the same door an operator uses.

mod admin;
mod backoff;
mod child;
mod diagnosis;
mod find;
mod folder;
mod leash;
mod log;
mod ports;
mod process;
mod stats;
mod supervise;
mod validate;
mod version;

pub(crate) use admin::percent_encoded;
pub use admin::{Admin, AdminError};
pub use child::{EnvoyChild, EnvoyFailed, EnvoyLaunch, EnvoyLogLevel, EnvoyState};
pub use find::{NoEnvoy, find};
pub(crate) use folder::Folder;
pub use stats::Stats;
pub use validate::{RefusedByEnvoy, validate};
pub use version::{EnvoyVersion, UnfitEnvoy, version};

#[cfg(test)]
mod tests;
