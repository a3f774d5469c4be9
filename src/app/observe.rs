//! What passes between us and Envoy's configuration stream, told to telemetry.

use std::sync::Arc;

use crate::telemetry::{Event, Telemetry};
use crate::xds::{EnvoyNode, ResourceType, Version, XdsObserver};

/// Tells telemetry of connects, acknowledgements and refusals.
pub(super) struct Observer {
    telemetry: Arc<Telemetry>,
}

impl Observer {
    pub(super) fn new(telemetry: Arc<Telemetry>) -> Self {
        Self { telemetry }
    }
}

impl XdsObserver for Observer {
    fn connected(&self, node: &EnvoyNode) {
        let version = version_of(node).into();
        self.telemetry.emit(&Event::EnvoyConnected {
            node: node.id.clone(),
            version,
        });
    }

    fn acked(&self, node: &EnvoyNode, kind: ResourceType, version: &Version) {
        let version = version.to_string().into();
        self.telemetry.emit(&Event::EnvoyAcked {
            node: node.id.clone(),
            kind: kind.as_str(),
            version,
        });
    }

    fn nacked(&self, node: &EnvoyNode, kind: ResourceType, version: &Version, message: &str) {
        let (version, message) = (version.to_string().into(), message.to_owned());
        self.telemetry.emit(&Event::EnvoyNacked {
            node: node.id.clone(),
            kind: kind.as_str(),
            version,
            message,
        });
    }

    fn refused(&self, node: &EnvoyNode) {
        let version = version_of(node).into();
        self.telemetry.emit(&Event::EnvoyTurnedAway {
            node: node.id.clone(),
            version,
        });
    }

    fn disconnected(&self, node: &EnvoyNode) {
        self.telemetry.emit(&Event::EnvoyDisconnected {
            node: node.id.clone(),
        });
    }
}

fn version_of(node: &EnvoyNode) -> String {
    node.version
        .map_or_else(|| "of unknown version".to_owned(), |version| version.to_string())
}
