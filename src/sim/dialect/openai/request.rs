//! What the body of an `OpenAI` request says, read without building a tree of it.
//!
//! Invariant: only the few fields that shape an answer are decoded; the rest is skipped over, however deep it nests.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::refusal::{invalid, missing};
use super::strict;
use crate::sim::ask::{Ask, Asked, Reading, Thought, echoed};
use crate::sim::embedding::Wanted;
use crate::sim::provider::Call;
use crate::sim::refusal::Reason;
use crate::sim::route::Endpoint;

/// The most inputs of one embedding request.
const MAX_INPUTS: usize = 2048;

/// The fields of a request that shape its answer.
#[derive(Debug, Default, Deserialize)]
struct Request<'a> {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(borrow, default)]
    messages: Option<Messages<'a>>,
    #[serde(borrow, default)]
    prompt: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(default)]
    encoding_format: Option<String>,
    #[serde(default)]
    dimensions: Option<u32>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_choice: Option<&'a RawValue>,
    #[serde(default)]
    parallel_tool_calls: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

/// Reads a chat completion, a completion or an embedding request.
pub(super) fn read(call: &Call<'_>) -> Reading {
    match serde_json::from_slice::<Request<'_>>(call.body) {
        Ok(request) => {
            let named = request.model.clone();
            let model = call.target.map(str::to_owned).or(named).unwrap_or_default();
            let asked = if model.is_empty() {
                Err(missing("model"))
            } else if call.is_strict && call.endpoint == Endpoint::Chat {
                strict::check(call.body, &model).and_then(|()| request.asked(&call.endpoint))
            } else {
                request.asked(&call.endpoint)
            };
            Reading { model, asked }
        }
        Err(error) => Reading {
            model: call.target.unwrap_or_default().to_owned(),
            asked: Err(unreadable(&error)),
        },
    }
}

/// Why a body is none.
pub(super) fn unreadable(error: &serde_json::Error) -> Reason {
    Reason::said(if error.is_data() {
        format!("Invalid value in the request: {error}")
    } else {
        "We could not parse the JSON body of your request.".to_owned()
    })
}

impl Request<'_> {
    fn asked(&self, endpoint: &Endpoint<'_>) -> Result<Asked, Reason> {
        match endpoint {
            Endpoint::Embeddings => self.vectors().map(Asked::Vectors),
            Endpoint::Completions if self.prompt.is_none() => Err(missing("prompt")),
            Endpoint::Completions => Ok(Asked::Words(Ask {
                must_call: Vec::new(),
                ..self.ask()
            })),
            _ if self.messages.as_ref().is_none_or(|messages| messages.count == 0) => {
                Err(missing("messages"))
            }
            _ => Ok(Asked::Words(self.ask())),
        }
    }

    fn ask(&self) -> Ask {
        Ask {
            echo: self.echo(),
            is_stream: self.stream == Some(true),
            wants_usage: self
                .stream_options
                .as_ref()
                .is_some_and(|options| options.include_usage == Some(true)),
            token_limit: self.max_completion_tokens.or(self.max_tokens),
            must_call: self.must_call(),
            is_one_call: self.parallel_tool_calls == Some(false),
            thought: Thought::Nothing,
        }
    }

    /// A bounded bit of the last thing the user said, or of the prompt.
    fn echo(&self) -> String {
        let said = self
            .messages
            .as_ref()
            .and_then(|messages| messages.last_of_user)
            .or(self.prompt);
        said.map(text_of).map(|text| echoed(&text)).unwrap_or_default()
    }

    /// The functions of which one has to be called: the named one, or all when any is required.
    fn must_call(&self) -> Vec<String> {
        let Some(choice) = self.tool_choice else {
            return Vec::new();
        };
        match serde_json::from_str(choice.get()) {
            Ok(Choice::Mode(mode)) if mode == "required" => {
                let tools = self
                    .tools
                    .map(|tools| serde_json::from_str::<Vec<Tool>>(tools.get()));
                let tools = tools.and_then(Result::ok).unwrap_or_default();
                tools.into_iter().filter_map(Tool::name).collect()
            }
            Ok(Choice::Named(tool)) => tool.name().into_iter().collect(),
            Ok(Choice::Mode(_)) | Err(_) => Vec::new(),
        }
    }

    fn vectors(&self) -> Result<Wanted, Reason> {
        let Some(input) = self.input else {
            return Err(missing("input"));
        };
        let inputs = count_of(input)
            .filter(|count| *count <= MAX_INPUTS)
            .ok_or_else(|| invalid("input", format!("'input' must hold 1 to {MAX_INPUTS} inputs.")))?;
        let is_base64 = match self.encoding_format.as_deref() {
            None | Some("float") => false,
            Some("base64") => true,
            Some(other) => {
                let message = format!("Unknown encoding format '{other}'.");
                return Err(invalid("encoding_format", message));
            }
        };
        let dimensions = self.dimensions.unwrap_or(Wanted::DIMENSIONS);
        if !(1..=Wanted::MAX_DIMENSIONS).contains(&dimensions) {
            let message = format!("'dimensions' must be 1 to {}.", Wanted::MAX_DIMENSIONS);
            return Err(invalid("dimensions", message));
        }
        Ok(Wanted {
            inputs,
            dimensions,
            is_base64,
        })
    }
}

/// How many inputs an embedding request has: a text or a list of numbers is one.
fn count_of(input: &RawValue) -> Option<usize> {
    let count = match serde_json::from_str(input.get()).ok()? {
        Input::Text(text) if text.is_empty() => 0,
        Input::Text(_) => 1,
        Input::Tokens(tokens) => usize::from(!tokens.is_empty()),
        Input::Many(inputs) => inputs.len(),
    };
    (count > 0).then_some(count)
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

impl Tool {
    fn name(self) -> Option<String> {
        self.function.map(|function| function.name)
    }
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
struct Messages<'a> {
    count: usize,
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

    fn request(body: &str) -> Request<'_> {
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
            (format!(r#"{{"messages":[{{"role":"user","content":"{long}"}}]}}"#), "é".repeat(200)),
        ];

        for (body, expected) in table {
            assert_eq!(request(&body).echo(), expected, "{body}");
        }
    }

    #[test]
    fn a_function_is_called_only_when_it_must_be() {
        let tools = r#""tools":[{"type":"custom","custom":{"name":"c"}},{"type":"function","function":{"name":"look"}},{"type":"function","function":{"name":"peek"}}]"#;
        let table = [
            (
                format!(r#"{{{tools},"tool_choice":"required"}}"#),
                ["look", "peek"].as_slice(),
            ),
            (
                format!(r#"{{{tools},"tool_choice":{{"type":"function","function":{{"name":"it"}}}}}}"#),
                &["it"],
            ),
            (format!(r#"{{{tools},"tool_choice":"auto"}}"#), &[]),
            (format!("{{{tools}}}"), &[]),
            (r#"{"tool_choice":"required"}"#.to_owned(), &[]),
        ];

        for (body, expected) in table {
            assert_eq!(request(&body).must_call(), expected, "{body}");
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
                count_of(&RawValue::from_string(input.to_owned()).unwrap()),
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

        assert_eq!(request(&body).echo(), "");
    }
}
