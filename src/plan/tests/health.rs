//! What circuits do to a plan.

use super::order::share;
use super::*;

const ROUNDS: u32 = 20_000;

#[test]
fn a_benched_target_is_left_out_until_its_time() {
    let world = World::of(3).open(0, 30);

    let plan = world.plan();

    assert_eq!(numbers(&plan), [1, 2]);
    assert_eq!(skipped(&plan), [(0, "circuit_open")]);
    assert_eq!(plan.soonest_return(), Some(world.now + Duration::from_secs(30)));
}

#[test]
fn a_bench_time_that_ends_now_is_over() {
    let world = World::of(2).open(0, 0);

    let plan = world.plan();

    assert_eq!((numbers(&plan), plan.forced), (vec![0, 1], false));
}

#[test]
fn a_target_under_probe_is_left_to_its_probe() {
    let plan = World::of(2).attempts(1).probing(0).plan();

    assert_eq!(numbers(&plan), [1]);
    assert_eq!(skipped(&plan), [(0, "probing")]);
}

#[test]
fn a_due_probe_leads_or_waits_at_the_very_end() {
    let world = World::of(4).attempts(9);

    assert_eq!(world.clone().stands(0, Standing::ProbeDue).order(), [0, 1, 2, 3]);
    assert_eq!(world.clone().stands(1, Standing::ProbeDue).order(), [0, 2, 3, 1]);
    let two = world.stands(0, Standing::ProbeDue).stands(1, Standing::ProbeDue);
    assert_eq!(two.order(), [0, 2, 3, 1]);
    // After a first attempt no permit is kept for a probe.
    assert_eq!(numbers(&two.replan(&[failed(2)])), [3, 0, 1]);
}

#[test]
fn a_due_probe_is_one_attempt_even_where_others_have_more() {
    let mut world = World::of(2).attempts(5).stands(0, Standing::ProbeDue);
    world.model.failover.attempts_per_target = 2;
    assert_eq!(world.order(), [0, 1, 1]);

    let lone = World::of(1).attempts(5).stands(0, Standing::ProbeDue);
    assert_eq!(lone.order(), [0]);
}

#[test]
fn a_returning_target_leads_for_its_share() {
    for share in [10_u8, 25, 50, 100] {
        let world = World::of(3).stands(0, Standing::Ramping { share });

        let leads = world.leads(ROUNDS);

        assert_close(leads[0], f64::from(share) / 100.0);
        assert_close(leads[1], 1.0 - f64::from(share) / 100.0);
    }
}

#[test]
fn a_returning_target_that_sits_out_is_behind_all_others_or_skipped() {
    let mut world = World::of(3).stands(0, Standing::Ramping { share: 0 });
    world.targets[2].priority = 5;

    assert_eq!(world.order(), [1, 2, 0]);

    let plan = world.attempts(2).plan();
    assert_eq!(numbers(&plan), [1, 2]);
    assert_eq!(plan.skips, [(TargetIx(0), Skip::Ramping { share: 0 })]);
}

#[test]
fn returning_targets_among_themselves_leave_no_plan_empty() {
    let world = World::of(2)
        .stands(0, Standing::Ramping { share: 0 })
        .stands(1, Standing::Ramping { share: 0 });
    assert_eq!(world.order(), [0, 1]);

    let lone = World::of(1).attempts(2).stands(0, Standing::Ramping { share: 0 });
    assert_eq!(lone.order(), [0, 0]);
}

#[test]
fn a_ramp_multiplies_with_the_weight() {
    let weights = [80, 20];
    let world = World::of(2)
        .ordered_by(Order::Weighted)
        .each(|i, target| target.weight = weights[i])
        .stands(0, Standing::Ramping { share: 50 });

    assert_close(world.leads(ROUNDS)[0], 0.4);
}

#[test]
fn when_all_are_benched_the_soonest_is_tried_once() {
    let world = World::of(3).open(0, 30).open(1, 10).open(2, 20);

    let plan = world.plan();

    assert_eq!((numbers(&plan), plan.forced), (vec![1], true));
    assert_eq!(skipped(&plan), [(0, "circuit_open"), (2, "circuit_open")]);
}

#[test]
fn of_equally_soon_targets_the_best_placed_is_forced() {
    let mut world = World::of(3).open(0, 10).open(1, 10).open(2, 10);
    world.targets[0].priority = 1;
    world.targets[1].backup_rank = 1;

    assert_eq!(world.order(), [2]);
}

#[test]
fn a_target_under_probe_is_nearest_to_service() {
    let world = World::of(2).open(0, 1).probing(1);

    let plan = world.plan();

    assert_eq!((numbers(&plan), plan.forced), (vec![1], true));
}

#[test]
fn when_all_are_benched_a_model_may_fail_at_once() {
    let mut world = World::of(2).open(0, 30).open(1, 10);
    world.model.when_all_open = WhenAllOpen::Fail;

    let plan = world.plan();

    assert_eq!((numbers(&plan), plan.forced), (vec![], false));
    assert_eq!(plan.soonest_return(), Some(world.now + Duration::from_secs(10)));
}

#[test]
fn nothing_is_forced_that_is_unfit() {
    // The soonest cannot do what is asked, the other one can.
    let mut world = World::of(3).open(0, 30).open(1, 10).open(2, 5);
    world.ask.features.tools = true;
    world.targets[1].lacks.tools = true;
    world.draining = vec![ProviderIx(2)];

    let plan = world.plan();

    assert_eq!((numbers(&plan), plan.forced), (vec![0], true));
}

#[test]
fn a_replan_forces_nothing() {
    let world = World::of(2).open(0, 30).open(1, 10);

    let plan = world.replan(&[failed(0)]);

    assert_eq!((numbers(&plan), plan.forced), (vec![], false));
    assert_eq!(skipped(&plan), [(0, "circuit_open"), (1, "circuit_open")]);
}

#[test]
fn a_probe_can_happen_in_every_order() {
    for order in [Order::Weighted, Order::Fastest, Order::Cheapest, Order::Ordered] {
        let world = World::of(2)
            .ordered_by(order)
            .each(|i, target| target.price = price(1.0, if i == 0 { 1.0 } else { 2.0 }))
            .took(0, 10)
            .took(1, 20)
            .stands(0, Standing::ProbeDue);
        let mut rng = fastrand::Rng::with_seed(3);
        let led = (0..1000)
            .filter(|_| world.drawn(&[], &mut rng).attempts[0].0 == 0)
            .count();

        assert!(share(led, 1000) > 0.4, "{order:?}: {led}");
    }
}
