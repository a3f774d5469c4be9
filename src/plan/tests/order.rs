//! In which order usable targets stand.

use super::*;

const ROUNDS: u32 = 20_000;

#[test]
fn ordered_is_the_order_of_the_file() {
    let world = World::of(4).attempts(4);

    for seed in 0..100 {
        let plan = world.drawn(&[], &mut fastrand::Rng::with_seed(seed));

        assert_eq!(numbers(&plan), [0, 1, 2, 3]);
    }
}

#[test]
fn priority_comes_before_backups_and_both_before_the_rest() {
    // (priority, backup rank) of each target, in the order of the file.
    let places = [(1, 0), (0, 1), (0, 0), (0, 2), (1, 1), (0, 0)];
    let world = World::of(6).attempts(6).each(|i, target| {
        (target.priority, target.backup_rank) = places[i];
        // Neither price nor weight may move a target to another group.
        target.weight = 1000 - 100 * u32::try_from(i).unwrap();
        target.price = price(f64::from(target.weight), 1.0);
    });

    assert_eq!(world.order(), [2, 5, 1, 3, 0, 4]);
    for order in [Order::Weighted, Order::Cheapest, Order::Fastest] {
        let order = world.clone().ordered_by(order).order();

        assert_eq!(&order[2..], [1, 3, 0, 4]);
        assert!(order[..2].contains(&2) && order[..2].contains(&5));
    }
}

#[test]
fn weights_are_the_shares_of_first_attempts() {
    let weights = [80, 15, 5];
    let world = World::of(3)
        .ordered_by(Order::Weighted)
        .each(|i, target| target.weight = weights[i]);

    let leads = world.leads(ROUNDS);

    for (found, expected) in leads.iter().zip([0.80, 0.15, 0.05]) {
        assert_close(*found, expected);
    }
}

#[test]
fn weights_share_second_places_among_those_that_remain() {
    let weights = [50, 30, 20];
    let world = World::of(3)
        .ordered_by(Order::Weighted)
        .each(|i, target| target.weight = weights[i]);
    let mut rng = fastrand::Rng::with_seed(1);

    let after_first: Vec<usize> = (0..ROUNDS)
        .map(|_| numbers(&world.drawn(&[], &mut rng)))
        .filter(|order| order[0] == 0)
        .map(|order| order[1])
        .collect();

    let second = after_first.iter().filter(|target| **target == 1).count();
    assert_close(share(second, after_first.len()), 0.6);
}

#[test]
fn a_weight_of_1000_against_1_leads_nearly_always() {
    let weights = [1000, 1];
    let world = World::of(2)
        .ordered_by(Order::Weighted)
        .each(|i, target| target.weight = weights[i]);

    assert!(world.leads(ROUNDS)[0] > 0.997);
}

#[test]
fn cheapest_compares_the_price_of_this_ask() {
    // The first is cheap to read, the second cheap to write; the third says nothing.
    let mut world = World::of(3).ordered_by(Order::Cheapest);
    world.targets[0].price = price(1.0, 20.0);
    world.targets[1].price = price(5.0, 10.0);

    world.ask.input_tokens = 10_000;
    world.ask.max_tokens = Some(10);
    assert_eq!(world.order(), [0, 1, 2]);

    world.ask.input_tokens = 10;
    world.ask.max_tokens = Some(10_000);
    assert_eq!(world.order(), [1, 0, 2]);

    // Without a limit an answer of some length is assumed; an embedding has none.
    world.ask.max_tokens = None;
    assert_eq!(world.order(), [1, 0, 2]);
    world.ask.surface = Surface::Embeddings;
    assert_eq!(world.order(), [0, 1, 2]);
}

#[test]
fn equal_prices_share_by_weight() {
    let weights = [3, 1];
    let world = World::of(2).ordered_by(Order::Cheapest).each(|i, target| {
        target.weight = weights[i];
        target.price = price(1.0, 2.0);
    });

    assert_close(world.leads(ROUNDS)[0], 0.75);
}

#[test]
fn fastest_is_the_least_time_to_first_token_then_the_least_price() {
    let prices = [3.0, 2.0, 1.0];
    let world = World::of(3)
        .ordered_by(Order::Fastest)
        .each(|i, target| target.price = price(1.0, prices[i]));

    assert_eq!(
        world.clone().took(0, 100).took(1, 300).took(2, 200).order(),
        [0, 2, 1]
    );
    // 204 ms and 201 ms are the same speed.
    assert_eq!(world.took(0, 500).took(1, 201).took(2, 204).order(), [2, 1, 0]);
}

#[test]
fn an_unmeasured_target_is_explored_by_one_request_in_ten() {
    let world = World::of(3).ordered_by(Order::Fastest).took(0, 100).took(1, 200);

    let leads = world.leads(ROUNDS);

    assert_close(leads[0], 0.9);
    assert_close(leads[1], 0.0);
    assert_close(leads[2], 0.1);
}

#[test]
fn with_nothing_measured_price_and_weight_decide() {
    let world = World::of(2).ordered_by(Order::Fastest);
    assert_close(world.leads(ROUNDS)[0], 0.5);

    let priced = world.each(|i, target| target.price = price(1.0, if i == 0 { 2.0 } else { 1.0 }));
    assert_close(priced.leads(ROUNDS)[1], 1.0);
}

#[test]
fn speed_in_another_group_explores_nothing() {
    // The second group is measured, the first is not: nobody waits behind the second.
    let mut world = World::of(2).ordered_by(Order::Fastest).took(1, 5);
    world.targets[1].priority = 1;

    assert_eq!(world.order(), [0, 1]);
}

#[test]
fn the_caller_picks_providers_and_their_order() {
    let mut world = World::of(4).attempts(9);
    world.targets[0].priority = 0;
    world.targets[3].priority = 7;
    world.ask.narrowing.order = vec![ProviderIx(3), ProviderIx(0), ProviderIx(99)];

    let plan = world.plan();

    assert_eq!(numbers(&plan), [3, 0]);
    assert_eq!(skipped(&plan), [(1, "not_allowed"), (2, "not_allowed")]);
}

#[test]
fn a_wish_for_nothing_that_there_is_leaves_nothing() {
    let mut world = World::of(2);
    world.ask.narrowing.order = vec![ProviderIx(99)];

    let plan = world.plan();

    assert_eq!((numbers(&plan), plan.forced), (vec![], false));
    assert_eq!(skipped(&plan), [(0, "not_allowed"), (1, "not_allowed")]);
}

pub(super) fn share(part: usize, whole: usize) -> f64 {
    f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
}
