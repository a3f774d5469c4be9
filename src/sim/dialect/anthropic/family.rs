//! What a model of Anthropic's takes, by its name.
//!
//! Invariant: a name that says no version has no rules of its own. The rules hold on every cloud that serves these
//! models.

use serde_json::Value;

/// A line of models and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim::dialect) struct Family {
    line: Option<&'static str>,
    version: (u32, u32),
}

const LINES: [&str; 5] = ["opus", "sonnet", "haiku", "fable", "mythos"];

impl Family {
    /// Reads `claude-opus-4-7`, `us.anthropic.claude-haiku-4-5-20251001-v1:0`, `claude-3-5-sonnet@20240620`.
    pub(in crate::sim::dialect) fn of(model: &str) -> Option<Self> {
        let (_, rest) = model.split_once("claude-")?;
        let words: Vec<_> = rest.split(['-', '@', '.', ':']).collect();
        let line = words
            .iter()
            .find_map(|word| LINES.into_iter().find(|line| line == word));
        // A longer number is a date.
        let number = |word: &&str| word.parse::<u32>().ok().filter(|_| word.len() <= 2);
        let mut numbers = words
            .iter()
            .skip_while(|word| number(word).is_none())
            .map_while(number);
        let major = numbers.next()?;
        Some(Self {
            line,
            version: (major, numbers.next().unwrap_or(0)),
        })
    }

    fn is_one_of(&self, lines: &[&str]) -> bool {
        self.line.is_some_and(|line| lines.contains(&line))
    }

    /// Thoughts cannot be switched off.
    fn always_thinks(&self) -> bool {
        self.is_one_of(&["fable", "mythos"])
    }

    /// Thoughts come without being asked for.
    pub(in crate::sim::dialect) fn thinks_by_default(&self) -> bool {
        self.always_thinks() || (self.is_one_of(&["opus"]) && self.version >= (5, 0))
    }

    /// Of thoughts, only the signature is shown, unless a summary is asked for.
    pub(in crate::sim::dialect) fn hides_thoughts(&self) -> bool {
        self.version >= (4, 7)
    }

    /// The system may speak in the middle of a conversation.
    pub(in crate::sim::dialect) fn hears_the_system(&self) -> bool {
        self.thinks_by_default() || (self.is_one_of(&["opus"]) && self.version >= (4, 8))
    }

    /// Why the beginning of an answer cannot be given, if so.
    pub(in crate::sim::dialect) fn no_prefill(&self) -> Option<&'static str> {
        (self.version >= (4, 6)).then_some(
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        )
    }

    /// Why these samplings cannot be had, if so: temperature, `top_p`, `top_k`.
    pub(in crate::sim::dialect) fn no_sampling(
        &self,
        (temperature, top_p, top_k): (&Value, &Value, &Value),
    ) -> Option<String> {
        let is_set = |value: &Value| !value.is_null();
        if self.version >= (4, 7) {
            let is_unusual = |value: &Value| is_set(value) && value.as_f64() != Some(1.0);
            let named = [
                ("temperature", is_unusual(temperature)),
                ("top_p", is_unusual(top_p)),
                ("top_k", is_set(top_k)),
            ];
            let (name, _) = named.into_iter().find(|(_, is_unusual)| *is_unusual)?;
            return Some(format!("`{name}` is deprecated for this model."));
        }
        (self.version >= (4, 1) && is_set(temperature) && is_set(top_p)).then(|| {
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
                .to_owned()
        })
    }

    /// Why this `thinking` cannot be had with this effort, if so.
    pub(in crate::sim::dialect) fn no_thinking(&self, thinking: &str, effort: &str) -> Option<&'static str> {
        match thinking {
            "adaptive" if self.version < (4, 6) => Some("adaptive thinking is not supported on this model"),
            "enabled" if self.version >= (4, 7) => Some(
                "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \
                 \"output_config.effort\" to control thinking behavior.",
            ),
            "disabled" if self.always_thinks() => Some("thinking cannot be disabled on this model"),
            "disabled" if self.thinks_by_default() && ["xhigh", "max"].contains(&effort) => {
                Some("thinking can only be disabled with an effort of high or less")
            }
            _ if effort == "xhigh" && self.version == (4, 6) => {
                Some("This model does not support effort level 'xhigh'.")
            }
            _ => None,
        }
    }

    /// Why a tool cannot be forced, if so.
    pub(in crate::sim::dialect) fn no_forced_tool(&self) -> Option<&'static str> {
        (self.always_thinks() && self.version >= (5, 1))
            .then_some("tool_choice forces tool use is not supported for this model")
    }

    /// Why an answer cannot be held to a schema, if so.
    pub(in crate::sim::dialect) fn no_schema(&self) -> Option<&'static str> {
        (self.version < (4, 5)).then_some("This model does not support output_config.format.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names_of_every_cloud() {
        let table = [
            ("claude-opus-4-7", Some((Some("opus"), (4, 7)))),
            ("claude-sonnet-4-20250514", Some((Some("sonnet"), (4, 0)))),
            (
                "us.anthropic.claude-haiku-4-5-20251001-v1:0",
                Some((Some("haiku"), (4, 5))),
            ),
            ("claude-3-5-sonnet@20240620", Some((Some("sonnet"), (3, 5)))),
            ("claude-opus-5", Some((Some("opus"), (5, 0)))),
            ("claude-fable-5.1", Some((Some("fable"), (5, 1)))),
            ("claude-x", None),
            ("gpt-4o", None),
        ];

        for (name, expected) in table {
            let family = Family::of(name).map(|family| (family.line, family.version));
            assert_eq!(family, expected, "{name}");
        }
    }
}
