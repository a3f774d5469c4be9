//! The ids of calls: Bedrock takes fewer letters than others write, and each id once.
//!
//! Invariant: an id that is allowed and new stays as it is; any other becomes one that nobody else has; and a result
//! names the call that it belongs to.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

/// Longest id.
const LONGEST: usize = 64;

/// The ids of one conversation.
#[derive(Debug, Default)]
pub(super) struct CallIds<'a> {
    became: HashMap<Cow<'a, str>, Became<'a>>,
    taken: HashSet<Cow<'a, str>>,
    last: u64,
}

/// What the calls of one id became.
#[derive(Debug, Default)]
struct Became<'a> {
    /// Those without a result yet, in order.
    waiting: VecDeque<Cow<'a, str>>,
    /// The last one with a result.
    answered: Option<Cow<'a, str>>,
}

impl<'a> CallIds<'a> {
    /// The id of the next call.
    pub(super) fn call(&mut self, id: Cow<'a, str>) -> Cow<'a, str> {
        let new = self.unused(&id);
        self.became.entry(id).or_default().waiting.push_back(new.clone());
        new
    }

    /// The id of the call that the next result is of.
    pub(super) fn result(&mut self, id: Cow<'a, str>) -> Cow<'a, str> {
        if !self.became.contains_key(&id) {
            // A result of nothing; the provider says what it thinks of it.
            self.call(id.clone());
        }
        let became = self.became.entry(id).or_default();
        let answered = became.waiting.pop_front().or_else(|| became.answered.take());
        became.answered.insert(answered.unwrap_or_default()).clone()
    }

    fn unused(&mut self, id: &Cow<'a, str>) -> Cow<'a, str> {
        let plain = plain(id);
        if self.taken.insert(plain.clone()) {
            return plain;
        }
        loop {
            self.last += 1;
            let end = format!("-{}", self.last);
            let mut new = plain.clone().into_owned();
            // All of it is ASCII by now.
            new.truncate(LONGEST - end.len());
            let new: Cow<'a, str> = Cow::Owned(new + &end);
            if self.taken.insert(new.clone()) {
                return new;
            }
        }
    }
}

/// The id in letters that are allowed.
fn plain<'a>(id: &Cow<'a, str>) -> Cow<'a, str> {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "_.:-".contains(letter);
    if (1..=LONGEST).contains(&id.len()) && id.chars().all(is_allowed) {
        return id.clone();
    }
    let letters = id.chars().take(LONGEST);
    let plain: String = letters
        .map(|letter| if is_allowed(letter) { letter } else { '_' })
        .collect();
    Cow::Owned(if plain.is_empty() {
        "call".to_owned()
    } else {
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_allowed_stays() {
        let mut ids = CallIds::default();

        for id in ["call_1", "toolu.1:2-3", "x".repeat(64).as_str()] {
            assert_eq!(ids.call(Cow::Owned(id.to_owned())), id);
            assert_eq!(ids.result(Cow::Owned(id.to_owned())), id);
        }
    }

    #[test]
    fn an_id_that_is_not_becomes_one_that_its_result_shares() {
        let mut ids = CallIds::default();
        let long = "ü".repeat(100);

        for (id, expected) in [
            ("a/b", "a_b"),
            ("a b", "a_b-1"),
            ("", "call"),
            ("call", "call-2"),
            (long.as_str(), &*"_".repeat(64)),
        ] {
            assert_eq!(ids.call(id.into()), expected);
            assert_eq!(ids.result(id.into()), expected);
            assert_eq!(ids.result(id.into()), expected, "a second result of one call");
        }
    }

    #[test]
    fn calls_of_one_id_are_told_apart_and_answered_in_order() {
        let mut ids = CallIds::default();

        assert_eq!(ids.call("a".into()), "a");
        assert_eq!(ids.call("a".into()), "a-1");
        assert_eq!(ids.result("a".into()), "a");
        assert_eq!(ids.result("a".into()), "a-1");
        assert_eq!(ids.call("a".into()), "a-2");
        assert_eq!(ids.result("a".into()), "a-2");
    }

    #[test]
    fn a_result_without_its_call_gets_an_id_too() {
        let mut ids = CallIds::default();

        assert_eq!(ids.result("a?".into()), "a_");
        assert_eq!(ids.call("a_".into()), "a_-1");
    }
}
