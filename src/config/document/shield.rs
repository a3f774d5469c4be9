//! Keeps `${NAME}` whole while YAML is read.
//!
//! Braces, commas and colons mean something to YAML, so `{ key: ${NAME} }` would not parse. Each character of
//! such a reference stands for itself in a private plane of Unicode until the document is a tree.
//! Invariant: one character for one character, so that lines and columns stay true.

use serde_json::{Map, Value};

/// Where the 128 characters of ASCII are moved to.
const PLANE: u32 = 0x0010_F000;

/// Moves every reference out of YAML's sight; `Err` is the line that already uses the private plane.
pub(super) fn raise(text: &str) -> Result<String, usize> {
    let mut raised = String::with_capacity(text.len() * 2);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.chars().any(|c| home(c).is_some()) {
            return Err(number + 1);
        }
        raise_line(line, &mut raised);
    }
    Ok(raised)
}

fn raise_line(mut rest: &str, raised: &mut String) {
    while let Some((before, from)) = rest.find("${").and_then(|start| rest.split_at_checked(start)) {
        raised.push_str(before);
        let length = reference_length(from);
        let (reference, after) = from.split_at_checked(length.unwrap_or(2)).unwrap_or((from, ""));
        if length.is_some() {
            raised.extend(reference.chars().map(away));
        } else {
            raised.push_str(reference);
        }
        rest = after;
    }
    raised.push_str(rest);
}

/// How many bytes at the start of `text` are `${NAME}` or `${NAME:-default}`; a default with quotes, braces
/// or a backslash is left to YAML's own quoting.
fn reference_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("${")?;
    let (inner, _) = inner.split_once('}')?;
    let (name, default) = inner.split_once(":-").unwrap_or((inner, ""));
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_plain = !default.contains(['"', '\'', '\\', '{', '\n', '\r']);
    (is_name && is_plain).then_some(inner.len() + "${}".len())
}

/// Brings every reference back.
pub(super) fn lower(value: &mut Value) {
    match value {
        Value::String(text) => *text = lowered(text),
        Value::Array(items) => items.iter_mut().for_each(lower),
        Value::Object(map) => {
            let entries = std::mem::take(map).into_iter().map(|(key, mut value)| {
                lower(&mut value);
                (lowered(&key), value)
            });
            *map = entries.collect::<Map<_, _>>();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One text with its references brought back.
pub(super) fn lowered(text: &str) -> String {
    text.chars().map(|c| home(c).unwrap_or(c)).collect()
}

fn away(c: char) -> char {
    if c.is_ascii() {
        char::from_u32(PLANE + u32::from(c)).unwrap_or(c)
    } else {
        c
    }
}

fn home(c: char) -> Option<char> {
    let offset = u32::from(c).checked_sub(PLANE)?;
    u8::try_from(offset).ok().filter(u8::is_ascii).map(char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_raised_comes_back_and_keeps_its_length() {
        for text in [
            "",
            "plain",
            "${A}",
            "x${A}${B:-c, d}y",
            "$${A}",
            "${A",
            "${}",
            "${A:-\"q\"}",
            "${A:-é}\n${B}",
        ] {
            let raised = raise(text).unwrap();

            assert_eq!(raised.chars().count(), text.chars().count(), "{text}");
            assert_eq!(lowered(&raised), text);
        }
        assert!(!raise("{a: ${A}}").unwrap().contains("${"));
        assert!(raise("${A:-\"q\"}").unwrap().contains("${"));
    }

    #[test]
    fn text_that_already_lives_there_is_refused_with_its_line() {
        assert_eq!(raise("a: 1\nb: \u{10F041}\n"), Err(2));
    }
}
