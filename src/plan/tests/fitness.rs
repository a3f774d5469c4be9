//! Which targets are fit for an ask.

use super::*;

fn with_windows(windows: &[Option<u64>]) -> World {
    World::of(windows.len())
        .attempts(9)
        .each(|i, target| target.context_window = windows[i])
}

fn too_long(target: usize) -> Tried {
    Tried {
        target: TargetIx(target),
        needs_larger_window: true,
        same_target_pointless: true,
    }
}

#[test]
fn a_target_that_lacks_a_feature_is_left_out_with_its_name() {
    type Case = (&'static str, fn(&mut Features), fn(&mut Lacks));
    let cases: [Case; 4] = [
        ("tools", |f| f.tools = true, |l| l.tools = true),
        ("vision", |f| f.vision = true, |l| l.vision = true),
        ("streaming", |f| f.streaming = true, |l| l.streaming = true),
        ("json_schema", |f| f.json_schema = true, |l| l.json_schema = true),
    ];
    for (feature, ask_for, lack) in cases {
        let mut world = World::of(2);
        lack(&mut world.targets[0].lacks);
        assert_eq!(world.order(), [0, 1], "{feature} was not asked for");

        ask_for(&mut world.ask.features);
        let plan = world.plan();

        assert_eq!(plan.attempts[0], TargetIx(1));
        assert_eq!(plan.skips, [(TargetIx(0), Skip::Unsupported { feature })]);
    }
}

#[test]
fn when_no_target_can_do_it_nothing_is_tried() {
    let mut world = World::of(2).each(|_, target| target.lacks.vision = true);
    world.ask.features.vision = true;

    let plan = world.plan();

    assert_eq!((numbers(&plan), plan.forced), (vec![], false));
}

#[test]
fn a_drained_provider_gets_nothing_new() {
    let mut world = World::of(3);
    world.draining = vec![ProviderIx(1)];

    let plan = world.plan();

    assert_eq!(numbers(&plan), [0, 2]);
    assert_eq!(skipped(&plan), [(1, "draining")]);
}

#[test]
fn a_prompt_that_does_not_fit_goes_where_it_does() {
    let mut world = with_windows(&[Some(1000), None, Some(1001), Some(4000)]);
    world.ask.input_tokens = 1001;

    let plan = world.plan();

    assert_eq!(numbers(&plan), [1, 2, 3]);
    assert_eq!(
        plan.skips,
        [(
            TargetIx(0),
            Skip::ContextWindow {
                window: Some(1000),
                needed: 1001
            }
        )]
    );
}

#[test]
fn room_for_the_answer_counts_unless_it_is_a_figure_of_speech() {
    let mut world = with_windows(&[Some(1000), Some(4000)]);
    world.ask.input_tokens = 600;

    world.ask.max_tokens = Some(400);
    assert_eq!(world.order(), [0, 1]);
    world.ask.max_tokens = Some(401);
    assert_eq!(world.order(), [1, 1, 1, 1, 1, 1, 1, 1, 1]);
    // No window of 1000 has room for a million: as much as there is, then.
    world.ask.max_tokens = Some(1_000_000);
    assert_eq!(world.order(), [0, 1]);
}

#[test]
fn when_nothing_fits_the_largest_windows_are_tried() {
    let mut world = with_windows(&[Some(1000), Some(4000), Some(2000), Some(4000)]);
    world.ask.input_tokens = 5000;

    let plan = world.plan();

    assert_eq!(numbers(&plan), [1, 3]);
    assert_eq!(skipped(&plan), [(0, "context_window"), (2, "context_window")]);
}

#[test]
fn the_largest_window_is_that_of_a_target_that_may_be_used() {
    let mut world = with_windows(&[Some(1000), Some(4000), None]);
    world.ask.input_tokens = 5000;
    world.ask.features.tools = true;
    world.targets[1].lacks.tools = true;
    world.draining = vec![ProviderIx(2)];

    assert_eq!(world.attempts(1).order(), [0]);
}

#[test]
fn a_benched_target_that_fits_is_better_than_one_that_does_not() {
    let mut world = with_windows(&[Some(1000), Some(9000)]).open(1, 30);
    world.ask.input_tokens = 5000;

    let plan = world.plan();

    assert_eq!((numbers(&plan), plan.forced), (vec![1], true));
}

#[test]
fn after_a_prompt_was_too_long_only_larger_windows_remain() {
    let world = with_windows(&[Some(1000), Some(1000), None, Some(2000), Some(500)]);

    let plan = world.replan(&[too_long(0)]);

    assert_eq!(numbers(&plan), [3]);
    assert_eq!(
        plan.skips,
        [
            (
                TargetIx(0),
                Skip::ContextWindow {
                    window: Some(1000),
                    needed: 1001
                }
            ),
            (
                TargetIx(1),
                Skip::ContextWindow {
                    window: Some(1000),
                    needed: 1001
                }
            ),
            (
                TargetIx(2),
                Skip::ContextWindow {
                    window: None,
                    needed: 1001
                }
            ),
            (
                TargetIx(4),
                Skip::ContextWindow {
                    window: Some(500),
                    needed: 1001
                }
            ),
        ]
    );
    assert!(numbers(&world.replan(&[too_long(0), too_long(3)])).is_empty());
}

#[test]
fn after_an_undeclared_window_was_too_small_every_declared_one_may_help() {
    let world = with_windows(&[None, None, Some(2000)]);

    assert_eq!(numbers(&world.replan(&[too_long(0)])), [2]);
}

#[test]
fn a_longer_memory_than_the_last_failure_is_kept() {
    // The second failure has nothing to do with length; the first one still rules.
    let world = with_windows(&[Some(1000), Some(2000), Some(500), Some(3000)]);

    assert_eq!(numbers(&world.replan(&[too_long(0), failed(1)])), [3]);
}
