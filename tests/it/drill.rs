//! `understudy drill` as a person runs it: every fault through a real Envoy, and a card that says how it went.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

/// What the matrix promises to go through; whoever takes a row away has to say so here too.
const CASES: [&str; 23] = [
    "429-once",
    "429-for-ever",
    "500-once",
    "503-for-ever",
    "reset-before-headers",
    "silence",
    "late-first-token",
    "cut-mid-stream",
    "stall-mid-stream",
    "malformed-first-chunk",
    "missing-done",
    "context-length",
    "context-length-larger-target",
    "content-policy",
    "key-refused",
    "quota-gone",
    "down-and-back",
    "error-event-first",
    "html-502",
    "gzip-error",
    "empty-200",
    "connection-refused",
    "name-unresolved",
];

/// What a drill may take, on a machine that runs other tests beside it.
const BOUND: Duration = Duration::from_secs(90);
/// The longest that it waits before another attempt.
const BACKOFF: u64 = 50;
/// What goes into neither: Envoy, Understudy, and whatever else the machine does.
const BESIDE: u64 = 600;

#[tokio::test]
async fn every_fault_is_drilled_and_the_figures_are_what_they_should_be() {
    let output = drill(&["--json"]).await;

    let card: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error} in {:?}; {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    let rows = card["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["case"].as_str().unwrap()).collect();
    assert_eq!(names, CASES);
    for row in rows {
        assert_eq!(row["passed"], true, "{row:#}");
        assert_eq!(row["unserved"], 0, "{row:#}");
    }
    assert!(output.status.success() && card["passed"] == true, "{card:#}");
    assert_eq!(
        card["envoy"].as_str().map(|version| version.starts_with("1.")),
        Some(true)
    );
    assert!(number(&card, "ms") < 20_000, "it took {} ms", card["ms"]);
    fits_with_what_providers_saw(rows);
    fits_with_the_clock(rows);
}

/// A failure is found out by as few requests as can be, and is seen by nobody.
fn fits_with_what_providers_saw(rows: &[Value]) {
    let row = |name: &str| rows.iter().find(|row| row["case"] == name).unwrap();
    for (name, requests, received) in [
        ("429-for-ever", 6, 1),
        ("503-for-ever", 6, 2),
        ("key-refused", 6, 1),
        ("quota-gone", 6, 1),
        ("silence", 1, 1),
        ("content-policy", 1, 1),
        ("connection-refused", 1, 0),
    ] {
        let row = row(name);
        let seen = (number(row, "requests"), number(row, "received"));
        assert_eq!(seen, (requests, received), "{row:#}");
    }
    for row in rows.iter().filter(|row| row["provider"] == "backup") {
        let seen = (row["attempts"].as_u64(), &row["status"], &row["ending"]);
        assert_eq!(seen, (Some(2), &200.into(), &"complete".into()), "{row:#}");
    }
    let outage = row("down-and-back");
    assert!(number(outage, "tried") <= 5, "{outage:#}");
    assert!(
        number(outage, "requests") > 4 * number(outage, "tried"),
        "too few requests to say anything: {outage:#}"
    );
}

/// Nobody waits longer than for the silence itself, the back-off, and the fallback's own time.
fn fits_with_the_clock(rows: &[Value]) {
    let row = |name: &str| rows.iter().find(|row| row["case"] == name).unwrap();
    // How long the drill's configuration lets a provider be silent.
    for (name, silence) in [("silence", 1000), ("late-first-token", 700)] {
        let row = row(name);
        let fallback = own_time_of_the_fallback(row);
        let took = number(row, "ms");
        assert!(
            (silence..silence + BACKOFF + fallback + BESIDE).contains(&took),
            "{row:#}"
        );
    }
    let limited = row("429-once");
    assert!(
        (1000..2000).contains(&number(limited, "back_ms")),
        "its `Retry-After` says one second: {limited:#}"
    );
    let outage = row("down-and-back");
    assert!(number(outage, "back_ms") < 1500, "{outage:#}");
    assert!(
        number(outage, "back_ms") <= number(outage, "restored_ms"),
        "{outage:#}"
    );
}

/// The last hop's, as in `primary;timeout;-;801ms, backup;ok;200;4ms`.
fn own_time_of_the_fallback(row: &Value) -> u64 {
    let trail = row["trail"].as_str().unwrap();
    let time = trail.rsplit(';').next().and_then(|time| time.strip_suffix("ms"));
    time.and_then(|time| time.parse().ok())
        .unwrap_or_else(|| panic!("{trail}"))
}

fn number(row: &Value, name: &str) -> u64 {
    row[name]
        .as_u64()
        .unwrap_or_else(|| panic!("no `{name}` in {row:#}"))
}

#[tokio::test]
async fn a_few_cases_can_be_drilled_for_a_person_and_an_unknown_one_is_refused() {
    let told = drill(&["--only", "content-policy,html-502"]).await;
    let refused = drill(&["--only", "html-503"]).await;

    let card = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{card}");
    for words in [
        "pass  content-policy ",
        "pass  html-502 ",
        "primary server_error, backup ok",
        "2 of 2 passed",
    ] {
        assert!(card.contains(words), "no {words:?} in {card}");
    }
    assert_eq!(refused.status.code(), Some(2));
    let reason = String::from_utf8_lossy(&refused.stderr);
    assert!(reason.contains("'html-502'"), "{reason}");
}

/// Runs the real program, with the Envoy of the other tests.
async fn drill(arguments: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !folder.join("envoy/bin/envoy").exists() {
        let fetched = Command::new(folder.join("envoy/fetch.sh"))
            .stdout(Stdio::null())
            .status();
        assert!(fetched.await.unwrap().success(), "envoy/fetch.sh failed");
    }
    let program = Command::new(env!("CARGO_BIN_EXE_understudy"))
        .arg("drill")
        .args(arguments)
        .env("ENVOY", folder.join("envoy/bin/envoy"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(BOUND, program).await;
    output
        .unwrap_or_else(|_| panic!("the drill is not over after {BOUND:?}"))
        .unwrap()
}
