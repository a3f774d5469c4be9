//! A real Envoy as a child.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::process::Process;
use super::*;

/// Longer than anything takes, on a machine that does a lot else.
const BOUND: Duration = Duration::from_secs(20);

fn binary() -> PathBuf {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    let fetch = || {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("envoy");
        let fetched = folder.join("bin/envoy");
        if !fetched.exists() {
            let status = std::process::Command::new(folder.join("fetch.sh"))
                .status()
                .unwrap();
            assert!(status.success(), "envoy/fetch.sh failed");
        }
        fetched
    };
    FETCHED.get_or_init(fetch).clone()
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn bootstrap(admin: SocketAddr, listen: SocketAddr) -> String {
    let address = |at: SocketAddr| {
        format!(
            "{{ socket_address: {{ address: {}, port_value: {} }} }}",
            at.ip(),
            at.port()
        )
    };
    format!(
        r#"
admin: {{ address: {} }}
static_resources:
  listeners:
    - address: {}
      filter_chains:
        - filters:
            - name: echo
              typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo }}
"#,
        address(admin),
        address(listen)
    )
}

fn launch(folder: &tempfile::TempDir) -> EnvoyLaunch {
    let (admin, listen) = (free_port(), free_port());
    let mut launch = EnvoyLaunch::new(binary(), bootstrap(admin, listen), admin);
    launch.folder = folder.path().to_owned();
    launch.concurrency = Some(1);
    launch.listen = Some(listen);
    launch
}

async fn running(child: &EnvoyChild) -> u32 {
    tokio::time::timeout(BOUND, child.running())
        .await
        .unwrap()
        .unwrap()
}

async fn when(child: &EnvoyChild, is_reached: impl Fn(&EnvoyState) -> bool) -> EnvoyState {
    let mut state = child.state();
    let waited = tokio::time::timeout(BOUND, state.wait_for(is_reached)).await;
    let seen = waited.map(|state| state.unwrap().clone());
    seen.unwrap_or_else(|_| panic!("still {:?}", child.state().borrow()))
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap())
}

fn is_alive(number: u32) -> bool {
    kill(pid(number), None).is_ok()
}

#[tokio::test]
async fn it_starts_answers_and_stops_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let child = EnvoyChild::spawn(launch(&folder)).unwrap();

    let number = running(&child).await;
    let counted = child.admin().stats("^server\\.").await.unwrap();
    let listeners = child.admin().listeners().await.unwrap();
    let mut state = child.state();
    child.stop().await;

    assert_eq!(counted.counter("server.live"), 1);
    assert_eq!(listeners["listener_statuses"].as_array().unwrap().len(), 1);
    assert!(!is_alive(number));
    assert_eq!(*state.borrow_and_update(), EnvoyState::Stopped);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn killed_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let child = EnvoyChild::spawn(launch(&folder)).unwrap();
    let first = running(&child).await;

    kill(pid(first), Signal::SIGKILL).unwrap();
    let came_back = when(&child, |state| {
        matches!(state, EnvoyState::Running { restarts: 1, .. })
    })
    .await;

    let EnvoyState::Running { pid: second, .. } = came_back else {
        unreachable!()
    };
    assert_ne!(first, second);
    assert!(!is_alive(first));
    child.stop().await;
    assert!(!is_alive(second));
}

#[tokio::test]
async fn a_taken_port_is_a_clear_failure_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let mut launch = launch(&folder);
    launch.listen = Some(address);

    let error = EnvoyChild::spawn(launch).unwrap_err();

    assert_eq!(
        error.to_string(),
        format!(
            "Envoy cannot listen on {address} (`listen`): the port is taken; \
             stop what listens there, or choose another port"
        )
    );
}

#[tokio::test]
async fn a_first_start_that_no_restart_can_mend_is_final() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let mut port = launch(&folder);
    port.bootstrap = bootstrap(port.admin, address);
    port.listen = None;
    let mut refused = launch(&folder);
    refused.bootstrap = "static_resource: {}".to_owned();
    let mut absent = launch(&folder);
    absent.binary = "/nowhere/envoy".into();

    for (launch, expected) in [
        (
            port,
            format!("Envoy cannot listen on {address}: the port is taken"),
        ),
        (
            refused,
            "Envoy refuses its configuration: Protobuf message".to_owned(),
        ),
        (absent, "`/nowhere/envoy` cannot be run: No such file".to_owned()),
    ] {
        let child = EnvoyChild::spawn(launch).unwrap();
        let error = tokio::time::timeout(BOUND, child.running())
            .await
            .unwrap()
            .unwrap_err();
        assert!(error.to_string().starts_with(&expected), "{error}");
        child.stop().await;
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn one_that_ends_again_and_again_is_started_again_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut launch = launch(&folder);
    launch.binary = "/bin/false".into();

    let child = EnvoyChild::spawn(launch).unwrap();
    let settled = tokio::time::timeout(Duration::from_millis(500), child.running()).await;

    assert!(settled.is_err(), "{settled:?}");
    tokio::time::timeout(BOUND, child.stop()).await.unwrap();
}

#[tokio::test]
async fn dropped_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let child = EnvoyChild::spawn(launch(&folder)).unwrap();
    let number = running(&child).await;
    let mut state = child.state();

    drop(child);

    let stopped = tokio::time::timeout(BOUND, state.wait_for(|state| *state == EnvoyState::Stopped)).await;
    assert!(stopped.unwrap().is_ok());
    assert!(!is_alive(number));
}

#[tokio::test]
async fn one_that_does_not_listen_is_killed_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("stubborn");
    let grandchild = folder.path().join("grandchild");
    let text = format!(
        "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $! > {}\nwait\nwait\n",
        grandchild.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut launch = launch(&folder);
    launch.binary = script;
    let process = Process::start(&launch, std::path::Path::new("none")).unwrap();
    let number = process.pid();
    while std::fs::read_to_string(&grandchild)
        .unwrap_or_default()
        .is_empty()
    {
        tokio::task::yield_now().await;
    }

    tokio::time::timeout(BOUND, process.stop()).await.unwrap();

    let left: u32 = std::fs::read_to_string(&grandchild)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(!is_alive(number));
    assert!(is_gone(left), "{left} is left");
}

#[tokio::test]
async fn when_we_are_killed_it_ends_too() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(&folder);
    let bootstrap = folder.path().join("bootstrap.yaml");
    std::fs::write(&bootstrap, &launch.bootstrap).unwrap();
    let mut process = Process::start(&launch, &bootstrap).unwrap();
    while Admin::new(launch.admin).is_ready().await.is_err() {
        assert!(is_alive(process.pid()));
    }

    process.leash().let_go();

    let status = tokio::time::timeout(BOUND, process.ended())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// Gone, or waiting to be reaped by whoever inherited it.
fn is_gone(number: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_none_or(|(_, rest)| rest.starts_with('Z') || rest.starts_with('X'))
}
