//! The ids of calls, for languages that take fewer letters than others write, and each id once.
//!
//! Invariant: an id that is allowed and new stays as it is; any other becomes one that nobody else has; and a result
//! names the call that it belongs to. The same conversation gets the same ids every time, so what a provider has
//! cached of it stays good. The work is that of reading the ids, however they collide.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

/// The ids of one conversation.
#[derive(Debug)]
pub(in crate::dialect) struct CallIds<'a> {
    /// An id in ASCII letters that are allowed, at most `longest` of them.
    plain: fn(&Cow<'a, str>) -> Cow<'a, str>,
    longest: usize,
    became: HashMap<Cow<'a, str>, Became<'a>>,
    taken: HashSet<Cow<'a, str>>,
    /// The number that was last put behind an id; none comes twice.
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
    /// The ids of a conversation that begins: `plain` writes one in letters that are allowed, `longest` of them or less.
    pub(in crate::dialect) fn new(longest: usize, plain: fn(&Cow<'a, str>) -> Cow<'a, str>) -> Self {
        Self {
            plain,
            longest,
            became: HashMap::new(),
            taken: HashSet::new(),
            last: 0,
        }
    }

    /// The id of the next call. Servers that number the calls of each turn anew repeat theirs.
    pub(in crate::dialect) fn call(&mut self, id: Cow<'a, str>) -> Cow<'a, str> {
        let new = self.unused(&id);
        self.became.entry(id).or_default().waiting.push_back(new.clone());
        new
    }

    /// The id of the call that the next result is of: the first of this id that still waits for one.
    pub(in crate::dialect) fn result(&mut self, id: Cow<'a, str>) -> Cow<'a, str> {
        if !self.became.contains_key(&id) {
            // A result of nothing; the provider says what it thinks of it.
            self.call(id.clone());
        }
        let became = self.became.entry(id).or_default();
        let answered = became.waiting.pop_front().or_else(|| became.answered.take());
        became.answered.insert(answered.unwrap_or_default()).clone()
    }

    fn unused(&mut self, id: &Cow<'a, str>) -> Cow<'a, str> {
        let plain = (self.plain)(id);
        if self.taken.insert(plain.clone()) {
            return plain;
        }
        loop {
            self.last += 1;
            let end = format!("-{}", self.last);
            let mut new = plain.clone().into_owned();
            new.truncate(self.longest.saturating_sub(end.len()));
            let new: Cow<'a, str> = Cow::Owned(new + &end);
            if self.taken.insert(new.clone()) {
                return new;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight letters; those that are strange become `_`.
    fn ids<'a>() -> CallIds<'a> {
        CallIds::new(8, |id| {
            let letters = id.chars().take(8);
            let plain = letters.map(|letter| {
                if letter.is_ascii_alphanumeric() || letter == '-' {
                    letter
                } else {
                    '_'
                }
            });
            Cow::Owned(plain.collect())
        })
    }

    #[test]
    fn an_id_is_kept_or_made_anew_and_its_results_share_it() {
        let mut ids = ids();

        for (id, expected) in [
            ("a-1", "a-1"),
            ("a/b", "a_b"),
            ("a b", "a_b-1"),
            ("123456789", "12345678"),
            ("12345678", "123456-2"),
        ] {
            assert_eq!(ids.call(id.into()), expected);
            assert_eq!(ids.result(id.into()), expected);
            assert_eq!(ids.result(id.into()), expected, "a second result of one call");
        }
    }

    #[test]
    fn calls_of_one_id_are_told_apart_and_answered_in_order() {
        let mut ids = ids();

        assert_eq!(ids.call("a".into()), "a");
        assert_eq!(ids.call("a".into()), "a-1");
        assert_eq!(ids.result("a".into()), "a");
        assert_eq!(ids.result("a".into()), "a-1");
        assert_eq!(ids.call("a".into()), "a-2");
        assert_eq!(ids.result("a".into()), "a-2");
    }

    #[test]
    fn a_result_without_its_call_gets_an_id_too() {
        let mut ids = ids();

        assert_eq!(ids.result("a?".into()), "a_");
        assert_eq!(ids.call("a_".into()), "a_-1");
    }

    #[test]
    fn the_work_does_not_grow_with_how_many_ids_become_one() {
        let mut ids = ids();
        let count = 100_000;

        // Ids that are taken on purpose, and as many that all become the same.
        for number in 0..count {
            ids.call(format!("_-{number}").into());
        }
        for letter in ('\u{a0}'..).take(count) {
            ids.call(letter.to_string().into());
        }

        assert_eq!(ids.taken.len(), 2 * count);
        assert!(ids.last < 2 * 100_000, "{}", ids.last);
    }
}
