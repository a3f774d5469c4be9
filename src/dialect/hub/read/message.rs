//! Messages in the hub's own form.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::malformed;
use crate::dialect::hub::Malformed;
use crate::dialect::hub::chat::{Arguments, Call, Chat, Message, Part, Source};
use crate::dialect::hub::object::{Object, Text};

/// The id of a call of the retired kind, which has none: its name stands for it.
const RETIRED: &str = "function_";

impl Chat<'_> {
    /// Notes something whose loss would change the answer, once.
    pub(in crate::dialect) fn bind(&mut self, name: &'static str) {
        if !self.binding.contains(&name) {
            self.binding.push(name);
        }
    }
}

/// Reads `messages` into `chat`.
pub(super) fn read<'a>(object: &Object<'a>, chat: &mut Chat<'a>) -> Result<(), Malformed> {
    let list = object
        .list("messages")
        .ok_or_else(|| malformed("messages", "is not a list"))?;
    if list.is_empty() {
        return Err(malformed("messages", "is empty"));
    }
    chat.messages.reserve(list.len());
    for (index, raw) in list.into_iter().enumerate() {
        let at = At(index);
        let message = Object::read(raw).ok_or_else(|| malformed(at.here(), "is not an object"))?;
        let message = at.message(&message, chat)?;
        chat.messages.push(message);
    }
    Ok(())
}

/// Where a message stands.
#[derive(Clone, Copy)]
struct At(usize);

impl At {
    fn here(self) -> String {
        format!("messages[{}]", self.0)
    }

    fn of(self, field: &str, why: &'static str) -> Malformed {
        malformed(format!("messages[{}].{field}", self.0), why)
    }

    fn message<'a>(self, object: &Object<'a>, chat: &mut Chat<'a>) -> Result<Message<'a>, Malformed> {
        let role = object.word("role").ok_or_else(|| self.of("role", "is missing"))?;
        match role.as_ref() {
            "system" | "developer" => Ok(Message::System(self.texts(object)?)),
            "user" => Ok(Message::User(self.parts(object, chat)?)),
            "assistant" => {
                let mut texts = self.texts(object)?;
                texts.extend(object.text("refusal").filter(|text| !text.is_empty()));
                if object.get("audio").is_some() {
                    chat.bind("audio");
                }
                Ok(Message::Assistant {
                    texts,
                    calls: self.calls(object, chat)?,
                })
            }
            "tool" => Ok(Message::Tool {
                id: object
                    .text("tool_call_id")
                    .ok_or_else(|| self.of("tool_call_id", "is missing"))?,
                parts: self.parts(object, chat)?,
                is_error: false,
            }),
            "function" => {
                let name = object.word("name").ok_or_else(|| self.of("name", "is missing"))?;
                Ok(Message::Tool {
                    id: Text::Own(Cow::Owned(format!("{RETIRED}{name}"))),
                    parts: self.parts(object, chat)?,
                    is_error: false,
                })
            }
            _ => Err(self.of(
                "role",
                "is not one of `system`, `developer`, `user`, `assistant`, `tool`",
            )),
        }
    }

    /// The parts of a message's content.
    fn parts<'a>(self, object: &Object<'a>, chat: &mut Chat<'a>) -> Result<Vec<Part<'a>>, Malformed> {
        let wrong = || self.of("content", "is not a string or a list of parts");
        let Some(raw) = object.get("content") else {
            return Ok(Vec::new());
        };
        if let Some(text) = Text::read(raw) {
            return Ok(vec![Part::Text(text)]);
        }
        let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
        let mut parts = Vec::with_capacity(list.len());
        for raw in list {
            let part = match Text::read(raw) {
                Some(text) => Part::Text(text),
                None => self.part(&Object::read(raw).ok_or_else(wrong)?)?,
            };
            if let Part::Other(name) = part {
                chat.bind(name);
            }
            parts.push(part);
        }
        Ok(parts)
    }

    fn part<'a>(self, object: &Object<'a>) -> Result<Part<'a>, Malformed> {
        let kind = object.word("type").unwrap_or_default();
        match kind.as_ref() {
            "text" | "refusal" => {
                let text = object.text(&kind);
                text.map(Part::Text)
                    .ok_or_else(|| self.of("content", "has a part of text without its text"))
            }
            "image_url" => {
                let url = object
                    .word("image_url")
                    .or_else(|| object.object("image_url")?.word("url"));
                let url = url.ok_or_else(|| self.of("content", "has an `image_url` without a `url`"))?;
                let source = Source::from_url(url);
                let source = source.ok_or_else(|| self.of("content", "has a data URL that is not base64"))?;
                Ok(Part::Image(source))
            }
            "file" => Ok(file(object)),
            "input_audio" => Ok(Part::Other("audio")),
            _ => Ok(Part::Other("content_part")),
        }
    }

    /// Texts of a message that can have no other parts.
    fn texts<'a>(self, object: &Object<'a>) -> Result<Vec<Text<'a>>, Malformed> {
        let mut unread = Chat::default();
        let texts = self
            .parts(object, &mut unread)?
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => Ok(text),
                _ => Err(self.of("content", "has a part that is not text")),
            });
        texts
            .filter(|text| !matches!(text, Ok(text) if text.is_empty()))
            .collect()
    }

    /// The calls of an assistant's message.
    fn calls<'a>(self, object: &Object<'a>, chat: &mut Chat<'a>) -> Result<Vec<Call<'a>>, Malformed> {
        let wrong = || self.of("tool_calls", "has an entry that is no call of a tool");
        let mut calls = Vec::new();
        for raw in object.list("tool_calls").unwrap_or_default() {
            let call = Object::read(raw).ok_or_else(wrong)?;
            if call.get("custom").is_some() {
                chat.bind("custom_tools");
                continue;
            }
            let function = call.object("function").ok_or_else(wrong)?;
            let mut read = retired(&function).ok_or_else(wrong)?;
            read.id = call.text("id").ok_or_else(wrong)?;
            read.signature = call
                .object("extra_content")
                .and_then(|extra| extra.object("google")?.text("thought_signature"));
            calls.push(read);
        }
        if let Some(function) = object.object("function_call") {
            calls.push(retired(&function).ok_or_else(wrong)?);
        }
        Ok(calls)
    }
}

/// A call without an id.
fn retired<'a>(function: &Object<'a>) -> Option<Call<'a>> {
    let name = function.text("name")?;
    let arguments = match function.get("arguments") {
        None => Arguments::Text(Text::Own(Cow::Borrowed(""))),
        Some(raw) => Text::read(raw).map_or(Arguments::Json(raw), Arguments::Text),
    };
    Some(Call {
        id: Text::Own(Cow::Owned(format!("{RETIRED}{}", name.decoded()))),
        name,
        arguments,
        signature: None,
    })
}

fn file<'a>(part: &Object<'a>) -> Part<'a> {
    let Some(file) = part.object("file") else {
        return Part::Other("content_part");
    };
    let Some(data) = file.word("file_data") else {
        return Part::Other("file_id");
    };
    let is_url = data
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    let source = if is_url {
        Source::from_url(data)
    } else {
        Some(Source::Data {
            media_type: Cow::Borrowed(""),
            base64: data,
        })
    };
    source.map_or(Part::Other("content_part"), |source| {
        Part::File(source, file.text("filename"))
    })
}
