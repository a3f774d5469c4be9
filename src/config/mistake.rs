//! What is wrong with a configuration, said so that it can be mended at once.
//!
//! Invariant: a mistake shows what was *written* in the file (`${NAME}`, not what it stood for), so no
//! message ever holds a value that came from the environment or from a file.
//! Knows neither YAML nor what any key means.

use std::collections::HashSet;
use std::fmt;

use serde_json::Value;

/// How much of a written value a message repeats.
const SHOWN_CHARS: usize = 80;

/// A value that is not what its key needs: the words after the value, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, worded to follow the value: "is not a duration".
    pub problem: String,
    /// What to write instead.
    pub remedy: Option<String>,
}

impl Invalid {
    /// A problem whose remedy is in its own words.
    pub fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            remedy: None,
        }
    }

    /// The same problem, with what to do about it.
    #[must_use]
    pub fn hint(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same problem with a name, which stands where a message repeats no value.
    #[must_use]
    pub(super) fn about(mut self, name: &str) -> Self {
        self.problem = format!("`{}` {}", shorten(name), self.problem);
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)?;
        self.remedy
            .as_ref()
            .map_or(Ok(()), |remedy| write!(f, " ({remedy})"))
    }
}

impl std::error::Error for Invalid {}

/// A place in the file, as in `models.gpt-4o.targets[1].provider`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConfigPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Key(String),
    Index(usize),
}

impl ConfigPath {
    /// The place below this one under `key`.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// The place of this list's item number `index`, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step);
        Self(steps)
    }

    /// The place that holds this one; the whole file holds itself.
    #[must_use]
    pub(super) fn parent(&self) -> Self {
        let keep = self.0.len().saturating_sub(1);
        Self(self.0.iter().take(keep).cloned().collect())
    }

    /// What the document has at this place.
    fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(document, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }

    /// Where in the document this place is: what sorts mistakes from top to bottom.
    fn position(&self, document: &Value) -> Vec<usize> {
        let mut here = Some(document);
        let mut position = Vec::with_capacity(self.0.len());
        for step in &self.0 {
            position.push(match step {
                Step::Index(index) => *index,
                Step::Key(key) => here
                    .and_then(Value::as_object)
                    .and_then(|map| map.keys().position(|known| known == key))
                    .unwrap_or(usize::MAX),
            });
            here = match step {
                Step::Key(key) => here.and_then(|value| value.get(key)),
                Step::Index(index) => here.and_then(|value| value.get(index)),
            };
        }
        position
    }
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("(the whole file)");
        }
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    let dot = if depth == 0 { "" } else { "." };
                    let plain = !key.is_empty()
                        && key
                            .chars()
                            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
                    if plain {
                        write!(f, "{dot}{key}")?;
                    } else {
                        write!(f, "{dot}\"{}\"", shorten(key))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// One mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where it is, as in `models.gpt-4o.targets[1].provider`.
    pub path: String,
    /// What is wrong, with the value as it was written unless that may be a secret.
    pub problem: String,
    /// What to write instead.
    pub remedy: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)?;
        self.remedy
            .as_ref()
            .map_or(Ok(()), |remedy| write!(f, "\n  hint: {remedy}"))
    }
}

/// Collects everything that is wrong, so that a person mends the file once.
pub(super) struct Report<'d> {
    written: &'d Value,
    mistakes: Vec<(ConfigPath, Mistake)>,
    spoiled: HashSet<ConfigPath>,
    warnings: Vec<String>,
}

impl<'d> Report<'d> {
    /// An empty report about a document as it was written.
    pub(super) fn new(written: &'d Value) -> Self {
        Self {
            written,
            mistakes: Vec::new(),
            spoiled: HashSet::new(),
            warnings: Vec::new(),
        }
    }

    /// Notes a mistake without repeating the value, which may be a secret, a whole mapping, or missing.
    pub(super) fn refuse(&mut self, at: &ConfigPath, invalid: Invalid) {
        self.note(at, invalid);
    }

    /// Notes a mistake and repeats the value as it was written.
    pub(super) fn refuse_value(&mut self, at: &ConfigPath, invalid: Invalid) {
        let problem = match at.find(self.written).and_then(shown) {
            Some(value) => format!("`{value}` {}", invalid.problem),
            None => invalid.problem,
        };
        self.note(
            at,
            Invalid {
                problem,
                remedy: invalid.remedy,
            },
        );
    }

    /// The value, or `None` with the mistake noted.
    pub(super) fn accept<T>(&mut self, at: &ConfigPath, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_err(|invalid| self.refuse_value(at, invalid)).ok()
    }

    fn note(&mut self, at: &ConfigPath, Invalid { problem, remedy }: Invalid) {
        let mistake = Mistake {
            path: at.to_string(),
            problem,
            remedy,
        };
        if !self.is_spoiled(at) && !self.mistakes.iter().any(|(_, known)| *known == mistake) {
            self.mistakes.push((at.clone(), mistake));
        }
    }

    /// Nothing at or below `at` can be trusted any more: one mistake there is told already, and what
    /// follows from it would only be noise.
    pub(super) fn spoil(&mut self, at: ConfigPath) {
        self.spoiled.insert(at);
    }

    /// A mistake that explains whatever is wrong at `at` has been told.
    pub(super) fn is_spoiled(&self, at: &ConfigPath) -> bool {
        let mut place = at.clone();
        loop {
            if self.spoiled.contains(&place) {
                return true;
            }
            if place.0.pop().is_none() {
                return false;
            }
        }
    }

    /// Notes something that is legal and probably not meant.
    pub(super) fn warn(&mut self, at: &ConfigPath, warning: impl fmt::Display) {
        let warning = format!("{at}: {warning}");
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The warnings when there is no mistake, else the mistakes from top to bottom.
    pub(super) fn finish(mut self) -> Result<Vec<String>, Vec<Mistake>> {
        if self.mistakes.is_empty() {
            return Ok(self.warnings);
        }
        let written = self.written;
        self.mistakes
            .sort_by_cached_key(|(path, _)| path.position(written));
        Err(self.mistakes.into_iter().map(|(_, mistake)| mistake).collect())
    }
}

/// A scalar as a person would recognise it; nothing for lists, mappings and empty values.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(shorten(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn shorten(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_reads_like_the_file_and_quotes_what_would_be_ambiguous() {
        let root = ConfigPath::default();
        let target = root
            .key("models")
            .key("gpt-4o")
            .key("targets")
            .index(1)
            .key("provider");

        assert_eq!(target.to_string(), "models.gpt-4o.targets[1].provider");
        assert_eq!(
            root.key("models").key("gpt-4.1").to_string(),
            "models.\"gpt-4.1\""
        );
        assert_eq!(root.to_string(), "(the whole file)");
    }

    #[test]
    fn mistakes_come_in_the_order_of_the_file_and_only_once() {
        let written = json!({"b": {"x": 1}, "a": 2});
        let mut report = Report::new(&written);
        let root = ConfigPath::default();
        report.refuse_value(&root.key("a"), Invalid::new("is wrong"));
        report.refuse_value(&root.key("b").key("x"), Invalid::new("is odd"));
        report.refuse_value(&root.key("b").key("x"), Invalid::new("is odd"));
        report.refuse(&root.key("b").key("missing"), Invalid::new("missing"));

        let told: Vec<String> = report
            .finish()
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();

        assert_eq!(told, ["b.x: `1` is odd", "b.missing: missing", "a: `2` is wrong"]);
    }

    #[test]
    fn what_follows_from_a_told_mistake_is_not_told() {
        let written = json!({"a": {"b": [1]}});
        let mut report = Report::new(&written);
        let a = ConfigPath::default().key("a");
        report.spoil(a.clone());

        report.refuse(&a.key("b").index(0), Invalid::new("is odd"));

        assert!(report.is_spoiled(&a.key("b")));
        assert_eq!(report.finish(), Ok(Vec::new()));
    }

    #[test]
    fn values_are_shown_short_and_without_control_characters() {
        let written = json!({"a": format!("{}\u{7}\n", "x".repeat(79)), "b": "y".repeat(100)});
        let mut report = Report::new(&written);
        report.refuse_value(&ConfigPath::default().key("a"), Invalid::new("is bad"));
        report.refuse_value(&ConfigPath::default().key("b"), Invalid::new("is bad"));

        let told = report.finish().unwrap_err();

        assert_eq!(told[0].problem, format!("`{}\\u{{7}}…` is bad", "x".repeat(79)));
        assert_eq!(told[1].problem, format!("`{}…` is bad", "y".repeat(80)));
    }
}
