//! Which fields go on.

use crate::dialect::facts::Facts;

/// Fields of the hub on their way: what the model refuses stays out, and what stays out is named.
#[derive(Debug)]
pub(super) struct Sieve<'f> {
    facts: &'f Facts,
    dropped: Vec<String>,
}

impl<'f> Sieve<'f> {
    pub(super) fn new(facts: &'f Facts) -> Self {
        Self {
            facts,
            dropped: Vec::new(),
        }
    }

    /// What is known of the model.
    pub(super) fn facts(&self) -> &'f Facts {
        self.facts
    }

    /// The value, unless the model refuses that field.
    pub(super) fn pass<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        let is_refused = value.is_some() && self.facts.refuse(field);
        self.drop_if(field, is_refused);
        value.filter(|_| !is_refused)
    }

    /// A field stays out.
    pub(super) fn drop(&mut self, field: &str) {
        self.dropped.push(field.to_owned());
    }

    /// A field stays out, if it was there and said something.
    pub(super) fn drop_if(&mut self, field: &str, is_there: bool) {
        if is_there {
            self.drop(field);
        }
    }

    /// What stayed out.
    pub(super) fn into_dropped(self) -> Vec<String> {
        self.dropped
    }
}
