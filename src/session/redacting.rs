//! Our own keys, taken out of what a provider sends back.
//!
//! Some providers repeat the key that they refuse. It is looked for literally, because a key may have any form; what
//! merely looks like one is masked where messages are read. Knows nothing of what happens to the answer.

use std::borrow::Cow;

use crate::catalog::Provider;

/// A shorter value is a word, and words are everywhere.
const SHORTEST: usize = 8;

/// Whether one of the provider's keys is in there.
pub(super) fn holds_key(provider: &Provider, bytes: &[u8]) -> bool {
    let mut is_there = false;
    each_key(provider, |key| is_there = is_there || find(bytes, key).is_some());
    is_there
}

/// The same bytes with every key of the provider's starred out; the length stays.
pub(super) fn without_keys<'b>(provider: &Provider, bytes: &'b [u8]) -> Cow<'b, [u8]> {
    let mut clean = Cow::Borrowed(bytes);
    each_key(provider, |key| {
        while let Some(start) = find(&clean, key) {
            clean.to_mut()[start..start + key.len()].fill(b'*');
        }
    });
    clean
}

/// Everything secret that a request to this provider carries, or is signed with.
fn each_key(provider: &Provider, mut see: impl FnMut(&[u8])) {
    let mut see_long = |key: &[u8]| {
        let is_starred_out = key.iter().all(|byte| *byte == b'*');
        if key.len() >= SHORTEST && !is_starred_out {
            see(key);
        }
    };
    provider.credential.each_secret(&mut see_long);
    for (_, value) in &provider.headers {
        see_long(value.expose());
    }
}

fn find(bytes: &[u8], key: &[u8]) -> Option<usize> {
    let (first, _) = key.split_first()?;
    let mut from = 0;
    while let Some(offset) = bytes.get(from..)?.iter().position(|byte| byte == first) {
        let start = from + offset;
        if bytes.get(start..)?.starts_with(key) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_wherever_it_stands() {
        for (bytes, at) in [
            ("key", Some(0)),
            ("kkey", Some(1)),
            ("kekey key", Some(2)),
            ("ke", None),
            ("", None),
        ] {
            assert_eq!(find(bytes.as_bytes(), b"key"), at, "{bytes}");
        }
    }
}
