//! The letters of a call's id, as Anthropic takes them: ASCII letters, digits, `_` and `-`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The id, its strange letters written as numbers.
pub(super) fn legal<'a>(id: &Cow<'a, str>) -> Cow<'a, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if id.is_empty() {
        return Cow::Borrowed("_");
    }
    if id.bytes().all(is_plain) {
        return id.clone();
    }
    let mut legal = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        if is_plain(byte) {
            legal.push(char::from(byte));
        } else {
            write!(legal, "_{byte:02x}").expect("writing to a string cannot fail");
        }
    }
    Cow::Owned(legal)
}
