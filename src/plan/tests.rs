mod budget;
mod fitness;
mod health;
mod laws;
mod order;
mod words;

use bytes::Bytes;
use std::time::{Duration, Instant};

use super::*;
use crate::breaker::Cause;
use crate::catalog::{Failover, Lacks, ModelIx, PolicyIx, Surface, SurfacePaths};
use crate::config::{Breaker, Kind, Order, Price, WhenAllOpen};
use crate::dialect::Dialect;
use crate::dialect::facts::Facts;
use crate::dialect::vendor::Vendor;
use crate::outcome::FailoverOn;

/// One model with its targets, each at a provider of its own, and a request for it.
#[derive(Debug, Clone)]
struct World {
    model: Model,
    targets: Vec<Target>,
    standings: Vec<TargetAvailability>,
    ask: Ask,
    draining: Vec<ProviderIx>,
    now: Instant,
}

impl World {
    /// `count` equal targets that all serve, tried in the order of the file, 3 attempts.
    fn of(count: usize) -> Self {
        let targets = (0..count).map(|i| target(ProviderIx(i))).collect();
        Self {
            model: Model {
                name: "gpt-4o".into(),
                aliases: Vec::new(),
                targets: (0..count).map(TargetIx).collect(),
                policy: PolicyIx(0),
                failover: Failover {
                    mode: FailoverMode::Retry,
                    on: FailoverOn::default(),
                    attempts: 3,
                    attempts_per_target: 1,
                    per_try_timeout: Duration::from_secs(30),
                    first_token_timeout: Duration::from_secs(15),
                    stall_timeout: Duration::from_secs(30),
                    timeout: Duration::from_mins(2),
                    backoff_max: Duration::from_secs(1),
                },
                order: Order::Ordered,
                when_all_open: WhenAllOpen::TrySoonest,
            },
            targets,
            standings: vec![
                TargetAvailability {
                    standing: Standing::Ready,
                    scope: Scope::Target,
                    speed: None
                };
                count
            ],
            ask: Ask {
                surface: Surface::Chat,
                model: ModelIx(0),
                stream: false,
                features: Features::default(),
                input_tokens: 0,
                max_tokens: None,
                narrowing: Narrowing::default(),
                unfit: Vec::new(),
            },
            draining: Vec::new(),
            now: Instant::now(),
        }
    }

    fn ordered_by(mut self, order: Order) -> Self {
        self.model.order = order;
        self
    }

    fn attempts(mut self, attempts: u32) -> Self {
        self.model.failover.attempts = attempts;
        self
    }

    fn each(mut self, set: impl Fn(usize, &mut Target)) -> Self {
        self.targets
            .iter_mut()
            .enumerate()
            .for_each(|(i, target)| set(i, target));
        self
    }

    fn stands(mut self, target: usize, standing: Standing) -> Self {
        self.standings[target].standing = standing;
        self
    }

    fn open(self, target: usize, seconds: u64) -> Self {
        let until = self.now + Duration::from_secs(seconds);
        self.stands(
            target,
            Standing::Open {
                until,
                cause: Cause::Class("overloaded"),
            },
        )
    }

    fn probing(self, target: usize) -> Self {
        let until = self.now + Duration::from_secs(30);
        self.stands(target, Standing::Probing { until })
    }

    fn took(mut self, target: usize, millis: u64) -> Self {
        self.standings[target].speed = Some(Duration::from_millis(millis));
        self
    }

    /// Runs `with` on the scene of this world.
    fn scene<T>(&self, tried: &[Tried], with: impl FnOnce(&Scene<'_>) -> T) -> T {
        let away = |provider: ProviderIx| self.draining.contains(&provider).then_some(Skip::Draining);
        with(&Scene {
            model: &self.model,
            targets: &self.targets,
            ask: &self.ask,
            availability: &self.standings.iter().copied().collect(),
            away: &away,
            tried,
        })
    }

    fn drawn(&self, tried: &[Tried], rng: &mut fastrand::Rng) -> Plan {
        self.scene(tried, |scene| {
            lay_out(scene, Lottery::Drawn(rng), self.now).into_plan()
        })
    }

    fn plan(&self) -> Plan {
        self.drawn(&[], &mut fastrand::Rng::with_seed(7))
    }

    fn replan(&self, tried: &[Tried]) -> Plan {
        self.drawn(tried, &mut fastrand::Rng::with_seed(7))
    }

    /// The targets of the plan, as numbers.
    fn order(&self) -> Vec<usize> {
        numbers(&self.plan())
    }

    /// How often each target leads, of `rounds` plans.
    fn leads(&self, rounds: u32) -> Vec<f64> {
        let mut rng = fastrand::Rng::with_seed(42);
        let mut counts = vec![0_u32; self.targets.len()];
        for _ in 0..rounds {
            counts[self.drawn(&[], &mut rng).attempts[0].0] += 1;
        }
        counts
            .iter()
            .map(|count| f64::from(*count) / f64::from(rounds))
            .collect()
    }

    fn explanation(&self) -> Explanation {
        self.scene(&[], |scene| {
            explain::explain_scene(
                scene,
                &|target| format!("provider-{}", target.provider.0),
                self.now,
            )
        })
    }
}

fn target(provider: ProviderIx) -> Target {
    let path = Bytes::from_static(b"/v1/chat/completions");
    Target {
        provider,
        model: ModelIx(0),
        dialect: Dialect::OpenAi,
        facts: Facts::default(),
        vendor: Vendor::of(Kind::OpenAi),
        provider_model: "gpt-4o".into(),
        weight: 1,
        priority: 0,
        backup_rank: 0,
        context_window: None,
        lacks: Lacks::default(),
        price: None,
        breaker: Breaker::default(),
        paths: SurfacePaths(std::array::from_fn(|_| [Some(path.clone()), Some(path.clone())])),
    }
}

fn numbers(plan: &Plan) -> Vec<usize> {
    plan.attempts.iter().map(|target| target.0).collect()
}

/// The skips of a plan, as numbers and names.
fn skipped(plan: &Plan) -> Vec<(usize, &'static str)> {
    plan.skips
        .iter()
        .map(|(target, skip)| (target.0, skip.name()))
        .collect()
}

fn failed(target: usize) -> Tried {
    Tried {
        target: TargetIx(target),
        needs_larger_window: false,
        same_target_pointless: false,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a target has")]
fn price(input: f64, output: f64) -> Option<Price> {
    Some(Price {
        input,
        cached_input: input,
        output,
    })
}

fn assert_close(found: f64, expected: f64) {
    // Five standard deviations of a share of 0.5 in 20,000 draws are below 0.018.
    assert!((found - expected).abs() < 0.02, "{found} is not near {expected}");
}
