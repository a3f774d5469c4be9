//! The two shipped Envoy files, with addresses of the test in place of the example ones, each boot a real Envoy.

use std::path::Path;
use std::sync::Arc;

use http::{Method, StatusCode};
use tempfile::TempDir;
use understudy::app::envoy::{EnvoyChild, EnvoyLaunch, EnvoyState};
use understudy::app::{App, Options};
use understudy::sim::{Fault, FaultRule, Sim};

use super::{CHAT, asked, sim};
use crate::support::call::Call;
use crate::support::sources::TestSources;
use crate::support::{Addresses, chat, envoy_binary, until, within};

/// Understudy with the providers that `static.yaml` names.
struct Served {
    addresses: Addresses,
    folder: TempDir,
    app: App,
    openai: Sim,
    azure: Sim,
}

impl Served {
    async fn start() -> Self {
        let (addresses, folder) = (Addresses::unused(), tempfile::tempdir().unwrap());
        let (openai, azure) = (sim("openai").await, sim("azure-east").await);
        let Addresses {
            listen,
            envoy_admin,
            admin,
        } = addresses;
        let socket = folder.path().join("u.sock");
        let by_name = openai.base_url().replace("127.0.0.1", "localhost");
        let by_address = azure.base_url();
        let yaml = format!(
            "listen: {listen}\nadmin: {admin}\ngrpc: unix:{}\nenvoy: {{ admin: \"{envoy_admin}\" }}\n\
             providers:\n  openai: {{ kind: openai, endpoint: \"{by_name}\", api_key: sk-one }}\n  \
             azure-east: {{ kind: azure-openai, endpoint: \"{}\", api_key: two, deployment: d }}\n\
             models:\n  gpt-4o: {{ targets: [{{ provider: openai }}, {{ provider: azure-east, priority: 1 }}] }}\n",
            socket.display(),
            by_address.trim_end_matches("/v1"),
        );
        let config = folder.path().join("understudy.yaml");
        std::fs::write(&config, yaml).unwrap();
        let options = Options {
            sources: Arc::new(TestSources::default()),
            ..Options::new(config)
        };
        let app = App::start(options)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            addresses,
            folder,
            app,
            openai,
            azure,
        }
    }

    /// A shipped file with the addresses of this test.
    fn shipped(&self, file: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let Addresses {
            listen, envoy_admin, ..
        } = self.addresses;
        let at = |address: std::net::SocketAddr, port: &str| {
            (
                format!("address: {}, port_value: {}", address.ip(), address.port()),
                port.to_owned(),
            )
        };
        let mut text = text.replace(
            "run/understudy.sock",
            &self.folder.path().join("u.sock").display().to_string(),
        );
        for (new, old) in [
            at(listen, "address: \"127.0.0.1\", port_value: 10000"),
            at(envoy_admin, "address: \"127.0.0.1\", port_value: 9901"),
            at(self.azure.addr(), "address: 127.0.0.1, port_value: 9002"),
            (
                format!("port_value: {}", self.openai.addr().port()),
                "port_value: 9001".to_owned(),
            ),
        ] {
            text = text.replace(&old, &new);
        }
        text
    }

    async fn envoy(&self, file: &str) -> EnvoyChild {
        let Addresses {
            listen, envoy_admin, ..
        } = self.addresses;
        let mut launch = EnvoyLaunch::new(envoy_binary().to_owned(), self.shipped(file), envoy_admin);
        launch.folder = self.folder.path().to_owned();
        launch.concurrency = Some(1);
        let child = EnvoyChild::spawn(launch).unwrap_or_else(|error| panic!("{error}"));
        let mut state = child.state();
        let is_up =
            |state: &EnvoyState| matches!(state, EnvoyState::Running { .. } | EnvoyState::Failed { .. });
        let state = within("Envoy", state.wait_for(is_up)).await.unwrap().clone();
        assert!(matches!(state, EnvoyState::Running { .. }), "{state:?}");
        let look = || async { tokio::net::TcpStream::connect(listen).await.is_ok() };
        until("listener", look, |is_there| *is_there).await;
        child
    }

    async fn readiness(&self) -> (StatusCode, String) {
        let answer = Call::new(self.addresses.admin, Method::GET, "/readyz")
            .send()
            .await;
        (answer.status, answer.text())
    }

    async fn serves_with_failover(&self, envoy: &EnvoyChild) {
        let listen = self.addresses.listen;
        let ask = || Call::new(listen, Method::POST, CHAT).json(&chat("gpt-4o")).send();
        assert_eq!(ask().await.hops(), ["openai ok"]);
        self.openai
            .control()
            .set_fault(FaultRule::new(Fault::RateLimit).times(1));
        let answer = ask().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.hops(), ["openai rate_limited", "azure-east ok"]);
        assert_eq!((asked(&self.openai), asked(&self.azure)), (2, 1));
        let stats = envoy.admin().stats("upstream_rq_retry$").await.unwrap();
        assert_eq!(stats.counter("cluster.azure-east.upstream_rq_retry"), 1);
        let unknown = Call::new(listen, Method::POST, CHAT)
            .json(&chat("none"))
            .send()
            .await;
        assert_eq!(unknown.status, 404, "{}", unknown.text());
    }
}

#[tokio::test]
async fn the_minimal_bootstrap_asks_understudy_for_everything() {
    let served = Served::start().await;
    let before = served.readiness().await;
    let health = Call::new(served.addresses.admin, Method::GET, "/healthz")
        .send()
        .await;

    let envoy = served.envoy("bootstrap.yaml").await;
    until(
        "readiness",
        || served.readiness(),
        |(status, _)| *status == StatusCode::OK,
    )
    .await;

    assert_eq!(before.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(before.1.contains("no Envoy is connected"), "{}", before.1);
    assert_eq!(health.status, StatusCode::OK, "it lives, though it is not ready");
    served.serves_with_failover(&envoy).await;
    envoy.stop().await;
    let gone = until(
        "end of readiness",
        || served.readiness(),
        |(status, _)| *status != StatusCode::OK,
    )
    .await;
    assert_eq!(gone.0, StatusCode::SERVICE_UNAVAILABLE);
    served.app.stop().await;
}

#[tokio::test]
async fn the_same_data_plane_written_by_hand_serves_the_same() {
    let served = Served::start().await;

    let envoy = served.envoy("static.yaml").await;

    served.serves_with_failover(&envoy).await;
    envoy.stop().await;
    served.app.stop().await;
}
