//! The story, act by act. Each says what it is about, does it, shows what was seen, and insists on it.

use std::fmt::Display;

use anyhow::{bail, ensure};
use http::StatusCode;

use super::stage::{BACKUP, MODEL, PRIMARY, Seen, Stage};
use crate::cli::envoy::Binary;
use crate::cli::output;
use crate::sim::{Fault, FaultRule};

/// Requests of a crowd.
const CROWD: usize = 20;
/// More than a way back takes.
const MOST_ON_THE_WAY_BACK: usize = 500;
/// What Envoy is asked for at the end.
const COUNTED: &str = "upstream_rq_(retry|retry_success|retry_limit_exceeded|total)$";

/// Tells all of it.
pub(super) async fn tell(stage: &mut Stage, envoy: &Binary) -> anyhow::Result<()> {
    output::line(format_args!(
        "Two simulated providers, a stock Envoy {}, and Understudy. A client asks for `{MODEL}`: {PRIMARY}\n\
         serves it, and {BACKUP} is the understudy. In a trail stand provider, what happened, status, and time.\n",
        envoy.version
    ))?;
    all_is_well(stage).await?;
    rate_limited(stage).await?;
    left_alone(stage).await?;
    down(stage).await?;
    back(stage).await?;
    a_stream(stage).await?;
    what_envoy_counted(stage).await
}

async fn all_is_well(stage: &mut Stage) -> anyhow::Result<()> {
    act(1, "All is well.")?;
    let seen = stage.ask().await?;
    show(&seen)?;
    insist(&seen, PRIMARY, "openai;ok")
}

async fn rate_limited(stage: &mut Stage) -> anyhow::Result<()> {
    act(
        2,
        format_args!("{PRIMARY} answers 429 with `Retry-After: 2`. Its caller does not notice:"),
    )?;
    stage.break_primary(FaultRule::new(Fault::RateLimit).retry_after("2"));
    let seen = stage.ask().await?;
    show(&seen)?;
    insist(&seen, BACKUP, "openai;rate_limited;429")
}

async fn left_alone(stage: &mut Stage) -> anyhow::Result<()> {
    act(
        3,
        format_args!("{CROWD} more requests. {PRIMARY} asked to be left alone for 2 s, so it is:"),
    )?;
    let before = stage.seen_by_primary();
    for _ in 0..CROWD {
        let seen = stage.ask().await?;
        insist(&seen, BACKUP, "azure-east;ok")?;
    }
    let asked = stage.seen_by_primary() - before;
    detail(format_args!(
        "{CROWD} x 200 by {BACKUP}; {PRIMARY} was asked {asked} times"
    ))?;
    ensure!(asked == 0, "{PRIMARY} was asked while it was benched");
    Ok(())
}

async fn down(stage: &mut Stage) -> anyhow::Result<()> {
    act(
        4,
        format_args!(
            "The 2 s are over, but now {PRIMARY} is down. One request finds out, and is served all the same:"
        ),
    )?;
    stage.mend_primary();
    stage.take_primary_down().await?;
    stage.until_primary_is("probe_due").await?;
    let seen = stage.ask().await?;
    show(&seen)?;
    insist(&seen, BACKUP, "openai;connect")
}

async fn back(stage: &mut Stage) -> anyhow::Result<()> {
    act(
        5,
        format_args!("{PRIMARY} is back. First a single probe, then a growing share, then all:"),
    )?;
    stage.bring_primary_back().await?;
    let mut shares: Vec<u8> = Vec::new();
    let mut before = 0;
    for number in 1..=MOST_ON_THE_WAY_BACK {
        stage.until_primary_may_serve().await?;
        let seen = stage.ask().await?;
        ensure!(
            seen.status == StatusCode::OK,
            "a caller saw {} on the way back",
            seen.status
        );
        let primary = stage.primary_standing().await?;
        let share = primary.circuits.iter().filter_map(|circuit| circuit.share).min();
        shares.extend(share.filter(|share| shares.last() != Some(share)));
        if before == 0 && stage.seen_by_primary() > 0 {
            before = number;
        }
        if primary.standing == "ready" {
            let steps: Vec<String> = shares.iter().map(|share| format!("{share}%")).collect();
            detail(format_args!(
                "probed by one request, then {}: all of it again after {number} requests, each answered 200",
                steps.join(", ")
            ))?;
            ensure!(!shares.is_empty(), "{PRIMARY} came back without a ramp");
            let seen = stage.ask().await?;
            show(&seen)?;
            return insist(&seen, PRIMARY, "openai;ok");
        }
    }
    bail!("{PRIMARY} was not back after {MOST_ON_THE_WAY_BACK} requests")
}

async fn a_stream(stage: &mut Stage) -> anyhow::Result<()> {
    act(6, "A stream passes event by event, as the provider sends it:")?;
    let stream = stage.ask_for_a_stream().await?;
    show(&stream.answer)?;
    detail(format_args!(
        "{} events in {} ms, the first after {} ms",
        stream.events,
        stream.whole.as_millis(),
        stream.first_after.as_millis()
    ))?;
    ensure!(stream.is_complete, "the stream did not end with `[DONE]`");
    ensure!(
        stream.first_after * 2 < stream.whole,
        "the stream was held back until its end"
    );
    insist(&stream.answer, PRIMARY, "openai;ok")
}

async fn what_envoy_counted(stage: &Stage) -> anyhow::Result<()> {
    output::line(format_args!(
        "\nEvery retry was Envoy's own. Its counters (curl 'http://{}/stats?filter=upstream_rq_retry'):",
        stage.envoy().address()
    ))?;
    let stats = stage
        .envoy()
        .stats(&format!("^cluster\\.({PRIMARY}|{BACKUP})\\.{COUNTED}"))
        .await?;
    for (name, value) in stats.iter() {
        detail(format_args!("{name}: {value}"))?;
    }
    let retried = stats.sum(|name| name.ends_with(".upstream_rq_retry"));
    ensure!(
        retried >= 2,
        "Envoy counted {retried} retries, and the story had two"
    );
    output::line(format_args!(
        "\nThe client sent {} requests and got {0} answers with status 200.",
        stage.asked()
    ))?;
    Ok(())
}

/// How to go on, for someone who keeps the stage.
pub(super) fn invite(stage: &Stage) -> anyhow::Result<()> {
    let (base, console) = (stage.base_url(), stage.primary_console());
    let (page, envoy) = (stage.admin_address(), stage.envoy().address());
    output::line(format_args!(
        "\nNow you, until Ctrl-C:\n  \
         curl -i {base}/chat/completions -H 'content-type: application/json' \\\n       \
         -d '{{\"model\":\"{MODEL}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'\n  \
         curl {console}/fault -d '{{\"fault\":\"overloaded\"}}'     # {PRIMARY} fails; `curl {console}` lists all faults\n  \
         curl -X DELETE {console}/fault                      # {PRIMARY} is well\n  \
         curl 'http://{envoy}/stats?filter=upstream_rq_retry'\n  \
         understudy explain {MODEL} --admin {page}\n  \
         http://{page}/                                  # the admin page"
    ))?;
    Ok(())
}

/// How to go on, for someone whose stage is cleared.
pub(super) fn part() -> anyhow::Result<()> {
    output::line(
        "\nTry it: `understudy demo --keep` leaves all of this running for curl; with providers of your own, write\n\
         understudy.yaml (as examples/understudy.yaml) and run `understudy up`.",
    )?;
    Ok(())
}

fn act(number: usize, what: impl Display) -> anyhow::Result<()> {
    Ok(output::line(format_args!("{number}. {what}"))?)
}

fn detail(what: impl Display) -> anyhow::Result<()> {
    Ok(output::line(format_args!("     {what}"))?)
}

fn show(seen: &Seen) -> anyhow::Result<()> {
    detail(format_args!(
        "{} by {}    trail: {}",
        seen.status.as_u16(),
        seen.provider,
        seen.trail
    ))
}

/// The story must come out as it is told.
fn insist(seen: &Seen, provider: &str, trail: &str) -> anyhow::Result<()> {
    ensure!(
        seen.status == StatusCode::OK && seen.provider == provider && seen.trail.starts_with(trail),
        "the story did not come out as told: expected 200 by {provider} with the trail `{trail}...`, and saw {} by {} \
         with the trail `{}`",
        seen.status.as_u16(),
        seen.provider,
        seen.trail
    );
    Ok(())
}
