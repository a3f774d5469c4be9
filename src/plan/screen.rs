//! Which targets may be tried now, and why the others may not.
//!
//! Fitness comes before health, so that a target which cannot do what was asked is never tried only because every
//! other one is benched.

use std::time::Instant;

use crate::breaker::{Scope, Standing, TargetAvailability};
use crate::catalog::{Target, TargetIx};
use crate::config::WhenAllOpen;

use super::{Ask, Scene, Skip};

/// A target that may be tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usable {
    pub(super) target: TargetIx,
    /// Its index in the model's own list.
    pub(super) position: usize,
    /// `Ready`, `Ramping` or `ProbeDue`; anything else only when the plan is forced.
    pub(super) standing: Standing,
    /// Its decayed time to the first token.
    pub(super) speed: Option<std::time::Duration>,
    /// Set to its share when it is returning and this request is not one of that share.
    pub(super) sat_out: Option<u8>,
}

/// All targets of a model, told apart.
pub(super) struct Screened {
    pub(super) usable: Vec<Usable>,
    pub(super) skips: Vec<(TargetIx, Skip)>,
    pub(super) forced: bool,
}

/// Tells usable targets from the others, both in the order of the model.
pub(super) fn screen(scene: &Scene<'_>, now: Instant) -> Screened {
    let fitness = Fitness::new(scene);
    let mut screened = Screened {
        usable: Vec::with_capacity(scene.model.targets.len()),
        skips: Vec::new(),
        forced: false,
    };
    let mut benched: Option<Benched> = None;
    for (position, &target) in scene.model.targets.iter().enumerate() {
        let TargetAvailability {
            standing,
            scope,
            speed,
        } = scene.standing_of(position);
        let standing = if scene.heeds_health() {
            standing_at(standing, now)
        } else {
            Standing::Ready
        };
        let usable = Usable {
            target,
            position,
            standing,
            speed,
            sat_out: None,
        };
        if let Some(skip) = fitness.refusal(target) {
            screened.skips.push((target, skip));
        } else if let Some(skip) = bench(standing, scope) {
            let candidate = Benched::new(scene, usable, screened.skips.len(), now);
            if benched.as_ref().is_none_or(|best| candidate.rank < best.rank) {
                benched = Some(candidate);
            }
            screened.skips.push((target, skip));
        } else if scene
            .tried
            .iter()
            .any(|tried| tried.target == target && tried.same_target_pointless)
        {
            screened.skips.push((target, Skip::Tried));
        } else {
            screened.usable.push(usable);
        }
    }
    if scene.tried.is_empty() {
        force_if_empty(scene, &mut screened, benched);
    } else {
        drop_used_up(scene, &mut screened);
    }
    screened
}

/// True when this request has, and had, no other target than the one in `usable`.
pub(super) fn is_lone(scene: &Scene<'_>, usable: &[Usable]) -> bool {
    matches!(usable, [lone] if scene.tried.iter().all(|tried| tried.target == lone.target))
}

/// The benched target that is nearest to service, when there is nothing else and the model wants it tried.
fn force_if_empty(scene: &Scene<'_>, screened: &mut Screened, benched: Option<Benched>) {
    let Some(benched) = benched else { return };
    match scene.model.when_all_open {
        WhenAllOpen::TrySoonest if screened.usable.is_empty() => {
            screened.skips.remove(benched.skip);
            screened.usable.push(benched.usable);
            screened.forced = true;
        }
        WhenAllOpen::TrySoonest | WhenAllOpen::Fail => {}
    }
}

/// Takes out the targets that have had their attempts, unless the only one there is may use the whole budget.
fn drop_used_up(scene: &Scene<'_>, screened: &mut Screened) {
    if is_lone(scene, &screened.usable) {
        return;
    }
    let each = super::as_count(scene.model.failover.attempts_per_target);
    let skips = &mut screened.skips;
    screened.usable.retain(|usable| {
        let has_more = scene.times_tried(usable.target) < each;
        if !has_more {
            skips.push((usable.target, Skip::Tried));
        }
        has_more
    });
}

/// A target that only its circuits keep out.
struct Benched {
    usable: Usable,
    /// Where its skip stands.
    skip: usize,
    /// When its bench time is over, then its place: the least is forced.
    rank: (Instant, usize, u32, u32),
}

impl Benched {
    fn new(scene: &Scene<'_>, usable: Usable, skip: usize, now: Instant) -> Self {
        // The bench time of one that is being probed is over already.
        let until = match usable.standing {
            Standing::Open { until, .. } => until,
            _ => now,
        };
        let target = scene.target(usable.target);
        let wish = scene.ask.wish_for(target.provider).unwrap_or(0);
        Self {
            usable,
            skip,
            rank: (until, wish, target.priority, target.backup_rank),
        }
    }
}

/// A bench time that has passed since the standing was taken is over.
fn standing_at(standing: Standing, now: Instant) -> Standing {
    match standing {
        Standing::Open { until, .. } if until <= now => Standing::ProbeDue,
        other => other,
    }
}

fn bench(standing: Standing, scope: Scope) -> Option<Skip> {
    match standing {
        Standing::Open { until, cause } => Some(Skip::CircuitOpen {
            until,
            scope: scope.as_str(),
            cause: cause.as_str(),
        }),
        Standing::Probing { .. } => Some(Skip::Probing),
        Standing::Ready | Standing::Ramping { .. } | Standing::ProbeDue => None,
    }
}

/// What a target must be for this ask.
struct Fitness<'a> {
    scene: &'a Scene<'a>,
    /// Windows at least this large are let through although the ask exceeds them: no other is larger.
    largest: Option<u64>,
    /// After a provider found the ask too long: only a declared window larger than this can help.
    outgrown: Option<u64>,
}

impl<'a> Fitness<'a> {
    fn new(scene: &'a Scene<'a>) -> Self {
        let outgrown = scene
            .tried
            .iter()
            .filter(|tried| tried.needs_larger_window)
            .map(|tried| scene.target(tried.target).context_window.unwrap_or(0))
            .max();
        let mut fitness = Self {
            scene,
            largest: None,
            outgrown,
        };
        fitness.largest = fitness.largest_if_none_fits();
        fitness
    }

    fn refusal(&self, ix: TargetIx) -> Option<Skip> {
        self.incapable(ix)
            .or_else(|| self.too_small(self.scene.target(ix)))
    }

    fn incapable(&self, ix: TargetIx) -> Option<Skip> {
        let (ask, target) = (self.scene.ask, self.scene.target(ix));
        if ask.wish_for(target.provider).is_none() {
            return Some(Skip::NotAllowed);
        }
        let missing = || ask.cannot_reach(ix).or_else(|| ask.beyond(target.lacks));
        (self.scene.away)(target.provider).or_else(|| missing().map(|feature| Skip::Unsupported { feature }))
    }

    fn too_small(&self, target: &Target) -> Option<Skip> {
        let window = target.context_window;
        if let Some(outgrown) = self.outgrown
            && window.is_none_or(|window| window <= outgrown)
        {
            let needed = self.scene.ask.input_tokens.max(outgrown.saturating_add(1));
            return Some(Skip::ContextWindow { window, needed });
        }
        let fits = window?;
        let needed = needed_in(self.scene.ask, fits);
        let may_stay = self.largest.is_some_and(|largest| fits >= largest);
        (fits < needed && !may_stay).then_some(Skip::ContextWindow { window, needed })
    }

    /// The largest window of the capable targets, when the ask exceeds every one of them.
    fn largest_if_none_fits(&self) -> Option<u64> {
        let capable = || {
            let targets = self.scene.model.targets.iter();
            let capable = targets.filter(|ix| self.incapable(**ix).is_none());
            capable.map(|ix| self.scene.target(*ix))
        };
        let fits = |target: &Target| {
            target
                .context_window
                .is_none_or(|window| needed_in(self.scene.ask, window) <= window)
        };
        if capable().any(fits) {
            None
        } else {
            capable().filter_map(|target| target.context_window).max()
        }
    }
}

/// Tokens that `ask` takes of a window: its prompt, and the answer it asks room for.
///
/// An answer limit that is larger than the window by itself is no request for room but "as long as you can", and is
/// not counted.
fn needed_in(ask: &Ask, window: u64) -> u64 {
    let answer = ask.max_tokens.filter(|answer| *answer <= window).unwrap_or(0);
    ask.input_tokens.saturating_add(answer)
}
