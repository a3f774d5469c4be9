//! Where a request would go now, and why not elsewhere: a plan told to an operator.
//!
//! An explanation is laid out by the same code as a plan, with one difference: where a plan draws lots, it shows
//! what is most likely, and says how likely.

mod teller;

use std::time::Instant;

use serde::Serialize;

use crate::catalog::Target;
use crate::config::{FailoverMode, Order};

use super::rank::Lottery;
use super::{Scene, Situation, lay_out};
use teller::Teller;

/// The plan of one ask, as an operator reads it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The model, by its canonical name.
    pub model: String,
    /// How a priority group is ordered.
    pub order: &'static str,
    /// What happens after a failure.
    pub mode: &'static str,
    /// Attempts that the plan makes at most.
    pub attempts: usize,
    /// True when every target is benched and one is tried all the same.
    pub forced: bool,
    /// Every target of the model: the usable ones in their order, then the others.
    pub targets: Vec<ExplainedTarget>,
}

/// One target of an [`Explanation`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedTarget {
    /// 1 is tried first; absent when it is not tried at all.
    pub place: Option<usize>,
    /// How many of the attempts are its own; 0 when the budget ends before its place.
    pub attempts: usize,
    /// The account that is called.
    pub provider: String,
    /// What that provider calls the model.
    pub provider_model: String,
    /// Its priority group.
    pub priority: u32,
    /// 0 for a provider that was named, n for its n-th backup.
    pub backup_rank: u32,
    /// Its weight.
    pub weight: u32,
    /// Chance to lead its group, in percent, when groups are ordered by weight.
    pub share_percent: Option<f64>,
    /// How it stands.
    pub standing: ExplainedStanding,
    /// Why it is left out.
    pub skip: Option<ExplainedSkip>,
    /// What the ask would cost here, in millionths of a dollar.
    pub price_micro_usd: Option<f64>,
    /// Its decayed time to the first token.
    pub first_token_ms: Option<f64>,
    /// Why it stands at this place, in a sentence.
    pub why: String,
}

/// A [`Standing`](crate::breaker::Standing) with its times counted from now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ExplainedStanding {
    /// It serves.
    Ready,
    /// It is returning to service.
    Ramping {
        /// Percent of requests that it gets in its place.
        share: u8,
    },
    /// Its bench time is over.
    ProbeDue,
    /// Another request is probing it just now.
    Probing,
    /// It is benched.
    Open {
        /// The circuit that is open.
        scope: &'static str,
        /// The class of failure that opened it.
        cause: &'static str,
        /// When it may be probed.
        returns_in_ms: u64,
    },
}

/// A [`Skip`](super::Skip) in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedSkip {
    /// Its name, as in answers and metrics.
    pub reason: &'static str,
    /// The same in a sentence.
    pub detail: String,
    /// When the reason will have passed, where that is known.
    pub returns_in_ms: Option<u64>,
}

/// Explains where the ask of `situation` would go.
pub fn explain(situation: &Situation<'_>, now: Instant) -> Explanation {
    let provider_name = |target: &Target| situation.catalog.provider(target.provider).name.to_string();
    explain_scene(&Scene::new(situation, &[]), &provider_name, now)
}

pub(super) fn explain_scene(
    scene: &Scene<'_>,
    provider_name: &dyn Fn(&Target) -> String,
    now: Instant,
) -> Explanation {
    let layout = lay_out(scene, Lottery::Likely, now);
    let teller = Teller {
        scene,
        layout: &layout,
        provider_name,
        now,
    };
    let usable = layout
        .ordered
        .iter()
        .enumerate()
        .map(|(index, usable)| teller.usable(index, usable));
    let skipped = layout
        .skips
        .iter()
        .map(|(target, skip)| teller.skipped(*target, skip));
    Explanation {
        model: scene.model.name.to_string(),
        order: match scene.model.order {
            Order::Weighted => "weighted",
            Order::Fastest => "fastest",
            Order::Cheapest => "cheapest",
            Order::Ordered => "ordered",
        },
        mode: match scene.model.failover.mode {
            FailoverMode::Retry => "retry",
            FailoverMode::NextRequest => "next_request",
            FailoverMode::Off => "off",
        },
        attempts: layout.attempts.iter().sum(),
        forced: layout.forced,
        targets: usable.chain(skipped).collect(),
    }
}
