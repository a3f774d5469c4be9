//! The real Envoy, told by the real server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Server;

use super::fixtures::{policy, provider, providers, settings};
use super::process::{BOUND, Envoy, complaint_about};
use crate::xds::{
    BootstrapSettings, GrpcAddress, Progress, ResourceType, Settled, Snapshot, Unobserved, XdsState,
    bootstrap_yaml, service, static_bootstrap,
};

/// Serves a state on a socket until the guard is dropped.
fn serve(state: &XdsState, socket: &Path) -> DropGuard {
    drop(std::fs::remove_file(socket));
    let listener = UnixListener::bind(socket).unwrap();
    let stop = CancellationToken::new();
    let server = Server::builder().add_service(service(state.clone()));
    let stopped = stop.clone().cancelled_owned();
    let serving = server.serve_with_incoming_shutdown(UnixListenerStream::new(listener), stopped);
    tokio::spawn(serving);
    stop.drop_guard()
}

fn bootstrap(socket: &Path) -> String {
    bootstrap_yaml(&BootstrapSettings {
        node_id: "tested".to_owned(),
        grpc: GrpcAddress::Unix(socket.to_owned()),
        admin: ([127, 0, 0, 1], 0).into(),
    })
}

async fn settled(state: &XdsState) {
    let mut progress = state.watch();
    let waited = tokio::time::timeout(BOUND, progress.wait_for(Progress::is_settled)).await;
    waited.expect("Envoy takes everything in time").unwrap();
}

#[test]
fn envoy_accepts_the_shipped_files() {
    for file in ["bootstrap.yaml", "static.yaml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy").join(file);

        assert_eq!(complaint_about(&path), "", "{file}");
    }
}

#[test]
fn envoy_accepts_a_bootstrap_by_name_and_port() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bootstrap.yaml");
    let grpc = GrpcAddress::Tcp {
        host: "understudy".to_owned(),
        port: 9902,
    };
    std::fs::write(
        &file,
        bootstrap_yaml(&BootstrapSettings {
            grpc,
            ..BootstrapSettings::default()
        }),
    )
    .unwrap();

    assert_eq!(complaint_about(&file), "");
}

#[test]
fn envoy_accepts_all_that_a_catalog_can_ask_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("static.pb");
    let whole = static_bootstrap::of(&settings(), &providers(), &[policy("a"), policy("b")]);
    std::fs::write(&file, whole).unwrap();

    assert_eq!(complaint_about(&file), "");
}

#[test]
fn envoy_names_the_ca_bundle_that_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("static.pb");
    let mut provider = provider("p", "https://api.openai.example:443");
    provider.endpoint.ca = Some("/nowhere/ca.pem".into());
    std::fs::write(&file, static_bootstrap::of(&settings(), &[provider], &[])).unwrap();

    assert!(complaint_about(&file).contains("/nowhere/ca.pem"));
}

#[tokio::test]
async fn envoy_takes_a_change_and_refuses_nonsense_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("u.sock");
    let first = Snapshot::of(&settings(), &providers(), &[policy("a")]);
    let state = XdsState::new(first.clone(), Arc::new(Unobserved));
    let _serving = serve(&state, &socket);

    let envoy = Envoy::start(&bootstrap(&socket)).await;
    settled(&state).await;
    let node = state.watch().borrow().nodes[0].node.clone();
    assert_eq!(
        (&*node.id, node.version.unwrap().to_string().as_str()),
        ("tested", "1.40.0")
    );

    let mut changed = providers();
    changed[1].connect_timeout += Duration::from_secs(1);
    changed.push(provider("added", "http://added.example:80"));
    let second = Snapshot::of(&settings(), &changed, &[policy("b")]);
    let both = Snapshot::union(&first, &second);
    state.publish(both.clone());
    assert_eq!(state.settle(&both.version(), BOUND).await, Settled::Acked);

    let nonsense = Cluster {
        name: "nonsense".to_owned(),
        lb_policy: 77,
        ..Cluster::default()
    };
    let bad = both.with_cluster(&nonsense);
    state.publish(bad.clone());
    let settled = state.settle(&bad.version(), BOUND).await;
    let Settled::Rejected { kind, message, .. } = settled else {
        unreachable!("refused, but {settled:?}")
    };
    assert_eq!(kind, ResourceType::Clusters);
    assert!(
        message.contains("nonsense") || message.contains("lb_policy"),
        "{message}"
    );

    state.publish(second.clone());
    assert_eq!(state.settle(&second.version(), BOUND).await, Settled::Acked);
    assert_eq!(envoy.stat("listener_manager.listener_added").await, 2);
    assert_eq!(envoy.stat("listener_manager.listener_modified").await, 0);
    assert!(envoy.admin("/clusters").await.contains("added::"));
    assert!(!envoy.log().contains("deprecated"), "{}", envoy.log());
}

#[tokio::test]
async fn a_restarted_server_finds_envoy_again_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("u.sock");
    let snapshot = Snapshot::of(&settings(), &providers(), &[policy("a")]);
    let before = XdsState::new(snapshot.clone(), Arc::new(Unobserved));
    let serving = serve(&before, &socket);
    let envoy = Envoy::start(&bootstrap(&socket)).await;
    settled(&before).await;
    let port = envoy.port().await;
    let updates = [
        "cluster_manager.cluster_modified",
        "listener_manager.listener_modified",
    ];

    before.close();
    drop(serving);
    let after = XdsState::new(snapshot, Arc::new(Unobserved));
    let _serving = serve(&after, &socket);
    settled(&after).await;

    assert_eq!(envoy.port().await, port);
    for stat in updates {
        assert_eq!(envoy.stat(stat).await, 0, "{stat}");
    }
}
