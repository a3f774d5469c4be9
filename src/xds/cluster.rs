//! Clusters: where a provider is and how Envoy speaks to it.
//!
//! A request at an empty cluster is over, without a retry, so no provider may ever be empty. One that is known by
//! address is a plain cluster. One that is known by name is a pair: `openai@dns` follows the name, and `openai`
//! prefers it but falls to the responder inside Envoy while the name has no address; the attempt stage, the
//! retries and the stats of requests belong to `openai`. For the same reason nothing here ejects a host.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::circuit_breakers::Thresholds;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, CustomClusterType, DiscoveryType, LbPolicy,
};
use envoy_types::pb::envoy::config::cluster::v3::{CircuitBreakers, Cluster, UpstreamConnectionOptions};
use envoy_types::pb::envoy::config::core::v3::{
    Address, DataSource, EnvoyInternalAddress, Http1ProtocolOptions, Http2ProtocolOptions,
    HttpProtocolOptions as CommonHttpOptions, KeepaliveSettings, TcpKeepalive, TransportSocket, address,
    data_source::Specifier, envoy_internal_address::AddressNameSpecifier, transport_socket,
};
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint as EnvoyEndpoint, LbEndpoint, LocalityLbEndpoints,
    lb_endpoint::HostIdentifier,
};
use envoy_types::pb::envoy::extensions::clusters::aggregate::v3::ClusterConfig as Aggregate;
use envoy_types::pb::envoy::extensions::clusters::common::dns::v3::DnsLookupFamily;
use envoy_types::pb::envoy::extensions::clusters::dns::v3::{DnsCluster, dns_cluster::RefreshRate};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::network::dns_resolver::cares::v3::CaresDnsResolverConfig;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, CommonTlsContext, SubjectAltNameMatcher, UpstreamTlsContext,
    common_tls_context::ValidationContextType, subject_alt_name_matcher::SanType,
};
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    AutoHttpConfig, ExplicitHttpConfig, UpstreamProtocolOptions, explicit_http_config::ProtocolConfig,
};
use envoy_types::pb::envoy::r#type::matcher::v3::{StringMatcher, string_matcher::MatchPattern};
use understudy_proto::names;

use super::filter;
use super::listener::ABSENT;
use super::message::{any, duration, extension, tcp, uint32, uint64};
use super::settings::EnvoySettings;
use crate::catalog::{Endpoint, Provider};

/// Envoy's own limits (1024 requests, 3 retries at a time) end requests; judging providers is Understudy's work.
const UNLIMITED: u32 = 1_000_000;
/// Providers drop idle connections after a minute or more; leaving first spares a reset.
const IDLE_TIMEOUT: Duration = Duration::from_secs(55);

/// The clusters of a provider; the first has its name.
pub(super) fn of_provider(provider: &Provider, settings: &EnvoySettings) -> Vec<Cluster> {
    let endpoint = &provider.endpoint;
    let filters = filter::provider_filters(&settings.understudy);
    let connections = connections(provider, &settings.system_ca);
    if !endpoint.is_known_by_name() {
        return vec![Cluster {
            cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Static.into())),
            typed_extension_protocol_options: http_options(endpoint.tls, filters),
            ..connections
        }];
    }
    let by_name = format!("{}@dns", provider.name);
    let addresses = Cluster {
        name: by_name.clone(),
        cluster_discovery_type: Some(ClusterDiscoveryType::ClusterType(follow_name())),
        load_assignment: Some(assignment(&by_name, tcp(&endpoint.host, endpoint.port))),
        ..connections
    };
    vec![or_absent(&provider.name, by_name, filters), addresses]
}

/// The clusters that every catalog has: the one without a plan, and the responder for names without an address.
pub(super) fn constant() -> Vec<Cluster> {
    let fixed = |name: &str, load_assignment| Cluster {
        name: name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Static.into())),
        circuit_breakers: Some(unlimited()),
        load_assignment,
        ..Cluster::default()
    };
    let inside = Address {
        address: Some(address::Address::EnvoyInternalAddress(EnvoyInternalAddress {
            address_name_specifier: Some(AddressNameSpecifier::ServerListenerName(ABSENT.to_owned())),
            ..EnvoyInternalAddress::default()
        })),
    };
    vec![
        fixed(names::CLUSTER_NO_PLAN, None),
        fixed(ABSENT, Some(assignment(ABSENT, inside))),
    ]
}

/// A cluster that falls to the responder when the cluster `first` is empty or not there yet.
fn or_absent(name: &str, first: String, filters: Vec<HttpFilter>) -> Cluster {
    let members = Aggregate {
        clusters: vec![first, ABSENT.to_owned()],
    };
    Cluster {
        name: name.to_owned(),
        lb_policy: LbPolicy::ClusterProvided.into(),
        cluster_discovery_type: Some(ClusterDiscoveryType::ClusterType(CustomClusterType {
            name: "envoy.clusters.aggregate".to_owned(),
            typed_config: Some(any(&members)),
        })),
        circuit_breakers: Some(unlimited()),
        typed_extension_protocol_options: http_options(false, filters),
        ..Cluster::default()
    }
}

/// How Envoy connects to a provider.
fn connections(provider: &Provider, system_ca: &Path) -> Cluster {
    let endpoint = &provider.endpoint;
    Cluster {
        name: provider.name.to_string(),
        connect_timeout: duration(provider.connect_timeout),
        load_assignment: Some(assignment(&provider.name, tcp(&endpoint.host, endpoint.port))),
        circuit_breakers: Some(unlimited()),
        transport_socket: endpoint.tls.then(|| tls(endpoint, system_ca)),
        typed_extension_protocol_options: http_options(endpoint.tls, Vec::new()),
        // A model may think for minutes; NAT gateways forget silent connections sooner.
        upstream_connection_options: Some(UpstreamConnectionOptions {
            tcp_keepalive: Some(TcpKeepalive {
                keepalive_probes: uint32(3),
                keepalive_time: uint32(60),
                keepalive_interval: uint32(10),
            }),
            ..UpstreamConnectionOptions::default()
        }),
        ..Cluster::default()
    }
}

/// Resolution that keeps running streams when a provider's addresses rotate, and that gives up soon at first.
fn follow_name() -> CustomClusterType {
    let resolver = CaresDnsResolverConfig {
        query_timeout_seconds: uint64(2),
        query_tries: uint32(2),
        ..CaresDnsResolverConfig::default()
    };
    let config = DnsCluster {
        dns_refresh_rate: duration(Duration::from_secs(10)),
        dns_failure_refresh_rate: Some(RefreshRate {
            base_interval: duration(Duration::from_secs(1)),
            max_interval: duration(Duration::from_secs(5)),
        }),
        respect_dns_ttl: true,
        typed_dns_resolver_config: Some(extension("envoy.network.dns_resolver.cares", &resolver)),
        dns_lookup_family: DnsLookupFamily::V4Preferred.into(),
        all_addresses_in_single_endpoint: true,
        ..DnsCluster::default()
    };
    CustomClusterType {
        name: "envoy.clusters.dns".to_owned(),
        typed_config: Some(any(&config)),
    }
}

/// TLS with a fixed name. A name taken from the request would be that of the first attempt's provider for all.
fn tls(endpoint: &Endpoint, system_ca: &Path) -> TransportSocket {
    let is_address = endpoint.sni.parse::<IpAddr>().is_ok();
    let ca = endpoint.ca.as_deref().unwrap_or(system_ca);
    let trusted_ca = DataSource {
        specifier: Some(Specifier::Filename(ca.to_string_lossy().into_owned())),
        ..DataSource::default()
    };
    let exact = StringMatcher {
        match_pattern: Some(MatchPattern::Exact(endpoint.sni.clone())),
        ..StringMatcher::default()
    };
    let by_address = SubjectAltNameMatcher {
        san_type: SanType::IpAddress.into(),
        matcher: Some(exact),
        ..SubjectAltNameMatcher::default()
    };
    let validation = CertificateValidationContext {
        trusted_ca: Some(trusted_ca),
        match_typed_subject_alt_names: is_address.then_some(by_address).into_iter().collect(),
        ..CertificateValidationContext::default()
    };
    let context = UpstreamTlsContext {
        // An address is no name that TLS could send.
        sni: if is_address {
            String::new()
        } else {
            endpoint.sni.clone()
        },
        auto_sni_san_validation: !is_address,
        common_tls_context: Some(CommonTlsContext {
            validation_context_type: Some(ValidationContextType::ValidationContext(validation)),
            ..CommonTlsContext::default()
        }),
        ..UpstreamTlsContext::default()
    };
    TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(transport_socket::ConfigType::TypedConfig(any(&context))),
    }
}

/// HTTP/2 or 1.1 as TLS agrees, and 1.1 in plain text.
fn http_options(
    tls: bool,
    http_filters: Vec<HttpFilter>,
) -> HashMap<String, envoy_types::pb::google::protobuf::Any> {
    let protocol = if tls {
        UpstreamProtocolOptions::AutoConfig(AutoHttpConfig {
            http_protocol_options: Some(Http1ProtocolOptions::default()),
            http2_protocol_options: Some(http2()),
            ..AutoHttpConfig::default()
        })
    } else {
        UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
            protocol_config: Some(ProtocolConfig::HttpProtocolOptions(
                Http1ProtocolOptions::default(),
            )),
        })
    };
    let options = HttpProtocolOptions {
        common_http_protocol_options: Some(CommonHttpOptions {
            idle_timeout: duration(IDLE_TIMEOUT),
            ..CommonHttpOptions::default()
        }),
        http_filters,
        upstream_protocol_options: Some(protocol),
        ..HttpProtocolOptions::default()
    };
    HashMap::from([(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions".to_owned(),
        any(&options),
    )])
}

fn http2() -> Http2ProtocolOptions {
    Http2ProtocolOptions {
        initial_stream_window_size: uint32(1 << 20),
        initial_connection_window_size: uint32(16 << 20),
        connection_keepalive: Some(KeepaliveSettings {
            interval: duration(Duration::from_secs(30)),
            timeout: duration(Duration::from_secs(10)),
            ..KeepaliveSettings::default()
        }),
        ..Http2ProtocolOptions::default()
    }
}

fn unlimited() -> CircuitBreakers {
    CircuitBreakers {
        thresholds: vec![Thresholds {
            max_connections: uint32(UNLIMITED),
            max_pending_requests: uint32(UNLIMITED),
            max_requests: uint32(UNLIMITED),
            max_retries: uint32(UNLIMITED),
            ..Thresholds::default()
        }],
        ..CircuitBreakers::default()
    }
}

fn assignment(cluster: &str, address: Address) -> ClusterLoadAssignment {
    let endpoint = EnvoyEndpoint {
        address: Some(address),
        ..EnvoyEndpoint::default()
    };
    ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints: vec![LocalityLbEndpoints {
            lb_endpoints: vec![LbEndpoint {
                host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
                ..LbEndpoint::default()
            }],
            ..LocalityLbEndpoints::default()
        }],
        ..ClusterLoadAssignment::default()
    }
}
