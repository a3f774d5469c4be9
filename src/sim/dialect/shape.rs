//! The shape of a body, written as a table, and the check of a body against it.
//!
//! The services of these dialects refuse what they do not know, so a translation that leaves something of another
//! dialect behind has to be refused here too. Invariant: the first flaw in the order of the body is the one that is
//! told, with its place. It refuses to know in whose words.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// What a value may be.
pub(super) enum Kind {
    /// Anything at all.
    Any,
    /// An object, whatever is in it.
    Open,
    Text,
    Flag,
    /// A number between two others, both included.
    Number(f64, f64),
    /// A whole number between two others, both included.
    Whole(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    List(&'static Kind),
    /// An object with any names, whose values are all of one kind.
    Map(&'static Kind),
    /// An object with these fields and no others.
    Fields(&'static [Field]),
    /// An object with exactly one of these fields.
    One(&'static [Field]),
    /// An object whose `type` says which fields it has.
    Tagged(&'static [(&'static str, Kind)]),
    /// A text, or something else.
    TextOr(&'static Kind),
    /// Of a kind that the value itself says.
    By(fn(&Value) -> &'static Self),
}

/// A field of an object: its name, whether it has to be there, and what it holds.
pub(super) type Field = (&'static str, Need, Kind);

/// Whether a field has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Must,
    May,
}

/// How the names of fields may be spelled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Exact,
    /// As it is written here in `camelCase`, or the same in `snake_case`.
    Either,
}

/// A step from the whole body to a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Name(String),
    Index(usize),
}

/// What is wrong with a body, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) at: Vec<Key>,
    pub(super) wrong: Wrong,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It has a field that does not exist. The place is the object's.
    Unknown(String),
    /// It lacks a field. The place is the object's.
    Missing(&'static str),
    /// It is not what is expected there: a word of the service's for it, as in `string`.
    Type(&'static str),
    /// It is a number out of its range.
    Range(String),
    /// It is none of these words.
    Word(String, Vec<&'static str>),
    /// Its `type` is none of these.
    Tag(String, Vec<&'static str>),
    /// It does not have exactly one of its fields.
    NotOne,
}

impl Flaw {
    /// The place, its steps separated by dots, as in `messages.0.content`.
    pub(super) fn dotted(&self) -> String {
        self.place(|key, out| {
            let dot = if out.is_empty() { "" } else { "." };
            match key {
                Key::Name(name) => write!(out, "{dot}{name}"),
                Key::Index(index) => write!(out, "{dot}{index}"),
            }
        })
    }

    pub(super) fn place(&self, step: impl Fn(&Key, &mut String) -> std::fmt::Result) -> String {
        let mut out = String::new();
        for key in &self.at {
            step(key, &mut out).expect("a String takes every write");
        }
        out
    }
}

/// Checks a body against a shape.
pub(super) fn check(body: &Value, kind: &Kind, spelling: Spelling) -> Result<(), Flaw> {
    let mut check = Check {
        at: Vec::new(),
        spelling,
    };
    check
        .value(body, kind)
        .map_err(|wrong| Flaw { at: check.at, wrong })
}

/// A check under way; where a flaw is found, `at` is left as it is.
struct Check {
    at: Vec<Key>,
    spelling: Spelling,
}

impl Check {
    fn value(&mut self, value: &Value, kind: &Kind) -> Result<(), Wrong> {
        match kind {
            Kind::Any => Ok(()),
            Kind::Open => object(value).map(|_| ()),
            Kind::Text => value.is_string().then_some(()).ok_or(Wrong::Type("string")),
            Kind::Flag => value.is_boolean().then_some(()).ok_or(Wrong::Type("boolean")),
            Kind::Number(low, high) => {
                let number = value.as_f64().ok_or(Wrong::Type("number"))?;
                in_range(*low <= number && number <= *high, low, high)
            }
            Kind::Whole(low, high) => {
                let number = value.as_i64().ok_or(Wrong::Type("integer"))?;
                in_range(*low <= number && number <= *high, low, high)
            }
            Kind::Word(words) => {
                let word = value.as_str().ok_or(Wrong::Type("string"))?;
                let known = words.contains(&word);
                known
                    .then_some(())
                    .ok_or_else(|| Wrong::Word(word.to_owned(), words.to_vec()))
            }
            Kind::List(kind) => {
                let items = value.as_array().ok_or(Wrong::Type("list"))?;
                let mut numbered = items.iter().enumerate();
                numbered.try_for_each(|(index, item)| self.inside(Key::Index(index), item, kind))
            }
            Kind::Map(kind) => {
                let mut entries = object(value)?.iter();
                entries.try_for_each(|(name, value)| self.inside(Key::Name(name.clone()), value, kind))
            }
            Kind::Fields(fields) => self.fields(object(value)?, fields, None),
            Kind::One(fields) => {
                let map = object(value)?;
                self.fields(map, fields, None)?;
                (map.len() == 1).then_some(()).ok_or(Wrong::NotOne)
            }
            Kind::Tagged(cases) => self.tagged(object(value)?, value, cases),
            Kind::TextOr(_) if value.is_string() => Ok(()),
            Kind::TextOr(other) => self.value(value, other),
            Kind::By(kind) => self.value(value, kind(value)),
        }
    }

    fn inside(&mut self, key: Key, value: &Value, kind: &Kind) -> Result<(), Wrong> {
        self.at.push(key);
        self.value(value, kind)?;
        self.at.pop();
        Ok(())
    }

    fn tagged(
        &mut self,
        map: &Map<String, Value>,
        value: &Value,
        cases: &[(&'static str, Kind)],
    ) -> Result<(), Wrong> {
        let tag = map.get("type").ok_or(Wrong::Missing("type"))?;
        let tag = tag.as_str().unwrap_or_default();
        match cases.iter().find(|(name, _)| *name == tag) {
            Some((_, Kind::Fields(fields))) => self.fields(map, fields, Some("type")),
            Some((_, kind)) => self.value(value, kind),
            None => Err(Wrong::Tag(
                tag.to_owned(),
                cases.iter().map(|(name, _)| *name).collect(),
            )),
        }
    }

    fn fields(&mut self, map: &Map<String, Value>, fields: &[Field], tag: Option<&str>) -> Result<(), Wrong> {
        for (name, value) in map {
            if tag == Some(name.as_str()) {
                continue;
            }
            let field = fields.iter().find(|(field, ..)| self.is_named(field, name));
            match field {
                None => return Err(Wrong::Unknown(name.clone())),
                // What may be left out may also be null.
                Some((_, Need::May, _)) if value.is_null() => {}
                Some((_, _, kind)) => self.inside(Key::Name(name.clone()), value, kind)?,
            }
        }
        let is_there = |field: &str| map.keys().any(|name| self.is_named(field, name));
        match fields
            .iter()
            .find(|(name, need, _)| *need == Need::Must && !is_there(name))
        {
            Some((name, ..)) => Err(Wrong::Missing(name)),
            None => Ok(()),
        }
    }

    fn is_named(&self, field: &str, given: &str) -> bool {
        field == given || (self.spelling == Spelling::Either && snake(field) == given)
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, Wrong> {
    value.as_object().ok_or(Wrong::Type("object"))
}

fn in_range(is_inside: bool, low: &impl ToString, high: &impl ToString) -> Result<(), Wrong> {
    is_inside
        .then_some(())
        .ok_or_else(|| Wrong::Range(format!("{}..{}", low.to_string(), high.to_string())))
}

/// `maxOutputTokens` as `max_output_tokens`.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static PART: Kind = Kind::Tagged(&[
        ("text", Kind::Fields(&[("text", Need::Must, Kind::Text)])),
        ("blob", Kind::Open),
    ]);
    static BODY: Kind = Kind::Fields(&[
        ("maxTokens", Need::Must, Kind::Whole(1, i64::MAX)),
        ("heat", Need::May, Kind::Number(0.0, 1.0)),
        ("role", Need::May, Kind::Word(&["a", "b"])),
        ("parts", Need::May, Kind::List(&PART)),
        ("said", Need::May, Kind::TextOr(&Kind::List(&PART))),
        (
            "choice",
            Need::May,
            Kind::One(&[("auto", Need::May, Kind::Open), ("any", Need::May, Kind::Open)]),
        ),
        ("labels", Need::May, Kind::Map(&Kind::Text)),
        ("is_on", Need::May, Kind::Flag),
        ("rest", Need::May, Kind::Any),
    ]);

    fn told(body: &Value, spelling: Spelling) -> Result<(), (String, Wrong)> {
        check(body, &BODY, spelling).map_err(|flaw| (flaw.dotted(), flaw.wrong))
    }

    #[test]
    fn every_flaw_is_found_where_it_is() {
        let table = [
            (json!([]), "", Wrong::Type("object")),
            (json!({}), "", Wrong::Missing("maxTokens")),
            (json!({"maxTokens": 1, "x": 1}), "", Wrong::Unknown("x".into())),
            (json!({"max_tokens": 1}), "", Wrong::Unknown("max_tokens".into())),
            (json!({"maxTokens": null}), "maxTokens", Wrong::Type("integer")),
            (json!({"maxTokens": 1.5}), "maxTokens", Wrong::Type("integer")),
            (
                json!({"maxTokens": 0}),
                "maxTokens",
                Wrong::Range("1..9223372036854775807".into()),
            ),
            (
                json!({"heat": 1.5, "maxTokens": 1}),
                "heat",
                Wrong::Range("0..1".into()),
            ),
            (
                json!({"role": "c", "maxTokens": 1}),
                "role",
                Wrong::Word("c".into(), vec!["a", "b"]),
            ),
            (
                json!({"parts": [{"type": "blob", "x": 1}, {"type": "text"}]}),
                "parts.1",
                Wrong::Missing("text"),
            ),
            (
                json!({"parts": [{"type": "text", "text": "t", "x": 1}]}),
                "parts.0",
                Wrong::Unknown("x".into()),
            ),
            (
                json!({"parts": [{"type": "nope"}]}),
                "parts.0",
                Wrong::Tag("nope".into(), vec!["text", "blob"]),
            ),
            (json!({"parts": [{}]}), "parts.0", Wrong::Missing("type")),
            (json!({"said": 7}), "said", Wrong::Type("list")),
            (json!({"choice": {}}), "choice", Wrong::NotOne),
            (
                json!({"choice": {"auto": {}, "any": {}}}),
                "choice",
                Wrong::NotOne,
            ),
            (json!({"labels": {"a": 1}}), "labels.a", Wrong::Type("string")),
            (json!({"is_on": "yes"}), "is_on", Wrong::Type("boolean")),
        ];

        for (body, at, wrong) in table {
            assert_eq!(
                told(&body, Spelling::Exact),
                Err((at.to_owned(), wrong)),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_in_shape_passes() {
        let body = json!({"maxTokens": 1, "heat": 1, "said": "hi", "role": null, "choice": {"any": {"x": 1}}, "rest": [1]});

        assert_eq!(told(&body, Spelling::Exact), Ok(()));
        assert_eq!(told(&json!({"max_tokens": 1}), Spelling::Either), Ok(()));
        assert_eq!(told(&json!({"maxTokens": 1}), Spelling::Either), Ok(()));
    }
}
