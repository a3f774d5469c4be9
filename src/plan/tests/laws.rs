//! What is true of every plan, whatever the situation.

use proptest::prelude::*;

use super::*;

fn any_standing() -> impl Strategy<Value = (u8, u8, Option<u64>)> {
    (0..6_u8, 0..=100_u8, prop::option::of(1..2000_u64))
}

/// Any world of up to six targets.
fn any_world() -> impl Strategy<Value = World> {
    let target = (
        0..3_u32,
        0..3_u32,
        1..100_u32,
        prop::option::of(1..5000_u64),
        any::<bool>(),
        any_standing(),
    );
    let failover = (0..3_u8, 0..6_u32, 0..4_u32, 0..4_u8, any::<bool>());
    let ask = (
        0..6000_u64,
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(0..7_usize, 0..3),
        0..8_usize,
    );
    (prop::collection::vec(target, 1..7), failover, ask).prop_map(|(targets, failover, ask)| {
        let mut world = World::of(targets.len());
        for (i, (priority, backup_rank, weight, window, lacks_tools, standing)) in
            targets.into_iter().enumerate()
        {
            let target = &mut world.targets[i];
            (target.priority, target.backup_rank, target.weight) = (priority, backup_rank, weight);
            target.context_window = window;
            target.lacks.tools = lacks_tools;
            target.price = price(f64::from(weight), 1.0).filter(|_| weight % 3 != 0);
            let (kind, share, millis) = standing;
            world.standings[i].speed = millis.map(Duration::from_millis);
            world = match kind {
                0 => world.open(i, u64::from(share)),
                1 => world.probing(i),
                2 => world.stands(i, Standing::ProbeDue),
                3 => world.stands(i, Standing::Ramping { share }),
                _ => world,
            };
        }
        let (mode, attempts, each, order, is_fail) = failover;
        let modes = [FailoverMode::Retry, FailoverMode::NextRequest, FailoverMode::Off];
        world.model.failover.mode = modes[usize::from(mode)];
        world.model.failover.attempts = attempts;
        world.model.failover.attempts_per_target = each;
        world.model.order =
            [Order::Weighted, Order::Fastest, Order::Cheapest, Order::Ordered][usize::from(order)];
        if is_fail {
            world.model.when_all_open = WhenAllOpen::Fail;
        }
        let (input_tokens, tools, off, wish, drained) = ask;
        world.ask.input_tokens = input_tokens;
        world.ask.features.tools = tools;
        world.ask.narrowing.failover_off = off;
        world.ask.narrowing.order = wish.into_iter().map(ProviderIx).collect();
        world.draining = vec![ProviderIx(drained)];
        world
    })
}

fn any_tried(targets: usize) -> impl Strategy<Value = Vec<Tried>> {
    prop::collection::vec(
        (0..targets, any::<bool>(), any::<bool>()).prop_map(|(target, long, pointless)| Tried {
            target: TargetIx(target),
            needs_larger_window: long && pointless,
            same_target_pointless: pointless,
        }),
        0..4,
    )
}

fn world_and_tried() -> impl Strategy<Value = (World, Vec<Tried>)> {
    any_world().prop_flat_map(|world| {
        let tried = any_tried(world.targets.len());
        (Just(world), tried)
    })
}

/// True when the target may never be tried for this ask, whoever else is there.
fn is_excluded(world: &World, ix: usize) -> bool {
    let target = &world.targets[ix];
    let wish = &world.ask.narrowing.order;
    (!wish.is_empty() && !wish.contains(&target.provider))
        || world.draining.contains(&target.provider)
        || (world.ask.features.tools && target.lacks.tools)
}

fn is_benched(world: &World, ix: usize) -> bool {
    match world.standings[ix].standing {
        Standing::Open { until, .. } => until > world.now,
        Standing::Probing { .. } => true,
        Standing::Ready | Standing::Ramping { .. } | Standing::ProbeDue => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn attempts_never_exceed_the_budget((world, tried) in world_and_tried(), seed: u64) {
        let plan = world.drawn(&tried, &mut fastrand::Rng::with_seed(seed));

        let most = if matches!(world.model.failover.mode, FailoverMode::Retry) && !world.ask.narrowing.failover_off {
            world.model.failover.attempts.max(1) as usize
        } else {
            1
        };
        prop_assert!(plan.attempts.len() + tried.len().min(most) <= most);
    }

    #[test]
    fn nothing_excluded_or_benched_is_ever_tried((world, tried) in world_and_tried(), seed: u64) {
        let plan = world.drawn(&tried, &mut fastrand::Rng::with_seed(seed));

        for target in &plan.attempts {
            prop_assert!(!is_excluded(&world, target.0));
            if world.model.failover.mode != FailoverMode::Off {
                prop_assert_eq!(is_benched(&world, target.0), plan.forced);
            }
            let is_pointless = |tried: &Tried| tried.target == *target && tried.same_target_pointless;
            prop_assert!(!tried.iter().any(is_pointless));
        }
    }

    #[test]
    fn a_target_is_planned_or_skipped_and_never_both((world, tried) in world_and_tried(), seed: u64) {
        let plan = world.drawn(&tried, &mut fastrand::Rng::with_seed(seed));

        for target in &world.model.targets {
            let skips = plan.skips.iter().filter(|(skipped, _)| skipped == target).count();
            let is_planned = plan.attempts.contains(target);
            prop_assert!(skips <= 1 && !(is_planned && skips == 1));
        }
    }

    #[test]
    fn a_fresh_plan_is_empty_only_for_a_reason(world in any_world(), seed: u64) {
        let plan = world.drawn(&[], &mut fastrand::Rng::with_seed(seed));

        let mut candidates = (0..world.targets.len()).filter(|ix| !is_excluded(&world, *ix)).peekable();
        if candidates.peek().is_none() {
            prop_assert!(plan.attempts.is_empty() && !plan.forced);
        } else if matches!(world.model.when_all_open, WhenAllOpen::TrySoonest) {
            prop_assert!(!plan.attempts.is_empty());
        } else if plan.attempts.is_empty() {
            // Then everything that fits is benched.
            let mut skips = plan.skips.iter().map(|(_, skip)| skip.name());
            prop_assert!(skips.any(|name| name == "circuit_open" || name == "probing"));
        }
        prop_assert!(!plan.forced || plan.attempts.len() == 1);
    }

    #[test]
    fn the_same_seed_gives_the_same_plan((world, tried) in world_and_tried(), seed: u64) {
        let once = world.drawn(&tried, &mut fastrand::Rng::with_seed(seed));
        let again = world.drawn(&tried, &mut fastrand::Rng::with_seed(seed));

        prop_assert_eq!(once, again);
    }

    #[test]
    fn a_target_is_tried_in_one_go_and_no_more_than_its_share((world, tried) in world_and_tried(), seed: u64) {
        let plan = world.drawn(&tried, &mut fastrand::Rng::with_seed(seed));

        let mut distinct = plan.attempts.clone();
        distinct.dedup();
        let runs = distinct.len();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(runs, distinct.len());
        if runs > 1 {
            let each = world.model.failover.attempts_per_target.max(1) as usize;
            for target in distinct {
                let planned = plan.attempts.iter().filter(|other| **other == target).count();
                let before = tried.iter().filter(|tried| tried.target == target).count();
                prop_assert!(planned + before <= each);
            }
        }
    }

    #[test]
    fn an_explanation_tells_of_every_target_once(world in any_world()) {
        let explanation = world.explanation();

        prop_assert_eq!(explanation.targets.len(), world.targets.len());
        let plan = world.drawn(&[], &mut fastrand::Rng::with_seed(1));
        prop_assert_eq!(explanation.forced, plan.forced);
        prop_assert_eq!(explanation.attempts, plan.attempts.len());
        for target in &explanation.targets {
            prop_assert_eq!(target.place.is_none(), target.skip.is_some());
            prop_assert!(!target.why.is_empty());
        }
    }
}
