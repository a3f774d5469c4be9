use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{BuildVersion, Node, node::UserAgentVersionType};
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DiscoveryRequest, DiscoveryResponse,
};
use envoy_types::pb::envoy::r#type::v3::SemanticVersion;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Channel, Server};
use tonic::{Code, Streaming};

use super::fixtures::{policy, provider, settings};
use crate::xds::{
    EnvoyNode, ResourceType, Settled, Snapshot, Unobserved, Version, XdsObserver, XdsState, service,
};

const BOUND: Duration = Duration::from_secs(5);

/// Notes what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl XdsObserver for Notes {
    fn connected(&self, node: &EnvoyNode) {
        self.0.lock().push(format!("{} connected", node.id));
    }
    fn acked(&self, _node: &EnvoyNode, kind: ResourceType, _version: &Version) {
        self.0.lock().push(format!("acked {kind}"));
    }
    fn nacked(&self, _node: &EnvoyNode, kind: ResourceType, _version: &Version, message: &str) {
        self.0.lock().push(format!("nacked {kind}: {message}"));
    }
    fn disconnected(&self, node: &EnvoyNode) {
        self.0.lock().push(format!("{} disconnected", node.id));
    }
}

fn snapshot(provider_name: &str) -> Snapshot {
    Snapshot::of(
        &settings(),
        &[provider(provider_name, "http://127.0.0.1:1")],
        &[policy("a")],
    )
}

async fn client_of(state: &XdsState) -> AggregatedDiscoveryServiceClient<Channel> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(service(state.clone()));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    AggregatedDiscoveryServiceClient::connect(format!("http://{address}"))
        .await
        .unwrap()
}

fn node(minor_number: u32) -> Node {
    let version = SemanticVersion {
        major_number: 1,
        minor_number,
        patch: 0,
    };
    let build = BuildVersion {
        version: Some(version),
        ..BuildVersion::default()
    };
    Node {
        id: "edge".to_owned(),
        user_agent_version_type: Some(UserAgentVersionType::UserAgentBuildVersion(build)),
        ..Node::default()
    }
}

fn asks(kind: ResourceType) -> DiscoveryRequest {
    let is_named = kind == ResourceType::Routes;
    DiscoveryRequest {
        node: Some(node(40)),
        type_url: kind.type_url().to_owned(),
        resource_names: is_named.then(|| "understudy".to_owned()).into_iter().collect(),
        ..DiscoveryRequest::default()
    }
}

fn takes(answer: &DiscoveryResponse) -> DiscoveryRequest {
    let kind = ResourceType::from_type_url(&answer.type_url).unwrap();
    DiscoveryRequest {
        node: None,
        version_info: answer.version_info.clone(),
        response_nonce: answer.nonce.clone(),
        ..asks(kind)
    }
}

fn refuses(answer: &DiscoveryResponse) -> DiscoveryRequest {
    let error = envoy_types::pb::google::rpc::Status {
        message: "unwelcome".to_owned(),
        ..Default::default()
    };
    DiscoveryRequest {
        error_detail: Some(error),
        ..takes(answer)
    }
}

/// An Envoy played by the test.
struct Played {
    says: mpsc::Sender<DiscoveryRequest>,
    hears: Streaming<DiscoveryResponse>,
}

impl Played {
    async fn connected_to(state: &XdsState) -> Self {
        let (says, said) = mpsc::channel(16);
        let hears = client_of(state)
            .await
            .stream_aggregated_resources(ReceiverStream::new(said))
            .await;
        Self {
            says,
            hears: hears.unwrap().into_inner(),
        }
    }

    /// Asks for everything and takes it.
    async fn settles(&mut self) {
        for kind in ResourceType::ALL {
            self.says.send(asks(kind)).await.unwrap();
            let answer = self.next().await;
            self.says.send(takes(&answer)).await.unwrap();
        }
    }

    async fn next(&mut self) -> DiscoveryResponse {
        tokio::time::timeout(BOUND, self.hears.message())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    }
}

#[tokio::test]
async fn an_envoy_that_takes_everything_settles_it_and_is_forgotten_when_it_goes() {
    let notes = Arc::new(Notes::default());
    let state = XdsState::new(snapshot("p"), notes.clone());
    let version = state.published().version();
    assert_eq!(state.settle(&version, BOUND).await, Settled::NoEnvoy);

    let mut envoy = Played::connected_to(&state).await;
    envoy.settles().await;

    let mut progress = state.watch();
    let settled = progress.wait_for(super::super::Progress::is_settled);
    tokio::time::timeout(BOUND, settled).await.unwrap().unwrap();
    assert_eq!(state.settle(&version, BOUND).await, Settled::Acked);
    drop(envoy);
    tokio::time::timeout(BOUND, progress.wait_for(|progress| progress.nodes.is_empty()))
        .await
        .unwrap()
        .unwrap();
    let told = [
        "edge connected",
        "acked clusters",
        "acked listeners",
        "acked routes",
        "edge disconnected",
    ];
    tokio::time::timeout(BOUND, async {
        while notes.0.lock().len() < told.len() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(*notes.0.lock(), told);
}

#[tokio::test]
async fn a_refusal_is_told_with_its_reason_and_the_way_back_settles() {
    let state = XdsState::new(snapshot("good"), Arc::new(Unobserved));
    let mut envoy = Played::connected_to(&state).await;
    envoy.settles().await;
    let good = state.published();

    state.publish(snapshot("bad"));
    let answer = envoy.next().await;
    envoy.says.send(refuses(&answer)).await.unwrap();

    let settled = state.settle(&state.published().version(), BOUND).await;
    let Settled::Rejected { node, kind, message } = settled else {
        unreachable!("refused, but {settled:?}")
    };
    assert_eq!(
        (&*node.id, kind, message.as_str()),
        ("edge", ResourceType::Clusters, "unwelcome")
    );
    state.publish(Snapshot::clone(&good));
    let answer = envoy.next().await;
    envoy.says.send(takes(&answer)).await.unwrap();
    assert_eq!(state.settle(&good.version(), BOUND).await, Settled::Acked);
    let mut progress = state.watch();
    let recovered =
        |progress: &super::super::Progress| progress.nodes[0].of(ResourceType::Clusters).refused.is_none();
    tokio::time::timeout(BOUND, progress.wait_for(recovered))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn an_envoy_that_says_nothing_is_named_when_the_time_is_over() {
    let state = XdsState::new(snapshot("p"), Arc::new(Unobserved));
    let mut envoy = Played::connected_to(&state).await;
    envoy.settles().await;
    state.publish(snapshot("q"));
    envoy.next().await;

    let settled = state
        .settle(&state.published().version(), Duration::from_millis(50))
        .await;

    let Settled::TimedOut { waiting_for } = settled else {
        unreachable!("waiting, but {settled:?}")
    };
    assert_eq!(&*waiting_for[0].id, "edge");
}

#[tokio::test]
async fn an_envoy_without_the_cluster_specifier_is_turned_away_with_the_reason() {
    let state = XdsState::new(snapshot("p"), Arc::new(Unobserved));
    let mut envoy = Played::connected_to(&state).await;

    envoy
        .says
        .send(DiscoveryRequest {
            node: Some(node(39)),
            ..asks(ResourceType::Clusters)
        })
        .await
        .unwrap();

    let refused = tokio::time::timeout(BOUND, envoy.hears.message())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("1.40.0 or newer, this is 1.39.0"),
        "{refused}"
    );
    let progress = state.watch();
    assert_eq!(&*progress.borrow().refused[0].id, "edge");
    assert!(progress.borrow().nodes.is_empty());
}

#[tokio::test]
async fn closing_ends_the_streams() {
    let state = XdsState::new(snapshot("p"), Arc::new(Unobserved));
    let mut envoy = Played::connected_to(&state).await;
    envoy.settles().await;

    state.close();

    let end = tokio::time::timeout(BOUND, envoy.hears.message())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
}

#[tokio::test]
async fn the_delta_variant_is_declined_with_the_remedy() {
    let state = XdsState::new(snapshot("p"), Arc::new(Unobserved));
    let requests = tokio_stream::iter([DeltaDiscoveryRequest::default()]);

    let declined = client_of(&state)
        .await
        .delta_aggregated_resources(requests)
        .await
        .unwrap_err();

    assert_eq!(declined.code(), Code::Unimplemented);
    assert!(declined.message().contains("api_type: GRPC"));
}
