//! What a circuit says when it changes, and the words for its states.
//!
//! Invariant: a [`Transition`] is returned exactly when the state's word changes; a longer bench or
//! a larger share is read from the snapshot instead. Refuses to know who logs or counts it.

use super::key::CircuitKey;
use std::fmt;
use std::time::Instant;

/// The state of a circuit without its data: a metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateWord {
    /// Serving: nothing held against it.
    Closed,
    /// Benched.
    Open,
    /// One probe decides.
    HalfOpen,
    /// Returning, with a growing share.
    Ramping,
}

impl StateWord {
    /// Every state, for those who enumerate labels.
    pub const ALL: [Self; 4] = [Self::Closed, Self::Open, Self::HalfOpen, Self::Ramping];

    /// The word for logs, labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Ramping => "ramping",
        }
    }

    /// The same said to somebody who does not know circuits.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Closed => "serving",
            Self::Open => "benched",
            Self::HalfOpen => "probing",
            Self::Ramping => "returning",
        }
    }
}

impl fmt::Display for StateWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a circuit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Attempts failed; the label of the class that tipped it.
    Class(&'static str),
    /// Active health checks fail.
    HealthCheck,
    /// An operator said so.
    Operator,
}

impl Cause {
    /// The word for logs, labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Class(label) => label,
            Self::HealthCheck => "health_check",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A circuit went from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state it left.
    pub from: StateWord,
    /// The state it is in now.
    pub to: StateWord,
    /// Why, when it opened.
    pub cause: Option<Cause>,
    /// Until when, when it opened.
    pub until: Option<Instant>,
    /// Ejections that now lengthen the next one.
    pub ejections: u32,
}

/// A transition, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The circuit that changed.
    pub circuit: CircuitKey,
    /// What changed.
    pub transition: Transition,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Item 10 of the correctness list: circuit words, each with its plain meaning.
    #[test]
    fn every_state_has_one_word_and_one_meaning() {
        let words = StateWord::ALL.map(|word| (word.to_string(), word.meaning()));

        assert_eq!(
            words.each_ref().map(|(word, meaning)| (word.as_str(), *meaning)),
            [
                ("closed", "serving"),
                ("open", "benched"),
                ("half_open", "probing"),
                ("ramping", "returning")
            ]
        );
    }

    #[test]
    fn a_cause_reads_as_a_label() {
        let labels = [Cause::Class("rate_limited"), Cause::HealthCheck, Cause::Operator].map(Cause::as_str);

        assert_eq!(labels, ["rate_limited", "health_check", "operator"]);
    }
}
