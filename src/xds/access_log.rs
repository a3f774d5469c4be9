//! Envoy's word on requests that broke off: the one thing that the external processing stages are not told.
//!
//! A stage's stream ends in the same way when the client leaves and when the provider breaks the connection. Envoy's
//! access log knows which it was; only broken requests are logged, so a request that goes well costs nothing.

use std::time::Duration;

use envoy_types::pb::envoy::config::accesslog::v3::{
    AccessLog, AccessLogFilter, ResponseFlagFilter, access_log::ConfigType,
    access_log_filter::FilterSpecifier,
};
use envoy_types::pb::envoy::config::core::v3::{
    ApiVersion, GrpcService,
    grpc_service::{EnvoyGrpc, TargetSpecifier},
};
use envoy_types::pb::envoy::extensions::access_loggers::grpc::v3::{
    CommonGrpcAccessLogConfig, HttpGrpcAccessLogConfig,
};

use super::message::{any, duration, uint32};

/// Flags of requests that broke off: by the client (`DC`, `DPE`), by the provider (`UC`, `UR`, `UPE`), by time
/// (`UT`, `SI`, `DT`) or by Envoy itself (`LR`).
const BROKEN: [&str; 9] = ["DC", "DPE", "UC", "UR", "UPE", "UT", "SI", "DT", "LR"];
/// How soon Envoy tells.
const PROMPT: Duration = Duration::from_millis(20);

/// The access log of the clients' listener.
pub(super) fn broken_requests(understudy: &str) -> AccessLog {
    let target = EnvoyGrpc {
        cluster_name: understudy.to_owned(),
        ..EnvoyGrpc::default()
    };
    let config = HttpGrpcAccessLogConfig {
        common_config: Some(CommonGrpcAccessLogConfig {
            log_name: "understudy".to_owned(),
            grpc_service: Some(GrpcService {
                target_specifier: Some(TargetSpecifier::EnvoyGrpc(target)),
                ..GrpcService::default()
            }),
            transport_api_version: ApiVersion::V3.into(),
            buffer_flush_interval: duration(PROMPT),
            buffer_size_bytes: uint32(0),
            ..CommonGrpcAccessLogConfig::default()
        }),
        ..HttpGrpcAccessLogConfig::default()
    };
    let flags = BROKEN.iter().map(|&flag| flag.to_owned()).collect();
    AccessLog {
        name: "understudy.broken".to_owned(),
        filter: Some(AccessLogFilter {
            filter_specifier: Some(FilterSpecifier::ResponseFlagFilter(ResponseFlagFilter { flags })),
        }),
        config_type: Some(ConfigType::TypedConfig(any(&config))),
    }
}
