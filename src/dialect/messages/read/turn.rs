//! Messages of Anthropic's surface, block by block.
//!
//! Invariant: a text is always lent; results of calls stand before what the user says beside them, as the hub has
//! them.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::malformed;
use crate::dialect::hub::{Arguments, Call, Chat, Malformed, Message, Object, Part, Source, Text};

/// Reads `system` and `messages` into `chat`.
pub(super) fn read<'a>(object: &Object<'a>, chat: &mut Chat<'a>) -> Result<(), Malformed> {
    if let Some(raw) = object.get("system") {
        let texts = At::new("system").texts(raw)?;
        if !texts.is_empty() {
            chat.messages.push(Message::System(texts));
        }
    }
    let list = object
        .list("messages")
        .ok_or_else(|| malformed("messages", "is not a list"))?;
    if list.is_empty() {
        return Err(malformed("messages", "is empty"));
    }
    chat.messages.reserve(list.len());
    for (index, raw) in list.into_iter().enumerate() {
        let place = format!("messages[{index}]");
        let wrong = |why| Err(malformed(place.as_str(), why));
        let Some(message) = Object::read(raw) else {
            return wrong("is not an object");
        };
        let Some(content) = message.get("content") else {
            return wrong("has no `content`");
        };
        let at = At(format!("{place}.content"));
        match message.word("role").as_deref() {
            Some("user") => at.user(content, chat)?,
            Some("assistant") => at.assistant(content, chat)?,
            Some("system") => chat.messages.push(Message::System(at.texts(content)?)),
            _ => return wrong("has a `role` that is not `user`, `assistant` or `system`"),
        }
    }
    Ok(())
}

/// Where something stands.
struct At(String);

impl At {
    fn new(place: &str) -> At {
        At(place.to_owned())
    }

    fn wrong(&self, why: &'static str) -> Malformed {
        malformed(self.0.as_str(), why)
    }

    /// The blocks of a content, each with its place; a string by itself is a block of text.
    fn blocks<'a>(&self, raw: &'a RawValue) -> Result<Vec<(At, Block<'a>)>, Malformed> {
        if let Some(text) = Text::read(raw) {
            return Ok(vec![(At::new(&self.0), Block::Text(text))]);
        }
        let list: Result<Vec<&RawValue>, _> = serde_json::from_str(raw.get());
        let list = list.map_err(|_| self.wrong("is not a string or a list of blocks"))?;
        let block = |(index, raw): (usize, &'a RawValue)| {
            let at = At(format!("{}[{index}]", self.0));
            let object = Object::read(raw).ok_or_else(|| at.wrong("is not an object"))?;
            let kind = object.word("type").ok_or_else(|| at.wrong("has no `type`"))?;
            let block = if kind == "text" {
                let text = object.text("text");
                Block::Text(text.ok_or_else(|| at.wrong("has no string `text`"))?)
            } else {
                Block::Other(kind, object)
            };
            Ok((at, block))
        };
        list.into_iter().enumerate().map(block).collect()
    }

    /// Texts that are not empty, of a content that has nothing else.
    fn texts<'a>(&self, raw: &'a RawValue) -> Result<Vec<Text<'a>>, Malformed> {
        let blocks = self.blocks(raw)?.into_iter();
        let texts = blocks.map(|(at, block)| match block {
            Block::Text(text) => Ok(text),
            Block::Other(..) => Err(at.wrong("is not a block of text")),
        });
        texts
            .filter(|text| !matches!(text, Ok(text) if text.is_empty()))
            .collect()
    }

    /// What the user says, and the results of calls.
    fn user<'a>(&self, raw: &'a RawValue, chat: &mut Chat<'a>) -> Result<(), Malformed> {
        let mut parts = Vec::new();
        let mut has_results = false;
        for (at, block) in self.blocks(raw)? {
            match block {
                Block::Other(kind, object) if kind == "tool_result" => {
                    let result = at.result(&object, chat)?;
                    chat.messages.push(result);
                    has_results = true;
                }
                block => at.part(block, chat, &mut parts)?,
            }
        }
        if !parts.is_empty() || !has_results {
            chat.messages.push(Message::User(parts));
        }
        Ok(())
    }

    fn result<'a>(&self, object: &Object<'a>, chat: &mut Chat<'a>) -> Result<Message<'a>, Malformed> {
        let id = object.text("tool_use_id");
        let id = id.ok_or_else(|| self.wrong("has no `tool_use_id`"))?;
        let mut parts = Vec::new();
        if let Some(raw) = object.get("content") {
            let at = At(format!("{}.content", self.0));
            for (at, block) in at.blocks(raw)? {
                at.part(block, chat, &mut parts)?;
            }
        }
        Ok(Message::Tool {
            id,
            parts,
            is_error: object.flag("is_error").unwrap_or(false),
        })
    }

    /// A block of a user, or of a result.
    fn part<'a>(
        &self,
        block: Block<'a>,
        chat: &mut Chat<'a>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Malformed> {
        match block {
            Block::Other(kind, object) if kind == "document" => self.document(&object, chat, parts)?,
            Block::Other(kind, object) if kind == "search_result" => {
                let texts = object
                    .get("content")
                    .map(|raw| At(format!("{}.content", self.0)).texts(raw));
                let heads = [object.text("title"), object.text("source")]
                    .into_iter()
                    .flatten();
                parts.extend(
                    heads
                        .chain(texts.transpose()?.unwrap_or_default())
                        .map(Part::Text),
                );
            }
            block => self.leaf(block, chat, parts)?,
        }
        Ok(())
    }

    /// A block that has no blocks in it.
    fn leaf<'a>(
        &self,
        block: Block<'a>,
        chat: &mut Chat<'a>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Malformed> {
        let part = match block {
            Block::Text(text) if text.is_empty() => return Ok(()),
            Block::Text(text) => Part::Text(text),
            Block::Other(kind, object) if kind == "image" => {
                let source = object.object("source").as_ref().and_then(Place::of);
                match source.ok_or_else(|| self.wrong("has no `source` of an image"))? {
                    Place::Known(source) => Part::Image(source),
                    Place::Foreign => Part::Other("file_id"),
                }
            }
            Block::Other(kind, _) if kind == "container_upload" => Part::Other("container"),
            Block::Other(..) => Part::Other("content_part"),
        };
        if let Part::Other(name) = part {
            chat.bind(name);
        }
        parts.push(part);
        Ok(())
    }

    fn document<'a>(
        &self,
        object: &Object<'a>,
        chat: &mut Chat<'a>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Malformed> {
        let wrong = || self.wrong("has no `source` of a document");
        let source = object.object("source").ok_or_else(wrong)?;
        let title = object.text("title").filter(|text| !text.is_empty());
        parts.extend(
            object
                .text("context")
                .filter(|text| !text.is_empty())
                .map(Part::Text),
        );
        match source.word("type").as_deref() {
            Some("text") => {
                let data = source.text("data").ok_or_else(wrong)?;
                parts.extend(title.into_iter().chain([data]).map(Part::Text));
            }
            Some("content") => {
                parts.extend(title.map(Part::Text));
                let raw = source.get("content").ok_or_else(wrong)?;
                let at = At(format!("{}.source.content", self.0));
                for (at, block) in at.blocks(raw)? {
                    at.leaf(block, chat, parts)?;
                }
            }
            _ => match Place::of(&source).ok_or_else(wrong)? {
                Place::Known(source) => parts.push(Part::File(source, title)),
                Place::Foreign => {
                    chat.bind("file_id");
                    parts.push(Part::Other("file_id"));
                }
            },
        }
        Ok(())
    }

    /// What the model said. What it thought is left out; what Anthropic did for it cannot be told to another.
    fn assistant<'a>(&self, raw: &'a RawValue, chat: &mut Chat<'a>) -> Result<(), Malformed> {
        let (mut texts, mut calls) = (Vec::new(), Vec::new());
        for (at, block) in self.blocks(raw)? {
            let (kind, object) = match block {
                Block::Text(text) => {
                    texts.extend(Some(text).filter(|text| !text.is_empty()));
                    continue;
                }
                Block::Other(kind, object) => (kind, object),
            };
            match kind.as_ref() {
                "tool_use" => calls.push(at.call(&object)?),
                "thinking" | "redacted_thinking" => {}
                // What came before, in fewer words.
                "compaction" => texts.extend(object.text("content").filter(|text| !text.is_empty())),
                "server_tool_use" | "mcp_tool_use" => chat.bind("server_tools"),
                kind if kind.ends_with("_tool_result") => chat.bind("server_tools"),
                _ => chat.bind("content_part"),
            }
        }
        chat.messages.push(Message::Assistant { texts, calls });
        Ok(())
    }

    fn call<'a>(&self, object: &Object<'a>) -> Result<Call<'a>, Malformed> {
        let wrong = || self.wrong("has no `id` or no `name`");
        let arguments = object.get("input").map(Arguments::Json);
        Ok(Call {
            id: object.text("id").ok_or_else(wrong)?,
            name: object.text("name").ok_or_else(wrong)?,
            arguments: arguments.unwrap_or(Arguments::Text(Text::Own(Cow::Borrowed("")))),
            signature: None,
        })
    }
}

/// A block of a content.
enum Block<'a> {
    Text(Text<'a>),
    /// Of this type.
    Other(Cow<'a, str>, Object<'a>),
}

/// Where the bytes of a block are.
enum Place<'a> {
    Known(Source<'a>),
    /// At Anthropic, by an id.
    Foreign,
}

impl<'a> Place<'a> {
    fn of(source: &Object<'a>) -> Option<Place<'a>> {
        match source.word("type")?.as_ref() {
            "base64" => Some(Self::Known(Source::Data {
                media_type: lower(source.word("media_type").unwrap_or_default()),
                base64: source.word("data")?,
            })),
            "url" => Some(Self::Known(Source::Url(source.word("url")?))),
            "file" => Some(Self::Foreign),
            _ => None,
        }
    }
}

fn lower(word: Cow<'_, str>) -> Cow<'_, str> {
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(word.to_ascii_lowercase())
    } else {
        word
    }
}
