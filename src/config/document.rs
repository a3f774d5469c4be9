//! YAML text to a tree of values.
//!
//! Invariant: what comes out is one bounded document whose keys are unique; everything else is refused with
//! its line. Knows nothing of what the keys mean.

use std::fmt;

use serde_json::{Map, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::DuplicateKeyPolicy;

mod shield;

/// The largest configuration that is read: a thousand models need about half of one MiB.
pub(super) const MAX_BYTES: usize = 4 * 1024 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 250_000;

/// Text that is not one YAML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line and column, counted from 1, where they are known.
    pub at: Option<(u64, u64)>,
    /// What the parser says.
    pub problem: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.at {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for SyntaxError {}

/// Reads one YAML document; an empty file is an empty mapping. References such as `${NAME}` come out as
/// they were written, wherever they stand.
pub(super) fn read(text: &[u8]) -> Result<Value, SyntaxError> {
    let refused = |problem: String| SyntaxError { at: None, problem };
    if text.len() > MAX_BYTES {
        return Err(refused(format!(
            "the file has {} bytes; the most is {MAX_BYTES}",
            text.len()
        )));
    }
    let text = std::str::from_utf8(text).map_err(|error| {
        let before = text.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        refused(format!("line {line} is not UTF-8 text; save the file as UTF-8"))
    })?;
    let text = shield::raise(text).map_err(|line| {
        refused(format!(
            "line {line} has a character of a private Unicode plane; leave it out"
        ))
    })?;
    let value: Option<Value> =
        serde_saphyr::from_str_with_options(&text, options()).map_err(|error| syntax_error(&error))?;
    let mut value = value
        .filter(|value| !value.is_null())
        .unwrap_or_else(|| Value::Object(Map::new()));
    shield::lower(&mut value);
    Ok(value)
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_documents: 1,
            max_total_scalar_bytes: 2 * MAX_BYTES,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_NODES },
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        emit_comments: false,
    }
}

fn syntax_error(error: &serde_saphyr::Error) -> SyntaxError {
    use serde_saphyr::Error;

    let at = error.location().map(|place| (place.line(), place.column()));
    let problem = match error.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!(
                "the key `{}` is here for the second time; keep one",
                shield::lowered(key)
            )
        }
        Error::DuplicateMappingKey { key: None, .. } => "a key is here for the second time".to_owned(),
        Error::MultipleDocuments { .. }
        | Error::Budget {
            breach: BudgetBreach::Documents { .. },
            ..
        } => "a second document begins here; the file holds one, so take out the `---`".to_owned(),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            "too deep, or too much of it; the file is larger than any configuration needs to be".to_owned()
        }
        Error::NonFiniteFloat { .. } => "not a number that can be counted with".to_owned(),
        other => first_line(&other.to_string()),
    };
    SyntaxError { at, problem }
}

/// The parser's message without the place, which is told in our own form.
fn first_line(problem: &str) -> String {
    let line = problem.lines().next().unwrap_or_default().trim();
    let line = line.split(" at line ").next().unwrap_or(line);
    shield::lowered(line.trim_end_matches(['.', ':']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(text: &str) -> String {
        read(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn words_that_old_yaml_took_for_booleans_stay_words() {
        let read = read(b"mode: off\non: [connect]\nyes: no\nreally: true").unwrap();

        assert_eq!(
            read,
            json!({"mode": "off", "on": ["connect"], "yes": "no", "really": true})
        );
    }

    #[test]
    fn an_empty_file_is_an_empty_mapping() {
        assert_eq!(read(b"").unwrap(), json!({}));
        assert_eq!(read(b"# nothing\n").unwrap(), json!({}));
    }

    #[test]
    fn anchors_and_merge_keys_work() {
        let text = "a: &a { x: 1, y: 2 }\nb: { <<: *a, y: 3 }";

        assert_eq!(read(text.as_bytes()).unwrap()["b"], json!({"x": 1, "y": 3}));
    }

    #[test]
    fn syntax_errors_name_their_line() {
        for (text, at) in [
            ("a: 1\nb: [1, 2\nc: 3\n", "line"),
            ("a: 1\n b: 2\n", "line 2"),
            ("a: {x: 1}\na: 2\n", "line 2"),
            ("a: !secret x\n", "line 1"),
            ("a: *nowhere\n", "line 1"),
            ("a: 1\n---\nb: 2\n", "line 2, column 1: a second document"),
            ("a: .inf\n", "line 1, column 4: not a number"),
            ("a: ${A}\n${B}: 2\n${B}: 2\n", "line 3, column 1: the key `${B}`"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(at), "{text:?}: {refusal}");
        }
    }

    #[test]
    fn size_depth_and_expansion_are_bounded() {
        let deep = format!("a: {}{}", "[".repeat(40), "]".repeat(40));
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for n in 1..10 {
            let references = vec![format!("*a{}", n - 1); 9].join(", ");
            bomb.extend([format!("a{n}: &a{n} [{references}]\n")]);
        }

        assert!(!refusal(&deep).is_empty());
        assert!(!refusal(&bomb).is_empty());
        assert!(refusal(&" ".repeat(MAX_BYTES + 1)).contains("the most is"));
    }

    #[test]
    fn references_stand_unquoted_in_every_style() {
        let text =
            "a: {x: ${A}, y: [${B:-p, q: r #s}, \"${C}\"]}\nb: ${D:-x: y}\nc: 'z ${E}'\nd: |\n  ${F}\n";

        assert_eq!(
            read(text.as_bytes()).unwrap(),
            json!({
                "a": {"x": "${A}", "y": ["${B:-p, q: r #s}", "${C}"]},
                "b": "${D:-x: y}", "c": "z ${E}", "d": "${F}\n",
            })
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_line() {
        let refused = read(b"a: 1\nb: \xff\n").unwrap_err();

        assert_eq!(
            refused.to_string(),
            "line 2 is not UTF-8 text; save the file as UTF-8"
        );
    }
}
