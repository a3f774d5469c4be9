//! The two listeners: the one that clients use, and the responder that stands in for providers without an address.
//!
//! Both are the same for every catalog. Changing a listener cuts the streams on it, so whatever depends on
//! providers or models is kept in clusters and routes.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{
    AggregatedConfigSource, ApiVersion, ConfigSource, Http2ProtocolOptions, HttpProtocolOptions,
    config_source::ConfigSourceSpecifier, http_protocol_options::HeadersWithUnderscoresAction,
};
use envoy_types::pb::envoy::config::listener::v3::{
    Filter, FilterChain, Listener, filter,
    listener::{InternalListenerConfig, ListenerSpecifier},
};
use envoy_types::pb::envoy::config::route::v3::{
    DirectResponseAction, Route, RouteConfiguration, RouteMatch, VirtualHost, route::Action,
    route_match::PathSpecifier,
};
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, Rds,
    http_connection_manager::{PathWithEscapedSlashesAction, RouteSpecifier},
};
use understudy_proto::names;

use super::message::{any, boolean, duration, set_header, tcp, uint32};
use super::settings::EnvoySettings;
use super::{access_log, filter as stages, local_reply};

/// The listener that clients use, and its route configuration.
pub(super) const CLIENTS: &str = "understudy";
/// The responder that stands in for providers without an address: reachable inside Envoy only.
pub(super) const ABSENT: &str = "understudy_absent";

/// Headers arrive at once or the connection is not worth holding.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// A whole request body, over the slowest link that is worth serving.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(5);
/// Understudy bounds every request; this only catches a client that stopped reading.
const IDLE_TIMEOUT: Duration = Duration::from_hours(1);
/// A stream that must be cut is cut now; Envoy's second of courtesy would leave the client waiting for the end.
const DELAYED_CLOSE: Duration = Duration::from_millis(50);
/// What may wait for a client that reads slowly: of its connection, and of one of its streams. Where that much waits,
/// Envoy 1.40 pauses the provider, also one whose answer has come to its end and is only held up in the attempt
/// stage; pausing that one is a crash. So it has to be more than an answer ever is.
const BACKLOG: u32 = 32 << 20;
/// Envoy's own limit, written out because the error message depends on it.
const MAX_HEADERS_KB: u32 = 60;

/// The listener that clients use, with its routes from the same stream that it came by.
pub(super) fn clients(settings: &EnvoySettings) -> Listener {
    let rds = Rds {
        config_source: Some(ConfigSource {
            resource_api_version: ApiVersion::V3.into(),
            config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
            ..ConfigSource::default()
        }),
        route_config_name: CLIENTS.to_owned(),
    };
    clients_with(settings, RouteSpecifier::Rds(rds))
}

/// The same listener with its routes written into it.
pub(super) fn clients_with(settings: &EnvoySettings, routes: RouteSpecifier) -> Listener {
    Listener {
        name: CLIENTS.to_owned(),
        address: Some(tcp(&settings.listen.ip().to_string(), settings.listen.port())),
        per_connection_buffer_limit_bytes: uint32(BACKLOG),
        filter_chains: vec![chain(&HttpConnectionManager {
            route_specifier: Some(routes),
            ..connection_manager(&settings.understudy)
        })],
        ..Listener::default()
    }
}

fn connection_manager(understudy: &str) -> HttpConnectionManager {
    HttpConnectionManager {
        stat_prefix: CLIENTS.to_owned(),
        access_log: vec![access_log::broken_requests(understudy)],
        http_filters: stages::listener_filters(understudy),
        common_http_protocol_options: Some(HttpProtocolOptions {
            headers_with_underscores_action: HeadersWithUnderscoresAction::DropHeader.into(),
            max_headers_count: uint32(100),
            ..HttpProtocolOptions::default()
        }),
        http2_protocol_options: Some(Http2ProtocolOptions {
            max_concurrent_streams: uint32(1000),
            initial_stream_window_size: uint32(BACKLOG),
            initial_connection_window_size: uint32(16 << 20),
            ..Http2ProtocolOptions::default()
        }),
        max_request_headers_kb: uint32(MAX_HEADERS_KB),
        stream_idle_timeout: duration(IDLE_TIMEOUT),
        request_timeout: duration(REQUEST_TIMEOUT),
        request_headers_timeout: duration(HEADERS_TIMEOUT),
        delayed_close_timeout: duration(DELAYED_CLOSE),
        // Every peer is a stranger: none may set Envoy's own headers. (An `internal_address_config`, even an empty
        // one, would make friends of all private addresses.)
        use_remote_address: boolean(true),
        skip_xff_append: true,
        // The id of a request is minted by Understudy; the client's stays what the client said.
        generate_request_id: boolean(false),
        preserve_external_request_id: true,
        normalize_path: boolean(true),
        merge_slashes: true,
        // `/v1/models/meta-llama%2Fllama-3` is a name with a slash in it.
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction::KeepUnchanged.into(),
        local_reply_config: Some(local_reply::config()),
        ..HttpConnectionManager::default()
    }
}

/// The responder: whatever is asked, the provider has no address.
pub(super) fn absent() -> Listener {
    let answer = Route {
        r#match: Some(everything()),
        action: Some(Action::DirectResponse(DirectResponseAction {
            status: 503,
            ..DirectResponseAction::default()
        })),
        response_headers_to_add: vec![
            set_header(names::HEADER_RETRY, "connect"),
            set_header(names::HEADER_ABSENT, "dns"),
        ],
        ..Route::default()
    };
    let routes = RouteConfiguration {
        name: ABSENT.to_owned(),
        virtual_hosts: vec![VirtualHost {
            name: ABSENT.to_owned(),
            domains: vec!["*".to_owned()],
            routes: vec![answer],
            ..VirtualHost::default()
        }],
        ..RouteConfiguration::default()
    };
    Listener {
        name: ABSENT.to_owned(),
        listener_specifier: Some(ListenerSpecifier::InternalListener(InternalListenerConfig {})),
        filter_chains: vec![chain(&HttpConnectionManager {
            stat_prefix: ABSENT.to_owned(),
            http_filters: vec![stages::filter("envoy.filters.http.router", &Router::default())],
            route_specifier: Some(RouteSpecifier::RouteConfig(routes)),
            ..HttpConnectionManager::default()
        })],
        ..Listener::default()
    }
}

/// A match for every request.
pub(super) fn everything() -> RouteMatch {
    RouteMatch {
        path_specifier: Some(PathSpecifier::Prefix("/".to_owned())),
        ..RouteMatch::default()
    }
}

fn chain(manager: &HttpConnectionManager) -> FilterChain {
    FilterChain {
        filters: vec![Filter {
            name: "envoy.filters.network.http_connection_manager".to_owned(),
            config_type: Some(filter::ConfigType::TypedConfig(any(manager))),
        }],
        ..FilterChain::default()
    }
}
