//! Envoy's own answers in the JSON shape that clients expect of an error.
//!
//! Only what Envoy says by itself is rewritten; the immediate responses of the stages are already in that shape
//! and pass untouched.

use envoy_types::pb::envoy::config::accesslog::v3::{
    AccessLogFilter, ComparisonFilter, ExtensionFilter, StatusCodeFilter, access_log_filter::FilterSpecifier,
    comparison_filter::Op, extension_filter,
};
use envoy_types::pb::envoy::config::core::v3::{
    DataSource, HeaderValueOption, RuntimeUInt32, SubstitutionFormatString, data_source::Specifier,
    substitution_format_string::Format,
};
use envoy_types::pb::envoy::extensions::access_loggers::filters::cel::v3::ExpressionFilter;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    LocalReplyConfig, ResponseMapper,
};
use understudy_proto::names;

use super::message::{any, set_header};

/// The first mapper that matches decides, so the order matters.
pub(super) fn config() -> LocalReplyConfig {
    let ours = format!("response.code_details.startsWith('{}')", names::DETAILS_PREFIX);
    let untouched = ResponseMapper {
        filter: Some(expression(&ours)),
        ..ResponseMapper::default()
    };
    let unreachable = ResponseMapper {
        headers_to_add: vec![retry_after("1")],
        ..rewrite(
            expression("response.code_details.startsWith('ext_proc_error')"),
            "the gateway's failover service is not answering; try again shortly",
            "api_error",
            "gateway_unavailable",
        )
    };
    let mut mappers = vec![untouched, unreachable];
    mappers.extend([
        caller(
            413,
            "the request body is larger than this gateway accepts",
            "request_too_large",
        ),
        caller(
            431,
            "the request headers are larger than this gateway accepts",
            "headers_too_large",
        ),
        caller(408, "the request did not arrive in time", "request_timeout"),
        provider(504, "no provider answered in time", "timeout"),
        provider(
            500,
            "the gateway could not get an answer from any provider",
            "upstream_unavailable",
        ),
        rewrite(
            status(Op::Ge, 400),
            "the request is not one that this gateway can read",
            "invalid_request_error",
            "invalid_request",
        ),
    ]);
    LocalReplyConfig {
        mappers,
        body_format: None,
    }
}

fn caller(code: u32, message: &str, reason: &str) -> ResponseMapper {
    rewrite(status(Op::Eq, code), message, "invalid_request_error", reason)
}

fn provider(at_least: u32, message: &str, reason: &str) -> ResponseMapper {
    rewrite(status(Op::Ge, at_least), message, "api_error", reason)
}

fn rewrite(filter: AccessLogFilter, message: &str, kind: &str, reason: &str) -> ResponseMapper {
    let body =
        format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":"{reason}"}}}}"#);
    let body = DataSource {
        specifier: Some(Specifier::InlineString(body)),
        ..DataSource::default()
    };
    ResponseMapper {
        filter: Some(filter),
        body_format_override: Some(SubstitutionFormatString {
            content_type: "application/json".to_owned(),
            format: Some(Format::TextFormatSource(body)),
            ..SubstitutionFormatString::default()
        }),
        ..ResponseMapper::default()
    }
}

fn status(op: Op, code: u32) -> AccessLogFilter {
    // The runtime key only exists because the field demands one; nothing sets it.
    let value = RuntimeUInt32 {
        default_value: code,
        runtime_key: format!("understudy.local_reply.{code}"),
    };
    let comparison = ComparisonFilter {
        op: op.into(),
        value: Some(value),
    };
    AccessLogFilter {
        filter_specifier: Some(FilterSpecifier::StatusCodeFilter(StatusCodeFilter {
            comparison: Some(comparison),
        })),
    }
}

fn expression(expression: &str) -> AccessLogFilter {
    let filter = ExpressionFilter {
        expression: expression.to_owned(),
        ..ExpressionFilter::default()
    };
    AccessLogFilter {
        filter_specifier: Some(FilterSpecifier::ExtensionFilter(ExtensionFilter {
            name: "envoy.access_loggers.extension_filters.cel".to_owned(),
            config_type: Some(extension_filter::ConfigType::TypedConfig(any(&filter))),
        })),
    }
}

fn retry_after(seconds: &str) -> HeaderValueOption {
    set_header("retry-after", seconds)
}
