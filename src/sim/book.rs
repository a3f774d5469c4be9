//! The faults that are on now, and the draw of one for a request.
//!
//! Invariant: the first rule that meets a request and whose share is drawn strikes it; a rule with `times` strikes
//! exactly that often. It refuses to know what a fault does.

use std::sync::Arc;

use super::rule::{FaultRule, Reach};

/// What kind of endpoint a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Inference,
    Models,
    Token,
}

/// The rules in force, in the order in which they are tried.
#[derive(Debug)]
pub(super) struct FaultBook {
    rules: Vec<ActiveRule>,
    rng: fastrand::Rng,
}

#[derive(Debug)]
struct ActiveRule {
    rule: Arc<FaultRule>,
    left: Option<u32>,
}

impl FaultBook {
    pub(super) fn new(rules: Vec<FaultRule>, rng: fastrand::Rng) -> Self {
        let mut book = Self {
            rules: Vec::new(),
            rng,
        };
        book.replace(rules);
        book
    }

    /// Puts these rules in the place of all others.
    pub(super) fn replace(&mut self, rules: Vec<FaultRule>) {
        self.rules = rules.into_iter().map(ActiveRule::from).collect();
    }

    /// Puts this rule in the place of those for the same model and the same endpoints.
    pub(super) fn set(&mut self, rule: FaultRule) {
        self.rules
            .retain(|active| active.rule.model != rule.model || active.rule.on != rule.on);
        let position = if rule.model.is_some() { 0 } else { self.rules.len() };
        self.rules.insert(position, rule.into());
    }

    /// The rules that can still strike, with what is left of their `times`.
    pub(super) fn rules(&self) -> Vec<FaultRule> {
        let still = |active: &ActiveRule| FaultRule {
            times: active.left,
            ..(*active.rule).clone()
        };
        self.rules.iter().map(still).collect()
    }

    /// The rule that strikes a request for this model at this kind of endpoint.
    pub(super) fn draw(&mut self, model: &str, place: Place) -> Option<Arc<FaultRule>> {
        let Self { rules, rng } = self;
        let struck = rules
            .iter_mut()
            .position(|active| active.strikes(model, place, rng))?;
        let active = &mut rules[struck];
        let rule = Arc::clone(&active.rule);
        active.left = active.left.map(|left| left - 1);
        if active.left == Some(0) {
            rules.remove(struck);
        }
        Some(rule)
    }
}

impl ActiveRule {
    fn strikes(&self, model: &str, place: Place, rng: &mut fastrand::Rng) -> bool {
        let reaches = match self.rule.on {
            Reach::Inference => place == Place::Inference,
            Reach::Models => place == Place::Models,
            Reach::All => place != Place::Token,
            Reach::Token => place == Place::Token,
        };
        let meets =
            reaches && self.left != Some(0) && self.rule.model.as_deref().is_none_or(|it| it == model);
        meets && (self.rule.rate >= 1.0 || rng.f64() < self.rule.rate)
    }
}

impl From<FaultRule> for ActiveRule {
    fn from(rule: FaultRule) -> Self {
        Self {
            left: rule.times,
            rule: Arc::new(rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Fault;
    use super::*;

    fn book(rules: Vec<FaultRule>) -> FaultBook {
        FaultBook::new(rules, fastrand::Rng::with_seed(7))
    }

    fn draws(book: &mut FaultBook, count: usize) -> Vec<Option<Fault>> {
        (0..count)
            .map(|_| book.draw("m", Place::Inference).map(|rule| rule.fault))
            .collect()
    }

    #[test]
    fn a_list_of_rules_is_a_script() {
        let script = vec![
            FaultRule::new(Fault::RateLimit).times(1),
            FaultRule::new(Fault::Stall).times(2),
        ];

        let drawn = draws(&mut book(script), 4);

        assert_eq!(
            drawn,
            [
                Some(Fault::RateLimit),
                Some(Fault::Stall),
                Some(Fault::Stall),
                None
            ]
        );
    }

    #[test]
    fn a_rule_for_a_model_goes_before_one_for_all() {
        let mut book = book(vec![FaultRule::new(Fault::Auth)]);

        book.set(FaultRule::new(Fault::Hang).model("m"));

        assert_eq!(book.draw("m", Place::Inference).unwrap().fault, Fault::Hang);
        assert_eq!(book.draw("other", Place::Inference).unwrap().fault, Fault::Auth);
        assert_eq!(book.draw("other", Place::Models), None);
    }

    #[test]
    fn setting_a_rule_replaces_its_like() {
        let mut book = book(vec![FaultRule::new(Fault::Auth)]);

        book.set(FaultRule::new(Fault::Html).times(1));

        assert_eq!(draws(&mut book, 2), [Some(Fault::Html), None]);
    }

    #[test]
    fn a_rate_strikes_its_share() {
        let mut book = book(vec![FaultRule::new(Fault::Reset).rate(0.3)]);

        let struck = draws(&mut book, 1000).into_iter().flatten().count();

        // Three standard deviations of a binomial draw of 1000 at 0.3 are 43.
        assert!((257..=343).contains(&struck), "{struck}");
    }

    #[test]
    fn no_times_means_no_strike_at_all() {
        assert_eq!(
            draws(&mut book(vec![FaultRule::new(Fault::Reset).times(0)]), 1),
            [None]
        );
    }
}
