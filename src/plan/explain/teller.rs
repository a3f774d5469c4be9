//! The sentences and figures of one target.

use std::time::{Duration, Instant};

use crate::breaker::{Standing, TargetAvailability};
use crate::catalog::{Target, TargetIx};
use crate::config::Order;

use super::{ExplainedSkip, ExplainedStanding, ExplainedTarget};
use crate::plan::screen::Usable;
use crate::plan::{Layout, Scene, Skip, price};

/// Tells of each target, given the layout of the whole.
pub(super) struct Teller<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) layout: &'a Layout,
    pub(super) provider_name: &'a dyn Fn(&Target) -> String,
    pub(super) now: Instant,
}

impl Teller<'_> {
    /// The target at `index` of the order.
    pub(super) fn usable(&self, index: usize, usable: &Usable) -> ExplainedTarget {
        let attempts = self.layout.attempts.get(index).copied().unwrap_or(0);
        let share = self.share_percent(usable);
        ExplainedTarget {
            place: Some(index + 1),
            attempts,
            share_percent: share,
            why: self.why(index, usable, share, attempts),
            ..self.facts(usable.target)
        }
    }

    /// A target that was left out.
    pub(super) fn skipped(&self, target: TargetIx, skip: &Skip) -> ExplainedTarget {
        let returns_in = skip
            .until()
            .map(|until| until.saturating_duration_since(self.now));
        let why = match returns_in {
            Some(left) => format!("left out: {skip}; it may return in {}", seconds(left)),
            None => format!("left out: {skip}"),
        };
        let skip = ExplainedSkip {
            reason: skip.name(),
            detail: skip.to_string(),
            returns_in_ms: returns_in.map(millis),
        };
        ExplainedTarget {
            skip: Some(skip),
            why,
            ..self.facts(target)
        }
    }

    /// What is true of a target at any place.
    fn facts(&self, ix: TargetIx) -> ExplainedTarget {
        let target = self.scene.target(ix);
        let position = self
            .scene
            .model
            .targets
            .iter()
            .position(|other| *other == ix)
            .unwrap_or(usize::MAX);
        let known = self.scene.standing_of(position);
        ExplainedTarget {
            place: None,
            attempts: 0,
            provider: (self.provider_name)(target),
            provider_model: target.provider_model.to_string(),
            priority: target.priority,
            backup_rank: target.backup_rank,
            weight: target.weight,
            share_percent: None,
            standing: self.standing(known),
            skip: None,
            price_micro_usd: price::of(self.scene.ask, target),
            first_token_ms: known.speed.map(|speed| speed.as_secs_f64() * 1000.0),
            why: String::new(),
        }
    }

    fn standing(&self, known: TargetAvailability) -> ExplainedStanding {
        match known.standing {
            Standing::Ready => ExplainedStanding::Ready,
            Standing::Ramping { share } => ExplainedStanding::Ramping { share },
            Standing::ProbeDue => ExplainedStanding::ProbeDue,
            Standing::Probing { .. } => ExplainedStanding::Probing,
            Standing::Open { until, cause } => match until.saturating_duration_since(self.now) {
                Duration::ZERO => ExplainedStanding::ProbeDue,
                left => ExplainedStanding::Open {
                    scope: known.scope.as_str(),
                    cause: cause.as_str(),
                    returns_in_ms: millis(left),
                },
            },
        }
    }

    /// The part of its group's weight that is its own, among those that take part.
    fn share_percent(&self, usable: &Usable) -> Option<f64> {
        match self.scene.model.order {
            Order::Weighted => {}
            Order::Fastest | Order::Cheapest | Order::Ordered => return None,
        }
        let target = self.scene.target(usable.target);
        let group = |target: &Target| {
            (
                self.scene.ask.wish_for(target.provider),
                target.priority,
                target.backup_rank,
            )
        };
        let whole: f64 = self
            .layout
            .ordered
            .iter()
            .map(|other| self.scene.target(other.target))
            .filter(|other| group(other) == group(target))
            .map(|other| f64::from(other.weight.max(1)))
            .sum();
        Some(f64::from(target.weight.max(1)) * 100.0 / whole)
    }

    fn why(&self, index: usize, usable: &Usable, share: Option<f64>, attempts: usize) -> String {
        if self.layout.forced {
            return "every target is benched, and this one is nearest to service".to_owned();
        }
        let target = self.scene.target(usable.target);
        let group = match (self.scene.ask.narrowing.order.is_empty(), target.backup_rank) {
            (false, _) => "where the caller asked for it".to_owned(),
            (true, 0) => format!("priority {}", target.priority),
            (true, rank) => format!("priority {}, backup {rank}", target.priority),
        };
        let merit = match self.scene.model.order {
            Order::Weighted => format!("leads its group for {:.1}% of requests", share.unwrap_or(100.0)),
            Order::Ordered => "in the order of the file".to_owned(),
            Order::Cheapest => self.priced(target),
            Order::Fastest => match usable.speed {
                Some(speed) => format!("first token after {}", seconds(speed)),
                None => "speed not known yet; one request in ten goes to such a target first".to_owned(),
            },
        };
        let health = match usable.standing {
            Standing::Ramping { share } => {
                format!("; returning, in its place for {share}% of requests and last for the others")
            }
            Standing::ProbeDue if index == 0 => "; the next request probes it".to_owned(),
            Standing::ProbeDue => "; due for a probe, and a last resort until one succeeds".to_owned(),
            Standing::Ready | Standing::Probing { .. } | Standing::Open { .. } => String::new(),
        };
        let reach = match attempts {
            0 => "; not reached, the attempts of one request are used up before it",
            _ => "",
        };
        format!("{group}, {merit}{health}{reach}")
    }

    fn priced(&self, target: &Target) -> String {
        match price::of(self.scene.ask, target) {
            // A short text to embed costs less than a millionth.
            Some(micro_usd) if micro_usd < 10.0 => format!("about {:.9} USD for this ask", micro_usd / 1e6),
            Some(micro_usd) => format!("about {:.6} USD for this ask", micro_usd / 1e6),
            None => "no price declared, so after those that have one".to_owned(),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}
