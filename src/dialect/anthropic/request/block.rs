//! What a turn is made of.

use std::borrow::Cow;
use std::ops::Not;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialect::hub::{Part, Source, Text, Unsupported};

/// Callers are as careless with the padding as others let them be.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a PDF begins, as base64.
const PDF: &str = "JVBERi";

/// A part of a turn.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: Text<'a>,
    },
    Image {
        source: Origin<'a>,
    },
    Document {
        source: Origin<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a Text<'a>>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a Text<'a>,
        input: Cow<'a, RawValue>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "Not::not")]
        is_error: bool,
    },
}

/// Where the bytes of an image or a document are.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Origin<'a> {
    Base64 { media_type: &'static str, data: &'a str },
    Url { url: &'a str },
    Text { media_type: &'static str, data: String },
}

impl<'a> Block<'a> {
    /// A text; one with nothing in it is refused, so it is none.
    pub(super) fn text(text: &'a Text<'a>) -> Option<Self> {
        (!text.is_blank()).then(|| Self::Text { text: text.clone() })
    }

    /// A text of our own.
    pub(super) fn own(text: Cow<'a, str>) -> Self {
        Self::Text {
            text: Text::Own(text),
        }
    }

    /// The blocks of these parts.
    pub(super) fn all(parts: &'a [Part<'a>]) -> Result<Vec<Self>, Unsupported> {
        parts
            .iter()
            .filter_map(|part| Self::of(part).transpose())
            .collect()
    }

    /// Does the model call a tool?
    pub(super) fn is_call(&self) -> bool {
        matches!(self, Self::ToolUse { .. })
    }

    fn of(part: &'a Part<'a>) -> Result<Option<Self>, Unsupported> {
        match part {
            Part::Text(text) => Ok(Self::text(text)),
            Part::Image(source) => Ok(Some(Self::Image {
                source: image(source)?,
            })),
            Part::File(source, name) => Ok(Some(Self::Document {
                source: document(source)?,
                title: name.as_ref().filter(|name| !name.is_blank()),
            })),
            Part::Other(name) => Err(Unsupported(name)),
        }
    }
}

fn image<'a>(source: &'a Source<'a>) -> Result<Origin<'a>, Unsupported> {
    let (media_type, data) = match source {
        Source::Url(url) => return web(url, "image_url"),
        Source::Data { media_type, base64 } => (media_type, base64),
    };
    let media_type = match media_type.as_ref() {
        "image/jpeg" | "image/jpg" => "image/jpeg",
        "image/png" => "image/png",
        "image/gif" => "image/gif",
        "image/webp" => "image/webp",
        _ => return Err(Unsupported("image_type")),
    };
    Ok(Origin::Base64 { media_type, data })
}

fn document<'a>(source: &'a Source<'a>) -> Result<Origin<'a>, Unsupported> {
    const BAD: Unsupported = Unsupported("file_type");
    let (media_type, data) = match source {
        Source::Url(url) => return web(url, "file_url"),
        Source::Data { media_type, base64 } => (media_type.as_ref(), base64.as_ref()),
    };
    match media_type {
        "application/pdf" => Ok(Origin::Base64 {
            media_type: "application/pdf",
            data,
        }),
        "" | "application/octet-stream" if data.starts_with(PDF) => Ok(Origin::Base64 {
            media_type: "application/pdf",
            data,
        }),
        "application/json" | "application/xml" | "application/yaml" => plain(data).ok_or(BAD),
        text if text.starts_with("text/") => plain(data).ok_or(BAD),
        _ => Err(BAD),
    }
}

/// A document that is text, whatever more it is.
fn plain<'a>(base64: &str) -> Option<Origin<'a>> {
    let data = String::from_utf8(BASE64.decode(base64).ok()?).ok()?;
    (!data.trim().is_empty()).then_some(Origin::Text {
        media_type: "text/plain",
        data,
    })
}

/// Something on the web; other places are known to other clouds only.
fn web<'a>(url: &'a str, feature: &'static str) -> Result<Origin<'a>, Unsupported> {
    let has_scheme = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if has_scheme("http://") || has_scheme("https://") {
        Ok(Origin::Url { url })
    } else {
        Err(Unsupported(feature))
    }
}
