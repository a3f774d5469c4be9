//! A text in pieces, one for each token.
//!
//! Invariant: all pieces, joined, are the text, and none ends inside a character.

/// Cuts a text into a number of pieces of nearly the same length, one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pieces {
    characters: usize,
    count: usize,
    given: usize,
    offset: usize,
}

impl Pieces {
    pub(super) fn new(text: &str, pieces: u32) -> Self {
        Self {
            characters: text.chars().count(),
            count: pieces as usize,
            given: 0,
            offset: 0,
        }
    }

    /// The next piece of the same text.
    pub(super) fn next_of<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if self.given >= self.count {
            return None;
        }
        let end = |given: usize| given * self.characters / self.count;
        let count = end(self.given + 1) - end(self.given);
        let rest = text.get(self.offset..).unwrap_or_default();
        let bytes: usize = rest.chars().take(count).map(char::len_utf8).sum();
        self.given += 1;
        self.offset += bytes;
        rest.get(..bytes)
    }

    /// Whether all have been given.
    pub(super) const fn is_over(&self) -> bool {
        self.given >= self.count
    }

    /// So many of the pieces of a text, joined.
    pub(super) fn beginning(text: &str, pieces: u32, count: u32) -> String {
        let mut cut = Self::new(text, pieces);
        (0..count).map_while(|_| cut.next_of(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_pieces_joined_are_the_text(text in "\\PC{0,60}", pieces in 1u32..40) {
            let mut cut = Pieces::new(&text, pieces);
            let given: Vec<_> = std::iter::from_fn(|| cut.next_of(&text)).collect();

            prop_assert_eq!(given.len(), pieces as usize);
            prop_assert_eq!(given.concat(), text);
        }
    }
}
