use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext;
use proptest::prelude::*;
use prost::Message;

use super::fixtures::{policy, provider, providers, settings};
use crate::xds::{ResourceType, Snapshot, cluster};

fn names(snapshot: &Snapshot, kind: ResourceType) -> Vec<&str> {
    snapshot.set(kind).names().collect()
}

fn routes(snapshot: &Snapshot) -> Vec<String> {
    let body = &snapshot.set(ResourceType::Routes).select(None)[0].value;
    let configuration = RouteConfiguration::decode(body.as_slice()).unwrap();
    configuration.virtual_hosts[0]
        .routes
        .iter()
        .map(|route| route.name.clone())
        .collect()
}

#[test]
fn the_same_catalog_has_the_same_version() {
    let build = || Snapshot::of(&settings(), &providers(), &[policy("a"), policy("b")]).version();

    assert_eq!(build(), build());
}

proptest! {
    #[test]
    fn the_order_of_providers_and_policies_does_not_matter(
        providers in Just(providers()).prop_shuffle(),
        keys in Just(vec!["a", "b", "c"]).prop_shuffle(),
    ) {
        let policies: Vec<_> = keys.into_iter().map(policy).collect();

        let shuffled = Snapshot::of(&settings(), &providers, &policies);

        let sorted = Snapshot::of(&settings(), &super::fixtures::providers(), &["a", "b", "c"].map(policy));
        prop_assert_eq!(shuffled.version(), sorted.version());
    }
}

#[test]
fn the_listeners_are_the_same_for_every_catalog() {
    let of = |providers: &[_], policies: &[_]| {
        Snapshot::of(&settings(), providers, policies)
            .version()
            .of(ResourceType::Listeners)
            .clone()
    };

    assert_eq!(of(&[], &[]), of(&providers(), &[policy("a")]));
}

#[test]
fn a_changed_provider_changes_the_clusters_only() {
    let before = Snapshot::of(&settings(), &providers(), &[policy("a")]).version();
    let mut changed = providers();
    changed[0].connect_timeout += Duration::from_secs(1);

    let after = Snapshot::of(&settings(), &changed, &[policy("a")]).version();

    assert_ne!(
        before.of(ResourceType::Clusters),
        after.of(ResourceType::Clusters)
    );
    assert_eq!(
        before.of(ResourceType::Listeners),
        after.of(ResourceType::Listeners)
    );
    assert_eq!(before.of(ResourceType::Routes), after.of(ResourceType::Routes));
}

#[test]
fn a_union_holds_what_either_needs_and_the_new_wins() {
    let old = Snapshot::of(
        &settings(),
        &[
            provider("gone", "http://127.0.0.1:1"),
            provider("kept", "http://127.0.0.1:2"),
        ],
        &[policy("old")],
    );
    let kept = provider("kept", "http://127.0.0.1:3");
    let new = Snapshot::of(&settings(), std::slice::from_ref(&kept), &[policy("new")]);

    let both = Snapshot::union(&old, &new);

    assert_eq!(
        names(&both, ResourceType::Clusters),
        ["gone", "kept", "understudy_absent", "understudy_no_plan"]
    );
    assert_eq!(routes(&both), ["new", "old", "understudy-probe", "unplanned"]);
    let body = &both
        .set(ResourceType::Clusters)
        .select(Some(&["kept".to_owned()]))[0]
        .value;
    assert_eq!(
        Cluster::decode(body.as_slice()).unwrap(),
        cluster::of_provider(&kept, &settings())[0]
    );
}

#[test]
fn a_union_with_itself_is_itself() {
    let snapshot = Snapshot::of(&settings(), &providers(), &[policy("a")]);

    assert_eq!(
        Snapshot::union(&snapshot, &snapshot).version(),
        snapshot.version()
    );
}

#[test]
fn a_provider_known_by_name_never_has_an_empty_cluster() {
    let of = |url| {
        let clusters = cluster::of_provider(&provider("p", url), &settings());
        clusters
            .into_iter()
            .map(|cluster| cluster.name)
            .collect::<Vec<_>>()
    };

    assert_eq!(of("https://api.openai.example:443"), ["p", "p@dns"]);
    assert_eq!(of("https://10.0.0.1:443"), ["p"]);
}

#[test]
fn the_certificate_is_checked_against_a_name_or_an_address() {
    let of = |url| {
        let clusters = cluster::of_provider(&provider("p", url), &settings());
        let socket = clusters
            .iter()
            .find_map(|cluster| cluster.transport_socket.clone())
            .unwrap();
        let Some(envoy_types::pb::envoy::config::core::v3::transport_socket::ConfigType::TypedConfig(config)) =
            socket.config_type
        else {
            unreachable!("TLS has a configuration")
        };
        UpstreamTlsContext::decode(config.value.as_slice()).unwrap()
    };

    let by_name = of("https://api.openai.example:443");
    assert!(by_name.auto_sni_san_validation);
    assert_eq!(by_name.sni, "api.openai.example");

    let by_address = of("https://10.0.0.1:443");
    assert!(!by_address.auto_sni_san_validation);
    assert_eq!(by_address.sni, "");
}

#[test]
fn requests_without_a_plan_match_the_last_route() {
    let snapshot = Snapshot::of(&settings(), &[], &[policy("a")]);
    let body = &snapshot.set(ResourceType::Routes).select(None)[0].value;
    let configuration = RouteConfiguration::decode(body.as_slice()).unwrap();

    let last = configuration.virtual_hosts[0].routes.last().unwrap();

    assert!(last.r#match.as_ref().unwrap().headers.is_empty());
    let Some(envoy_types::pb::envoy::config::route::v3::route::Action::Route(action)) = &last.action else {
        unreachable!("the last route leads to a cluster")
    };
    assert_eq!(
        action.cluster_specifier,
        Some(ClusterSpecifier::Cluster("understudy_no_plan".to_owned()))
    );
}
