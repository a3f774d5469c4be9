//! Decides the order of attempts: `(catalog, availability, ask, rng) -> Plan`, and nothing else.
//!
//! Planning is pure. It never reads a clock, never holds a lock and never obtains a permit: availability
//! advises, the permit decides. Every target that may not be used is left out with a [`Skip`] that an operator can read; the
//! others stand in the plan as far as the budget of attempts reaches. What is decided, in this order:
//!
//! 1. **Fitness** (`screen`): narrowed away, draining, unable to do what was asked, or too small a window. When no
//!    window is large enough the largest stay, because our token count is an estimate and the provider's is not.
//! 2. **Health** (`screen`): a benched target is out until its time; one that another request is probing is out.
//!    When that leaves nothing, the model's `when_all_open` decides. In mode `off` health does not matter.
//! 3. **Order** (`rank`): the caller's wish, then priority, then primaries before backups, then the model's order.
//!    A returning target keeps its place for its share of the requests and stands behind all others for the rest.
//!    A target that is due for a probe keeps its place only at the head of a fresh plan, where its permit is
//!    reserved at once; anywhere else it is the last resort.
//! 4. **Budget**: `attempts` in all, `attempts_per_target` each; a lone target may use all of them.

mod ask;
mod explain;
mod price;
mod rank;
mod screen;
mod skip;

#[cfg(test)]
mod tests;

pub use ask::{Ask, Features, Narrowing};
pub use explain::{ExplainedSkip, ExplainedStanding, ExplainedTarget, Explanation, explain};
pub use skip::Skip;

use std::time::Instant;

use crate::breaker::{Availability, Scope, Standing, TargetAvailability};
use crate::catalog::{Catalog, Model, ProviderIx, Target, TargetIx};
use crate::config::FailoverMode;

use rank::Lottery;
use screen::{Screened, Usable};

/// The order in which targets are to be tried, and why others are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The target of each attempt, the first first; a target may stand here more than once.
    pub attempts: Vec<TargetIx>,
    /// Targets that were left out.
    pub skips: Vec<(TargetIx, Skip)>,
    /// True when every target is benched and the one that returns soonest is tried all the same.
    pub forced: bool,
}

impl Plan {
    /// When the first of the benched targets may be probed: what a client that got nothing can be told to wait for.
    pub fn soonest_return(&self) -> Option<Instant> {
        self.skips.iter().filter_map(|(_, skip)| skip.until()).min()
    }
}

/// Everything that a plan follows from, but chance and time.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// The catalog that the request began with.
    pub catalog: &'a Catalog,
    /// What the client wants.
    pub ask: &'a Ask,
    /// How the targets of the ask's model stand, index by index those of [`Model::targets`].
    pub availability: &'a Availability,
    /// Why a provider takes no requests at all just now: the operator is draining it, or there is no way to sign in.
    pub away: &'a dyn Fn(ProviderIx) -> Option<Skip>,
}

/// A failed attempt of the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// The target that failed.
    pub target: TargetIx,
    /// The ask was too long for it: only a target that declares a larger window can do better.
    pub needs_larger_window: bool,
    /// It would fail in the same way again, as with a refused key or an unknown model.
    pub same_target_pointless: bool,
}

/// The plan of a new request. `attempts` is empty when nothing may be tried; the skips say why.
pub fn plan(situation: &Situation<'_>, rng: &mut fastrand::Rng, now: Instant) -> Plan {
    lay_out(&Scene::new(situation, &[]), Lottery::Drawn(rng), now).into_plan()
}

/// What remains of a request's budget after failed attempts, `tried` being all of them in their order.
///
/// A target that failed comes first as long as it has attempts of its own left. A replan never forces a benched
/// target: the request has had its try, and each failing request would otherwise end on the bench's doorstep.
pub fn replan(situation: &Situation<'_>, tried: &[Tried], rng: &mut fastrand::Rng, now: Instant) -> Plan {
    lay_out(&Scene::new(situation, tried), Lottery::Drawn(rng), now).into_plan()
}

/// A situation narrowed to the one model that matters, with what was tried.
#[derive(Clone, Copy)]
struct Scene<'a> {
    model: &'a Model,
    targets: &'a [Target],
    ask: &'a Ask,
    availability: &'a Availability,
    away: &'a dyn Fn(ProviderIx) -> Option<Skip>,
    tried: &'a [Tried],
}

impl<'a> Scene<'a> {
    fn new(situation: &Situation<'a>, tried: &'a [Tried]) -> Self {
        Self {
            model: situation.catalog.model(situation.ask.model),
            targets: &situation.catalog.targets,
            ask: situation.ask,
            availability: situation.availability,
            away: situation.away,
            tried,
        }
    }

    /// How the target at `position` of the model stands; one that nobody has heard of yet is taken to serve.
    fn standing_of(&self, position: usize) -> TargetAvailability {
        let unheard_of = TargetAvailability {
            standing: Standing::Ready,
            scope: Scope::Target,
            speed: None,
        };
        self.availability
            .entries()
            .get(position)
            .copied()
            .unwrap_or(unheard_of)
    }

    fn target(&self, target: TargetIx) -> &'a Target {
        &self.targets[target.0]
    }

    /// Attempts that the request may still make.
    fn budget(&self) -> usize {
        let failover = &self.model.failover;
        let whole = match failover.mode {
            FailoverMode::Retry if !self.ask.narrowing.failover_off => as_count(failover.attempts),
            FailoverMode::Retry | FailoverMode::NextRequest | FailoverMode::Off => 1,
        };
        whole.saturating_sub(self.tried.len())
    }

    /// Whether the health of a target decides on its place: with `off`, nothing moves a request from where it belongs.
    fn heeds_health(&self) -> bool {
        self.model.failover.mode != FailoverMode::Off
    }

    /// Attempts that `target` has had.
    fn times_tried(&self, target: TargetIx) -> usize {
        self.tried.iter().filter(|tried| tried.target == target).count()
    }
}

/// The whole decision: every usable target in its order, those that are not, and how often each is tried.
struct Layout {
    ordered: Vec<Usable>,
    /// For each of `ordered`, how many of the attempts are its own.
    attempts: Vec<usize>,
    skips: Vec<(TargetIx, Skip)>,
    forced: bool,
}

impl Layout {
    fn into_plan(self) -> Plan {
        let mut plan = Plan {
            attempts: Vec::new(),
            skips: self.skips,
            forced: self.forced,
        };
        plan.attempts.reserve_exact(self.attempts.iter().sum());
        for (usable, count) in self.ordered.iter().zip(&self.attempts) {
            plan.attempts.extend(std::iter::repeat_n(usable.target, *count));
            if let Some(share) = usable.sat_out
                && *count == 0
            {
                plan.skips.push((usable.target, Skip::Ramping { share }));
            }
        }
        plan
    }
}

fn lay_out(scene: &Scene<'_>, lottery: Lottery<'_>, now: Instant) -> Layout {
    let mut budget = scene.budget();
    let Screened {
        mut usable,
        skips,
        forced,
    } = screen::screen(scene, now);
    rank::rank(scene, &mut usable, lottery);
    let is_lone = screen::is_lone(scene, &usable);
    let per_target = as_count(scene.model.failover.attempts_per_target);
    let attempts = usable
        .iter()
        .map(|usable| {
            let own = match usable.standing {
                _ if forced => 1,
                // A probe is one attempt: what it finds decides whether there is a second.
                Standing::ProbeDue => 1,
                _ if is_lone => budget,
                _ => per_target.saturating_sub(scene.times_tried(usable.target)),
            };
            let granted = own.min(budget);
            budget -= granted;
            granted
        })
        .collect();
    Layout {
        ordered: usable,
        attempts,
        skips,
        forced,
    }
}

/// A configured count; 0 would mean that nothing may ever be tried, and is read as 1.
fn as_count(configured: u32) -> usize {
    usize::try_from(configured.max(1)).unwrap_or(usize::MAX)
}
