//! A policy's choice of the failures that move on to the next target.
//!
//! Invariant: what part of an answer was already sent for, or nobody waits for, never moves on; a status named by
//! number adds that status and nothing else. Names in use by other gateways are understood, so that their policies
//! can be written down. It knows nothing of targets.

mod names;

use std::fmt;

pub use names::BadName;

use super::class::{Class, ClassSet};
use super::judge::possible_classes;

/// The failures that move on.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FailoverOn {
    classes: ClassSet,
    /// Statuses named by number, sorted, each once.
    statuses: Vec<u16>,
}

impl FailoverOn {
    /// Nothing moves on.
    pub const NOTHING: FailoverOn = FailoverOn {
        classes: ClassSet::EMPTY,
        statuses: Vec::new(),
    };

    /// Reads a policy's list of names; every mistake is reported.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<FailoverOn, Vec<BadName>> {
        let mut on = FailoverOn::NOTHING;
        let mut mistakes = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match names::meaning(name.as_ref()) {
                Ok(meaning) => {
                    on.classes = meaning
                        .classes
                        .iter()
                        .fold(on.classes, |set, class| set.with(*class));
                    on.statuses.extend(meaning.statuses);
                }
                Err(remedy) => mistakes.push(BadName {
                    index,
                    name: name.as_ref().to_owned(),
                    remedy,
                }),
            }
        }
        on.statuses.sort_unstable();
        on.statuses.dedup();
        if mistakes.is_empty() {
            Ok(on)
        } else {
            Err(mistakes)
        }
    }

    /// Does this failure move on?
    ///
    /// For the classes that need a larger target it means: to such a target, if there is one.
    pub fn moves_on(&self, class: Class, status: Option<u16>) -> bool {
        let named = status.is_some_and(|status| self.statuses.binary_search(&status).is_ok());
        class.may_fail_over() && (self.classes.contains(class) || named)
    }

    /// The statuses that move on whatever the body says: for Envoy's `retriable_status_codes`.
    ///
    /// A 404 or 400 is here only if named by number. A 401 or 403 is not either: with a key that the caller brought, it
    /// is the caller's to hear.
    pub fn retriable_status_codes(&self) -> Vec<u16> {
        let certain = |status: &u16| {
            possible_classes(*status).is_some_and(|classes| self.classes.contains_all(classes))
                || self.statuses.binary_search(status).is_ok()
        };
        (300..600).filter(certain).collect()
    }

    /// The names that say the same, in the order of the table of classes.
    pub fn names(&self) -> Vec<String> {
        let every_5xx = names::EVERY_5XX
            .clone()
            .all(|status| self.statuses.binary_search(&status).is_ok());
        let statuses = self
            .statuses
            .iter()
            .filter(|status| !(every_5xx && names::EVERY_5XX.contains(*status)));
        let classes = self.classes.iter().map(|class| class.as_str().to_owned());
        let statuses = statuses.map(|status| format!("http_{status}"));
        classes
            .chain(statuses)
            .chain(every_5xx.then(|| "http_5xx".to_owned()))
            .collect()
    }
}

impl Default for FailoverOn {
    /// The rows of the table that say yes.
    fn default() -> FailoverOn {
        let classes = Class::ALL
            .into_iter()
            .filter(|class| class.fails_over_by_default())
            .collect();
        FailoverOn {
            classes,
            statuses: Vec::new(),
        }
    }
}

impl fmt::Debug for FailoverOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests;
