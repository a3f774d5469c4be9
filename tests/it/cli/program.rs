//! The binary, run in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::support::loopback::Addresses;
use crate::support::within;

/// A folder with a configuration, from which the binary is run.
pub struct Place {
    folder: tempfile::TempDir,
    pub addresses: Addresses,
    envoy: Option<PathBuf>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A command that runs until it is told to stop. Dropped, it is killed, and its Envoy with it.
pub struct Served {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
    /// What it said so far.
    said: Vec<String>,
}

impl Place {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            addresses: Addresses::unused(),
            envoy: Some(stock_envoy().to_owned()),
        }
    }

    /// With addresses of its own in front of `rest`.
    pub fn with_config(rest: &str) -> Self {
        let place = Self::new();
        let Addresses {
            listen,
            envoy_admin,
            admin,
        } = place.addresses;
        let text = format!("listen: {listen}\nadmin: {admin}\nenvoy: {{ admin: {envoy_admin} }}\n{rest}");
        place.write("understudy.yaml", &text);
        place
    }

    /// Where no Envoy is.
    pub fn without_envoy(mut self) -> Self {
        self.envoy = None;
        self
    }

    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// A script that takes the place of a program.
    pub fn write_program(&self, name: &str, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.write(name, &format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", self.path().join("bin"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(envoy) = &self.envoy {
            command.env("ENVOY", envoy);
        }
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        let what = format!("end of `understudy {}`", arguments.join(" "));
        within(&what, self.command(arguments).output())
            .await
            .unwrap()
            .into()
    }

    /// Starts a command and waits until it says `sign` on stderr.
    pub async fn serve(&self, arguments: &[&str], sign: &str) -> Served {
        let mut child = self.command(arguments).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut served = Served {
            child,
            out,
            err,
            said: Vec::new(),
        };
        served.until_said(sign).await;
        served
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Served {
    /// Waits until it says a line with `sign` on stderr, and gives that line.
    pub async fn until_said(&mut self, sign: &str) -> String {
        let said = &mut self.said;
        let err = &mut self.err;
        let found = async {
            while let Some(line) = err.next_line().await.unwrap() {
                said.push(line.clone());
                if line.contains(sign) {
                    return Some(line);
                }
            }
            None
        };
        let found = within(&format!("line with `{sign}`"), found).await;
        found.unwrap_or_else(|| panic!("it ended without `{sign}` and said:\n{}", self.said.join("\n")))
    }

    /// The next line of stdout.
    pub async fn line(&mut self) -> String {
        within("line on stdout", self.out.next_line())
            .await
            .unwrap()
            .unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    /// Asks it to end, and waits until it has; gives its exit code and all that it said.
    pub async fn stop(self, signal: Signal) -> (Option<i32>, String) {
        self.signal(signal);
        self.ended().await
    }

    /// Waits until it has ended; gives its exit code and all that it said.
    pub async fn ended(mut self) -> (Option<i32>, String) {
        let ended = async {
            while let Some(line) = self.err.next_line().await.unwrap() {
                self.said.push(line);
            }
            self.child.wait().await.unwrap()
        };
        let status = within("end after a signal", ended).await;
        (status.code(), self.said.join("\n"))
    }
}

/// The number in a JSON log line, as in `"pid":17`.
pub fn number_in(line: &str, field: &str) -> i32 {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    i32::try_from(line[field].as_i64().unwrap()).unwrap()
}

pub fn is_alive(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None).is_ok()
}

/// The stock Envoy, fetched once when it is not there.
pub fn stock_envoy() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/fetch.sh");
        let fetched = std::process::Command::new(script).output().unwrap();
        assert!(fetched.status.success(), "envoy/fetch.sh failed");
        String::from_utf8(fetched.stdout).unwrap().trim().into()
    })
}
