//! What one node of the schema asks for.
//!
//! Invariant: [`Form::empty`] always fits its own form.

use serde_json::{Map, Number, Value};

use crate::config::mistake::Invalid;
use crate::config::suggest;

/// References to definitions are followed so many times; more would be a circle.
const MAX_REFERENCES: usize = 16;

/// What one node of the schema asks for.
pub(super) enum Form<'s> {
    /// Keys: known ones, and perhaps any other.
    Mapping {
        properties: Option<&'s Map<String, Value>>,
        others: Option<&'s Value>,
    },
    /// Items of one kind.
    List(&'s Value),
    /// One of these words.
    Words(Vec<&'s str>),
    /// Any text.
    Text {
        title: Option<&'s str>,
        example: Option<&'s str>,
        is_secret: bool,
    },
    /// A number.
    Number {
        is_whole: bool,
        min: Option<f64>,
        max: Option<f64>,
    },
    /// True or false.
    Flag,
    /// The first of these whose kind it is, with the schema that says so.
    Choice(Vec<(&'s Value, Self)>),
}

impl<'s> Form<'s> {
    /// The form of `schema`, whose references point into `root`.
    pub(super) fn of(schema: &'s Value, root: &'s Value) -> Self {
        let schema = follow(schema, root);
        if let Some(branches) = list(schema, "anyOf").or_else(|| list(schema, "oneOf")) {
            let words: Option<Vec<&str>> = branches
                .iter()
                .map(|branch| branch.get("const")?.as_str())
                .collect();
            let choice = || {
                branches
                    .iter()
                    .map(|branch| (branch, Self::of(branch, root)))
                    .collect()
            };
            return words.map_or_else(|| Self::Choice(choice()), Self::Words);
        }
        if let Some(word) = schema.get("const").and_then(Value::as_str) {
            return Self::Words(vec![word]);
        }
        if let Some(words) = list(schema, "enum") {
            return Self::Words(words.iter().filter_map(Value::as_str).collect());
        }
        match schema.get("type").and_then(Value::as_str).unwrap_or_default() {
            "object" => Self::Mapping {
                properties: schema.get("properties").and_then(Value::as_object),
                others: schema
                    .get("additionalProperties")
                    .filter(|others| others.is_object()),
            },
            "array" => Self::List(schema.get("items").unwrap_or(&Value::Null)),
            "boolean" => Self::Flag,
            kind @ ("integer" | "number") => Self::Number {
                is_whole: kind == "integer",
                min: schema.get("minimum").and_then(Value::as_f64),
                max: schema.get("maximum").and_then(Value::as_f64),
            },
            _ => Self::Text {
                title: schema.get("title").and_then(Value::as_str),
                example: list(schema, "examples").and_then(|examples| examples.first()?.as_str()),
                is_secret: schema.get("writeOnly") == Some(&Value::Bool(true)),
            },
        }
    }

    /// The value is of this form's kind, whatever else may be wrong with it.
    pub(super) fn admits(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Mapping { .. }, Value::Object(_))
            | (Self::List(_), Value::Array(_))
            | (Self::Text { .. }, Value::String(_))
            | (Self::Number { .. }, Value::Number(_))
            | (Self::Flag, Value::Bool(_)) => true,
            (Self::Words(words), Value::String(text)) => words.contains(&text.as_str()),
            (Self::Choice(branches), value) => branches.iter().any(|(_, form)| form.admits(value)),
            _ => false,
        }
    }

    /// Why this value cannot stand here, worded to follow it. `None` for a scalar that can; what is inside of
    /// lists and mappings is not looked at.
    pub(super) fn refusal(&self, value: &Value) -> Option<Invalid> {
        if let (Self::Number { is_whole, min, max }, Value::Number(number)) = (self, value) {
            return number_refusal(number, *is_whole, *min, *max);
        }
        if self.admits(value) {
            return None;
        }
        let invalid = Invalid::new(format!("is not {}", self.wanted()));
        Some(match (self, value) {
            (Self::Words(words), Value::String(text)) => {
                match suggest::closest(text, words.iter().copied()) {
                    Some(meant) => invalid.hint(format!("did you mean `{meant}`?")),
                    None => invalid,
                }
            }
            (
                Self::Text { title: None, .. } | Self::Text { is_secret: true, .. },
                Value::Number(_) | Value::Bool(_),
            ) => invalid.hint("put it in quotes"),
            (
                Self::Text {
                    example: Some(example),
                    ..
                },
                _,
            ) => invalid.hint(format!("write for example `{example}`")),
            (Self::Mapping { .. }, Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                invalid.hint("write `key: value` lines below it")
            }
            (Self::List(_), Value::String(_)) => invalid.hint("write `[it]`"),
            _ => invalid,
        })
    }

    fn wanted(&self) -> String {
        match self {
            Self::Mapping { .. } => "a mapping".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Words(words) => match words.as_slice() {
                [only] => format!("`{only}`"),
                words => format!("one of {}", words.join(", ")),
            },
            Self::Text {
                title: Some(title),
                is_secret: false,
                ..
            } => {
                let article = if title.starts_with(['I', 'a', 'e', 'i', 'o']) {
                    "an"
                } else {
                    "a"
                };
                format!("{article} {title}")
            }
            Self::Text { .. } => "text".to_owned(),
            Self::Number { is_whole: true, .. } => "a whole number".to_owned(),
            Self::Number { is_whole: false, .. } => "a number".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Choice(branches) => {
                let wanted: Vec<String> = branches.iter().map(|(_, form)| form.wanted()).collect();
                wanted.join(" or ")
            }
        }
    }

    /// A text that came out of `${NAME}` becomes the number or flag that belongs here, if it is one.
    pub(super) fn read_text(&self, value: &mut Value) {
        let Value::String(text) = &*value else { return };
        if self.admits(value) {
            return;
        }
        let read = serde_json::from_str::<Value>(text.trim()).ok();
        if let Some(read) = read.filter(|read| (read.is_number() || read.is_boolean()) && self.admits(read)) {
            *value = read;
        }
    }

    /// The smallest value of this form.
    pub(super) fn empty(&self) -> Value {
        match self {
            Self::Mapping { .. } => Value::Object(Map::new()),
            Self::List(_) => Value::Array(Vec::new()),
            Self::Words(words) => Value::from(words.first().copied().unwrap_or_default()),
            Self::Text { .. } => Value::String(String::new()),
            Self::Number { .. } => Value::from(1),
            Self::Flag => Value::Bool(false),
            Self::Choice(branches) => branches.first().map_or(Value::Null, |(_, form)| form.empty()),
        }
    }

    /// What stands behind a known key.
    pub(super) fn property(&self, key: &str) -> Option<&'s Value> {
        match self {
            Self::Mapping { properties, .. } => properties.and_then(|properties| properties.get(key)),
            _ => None,
        }
    }

    /// What stands behind any other key, where any is allowed.
    pub(super) fn others(&self) -> Option<&'s Value> {
        match self {
            Self::Mapping { others, .. } => *others,
            _ => None,
        }
    }

    /// The known keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        let properties = match self {
            Self::Mapping { properties, .. } => *properties,
            _ => None,
        };
        properties
            .into_iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
    }

    /// A wrong value here may be a secret in the right place.
    pub(super) fn is_secret(&self) -> bool {
        match self {
            Self::Choice(branches) => branches.iter().any(|(_, form)| form.is_secret()),
            form => matches!(form, Self::Text { is_secret: true, .. }),
        }
    }

    /// A scalar belongs here, so a wrong scalar is worth repeating.
    pub(super) fn takes_scalars(&self) -> bool {
        !matches!(self, Self::Mapping { .. } | Self::List(_))
    }
}

fn number_refusal(number: &Number, is_whole: bool, min: Option<f64>, max: Option<f64>) -> Option<Invalid> {
    let value = number.as_f64().unwrap_or(f64::NAN);
    if is_whole && number.is_f64() {
        return Some(Invalid::new("is not a whole number"));
    }
    if min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max) {
        return None;
    }
    let invalid = Invalid::new("is out of range");
    Some(match (min, max) {
        (Some(min), Some(max)) => invalid.hint(format!("use {min} to {max}")),
        (Some(min), None) => invalid.hint(format!("use {min} or more")),
        (None, Some(max)) => invalid.hint(format!("use {max} or less")),
        (None, None) => invalid,
    })
}

fn follow<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let mut schema = schema;
    for _ in 0..MAX_REFERENCES {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
            break;
        };
        let Some(found) = reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
        else {
            break;
        };
        schema = found;
    }
    schema
}

fn list<'s>(schema: &'s Value, keyword: &str) -> Option<&'s Vec<Value>> {
    schema.get(keyword).and_then(Value::as_array)
}
