//! The card: a row for each case, for people line by line, for programs as JSON.

use std::time::Duration;

use serde::Serialize;

use super::answer::{Ending, Hop};
use super::cases::Case;
use super::performance::Seen;
use crate::app::envoy::EnvoyVersion;
use crate::cli::output;

/// What came of a case.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    case: &'static str,
    passed: bool,
    /// What was not as expected, one sentence each.
    wrong: Vec<String>,
    /// What the client got for the first request.
    status: u16,
    ending: Ending,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    provider: String,
    attempts: usize,
    /// Provider and class of each attempt.
    hops: Vec<String>,
    /// The same as the answer's header tells it, with status and time.
    trail: String,
    ms: u128,
    /// How the failing target stood after it.
    standing: String,
    /// All requests of the case, and those among them whose answer was not complete; of the first, `ending` tells.
    requests: usize,
    unserved: usize,
    /// While the trouble lasted: tries at the failing provider, and requests that it received.
    tried: usize,
    received: u64,
    /// When it served again, counted from its first failure, or from the end of its outage.
    #[serde(skip_serializing_if = "Option::is_none")]
    back_ms: Option<u128>,
    /// When it had all of its share again, counted from the end of its outage.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_ms: Option<u128>,
}

impl Row {
    pub(super) fn new(case: &Case, seen: Seen, wrong: Vec<String>) -> Self {
        let first = seen.first;
        Self {
            case: case.name,
            passed: wrong.is_empty(),
            wrong,
            status: first.status.as_u16(),
            ending: first.ending,
            provider: first.provider().to_owned(),
            attempts: first.hops.len(),
            hops: first.hops.iter().map(Hop::to_string).collect(),
            code: first.code,
            trail: first.trail,
            ms: first.took.as_millis(),
            standing: seen.standing,
            requests: seen.sent,
            unserved: seen.unserved.len(),
            tried: seen.tried,
            received: seen.received,
            back_ms: seen.back.map(|back| back.as_millis()),
            restored_ms: seen.restored.map(|restored| restored.as_millis()),
        }
    }

    /// The row of a case that could not be carried out.
    pub(super) fn without_end(case: &Case, why: &anyhow::Error) -> Self {
        Self {
            case: case.name,
            passed: false,
            wrong: vec![format!("{why:#}")],
            status: 0,
            ending: Ending::None,
            code: None,
            provider: String::new(),
            attempts: 0,
            hops: Vec::new(),
            trail: String::new(),
            ms: 0,
            standing: String::new(),
            requests: 0,
            unserved: 0,
            tried: 0,
            received: 0,
            back_ms: None,
            restored_ms: None,
        }
    }

    pub(super) fn has_passed(&self) -> bool {
        self.passed
    }
}

/// Says what is about to happen.
pub(super) fn begin(envoy: &EnvoyVersion, cases: usize) -> anyhow::Result<()> {
    output::line(format_args!(
        "Understudy {} and Envoy {envoy} between a client and simulated providers; faults to go through: {cases}.\n\
         `client got` and `ms` are about the first request of a case, `tries` about all while the fault lasts.\n\n\
         {}",
        env!("CARGO_PKG_VERSION"),
        columns(["", "case", "client got", "tries", "ms", "attempts"])
    ))?;
    Ok(())
}

/// Prints a row, and below it what is to be said of it.
pub(super) fn line(row: &Row) -> anyhow::Result<()> {
    let verdict = if row.passed { "pass" } else { "FAIL" };
    let got = match row.ending {
        Ending::None => row.ending.to_string(),
        ending => format!("{} {ending}", row.status),
    };
    let (tries, ms) = (row.tried.to_string(), row.ms.to_string());
    output::line(columns([
        verdict,
        row.case,
        &got,
        &tries,
        &ms,
        &row.hops.join(", "),
    ]))?;
    if let Some(back) = row.back_ms {
        let restored = row
            .restored_ms
            .map(|restored| format!(", with all of its share after {restored} ms"));
        output::line(format_args!(
            "        {} requests, {} of them not served; it served again after {back} ms{}",
            row.requests,
            row.unserved,
            restored.unwrap_or_default()
        ))?;
    }
    for wrong in &row.wrong {
        output::line(format_args!("        {wrong}"))?;
    }
    Ok(())
}

/// Says how it came out.
pub(super) fn end(rows: &[Row], took: Duration) -> anyhow::Result<()> {
    let passed = rows.iter().filter(|row| row.passed).count();
    output::line(format_args!(
        "\n{passed} of {} passed, in {:.1} s.",
        rows.len(),
        took.as_secs_f64()
    ))?;
    Ok(())
}

fn columns([verdict, case, got, tries, ms, attempts]: [&str; 6]) -> String {
    format!("{verdict:<6}{case:<30}{got:<18}{tries:>5}{ms:>7}  {attempts}")
}
