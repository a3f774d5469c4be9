//! `failover` and `breaker`, merged key by key from the most specific section to the built-in rules.

use std::time::Duration;

use super::{Layers, Resolver, Said, count};
use crate::config::measure::spoken;
use crate::config::mistake::Invalid;
use crate::config::name::FailoverCause;
use crate::config::policy::{Backoff, Breaker, ErrorRate, FailoverMode, FailoverPolicy};
use crate::config::raw::{RawBackoff, RawBreaker, RawCount, RawDuration, RawFailover, RawPolicies, RawShare};

/// Tells what is wrong with `defaults`, also when no model uses them.
pub(super) fn check_defaults(defaults: &Layers<'_, RawPolicies>, resolver: &mut Resolver<'_, '_>) {
    failover(
        &defaults.within("failover", |all| all.failover.as_ref()),
        resolver,
    );
    breaker(&defaults.within("breaker", |all| all.breaker.as_ref()), resolver);
}

/// What is tried after a failure.
pub(super) fn failover(
    layers: &Layers<'_, RawFailover>,
    resolver: &mut Resolver<'_, '_>,
) -> Option<FailoverPolicy> {
    let builtin = FailoverPolicy::default();
    let on = causes(layers, resolver);
    let backoff = backoff(&layers.within("backoff", |raw| raw.backoff.as_ref()), resolver);
    let timeout = resolver.duration(
        layers.said("timeout", |raw| raw.timeout.as_ref()),
        builtin.timeout,
    );
    let stall = layers.said("stall_timeout", |raw| raw.stall_timeout.as_ref());
    let stall_timeout = resolver.duration(stall, builtin.stall_timeout);
    let per_try_timeout = part(
        layers,
        ("per_try_timeout", builtin.per_try_timeout),
        timeout,
        resolver,
    );
    let first_token_timeout = part(
        layers,
        ("first_token_timeout", builtin.first_token_timeout),
        timeout,
        resolver,
    );
    let mode = layers
        .said("mode", |raw| raw.mode.as_ref())
        .map_or(FailoverMode::Retry, |said| *said.value);
    let attempts = layers.said("attempts", |raw| raw.attempts.as_ref());
    let per_target = layers.said("attempts_per_target", |raw| raw.attempts_per_target.as_ref());
    Some(FailoverPolicy {
        mode,
        on: on?,
        attempts: attempts.map_or(builtin.attempts, |said| count(*said.value)),
        attempts_per_target: per_target.map_or(builtin.attempts_per_target, |said| count(*said.value)),
        backoff: backoff?,
        per_try_timeout: per_try_timeout?,
        first_token_timeout: first_token_timeout?,
        stall_timeout: stall_timeout?,
        timeout: timeout?,
    })
}

/// A time that is part of the whole: not longer than it, unless the file says so.
fn part(
    layers: &Layers<'_, RawFailover>,
    (key, builtin): (&str, Duration),
    whole: Option<Duration>,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Duration> {
    let said = layers.said(key, |raw| match key {
        "per_try_timeout" => raw.per_try_timeout.as_ref(),
        _ => raw.first_token_timeout.as_ref(),
    });
    let Some(at) = said.as_ref().map(|said| said.at.clone()) else {
        return whole.map(|whole| builtin.min(whole));
    };
    let duration = resolver.duration(said, builtin)?;
    if let Some(whole) = whole.filter(|whole| duration > *whole) {
        let (duration, whole) = (spoken(duration), spoken(whole));
        let warning =
            format!("{duration} is longer than the {whole} that all attempts have together (`timeout`)");
        resolver.report.warn(&at, warning);
    }
    Some(duration)
}

fn causes(layers: &Layers<'_, RawFailover>, resolver: &mut Resolver<'_, '_>) -> Option<Vec<FailoverCause>> {
    let Some(said) = layers.said("on", |raw| raw.on.as_ref()) else {
        return Some(FailoverCause::defaults());
    };
    let mut causes = Vec::with_capacity(said.value.len());
    let mut is_whole = true;
    for (index, word) in said.value.iter().enumerate() {
        let cause = FailoverCause::try_new(word, resolver.causes);
        match resolver.report.accept(&said.at.index(index), cause) {
            Some(cause) if causes.contains(&cause) => {}
            Some(cause) => causes.push(cause),
            None => is_whole = false,
        }
    }
    is_whole.then_some(causes)
}

fn backoff(layers: &Layers<'_, RawBackoff>, resolver: &mut Resolver<'_, '_>) -> Option<Backoff> {
    let builtin = Backoff::default();
    let base = ("base", layers.said("base", |raw| raw.base.as_ref()), builtin.base);
    let max = ("max", layers.said("max", |raw| raw.max.as_ref()), builtin.max);
    let (base, max) = span(base, max, resolver)?;
    Some(Backoff { base, max })
}

/// A key, what was said for it, and the built-in duration.
pub(super) type Bound<'r> = (&'static str, Option<Said<'r, RawDuration>>, Duration);

/// Two durations of which the first is not longer. What was not said gives way to what was.
pub(super) fn span(
    low: Bound<'_>,
    high: Bound<'_>,
    resolver: &mut Resolver<'_, '_>,
) -> Option<(Duration, Duration)> {
    let ((low_key, low, low_builtin), (high_key, high, high_builtin)) = (low, high);
    let places = (low.as_ref().map(Said::place), high.as_ref().map(Said::place));
    let low = resolver.duration(low, low_builtin);
    let high = resolver.duration(high, high_builtin);
    let (low, high) = (low?, high?);
    match places {
        (Some((low_depth, low_at)), Some((high_depth, high_at))) if low > high => {
            let at = if low_depth < high_depth { low_at } else { high_at };
            let (low, high) = (spoken(low), spoken(high));
            let problem = format!("`{low_key}` is {low}, and `{high_key}` is only {high}");
            resolver.report.refuse(
                &at,
                Invalid::new(problem).hint(format!("write `{high_key}: {low}` or more")),
            );
            None
        }
        (None, Some(_)) => Some((low.min(high), high)),
        _ => Some((low, high.max(low))),
    }
}

/// When a circuit opens and for how long.
pub(super) fn breaker(layers: &Layers<'_, RawBreaker>, resolver: &mut Resolver<'_, '_>) -> Option<Breaker> {
    let builtin = Breaker::default();
    let consecutive = layers.said("consecutive_failures", |raw| raw.consecutive_failures.as_ref());
    let rate = layers.said("error_rate", |raw| raw.error_rate.as_ref());
    let error_rate = resolver.value(rate, builtin.error_rate, |raw| match raw {
        RawShare::Share(share) => ErrorRate::try_new(*share).map(Some),
        RawShare::Off(_) => Ok(None),
    });
    let window = resolver.duration(layers.said("window", |raw| raw.window.as_ref()), builtin.window);
    let min_requests = layers.said("min_requests", |raw| raw.min_requests.as_ref());
    let first = (
        "open_for",
        layers.said("open_for", |raw| raw.open_for.as_ref()),
        builtin.open_for,
    );
    let longest = layers.said("max_open_for", |raw| raw.max_open_for.as_ref());
    let (open_for, max_open_for) = span(first, ("max_open_for", longest, builtin.max_open_for), resolver)?;
    Some(Breaker {
        consecutive_failures: match consecutive.map(|said| said.value) {
            None => builtin.consecutive_failures,
            Some(RawCount::Count(failures)) => Some(count(*failures)),
            Some(RawCount::Off(_)) => None,
        },
        error_rate: error_rate?,
        window: window?,
        min_requests: min_requests.map_or(builtin.min_requests, |said| count(*said.value)),
        open_for,
        max_open_for,
    })
}
