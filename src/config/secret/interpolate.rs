//! `${NAME}` and `${NAME:-default}` in any text of the file; `$${` is a plain `${`.
//!
//! Invariant: values only, never keys, and once: what a variable holds is not looked into again.

use std::collections::HashSet;

use serde_json::Value;

use super::Sources;
use crate::config::mistake::{ConfigPath, Invalid, Report};

/// Fills in every reference in the tree and tells which places had one. A place whose reference cannot be
/// filled becomes empty text, with the mistake noted.
pub(in crate::config) fn fill(
    tree: &mut Value,
    sources: &dyn Sources,
    report: &mut Report<'_>,
) -> HashSet<ConfigPath> {
    let mut filler = Filler {
        sources,
        report,
        filled: HashSet::new(),
    };
    filler.visit(tree, &ConfigPath::default());
    filler.filled
}

struct Filler<'a, 'd> {
    sources: &'a dyn Sources,
    report: &'a mut Report<'d>,
    filled: HashSet<ConfigPath>,
}

impl Filler<'_, '_> {
    fn visit(&mut self, value: &mut Value, at: &ConfigPath) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    self.visit(value, &at.key(key));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.visit(item, &at.index(index));
                }
            }
            Value::String(text) if text.contains("${") => {
                match expand(text, self.sources) {
                    Ok(expanded) => *text = expanded,
                    Err(problems) => {
                        for invalid in problems {
                            self.report.refuse(at, invalid);
                        }
                        self.report.spoil(at.clone());
                        text.clear();
                    }
                }
                self.filled.insert(at.clone());
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// The text with every reference filled in, or everything that is wrong with them.
fn expand(text: &str, sources: &dyn Sources) -> Result<String, Vec<Invalid>> {
    let mut expanded = String::with_capacity(text.len());
    let mut problems = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = after;
            continue;
        }
        expanded.push_str(before);
        let Some((inner, after)) = after.split_once('}') else {
            problems.push(
                Invalid::new("`${` has no closing `}`").hint("write `${NAME}`, or `$${` for a plain `${`"),
            );
            rest = "";
            break;
        };
        match lookup(inner, sources) {
            Ok(value) => expanded.push_str(&value),
            Err(invalid) => problems.push(invalid),
        }
        rest = after;
    }
    expanded.push_str(rest);
    if problems.is_empty() {
        Ok(expanded)
    } else {
        Err(problems)
    }
}

/// What stands for `NAME` or `NAME:-default`.
fn lookup(inner: &str, sources: &dyn Sources) -> Result<String, Invalid> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        // What stands there may be part of a secret that only looks like a reference.
        return Err(Invalid::new("a `${...}` in it names no environment variable")
            .hint("write `${NAME}` or `${NAME:-default}`, or `$${` for a plain `${`"));
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err(
            Invalid::new(format!("the default of `${{{name}}}` holds another reference"))
                .hint("write the default out"),
        );
    }
    match (sources.env(name).filter(|value| !value.is_empty()), default) {
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(
            Invalid::new(format!("the environment variable `{name}` is not set or empty"))
                .hint(format!("export {name}, or write `${{{name}:-default}}`")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::tests::Fixture;

    fn sources() -> Fixture {
        Fixture::default()
            .env("A", "one")
            .env("B2_", "two")
            .env("EMPTY", "")
            .env("LOOP", "${A}")
    }

    #[test]
    fn references_are_filled_in() {
        for (text, expected) in [
            ("plain", "plain"),
            ("${A}", "one"),
            ("${A}${B2_}", "onetwo"),
            ("http://${A}:80/${B2_}", "http://one:80/two"),
            ("${A:-x}", "one"),
            ("${MISSING:-x y}", "x y"),
            ("${MISSING:-}", ""),
            ("${EMPTY:-x}", "x"),
            ("${MISSING:-a:-b}", "a:-b"),
            ("$${A}", "${A}"),
            ("$$${A}", "$${A}"),
            ("$A and $ and }{", "$A and $ and }{"),
            ("${LOOP}", "${A}"),
        ] {
            assert_eq!(expand(text, &sources()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn references_that_cannot_be_filled_are_all_told() {
        for (text, expected) in [
            (
                "${MISSING}",
                vec!["the environment variable `MISSING` is not set or empty"],
            ),
            (
                "${EMPTY}",
                vec!["the environment variable `EMPTY` is not set or empty"],
            ),
            ("${A", vec!["`${` has no closing `}`"]),
            ("${}", vec!["a `${...}` in it names no environment variable"]),
            ("${a-b}", vec!["a `${...}` in it names no environment variable"]),
            ("${9}", vec!["a `${...}` in it names no environment variable"]),
            (
                "${X:-${A}}",
                vec!["the default of `${X}` holds another reference"],
            ),
            (
                "${X} ${Y",
                vec![
                    "the environment variable `X` is not set or empty",
                    "`${` has no closing `}`",
                ],
            ),
        ] {
            let problems: Vec<String> = expand(text, &sources())
                .unwrap_err()
                .into_iter()
                .map(|invalid| invalid.problem)
                .collect();
            assert_eq!(problems, expected, "{text}");
        }
    }

    #[test]
    fn only_values_are_filled_and_their_places_are_told() {
        let written = json!({"${A}": ["x", "${A}"], "b": {"c": "${MISSING}"}});
        let mut tree = written.clone();
        let mut report = Report::new(&written);

        let filled = fill(&mut tree, &sources(), &mut report);

        let root = ConfigPath::default();
        assert_eq!(tree, json!({"${A}": ["x", "one"], "b": {"c": ""}}));
        assert_eq!(
            filled,
            HashSet::from([root.key("${A}").index(1), root.key("b").key("c")])
        );
        let mistakes = report.finish().unwrap_err();
        assert_eq!(mistakes.len(), 1);
        assert_eq!(
            mistakes[0].to_string(),
            "b.c: the environment variable `MISSING` is not set or empty\n  hint: export MISSING, or write `${MISSING:-default}`"
        );
    }
}
