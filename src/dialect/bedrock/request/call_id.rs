//! The letters of a call's id: Bedrock takes fewer than others write.

use std::borrow::Cow;

/// Longest id.
pub(super) const LONGEST: usize = 64;

/// The id in letters that are allowed.
pub(super) fn plain<'a>(id: &Cow<'a, str>) -> Cow<'a, str> {
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
    fn an_id_that_is_allowed_stays_and_any_other_becomes_one() {
        let long = "x".repeat(64);
        for id in ["call_1", "toolu.1:2-3", &long] {
            assert_eq!(plain(&id.into()), id);
        }
        let strange = "ü".repeat(100);
        for (id, expected) in [("a/b", "a_b"), ("", "call"), (&strange, &*"_".repeat(64))] {
            assert_eq!(plain(&id.into()), expected);
        }
    }
}
