//! One Envoy route per retry policy, and the two that need none.
//!
//! A route says how often and how soon Envoy retries; where an attempt goes is said per request, by the plan.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::TypedExtensionConfig;
use envoy_types::pb::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use envoy_types::pb::envoy::config::route::v3::retry_policy::RetryBackOff;
use envoy_types::pb::envoy::config::route::v3::route::Action;
use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::config::route::v3::{
    ClusterSpecifierPlugin, HeaderMatcher, RetryPolicy, Route, RouteAction, RouteConfiguration, RouteMatch,
    VirtualHost,
};
use envoy_types::pb::envoy::r#type::matcher::v3::{StringMatcher, string_matcher::MatchPattern};
use envoy_types::pb::google::protobuf::Any;
use prost::Message;
use understudy_proto::names;
use understudy_proto::priority_group::{ClusterWeight, PriorityGroup, PriorityGroupClusterSpecifier};

use super::listener::{CLIENTS, everything};
use super::message::{boolean, duration, uint32, uint64};
use crate::catalog::Policy;

const PRIORITY_GROUP: &str = "type.googleapis.com/envoy.extensions.router.cluster_specifiers.priority_group.v3.PriorityGroupClusterSpecifier";
/// What Envoy retries: attempts that brought no answer, statuses that always fail over, and the attempt stage's word.
const RETRY_ON: &str = "connect-failure,refused-stream,reset,retriable-status-codes,retriable-headers";
/// Headers that only Understudy may set. Envoy takes them off a client's request before any filter sees it.
const INTERNAL: [&str; 3] = [names::HEADER_ROUTE, names::HEADER_RETRY, names::HEADER_ABSENT];

/// The route of a policy.
pub(super) fn of_policy(policy: &Policy, max_body: u64) -> Route {
    planned(&policy.key, &policy.name, Some(retry_policy(policy)), max_body)
}

/// All routes: the policies', the probe's, and the one that every request is on until it has a plan.
pub(super) fn configuration(policies: &BTreeMap<Arc<str>, Route>, max_body: u64) -> RouteConfiguration {
    let mut routes: Vec<Route> = policies.values().cloned().collect();
    routes.push(planned(names::ROUTE_PROBE, "probe", None, max_body));
    routes.push(unplanned(max_body));
    RouteConfiguration {
        name: CLIENTS.to_owned(),
        virtual_hosts: vec![VirtualHost {
            name: CLIENTS.to_owned(),
            domains: vec!["*".to_owned()],
            routes,
            include_is_timeout_retry_header: true,
            request_body_buffer_limit: uint64(max_body),
            response_headers_to_remove: vec![names::HEADER_RETRY.to_owned(), names::HEADER_ABSENT.to_owned()],
            ..VirtualHost::default()
        }],
        internal_only_headers: INTERNAL.map(str::to_owned).to_vec(),
        // Plans name clusters per request; Envoy is told clusters before routes.
        validate_clusters: boolean(false),
        ..RouteConfiguration::default()
    }
}

fn planned(key: &str, stat_prefix: &str, retry_policy: Option<RetryPolicy>, max_body: u64) -> Route {
    let selected = HeaderMatcher {
        name: names::HEADER_ROUTE.to_owned(),
        header_match_specifier: Some(HeaderMatchSpecifier::StringMatch(StringMatcher {
            match_pattern: Some(MatchPattern::Exact(key.to_owned())),
            ..StringMatcher::default()
        })),
        ..HeaderMatcher::default()
    };
    Route {
        name: key.to_owned(),
        r#match: Some(RouteMatch {
            headers: vec![selected],
            ..everything()
        }),
        stat_prefix: stat_prefix.to_owned(),
        request_body_buffer_limit: uint64(max_body),
        action: Some(Action::Route(RouteAction {
            // Understudy ends requests that take too long; Envoy's default of 15 s would cut streams.
            timeout: duration(Duration::ZERO),
            retry_policy,
            cluster_specifier: Some(ClusterSpecifier::InlineClusterSpecifierPlugin(priority_group())),
            ..RouteAction::default()
        })),
        ..Route::default()
    }
}

fn unplanned(max_body: u64) -> Route {
    Route {
        name: "unplanned".to_owned(),
        r#match: Some(everything()),
        request_body_buffer_limit: uint64(max_body),
        action: Some(Action::Route(RouteAction {
            cluster_specifier: Some(ClusterSpecifier::Cluster(names::CLUSTER_NO_PLAN.to_owned())),
            ..RouteAction::default()
        })),
        ..Route::default()
    }
}

/// The plan is the metadata of the request; without one, the cluster is empty and Envoy answers 503.
fn priority_group() -> ClusterSpecifierPlugin {
    let nowhere = PriorityGroup {
        name: "no plan".to_owned(),
        clusters: vec![ClusterWeight {
            cluster_name: names::CLUSTER_NO_PLAN.to_owned(),
            weight: Some(1),
        }],
    };
    let specifier = PriorityGroupClusterSpecifier {
        priority_groups: vec![nowhere],
        override_metadata_namespace: names::NAMESPACE_PLAN.to_owned(),
        random_value_specifier: None,
    };
    ClusterSpecifierPlugin {
        extension: Some(TypedExtensionConfig {
            name: "envoy.router.cluster_specifier_plugin.priority_group".to_owned(),
            typed_config: Some(Any {
                type_url: PRIORITY_GROUP.to_owned(),
                value: specifier.encode_to_vec(),
            }),
        }),
        is_optional: false,
    }
}

fn retry_policy(policy: &Policy) -> RetryPolicy {
    // Envoy refuses a wait below a millisecond, and a longest wait below the first.
    let base = policy.backoff.0.max(Duration::from_millis(1));
    RetryPolicy {
        retry_on: RETRY_ON.to_owned(),
        retriable_status_codes: policy
            .retriable_status_codes
            .iter()
            .copied()
            .map(u32::from)
            .collect(),
        retriable_headers: vec![HeaderMatcher {
            name: names::HEADER_RETRY.to_owned(),
            header_match_specifier: Some(HeaderMatchSpecifier::PresentMatch(true)),
            ..HeaderMatcher::default()
        }],
        num_retries: uint32(policy.num_retries),
        per_try_timeout: duration(policy.per_try_timeout),
        per_try_idle_timeout: duration(policy.per_try_idle_timeout),
        retry_back_off: Some(RetryBackOff {
            base_interval: duration(base),
            max_interval: duration(policy.backoff.1.max(base)),
        }),
        refresh_cluster_on_retry: true,
        ..RetryPolicy::default()
    }
}
