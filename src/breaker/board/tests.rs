//! The three circuits of a target together: admission, blame, sharing, reload and threads.

use super::*;
use crate::breaker::availability::Standing;
use crate::breaker::key::Scope;
use crate::breaker::permit::Admission;
use crate::breaker::transition::{Cause, StateWord};
use crate::breaker::vote::{Failure, Vote, Weight};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::sync::Barrier;

/// `endpoint credential target`; a dash is no credential.
fn keys(line: &str) -> TargetKeys {
    let words: Vec<_> = line.split_whitespace().collect();
    TargetKeys {
        endpoint: EndpointKey::from(words[0]),
        credential: (words[1] != "-").then(|| CredentialKey::from(words[1])),
        target: TargetKey::from(words[2]),
        shared: None,
        settings: BreakerSettings {
            error_rate: None,
            ..BreakerSettings::default()
        },
    }
}

fn board(lines: &[&str]) -> Board {
    Board::new(&lines.iter().map(|line| keys(line)).collect::<Vec<_>>())
}

fn endpoint(key: &str) -> CircuitKey {
    CircuitKey::Endpoint(EndpointKey::from(key))
}

fn against(blame: Scope) -> Vote {
    Vote::Failure(Failure {
        blame,
        weight: Weight::Counts,
        hint: None,
        class: "server_error",
    })
}

fn at_once(blame: Scope, hint: u64) -> Vote {
    let hint = Some(Duration::from_secs(hint));
    Vote::Failure(Failure {
        blame,
        weight: Weight::OpensNow,
        hint,
        class: "rate_limited",
    })
}

fn rng() -> fastrand::Rng {
    fastrand::Rng::with_seed(5)
}

fn attempt(board: &Board, target: usize, vote: Vote, now: Instant) -> Vec<Change> {
    let (permit, mut changes) = board.admit(target, false, now).unwrap();
    changes.extend(permit.record(vote, &mut rng(), now));
    changes
}

fn standing(board: &Board, target: usize, now: Instant) -> (Scope, Standing) {
    let entry = board.availability([target], now)[0];
    (entry.scope, entry.standing)
}

fn words(snapshot: &TargetSnapshot) -> [StateWord; 3] {
    let credential = snapshot
        .credential
        .as_ref()
        .map_or(StateWord::Closed, |circuit| circuit.state);
    [snapshot.endpoint.state, credential, snapshot.target.state]
}

/// Opens all three circuits of target 0, the endpoint's for a second, the others for two and three.
fn open_all(board: &Board, now: Instant) {
    let permits: Vec<_> = (0..3).map(|_| board.admit(0, false, now).unwrap().0).collect();
    for (permit, (blame, hint)) in
        permits
            .into_iter()
            .zip([(Scope::Endpoint, 1), (Scope::Credential, 2), (Scope::Target, 3)])
    {
        assert_eq!(permit.record(at_once(blame, hint), &mut rng(), now).len(), 1);
    }
}

#[test]
fn a_board_may_be_shared_between_threads_and_a_permit_sent() {
    fn is_shared<T: Send + Sync + 'static>() {}
    fn is_sent<T: Send + 'static>() {}

    is_shared::<Board>();
    is_sent::<Permit>();
}

#[test]
fn blame_benches_its_scope_and_nothing_else() {
    let now = Instant::now();
    // Beside target 0: the same model on another account, another model on the same account,
    // and another provider.
    let lines = [
        "openai key-1 openai/4o",
        "openai key-2 openai/4o@2",
        "openai key-1 openai/mini",
        "azure key-3 azure/4o",
    ];
    for (blame, benched) in [
        (Scope::Endpoint, [true, true, true, false]),
        (Scope::Credential, [true, false, true, false]),
        (Scope::Target, [true, false, false, false]),
    ] {
        let board = board(&lines);

        let changes = attempt(&board, 0, at_once(blame, 9), now);

        assert_eq!(
            changes
                .iter()
                .map(|change| change.circuit.scope())
                .collect::<Vec<_>>(),
            [blame]
        );
        let open = [0, 1, 2, 3].map(|target| !standing(&board, target, now).1.may_try());
        assert_eq!(open, benched, "{blame}");
    }
}

#[test]
fn a_success_is_heard_by_all_three_and_a_failure_by_one() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o"]);

    attempt(&board, 0, Vote::Success, now);
    attempt(&board, 0, against(Scope::Credential), now);
    attempt(&board, 0, Vote::Abandoned, now);

    let TargetSnapshot {
        endpoint,
        credential,
        target,
        ..
    } = board.snapshot(0, now);
    let seen = [endpoint, credential.unwrap(), target]
        .map(|circuit| (circuit.window.requests, circuit.window.failures));
    assert_eq!(seen, [(1, 0), (2, 1), (1, 0)]);
}

#[test]
fn blaming_a_credential_that_is_not_ours_blames_nobody() {
    let now = Instant::now();
    let board = board(&["openai - openai/4o"]);

    let changes = attempt(&board, 0, at_once(Scope::Credential, 60), now);

    assert_eq!(changes, []);
    assert_eq!(standing(&board, 0, now), (Scope::Target, Standing::Ready));
}

#[test]
fn a_refusal_names_the_circuit_that_refuses_longest() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o"]);
    open_all(&board, now);

    let refusal = board.admit(0, false, now).unwrap_err();

    assert_eq!(
        refusal.to_string(),
        "target `openai/4o` is benched (rate_limited)"
    );
    assert_eq!(refusal.until, now + Duration::from_secs(3));
    let (scope, Standing::Open { until, cause }) = standing(&board, 0, now) else {
        panic!("not open")
    };
    assert_eq!(
        (scope, until, cause),
        (Scope::Target, refusal.until, Cause::Class("rate_limited"))
    );
}

#[test]
fn a_permit_takes_all_probes_or_none() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o"]);
    open_all(&board, now);

    let two_of_three = now + Duration::from_secs(2);
    assert_eq!(
        board.admit(0, false, two_of_three).unwrap_err().circuit.scope(),
        Scope::Target
    );
    assert_eq!(
        words(&board.snapshot(0, two_of_three)),
        [StateWord::Open; 3],
        "no probe was taken, none leaked"
    );

    let all_three = now + Duration::from_secs(3);
    let (permit, changes) = board.admit(0, false, all_three).unwrap();
    assert_eq!(permit.admission(), Admission::Probe);
    assert_eq!(changes.len(), 3);
    assert_eq!(
        board.admit(0, false, all_three).unwrap_err().to_string(),
        "endpoint `openai` is being probed"
    );

    drop(permit);
    assert_eq!(
        standing(&board, 0, all_three).1,
        Standing::ProbeDue,
        "all three are free again"
    );
    let back = attempt(&board, 0, Vote::Success, all_three);
    assert_eq!(
        back.iter().map(|change| change.transition.to).collect::<Vec<_>>(),
        [StateWord::Ramping; 3]
    );
}

/// A probe of two circuits that one of them failed must not keep the other waiting.
#[test]
fn a_failed_probe_frees_the_circuits_that_are_not_to_blame() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o", "openai key openai/mini"]);
    attempt(&board, 0, at_once(Scope::Endpoint, 1), now);
    let later = now + Duration::from_secs(1);

    attempt(&board, 0, at_once(Scope::Target, 60), later);

    assert_eq!(standing(&board, 1, later), (Scope::Endpoint, Standing::ProbeDue));
}

#[test]
fn force_takes_the_probe_when_one_is_due_and_none_otherwise() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o"]);
    open_all(&board, now);

    let (forced, changes) = board.admit(0, true, now + Duration::from_secs(2)).unwrap();
    assert_eq!((forced.admission(), changes.len()), (Admission::Forced, 0));
    drop(forced);

    let (probe, changes) = board.admit(0, true, now + Duration::from_secs(3)).unwrap();
    assert_eq!((probe.admission(), changes.len()), (Admission::Probe, 3));
}

/// Item 9 of the correctness list: the word of the last resort counts.
#[test]
fn a_forced_success_brings_back_every_circuit_that_was_benched() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o"]);
    open_all(&board, now);

    let (forced, _) = board.admit(0, true, now).unwrap();
    let changes = forced.record(Vote::Success, &mut rng(), now);

    assert_eq!(changes.len(), 3);
    assert_eq!(standing(&board, 0, now).1, Standing::Ramping { share: 10 });
}

#[test]
fn a_lone_target_comes_back_without_force() {
    let board = board(&["openai - openai/4o"]);
    let mut now = Instant::now();
    for _ in 0..2 {
        attempt(&board, 0, against(Scope::Target), now);
    }
    now = standing(&board, 0, now).1.until().unwrap();

    for _ in 0..11 {
        attempt(&board, 0, Vote::Success, now);
    }

    assert_eq!(words(&board.snapshot(0, now)), [StateWord::Closed; 3]);
}

/// Item 3 of the correctness list.
#[test]
fn a_dropped_permit_is_an_abandoned_attempt() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o"]);
    attempt(&board, 0, against(Scope::Target), now);
    let before = board.snapshot(0, now);

    drop(board.admit(0, false, now).unwrap());

    assert_eq!(board.snapshot(0, now), before);
}

#[test]
fn a_streaming_probe_settles_at_its_first_token() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o"]);
    attempt(&board, 0, at_once(Scope::Target, 1), now);
    let later = now + Duration::from_secs(1);
    let (mut permit, _) = board.admit(0, false, later).unwrap();

    let proven = permit.prove(later);

    assert_eq!(
        proven
            .iter()
            .map(|change| change.transition.to)
            .collect::<Vec<_>>(),
        [StateWord::Ramping]
    );
    let broke = permit.record(against(Scope::Target), &mut rng(), later);
    assert_eq!(broke[0].transition.to, StateWord::Open);
}

#[test]
fn circuits_survive_a_reload_by_identity_and_others_are_dropped() {
    let now = Instant::now();
    let old = board(&["openai key openai/4o", "azure key-2 azure/4o"]);
    attempt(&old, 0, at_once(Scope::Target, 60), now);
    attempt(&old, 1, at_once(Scope::Credential, 60), now);
    let (permit, _) = old.admit(0, true, now).unwrap();
    permit.observe_speed(Duration::from_millis(300), now);
    drop(permit);

    // Other places, and azure has a new key.
    let new = old.successor(&[keys("azure key-3 azure/4o"), keys("openai key openai/4o")]);

    assert_eq!(standing(&new, 0, now), (Scope::Target, Standing::Ready));
    assert_eq!(standing(&new, 1, now), standing(&old, 0, now));
    assert_eq!(
        new.availability([1, 0], now)[0].speed,
        Some(Duration::from_millis(300))
    );
    assert!(
        new.circuits(now)
            .all(|circuit| circuit.circuit.label() != "key-2")
    );
    assert_eq!(new.circuits(now).count(), 6);
}

#[test]
fn a_permit_from_before_a_reload_votes_on_the_circuits_of_today() {
    let now = Instant::now();
    let old = board(&["openai key openai/4o"]);
    let (permit, _) = old.admit(0, false, now).unwrap();

    let new = old.successor(&[keys("openai key openai/4o")]);
    drop(old);
    permit.record(at_once(Scope::Target, 60), &mut rng(), now);

    assert!(!standing(&new, 0, now).1.may_try());
}

#[test]
fn new_settings_are_in_force_on_circuits_that_survive() {
    let now = Instant::now();
    let old = board(&["openai key openai/4o"]);
    let mut patient = keys("openai key openai/4o");
    patient.settings.consecutive_failures = NonZeroU32::new(3);
    let new = old.successor(&[patient]);

    let opened = [(); 3].map(|()| !attempt(&new, 0, against(Scope::Target), now).is_empty());

    assert_eq!(opened, [false, false, true]);
}

#[test]
fn a_shared_circuit_obeys_the_first_target_that_names_it() {
    let now = Instant::now();
    let mut first = keys("openai - openai/4o");
    first.settings.consecutive_failures = NonZeroU32::new(1);
    let board = Board::new(&[first, keys("openai - openai/mini")]);

    let changes = attempt(&board, 1, against(Scope::Endpoint), now);

    assert_eq!(changes.len(), 1);
}

#[test]
fn the_same_target_named_twice_is_one_target() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o", "openai key openai/4o"]);

    attempt(&board, 0, at_once(Scope::Target, 5), now);
    let (permit, _) = board.admit(0, true, now).unwrap();
    permit.observe_speed(Duration::from_secs(1), now);

    let both = board.availability([0, 1], now);
    assert_eq!(both[0], both[1]);
}

#[test]
fn checks_reach_every_target_of_the_endpoint() {
    let now = Instant::now();
    let board = board(&[
        "openai key openai/4o",
        "openai key openai/mini",
        "azure key-2 azure/4o",
    ]);
    let unhealthy = Health::Unhealthy {
        stands_for: Duration::from_secs(30),
    };

    let change = board
        .health(&EndpointKey::from("openai"), unhealthy, now)
        .unwrap();

    assert_eq!(
        (change.circuit, change.transition.to),
        (endpoint("openai"), StateWord::Open)
    );
    let open = [0, 1, 2].map(|target| !standing(&board, target, now).1.may_try());
    assert_eq!(open, [true, true, false]);
    assert_eq!(board.health(&EndpointKey::from("gone"), unhealthy, now), None);
}

#[test]
fn an_operator_reaches_each_circuit_by_its_key() {
    let now = Instant::now();
    let board = board(&["openai key openai/4o"]);

    let opened = board
        .force_open(&endpoint("openai"), Duration::from_mins(1), now)
        .unwrap()
        .unwrap();
    assert_eq!(opened.transition.cause, Some(Cause::Operator));
    let closed = board.reset(&endpoint("openai")).unwrap().unwrap();
    assert_eq!(closed.transition.to, StateWord::Closed);

    open_all(&board, now);
    assert_eq!(board.reset_target(0).len(), 3);
    assert_eq!(standing(&board, 0, now).1, Standing::Ready);

    let unknown = board.reset(&endpoint("opena")).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "no circuit for endpoint `opena`; the failover status lists those in use"
    );
}

/// Item 1 of the correctness list, among threads.
#[test]
fn of_many_racing_threads_one_gets_the_probe() {
    for _ in 0..50 {
        let now = Instant::now();
        let board = board(&["openai key openai/4o", "openai key openai/mini"]);
        open_all(&board, now);
        let due = now + Duration::from_secs(3);
        let barrier = Barrier::new(8);

        let permits: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|number| {
                    let (board, barrier) = (&board, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        board.admit(number % 2, false, due)
                    })
                })
                .collect();
            racers
                .into_iter()
                .filter_map(|racer| racer.join().unwrap().ok())
                .collect()
        });

        assert_eq!(permits.len(), 1);
        assert_eq!(permits[0].0.admission(), Admission::Probe);
    }
}

/// Threads that admit, vote, drop, reset and reload at once neither deadlock nor panic, and leave
/// no probe behind.
#[test]
fn a_busy_board_ends_without_a_lost_probe() {
    let start = Instant::now();
    let lines = [
        "openai key openai/4o",
        "openai key openai/mini",
        "azure - azure/4o",
    ];
    let board = board(&lines);

    std::thread::scope(|scope| {
        for seed in 0..4 {
            let board = &board;
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed);
                for step in 0..2_000 {
                    let now = start + Duration::from_millis(step * 20);
                    let Ok((permit, _)) = board.admit(rng.usize(0..3), rng.u8(..) < 20, now) else {
                        continue;
                    };
                    let blame = [Scope::Endpoint, Scope::Credential, Scope::Target][rng.usize(0..3)];
                    match rng.u8(0..4) {
                        0 => drop(permit.record(Vote::Success, &mut rng, now)),
                        1 => drop(permit.record(at_once(blame, rng.u64(0..2)), &mut rng, now)),
                        2 => drop(permit.record(against(blame), &mut rng, now)),
                        _ => drop(permit),
                    }
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..200 {
                drop(board.successor(&lines.map(keys)));
                drop(board.reset(&endpoint("azure")));
            }
        });
    });

    let after = start + Duration::from_hours(25);
    assert!(
        board
            .availability(0..3, after)
            .entries()
            .iter()
            .all(|entry| entry.standing.may_try())
    );
    let probing = |circuit: &CircuitSnapshot| matches!(circuit.standing, Standing::Probing { .. });
    assert!(
        !board.circuits(start).any(|circuit| probing(&circuit)),
        "every permit is gone, so no probe is out"
    );
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Admit { target: usize, force: bool },
    Drop(prop::sample::Index),
    Record(prop::sample::Index, Vote),
    Prove(prop::sample::Index),
    Health(bool),
    Reset(usize),
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    let pick = any::<prop::sample::Index>;
    let scope = prop_oneof![
        Just(Scope::Endpoint),
        Just(Scope::Credential),
        Just(Scope::Target)
    ];
    let vote = prop_oneof![
        3 => Just(Vote::Success),
        2 => scope.clone().prop_map(against),
        2 => (scope, 0u64..60).prop_map(|(scope, hint)| at_once(scope, hint)),
        1 => Just(Vote::Abandoned),
    ];
    prop_oneof![
        4 => (0u64..40_000).prop_map(Step::Wait),
        8 => (0..TARGETS.len(), prop::bool::weighted(0.1)).prop_map(|(target, force)| Step::Admit { target, force }),
        2 => pick().prop_map(Step::Drop),
        6 => (pick(), vote).prop_map(|(permit, vote)| Step::Record(permit, vote)),
        1 => pick().prop_map(Step::Prove),
        1 => any::<bool>().prop_map(Step::Health),
        1 => (0..TARGETS.len()).prop_map(Step::Reset),
        1 => Just(Step::Reload),
    ]
}

const TARGETS: [&str; 4] = ["openai key-1 a", "openai key-1 b", "openai key-2 c", "azure - d"];

proptest! {
    #[test]
    fn what_is_available_is_admitted_and_a_refusal_leaves_no_trace(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut board = board(&TARGETS);
        let mut now = Instant::now();
        let mut rng = rng();
        let mut permits: Vec<Permit> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(ms) => now += Duration::from_millis(ms),
                Step::Admit { target, force } => {
                    let entry = board.availability([target], now)[0];
                    let before: Vec<_> = board.circuits(now).collect();
                    match board.admit(target, force, now) {
                        Ok((permit, changes)) => {
                            let expected = match entry.standing {
                                Standing::Ready | Standing::Ramping { .. } => Admission::Ordinary,
                                Standing::ProbeDue => Admission::Probe,
                                Standing::Probing { .. } | Standing::Open { .. } => Admission::Forced,
                            };
                            prop_assert_eq!(permit.admission(), expected);
                            prop_assert!(expected == Admission::Probe || changes.is_empty());
                            permits.push(permit);
                        }
                        Err(refusal) => {
                            prop_assert!(!force && !entry.standing.may_try());
                            prop_assert_eq!(Some(refusal.until), entry.standing.until());
                            prop_assert_eq!(refusal.circuit.scope(), entry.scope);
                            prop_assert_eq!(board.circuits(now).collect::<Vec<_>>(), before);
                        }
                    }
                }
                Step::Drop(index) if !permits.is_empty() => drop(permits.swap_remove(index.index(permits.len()))),
                Step::Record(index, vote) if !permits.is_empty() => {
                    let permit = permits.swap_remove(index.index(permits.len()));
                    let changes = permit.record(vote, &mut rng, now);
                    let blamed = |change: &Change| match vote {
                        Vote::Success => true,
                        Vote::Failure(failure) => change.circuit.scope() == failure.blame,
                        Vote::Abandoned => false,
                    };
                    prop_assert!(changes.iter().all(blamed), "{:?}", changes);
                }
                Step::Prove(index) if !permits.is_empty() => {
                    let place = index.index(permits.len());
                    permits[place].prove(now);
                }
                Step::Health(healthy) => {
                    let stands_for = Duration::from_secs(20);
                    let health = if healthy { Health::Healthy } else { Health::Unhealthy { stands_for } };
                    board.health(&EndpointKey::from("openai"), health, now);
                }
                Step::Reset(target) => drop(board.reset_target(target)),
                Step::Reload => board = board.successor(&TARGETS.map(keys)),
                Step::Drop(_) | Step::Record(..) | Step::Prove(_) => {}
            }
        }

        permits.clear();
        let probing = |circuit: CircuitSnapshot| matches!(circuit.standing, Standing::Probing { .. });
        prop_assert!(!board.circuits(now).any(probing), "a probe outlived its permit");
        let much_later = now + Duration::from_hours(25);
        let entries = board.availability(0..TARGETS.len(), much_later);
        prop_assert!(entries.entries().iter().all(|entry| entry.standing.may_try()));
    }
}
