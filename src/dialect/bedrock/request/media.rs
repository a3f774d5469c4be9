//! Images and documents.
//!
//! Invariant: Bedrock fetches nothing from the web, so their bytes are in the request or in a bucket, and both carry
//! a format that it knows. The names of documents are in its letters, and no two are the same.

use std::collections::HashSet;

use serde::Serialize;

use crate::dialect::hub::{Source, Text, Unsupported};

/// Longest name of a document that is kept; Bedrock's own limit leaves room behind it for a number.
const LONGEST_NAME: usize = 180;

/// How base64 of a PDF begins.
const PDF: &str = "JVBERi";

/// An image.
#[derive(Serialize)]
pub(super) struct Image<'a> {
    format: &'static str,
    source: Place<'a>,
}

/// A document.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    format: &'static str,
    name: String,
    source: Place<'a>,
}

/// Where the bytes are.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Place<'a> {
    /// Here, as base64.
    Bytes(&'a str),
    S3Location {
        uri: &'a str,
    },
}

impl<'a> Place<'a> {
    /// `None` is on the web.
    fn of(source: &'a Source<'a>) -> Option<Place<'a>> {
        match source {
            Source::Data { base64, .. } => Some(Self::Bytes(base64)),
            Source::Url(uri) => uri.starts_with("s3://").then_some(Self::S3Location { uri }),
        }
    }
}

impl<'a> Image<'a> {
    /// The image at `source`.
    pub(super) fn of(source: &'a Source<'a>) -> Result<Image<'a>, Unsupported> {
        let place = Place::of(source).ok_or(Unsupported("image_url"))?;
        let format = match source {
            Source::Data { media_type, .. } => media_type.strip_prefix("image/").and_then(image_format),
            Source::Url(uri) => extension(uri).as_deref().and_then(image_format),
        };
        Ok(Image {
            format: format.ok_or(Unsupported("image_type"))?,
            source: place,
        })
    }
}

fn image_format(word: &str) -> Option<&'static str> {
    match word {
        "png" => Some("png"),
        "jpeg" | "jpg" => Some("jpeg"),
        "gif" => Some("gif"),
        "webp" => Some("webp"),
        _ => None,
    }
}

impl<'a> Document<'a> {
    /// The document at `source`, by the name that it came with.
    pub(super) fn of(
        source: &'a Source<'a>,
        name: Option<&Text<'_>>,
        names: &mut DocumentNames,
    ) -> Result<Document<'a>, Unsupported> {
        let place = Place::of(source).ok_or(Unsupported("file_url"))?;
        let name = name.map(Text::decoded).unwrap_or_default();
        let by_name = || extension(&name).as_deref().and_then(format_of_extension);
        let format = match source {
            Source::Data { media_type, base64 } => format_of_media_type(media_type)
                .or_else(by_name)
                .or_else(|| base64.starts_with(PDF).then_some("pdf")),
            Source::Url(uri) => extension(uri)
                .as_deref()
                .and_then(format_of_extension)
                .or_else(by_name),
        };
        Ok(Document {
            format: format.ok_or(Unsupported("file_type"))?,
            name: names.unused(&name),
            source: place,
        })
    }
}

fn format_of_media_type(media_type: &str) -> Option<&'static str> {
    match media_type {
        "application/pdf" => Some("pdf"),
        "text/csv" => Some("csv"),
        "application/msword" => Some("doc"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => Some("docx"),
        "application/vnd.ms-excel" => Some("xls"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Some("xlsx"),
        "text/html" | "application/xhtml+xml" => Some("html"),
        "text/markdown" | "text/x-markdown" => Some("md"),
        "application/json" | "application/xml" | "application/yaml" => Some("txt"),
        text if text.starts_with("text/") => Some("txt"),
        _ => None,
    }
}

fn format_of_extension(extension: &str) -> Option<&'static str> {
    match extension {
        "pdf" => Some("pdf"),
        "csv" => Some("csv"),
        "doc" => Some("doc"),
        "docx" => Some("docx"),
        "xls" => Some("xls"),
        "xlsx" => Some("xlsx"),
        "html" | "htm" => Some("html"),
        "txt" | "text" | "log" => Some("txt"),
        "md" | "markdown" => Some("md"),
        _ => None,
    }
}

/// What stands behind the last dot, in lower case.
fn extension(name: &str) -> Option<String> {
    name.rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
}

/// The names of the documents of one request.
#[derive(Debug, Default)]
pub(super) struct DocumentNames {
    taken: HashSet<String>,
    last: u64,
}

impl DocumentNames {
    /// A name that is allowed and new.
    fn unused(&mut self, name: &str) -> String {
        let plain = plain(name);
        let mut new = plain.clone();
        while !self.taken.insert(new.clone()) {
            self.last += 1;
            new = format!("{plain} ({})", self.last);
        }
        new
    }
}

/// The name without its extension, which the format tells, in letters that are allowed.
fn plain(name: &str) -> String {
    let stem = match name.rsplit_once('.') {
        Some((stem, end)) if format_of_extension(&end.to_ascii_lowercase()).is_some() => stem,
        _ => name,
    };
    let mut plain = String::new();
    for letter in stem.chars().take(LONGEST_NAME) {
        match letter {
            _ if letter.is_ascii_alphanumeric() || "-()[]".contains(letter) => plain.push(letter),
            _ if !letter.is_whitespace() => plain.push('-'),
            // One at a time.
            _ if plain.ends_with(' ') => {}
            _ => plain.push(' '),
        }
    }
    if plain.contains(|letter: char| letter.is_ascii_alphanumeric()) {
        plain.trim().to_owned()
    } else {
        "document".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_what_is_allowed_and_is_used_once() {
        let mut names = DocumentNames::default();
        let long = "a ".repeat(300);

        for (name, expected) in [
            ("report (v1).pdf", "report (v1)"),
            ("report (v1).PDF", "report (v1) (1)"),
            ("a_b/c  \t d.v2.docx", "a-b-c d-v2"),
            ("notes.final", "notes-final"),
            ("Übersicht.pdf", "-bersicht"),
            ("", "document"),
            ("日本.pdf", "document (2)"),
            (" .pdf", "document (3)"),
            (&long, "a ".repeat(90).trim()),
        ] {
            assert_eq!(names.unused(name), expected, "{name}");
        }
    }
}
