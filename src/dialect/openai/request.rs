//! A chat request in OpenAI's own form, for a caller who wrote it in another.
//!
//! Invariant: what the form cannot say is refused by name, and what may be left out is left out by name; every text
//! is lent. It knows models by their facts only, and no vendor: what one of them will not take is taken out after.

mod turns;
mod written;

use serde::{Serialize, Serializer};

use crate::dialect::facts::{Facts, MaxTokensField, Thinking};
use crate::dialect::hub::{Chat, Effort, Format, Message, Number, Object, Text, ToolChoice, Unsupported};
use crate::dialect::language::{Recipient, Request};
use crate::dialect::openai::effort::nearest;
use turns::Turn;
use written::{Bound, Name, Named, StreamOptions, WrittenFormat, WrittenTool};

/// Most strings that may stop an answer.
const MOST_STOPS: usize = 4;

/// Most characters of a `user`.
const LONGEST_USER: usize = 64;

/// The request in OpenAI's form.
pub(super) fn request<'a>(chat: &'a Chat<'a>, to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
    chat.refuse_binding()?;
    refuse_prefill(chat)?;
    let mut body = Draft::new(chat, to.facts);
    body.put("model", Some(Value::Word(to.model)));
    body.put("messages", Some(Value::Turns(turns::turns(&chat.messages)?)));
    body.offer(chat)?;
    body.put("response_format", format(&chat.format, to.facts)?);
    body.sampling(chat)?;
    body.rest(chat);
    if chat.stream {
        body.put("stream", Some(Value::Flag(true)));
        // Nobody asked for it, so nothing is lost where it cannot be had.
        if !to.facts.lacks.stream_usage && !to.facts.refuse("stream_options") {
            let options = StreamOptions { include_usage: true };
            body.put("stream_options", Some(Value::StreamOptions(options)));
        }
    }
    Ok(Request::new(Body(body.fields), body.dropped))
}

/// An answer that is begun for the model would be begun anew, and the caller could not put the two together.
fn refuse_prefill(chat: &Chat<'_>) -> Result<(), Unsupported> {
    match chat.messages.last() {
        Some(Message::Assistant { texts, calls }) if calls.is_empty() && !texts.is_empty() => {
            Err(Unsupported("assistant_prefill"))
        }
        _ => Ok(()),
    }
}

/// A body that is being written.
struct Draft<'a> {
    facts: &'a Facts,
    fields: Vec<(&'static str, Value<'a>)>,
    dropped: Vec<String>,
}

impl<'a> Draft<'a> {
    fn new(chat: &Chat<'_>, facts: &'a Facts) -> Self {
        Self {
            facts,
            fields: Vec::with_capacity(16),
            dropped: chat.others.iter().map(|name| name.clone().into_owned()).collect(),
        }
    }

    /// Writes a field that has a value.
    fn put(&mut self, name: &'static str, value: Option<Value<'a>>) {
        self.fields.extend(value.map(|value| (name, value)));
    }

    /// Writes a field unless the model will not take it.
    fn keep(&mut self, name: &'static str, value: Option<Value<'a>>) {
        if value.is_some() && self.facts.refuse(name) {
            self.drop(name);
        } else {
            self.put(name, value);
        }
    }

    fn drop(&mut self, name: &str) {
        self.dropped.push(name.to_owned());
    }

    /// The tools and the choice among them.
    fn offer(&mut self, chat: &'a Chat<'a>) -> Result<(), Unsupported> {
        let offer = chat.offer()?;
        if offer.tools.is_empty() {
            return Ok(());
        }
        let may_bind = !self.facts.refuses_json_schema;
        if !may_bind && offer.tools.iter().any(|tool| tool.strict == Some(true)) {
            self.drop("tools.strict");
        }
        let tools = offer
            .tools
            .into_iter()
            .map(|tool| WrittenTool::of(tool, may_bind));
        self.put("tools", Some(Value::Tools(tools.collect())));
        let choice = match offer.choice {
            None | Some(ToolChoice::Allowed { .. }) => None,
            Some(ToolChoice::None) => Some(Value::Word("none")),
            Some(ToolChoice::Auto) => Some(Value::Word("auto")),
            Some(_) if self.facts.refuses_forced_tools => return Err(Unsupported("tool_choice")),
            Some(ToolChoice::Required) => Some(Value::Word("required")),
            Some(ToolChoice::Named(name)) => Some(Value::Named(Named {
                kind: "function",
                function: Name { name },
            })),
        };
        self.put("tool_choice", choice);
        self.keep("parallel_tool_calls", chat.parallel_tool_calls.map(Value::Flag));
        Ok(())
    }

    /// What shapes the answer.
    fn sampling(&mut self, chat: &'a Chat<'a>) -> Result<(), Unsupported> {
        let most = match self.facts.max_tokens_field {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::AsSent | MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        };
        self.put(most, chat.max_tokens.map(Value::Count));
        self.keep("temperature", chat.temperature.map(Value::Number));
        self.keep("top_p", chat.top_p.map(Value::Number));
        if chat.top_k.is_some() {
            self.drop("top_k");
        }
        self.keep("presence_penalty", chat.presence_penalty.map(Value::Number));
        self.keep("frequency_penalty", chat.frequency_penalty.map(Value::Number));
        self.keep("seed", chat.seed.map(Value::Number));
        self.keep("n", chat.n.map(Value::Count));
        let stop: Vec<_> = chat.stop.iter().filter(|text| !text.is_empty()).collect();
        if stop.len() > MOST_STOPS {
            return Err(Unsupported("stop"));
        }
        self.keep("stop", (!stop.is_empty()).then_some(Value::Texts(stop)));
        self.effort(chat);
        Ok(())
    }

    /// How hard to think.
    fn effort(&mut self, chat: &Chat<'_>) {
        if self.facts.tools_need_no_effort && !chat.tools.is_empty() {
            if chat.effort.is_some_and(|asked| asked != Effort::None) {
                self.drop("reasoning_effort");
            }
            return self.put("reasoning_effort", Some(Value::Word(Effort::None.as_str())));
        }
        let Some(asked) = chat.effort else {
            return;
        };
        match nearest(asked, self.facts) {
            Some(effort) => self.keep("reasoning_effort", Some(Value::Word(effort.as_str()))),
            None if asked == Effort::None && self.facts.thinking == Thinking::Never => {}
            None => self.drop("reasoning_effort"),
        }
    }

    /// What is about the answer, and not in it.
    fn rest(&mut self, chat: &'a Chat<'a>) {
        match &chat.user {
            Some(user) if user.decoded().chars().count() > LONGEST_USER => self.drop("user"),
            user => self.keep("user", user.as_ref().map(Value::Text)),
        }
        self.keep(
            "metadata",
            chat.metadata.as_ref().map(|object| Value::Map(Map(object))),
        );
        self.keep("service_tier", chat.service_tier.as_deref().map(Value::Word));
        self.keep("logprobs", chat.logprobs.then_some(Value::Flag(true)));
        self.keep("top_logprobs", chat.top_logprobs.map(Value::Count));
    }
}

fn format<'a>(format: &'a Format<'a>, facts: &Facts) -> Result<Option<Value<'a>>, Unsupported> {
    let (kind, json_schema) = match format {
        Format::Text => return Ok(None),
        Format::JsonObject => ("json_object", None),
        Format::JsonSchema { .. } if facts.refuses_json_schema => return Err(Unsupported("json_schema")),
        Format::JsonSchema {
            name,
            description,
            schema,
            strict,
        } => {
            let schema = Bound {
                name,
                description: description.as_ref(),
                schema: *schema,
                strict: *strict,
            };
            ("json_schema", Some(schema))
        }
    };
    Ok(Some(Value::Format(WrittenFormat { kind, json_schema })))
}

/// A body: its fields in order.
struct Body<'a>(Vec<(&'static str, Value<'a>)>);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The value of a field.
#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Word(&'a str),
    Text(&'a Text<'a>),
    Texts(Vec<&'a Text<'a>>),
    Number(Number<'a>),
    Count(u64),
    Flag(bool),
    Map(Map<'a>),
    Turns(Vec<Turn<'a>>),
    Tools(Vec<WrittenTool<'a>>),
    Named(Named<'a>),
    Format(WrittenFormat<'a>),
    StreamOptions(StreamOptions),
}

/// An object as it was written.
struct Map<'a>(&'a Object<'a>);

impl Serialize for Map<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.members())
    }
}
