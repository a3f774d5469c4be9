//! What a chat request says, free of the form in which it was said.
//!
//! Invariant: it holds no field that only one provider knows. What is not understood is known by its name alone, so
//! that it can be told as dropped.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::Unsupported;
use super::object::{Number, Object, Text};

/// One request for a chat completion.
#[derive(Debug, Clone, Default)]
pub(in crate::dialect) struct Chat<'a> {
    pub(in crate::dialect) messages: Vec<Message<'a>>,
    pub(in crate::dialect) tools: Vec<Tool<'a>>,
    pub(in crate::dialect) tool_choice: Option<ToolChoice<'a>>,
    pub(in crate::dialect) parallel_tool_calls: Option<bool>,
    pub(in crate::dialect) format: Format<'a>,
    /// Most tokens of the answer.
    pub(in crate::dialect) max_tokens: Option<u64>,
    pub(in crate::dialect) temperature: Option<Number<'a>>,
    pub(in crate::dialect) top_p: Option<Number<'a>>,
    /// Known to some languages, not to the hub's own.
    pub(in crate::dialect) top_k: Option<Number<'a>>,
    pub(in crate::dialect) presence_penalty: Option<Number<'a>>,
    pub(in crate::dialect) frequency_penalty: Option<Number<'a>>,
    pub(in crate::dialect) seed: Option<Number<'a>>,
    /// How many answers; `None` is one.
    pub(in crate::dialect) n: Option<u64>,
    pub(in crate::dialect) stop: Vec<Text<'a>>,
    pub(in crate::dialect) effort: Option<Effort>,
    /// Who asks, as the caller calls them: `safety_identifier`, or else `user`.
    pub(in crate::dialect) user: Option<Text<'a>>,
    pub(in crate::dialect) metadata: Option<Object<'a>>,
    pub(in crate::dialect) service_tier: Option<Cow<'a, str>>,
    /// `logprobs: true`.
    pub(in crate::dialect) logprobs: bool,
    pub(in crate::dialect) top_logprobs: Option<u64>,
    pub(in crate::dialect) stream: bool,
    /// Fields whose loss would change the answer (`logit_bias`, `audio`, `web_search_options`, ...), by name, when
    /// they ask for something.
    pub(in crate::dialect) binding: Vec<&'static str>,
    /// Every other field that is there, by name: safe to drop, and to be told.
    pub(in crate::dialect) others: Vec<Cow<'a, str>>,
}

/// One message.
#[derive(Debug, Clone)]
pub(in crate::dialect) enum Message<'a> {
    /// Instructions: of `system`, or of `developer`.
    System(Vec<Text<'a>>),
    /// What the user says.
    User(Vec<Part<'a>>),
    /// What the model said: texts (a refusal is one), then calls.
    Assistant {
        /// Texts, in order; none of them is empty.
        texts: Vec<Text<'a>>,
        /// Calls of tools, in order.
        calls: Vec<Call<'a>>,
    },
    /// The result of a call.
    Tool {
        /// The call's id.
        id: Text<'a>,
        /// What came of it.
        parts: Vec<Part<'a>>,
        /// The tool failed. The hub's own language cannot say so.
        is_error: bool,
    },
}

/// A part of a message.
#[derive(Debug, Clone)]
pub(in crate::dialect) enum Part<'a> {
    /// Text.
    Text(Text<'a>),
    /// An image.
    Image(Source<'a>),
    /// A document with its name, if it has one.
    File(Source<'a>, Option<Text<'a>>),
    /// Anything else, by its type: `input_audio`, a file known by its id only, what is yet to come.
    Other(&'static str),
}

/// Where the bytes of an image or a file are.
#[derive(Debug, Clone)]
pub(in crate::dialect) enum Source<'a> {
    /// On the web.
    Url(Cow<'a, str>),
    /// Here.
    Data {
        /// Their media type in lower case, without parameters; empty when it was not said.
        media_type: Cow<'a, str>,
        /// The bytes, as base64.
        base64: Cow<'a, str>,
    },
}

impl<'a> Source<'a> {
    /// A URL, or what a `data:` URL holds; `None` for one that is not base64.
    pub(in crate::dialect) fn from_url(url: Cow<'a, str>) -> Option<Source<'a>> {
        let is_data = url
            .get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
        if !is_data {
            return Some(Self::Url(url));
        }
        let comma = url.find(',')?;
        let (head, base64) = match url {
            Cow::Borrowed(url) => {
                let (head, data) = url.split_at_checked(comma)?;
                (Cow::Borrowed(head), Cow::Borrowed(data.get(1..)?))
            }
            Cow::Owned(url) => {
                let (head, data) = url.split_at_checked(comma)?;
                (Cow::Owned(head.to_owned()), Cow::Owned(data.get(1..)?.to_owned()))
            }
        };
        let mut words = head.get(5..)?.split(';').map(str::trim);
        let media_type = words.next().unwrap_or_default().to_ascii_lowercase();
        let is_base64 = words.any(|word| word.eq_ignore_ascii_case("base64"));
        is_base64.then_some(Self::Data {
            media_type: Cow::Owned(media_type),
            base64,
        })
    }
}

/// A call of a tool, as the model made it.
#[derive(Debug, Clone)]
pub(in crate::dialect) struct Call<'a> {
    pub(in crate::dialect) id: Text<'a>,
    pub(in crate::dialect) name: Text<'a>,
    pub(in crate::dialect) arguments: Arguments<'a>,
    /// What its maker wants back with it, unchanged: `extra_content.google.thought_signature`.
    pub(in crate::dialect) signature: Option<Text<'a>>,
}

/// The arguments of a call.
#[derive(Debug, Clone)]
pub(in crate::dialect) enum Arguments<'a> {
    /// A text that should hold JSON; the model wrote it, so it may not.
    Text(Text<'a>),
    /// JSON.
    Json(&'a RawValue),
}

impl<'a> Arguments<'a> {
    /// As the JSON object that other languages want; nothing at all is an empty one.
    pub(in crate::dialect) fn object(&self) -> Result<Cow<'a, RawValue>, Unsupported> {
        const BAD: Unsupported = Unsupported("tool_arguments");
        match self {
            Self::Json(raw) if raw.get().starts_with('{') => Ok(Cow::Borrowed(*raw)),
            Self::Json(_) => Err(BAD),
            Self::Text(text) => {
                let decoded = text.decoded();
                let json = if decoded.trim().is_empty() {
                    "{}"
                } else {
                    decoded.trim()
                };
                let raw = RawValue::from_string(json.to_owned()).map_err(|_| BAD)?;
                if raw.get().starts_with('{') {
                    Ok(Cow::Owned(raw))
                } else {
                    Err(BAD)
                }
            }
        }
    }
}

/// A function that the model may call. (A free-form tool is a binding field, `custom_tools`.)
#[derive(Debug, Clone)]
pub(in crate::dialect) struct Tool<'a> {
    pub(in crate::dialect) name: Text<'a>,
    pub(in crate::dialect) description: Option<Text<'a>>,
    /// A JSON Schema; `None` takes no arguments.
    pub(in crate::dialect) parameters: Option<&'a RawValue>,
    pub(in crate::dialect) strict: Option<bool>,
}

/// Which tools the model may or must call.
#[derive(Debug, Clone)]
pub(in crate::dialect) enum ToolChoice<'a> {
    /// None.
    None,
    /// As it likes.
    Auto,
    /// At least one, whichever.
    Required,
    /// This one.
    Named(Text<'a>),
    /// Of these only.
    Allowed {
        /// At least one of them.
        required: bool,
        /// Their names.
        names: Vec<Text<'a>>,
    },
}

/// The tools that are offered after an `allowed_tools` choice is carried out on them.
#[derive(Debug, Clone)]
pub(in crate::dialect) struct Offer<'t, 'a> {
    pub(in crate::dialect) tools: Vec<&'t Tool<'a>>,
    /// Never [`ToolChoice::Allowed`]; `None` is not said.
    pub(in crate::dialect) choice: Option<ToolChoice<'a>>,
}

impl<'a> Chat<'a> {
    /// The tools on offer and the choice among them, for languages that cannot say `allowed_tools`.
    ///
    /// A call that must be made where no tool is left to call is refused, so that it is not weakened by anyone.
    pub(in crate::dialect) fn offer(&self) -> Result<Offer<'_, 'a>, Unsupported> {
        let offer = self.allowed();
        let must_call = matches!(offer.choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
        if must_call && offer.tools.is_empty() {
            return Err(Unsupported("tool_choice"));
        }
        Ok(offer)
    }

    fn allowed(&self) -> Offer<'_, 'a> {
        let Some(ToolChoice::Allowed { required, names }) = &self.tool_choice else {
            return Offer {
                tools: self.tools.iter().collect(),
                choice: self.tool_choice.clone(),
            };
        };
        let names: HashSet<_> = names.iter().map(Text::decoded).collect();
        let is_allowed = |tool: &&Tool<'a>| names.contains(&tool.name.decoded());
        Offer {
            tools: self.tools.iter().filter(is_allowed).collect(),
            choice: Some(if *required {
                ToolChoice::Required
            } else {
                ToolChoice::Auto
            }),
        }
    }

    /// All instructions, in order.
    pub(in crate::dialect) fn instructions(&self) -> impl Iterator<Item = &Text<'a>> {
        self.messages.iter().flat_map(|message| match message {
            Message::System(texts) => texts.as_slice(),
            _ => &[],
        })
    }

    /// Has the conversation calls of tools, or results of them?
    pub(in crate::dialect) fn has_tool_history(&self) -> bool {
        self.messages.iter().any(|message| match message {
            Message::Assistant { calls, .. } => !calls.is_empty(),
            Message::Tool { .. } => true,
            Message::System(_) | Message::User(_) => false,
        })
    }
}

/// The form that the answer must have.
#[derive(Debug, Clone, Default)]
pub(in crate::dialect) enum Format<'a> {
    /// Any.
    #[default]
    Text,
    /// JSON, whatever it says.
    JsonObject,
    /// JSON by a schema.
    JsonSchema {
        /// The schema's name.
        name: Text<'a>,
        /// What it is for.
        description: Option<Text<'a>>,
        /// The schema; `None` allows any JSON.
        schema: Option<&'a RawValue>,
        /// Whether it binds.
        strict: Option<bool>,
    },
}

/// How hard the model is to think, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::dialect) enum Effort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// Very much.
    XHigh,
    /// As much as it can.
    Max,
}

impl Effort {
    /// Every effort.
    pub(in crate::dialect) const ALL: [Self; 7] = [
        Self::None,
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::XHigh,
        Self::Max,
    ];

    /// The word of the hub.
    pub(in crate::dialect) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The effort of that word.
    pub(in crate::dialect) fn from_word(word: &str) -> Option<Effort> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == word)
    }
}
