//! The headers that tell a caller what became of its request.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::operations::millis;
use super::{Progress, Session, Trial};
use crate::attempt::HeaderChanges;
use crate::dialect::usage::cost_micro_usd;

impl Session {
    /// The headers that tell the caller what became of its request.
    pub(super) fn explain(&self, headers: &mut HeaderChanges, now: Instant) {
        let catalog = &self.live.catalog;
        headers.set("x-understudy-id", self.id.to_string());
        if let Some(last) = self.attempts.last() {
            headers.set(
                "x-understudy-provider",
                text(&catalog.provider_of(last.target).name),
            );
            headers.set(
                "x-understudy-model",
                text(&catalog.target(last.target).provider_model),
            );
            if !last.dropped.is_empty() {
                headers.set("x-understudy-dropped", listed(&last.dropped));
            }
        }
        headers.set("x-understudy-attempts", self.attempts.len().to_string());
        let upstream = self.upstream(now);
        let whole = now.saturating_duration_since(self.started);
        headers.set("x-understudy-upstream-ms", millis(upstream));
        headers.set("x-understudy-overhead-ms", millis(whole.saturating_sub(upstream)));
        headers.set("x-understudy-trail", self.trail(now));
        self.explain_answer(headers);
    }

    /// What is known of the answer by now: of a complete one what it took, of a stream when it began.
    fn explain_answer(&self, headers: &mut HeaderChanges) {
        let Some(last) = self.attempts.last() else {
            return;
        };
        let asks_stream = self.caller().is_some_and(|caller| caller.ask.stream);
        if let Some(first_token) = first_token(last).filter(|_| asks_stream) {
            headers.set("x-understudy-first-token-ms", millis(first_token));
        }
        let Some(usage) = self.usage else { return };
        headers.set("x-understudy-input-tokens", usage.input.to_string());
        headers.set("x-understudy-output-tokens", usage.output.to_string());
        if let Some(price) = &self.live.catalog.target(last.target).price {
            let usd = cost_micro_usd(price, &usage) / 1e6;
            headers.set("x-understudy-cost-usd", format!("{usd:.8}"));
        }
    }

    /// `openai;rate_limited;429;12ms, azure-east;ok;200;340ms`
    fn trail(&self, now: Instant) -> String {
        use std::fmt::Write as _;
        let mut trail = String::with_capacity(40 * self.attempts.len());
        for trial in &self.attempts {
            let provider = &self.live.catalog.provider_of(trial.target).name;
            let (label, status) = match (&trial.record, &trial.progress) {
                (Some(record), _) => (record.label(), record.status),
                (None, Progress::Flowing(flow) | Progress::Cut(flow, _)) => ("ok", Some(flow.status)),
                (None, _) => ("ok", None),
            };
            let separator = if trail.is_empty() { "" } else { ", " };
            let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let spent = upstream_time(trial, now).as_millis();
            write!(trail, "{separator}{provider};{label};{status};{spent}ms")
                .expect("writing to a string cannot fail");
        }
        trail
    }

    /// How long the caller was kept waiting by providers.
    pub(super) fn upstream(&self, now: Instant) -> Duration {
        self.attempts.iter().map(|trial| upstream_time(trial, now)).sum()
    }
}

/// When an answer began, whether it is still flowing or has come to its end by now.
fn first_token(trial: &Trial) -> Option<Duration> {
    match (&trial.record, &trial.progress) {
        (None, Progress::Flowing(flow) | Progress::Cut(flow, _)) => Some(flow.first_token),
        (Some(record), _) if record.judged.is_none() => record.first_byte,
        _ => None,
    }
}

/// Names of fields as a header can hold them: a caller may have called a field anything, and no number of them is
/// too large for a request.
fn listed(names: &[String]) -> String {
    const MOST: usize = 32;
    const LONGEST: usize = 64;
    let is_plain = |name: &&String| {
        let mut bytes = name.bytes();
        name.len() <= LONGEST && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    let shown: Vec<&str> = names
        .iter()
        .filter(is_plain)
        .take(MOST)
        .map(String::as_str)
        .collect();
    let rest = names.len() - shown.len();
    match (shown.is_empty(), rest) {
        (_, 0) => shown.join(","),
        (true, rest) => format!("({rest})"),
        (false, rest) => format!("{},(+{rest})", shown.join(",")),
    }
}

fn text(text: &std::sync::Arc<str>) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// How long an attempt kept the caller waiting: for one that answers, until its headers came.
fn upstream_time(trial: &Trial, now: Instant) -> Duration {
    match (&trial.record, &trial.progress) {
        (Some(record), _) => record.duration,
        (None, Progress::Flowing(flow) | Progress::Cut(flow, _)) => flow.first_token,
        (None, _) => now.saturating_duration_since(trial.started),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_call_their_fields_never_breaks_a_header() {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let many: Vec<String> = (0..5000).map(|number| format!("f{number}")).collect();
        for (names, expected) in [
            (owned(&["seed", "tools.strict"]), "seed,tools.strict"),
            (owned(&["a\r\nset-cookie: x", "seed"]), "seed,(+1)"),
            (owned(&["\0", &"x".repeat(200_000)]), "(2)"),
        ] {
            assert_eq!(listed(&names), expected);
        }
        assert!(listed(&many).ends_with(",f31,(+4968)"));
    }
}
