//! A conversation in OpenAI's own form.
//!
//! Invariant: results of calls follow the calls at once and hold text only, as the form demands; images and files in
//! them follow in the next message of the user, each with the call that it came of.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::dialect::hub::{Arguments, Call, Message, Part, Source, Text, Unsupported};

/// One message.
#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WrittenCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a Text<'a>>,
}

impl<'a> Turn<'a> {
    fn of(role: &'static str, content: Content<'a>) -> Self {
        Self {
            role,
            content,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }
}

/// What a message holds.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Null,
    Text(Text<'a>),
    Pieces(Vec<Piece<'a>>),
}

/// A part of a message.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece<'a> {
    Text { text: Text<'a> },
    ImageUrl { image_url: Image<'a> },
    File { file: File<'a> },
}

impl<'a> Piece<'a> {
    fn of(part: &'a Part<'a>) -> Result<Self, Unsupported> {
        Ok(match part {
            Part::Text(text) => Self::Text { text: text.clone() },
            Part::Image(source) => Self::ImageUrl {
                image_url: Image { url: Url(source) },
            },
            Part::File(Source::Url(_), _) => return Err(Unsupported("file_url")),
            Part::File(source, name) => Self::File {
                file: File {
                    filename: file_name(source, name.as_ref()),
                    file_data: Url(source),
                },
            },
            Part::Other(name) => return Err(Unsupported(name)),
        })
    }
}

#[derive(Serialize)]
struct Image<'a> {
    url: Url<'a>,
}

#[derive(Serialize)]
struct File<'a> {
    filename: Text<'a>,
    file_data: Url<'a>,
}

/// A file must have a name, and what it ends in tells what it is.
fn file_name<'a>(source: &Source<'_>, name: Option<&Text<'a>>) -> Text<'a> {
    let end = match source {
        Source::Data { media_type, .. } if media_type == "application/pdf" => ".pdf",
        Source::Data { media_type, .. } if media_type.starts_with("text/") => ".txt",
        Source::Data { .. } | Source::Url(_) => "",
    };
    match name {
        Some(name) if name.decoded().contains('.') || end.is_empty() => name.clone(),
        Some(name) => Text::Own(Cow::Owned(format!("{}{end}", name.decoded()))),
        None => Text::Own(Cow::Owned(format!("document{end}"))),
    }
}

/// Where something is, as a URL.
struct Url<'a>(&'a Source<'a>);

impl Serialize for Url<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Source::Url(url) => serializer.serialize_str(url),
            Source::Data { media_type, base64 } => {
                serializer.collect_str(&format_args!("data:{media_type};base64,{base64}"))
            }
        }
    }
}

#[derive(Serialize)]
struct WrittenCall<'a> {
    id: &'a Text<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a Text<'a>,
    arguments: JsonText<'a>,
}

impl<'a> WrittenCall<'a> {
    fn of(call: &'a Call<'a>) -> Self {
        Self {
            id: &call.id,
            kind: "function",
            function: Function {
                name: &call.name,
                arguments: JsonText(&call.arguments),
            },
        }
    }
}

/// JSON as a text.
struct JsonText<'a>(&'a Arguments<'a>);

impl Serialize for JsonText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Arguments::Text(text) => text.serialize(serializer),
            Arguments::Json(raw) => serializer.serialize_str(raw.get()),
        }
    }
}

/// The whole conversation.
pub(super) fn turns<'a>(messages: &'a [Message<'a>]) -> Result<Vec<Turn<'a>>, Unsupported> {
    let mut turns = Vec::with_capacity(messages.len());
    // What came of calls and cannot stand in their results.
    let mut moved = Vec::new();
    for message in messages {
        let turn = match message {
            Message::Tool { id, parts, is_error } => {
                let mut turn = Turn::of("tool", result(id, parts, *is_error, &mut moved)?);
                turn.tool_call_id = Some(id);
                turns.push(turn);
                continue;
            }
            Message::User(parts) if !moved.is_empty() => {
                let mut pieces = std::mem::take(&mut moved);
                for part in parts {
                    pieces.push(Piece::of(part)?);
                }
                Turn::of("user", Content::Pieces(pieces))
            }
            Message::User(parts) => Turn::of("user", said(parts)?),
            Message::System(lines) => Turn::of("system", texts(lines.iter())),
            Message::Assistant { texts: lines, calls } => {
                let content = if lines.is_empty() && !calls.is_empty() {
                    Content::Null
                } else {
                    texts(lines.iter())
                };
                let mut turn = Turn::of("assistant", content);
                turn.tool_calls = calls.iter().map(WrittenCall::of).collect();
                turn
            }
        };
        if !moved.is_empty() {
            turns.push(Turn::of("user", Content::Pieces(std::mem::take(&mut moved))));
        }
        turns.push(turn);
    }
    if !moved.is_empty() {
        turns.push(Turn::of("user", Content::Pieces(moved)));
    }
    Ok(turns)
}

fn said<'a>(parts: &'a [Part<'a>]) -> Result<Content<'a>, Unsupported> {
    match parts {
        [] => Ok(own(String::new())),
        [Part::Text(text)] => Ok(Content::Text(text.clone())),
        parts => parts
            .iter()
            .map(Piece::of)
            .collect::<Result<_, _>>()
            .map(Content::Pieces),
    }
}

/// Texts: one is a string by itself.
fn texts<'a>(texts: impl Iterator<Item = &'a Text<'a>>) -> Content<'a> {
    let mut texts = texts.cloned();
    match (texts.next(), texts.next()) {
        (None, _) => own(String::new()),
        (Some(text), None) => Content::Text(text),
        (Some(first), Some(second)) => {
            let pieces = [first, second]
                .into_iter()
                .chain(texts)
                .map(|text| Piece::Text { text });
            Content::Pieces(pieces.collect())
        }
    }
}

fn own(text: String) -> Content<'static> {
    Content::Text(Text::Own(Cow::Owned(text)))
}

/// The result of a call: its texts. What is no text is moved.
fn result<'a>(
    id: &'a Text<'a>,
    parts: &'a [Part<'a>],
    is_error: bool,
    moved: &mut Vec<Piece<'a>>,
) -> Result<Content<'a>, Unsupported> {
    let is_text = |part: &&Part<'_>| matches!(part, Part::Text(_));
    let others: Vec<_> = parts.iter().filter(|part| !is_text(part)).collect();
    if !others.is_empty() {
        let heading = format!("From the result of the call `{}`:", id.decoded());
        moved.push(Piece::Text {
            text: Text::Own(Cow::Owned(heading)),
        });
    }
    for part in &others {
        moved.push(Piece::of(part)?);
    }
    let lines = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    });
    if is_error {
        return Ok(own(failure(lines)));
    }
    if others.is_empty() || parts.iter().any(|part| is_text(&part)) {
        return Ok(texts(lines));
    }
    Ok(own("The result follows in the next message.".to_owned()))
}

/// A failure, in words, as the form has no other sign of it.
fn failure<'a>(lines: impl Iterator<Item = &'a Text<'a>>) -> String {
    const SIGN: &str = "error";
    let text = lines.map(Text::decoded).collect::<Vec<_>>().join("\n");
    let says_so = text
        .get(..SIGN.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(SIGN));
    match text.as_str() {
        "" => "Error".to_owned(),
        _ if says_so => text,
        _ => format!("Error: {text}"),
    }
}
