//! One case, carried out: trouble begins, requests are sent, trouble ends, and what was seen is written down.

use std::time::{Duration, Instant};

use anyhow::bail;

use super::answer::Answer;
use super::card::Row;
use super::cases::{Case, Trouble};
use super::expect;
use super::stage::{PATIENCE, Stage};

/// What was seen of a case.
pub(super) struct Seen {
    /// The answer to the first request.
    pub(super) first: Answer,
    /// How the failing target stood after it.
    pub(super) standing: String,
    /// Requests while the trouble lasted.
    pub(super) sent: usize,
    /// Tries of those at the failing provider.
    pub(super) tried: usize,
    /// How many of those tries it received.
    pub(super) received: u64,
    /// What was wrong with any answer after the first.
    pub(super) unserved: Vec<String>,
    /// When it served again, counted from its first failure, or from the end of its outage.
    pub(super) back: Option<Duration>,
    /// When it had all of its share again, after an outage.
    pub(super) restored: Option<Duration>,
}

/// Carries `case` out.
pub(super) async fn of(case: &'static Case, stage: &mut Stage) -> anyhow::Result<Row> {
    stage.begin_afresh().await?;
    match case.trouble {
        Trouble::Fault(rule) => stage.break_primary(rule()),
        Trouble::Unreachable => {}
        Trouble::Outage(_) => stage.take_primary_down().await?,
    }
    let first = stage.ask(case.piece, case.stream).await?;
    let mut seen = Seen {
        standing: stage.standing(case.piece).await?,
        sent: 1,
        tried: first.tries_at(case.piece.failing),
        received: 0,
        unserved: Vec::new(),
        back: None,
        restored: None,
        first,
    };
    while lasts(case, &seen) {
        let answer = stage.ask(case.piece, case.stream).await?;
        seen.tried += answer.tries_at(case.piece.failing);
        seen.note(&answer);
    }
    seen.received = stage.received_by(case.piece.failing);
    if let Trouble::Outage(_) = case.trouble {
        stage.bring_primary_back().await?;
        let since = Instant::now();
        seen.back = Some(until_it_serves(case, stage, &mut seen, since).await?);
        seen.restored = Some(until_it_is_restored(case, stage, &mut seen, since).await?);
    } else if case.expect.back.is_some() {
        let since = seen.first.began;
        seen.back = Some(until_it_serves(case, stage, &mut seen, since).await?);
    }
    let wrong = expect::wrong(case, &seen);
    Ok(Row::new(case, seen, wrong))
}

/// Whether another request is sent into the trouble.
fn lasts(case: &Case, seen: &Seen) -> bool {
    match case.trouble {
        Trouble::Outage(length) => since(seen.first.began) < length,
        _ => seen.sent < case.requests,
    }
}

async fn until_it_serves(
    case: &Case,
    stage: &Stage,
    seen: &mut Seen,
    start: Instant,
) -> anyhow::Result<Duration> {
    loop {
        let answer = stage.ask(case.piece, case.stream).await?;
        seen.note(&answer);
        let passed = since(start);
        if answer.provider() == case.piece.failing {
            return Ok(passed);
        }
        if passed > PATIENCE {
            bail!("{} did not serve again within {PATIENCE:?}", case.piece.failing);
        }
    }
}

async fn until_it_is_restored(
    case: &Case,
    stage: &Stage,
    seen: &mut Seen,
    start: Instant,
) -> anyhow::Result<Duration> {
    while stage.standing(case.piece).await? != "ready" {
        let answer = stage.ask(case.piece, case.stream).await?;
        seen.note(&answer);
        if since(start) > PATIENCE {
            bail!("{} was not restored within {PATIENCE:?}", case.piece.failing);
        }
    }
    Ok(since(start))
}

fn since(start: Instant) -> Duration {
    Instant::now().saturating_duration_since(start)
}

impl Seen {
    /// Writes down an answer after the first.
    fn note(&mut self, answer: &Answer) {
        self.sent += 1;
        if !answer.is_served() {
            self.unserved.push(format!(
                "request {} got {} {} with the trail `{}`",
                self.sent,
                answer.status.as_u16(),
                answer.ending,
                answer.trail
            ));
        }
    }
}
