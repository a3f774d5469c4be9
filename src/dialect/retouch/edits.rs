//! Edits of a JSON text, and where its parts stand.
//!
//! Invariant: places are those of the text before any edit; all edits are carried out at once.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object: its members as they are written.
#[derive(Debug, Default)]
pub(super) struct Members<'a>(pub(super) Vec<Member<'a>>);

/// One member of an object.
#[derive(Debug)]
pub(super) struct Member<'a> {
    key: &'a RawValue,
    pub(super) value: Value<'a>,
}

/// The value of a member.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// As it is written.
    Raw(&'a RawValue),
    /// Messages that were asked for.
    Messages(Vec<Members<'a>>),
}

impl<'a> Member<'a> {
    /// Its name.
    pub(super) fn name(&self) -> Cow<'a, str> {
        let literal = self.key.get();
        let plain = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match plain {
            Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
            _ => Cow::Owned(serde_json::from_str(literal).unwrap_or_default()),
        }
    }

    /// Its value as it is written; nothing for messages that were asked for.
    pub(super) fn raw(&self) -> &'a str {
        match self.value {
            Value::Raw(raw) => raw.get(),
            Value::Messages(_) => "",
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.raw() == "null"
    }
}

impl<'a> Members<'a> {
    /// The object in `text`, the messages in it read in the same pass.
    pub(super) fn with_messages(text: &'a str) -> Option<Members<'a>> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let members = deserializer.deserialize_map(Object { reads_messages: true });
        members.ok().filter(|_| deserializer.end().is_ok())
    }

    /// The object in `text`.
    pub(super) fn read(text: &'a str) -> Option<Members<'a>> {
        serde_json::from_str(text).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object {
            reads_messages: false,
        })
    }
}

struct Object {
    reads_messages: bool,
}

impl<'de> Visitor<'de> for Object {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let value = if self.reads_messages && key.get() == "\"messages\"" {
                Value::Messages(map.next_value()?)
            } else {
                Value::Raw(map.next_value()?)
            };
            members.push(Member { key, value });
        }
        Ok(Members(members))
    }
}

/// The edits of one text.
#[derive(Debug)]
pub(super) struct Edits<'a> {
    text: &'a str,
    list: Vec<Edit>,
}

#[derive(Debug)]
struct Edit {
    /// What goes.
    at: Range<usize>,
    /// What comes in its place.
    text: Cow<'static, str>,
}

impl<'a> Edits<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text,
            list: Vec::new(),
        }
    }

    /// Replaces what stands at `at`.
    pub(super) fn replace(&mut self, at: Range<usize>, text: impl Into<Cow<'static, str>>) {
        self.list.push(Edit {
            at,
            text: text.into(),
        });
    }

    /// Gives a member another value.
    pub(super) fn set(&mut self, member: &Member<'_>, json: impl Into<Cow<'static, str>>) {
        if let Value::Raw(raw) = member.value {
            self.replace(self.place(raw), json);
        }
    }

    /// Gives a member another name.
    pub(super) fn rename(&mut self, member: &Member<'_>, name: &str) {
        self.replace(self.place(member.key), format!("\"{name}\""));
    }

    /// Takes out the member at `index`, with the comma before it if a member before it stays, or else with the one
    /// after it.
    pub(super) fn remove(&mut self, members: &Members<'_>, index: usize, keeps_one_before: bool) {
        let Some(Member {
            key,
            value: Value::Raw(raw),
        }) = members.0.get(index)
        else {
            return;
        };
        let (from, to) = (self.place(key).start, self.place(raw).end);
        let at = if keeps_one_before {
            let before = self.text.get(..from).unwrap_or_default().trim_ascii_end();
            before.strip_suffix(',').map_or(from, str::len)..to
        } else {
            from..members
                .0
                .get(index + 1)
                .map_or(to, |next| self.place(next.key).start)
        };
        self.replace(at, "");
    }

    /// Adds a member to the object that the text is, after one that stays.
    pub(super) fn append(&mut self, name: &str, json: &str) {
        let inner = self
            .text
            .trim_ascii_end()
            .strip_suffix('}')
            .map(str::trim_ascii_end);
        if let Some(inner) = inner {
            self.replace(inner.len()..inner.len(), format!(",\"{name}\":{json}"));
        }
    }

    /// The body with all edits; the very same without any.
    pub(super) fn apply(mut self, body: &Bytes) -> Bytes {
        self.list.sort_by_key(|edit| edit.at.start);
        let mut made = Vec::new();
        let mut from = 0;
        for Edit { at, text } in &self.list {
            // What stands in something that goes, goes with it.
            if let Some(kept) = body.get(from..at.start) {
                made.extend_from_slice(kept);
                made.extend_from_slice(text.as_bytes());
                from = at.end;
            }
        }
        if self.list.is_empty() {
            return body.clone();
        }
        made.extend_from_slice(body.get(from..).unwrap_or_default());
        made.into()
    }

    /// Where a part of the text stands.
    fn place(&self, part: &RawValue) -> Range<usize> {
        let part = part.get();
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        start..start + part.len()
    }
}
