//! The headers of one frame.
//!
//! Invariant: they were all read once before any is asked for, so asking cannot fail. Only texts are kept; values of
//! the other types are known by their length.

use super::BadFrame;

/// The headers of one frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    /// The headers that fill `bytes`.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Headers<'a>, BadFrame> {
        let mut rest = bytes;
        while !rest.is_empty() {
            next(&mut rest).ok_or(BadFrame::Headers)?;
        }
        Ok(Headers(bytes))
    }

    /// The text of the header of that name, when it is one.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        let mut rest = self.0;
        while let Some((key, value)) = next(&mut rest) {
            if key == name.as_bytes() {
                return value;
            }
        }
        None
    }
}

/// The next header: its name, and its value if that is a text.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], Option<&'a str>)> {
    let [length] = array(rest)?;
    let name = take(rest, length.into())?;
    let [kind] = array(rest)?;
    let length = match kind {
        // True, and false.
        0 | 1 => 0,
        // Whole numbers of one, two, four and eight bytes.
        2 => 1,
        3 => 2,
        4 => 4,
        // A time is one of eight bytes, too.
        5 | 8 => 8,
        // Bytes, and text.
        6 | 7 => u16::from_be_bytes(array(rest)?).into(),
        // A UUID.
        9 => 16,
        _ => return None,
    };
    let value = take(rest, length)?;
    let text = if kind == 7 {
        Some(str::from_utf8(value).ok()?)
    } else {
        None
    };
    Some((name, text))
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(taken)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}
