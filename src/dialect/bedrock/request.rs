//! Writes a request.
//!
//! Invariant: what changes the answer and has no place here is refused by name; what can be left out is left out by
//! name. Texts, schemas and numbers are lent from the caller's body and written as they stood there.

mod call_id;
mod media;
mod messages;
mod notes;
mod sampling;
mod thinking;
mod tools;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialect::claude::JSON_ONLY;
use crate::dialect::facts::{Facts, Thinking};
use crate::dialect::hub::{Chat, Format, Number, Text, Unsupported};
use crate::dialect::language::{Recipient, Request};
use messages::{Block, Conversation, Message};
use notes::{Metadata, ServiceTier};
use sampling::{InferenceConfig, Sampling};
use thinking::Additional;
use tools::ToolConfig;

/// The request for `chat`.
pub(super) fn write<'a>(chat: &'a Chat<'a>, to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
    chat.refuse_binding()?;
    if chat.n.is_some_and(|answers| answers > 1) {
        return Err(Unsupported("n"));
    }
    if chat.logprobs || chat.top_logprobs.is_some() {
        return Err(Unsupported("logprobs"));
    }
    let mut left = LeftOut::of(chat, to.facts);
    let conversation = Conversation::read(chat)?;
    if conversation.ends_with_own_words && to.facts.refuses_prefill {
        return Err(Unsupported("assistant_prefill"));
    }
    let tool_config = tools::config(chat, &mut left)?;
    let occasion = thinking::Occasion {
        is_claude: is_claude(to),
        must_call: tool_config.as_ref().is_some_and(ToolConfig::must_call),
        is_own_turn_open: conversation.is_own_turn_open,
    };
    let thought = thinking::of(chat, occasion, &mut left);
    let sampling = Sampling::of(chat, occasion, &thought, &mut left);
    let text_format = text_format(chat, to.facts)?;
    let output_config = OutputConfig {
        text_format,
        effort: thought.effort,
    };
    let body = Converse {
        system: system(chat, &mut left),
        messages: conversation.messages,
        inference_config: InferenceConfig::of(chat, occasion, &thought, &sampling, &mut left),
        tool_config,
        output_config: Some(output_config).filter(|config| !config.is_empty()),
        additional_model_request_fields: Additional::of(thought.thinking, sampling.top_k),
        request_metadata: notes::metadata(chat, &mut left),
        service_tier: notes::tier(chat, &mut left),
    };
    Ok(Request::new(body, left.dropped))
}

/// Is it one of Anthropic's models, which take fields that the others refuse?
///
/// A name that hides the model, as the address of a profile does, may be told by facts of the configuration.
fn is_claude(to: Recipient<'_>) -> bool {
    let model = to.model.to_ascii_lowercase();
    let thinks_as_claude = matches!(
        to.facts.thinking,
        Thinking::Budget | Thinking::Adaptive | Thinking::AdaptiveByDefault | Thinking::Always
    );
    model.contains("anthropic") || model.contains("claude") || thinks_as_claude
}

/// The fields that are left out, for which no request fails.
struct LeftOut<'a> {
    facts: &'a Facts,
    dropped: Vec<String>,
}

impl<'a> LeftOut<'a> {
    /// What has no place here, whoever the model is.
    fn of(chat: &Chat<'_>, facts: &'a Facts) -> LeftOut<'a> {
        let mut left = LeftOut {
            facts,
            dropped: chat.others.iter().map(|name| name.clone().into_owned()).collect(),
        };
        let says = |penalty: Option<Number<'_>>| penalty.is_some_and(|penalty| penalty.value() != 0.0);
        let homeless = [
            ("presence_penalty", says(chat.presence_penalty)),
            ("frequency_penalty", says(chat.frequency_penalty)),
            ("seed", chat.seed.is_some()),
            // Nobody has confirmed a field that does it.
            ("parallel_tool_calls", chat.parallel_tool_calls == Some(false)),
        ];
        for (field, is_there) in homeless {
            if is_there {
                left.note(field);
            }
        }
        left
    }

    /// Tells that a field is left out.
    fn note(&mut self, field: &str) {
        self.dropped.push(field.to_owned());
    }

    /// The value of a field, unless the model refuses it.
    fn keep<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_some() && self.facts.refuse(field) {
            self.note(field);
            return None;
        }
        value
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Converse<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_config: Option<InferenceConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_model_request_fields: Option<Additional<'a>>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    request_metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<ServiceTier>,
}

/// All instructions, wherever they stood, and what stands for the mode that is lacking here.
fn system<'a>(chat: &'a Chat<'a>, left: &mut LeftOut<'_>) -> Vec<Block<'a>> {
    let is_any_json = matches!(
        chat.format,
        Format::JsonObject | Format::JsonSchema { schema: None, .. }
    );
    if is_any_json {
        // Models do as they are told here nearly always; but nothing holds them to it.
        left.note("response_format");
    }
    let last = is_any_json.then(|| Block::own(JSON_ONLY));
    chat.instructions().filter_map(Block::text).chain(last).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text_format: Option<TextFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
}

impl OutputConfig<'_> {
    fn is_empty(&self) -> bool {
        self.text_format.is_none() && self.effort.is_none()
    }
}

#[derive(Serialize)]
struct TextFormat<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    structure: Structure<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Structure<'a> {
    JsonSchema {
        /// JSON, as a text.
        schema: &'a str,
        name: &'a Text<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a Text<'a>>,
    },
}

fn text_format<'a>(chat: &'a Chat<'a>, facts: &Facts) -> Result<Option<TextFormat<'a>>, Unsupported> {
    let Format::JsonSchema {
        name,
        description,
        schema: Some(schema),
        ..
    } = &chat.format
    else {
        return Ok(None);
    };
    if facts.refuses_json_schema {
        return Err(Unsupported("json_schema"));
    }
    Ok(Some(TextFormat {
        kind: "json_schema",
        structure: Structure::JsonSchema {
            schema: RawValue::get(schema),
            name,
            description: description.as_ref().filter(|text| !text.is_blank()),
        },
    }))
}
