//! Does the document have the shape that the schema asks for: known keys, and the right kind of value at each?
//!
//! Invariant: afterwards the tree fits the raw types. Whatever did not fit is told, taken out or replaced by
//! something empty, and marked as spoiled, so that the rest of the file is still judged in the same run.
//! Knows the keywords of JSON Schema that the raw types produce, and no key of the file.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::mistake::{ConfigPath, Invalid, Report};
use super::suggest;

mod form;

use form::Form;

/// A word longer than this is not repeated where a word or number belongs: it may be a key in the wrong place.
const LONGEST_SHOWN_WORD: usize = 24;

/// Compares `tree` with `schema`. Texts at `filled` places came out of `${NAME}`; they may stand for numbers.
pub(super) fn check(tree: &mut Value, schema: &Value, filled: &HashSet<ConfigPath>, report: &mut Report<'_>) {
    let mut checker = Checker {
        schema,
        filled,
        report,
    };
    let root = ConfigPath::default();
    if checker.visit(tree, schema, &root) == Fit::Not {
        *tree = Value::Object(Map::new());
    }
}

/// Whether a value can stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Fits,
    Not,
}

struct Checker<'a, 'd> {
    schema: &'a Value,
    filled: &'a HashSet<ConfigPath>,
    report: &'a mut Report<'d>,
}

impl Checker<'_, '_> {
    fn visit(&mut self, value: &mut Value, schema: &Value, at: &ConfigPath) -> Fit {
        let form = Form::of(schema, self.schema);
        if self.filled.contains(at) && !self.report.is_spoiled(at) {
            form.read_text(value);
        }
        match (&form, &mut *value) {
            (Form::Choice(branches), _) => match branches.iter().find(|(_, branch)| branch.admits(value)) {
                Some((branch, _)) => return self.visit(value, branch, at),
                None => self.mismatch(value, &form, at),
            },
            (Form::Mapping { .. }, Value::Object(map)) => {
                self.visit_mapping(map, &form, at);
                return Fit::Fits;
            }
            (Form::List(items), Value::Array(values)) => {
                self.visit_list(values, items, at);
                return Fit::Fits;
            }
            _ => match form.refusal(value) {
                None => return Fit::Fits,
                Some(_) => self.mismatch(value, &form, at),
            },
        }
        Fit::Not
    }

    fn visit_mapping(&mut self, map: &mut Map<String, Value>, form: &Form<'_>, at: &ConfigPath) {
        let present: HashSet<String> = map.keys().cloned().collect();
        let entries = std::mem::take(map);
        for (key, mut value) in entries {
            let here = at.key(&key);
            if let Some(schema) = form.property(&key) {
                // A key with nothing after it is as good as no key.
                if !value.is_null() && self.visit(&mut value, schema, &here) == Fit::Fits {
                    map.insert(key, value);
                }
            } else if let Some(schema) = form.others() {
                let form = Form::of(schema, self.schema);
                if value.is_null() && matches!(form, Form::Mapping { .. }) {
                    value = form.empty();
                }
                if self.visit(&mut value, schema, &here) == Fit::Not {
                    value = Form::of(schema, self.schema).empty();
                }
                map.insert(key, value);
            } else {
                self.unknown_key(&key, form, &present, at);
            }
        }
    }

    fn visit_list(&mut self, values: &mut [Value], schema: &Value, at: &ConfigPath) {
        for (index, value) in values.iter_mut().enumerate() {
            if self.visit(value, schema, &at.index(index)) == Fit::Not {
                *value = Form::of(schema, self.schema).empty();
            }
        }
    }

    fn unknown_key(&mut self, key: &str, form: &Form<'_>, present: &HashSet<String>, at: &ConfigPath) {
        let free = || form.keys().filter(|known| !present.contains(*known));
        let invalid = Invalid::new("unknown key");
        let meant = suggest::closest(key, free());
        let invalid = match meant {
            Some(meant) => invalid.hint(format!("did you mean `{meant}`?")),
            None => invalid.hint(format!(
                "known here: {}",
                form.keys().collect::<Vec<_>>().join(", ")
            )),
        };
        self.report.refuse(&at.key(key), invalid);
        if let Some(meant) = meant {
            self.report.spoil(at.key(meant));
        }
    }

    fn mismatch(&mut self, value: &Value, form: &Form<'_>, at: &ConfigPath) {
        let invalid = form
            .refusal(value)
            .unwrap_or_else(|| Invalid::new("does not belong here"));
        let may_show = match value {
            Value::String(text) => text.len() <= LONGEST_SHOWN_WORD && form.takes_scalars(),
            Value::Number(_) | Value::Bool(_) => form.takes_scalars(),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        if may_show && !form.is_secret() {
            self.report.refuse_value(at, invalid);
        } else {
            let found = match value {
                Value::Null => "nothing",
                Value::Bool(_) => "true or false",
                Value::Number(_) => "a number",
                Value::String(_) => "text",
                Value::Array(_) => "a list",
                Value::Object(_) => "a mapping",
            };
            let problem = format!("{found} {}", invalid.problem);
            self.report.refuse(
                at,
                Invalid {
                    problem,
                    remedy: invalid.remedy,
                },
            );
        }
        self.report.spoil(at.clone());
    }
}

#[cfg(test)]
mod tests;
