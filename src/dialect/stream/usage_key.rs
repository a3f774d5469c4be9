//! Where the `usage` key stands in an event.

use std::ops::Range;

/// The range that has to go so that the object in `json` is the same without its `usage`, with a comma on one side.
///
/// `value` is the key's value, a part of `json`. A key that is written with escapes is not found.
pub(super) fn range(json: &[u8], value: &str) -> Option<Range<usize>> {
    let start = value.as_ptr().addr().checked_sub(json.as_ptr().addr())?;
    let end = start + value.len();
    let before = json.get(..start)?.trim_ascii_end().strip_suffix(b":")?;
    let before = before.trim_ascii_end().strip_suffix(br#""usage""#)?;
    if let Some(rest) = before.trim_ascii_end().strip_suffix(b",") {
        return Some(rest.len()..end);
    }
    let after = json.get(end..)?.trim_ascii_start();
    let after = after.strip_prefix(b",").map_or(after, <[u8]>::trim_ascii_start);
    Some(before.len()..json.len() - after.len())
}

#[cfg(test)]
mod tests {
    use super::super::reading::{Wanted, read};
    use super::*;

    #[test]
    fn the_key_goes_with_exactly_one_comma() {
        let cases = [
            (r#"{"id":"1","usage":null}"#, r#"{"id":"1"}"#),
            (r#"{"usage":null,"id":"1"}"#, r#"{"id":"1"}"#),
            (r#"{"id":"1","usage":null,"x":2}"#, r#"{"id":"1","x":2}"#),
            (r#"{"usage":null}"#, "{}"),
            (r#"{ "usage" : null , "id" : 1 }"#, r#"{ "id" : 1 }"#),
            (r#"{"id": 1 , "usage" : null }"#, r#"{"id": 1  }"#),
            (r#"{"id":1,"usage":{"a":[1,2]},"x":2}"#, r#"{"id":1,"x":2}"#),
        ];

        for (json, expected) in cases {
            let said = read(json.as_bytes(), Wanted::LEAST).unwrap();
            let range = range(json.as_bytes(), said.usage.unwrap()).unwrap();

            let mut left = json.to_owned();
            left.replace_range(range, "");
            assert_eq!(left, expected, "{json}");
        }
    }

    #[test]
    fn a_key_in_disguise_is_left_alone() {
        let json = r#"{"id":1,"us\u0061ge":null}"#;
        let said = read(json.as_bytes(), Wanted::LEAST).unwrap();

        assert_eq!(range(json.as_bytes(), said.usage.unwrap()), None);
    }
}
