//! What has to come of a case, and whether it did.
//!
//! Invariant: every expectation that is not met is told, each in words of its own.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::answer::{Ending, Hop};
use super::cases::{Case, Trouble};
use super::performance::Seen;
use super::troupe::BACKOFF;

/// What a request may take beside the waiting that a fault imposes: a provider's own time, and ours, on a machine that
/// has other things to do.
const OWN_TIME: Duration = Duration::from_millis(750);

/// What has to come of a case.
pub(super) struct Expect {
    /// The status that the first request gets.
    pub(super) status: u16,
    /// How its answer ends.
    pub(super) ending: Ending,
    /// The `code` of the error, when the client gets a provider's own.
    pub(super) code: Option<&'static str>,
    /// The attempts that it takes.
    pub(super) hops: &'static [&'static str],
    /// How long it has to wait for somebody who says nothing.
    pub(super) silence: Duration,
    /// How the failing target stands afterwards.
    pub(super) standing: &'static str,
    /// How often the failing provider is tried by all requests.
    pub(super) tried: RangeInclusive<usize>,
    /// Whether those tries reach it.
    pub(super) is_reached: bool,
    /// When it serves again.
    pub(super) back: Option<Return>,
}

/// When a provider serves again, counted from its first failure, or from the end of its outage.
pub(super) struct Return {
    /// Not earlier.
    pub(super) not_before: Duration,
    /// Not later, but for the time of a request.
    pub(super) within: Duration,
}

impl Return {
    /// With the next request.
    pub(super) const AT_ONCE: Self = Self {
        not_before: Duration::ZERO,
        within: Duration::ZERO,
    };
}

impl Expect {
    /// The client is served, by one try at the failing provider, which stays in service.
    pub(super) const SERVED: Self = Self {
        status: 200,
        ending: Ending::Complete,
        code: None,
        hops: &[],
        silence: Duration::ZERO,
        standing: "ready",
        tried: 1..=1,
        is_reached: true,
        back: None,
    };
}

/// What was seen and should not have been, or the other way round.
pub(super) fn wrong(case: &Case, seen: &Seen) -> Vec<String> {
    let (expect, first) = (&case.expect, &seen.first);
    let mut wrong = Wrong(Vec::new());
    wrong.unless_is("the status", &first.status.as_u16(), &expect.status);
    wrong.unless_is("the end of the answer", &first.ending, &expect.ending);
    if let Some(code) = expect.code {
        wrong.unless_is(
            "the error's code",
            &first.code.as_deref().unwrap_or("none"),
            &code,
        );
    }
    let hops: Vec<String> = first.hops.iter().map(Hop::to_string).collect();
    wrong.unless_is("the trail", &hops.join(", "), &expect.hops.join(", "));
    if first.status.is_success() {
        // Two voices in one answer would be two answers; the voice of another would be a lie in the headers.
        wrong.unless_is(
            "the voice in the answer",
            &first.voices.join(" and "),
            &first.provider(),
        );
    }
    wrong.unless_is("the failing target", &seen.standing, &expect.standing);
    let longest = expect.silence + BACKOFF + OWN_TIME;
    wrong.unless_within("the first request took", first.took, expect.silence..=longest);
    if !expect.tried.contains(&seen.tried) {
        let (least, most) = expect.tried.clone().into_inner();
        wrong.0.push(format!(
            "the failing provider was tried {} times, not {least} to {most}",
            seen.tried
        ));
    }
    let reached = if expect.is_reached { seen.tried as u64 } else { 0 };
    wrong.unless_is("requests that reached it", &seen.received, &reached);
    wrong.0.extend(seen.unserved.iter().cloned());
    wrong.unless_returned(case, seen);
    wrong.0
}

struct Wrong(Vec<String>);

impl Wrong {
    fn unless_is(&mut self, what: &str, seen: &dyn Display, expected: &dyn Display) {
        let (seen, expected) = (seen.to_string(), expected.to_string());
        if seen != expected {
            self.0.push(format!("{what}: `{seen}`, not `{expected}`"));
        }
    }

    fn unless_within(&mut self, what: &str, seen: Duration, expected: RangeInclusive<Duration>) {
        if !expected.contains(&seen) {
            self.0.push(format!(
                "{what} {} ms, not {} to {} ms",
                seen.as_millis(),
                expected.start().as_millis(),
                expected.end().as_millis()
            ));
        }
    }

    fn unless_returned(&mut self, case: &Case, seen: &Seen) {
        if let (Some(expected), Some(back)) = (&case.expect.back, seen.back) {
            let since = match case.trouble {
                Trouble::Outage(_) => "it served again after it was back for",
                _ => "it served again after",
            };
            self.unless_within(since, back, expected.not_before..=expected.within + OWN_TIME);
        }
    }
}

#[cfg(test)]
mod tests;
