//! The order of usable targets: the caller's wish, priority, primaries before backups, then the model's own order.
//!
//! | order | inside a group | equals |
//! |---|---|---|
//! | `weighted` | drawn by weight, without replacement | |
//! | `fastest` | least time to first token, in steps of 10 ms | cheaper, then drawn by weight |
//! | `cheapest` | least price of this ask; those without a price last | drawn by weight |
//! | `ordered` | as in the file | |
//!
//! `fastest` must learn about a target that was not measured yet, and must not send it everything at once: as long as
//! its group has a measured one, it leads one request in ten and stands behind the measured ones for the others.
//!
//! Health does not sort, it decides who takes part: a benched target is not here at all, and a returning one stands
//! behind everything but for its share. Among those that serve, the model's order speaks. A target that is due for a
//! probe must be able to lead, or with a healthy neighbour it would never return.

use crate::breaker::Standing;
use crate::config::Order;

use super::screen::Usable;
use super::{Scene, price};

/// Percent of requests that a target of unknown speed leads.
const EXPLORED_PERCENT: u8 = 10;

/// Differences of speed below this are noise.
const SPEED_STEP_MS: u128 = 10;

/// Where chance comes from.
pub(super) enum Lottery<'r> {
    /// A generator, for requests.
    Drawn(&'r mut fastrand::Rng),
    /// Whatever is most likely, for explanations.
    Likely,
}

impl Lottery<'_> {
    fn is_within(&mut self, percent: u8) -> bool {
        match self {
            Self::Drawn(rng) => rng.u8(0..100) < percent,
            Self::Likely => percent >= 50,
        }
    }

    /// A number that is the least of its group with a probability proportional to `weight`; sorting by it is drawing
    /// without replacement.
    fn draw(&mut self, weight: u32) -> f64 {
        let weight = f64::from(weight.max(1));
        match self {
            // Exponentially distributed with rate `weight`; the argument of the logarithm is in (0, 1].
            Self::Drawn(rng) => -(1.0 - rng.f64()).ln() / weight,
            Self::Likely => weight.recip(),
        }
    }
}

/// Puts `usable` in the order in which they are to be tried.
pub(super) fn rank(scene: &Scene<'_>, usable: &mut Vec<Usable>, mut lottery: Lottery<'_>) {
    if usable.len() < 2 {
        return;
    }
    for usable in usable.iter_mut() {
        if let Standing::Ramping { share } = usable.standing
            && !continues(scene, usable)
            && !lottery.is_within(share)
        {
            usable.sat_out = Some(share);
        }
    }
    let mut placed: Vec<(Place, Usable)> = usable
        .iter()
        .map(|one| (place(scene, usable, one, &mut lottery), *one))
        .collect();
    placed.sort_unstable_by(|(left, _), (right, _)| left.compare(right));
    let leads = usize::from(scene.tried.is_empty());
    let is_late = |index: usize, usable: &Usable| index >= leads && is_probe(usable);
    usable.clear();
    usable.extend(
        placed
            .iter()
            .enumerate()
            .filter(|(i, (_, one))| !is_late(*i, one))
            .map(|(_, (_, one))| *one),
    );
    usable.extend(
        placed
            .iter()
            .enumerate()
            .filter(|(i, (_, one))| is_late(*i, one))
            .map(|(_, (_, one))| *one),
    );
}

/// The key by which targets are sorted; the least goes first.
struct Place {
    /// 0 finishes the attempts of the target that just failed, 1 is the usual, 2 stands behind all others.
    band: u8,
    wish: usize,
    priority: u32,
    backup_rank: u32,
    /// Speed or price, by the model's order.
    merit: f64,
    /// Price, where speed came first.
    second_merit: f64,
    draw: f64,
    position: usize,
}

impl Place {
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let group = |place: &Self| (place.band, place.wish, place.priority, place.backup_rank);
        group(self)
            .cmp(&group(other))
            .then_with(|| self.merit.total_cmp(&other.merit))
            .then_with(|| self.second_merit.total_cmp(&other.second_merit))
            .then_with(|| self.draw.total_cmp(&other.draw))
            .then_with(|| self.position.cmp(&other.position))
    }
}

fn place(scene: &Scene<'_>, all: &[Usable], one: &Usable, lottery: &mut Lottery<'_>) -> Place {
    let target = scene.target(one.target);
    let price = || price::of(scene.ask, target).unwrap_or(f64::INFINITY);
    let (merit, second_merit, draw) = match scene.model.order {
        Order::Ordered => (0.0, 0.0, 0.0),
        Order::Weighted => (0.0, 0.0, lottery.draw(target.weight)),
        Order::Cheapest => (price(), 0.0, lottery.draw(target.weight)),
        Order::Fastest => (
            slowness(scene, all, one, lottery),
            price(),
            lottery.draw(target.weight),
        ),
    };
    Place {
        band: if continues(scene, one) {
            0
        } else {
            1 + u8::from(one.sat_out.is_some())
        },
        wish: scene.ask.wish_for(target.provider).unwrap_or(usize::MAX),
        priority: target.priority,
        backup_rank: target.backup_rank,
        merit,
        second_merit,
        draw,
        position: one.position,
    }
}

/// Steps of time to the first token, or where an unmeasured target stands instead.
fn slowness(scene: &Scene<'_>, all: &[Usable], one: &Usable, lottery: &mut Lottery<'_>) -> f64 {
    if let Some(speed) = one.speed {
        let steps = speed.as_millis() / SPEED_STEP_MS;
        return f64::from(u32::try_from(steps).unwrap_or(u32::MAX));
    }
    let group = |one: &Usable| {
        let target = scene.target(one.target);
        (target.priority, target.backup_rank)
    };
    let has_measured = all
        .iter()
        .any(|other| other.speed.is_some() && group(other) == group(one));
    if has_measured && lottery.is_within(EXPLORED_PERCENT) {
        -1.0
    } else {
        f64::INFINITY
    }
}

/// True for the target that failed last: what it has left comes before anything else.
fn continues(scene: &Scene<'_>, one: &Usable) -> bool {
    !is_probe(one) && scene.tried.last().is_some_and(|last| last.target == one.target)
}

fn is_probe(one: &Usable) -> bool {
    matches!(one.standing, Standing::ProbeDue)
}
