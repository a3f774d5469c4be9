//! Reads from a request body what planning needs, in one pass and without building a tree.
//!
//! The whole document is checked to be JSON, so that what is planned is what a provider will read; everything that
//! is not looked for is walked over. Nesting is bounded, so no body can exhaust the stack. It knows nothing of the
//! models that are configured, and judges no field but `model` and `stream`: the rest is the provider's to refuse.

mod invalid;
#[cfg(test)]
mod tests;
mod walk;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub use invalid::InvalidBody;
pub(super) use walk::key;

use crate::plan::Features;
use walk::{Findings, Role, Walk};

/// What a body says, as far as planning asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned<'a> {
    /// The model it names; borrowed unless it was written with escapes.
    pub model: Cow<'a, str>,
    /// Where the model's string literal stands in the body, quotes included.
    pub model_span: Range<usize>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Whether the caller wants a stream to end with its usage, when that was said.
    pub stream_options_include_usage: Option<bool>,
    /// Most tokens of one answer: `max_completion_tokens`, else `max_tokens`.
    pub max_tokens: Option<u64>,
    /// How many answers are wanted.
    pub n: Option<u64>,
    /// It continues something that only one account knows: an earlier response, a conversation.
    pub is_pinned: bool,
    /// What a target must be able to do.
    pub features: Features,
    /// A lower bound of the prompt's tokens, see [`scan`].
    pub input_tokens: u64,
}

/// Scans a request body.
///
/// The prompt's tokens are estimated at one per six bytes of text: what messages say, the arguments of tool calls and
/// the descriptions of tools. Ordinary text of any language, and code, hold more tokens than that, so the estimate
/// stays below the provider's count. Base64 data is not text and is not counted. Of a batch (several prompts, or
/// several inputs to embed) the largest item counts, since each has to fit by itself; token arrays count as they are.
pub fn scan(body: &[u8]) -> Result<Scanned<'_>, InvalidBody> {
    let text = std::str::from_utf8(body).map_err(|error| InvalidBody::InvalidUtf8 {
        at: error.valid_up_to(),
    })?;
    if text.trim_ascii().is_empty() {
        return Err(InvalidBody::Empty);
    }
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| InvalidBody::from_json(&error))?;
    fields.judge(text)
}

/// The body with `new_model` in the place of the literal at `span`; the same body when it says so already.
///
/// `span` is the one that [`scan`] found in this very body.
pub fn replace_model(body: &Bytes, span: &Range<usize>, new_model: &str) -> Bytes {
    let literal = serde_json::Value::from(new_model).to_string();
    if body[span.clone()] == *literal.as_bytes() {
        return body.clone();
    }
    Bytes::from([&body[..span.start], literal.as_bytes(), &body[span.end..]].concat())
}

/// A JSON number as a count; `None` for anything that is not one.
pub(super) fn count(literal: &str) -> Option<u64> {
    literal.parse().ok().or_else(|| {
        let number: f64 = literal.parse().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked on the same line"
        )]
        (0.0..9e15).contains(&number).then_some(number as u64)
    })
}

/// The fields as they were found, not judged yet.
#[derive(Default)]
struct Fields<'a> {
    model: Option<&'a RawValue>,
    has_two_models: bool,
    stream: Option<&'a RawValue>,
    max_tokens: Option<&'a RawValue>,
    max_completion_tokens: Option<&'a RawValue>,
    n: Option<&'a RawValue>,
    is_pinned: bool,
    stream_options: Findings,
    response_format: Findings,
    system: Findings,
    messages: Findings,
    tools: Findings,
    functions: Findings,
    batch: Findings,
}

impl<'a> Fields<'a> {
    fn judge(self, text: &'a str) -> Result<Scanned<'a>, InvalidBody> {
        if self.has_two_models {
            return Err(InvalidBody::DuplicateModel);
        }
        let literal = self.model.ok_or(InvalidBody::MissingModel)?.get();
        let model = string(literal).ok_or(InvalidBody::ModelNotString)?;
        if model.trim().is_empty() {
            return Err(InvalidBody::EmptyModel);
        }
        // The literal is a slice of the text, so the difference of their addresses is its place.
        let start = literal.as_ptr().addr() - text.as_ptr().addr();
        let stream = match self.stream.map(RawValue::get) {
            Some("true") => true,
            None | Some("false" | "null") => false,
            Some(_) => return Err(InvalidBody::StreamNotBool),
        };
        let number = |raw: Option<&RawValue>| raw.and_then(|raw| count(raw.get()));
        Ok(Scanned {
            model,
            model_span: start..start + literal.len(),
            stream,
            stream_options_include_usage: self.stream_options.include_usage,
            max_tokens: number(self.max_completion_tokens).or_else(|| number(self.max_tokens)),
            n: number(self.n),
            is_pinned: self.is_pinned,
            features: Features {
                tools: self.tools.elements > 0 || self.functions.elements > 0,
                vision: self.messages.has_image || self.batch.has_image,
                streaming: stream,
                json_schema: self.response_format.has_schema,
                many: number(self.n).is_some_and(|n| n > 1),
            },
            input_tokens: [
                &self.system,
                &self.messages,
                &self.tools,
                &self.functions,
                &self.batch,
            ]
            .map(Findings::tokens)
            .iter()
            .sum(),
        })
    }

    /// Reads one field; the last of several of the same name counts, as it does for most readers of JSON.
    fn read<A: MapAccess<'a>>(&mut self, name: Name, map: &mut A) -> Result<(), A::Error> {
        let mut unwanted = Findings::default();
        let (role, findings) = match name {
            Name::Model => {
                self.has_two_models |= self.model.is_some();
                return map.next_value().map(|raw| self.model = Some(raw));
            }
            Name::Stream => return map.next_value().map(|raw| self.stream = Some(raw)),
            Name::MaxTokens => return map.next_value().map(|raw| self.max_tokens = Some(raw)),
            Name::MaxCompletionTokens => {
                return map.next_value().map(|raw| self.max_completion_tokens = Some(raw));
            }
            Name::N => return map.next_value().map(|raw| self.n = Some(raw)),
            Name::StreamOptions => (Role::Plain, &mut self.stream_options),
            Name::Pin => {
                let said: &RawValue = map.next_value()?;
                self.is_pinned |= !matches!(said.get(), "null" | "false" | "\"\"");
                return Ok(());
            }
            Name::System => (Role::Text, &mut self.system),
            Name::ResponseFormat => (Role::Plain, &mut self.response_format),
            Name::Messages => (Role::Plain, &mut self.messages),
            Name::Tools => (Role::Plain, &mut self.tools),
            Name::Functions => (Role::Plain, &mut self.functions),
            Name::PromptOrInput => (Role::Batch, &mut self.batch),
            Name::Other => (Role::Plain, &mut unwanted),
        };
        *findings = Findings::default();
        map.next_value_seed(Walk { role, findings })
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Document;

        impl<'de> Visitor<'de> for Document {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some(name) = map.next_key()? {
                    fields.read(name, &mut map)?;
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_any(Document)
    }
}

/// The fields of a request that are looked at.
#[derive(Clone, Copy)]
enum Name {
    Model,
    Stream,
    StreamOptions,
    MaxTokens,
    MaxCompletionTokens,
    N,
    ResponseFormat,
    System,
    Pin,
    Messages,
    Tools,
    Functions,
    PromptOrInput,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        key(deserializer, |name| match name {
            "model" => Self::Model,
            "stream" => Self::Stream,
            "stream_options" => Self::StreamOptions,
            "max_tokens" => Self::MaxTokens,
            "max_completion_tokens" | "max_output_tokens" => Self::MaxCompletionTokens,
            "n" => Self::N,
            // Three surfaces have it under three names.
            "response_format" | "output_config" | "text" => Self::ResponseFormat,
            "system" | "instructions" => Self::System,
            "previous_response_id" | "conversation" | "background" => Self::Pin,
            "messages" => Self::Messages,
            "tools" => Self::Tools,
            "functions" => Self::Functions,
            "prompt" | "input" => Self::PromptOrInput,
            _ => Self::Other,
        })
    }
}

/// The text of a JSON string literal, without a copy when nothing in it is escaped.
fn string(literal: &str) -> Option<Cow<'_, str>> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(literal).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}
