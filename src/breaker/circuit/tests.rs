//! One test per behaviour; those marked "Item n" are the correctness list that six other breakers
//! taught.

use super::*;
use crate::breaker::settings::ErrorRate;
use crate::breaker::vote::{Failure, Health, Weight};
use crate::breaker::window::WindowCounts;
use crate::breaker::{CircuitKey, Scope, TargetKey};
use std::num::NonZeroU32;
use std::time::Duration;

/// A circuit with a clock at hand.
struct Bench {
    circuit: Circuit,
    rng: fastrand::Rng,
    now: Instant,
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn failure(weight: Weight, hint: Option<u64>) -> Failure {
    Failure {
        blame: Scope::Target,
        weight,
        hint: hint.map(seconds),
        class: "server_error",
    }
}

const COUNTS: Failure = Failure {
    blame: Scope::Target,
    weight: Weight::Counts,
    hint: None,
    class: "server_error",
};

impl Bench {
    /// Trips on the second failure in a row; the first bench is 30 s, the longest 5 min.
    fn new() -> Self {
        Self::with(BreakerSettings {
            error_rate: None,
            ..BreakerSettings::default()
        })
    }

    fn with(settings: BreakerSettings) -> Self {
        Self {
            circuit: Circuit::new(settings),
            rng: fastrand::Rng::with_seed(1),
            now: Instant::now(),
        }
    }

    fn pass(&mut self) -> Ticket {
        assert!(self.circuit.standing(self.now).may_try(), "{:?}", self.circuit);
        self.circuit.enter(self.now).0
    }

    fn fail(&mut self, ticket: Ticket, failure: Failure) -> Option<Transition> {
        self.circuit.fail(ticket, &failure, &mut self.rng, self.now)
    }

    fn succeed(&mut self, ticket: Ticket) -> Option<Transition> {
        self.circuit.succeed(ticket, self.now)
    }

    fn trip(&mut self) -> Transition {
        let (first, second) = (self.pass(), self.pass());
        assert_eq!(self.fail(first, COUNTS), None);
        self.fail(second, COUNTS).unwrap()
    }

    /// The seconds from now to the deadline of the open circuit.
    fn benched_for(&self) -> f64 {
        match self.circuit.state {
            State::Open { until, .. } => until.duration_since(self.now).as_secs_f64(),
            _ => f64::NAN,
        }
    }

    fn is_benched_for_about(&self, seconds: f64) -> bool {
        (seconds * 0.9..=seconds * 1.1).contains(&self.benched_for())
    }

    /// Waits until a probe is due.
    fn serve_the_bench(&mut self) {
        if let State::Open { until, .. } = self.circuit.state {
            self.now = until;
        }
        assert_eq!(self.circuit.standing(self.now), Standing::ProbeDue);
    }

    fn probe_well(&mut self) -> Transition {
        self.serve_the_bench();
        let probe = self.pass();
        self.succeed(probe).unwrap()
    }

    fn come_back(&mut self) {
        self.probe_well();
        for _ in 0..10 {
            let ticket = self.pass();
            self.succeed(ticket);
        }
        assert_eq!(self.circuit.state.word(), StateWord::Closed);
    }

    fn snapshot(&self) -> CircuitSnapshot {
        self.circuit
            .snapshot(CircuitKey::Target(TargetKey::from("t")), self.now)
    }
}

/// Item 1.
#[test]
fn exactly_one_probe_is_let_through() {
    let mut bench = Bench::new();
    bench.trip();
    bench.serve_the_bench();

    let (probe, transition) = bench.circuit.enter(bench.now);

    assert!(probe.is_probe());
    let transition = transition.unwrap();
    assert_eq!(
        (transition.from, transition.to),
        (StateWord::Open, StateWord::HalfOpen)
    );
    assert_eq!(
        bench.circuit.standing(bench.now),
        Standing::Probing {
            until: bench.now + seconds(120)
        }
    );
}

/// Item 2.
#[test]
fn a_success_still_in_flight_does_not_close_an_open_circuit() {
    let mut bench = Bench::new();
    let early = bench.pass();
    bench.trip();

    assert_eq!(bench.succeed(early), None);
    assert_eq!(bench.circuit.state.word(), StateWord::Open);

    bench.serve_the_bench();
    let probe = bench.pass();
    assert_eq!(bench.succeed(early), None, "nor does it speak for the probe");
    assert_eq!(bench.fail(early, COUNTS), None, "nor does a failure");
    assert_eq!(bench.succeed(probe).unwrap().to, StateWord::Ramping);
    assert_eq!(bench.fail(early, COUNTS), None, "nor against the return");
    assert_eq!(bench.circuit.state.word(), StateWord::Ramping);
}

/// Item 3.
#[test]
fn an_abandoned_probe_makes_room_and_changes_nothing() {
    let mut bench = Bench::new();
    bench.trip();
    bench.serve_the_bench();
    let probe = bench.pass();
    let before = bench.snapshot().ejections;

    bench.circuit.release(probe);

    assert_eq!(bench.circuit.standing(bench.now), Standing::ProbeDue);
    assert_eq!(
        (bench.circuit.state.word(), bench.snapshot().ejections),
        (StateWord::HalfOpen, before)
    );
}

#[test]
fn an_abandoned_attempt_neither_counts_nor_resets_the_count() {
    let mut bench = Bench::new();
    let (failed, left, failed_too) = (bench.pass(), bench.pass(), bench.pass());
    bench.fail(failed, COUNTS);

    bench.circuit.release(left);

    assert_eq!(bench.snapshot().consecutive_failures, 1);
    assert_eq!(
        bench.snapshot().window,
        WindowCounts {
            requests: 1,
            failures: 1
        }
    );
    assert!(bench.fail(failed_too, COUNTS).is_some());
}

/// Item 4.
#[test]
fn ten_means_ten() {
    let settings = BreakerSettings {
        consecutive_failures: NonZeroU32::new(10),
        ..Bench::new().circuit.settings
    };
    let mut bench = Bench::with(settings);
    let tickets: Vec<_> = (0..10).map(|_| bench.pass()).collect();

    let tripped: Vec<_> = tickets
        .into_iter()
        .map(|ticket| bench.fail(ticket, COUNTS).is_some())
        .collect();

    assert_eq!(tripped.iter().position(|tripped| *tripped), Some(9));
}

#[test]
fn a_success_starts_the_count_again() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        let (bad, good) = (bench.pass(), bench.pass());
        assert_eq!(bench.fail(bad, COUNTS), None);
        bench.succeed(good);
    }

    assert_eq!(bench.circuit.standing(bench.now), Standing::Ready);
}

/// Item 5.
#[test]
fn a_share_of_failures_trips_at_any_rate_of_requests() {
    for gap in [Duration::ZERO, seconds(2)] {
        let mut bench = Bench::with(BreakerSettings {
            consecutive_failures: None,
            error_rate: Some(ErrorRate::HALF),
            ..BreakerSettings::default()
        });

        // good, bad, good, bad, good, bad: the share is met at the second, the five requests later.
        let tripped = (0..6).position(|number| {
            bench.now += gap;
            let ticket = bench.pass();
            if number % 2 == 0 {
                bench.succeed(ticket)
            } else {
                bench.fail(ticket, COUNTS)
            }
            .is_some()
        });

        assert_eq!(tripped, Some(5), "{gap:?} apart");
    }
}

#[test]
fn a_share_means_nothing_before_the_least_number_of_requests_and_all_from_it_on() {
    let mut bench = Bench::with(BreakerSettings {
        consecutive_failures: None,
        error_rate: Some(ErrorRate::HALF),
        ..BreakerSettings::default()
    });

    let tripped = (0..9).position(|_| {
        let ticket = bench.pass();
        bench.fail(ticket, COUNTS).is_some()
    });

    assert_eq!(tripped, Some(4), "five requests by default");
}

#[test]
fn failures_from_before_a_bench_are_no_share_of_what_follows() {
    let mut bench = Bench::with(BreakerSettings {
        consecutive_failures: None,
        error_rate: Some(ErrorRate::try_from_basis_points(3_000).unwrap()),
        window: seconds(3_600),
        ..BreakerSettings::default()
    });
    for _ in 0..5 {
        let ticket = bench.pass();
        bench.fail(ticket, COUNTS);
    }
    bench.come_back();

    let ticket = bench.pass();

    assert_eq!(
        bench.fail(ticket, COUNTS),
        None,
        "one of eleven, not six of sixteen"
    );
}

/// Item 5.
#[test]
fn failures_before_a_long_idle_time_are_no_share_of_now() {
    let mut bench = Bench::with(BreakerSettings {
        consecutive_failures: None,
        error_rate: Some(ErrorRate::HALF),
        ..BreakerSettings::default()
    });
    for _ in 0..4 {
        let ticket = bench.pass();
        bench.fail(ticket, COUNTS);
    }

    bench.now += Duration::from_hours(24 * 365);
    let ticket = bench.pass();

    assert_eq!(bench.fail(ticket, COUNTS), None);
    assert_eq!(
        bench.snapshot().window,
        WindowCounts {
            requests: 1,
            failures: 1
        }
    );
}

/// Item 6.
#[test]
fn a_probe_that_never_answers_does_not_pin_the_circuit() {
    let mut bench = Bench::new();
    bench.trip();
    bench.serve_the_bench();
    let lost = bench.pass();

    bench.now += seconds(120);

    let (next, transition) = bench.circuit.enter(bench.now);
    assert!(next.is_probe());
    assert_eq!(transition, None, "it was half-open all the while");
    assert_eq!(bench.succeed(lost), None, "the lost one has no say");
    bench.circuit.release(lost);
    assert!(
        !bench.circuit.standing(bench.now).may_try(),
        "and does not free the other's place"
    );
}

#[test]
fn a_late_probe_that_nobody_replaced_is_still_the_best_word_there_is() {
    let mut bench = Bench::new();
    bench.trip();
    bench.serve_the_bench();
    let slow = bench.pass();

    bench.now += seconds(500);

    assert_eq!(bench.succeed(slow).unwrap().to, StateWord::Ramping);
}

/// Item 7.
#[test]
fn a_rate_limit_benches_at_once_until_the_moment_named() {
    let mut bench = Bench::new();
    let ticket = bench.pass();

    let transition = bench.fail(ticket, failure(Weight::OpensNow, Some(7))).unwrap();

    assert_eq!(transition.until, Some(bench.now + seconds(7)));
    assert_eq!(transition.cause, Some(Cause::Class("server_error")));
    assert_eq!(
        transition.ejections, 0,
        "a named time does not lengthen the next bench"
    );
}

/// Item 7.
#[test]
fn a_hint_of_a_day_is_believed_and_of_a_year_is_not() {
    for (hint, benched) in [(86_400.0, 86_400), (86_400.0, 31_536_000)] {
        let mut bench = Bench::new();
        let ticket = bench.pass();

        bench.fail(ticket, failure(Weight::OpensLong, Some(benched)));

        assert!(
            (bench.benched_for() - hint).abs() < 0.001,
            "{}",
            bench.benched_for()
        );
    }
}

#[test]
fn without_a_hint_a_rate_limit_takes_the_cool_down_and_a_refused_key_the_long_one() {
    for (weight, benched) in [(Weight::OpensNow, 30.0), (Weight::OpensLong, 600.0)] {
        let mut bench = Bench::new();
        let ticket = bench.pass();

        bench.fail(ticket, failure(weight, None));

        assert!(
            bench.is_benched_for_about(benched),
            "{weight:?}: {}",
            bench.benched_for()
        );
    }
}

#[test]
fn the_longest_not_before_among_the_failures_is_the_floor() {
    let mut bench = Bench::new();
    let (first, second) = (bench.pass(), bench.pass());
    bench.fail(first, failure(Weight::Counts, Some(90)));

    bench.now += seconds(10);
    bench.fail(second, COUNTS);

    assert!(
        (bench.benched_for() - 80.0).abs() < 0.001,
        "{}",
        bench.benched_for()
    );
}

#[test]
fn a_success_takes_a_not_before_back() {
    let mut bench = Bench::new();
    let (hinted, good) = (bench.pass(), bench.pass());
    bench.fail(hinted, failure(Weight::Counts, Some(90)));

    bench.succeed(good);
    bench.trip();

    assert!(bench.is_benched_for_about(30.0), "{}", bench.benched_for());
}

#[test]
fn a_rate_limit_on_the_way_back_is_benched_until_the_moment_named() {
    let mut bench = Bench::new();
    bench.trip();
    bench.probe_well();
    let ticket = bench.pass();

    let reopened = bench.fail(ticket, failure(Weight::OpensNow, Some(0))).unwrap();

    assert_eq!(
        (reopened.until, reopened.ejections),
        (Some(bench.now), 1),
        "no probe has disproved it"
    );
}

#[test]
fn a_later_deadline_extends_and_an_earlier_one_does_not_shorten() {
    let mut bench = Bench::new();
    let in_flight = [bench.pass(), bench.pass(), bench.pass()];
    let first = bench.pass();
    bench.fail(first, failure(Weight::OpensNow, Some(10)));

    let deadlines: Vec<_> = [(in_flight[0], 4), (in_flight[1], 60), (in_flight[2], 20)]
        .into_iter()
        .map(|(ticket, hint)| {
            assert_eq!(bench.fail(ticket, failure(Weight::OpensNow, Some(hint))), None);
            bench.benched_for().round()
        })
        .collect();

    assert_eq!(deadlines, [10.0, 60.0, 60.0]);
    assert_eq!(bench.snapshot().ejections, 0, "none of them is another ejection");
}

/// Item 8.
#[test]
fn the_bench_grows_per_ejection_and_not_per_failure() {
    let mut bench = Bench::new();
    let crowd: Vec<_> = (0..50).map(|_| bench.pass()).collect();
    for ticket in crowd {
        bench.fail(ticket, COUNTS);
    }
    assert!(
        bench.is_benched_for_about(30.0),
        "fifty failures are one ejection"
    );

    let benches: Vec<_> = [60.0, 120.0, 240.0, 300.0, 300.0]
        .into_iter()
        .map(|expected| {
            bench.serve_the_bench();
            let probe = bench.pass();
            bench.fail(probe, COUNTS);
            bench.is_benched_for_about(expected)
        })
        .collect();

    assert_eq!(benches, [true; 5], "doubled up to five minutes");
}

#[test]
fn ejections_are_forgotten_after_a_long_healthy_time_only() {
    for (healthy, ejections) in [(299, 2), (300, 1)] {
        let mut bench = Bench::new();
        bench.trip();
        bench.come_back();

        bench.now += seconds(healthy);

        assert_eq!(bench.trip().ejections, ejections, "after {healthy} s");
    }
}

#[test]
fn a_provider_that_keeps_naming_a_moment_and_breaking_its_word_is_asked_less_and_less() {
    let mut bench = Bench::new();
    let ticket = bench.pass();
    bench.fail(ticket, failure(Weight::OpensNow, Some(0)));

    let mut benches = Vec::new();
    for _ in 0..7 {
        bench.serve_the_bench();
        let probe = bench.pass();
        bench.fail(probe, failure(Weight::OpensNow, Some(0)));
        benches.push(bench.benched_for().round());
    }

    assert_eq!(benches, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
}

/// Item 9: the circuit's part of it; which target is tried is the planner's decision.
#[test]
fn a_forced_attempt_on_a_bench_takes_no_probe_and_may_bring_it_back() {
    let mut bench = Bench::new();
    bench.trip();

    let forced = bench.circuit.force();

    assert!(!forced.is_probe());
    assert_eq!(bench.succeed(forced).unwrap().to, StateWord::Ramping);
}

#[test]
fn a_forced_failure_is_no_ejection_but_its_bench_is_served_in_full() {
    let mut bench = Bench::new();
    let tripped = bench.trip();
    let forced = bench.circuit.force();

    assert_eq!(bench.fail(forced, COUNTS), None);
    assert_eq!(bench.snapshot().until, tripped.until);

    assert_eq!(bench.fail(forced, failure(Weight::OpensLong, None)), None);
    assert!(bench.is_benched_for_about(600.0));
    assert_eq!(bench.snapshot().ejections, 1);
}

#[test]
fn a_forced_attempt_that_is_abandoned_does_not_free_the_probes_place() {
    let mut bench = Bench::new();
    bench.trip();
    bench.serve_the_bench();
    bench.pass();
    let forced = bench.circuit.force();

    bench.circuit.release(forced);

    assert!(!bench.circuit.standing(bench.now).may_try());
}

#[test]
fn a_forced_attempt_votes_while_a_probe_is_on_its_way() {
    let mut bench = Bench::new();
    bench.trip();
    bench.serve_the_bench();
    let probe = bench.pass();
    let forced = bench.circuit.force();

    let reopened = bench.fail(forced, COUNTS).unwrap();

    assert_eq!(
        (reopened.from, reopened.to),
        (StateWord::HalfOpen, StateWord::Open)
    );
    assert_eq!(bench.succeed(probe), None, "the probe is of an earlier epoch now");
}

#[test]
fn the_share_grows_with_successes_until_the_circuit_is_closed() {
    let mut bench = Bench::new();
    bench.trip();
    bench.probe_well();

    let mut shares = Vec::new();
    while let Standing::Ramping { share } = bench.circuit.standing(bench.now) {
        shares.push(share);
        let ticket = bench.pass();
        bench.succeed(ticket);
    }

    assert_eq!(shares, [10, 25, 25, 50, 50, 50, 100, 100, 100, 100]);
    assert_eq!(bench.circuit.standing(bench.now), Standing::Ready);
}

#[test]
fn one_failure_while_returning_reopens_for_longer() {
    let mut bench = Bench::new();
    bench.trip();
    bench.probe_well();
    let ticket = bench.pass();

    let reopened = bench.fail(ticket, COUNTS).unwrap();

    assert_eq!((reopened.from, reopened.ejections), (StateWord::Ramping, 2));
    assert!(bench.is_benched_for_about(60.0));
}

#[test]
fn a_proven_probe_brings_the_circuit_back_once_and_may_still_break() {
    let mut bench = Bench::new();
    bench.trip();
    bench.serve_the_bench();
    let mut probe = bench.pass();

    assert_eq!(
        bench.circuit.prove(&mut probe, bench.now).unwrap().to,
        StateWord::Ramping
    );
    assert_eq!(bench.circuit.prove(&mut probe, bench.now), None);
    assert_eq!(bench.succeed(probe), None);
    assert_eq!(
        bench.circuit.standing(bench.now),
        Standing::Ramping { share: 10 },
        "one success, one vote"
    );

    assert_eq!(
        bench.fail(probe, COUNTS).unwrap().to,
        StateWord::Open,
        "its stream broke after all"
    );
}

#[test]
fn a_proven_ordinary_attempt_has_not_voted_yet() {
    let mut bench = Bench::new();
    let (failed, mut streaming) = (bench.pass(), bench.pass());
    bench.fail(failed, COUNTS);

    assert_eq!(bench.circuit.prove(&mut streaming, bench.now), None);

    assert!(
        bench.fail(streaming, COUNTS).is_some(),
        "a first token resets no count"
    );
}

#[test]
fn an_operator_benches_and_clears() {
    let mut bench = Bench::new();
    let early = bench.pass();

    let opened = bench.circuit.force_open(seconds(3_600), bench.now).unwrap();
    assert_eq!(
        (opened.cause, opened.until),
        (Some(Cause::Operator), Some(bench.now + seconds(3_600)))
    );
    let forced = bench.circuit.force();
    assert_eq!(bench.succeed(forced), None, "votes do not lift it");
    assert_eq!(
        bench.circuit.heed(Health::Healthy, bench.now),
        None,
        "nor do checks"
    );

    let closed = bench.circuit.reset().unwrap();
    assert_eq!((closed.from, closed.to), (StateWord::Open, StateWord::Closed));
    bench.fail(early, COUNTS);
    bench.fail(early, COUNTS);
    assert_eq!(
        bench.circuit.standing(bench.now),
        Standing::Ready,
        "results from before do not vote"
    );
    assert_eq!(bench.circuit.reset(), None, "nothing to tell when it was closed");
}

#[test]
fn a_reset_forgets_the_ejections() {
    let mut bench = Bench::new();
    bench.trip();
    bench.serve_the_bench();
    let probe = bench.pass();
    bench.fail(probe, COUNTS);

    bench.circuit.reset();

    assert_eq!(bench.trip().ejections, 1);
    assert!(bench.is_benched_for_about(30.0));
}

#[test]
fn a_reset_forgets_the_votes() {
    let mut bench = Bench::new();
    let ticket = bench.pass();
    bench.fail(ticket, COUNTS);

    bench.circuit.reset();

    assert_eq!(bench.snapshot().consecutive_failures, 0);
    assert_eq!(bench.snapshot().window, WindowCounts::default());
}

#[test]
fn failing_checks_bench_whatever_the_votes_say_and_passing_ones_ask_for_a_probe() {
    let mut bench = Bench::new();
    let unhealthy = Health::Unhealthy {
        stands_for: seconds(25),
    };
    let ticket = bench.pass();
    bench.succeed(ticket);

    let opened = bench.circuit.heed(unhealthy, bench.now).unwrap();
    assert_eq!(
        (opened.cause, opened.until),
        (Some(Cause::HealthCheck), Some(bench.now + seconds(25)))
    );
    bench.now += seconds(10);
    assert_eq!(
        bench.circuit.heed(unhealthy, bench.now),
        None,
        "said again, it stands longer"
    );
    assert!((bench.benched_for() - 25.0).abs() < 0.001);
    let forced = bench.circuit.force();
    assert_eq!(bench.succeed(forced), None, "a vote does not overrule the checks");

    let back = bench.circuit.heed(Health::Healthy, bench.now).unwrap();
    assert_eq!((back.from, back.to), (StateWord::Open, StateWord::HalfOpen));
    assert_eq!(bench.circuit.standing(bench.now), Standing::ProbeDue);
}

#[test]
fn passing_checks_do_not_shorten_what_the_votes_decided() {
    let mut bench = Bench::new();
    let tripped = bench.trip();

    assert_eq!(bench.circuit.heed(Health::Healthy, bench.now), None);
    assert_eq!(bench.snapshot().until, tripped.until);
}

#[test]
fn checks_that_fall_silent_do_not_bench_for_ever() {
    let mut bench = Bench::new();
    bench.circuit.heed(
        Health::Unhealthy {
            stands_for: seconds(25),
        },
        bench.now,
    );

    bench.now += seconds(25);

    assert_eq!(bench.circuit.standing(bench.now), Standing::ProbeDue);
}

#[test]
fn an_operators_bench_outlasts_failing_checks_but_they_take_over_when_it_ends() {
    let mut bench = Bench::new();
    let unhealthy = Health::Unhealthy {
        stands_for: seconds(25),
    };
    bench.circuit.force_open(seconds(60), bench.now);

    bench.circuit.heed(unhealthy, bench.now);
    assert_eq!(bench.snapshot().cause, Some(Cause::Operator));

    bench.now += seconds(60);
    bench.circuit.heed(unhealthy, bench.now);
    assert_eq!(bench.snapshot().cause, Some(Cause::HealthCheck));
}

#[test]
fn new_settings_hold_from_now_on_and_keep_what_happened() {
    let mut bench = Bench::new();
    let (first, second) = (bench.pass(), bench.pass());
    bench.fail(first, COUNTS);
    let patient = BreakerSettings {
        consecutive_failures: NonZeroU32::new(3),
        window: seconds(60),
        ..bench.circuit.settings.clone()
    };

    bench.circuit.adopt(&patient);

    assert_eq!(bench.fail(second, COUNTS), None);
    assert_eq!(bench.snapshot().consecutive_failures, 2);
    let third = bench.pass();
    assert!(bench.fail(third, COUNTS).is_some());
}

#[test]
fn a_snapshot_says_why_and_until_when_also_when_the_time_is_up() {
    let mut bench = Bench::new();
    let tripped = bench.trip();

    bench.serve_the_bench();
    let snapshot = bench.snapshot();

    assert_eq!(
        (snapshot.state, snapshot.standing),
        (StateWord::Open, Standing::ProbeDue)
    );
    assert_eq!(
        (snapshot.until, snapshot.cause),
        (tripped.until, Some(Cause::Class("server_error")))
    );
    assert_eq!(snapshot.ejections, 1);
}
