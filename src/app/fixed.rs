//! What is bound or begun at the start: a later configuration may say it differently, and only a restart follows.

use crate::config::{AdminBind, Config, GrpcBind, LogSettings};

/// The part of a configuration that stays as it was at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fixed {
    admin: AdminBind,
    grpc: GrpcBind,
    envoy_admin: std::net::SocketAddr,
    log: LogSettings,
}

impl Fixed {
    /// The part of `config` that stays.
    pub(super) fn of(config: &Config) -> Self {
        Self {
            admin: config.admin.clone(),
            grpc: config.grpc.clone(),
            envoy_admin: config.envoy.admin,
            log: config.log,
        }
    }

    /// A warning for each key that `later` says differently.
    pub(super) fn warnings(&self, later: &Self) -> Vec<String> {
        [
            ("admin", self.admin != later.admin),
            ("grpc", self.grpc != later.grpc),
            ("envoy.admin", self.envoy_admin != later.envoy_admin),
            ("log", self.log != later.log),
        ]
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| format!("`{key}` was changed in the file; it takes effect after a restart"))
        .collect()
    }
}
