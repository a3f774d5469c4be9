//! The real program: what only a process of its own can show.

use std::process::Stdio;

use http::Method;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{circuit, sim};
use crate::support::call::Call;
use crate::support::{Addresses, until, within};

/// `understudy serve`, without an Envoy.
struct Program {
    addresses: Addresses,
    folder: tempfile::TempDir,
    child: Child,
}

impl Program {
    fn start(providers: &str) -> Self {
        let (addresses, folder) = (Addresses::unused(), tempfile::tempdir().unwrap());
        let Addresses {
            listen,
            admin,
            envoy_admin,
        } = addresses;
        let socket = folder.path().join("u.sock");
        let own = format!(
            "listen: {listen}\nadmin: {admin}\ngrpc: unix:{}\nenvoy: {{ admin: \"{envoy_admin}\" }}\n",
            socket.display()
        );
        let config = folder.path().join("understudy.yaml");
        std::fs::write(&config, own + providers).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_understudy"))
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .env("TEST_KEY", "sk-test")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            addresses,
            folder,
            child,
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    async fn status_when(&self, what: &str, is_reached: impl Fn(&Value) -> bool) -> Value {
        let look = || async {
            let admin = self.addresses.admin;
            if tokio::net::TcpStream::connect(admin).await.is_err() {
                return Value::Null;
            }
            Call::new(admin, Method::GET, "/admin/failover/status")
                .send()
                .await
                .json()
        };
        until(what, look, is_reached).await
    }
}

#[tokio::test]
async fn without_an_envoy_no_provider_is_thought_ill_of() {
    let primary = sim("primary").await;
    let providers = format!(
        "providers:\n  primary:\n    {{ kind: openai-compatible, endpoint: \"{}\", api_key: k, health_check: {{ interval: 20ms, timeout: 20ms }} }}\n\
         models: {{ gpt-4o: {{ targets: [{{ provider: primary }}] }} }}\n",
        primary.base_url()
    );
    let program = Program::start(&providers);

    let a_while = |status: &Value| status["uptime_seconds"].as_u64() >= Some(1);
    let status = program.status_when("fifty turns of the check", a_while).await;

    let provider = super::provider(&status, "primary");
    assert!(provider["health"].is_null(), "{provider}");
    assert_eq!(circuit(&status, "primary", "endpoint"), "closed");
}

#[tokio::test]
async fn a_hangup_reads_the_configuration_again_and_a_termination_ends_in_good_order() {
    let primary = sim("primary").await;
    let providers = format!(
        "providers: {{ primary: {{ kind: openai-compatible, endpoint: \"{}\", api_key: \"${{TEST_KEY}}\" }} }}\n\
         models: {{ gpt-4o: {{ targets: [{{ provider: primary }}] }} }}\n",
        primary.base_url()
    );
    let mut program = Program::start(&providers);
    program
        .status_when("start", |status| status["generation"] == 1)
        .await;

    program.signal(Signal::SIGHUP);
    program
        .status_when("another look at the file", |status| status["generation"] == 2)
        .await;
    program.signal(Signal::SIGTERM);
    let ended = within("end of the program", program.child.wait()).await.unwrap();

    assert!(ended.success(), "{ended:?}");
    assert!(
        !program.folder.path().join("u.sock").exists(),
        "its socket is gone"
    );
}
