//! What a request's body says, read without building a tree of it.
//!
//! Invariant: only the few fields that shape an answer are decoded; the rest is skipped over, however deep it nests.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// How much of the caller's words is said back, in characters.
const ECHO_LIMIT: usize = 200;

/// The fields of a request that shape its answer.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask<'a> {
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(borrow, default)]
    pub(super) messages: Option<Messages<'a>>,
    #[serde(borrow, default)]
    pub(super) prompt: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) encoding_format: Option<String>,
    #[serde(default)]
    pub(super) dimensions: Option<u32>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_choice: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl Ask<'_> {
    pub(super) fn is_stream(&self) -> bool {
        self.stream == Some(true)
    }

    pub(super) fn wants_usage(&self) -> bool {
        self.stream_options
            .as_ref()
            .is_some_and(|options| options.include_usage == Some(true))
    }

    pub(super) fn token_limit(&self) -> Option<u32> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// A bounded bit of the last thing the user said, or of the prompt.
    pub(super) fn echo(&self) -> String {
        let said = self
            .messages
            .as_ref()
            .and_then(|messages| messages.last_of_user)
            .or(self.prompt);
        said.map(text_of)
            .unwrap_or_default()
            .chars()
            .take(ECHO_LIMIT)
            .collect()
    }

    /// The name of the function that has to be called: the named one, or the first when one is required.
    pub(super) fn forced_tool(&self) -> Option<String> {
        let choice: Choice = serde_json::from_str(self.tool_choice?.get()).ok()?;
        match choice {
            Choice::Mode(mode) if mode == "required" => {
                let tools: Vec<Tool> = serde_json::from_str(self.tools?.get()).ok()?;
                tools
                    .into_iter()
                    .find_map(|tool| tool.function)
                    .map(|function| function.name)
            }
            Choice::Mode(_) => None,
            Choice::Named(tool) => tool.function.map(|function| function.name),
        }
    }

    /// How many inputs an embedding request has: a text or a list of numbers is one.
    pub(super) fn inputs(&self) -> Option<usize> {
        let count = match serde_json::from_str(self.input?.get()).ok()? {
            Input::Text(text) if text.is_empty() => 0,
            Input::Text(_) => 1,
            Input::Tokens(tokens) => usize::from(!tokens.is_empty()),
            Input::Many(inputs) => inputs.len(),
        };
        (count > 0).then_some(count)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Choice {
    Mode(String),
    Named(Tool),
}

#[derive(Deserialize)]
struct Tool {
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Tokens(Vec<u32>),
    Many(Vec<IgnoredAny>),
}

/// The conversation: how long it is, and what the user said last.
#[derive(Debug, Default)]
pub(super) struct Messages<'a> {
    pub(super) count: usize,
    last_of_user: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Messages<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(MessagesVisitor)
    }
}

struct MessagesVisitor;

impl<'de> Visitor<'de> for MessagesVisitor {
    type Value = Messages<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut messages = Messages::default();
        while let Some(message) = seq.next_element::<Message<'de>>()? {
            messages.count += 1;
            if message.role == "user" {
                messages.last_of_user = message.content;
            }
        }
        Ok(messages)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Parts(#[serde(borrow)] Vec<Part<'a>>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Part<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Object {
        #[serde(borrow, default)]
        text: Option<Cow<'a, str>>,
    },
    Other(IgnoredAny),
}

/// The text of a content that is a string, a list of strings or a list of parts.
fn text_of(content: &RawValue) -> String {
    match serde_json::from_str(content.get()) {
        Ok(Said::Text(text)) => text.into_owned(),
        Ok(Said::Parts(parts)) => {
            let text = parts.into_iter().find_map(|part| match part {
                Part::Text(text) => Some(text),
                Part::Object { text } => text,
                Part::Other(_) => None,
            });
            text.unwrap_or_default().into_owned()
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &str) -> Ask<'_> {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn the_last_words_of_the_user_are_echoed_within_a_bound() {
        let long = "é".repeat(5000);
        let table = [
            (r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b\n\u00e9"},{"role":"assistant","content":"c"}]}"#.to_owned(), "b\né".to_owned()),
            (r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"look"}]}]}"#.to_owned(), "look".to_owned()),
            (r#"{"messages":[{"role":"user","content":["bare"]}]}"#.to_owned(), "bare".to_owned()),
            (r#"{"messages":[{"role":"user","content":null}]}"#.to_owned(), String::new()),
            (r#"{"messages":[{"role":"user","content":17}]}"#.to_owned(), String::new()),
            (r#"{"prompt":["first","second"]}"#.to_owned(), "first".to_owned()),
            (format!(r#"{{"messages":[{{"role":"user","content":"{long}"}}]}}"#), "é".repeat(ECHO_LIMIT)),
        ];

        for (body, expected) in table {
            assert_eq!(ask(&body).echo(), expected, "{body}");
        }
    }

    #[test]
    fn a_function_is_called_only_when_it_must_be() {
        let tools = r#""tools":[{"type":"custom","custom":{"name":"c"}},{"type":"function","function":{"name":"look"}}]"#;
        let table = [
            (format!(r#"{{{tools},"tool_choice":"required"}}"#), Some("look")),
            (
                format!(r#"{{{tools},"tool_choice":{{"type":"function","function":{{"name":"it"}}}}}}"#),
                Some("it"),
            ),
            (format!(r#"{{{tools},"tool_choice":"auto"}}"#), None),
            (format!("{{{tools}}}"), None),
            (r#"{"tool_choice":"required"}"#.to_owned(), None),
        ];

        for (body, expected) in table {
            assert_eq!(ask(&body).forced_tool().as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn inputs_are_counted_in_all_four_forms() {
        let table = [
            (r#""text""#, Some(1)),
            (r#"["a","b"]"#, Some(2)),
            ("[1,2,3]", Some(1)),
            ("[[1],[2,3]]", Some(2)),
            (r#""""#, None),
            ("[]", None),
            ("7", None),
        ];

        for (input, expected) in table {
            assert_eq!(
                ask(&format!(r#"{{"input":{input}}}"#)).inputs(),
                expected,
                "{input}"
            );
        }
    }

    #[test]
    fn deep_nesting_is_skipped_over() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let body =
            format!(r#"{{"model":"m","metadata":{deep},"messages":[{{"role":"user","content":{deep}}}]}}"#);

        assert_eq!(ask(&body).echo(), "");
    }
}
