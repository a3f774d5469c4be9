//! What a content is made of.
//!
//! Invariant: bytes go with a media type, or not at all. It knows nothing of the parts beside one.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialect::hub::{self, Source, Text, Unsupported};

/// How a PDF begins, as base64.
const PDF: &str = "JVBERi";

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum Part<'a> {
    Text {
        text: &'a Text<'a>,
    },
    Inline {
        inline_data: InlineData<'a>,
    },
    File {
        file_data: FileData<'a>,
    },
    Call {
        function_call: FunctionCall<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thought_signature: Option<Cow<'a, Text<'a>>>,
    },
    Result {
        function_response: FunctionResponse<'a>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InlineData<'a> {
    mime_type: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    mime_type: &'a str,
    file_uri: &'a str,
}

#[derive(Serialize)]
pub(super) struct FunctionCall<'a> {
    pub(super) id: &'a Text<'a>,
    pub(super) name: &'a Text<'a>,
    pub(super) args: Cow<'a, RawValue>,
}

#[derive(Serialize)]
pub(super) struct FunctionResponse<'a> {
    pub(super) id: &'a Text<'a>,
    pub(super) name: &'a Text<'a>,
    pub(super) response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Response<'a> {
    Output(Cow<'a, Text<'a>>),
    Error(Cow<'a, Text<'a>>),
}

impl<'a> Part<'a> {
    /// What a user says; none if that is nothing.
    pub(super) fn of(part: &'a hub::Part<'a>) -> Option<Result<Part<'a>, Unsupported>> {
        match part {
            hub::Part::Text(text) if text.is_empty() => None,
            hub::Part::Text(text) => Some(Ok(Part::Text { text })),
            hub::Part::Image(source) => Some(Self::image(source)),
            hub::Part::File(source, name) => Some(Self::file(source, name.as_ref())),
            hub::Part::Other(name) => Some(Err(Unsupported(name))),
        }
    }

    fn image(source: &'a Source<'a>) -> Result<Part<'a>, Unsupported> {
        const UNKNOWN: Unsupported = Unsupported("image_type");
        match source {
            Source::Url(url) => Self::stored(url, Unsupported("image_url"), UNKNOWN),
            Source::Data { media_type, base64 } => match media_type.as_ref() {
                "" => Err(UNKNOWN),
                "image/jpg" => Ok(Self::inline("image/jpeg", base64)),
                told => Ok(Self::inline(told, base64)),
            },
        }
    }

    fn file(source: &'a Source<'a>, name: Option<&Text<'_>>) -> Result<Part<'a>, Unsupported> {
        const UNKNOWN: Unsupported = Unsupported("file_type");
        match source {
            Source::Url(url) => Self::stored(url, Unsupported("file_url"), UNKNOWN),
            Source::Data { media_type, base64 } => match media_type.as_ref() {
                "" | "application/octet-stream" if base64.starts_with(PDF) => {
                    Ok(Self::inline("application/pdf", base64))
                }
                "" => {
                    let named = name.and_then(|name| media_type_of(&name.decoded()));
                    Ok(Self::inline(named.ok_or(UNKNOWN)?, base64))
                }
                told => Ok(Self::inline(told, base64)),
            },
        }
    }

    fn inline(mime_type: &'a str, data: &'a str) -> Part<'a> {
        let inline_data = InlineData { mime_type, data };
        Part::Inline { inline_data }
    }

    /// A file in Google's own storage; of what is elsewhere on the web only some models and places know.
    fn stored(url: &'a str, elsewhere: Unsupported, unknown: Unsupported) -> Result<Part<'a>, Unsupported> {
        if !url.starts_with("gs://") {
            return Err(elsewhere);
        }
        Ok(Part::File {
            file_data: FileData {
                mime_type: media_type_of(url).ok_or(unknown)?,
                file_uri: url,
            },
        })
    }
}

/// The media type that a file's name tells.
fn media_type_of(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    let known = [
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("webp", "image/webp"),
        ("heic", "image/heic"),
        ("heif", "image/heif"),
        ("pdf", "application/pdf"),
        ("txt", "text/plain"),
    ];
    let found = known.iter().find(|(end, _)| extension.eq_ignore_ascii_case(end));
    found.map(|(_, media_type)| *media_type)
}
