//! Small pieces that Envoy's messages are made of.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{
    Address, HeaderValue, HeaderValueOption, SocketAddress, TypedExtensionConfig, address,
    header_value_option::HeaderAppendAction, socket_address::PortSpecifier,
};
use envoy_types::pb::google::protobuf::{self, Any, BoolValue, UInt32Value, UInt64Value};
use prost::{Message, Name};

/// A message with its type's name.
pub(super) fn any<M: Name + Message>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: message.encode_to_vec(),
    }
}

/// An extension with its configuration.
pub(super) fn extension<M: Name + Message>(name: &str, config: &M) -> TypedExtensionConfig {
    TypedExtensionConfig {
        name: name.to_owned(),
        typed_config: Some(any(config)),
    }
}

/// A duration; longer than Envoy can count becomes the longest it can.
#[expect(clippy::unnecessary_wraps, reason = "every field of that type is optional")]
pub(super) fn duration(value: Duration) -> Option<protobuf::Duration> {
    let seconds = i64::try_from(value.as_secs())
        .unwrap_or(i64::MAX)
        .min(315_576_000_000);
    Some(protobuf::Duration {
        seconds,
        nanos: value.subsec_nanos().cast_signed(),
    })
}

/// A number that may be absent.
#[expect(clippy::unnecessary_wraps, reason = "every field of that type is optional")]
pub(super) fn uint32(value: u32) -> Option<UInt32Value> {
    Some(UInt32Value { value })
}

/// A large number that may be absent.
#[expect(clippy::unnecessary_wraps, reason = "every field of that type is optional")]
pub(super) fn uint64(value: u64) -> Option<UInt64Value> {
    Some(UInt64Value { value })
}

/// A truth that may be absent.
#[expect(clippy::unnecessary_wraps, reason = "every field of that type is optional")]
pub(super) fn boolean(value: bool) -> Option<BoolValue> {
    Some(BoolValue { value })
}

/// A TCP address; `host` may be a name where Envoy resolves it.
pub(super) fn tcp(host: &str, port: u16) -> Address {
    Address {
        address: Some(address::Address::SocketAddress(SocketAddress {
            address: host.to_owned(),
            port_specifier: Some(PortSpecifier::PortValue(port.into())),
            ..SocketAddress::default()
        })),
    }
}

/// A header that replaces what is there.
pub(super) fn set_header(key: &str, value: &str) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: key.to_owned(),
            value: value.to_owned(),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}
