//! JSON as it was written: objects whose values are lent, texts and numbers that are copied without being decoded.
//!
//! Invariant: reading an object looks at its own keys only; `null` is absent, and of two equal keys the last counts,
//! as most readers of JSON see it. A text that is not looked at keeps every escape that it was written with.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON object, its values not looked at.
#[derive(Debug, Clone, Default)]
pub(in crate::dialect) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// The object in `raw`, if it is one.
    pub(in crate::dialect) fn read(raw: &'a RawValue) -> Option<Object<'a>> {
        Self::parse(raw.get())
    }

    /// The object that `json` is, if it is one.
    pub(in crate::dialect) fn parse(json: &'a str) -> Option<Object<'a>> {
        serde_json::from_str(json).ok()
    }

    /// The value of that name; `null` is none.
    pub(in crate::dialect) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    }

    /// The text of that name, when it is one.
    pub(in crate::dialect) fn text(&self, name: &str) -> Option<Text<'a>> {
        Text::read(self.get(name)?)
    }

    /// The decoded text of that name, when it is one.
    pub(in crate::dialect) fn word(&self, name: &str) -> Option<Cow<'a, str>> {
        self.text(name).map(Text::into_decoded)
    }

    /// The number of that name, when it is one.
    pub(in crate::dialect) fn number(&self, name: &str) -> Option<Number<'a>> {
        Number::read(self.get(name)?)
    }

    /// The count of that name: a number that is whole and not negative.
    pub(in crate::dialect) fn count(&self, name: &str) -> Option<u64> {
        crate::dialect::scan::count(self.get(name)?.get())
    }

    /// The truth of that name, when it is `true` or `false`.
    pub(in crate::dialect) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)?.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The object of that name, when it is one.
    pub(in crate::dialect) fn object(&self, name: &str) -> Option<Object<'a>> {
        Object::read(self.get(name)?)
    }

    /// The elements of the list of that name, when it is one.
    pub(in crate::dialect) fn list(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// Its members that are not `null`, in order.
    pub(in crate::dialect) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0
            .iter()
            .filter(|(_, value)| value.get() != "null")
            .map(|(key, value)| (key.as_ref(), *value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            members.push((key.0, map.next_value()?));
        }
        Ok(Object(members))
    }
}

/// A key that is lent where it was written without escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Borrowed(key)))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(key.to_owned())))
    }
}

/// A text: as it was written, quotes and escapes included, or one of our own.
#[derive(Debug, Clone)]
pub(in crate::dialect) enum Text<'a> {
    /// As it was written.
    Raw(&'a RawValue),
    /// Decoded, and to be written anew.
    Own(Cow<'a, str>),
}

impl<'a> Text<'a> {
    /// The text in `raw`, if it is one.
    pub(in crate::dialect) fn read(raw: &'a RawValue) -> Option<Text<'a>> {
        raw.get().starts_with('"').then_some(Text::Raw(raw))
    }

    /// Is there nothing in it?
    pub(in crate::dialect) fn is_empty(&self) -> bool {
        match self {
            Self::Raw(raw) => raw.get() == "\"\"",
            Self::Own(text) => text.is_empty(),
        }
    }

    /// Is there nothing in it but white space?
    pub(in crate::dialect) fn is_blank(&self) -> bool {
        let Self::Raw(raw) = self else {
            return self.decoded().trim().is_empty();
        };
        // Mostly its first letter tells, so that a long text need not be decoded.
        match raw.get().trim_matches('"').trim_start().chars().next() {
            None => true,
            Some('\\') => self.decoded().trim().is_empty(),
            Some(_) => false,
        }
    }

    /// Its characters. Half of a surrogate pair, which JSON allows and text does not, becomes U+FFFD.
    pub(in crate::dialect) fn decoded(&self) -> Cow<'_, str> {
        match self {
            Self::Raw(raw) => decode(raw),
            Self::Own(text) => Cow::Borrowed(text),
        }
    }

    /// Its characters, for as long as the body lives.
    pub(in crate::dialect) fn into_decoded(self) -> Cow<'a, str> {
        match self {
            Self::Raw(raw) => decode(raw),
            Self::Own(text) => text,
        }
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Raw(raw) => raw.serialize(serializer),
            Self::Own(text) => text.serialize(serializer),
        }
    }
}

fn decode(raw: &RawValue) -> Cow<'_, str> {
    let literal = raw.get();
    if !literal.contains('\\') {
        return Cow::Borrowed(literal.trim_matches('"'));
    }
    match serde_json::from_str::<String>(literal) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Owned(decode_leniently(literal)),
    }
}

/// As [`decode`], for a literal with half of a surrogate pair in it.
fn decode_leniently(literal: &str) -> String {
    let mut bytes = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(literal);
    if let Ok(decoded) = serde_bytes(&mut deserializer) {
        bytes = decoded;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `serde_json` decodes a string that is asked for as bytes also where it holds half of a surrogate pair.
fn serde_bytes(
    deserializer: &mut serde_json::Deserializer<serde_json::de::StrRead<'_>>,
) -> serde_json::Result<Vec<u8>> {
    struct Decoded;
    impl Visitor<'_> for Decoded {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            Ok(bytes.to_vec())
        }
    }
    deserializer.deserialize_bytes(Decoded)
}

/// A number, written as it was.
#[derive(Debug, Clone, Copy)]
pub(in crate::dialect) struct Number<'a>(&'a RawValue);

impl<'a> Number<'a> {
    /// The number in `raw`, if it is one.
    pub(in crate::dialect) fn read(raw: &'a RawValue) -> Option<Number<'a>> {
        raw.get()
            .starts_with(|first: char| first == '-' || first.is_ascii_digit())
            .then_some(Number(raw))
    }

    /// Its value, as far as a float can say it.
    pub(in crate::dialect) fn value(self) -> f64 {
        self.0.get().parse().unwrap_or(0.0)
    }
}

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
