//! The protocol of one stream: what was asked, what was sent, what Envoy said to it. No gRPC, no clock.
//!
//! Each answer has a nonce of its own and only the last one of a kind is waiting for a word. Content that Envoy
//! refused is not sent again until something else was. A new stream is always answered in full: Envoy recognises
//! what it has by itself.

use envoy_types::pb::envoy::config::core::v3::ControlPlane;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};

use super::resource::{ResourceType, Version};
use super::snapshot::Snapshot;

/// What a message from Envoy meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// It wants that kind.
    Subscribed(ResourceType),
    /// It runs with that content now.
    Acked(ResourceType, Version),
    /// It refused that content and keeps what it had.
    Rejected(ResourceType, Version, String),
    /// It is about an answer that was overtaken, or about something that is not served here.
    Nothing,
}

/// The protocol of one stream.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    subscriptions: [Subscription; 3],
    nonces: u64,
}

#[derive(Debug, Default)]
struct Subscription {
    /// What it asked for; an empty list means every cluster or listener, and no route.
    asked: Option<Vec<String>>,
    sent: Option<Sent>,
    /// It asked for something new, so even unchanged content is due.
    due: bool,
}

#[derive(Debug)]
struct Sent {
    version: Version,
    nonce: String,
}

impl Conversation {
    /// Longer refusals are cut: Envoy quotes whole resources.
    const LONGEST_REFUSAL: usize = 2000;

    /// Takes in one message.
    pub(super) fn hear(&mut self, request: DiscoveryRequest) -> Heard {
        let Some(kind) = ResourceType::from_type_url(&request.type_url) else {
            return Heard::Nothing;
        };
        let subscription = &mut self.subscriptions[kind as usize];
        let first = request.response_nonce.is_empty();
        if !first
            && subscription
                .sent
                .as_ref()
                .is_none_or(|sent| sent.nonce != request.response_nonce)
        {
            return Heard::Nothing;
        }
        let is_new = subscription.ask_for(request.resource_names);
        if first {
            subscription.due = true;
            return Heard::Subscribed(kind);
        }
        subscription.due |= is_new;
        let Some(sent) = &subscription.sent else {
            return Heard::Nothing;
        };
        match request.error_detail {
            None => Heard::Acked(kind, sent.version.clone()),
            Some(error) => {
                let message = error.message.chars().take(Self::LONGEST_REFUSAL).collect();
                Heard::Rejected(kind, sent.version.clone(), message)
            }
        }
    }

    /// What is to be sent now, clusters first so that routes never lead nowhere.
    pub(super) fn answers(&mut self, snapshot: &Snapshot) -> Vec<DiscoveryResponse> {
        ResourceType::ALL
            .into_iter()
            .filter_map(|kind| self.answer(kind, snapshot))
            .collect()
    }

    fn answer(&mut self, kind: ResourceType, snapshot: &Snapshot) -> Option<DiscoveryResponse> {
        let set = snapshot.set(kind);
        let subscription = &mut self.subscriptions[kind as usize];
        let asked = subscription.asked.as_ref()?;
        let is_known = subscription
            .sent
            .as_ref()
            .is_some_and(|sent| sent.version == *set.version());
        let wants_nothing = kind == ResourceType::Routes && asked.is_empty();
        if wants_nothing || (is_known && !subscription.due) {
            return None;
        }
        let names = (!asked.is_empty()).then_some(asked.as_slice());
        let resources = set.select(names);
        self.nonces += 1;
        let nonce = self.nonces.to_string();
        subscription.due = false;
        subscription.sent = Some(Sent {
            version: set.version().clone(),
            nonce: nonce.clone(),
        });
        Some(DiscoveryResponse {
            version_info: set.version().as_str().to_owned(),
            resources,
            type_url: kind.type_url().to_owned(),
            nonce,
            control_plane: Some(ControlPlane {
                identifier: "understudy".to_owned(),
            }),
            ..DiscoveryResponse::default()
        })
    }
}

impl Subscription {
    /// Notes the names asked for; true when one of them is new.
    fn ask_for(&mut self, names: Vec<String>) -> bool {
        let names: Vec<String> = names.into_iter().filter(|name| name != "*").collect();
        let before = self.asked.replace(names.clone()).unwrap_or_default();
        let is_everything = names.is_empty() && !before.is_empty();
        is_everything || names.iter().any(|name| !before.contains(name))
    }
}
