//! From the file as it is written to a configuration that is legal.
//!
//! One short function for each section; every one of them notes what is wrong and goes on, so that a person
//! sees all mistakes at once. Invariant: `None` means that a mistake was noted.

use super::Config;
use super::mistake::{ConfigPath, Invalid, Report};
use super::name::CauseCheck;
use super::raw::{RawConfig, RawDuration};
use super::secret::{Secret, Vault};
use super::server::AdminBind;

mod clients;
mod endpoint;
mod layers;
mod model;
mod policy;
mod provider;
mod server;

use layers::{Layers, Said};

/// What every section needs while it is resolved.
struct Resolver<'a, 'd> {
    report: &'a mut Report<'d>,
    vault: Vault<'a>,
    causes: CauseCheck,
}

impl Resolver<'_, '_> {
    /// What was said, judged by `parse`; `default` when nothing was said.
    fn value<V, T>(
        &mut self,
        said: Option<Said<'_, V>>,
        default: T,
        parse: impl FnOnce(&V) -> Result<T, Invalid>,
    ) -> Option<T> {
        match said {
            Some(said) => self.report.accept(&said.at, parse(said.value)),
            None => Some(default),
        }
    }

    /// A secret; what is wrong with it is told without repeating it.
    fn secret(&mut self, at: &ConfigPath, text: &str) -> Option<Secret> {
        self.vault
            .secret(text)
            .map_err(|invalid| self.report.refuse(at, invalid))
            .ok()
    }

    /// A duration, or its default.
    fn duration(
        &mut self,
        said: Option<Said<'_, RawDuration>>,
        default: std::time::Duration,
    ) -> Option<std::time::Duration> {
        self.value(said, default, |RawDuration(text)| super::measure::duration(text))
    }
}

/// A mistake has been noted, where `None` is a legal answer.
struct Noted;

/// A count whose bounds the schema has checked.
fn count(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The admin server alone.
pub(super) fn admin(raw: &RawConfig, vault: Vault<'_>, report: &mut Report<'_>) -> Option<AdminBind> {
    let mut resolver = Resolver {
        report,
        vault,
        causes: |_| Ok(()),
    };
    server::admin(raw, &mut resolver)
}

/// The whole configuration, without its warnings.
pub(super) fn resolve(
    raw: &RawConfig,
    vault: Vault<'_>,
    causes: CauseCheck,
    report: &mut Report<'_>,
) -> Option<Config> {
    let root = ConfigPath::default();
    let mut resolver = Resolver {
        report,
        vault,
        causes,
    };
    let listen = server::listen(raw, &mut resolver);
    let admin = server::admin(raw, &mut resolver);
    let grpc = server::grpc(raw, &mut resolver);
    let envoy = server::envoy(raw, listen, &mut resolver);
    server::collisions(
        listen,
        admin.as_ref(),
        grpc.as_ref(),
        envoy.as_ref(),
        &mut resolver,
    );
    let defaults = Layers::new(raw.defaults.as_ref(), &root.key("defaults"));
    policy::check_defaults(&defaults, &mut resolver);
    let (providers, roster) = provider::resolve(raw, &defaults, &mut resolver);
    let models = model::resolve(raw, &defaults, &roster, &mut resolver);
    let clients = clients::resolve(raw, listen, &mut resolver);
    clients::check_passthrough(clients.as_ref(), providers.as_deref(), &mut resolver);
    Some(Config {
        listen: listen?,
        admin: admin?,
        grpc: grpc?,
        envoy: envoy?,
        log: server::log(raw),
        clients: clients?,
        providers: providers?,
        models: models?,
        secret_files: resolver.vault.into_files(),
        warnings: Vec::new(),
    })
}
