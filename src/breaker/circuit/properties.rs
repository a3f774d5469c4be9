//! What holds after any sequence of inputs.

use super::*;
use crate::breaker::Scope;
use crate::breaker::settings::ErrorRate;
use crate::breaker::vote::{Failure, Health, Weight};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Input {
    Wait(u64),
    Pass,
    Force,
    Succeed(prop::sample::Index),
    Fail(prop::sample::Index, Weight, Option<u64>),
    Release(prop::sample::Index),
    Prove(prop::sample::Index),
    /// The process loses a ticket without a word; guards forbid it, the machine survives it.
    Lose(prop::sample::Index),
    Health(bool),
    Operator(Option<u64>),
    Adopt(BreakerSettings),
}

fn settings() -> impl Strategy<Value = BreakerSettings> {
    let short = || (0u64..90_000).prop_map(Duration::from_millis);
    let rate = (1u16..=10_000).prop_map(|points| ErrorRate::try_from_basis_points(points).unwrap());
    (
        prop::option::of(1u32..6),
        prop::option::of(rate),
        short(),
        1u32..8,
        short(),
        short(),
        short(),
        short(),
    )
        .prop_map(
            |(most, error_rate, window, least, open_for, max_open_for, long_open_for, probe_lease)| {
                BreakerSettings {
                    consecutive_failures: most.and_then(NonZeroU32::new),
                    error_rate,
                    window,
                    min_requests: NonZeroU32::new(least).unwrap(),
                    open_for,
                    max_open_for,
                    long_open_for,
                    probe_lease,
                }
            },
        )
}

fn input() -> impl Strategy<Value = Input> {
    let pick = any::<prop::sample::Index>;
    let weight = prop_oneof![
        6 => Just(Weight::Counts),
        1 => Just(Weight::OpensNow),
        1 => Just(Weight::OpensLong)
    ];
    let hint = prop::option::weighted(0.3, prop_oneof![4 => 0u64..200, 1 => any::<u64>()]);
    prop_oneof![
        4 => prop_oneof![3 => 0u64..40_000, 1 => 0u64..4_000_000].prop_map(Input::Wait),
        8 => Just(Input::Pass),
        1 => Just(Input::Force),
        5 => pick().prop_map(Input::Succeed),
        5 => (pick(), weight, hint).prop_map(|(ticket, weight, hint)| Input::Fail(ticket, weight, hint)),
        2 => pick().prop_map(Input::Release),
        1 => pick().prop_map(Input::Prove),
        1 => pick().prop_map(Input::Lose),
        1 => any::<bool>().prop_map(Input::Health),
        1 => prop::option::of(0u64..1_000).prop_map(Input::Operator),
        1 => settings().prop_map(Input::Adopt),
    ]
}

/// A circuit, and all that is known about it from outside.
struct World {
    circuit: Circuit,
    rng: fastrand::Rng,
    now: Instant,
    tickets: Vec<Ticket>,
    /// The live probe and when it counts as lost.
    probe: Option<(Ticket, Instant)>,
}

impl World {
    fn new(settings: BreakerSettings) -> Self {
        let circuit = Circuit::new(settings);
        let rng = fastrand::Rng::with_seed(3);
        Self {
            circuit,
            rng,
            now: Instant::now(),
            tickets: Vec::new(),
            probe: None,
        }
    }

    fn take(&mut self, index: prop::sample::Index) -> Option<Ticket> {
        let place = (!self.tickets.is_empty()).then(|| index.index(self.tickets.len()))?;
        let ticket = self.tickets.swap_remove(place);
        Some(ticket)
    }

    fn settle(&mut self, ticket: Ticket) {
        self.probe = self.probe.filter(|(probe, _)| *probe != ticket);
    }

    fn pass(&mut self) -> Result<(), TestCaseError> {
        if !self.circuit.standing(self.now).may_try() {
            return Ok(());
        }
        let (ticket, _) = self.circuit.enter(self.now);
        if ticket.is_probe() {
            let live = self
                .probe
                .filter(|(probe, lease)| self.now < *lease && self.is_current(*probe));
            prop_assert_eq!(live, None, "two live probes");
            self.probe = Some((ticket, later(self.now, self.circuit.settings.probe_lease)));
        }
        self.tickets.push(ticket);
        Ok(())
    }

    fn is_current(&self, ticket: Ticket) -> bool {
        ticket.epoch == self.circuit.epoch
    }

    fn do_next(&mut self, input: &Input) -> Result<Option<Transition>, TestCaseError> {
        match input {
            Input::Wait(ms) => self.now += Duration::from_millis(*ms),
            Input::Pass => self.pass()?,
            Input::Force => self.tickets.push(self.circuit.force()),
            Input::Health(true) => return Ok(self.circuit.heed(Health::Healthy, self.now)),
            Input::Health(false) => {
                let stands_for = Duration::from_secs(30);
                return Ok(self.circuit.heed(Health::Unhealthy { stands_for }, self.now));
            }
            Input::Operator(None) => return Ok(self.circuit.reset()),
            Input::Operator(Some(s)) => {
                return Ok(self.circuit.force_open(Duration::from_secs(*s), self.now));
            }
            Input::Adopt(settings) => self.circuit.adopt(settings),
            Input::Succeed(index)
            | Input::Fail(index, ..)
            | Input::Release(index)
            | Input::Prove(index)
            | Input::Lose(index) => {
                let Some(ticket) = self.take(*index) else {
                    return Ok(None);
                };
                return Ok(self.end(ticket, input));
            }
        }
        Ok(None)
    }

    fn end(&mut self, mut ticket: Ticket, input: &Input) -> Option<Transition> {
        if !matches!(input, Input::Lose(_)) {
            self.settle(ticket);
        }
        match input {
            Input::Succeed(_) => self.circuit.succeed(ticket, self.now),
            Input::Fail(_, weight, hint) => {
                let hint = hint.map(Duration::from_secs);
                let failure = Failure {
                    blame: Scope::Target,
                    weight: *weight,
                    hint,
                    class: "any",
                };
                self.circuit.fail(ticket, &failure, &mut self.rng, self.now)
            }
            Input::Prove(_) => {
                let transition = self.circuit.prove(&mut ticket, self.now);
                self.tickets.push(ticket);
                transition
            }
            Input::Release(_) => {
                self.circuit.release(ticket);
                None
            }
            _ => None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.circuit.state {
            State::Open { until, .. } => Some(until),
            _ => None,
        }
    }
}

/// Everything a vote could change, as text.
fn described(circuit: &Circuit) -> String {
    format!("{circuit:?}")
}

proptest! {
    /// Item 4 of the correctness list.
    #[test]
    fn trips_on_exactly_the_nth_failure_in_a_row(
        most in 1u32..40,
        before in prop::collection::vec(any::<bool>(), 0..60),
    ) {
        let consecutive_failures = NonZeroU32::new(most);
        let settings = BreakerSettings { consecutive_failures, error_rate: None, ..BreakerSettings::default() };
        let mut world = World::new(settings);
        let failure = Failure { blame: Scope::Target, weight: Weight::Counts, hint: None, class: "any" };
        let mut in_a_row = 0;

        for failed in before.into_iter().chain(std::iter::repeat_n(true, 40)) {
            let (ticket, _) = world.circuit.enter(world.now);
            in_a_row = if failed { in_a_row + 1 } else { 0 };
            let transition = if failed {
                world.circuit.fail(ticket, &failure, &mut world.rng, world.now)
            } else {
                world.circuit.succeed(ticket, world.now)
            };

            prop_assert_eq!(transition.is_some(), in_a_row == most);
            if transition.is_some() {
                return Ok(());
            }
        }
        prop_assert!(false, "never tripped");
    }

    #[test]
    fn one_probe_at_a_time_and_each_transition_told_as_it_is(
        settings in settings(),
        inputs in prop::collection::vec(input(), 1..120),
    ) {
        let mut world = World::new(settings);
        for input in &inputs {
            let before = world.circuit.state.word();

            let transition = world.do_next(input)?;

            let after = world.circuit.state.word();
            if let Some(transition) = transition {
                prop_assert_ne!(transition.from, transition.to);
                prop_assert_eq!((transition.from, transition.to), (before, after));
                prop_assert_eq!(transition.until, world.deadline());
                prop_assert_eq!(transition.cause.is_some(), after == StateWord::Open);
            } else {
                let probe_left = matches!(input, Input::Pass) && after == StateWord::HalfOpen;
                prop_assert!(before == after || probe_left, "{:?} changed {} in silence", input, before);
            }
        }
    }

    #[test]
    fn no_failure_and_no_check_brings_a_deadline_nearer(
        settings in settings(),
        inputs in prop::collection::vec(input(), 1..120),
    ) {
        let mut world = World::new(settings);
        for input in &inputs {
            let before = world.deadline();

            world.do_next(input)?;

            let may_end_it = matches!(
                input,
                Input::Operator(_) | Input::Health(true) | Input::Succeed(_) | Input::Pass
            );
            if let (Some(before), false) = (before, may_end_it) {
                prop_assert!(world.deadline() >= Some(before), "{:?}", input);
            }
        }
    }

    /// Item 6 of the correctness list, for every way of getting stuck.
    #[test]
    fn nothing_stays_shut_for_ever(
        settings in settings(),
        inputs in prop::collection::vec(input(), 1..120),
    ) {
        let mut world = World::new(settings);
        for input in &inputs {
            world.do_next(input)?;
        }

        // Longer than the longest hint believed, and than any lease.
        let much_later = world.now + Duration::from_hours(25);

        prop_assert!(world.circuit.standing(much_later).may_try(), "{:?}", world.circuit);
    }

    /// Item 2 of the correctness list.
    #[test]
    fn a_ticket_of_an_earlier_epoch_changes_nothing_but_a_later_deadline(
        settings in settings(),
        inputs in prop::collection::vec(input(), 1..120),
        hint in prop::option::of(0u64..1_000),
    ) {
        let mut world = World::new(settings);
        for input in &inputs {
            world.do_next(input)?;
            let late: Vec<_> = world.tickets.iter().copied().filter(|ticket| !world.is_current(*ticket)).collect();
            for mut ticket in late {
                let before = described(&world.circuit);
                let named = hint.map(|hint| world.now + Duration::from_secs(hint));
                let extends = world.deadline().zip(named).is_some_and(|(until, named)| named > until);
                let failure = Failure {
                    blame: Scope::Target,
                    weight: Weight::OpensLong,
                    hint: hint.map(Duration::from_secs),
                    class: "late",
                };

                prop_assert_eq!(world.circuit.prove(&mut ticket, world.now), None);
                prop_assert_eq!(world.circuit.succeed(ticket, world.now), None);
                world.circuit.release(ticket);
                prop_assert_eq!(&described(&world.circuit), &before);
                prop_assert_eq!(world.circuit.fail(ticket, &failure, &mut world.rng, world.now), None);
                if extends {
                    prop_assert_eq!(world.deadline(), named);
                } else {
                    prop_assert_eq!(&described(&world.circuit), &before);
                }
            }
        }
    }
}
