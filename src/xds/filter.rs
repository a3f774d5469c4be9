//! The two external processing stages as Envoy filters, and what stands beside the second.
//!
//! The plan stage starts with its response phase off: Envoy drops its own answers to malformed requests when a
//! filter waits for a response whose request it never saw. The stage turns the phase on when it answers the
//! request headers, by `mode_override {request_body_mode: BUFFERED, response_header_mode: SEND}`.

use std::time::Duration;

use envoy_types::pb::envoy::config::common::mutation_rules::v3::{
    HeaderMutation, HeaderMutationRules, header_mutation::Action,
};
use envoy_types::pb::envoy::config::core::v3::{
    GrpcService, HeaderValue,
    grpc_service::{EnvoyGrpc, TargetSpecifier},
};
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::{
    ExternalProcessor, MetadataOptions, ProcessingMode,
    metadata_options::MetadataNamespaces,
    processing_mode::{BodySendMode, HeaderSendMode},
};
use envoy_types::pb::envoy::extensions::filters::http::header_mutation::v3::{
    HeaderMutation as HeaderMutationFilter, Mutations,
};
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::http::upstream_codec::v3::UpstreamCodec;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpFilter, http_filter::ConfigType,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use prost::{Message, Name};
use understudy_proto::names;

use super::message::{any, boolean, duration, set_header};

/// Planning is quick; longer means that Understudy hangs.
const PLAN_TIMEOUT: Duration = Duration::from_secs(10);
/// An attempt's answer may be held for as long as a provider thinks. Understudy keeps the time itself, so this is
/// the longest that Envoy takes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_hours(1);
/// What the client gets when Understudy cannot be asked.
const STATUS_UNREACHABLE: i32 = 503;

/// The listener's filters.
pub(super) fn listener_filters(understudy: &str) -> Vec<HttpFilter> {
    let router = Router {
        suppress_envoy_headers: true,
        ..Router::default()
    };
    vec![
        filter("understudy.plan", &plan(understudy)),
        filter("envoy.filters.http.router", &router),
    ]
}

/// The filters in front of a provider, which run once per attempt.
pub(super) fn provider_filters(understudy: &str) -> Vec<HttpFilter> {
    vec![
        filter("understudy.attempt", &attempt(understudy)),
        filter("understudy.content_length", &content_length()),
        filter("envoy.filters.http.upstream_codec", &UpstreamCodec::default()),
    ]
}

fn plan(understudy: &str) -> ExternalProcessor {
    ExternalProcessor {
        processing_mode: Some(ProcessingMode {
            request_header_mode: HeaderSendMode::Send.into(),
            request_body_mode: BodySendMode::Buffered.into(),
            response_header_mode: HeaderSendMode::Skip.into(),
            response_body_mode: BodySendMode::None.into(),
            request_trailer_mode: HeaderSendMode::Skip.into(),
            response_trailer_mode: HeaderSendMode::Skip.into(),
        }),
        allow_mode_override: true,
        message_timeout: duration(PLAN_TIMEOUT),
        metadata_options: Some(receiving(&[names::NAMESPACE_SESSION])),
        response_attributes: owned(&[names::ATTRIBUTE_DETAILS, names::ATTRIBUTE_ATTEMPT]),
        ..stage(understudy, &[(names::STAGE, names::STAGE_PLAN)])
    }
}

fn attempt(understudy: &str) -> ExternalProcessor {
    let session = format!(
        "%DYNAMIC_METADATA({}:{})%",
        names::NAMESPACE_SESSION,
        names::KEY_SESSION_ID
    );
    ExternalProcessor {
        processing_mode: Some(ProcessingMode {
            request_header_mode: HeaderSendMode::Send.into(),
            request_body_mode: BodySendMode::None.into(),
            response_header_mode: HeaderSendMode::Send.into(),
            response_body_mode: BodySendMode::FullDuplexStreamed.into(),
            request_trailer_mode: HeaderSendMode::Skip.into(),
            response_trailer_mode: HeaderSendMode::Send.into(),
        }),
        allow_content_length_header: true,
        message_timeout: duration(ATTEMPT_TIMEOUT),
        metadata_options: Some(receiving(&[])),
        ..stage(
            understudy,
            &[
                (names::STAGE, names::STAGE_ATTEMPT),
                (names::SESSION, &session),
                (names::ATTEMPT, "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
            ],
        )
    }
}

/// What both stages share: who is asked, what they may change, and that nothing passes without them.
fn stage(understudy: &str, words: &[(&str, &str)]) -> ExternalProcessor {
    let word = |(key, value): &(&str, &str)| HeaderValue {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
        ..HeaderValue::default()
    };
    let target = EnvoyGrpc {
        cluster_name: understudy.to_owned(),
        skip_envoy_headers: true,
        ..EnvoyGrpc::default()
    };
    ExternalProcessor {
        grpc_service: Some(GrpcService {
            target_specifier: Some(TargetSpecifier::EnvoyGrpc(target)),
            timeout: duration(Duration::ZERO),
            initial_metadata: words.iter().map(word).collect(),
            ..GrpcService::default()
        }),
        failure_mode_allow: false,
        status_on_error: Some(HttpStatus {
            code: STATUS_UNREACHABLE,
        }),
        mutation_rules: Some(HeaderMutationRules {
            allow_all_routing: boolean(true),
            allow_envoy: boolean(true),
            ..HeaderMutationRules::default()
        }),
        ..ExternalProcessor::default()
    }
}

/// Envoy drops the length when a body is replaced; the attempt stage says it again in a header of its own.
fn content_length() -> HeaderMutationFilter {
    let restore = set_header("content-length", &format!("%REQ({})%", names::HEADER_LENGTH));
    let actions = [
        Action::Append(restore),
        Action::Remove(names::HEADER_LENGTH.to_owned()),
    ];
    let mutation = |action| HeaderMutation { action: Some(action) };
    HeaderMutationFilter {
        mutations: Some(Mutations {
            request_mutations: actions.map(mutation).to_vec(),
            ..Mutations::default()
        }),
        ..HeaderMutationFilter::default()
    }
}

fn receiving(namespaces: &[&str]) -> MetadataOptions {
    MetadataOptions {
        receiving_namespaces: Some(MetadataNamespaces {
            untyped: owned(namespaces),
            typed: owned(&[names::NAMESPACE_PLAN]),
        }),
        ..MetadataOptions::default()
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// An HTTP filter with its configuration.
pub(super) fn filter<M: Name + Message>(name: &str, config: &M) -> HttpFilter {
    HttpFilter {
        name: name.to_owned(),
        config_type: Some(ConfigType::TypedConfig(any(config))),
        ..HttpFilter::default()
    }
}
