//! Ids of tool calls, made anew where a vendor takes only its own form of them.

use sha2::{Digest, Sha256};

/// Letters and digits of an id.
const LENGTH: usize = 9;

/// The id of nine letters and digits that stands for `id`, the same each time; `None` where it is one already.
pub(super) fn nine_alphanumerics(id: &str) -> Option<String> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    Some(digest.iter().take(LENGTH).map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_form_is_remade_the_same_each_time() {
        let remade = nine_alphanumerics("toolu_01A").unwrap();

        assert_eq!(nine_alphanumerics("toolu_01A"), Some(remade.clone()));
        assert_ne!(nine_alphanumerics("toolu_01B"), Some(remade.clone()));
        assert_eq!(nine_alphanumerics(&remade), None);
        assert_eq!(nine_alphanumerics("aB3dE6gH9"), None);
        assert!(nine_alphanumerics("").is_some());
    }
}
