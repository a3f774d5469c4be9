//! Ids of calls, as Anthropic takes them.
//!
//! Invariant: every call has an id of its own made of letters, digits, `_` and `-`, and a result bears the id of its
//! call. The same conversation gets the same ids every time, so what a provider has cached of it stays good.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write as _;

use crate::dialect::hub::Text;

/// The ids of one conversation.
#[derive(Debug, Default)]
pub(super) struct Ids<'a> {
    by_original: HashMap<Cow<'a, str>, Given<'a>>,
    taken: HashSet<Cow<'a, str>>,
}

/// What was given for one id.
#[derive(Debug, Default)]
struct Given<'a> {
    /// Calls that have no result yet.
    open: VecDeque<Text<'a>>,
    last: Option<Text<'a>>,
    /// How often another id was needed.
    repeats: usize,
}

impl<'a> Ids<'a> {
    /// The id of a call. Servers that number the calls of each turn anew repeat theirs.
    pub(super) fn call(&mut self, id: &'a Text<'a>) -> Text<'a> {
        let original = id.decoded();
        let base = legal(&original);
        let is_kept = base == original;
        let given = self.by_original.entry(original).or_default();
        let mut written = base.clone();
        while !self.taken.insert(written.clone()) {
            given.repeats += 1;
            written = Cow::Owned(format!("{base}_{}", given.repeats + 1));
        }
        let text = if is_kept && written == base {
            id.clone()
        } else {
            Text::Own(written)
        };
        given.open.push_back(text.clone());
        given.last = Some(text.clone());
        text
    }

    /// The id of a result: that of the first call of this id that still waits for one.
    pub(super) fn result(&mut self, id: &'a Text<'a>) -> Text<'a> {
        let original = id.decoded();
        if let Some(given) = self.by_original.get_mut(&original)
            && let Some(text) = given.open.pop_front().or_else(|| given.last.clone())
        {
            return text;
        }
        let legal = legal(&original);
        if legal == original {
            id.clone()
        } else {
            Text::Own(legal)
        }
    }
}

/// The id, its strange letters written as numbers.
fn legal<'a>(id: &Cow<'a, str>) -> Cow<'a, str> {
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
