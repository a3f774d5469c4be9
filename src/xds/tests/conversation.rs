use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::google::rpc;

use super::fixtures::{policy, provider, settings};
use crate::xds::conversation::{Conversation, Heard};
use crate::xds::{ResourceType, Snapshot};

fn snapshot(providers: &[&str]) -> Snapshot {
    let providers: Vec<_> = providers
        .iter()
        .map(|name| provider(name, "http://127.0.0.1:1"))
        .collect();
    Snapshot::of(&settings(), &providers, &[policy("a")])
}

fn asks(kind: ResourceType, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest {
        type_url: kind.type_url().to_owned(),
        resource_names: names.iter().map(|&name| name.to_owned()).collect(),
        ..DiscoveryRequest::default()
    }
}

fn acks(answer: &DiscoveryResponse) -> DiscoveryRequest {
    DiscoveryRequest {
        type_url: answer.type_url.clone(),
        version_info: answer.version_info.clone(),
        response_nonce: answer.nonce.clone(),
        ..DiscoveryRequest::default()
    }
}

fn nacks(answer: &DiscoveryResponse) -> DiscoveryRequest {
    let error_detail = Some(rpc::Status {
        message: "no such field".to_owned(),
        ..rpc::Status::default()
    });
    DiscoveryRequest {
        error_detail,
        ..acks(answer)
    }
}

/// A conversation in which the clusters were asked for and sent.
fn begun(snapshot: &Snapshot) -> (Conversation, DiscoveryResponse) {
    let mut conversation = Conversation::default();
    assert_eq!(
        conversation.hear(asks(ResourceType::Clusters, &[])),
        Heard::Subscribed(ResourceType::Clusters)
    );
    let answer = conversation.answers(snapshot).pop().unwrap();
    (conversation, answer)
}

#[test]
fn only_what_was_asked_for_is_sent_and_only_once() {
    let snapshot = snapshot(&["p"]);
    let (mut conversation, answer) = begun(&snapshot);

    assert_eq!(answer.type_url, ResourceType::Clusters.type_url());
    assert_eq!(answer.resources.len(), 3);
    assert!(conversation.answers(&snapshot).is_empty());
}

#[test]
fn an_ack_is_heard_and_not_answered() {
    let snapshot = snapshot(&["p"]);
    let (mut conversation, answer) = begun(&snapshot);

    let heard = conversation.hear(acks(&answer));

    let version = snapshot.set(ResourceType::Clusters).version().clone();
    assert_eq!(heard, Heard::Acked(ResourceType::Clusters, version));
    assert!(conversation.answers(&snapshot).is_empty());
}

#[test]
fn refused_content_is_not_sent_again_but_the_next_is() {
    let bad = snapshot(&["bad"]);
    let good = snapshot(&["good"]);
    let (mut conversation, answer) = begun(&bad);

    let heard = conversation.hear(nacks(&answer));

    let version = bad.set(ResourceType::Clusters).version().clone();
    assert_eq!(
        heard,
        Heard::Rejected(ResourceType::Clusters, version, "no such field".to_owned())
    );
    assert!(conversation.answers(&bad).is_empty());
    assert_eq!(conversation.answers(&good).len(), 1);
    assert_eq!(conversation.answers(&bad).len(), 1, "said anew, it is sent anew");
}

#[test]
fn a_word_about_an_overtaken_answer_counts_for_nothing() {
    let (first, second) = (snapshot(&["p"]), snapshot(&["p", "q"]));
    let (mut conversation, overtaken) = begun(&first);
    let current = conversation.answers(&second).pop().unwrap();

    assert_eq!(conversation.hear(acks(&overtaken)), Heard::Nothing);
    assert_eq!(conversation.hear(nacks(&overtaken)), Heard::Nothing);

    let version = second.set(ResourceType::Clusters).version().clone();
    assert_eq!(
        conversation.hear(acks(&current)),
        Heard::Acked(ResourceType::Clusters, version)
    );
}

#[test]
fn every_answer_has_a_nonce_of_its_own() {
    let (first, second) = (snapshot(&["p"]), snapshot(&["q"]));
    let (mut conversation, answer) = begun(&first);

    let nonces: Vec<_> = [&second, &first]
        .map(|snapshot| conversation.answers(snapshot)[0].nonce.clone())
        .into();

    assert!(!nonces.contains(&answer.nonce));
    assert_ne!(nonces[0], nonces[1]);
}

#[test]
fn a_reconnected_envoy_is_told_everything_again() {
    let snapshot = snapshot(&["p"]);
    let known = snapshot.set(ResourceType::Clusters).version().as_str().to_owned();
    let mut conversation = Conversation::default();

    conversation.hear(DiscoveryRequest {
        version_info: known,
        ..asks(ResourceType::Clusters, &[])
    });

    assert_eq!(conversation.answers(&snapshot).len(), 1);
}

#[test]
fn a_new_name_is_answered_though_the_content_is_known() {
    let snapshot = snapshot(&["p"]);
    let mut conversation = Conversation::default();
    conversation.hear(asks(ResourceType::Routes, &["other"]));
    let answer = conversation.answers(&snapshot).pop().unwrap();
    assert!(answer.resources.is_empty());

    let more = ["other", "understudy"].map(str::to_owned).to_vec();
    conversation.hear(DiscoveryRequest {
        resource_names: more,
        ..acks(&answer)
    });

    assert_eq!(conversation.answers(&snapshot)[0].resources.len(), 1);
}

#[test]
fn a_listed_wildcard_is_everything_and_is_not_answered_twice() {
    let snapshot = snapshot(&["p"]);
    let mut conversation = Conversation::default();
    conversation.hear(asks(ResourceType::Clusters, &["*"]));
    let answer = conversation.answers(&snapshot).pop().unwrap();
    assert_eq!(answer.resources.len(), 3);

    conversation.hear(DiscoveryRequest {
        resource_names: vec!["*".to_owned()],
        ..acks(&answer)
    });

    assert!(conversation.answers(&snapshot).is_empty());
}

#[test]
fn clusters_go_before_routes() {
    let (first, second) = (snapshot(&["p"]), Snapshot::of(&settings(), &[], &[policy("b")]));
    let mut conversation = Conversation::default();
    for (kind, names) in [
        (ResourceType::Routes, ["understudy"].as_slice()),
        (ResourceType::Clusters, &[]),
    ] {
        conversation.hear(asks(kind, names));
    }
    conversation.answers(&first);

    let sent: Vec<_> = conversation
        .answers(&second)
        .into_iter()
        .map(|answer| answer.type_url)
        .collect();

    assert_eq!(
        sent,
        [ResourceType::Clusters.type_url(), ResourceType::Routes.type_url()]
    );
}

#[test]
fn kinds_that_are_not_served_are_passed_over() {
    let mut conversation = Conversation::default();
    let endpoints = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
    let request = DiscoveryRequest {
        type_url: endpoints.to_owned(),
        ..DiscoveryRequest::default()
    };

    assert_eq!(conversation.hear(request), Heard::Nothing);
    assert!(conversation.answers(&snapshot(&[])).is_empty());
}
