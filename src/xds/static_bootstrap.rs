//! The whole data plane as one file that needs no control plane, for `envoy --mode validate`.

use envoy_types::pb::envoy::config::bootstrap::v3::{Bootstrap, bootstrap::StaticResources};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::extensions::bootstrap::internal_listener::v3::InternalListener;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use prost::Message;

use super::message::extension;
use super::settings::EnvoySettings;
use super::{listener, route, snapshot};
use crate::catalog::{Catalog, Policy, Provider};

/// What a catalog asks of Envoy, encoded. Write it to a file that ends in `.pb` and give that to
/// `envoy --mode validate -c`.
pub fn static_bootstrap(settings: &EnvoySettings, catalog: &Catalog) -> Vec<u8> {
    of(settings, &catalog.providers, &catalog.policies)
}

/// The same from the parts of a catalog that Envoy hears of.
pub(super) fn of(settings: &EnvoySettings, providers: &[Provider], policies: &[Policy]) -> Vec<u8> {
    let routes = route::configuration(&snapshot::routes(settings, policies), settings.max_body);
    let clients = listener::clients_with(settings, RouteSpecifier::RouteConfig(routes));
    let understudy = Cluster {
        name: settings.understudy.to_string(),
        ..Cluster::default()
    };
    let bootstrap = Bootstrap {
        static_resources: Some(StaticResources {
            listeners: vec![clients, listener::absent()],
            clusters: snapshot::clusters(settings, providers)
                .chain([understudy])
                .collect(),
            ..StaticResources::default()
        }),
        bootstrap_extensions: vec![extension(
            "envoy.bootstrap.internal_listener",
            &InternalListener::default(),
        )],
        ..Bootstrap::default()
    };
    bootstrap.encode_to_vec()
}
