//! The caller is the official `openai` SDK for Python: what a program that uses it gets, and what it can catch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use understudy::sim::{Fault, FaultRule, Pace, Sim, SimConfig};

use crate::support::{Gateway, Running, within};

const CONFIG: &str = r#"
clients:
  app: { key: sk-of-the-app }
providers:
  primary: { kind: openai-compatible, endpoint: "{primary}", api_key: sk-primary }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: sk-backup }
models:
  gpt-4o:
    targets:
      - { provider: primary }
      - { provider: backup, priority: 1 }
  text-embedding-3-small:
    targets: [{ provider: primary }]
defaults:
  breaker: { consecutive_failures: off, error_rate: off }
  failover: { per_try_timeout: 2s, first_token_timeout: 600ms, stall_timeout: 600ms, timeout: 10s }
"#;

/// A gateway in front of two simulated providers, for callers of the SDK.
struct Stage {
    primary: Sim,
    backup: Sim,
    gateway: Running,
}

impl Stage {
    async fn set() -> Self {
        let primary = Sim::start(SimConfig::named("primary")).await.unwrap();
        let backup = Sim::start(SimConfig::named("backup")).await.unwrap();
        let gateway = Gateway::with(CONFIG)
            .fill("primary", primary.base_url())
            .fill("backup", backup.base_url())
            .start()
            .await;
        Self {
            primary,
            backup,
            gateway,
        }
    }

    /// Starts afresh, and makes the providers fail like this.
    async fn fail(&self, primary: FaultRule, backup: Option<FaultRule>) {
        for (sim, name, fault) in [
            (&self.primary, "primary", Some(primary)),
            (&self.backup, "backup", backup),
        ] {
            sim.control().reset();
            sim.control().set_faults(fault.into_iter().collect());
            let order = json!({ "provider": name });
            self.gateway.admin_post("/admin/circuits/reset", &order).await;
        }
    }

    /// What came of a scenario of `tests/python/openai_client.py`.
    async fn play(&self, scenario: &str, options: Value) -> Value {
        let base_url = format!("http://{}/v1", self.gateway.addresses().listen);
        let mut all = json!({ "key": "sk-of-the-app" });
        for (name, value) in options.as_object().unwrap() {
            all[name] = value.clone();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/openai_client.py");
        // Isolated, so that nothing of this machine's Python or its proxies has a say.
        let program = tokio::process::Command::new("python3")
            .arg("-I")
            .arg(script)
            .arg(sdk())
            .args([&base_url, scenario, &all.to_string()])
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = within(&format!("end of `{scenario}` in Python"), program)
            .await
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{scenario}` in Python: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn received(&self) -> (u64, u64) {
        let requests = |sim: &Sim| sim.control().counters().requests;
        (requests(&self.primary), requests(&self.backup))
    }

    async fn strike(self) {
        self.gateway.stop().await;
        self.primary.shutdown().await;
        self.backup.shutdown().await;
    }
}

/// The folder that the SDK is installed in; pip brings it when it is not there.
fn sdk() -> &'static Path {
    static SDK: OnceLock<PathBuf> = OnceLock::new();
    SDK.get_or_init(|| {
        let wanted = include_str!("../python/requirements.txt").trim();
        // Parts of it are compiled for one version of Python.
        let tag = python(&["-c", "import sys; print(sys.implementation.cache_tag)"]);
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python-sdk");
        let folder = home.join(format!("{}-{}", wanted.replace("==", "-"), tag.trim()));
        if !folder.exists() {
            fs::create_dir_all(&home).unwrap();
            let fresh = tempfile::tempdir_in(&home).unwrap();
            let target = fresh.path().join("sdk");
            python(&[
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                "--quiet",
                "--target",
                target.to_str().unwrap(),
                wanted,
            ]);
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
        .unwrap_or_else(|error| panic!("Python 3 with pip is needed for the official SDK: {error}"));
    assert!(
        output.status.success(),
        "the official SDK is needed as a client, and this failed: python3 {}\n{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn none() -> Value {
    json!({})
}

/// The pieces of a stream, put together.
fn text(told: &Value) -> String {
    let pieces = told["pieces"].as_array().unwrap_or_else(|| panic!("{told:#}"));
    pieces.iter().map(|piece| piece.as_str().unwrap()).collect()
}

fn is_a(told: &Value, kind: &str) -> bool {
    let kinds = told["raised"]["kinds"].as_array();
    kinds.is_some_and(|kinds| kinds.iter().any(|is| is == kind))
}

fn trail_begins(told: &Value, start: &str) -> bool {
    let trail = told["headers"]["x-understudy-trail"].as_str();
    trail.is_some_and(|trail| trail.starts_with(start))
}

#[tokio::test]
async fn everything_that_is_asked_of_a_provider_can_be_asked_of_the_gateway() {
    let stage = Stage::set().await;

    let chat = stage.play("chat", none()).await;
    let stream = stage.play("stream", none()).await;
    let with_usage = stage.play("stream_with_usage", none()).await;
    let embedding = json!({ "model": "text-embedding-3-small" });
    let embeddings = stage.play("embeddings", embedding).await;
    let models = stage.play("models", none()).await;

    assert!(trail_begins(&chat, "primary;ok;200"), "{chat:#}");
    assert!(chat["total_tokens"].as_u64() > Some(0), "{chat:#}");
    for told in [&stream, &with_usage] {
        assert_eq!(text(told), chat["text"].as_str().unwrap(), "{told:#}");
        assert_eq!((&told["finish"], &told["ended"]), (&"stop".into(), &true.into()));
    }
    assert_eq!(stream["usage"], Value::Null, "nobody asked for it: {stream:#}");
    assert!(with_usage["usage"].as_u64() > Some(0), "{with_usage:#}");
    let numbers = |name: &str| -> Vec<f64> {
        let numbers = embeddings[name]
            .as_array()
            .unwrap_or_else(|| panic!("{embeddings:#}"));
        numbers.iter().map(|number| number.as_f64().unwrap()).collect()
    };
    let (decoded, plain) = (numbers("decoded"), numbers("plain"));
    assert!(
        !plain.is_empty() && decoded.len() == plain.len(),
        "{embeddings:#}"
    );
    let apart = decoded.iter().zip(&plain).map(|(one, other)| (one - other).abs());
    assert!(apart.fold(0.0, f64::max) < 1e-6, "{embeddings:#}");
    assert_eq!(models["models"], json!(["gpt-4o", "text-embedding-3-small"]));
    stage.strike().await;
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_token_is_whole_and_comes_from_the_backup() {
    let stage = Stage::set().await;
    for (fault, class) in [
        (Fault::SlowFirstToken, "first_token_timeout"),
        (Fault::StreamError, "server_error"),
        (Fault::BadJson, "bad_response"),
        (Fault::RateLimit, "rate_limited"),
    ] {
        stage.fail(FaultRule::new(fault), None).await;

        let told = stage.play("stream", none()).await;

        assert_eq!(told["raised"], Value::Null, "{fault}: {told:#}");
        assert!(
            trail_begins(&told, &format!("primary;{class};")),
            "{fault}: {told:#}"
        );
        assert_eq!(told["headers"]["x-understudy-provider"], "backup");
        assert!(text(&told).contains("backup"), "{fault}: {told:#}");
        assert_eq!((&told["finish"], &told["ended"]), (&"stop".into(), &true.into()));
        assert_eq!(stage.received(), (1, 1), "{fault}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn a_stream_that_breaks_while_it_is_read_raises() {
    let stage = Stage::set().await;
    for (fault, kind, code) in [
        // A reset leaves nobody the time to add a word; the SDK sees the transfer break off.
        (Fault::CutStream, "APIConnectionError", Value::Null),
        (Fault::Stall, "APIError", "stream_broken".into()),
        (Fault::StreamError, "APIError", "stream_broken".into()),
    ] {
        stage.fail(FaultRule::new(fault).after_events(3), None).await;
        // What comes together is judged together: an error at the heels of the first token would still fail over.
        let inter_token = Duration::from_millis(60);
        let pace = stage.primary.control().pace();
        stage.primary.control().set_pace(Pace { inter_token, ..pace });

        let told = stage.play("stream", none()).await;

        assert_eq!(told["raised"]["kind"], kind, "{fault}: {told:#}");
        assert_eq!(told["raised"]["code"], code, "{fault}: {told:#}");
        assert!(is_a(&told, "OpenAIError"));
        assert_eq!((&told["finish"], &told["ended"]), (&Value::Null, &false.into()));
        assert_eq!(
            told["pieces"].as_array().map(Vec::len),
            Some(3),
            "{fault}: {told:#}"
        );
        assert_eq!(stage.received(), (1, 0), "{fault}");
    }
    stage.strike().await;
}

#[tokio::test]
async fn when_all_fail_the_error_that_is_raised_says_how_each_did_and_when_to_come_back() {
    let stage = Stage::set().await;
    let limited = |wait: &str| FaultRule::new(Fault::RateLimit).retry_after(wait);
    for scenario in ["chat", "stream"] {
        stage.fail(limited("7"), Some(limited("3"))).await;

        let told = stage.play(scenario, none()).await;

        let raised = &told["raised"];
        assert_eq!(raised["kind"], "RateLimitError", "{told:#}");
        assert_eq!(
            (&raised["status"], &raised["retry_after"]),
            (&429.into(), &"3".into())
        );
        let tried = |place: usize| {
            let attempt = &raised["body"]["attempts"][place];
            (&attempt["provider"], &attempt["class"], &attempt["status"])
        };
        let (limited, status) = (Value::from("rate_limited"), Value::from(429));
        assert_eq!(tried(0), (&"primary".into(), &limited, &status), "{told:#}");
        assert_eq!(tried(1), (&"backup".into(), &limited, &status), "{told:#}");
    }
    let overloaded = FaultRule::new(Fault::Overloaded);
    stage.fail(overloaded, Some(FaultRule::new(Fault::Html))).await;

    let told = stage.play("chat", none()).await;

    assert!(is_a(&told, "APIStatusError"), "{told:#}");
    assert_eq!(told["raised"]["kind"], "InternalServerError");
    let attempts = told["raised"]["body"]["attempts"].as_array().unwrap();
    let classes: Vec<&Value> = attempts.iter().map(|attempt| &attempt["class"]).collect();
    assert_eq!(classes, ["overloaded", "server_error"], "{told:#}");
    stage.strike().await;
}

#[tokio::test]
async fn what_no_retry_can_mend_the_sdk_does_not_send_again() {
    let stage = Stage::set().await;
    let refused = FaultRule::new(Fault::Auth);
    stage.fail(refused.clone(), Some(refused)).await;

    let told = stage.play("chat", json!({ "retries": 2 })).await;

    // Our own keys are not the caller's: whatever this is, it is no `AuthenticationError`.
    assert_eq!(told["raised"]["kind"], "InternalServerError", "{told:#}");
    assert_eq!(told["raised"]["should_retry"], "false", "{told:#}");
    assert_eq!(stage.received(), (1, 1));
    stage.strike().await;
}

#[tokio::test]
async fn a_mistake_of_the_caller_raises_what_the_provider_would_have_raised() {
    let stage = Stage::set().await;

    let unknown = stage.play("chat", json!({ "model": "gpt-5o" })).await;
    let stranger = stage.play("stream", json!({ "key": "sk-of-nobody" })).await;
    stage.fail(FaultRule::new(Fault::ContentFilter), None).await;
    let refused = stage.play("stream", none()).await;

    let raised = |told: &Value| {
        let raised = &told["raised"];
        (
            raised["kind"].clone(),
            raised["status"].clone(),
            raised["code"].clone(),
        )
    };
    let not_found = ("NotFoundError".into(), 404.into(), "model_not_found".into());
    assert_eq!(raised(&unknown), not_found, "{unknown:#}");
    let names = unknown["raised"]["text"].as_str().unwrap();
    assert!(names.contains("gpt-4o"), "{names}");
    let unauthorised = ("AuthenticationError".into(), 401.into(), "invalid_api_key".into());
    assert_eq!(raised(&stranger), unauthorised, "{stranger:#}");
    let filtered = (
        "BadRequestError".into(),
        400.into(),
        "content_policy_violation".into(),
    );
    assert_eq!(raised(&refused), filtered, "{refused:#}");
    assert_eq!(
        stage.received(),
        (1, 0),
        "a mistake is not sent on, or not a second time"
    );
    stage.strike().await;
}
