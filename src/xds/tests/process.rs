//! A stock Envoy as a child, killed with the value that holds it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an Envoy may take for anything.
pub(super) const BOUND: Duration = Duration::from_secs(30);

/// The binary that `envoy/fetch.sh` brings.
pub(super) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/fetch.sh");
        let fetched = Command::new(script).output().unwrap();
        assert!(
            fetched.status.success(),
            "{}",
            String::from_utf8_lossy(&fetched.stderr)
        );
        String::from_utf8(fetched.stdout).unwrap().trim().into()
    })
}

/// What Envoy says about a configuration; empty when it accepts it.
pub(super) fn complaint_about(config: &Path) -> String {
    let checked = Command::new(binary())
        .args(["--mode", "validate", "-l", "error", "-c"])
        .arg(config)
        .output()
        .unwrap();
    if checked.status.success() {
        return String::new();
    }
    format!("refused: {}", String::from_utf8_lossy(&checked.stderr))
}

/// A running Envoy.
pub(super) struct Envoy {
    child: Child,
    directory: tempfile::TempDir,
    admin: u16,
}

impl Envoy {
    /// Starts one from a bootstrap whose admin port is 0, and waits for its admin server.
    pub(super) async fn start(bootstrap: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("bootstrap.yaml");
        let admin_file = directory.path().join("admin");
        std::fs::write(&config, bootstrap).unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let child = Command::new(binary())
            .args([
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "-l",
                "warning",
                "-c",
            ])
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin_file)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut envoy = Self {
            child,
            directory,
            admin: 0,
        };
        envoy.admin = envoy
            .until("the admin server", async || {
                let address = std::fs::read_to_string(&admin_file).ok()?;
                address
                    .trim()
                    .rsplit_once(':')?
                    .1
                    .parse()
                    .ok()
                    .filter(|&port| port != 0)
            })
            .await;
        envoy
    }

    /// What the admin server says.
    pub(super) async fn admin(&self, path: &str) -> String {
        let answer = exchange(
            self.admin,
            format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
        );
        answer
            .await
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
            .unwrap_or_default()
    }

    /// A counter or gauge; absent ones are 0.
    pub(super) async fn stat(&self, name: &str) -> u64 {
        let stats = self.admin(&format!("/stats?filter=^{name}$")).await;
        let value = stats
            .lines()
            .find_map(|line| line.trim().strip_prefix(&format!("{name}: "))?.parse().ok());
        value.unwrap_or(0)
    }

    /// The port on which clients are served.
    pub(super) async fn port(&self) -> u16 {
        self.until("the listener", async || {
            let listeners = self.admin("/listeners").await;
            let line = listeners
                .lines()
                .find_map(|line| line.trim().strip_prefix("understudy::"))?
                .to_owned();
            line.rsplit_once(':')?.1.parse().ok()
        })
        .await
    }

    /// Asks again and again until there is an answer.
    pub(super) async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
        let asked = tokio::time::timeout(BOUND, async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        asked
            .await
            .unwrap_or_else(|_elapsed| panic!("no {what} within {BOUND:?}; Envoy said:\n{}", self.log()))
    }

    /// What Envoy logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // A child that is gone already is as good as killed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends bytes to a port of this machine and reads until the end, or until the bound.
pub(super) async fn exchange(port: u16, request: impl AsRef<[u8]>) -> String {
    let mut answer = Vec::new();
    let talk = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(request.as_ref()).await?;
        stream.read_to_end(&mut answer).await
    };
    // A peer that refuses or cuts leaves what was read until then.
    drop(tokio::time::timeout(BOUND, talk).await);
    String::from_utf8_lossy(&answer).into_owned()
}
