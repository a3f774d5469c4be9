//! The Envoy messages that Understudy reads and writes itself: the external processing protocol (with bodies as
//! [`bytes::Bytes`]) and the `priority_group` cluster specifier, which the published types crate lacks.
//!
//! Generated at build time from `envoy/*.proto`; beside that, only [`names`], the words both sides of the protocol
//! must spell alike. This crate holds no logic.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]

/// `envoy.service.ext_proc.v3`, the messages and the server trait.
pub mod ext_proc {
    tonic::include_proto!("envoy.service.ext_proc.v3");
}

/// `envoy.extensions.router.cluster_specifiers.priority_group.v3`.
pub mod priority_group {
    tonic::include_proto!("envoy.extensions.router.cluster_specifiers.priority_group.v3");
}

pub mod names;

pub use prost_types;
