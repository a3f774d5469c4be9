//! The same kind of section said in several places, of which the most specific wins key by key: a backup
//! over its primary, a model over `defaults`.
//!
//! Invariant: whatever is found comes with the place where it was said, so that a mistake is told there.

use crate::config::mistake::ConfigPath;

/// Something that was said, and where.
pub(super) struct Said<'r, V> {
    pub(super) value: &'r V,
    pub(super) at: ConfigPath,
    /// 0 for the most specific section.
    depth: usize,
}

impl<V> Said<'_, V> {
    /// How general the section is that says it, and where it does.
    pub(super) fn place(&self) -> (usize, ConfigPath) {
        (self.depth, self.at.clone())
    }
}

/// Sections of one kind, the most specific first.
pub(super) struct Layers<'r, T>(Vec<(&'r T, ConfigPath)>);

impl<T> Clone for Layers<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'r, T> Layers<'r, T> {
    /// One section, if the file has it.
    pub(super) fn new(section: Option<&'r T>, at: &ConfigPath) -> Self {
        Self(section.map(|section| (section, at.clone())).into_iter().collect())
    }

    /// The same, with a more general section behind.
    pub(super) fn over(mut self, below: &Self) -> Self {
        self.0.extend(below.0.iter().cloned());
        self
    }

    /// The same without the first section that `ends` it and all behind that one.
    pub(super) fn until(&self, ends: impl Fn(&T) -> bool) -> Self {
        let kept = self.0.iter().take_while(|(section, _)| !ends(section));
        Self(kept.cloned().collect())
    }

    /// What the most specific section says for `key`.
    pub(super) fn said<V>(&self, key: &str, pick: impl Fn(&'r T) -> Option<&'r V>) -> Option<Said<'r, V>> {
        let sections = self.0.iter().enumerate();
        let mut said = sections.filter_map(|(depth, (section, at))| {
            pick(section).map(|value| Said {
                value,
                at: at.key(key),
                depth,
            })
        });
        said.next()
    }

    /// The sections inside of these, the most specific first.
    pub(super) fn within<U>(&self, key: &str, pick: impl Fn(&'r T) -> Option<&'r U>) -> Layers<'r, U> {
        let inner = self
            .0
            .iter()
            .filter_map(|(section, at)| Some((pick(section)?, at.key(key))));
        Layers(inner.collect())
    }

    /// Every section with its place, the most specific first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&'r T, &ConfigPath)> {
        self.0.iter().map(|(section, at)| (*section, at))
    }

    /// The file has no such section.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_section_wins_and_says_where() {
        let root = ConfigPath::default();
        let (above, below) = ((None, Some(2)), (Some(1), Some(3)));
        let layers =
            Layers::new(Some(&above), &root.key("a")).over(&Layers::new(Some(&below), &root.key("b")));

        let first = layers
            .said("x", |pair: &(Option<i32>, Option<i32>)| pair.0.as_ref())
            .unwrap();
        let second = layers.said("y", |pair| pair.1.as_ref()).unwrap();

        assert_eq!((*first.value, first.at.to_string().as_str()), (1, "b.x"));
        assert_eq!((*second.value, second.at.to_string().as_str()), (2, "a.y"));
        assert!(layers.said("z", |_| None::<&i32>).is_none());
    }
}
