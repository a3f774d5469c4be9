//! A program with an official SDK, as a process that does what it is told and tells what came of it.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::support::{Running, within};

/// Which SDK the program has.
#[derive(Clone, Copy, Debug)]
pub enum Sdk {
    OpenAi,
    Anthropic,
}

impl Sdk {
    const fn script(self) -> &'static str {
        match self {
            Self::OpenAi => "openai_client.py",
            Self::Anthropic => "anthropic_client.py",
        }
    }
}

/// The key that the gateway knows it by.
pub const KEY: &str = "sk-of-the-app";

/// The program. Dropped, it is gone.
#[derive(Debug)]
pub struct Caller {
    program: Child,
    orders: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

impl Caller {
    /// Starts it as a caller of this gateway.
    pub fn of(sdk: Sdk, gateway: &Running) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
        // Isolated, so that nothing of this machine's Python or its proxies has a say; and it leaves nothing there.
        let mut program = tokio::process::Command::new("python3")
            .args(["-I", "-B"])
            .arg(script.join(sdk.script()))
            .arg(sdks())
            .args([&format!("http://{}", gateway.addresses().listen), KEY])
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let orders = program.stdin.take().unwrap();
        let told = BufReader::new(program.stdout.take().unwrap()).lines();
        Self {
            program,
            orders,
            told,
        }
    }

    /// What came of a scenario of its script, with this model.
    pub async fn ask(&mut self, scenario: &str, model: &str) -> Told {
        self.ask_with(scenario, model, json!({})).await
    }

    /// The same, with more to be said.
    pub async fn ask_with(&mut self, scenario: &str, model: &str, mut order: Value) -> Told {
        order["do"] = scenario.into();
        order["model"] = model.into();
        let answered = async {
            self.orders.write_all(format!("{order}\n").as_bytes()).await?;
            self.told.next_line().await
        };
        let line = within(&format!("end of {order} in Python"), answered).await;
        match line {
            Ok(Some(line)) => Told(serde_json::from_str(&line).unwrap()),
            gone => panic!("{order} in Python: {gone:?}\n{}", self.last_words().await),
        }
    }

    async fn last_words(&mut self) -> String {
        let mut words = String::new();
        let stderr = self.program.stderr.take().map(BufReader::new);
        if let Some(mut stderr) = stderr {
            within("end of Python", stderr.read_to_string(&mut words))
                .await
                .ok();
        }
        words
    }
}

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct Told(Value);

impl Deref for Told {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Told {
    /// The attempts in short, as in `["first-openai server_error", "second-azure ok"]`.
    pub fn hops(&self) -> Vec<String> {
        self.hops_in("headers")
    }

    /// The same of another answer's headers.
    pub fn hops_in(&self, headers: &str) -> Vec<String> {
        let trail = self[headers]["x-understudy-trail"].as_str().unwrap_or_default();
        let hops = trail.split(", ").map(|hop| hop.split(';').take(2).collect());
        hops.map(|hop: Vec<&str>| hop.join(" ")).collect()
    }

    /// The pieces of a stream, put together.
    pub fn pieces(&self) -> String {
        let pieces = self["pieces"].as_array().unwrap_or_else(|| panic!("{self:#?}"));
        pieces.iter().map(|piece| piece.as_str().unwrap()).collect()
    }

    /// The items of a list.
    pub fn list(&self, name: &str) -> Vec<&Value> {
        let items = self[name].as_array();
        items.unwrap_or_else(|| panic!("{self:#?}")).iter().collect()
    }

    /// Does a program catch what was raised by this name?
    pub fn is_a(&self, kind: &str) -> bool {
        let kinds = self["raised"]["kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|is| is == kind))
    }
}

/// The folder that the SDKs are installed in; pip brings them when they are not there.
fn sdks() -> &'static Path {
    static SDKS: OnceLock<PathBuf> = OnceLock::new();
    SDKS.get_or_init(|| {
        let wanted: Vec<&str> = include_str!("../../python/requirements.txt").lines().collect();
        // Parts of them are compiled for one version of Python.
        let tag = python(&["-c", "import sys; print(sys.implementation.cache_tag)"]);
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python-sdk");
        let name = wanted.join("-").replace("==", "-");
        let folder = home.join(format!("{name}-{}", tag.trim()));
        if !folder.exists() {
            fs::create_dir_all(&home).unwrap();
            let fresh = tempfile::tempdir_in(&home).unwrap();
            let target = fresh.path().join("sdk");
            let pip = [
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--quiet",
                "--target",
                target.to_str().unwrap(),
            ];
            python(&[&pip, wanted.as_slice()].concat());
            // Whole, or not at all; who was faster has brought the same.
            assert!(fs::rename(&target, &folder).is_ok() || folder.exists());
        }
        folder
    })
}

fn python(arguments: &[&str]) -> String {
    let output = Command::new("python3")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("Python 3 with pip is needed for the official SDKs: {error}"));
    assert!(
        output.status.success(),
        "the official SDKs are needed as clients, and this failed: python3 {}\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
