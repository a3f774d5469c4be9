//! How many attempts a request has, and whose they are.

use super::*;

#[test]
fn each_target_has_its_attempts_one_after_the_other() {
    let mut world = World::of(3).attempts(5);
    world.model.failover.attempts_per_target = 2;

    assert_eq!(world.order(), [0, 0, 1, 1, 2]);
}

#[test]
fn a_lone_target_has_all_of_them() {
    assert_eq!(World::of(1).attempts(4).order(), [0, 0, 0, 0]);
    // Also when it is alone because the other one is benched.
    assert_eq!(World::of(2).attempts(4).open(0, 30).order(), [1, 1, 1, 1]);
}

#[test]
fn a_request_that_may_not_fail_over_has_one() {
    for mode in [FailoverMode::Off, FailoverMode::NextRequest] {
        let mut world = World::of(2);
        world.model.failover.mode = mode;

        assert_eq!(world.order(), [0]);
        assert!(world.replan(&[failed(0)]).attempts.is_empty());
    }
    let mut world = World::of(1).attempts(5);
    world.ask.narrowing.failover_off = true;
    assert_eq!(world.order(), [0]);
    assert!(world.replan(&[failed(0)]).attempts.is_empty());
}

#[test]
fn the_next_request_goes_elsewhere() {
    let mut world = World::of(2).open(0, 30);
    world.model.failover.mode = FailoverMode::NextRequest;

    assert_eq!(world.order(), [1]);
}

#[test]
fn in_mode_off_a_request_goes_where_it_belongs_whatever_happened_there() {
    let mut world = World::of(2).open(0, 30);
    world.model.failover.mode = FailoverMode::Off;

    assert_eq!(world.order(), [0]);
    assert!(!world.open(1, 30).plan().forced, "nothing special about it");
}

#[test]
fn a_configured_zero_is_read_as_one() {
    let mut world = World::of(2).attempts(0);
    world.model.failover.attempts_per_target = 0;

    assert_eq!(world.order(), [0]);
}

#[test]
fn a_replan_has_what_remains() {
    let world = World::of(5);

    assert_eq!(numbers(&world.replan(&[failed(0)])), [1, 2]);
    assert_eq!(numbers(&world.replan(&[failed(0), failed(1)])), [2]);
    assert!(
        world
            .replan(&[failed(0), failed(1), failed(2)])
            .attempts
            .is_empty()
    );
}

#[test]
fn a_target_finishes_its_attempts_before_the_next_one_begins() {
    let mut world = World::of(3).attempts(6);
    world.model.failover.attempts_per_target = 2;

    // The second one failed first, for whatever reason: it is still its turn.
    assert_eq!(numbers(&world.replan(&[failed(1)])), [1, 0, 0, 2, 2]);
    assert_eq!(numbers(&world.replan(&[failed(1), failed(1)])), [0, 0, 2, 2]);
}

#[test]
fn a_lone_target_is_retried_until_it_is_benched() {
    let world = World::of(1).attempts(4);

    assert_eq!(numbers(&world.replan(&[failed(0)])), [0, 0, 0]);
    assert!(
        world
            .open(0, 30)
            .replan(&[failed(0), failed(0)])
            .attempts
            .is_empty()
    );
}

#[test]
fn a_target_is_not_alone_when_another_was_tried() {
    let world = World::of(2).attempts(5).open(0, 30);

    assert_eq!(numbers(&world.replan(&[failed(0)])), [1]);
}

#[test]
fn what_would_fail_again_is_not_tried_again() {
    let pointless = Tried {
        same_target_pointless: true,
        ..failed(0)
    };
    let mut world = World::of(2).attempts(5);
    world.model.failover.attempts_per_target = 3;

    let plan = world.replan(&[pointless]);

    assert_eq!(numbers(&plan), [1, 1, 1]);
    assert_eq!(skipped(&plan), [(0, "tried")]);
    let lone = World::of(1).attempts(5).replan(&[pointless]);
    assert_eq!((numbers(&lone), skipped(&lone)), (vec![], vec![(0, "tried")]));
}
