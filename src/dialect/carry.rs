//! Carries a caller's request to a target: as it was written, or in the target's language.
//!
//! Invariant: whatever can be refused is refused by [`unfit`], before anything is tried, so that carrying what was
//! planned succeeds; and a request that needs no other words keeps its bytes. It knows no headers and no paths.

use std::ops::Range;
use std::str;

use bytes::Bytes;

use super::hub::{Chat, Malformed, Unsupported};
use super::language::Recipient;
use super::retouch::{Retouched, Wearer, retouch};
use super::{Carriage, Dialect, messages, scan};
use crate::catalog::{Surface, Target, TargetIx};

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The body for the target.
    pub body: Bytes,
    /// Fields that were left out because the target has no place for them.
    pub dropped: Vec<String>,
}

/// A request as its caller wrote it, and where its model's name stands, quotes included.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The part of the API.
    pub surface: Surface,
    /// The body.
    pub body: &'a Bytes,
    /// The name's literal in it.
    pub model_span: &'a Range<usize>,
    /// What the caller's `anthropic-beta` header says.
    pub betas: Option<&'a str>,
}

/// The request for `target`.
pub fn carry(wish: Wish<'_>, target: &Target) -> Result<Carried, Unsupported> {
    match target.dialect.carriage(wish.surface) {
        Carriage::None => Err(absent(wish.surface)),
        Carriage::Native => Ok(native(wish, target)),
        Carriage::Translated => {
            let text = str::from_utf8(wish.body).map_err(|_| Unsupported("text"))?;
            let chat = read(wish.surface, text).map_err(|_| Unsupported("form"))?;
            let request = target.dialect.language().request(&chat, recipient(target))?;
            let written = Carried {
                body: request.write(),
                dropped: request.dropped,
            };
            Ok(if target.dialect.speaks_hub() {
                fitted(written, target)
            } else {
                written
            })
        }
    }
}

/// Which of these targets the request cannot be carried to, and why; a request that has not the form of one is told
/// only if a target needs it read.
pub fn unfit<'t>(
    surface: Surface,
    body: &Bytes,
    targets: impl Iterator<Item = (TargetIx, &'t Target)>,
) -> (Vec<(TargetIx, &'static str)>, Option<Malformed>) {
    let mut unfit = Vec::new();
    let mut malformed = None;
    let mut chat = None;
    for (ix, target) in targets {
        match target.dialect.carriage(surface) {
            Carriage::Native if target.paths.of(surface, false).is_some() => {}
            Carriage::Native | Carriage::None => unfit.push((ix, absent(surface).0)),
            Carriage::Translated => {
                let chat =
                    chat.get_or_insert_with(|| read(surface, str::from_utf8(body).unwrap_or_default()));
                match chat {
                    Ok(chat) => {
                        let request = target.dialect.language().request(chat, recipient(target));
                        unfit.extend(request.err().map(|unsupported| (ix, unsupported.0)));
                    }
                    Err(error) => {
                        unfit.push((ix, "form"));
                        malformed.get_or_insert_with(|| error.clone());
                    }
                }
            }
        }
    }
    (unfit, malformed)
}

fn recipient(target: &Target) -> Recipient<'_> {
    Recipient {
        model: &target.provider_model,
        facts: &target.facts,
    }
}

fn read(surface: Surface, body: &str) -> Result<Chat<'_>, Malformed> {
    match surface {
        Surface::Messages => messages::read(body),
        _ => Chat::read(body),
    }
}

fn absent(surface: Surface) -> Unsupported {
    Unsupported(surface.suffix())
}

/// The request in its own language, for a target that speaks it.
fn native(wish: Wish<'_>, target: &Target) -> Carried {
    if target.dialect == Dialect::VertexAnthropic {
        return Carried {
            body: for_vertex(wish),
            dropped: Vec::new(),
        };
    }
    let model = (wish.model_span, target.provider_model.as_ref());
    if !target.dialect.speaks_hub() {
        return Carried {
            body: scan::replace_model(wish.body, model.0, model.1),
            dropped: Vec::new(),
        };
    }
    let Retouched { body, dropped } = retouch(wish.body, Some(model), wish.surface, wearer(target));
    Carried { body, dropped }
}

/// A request that was written in the hub's language, as this vendor takes it.
fn fitted(written: Carried, target: &Target) -> Carried {
    let retouched = retouch(&written.body, None, Surface::Chat, wearer(target));
    let mut dropped = written.dropped;
    dropped.extend(retouched.dropped);
    dropped.sort_unstable();
    dropped.dedup();
    Carried {
        body: retouched.body,
        dropped,
    }
}

fn wearer(target: &Target) -> Wearer<'_> {
    Wearer {
        vendor: target.vendor,
        facts: &target.facts,
    }
}

/// Vertex has the model in the path; the version and what is in trial are in the body there, not in headers.
fn for_vertex(wish: Wish<'_>) -> Bytes {
    let Wish { body, model_span, .. } = wish;
    let mut text = String::from(r#""anthropic_version":"vertex-2023-10-16""#);
    if let Some(betas) = wish.betas {
        let betas: Vec<&str> = betas
            .split(',')
            .map(str::trim)
            .filter(|beta| !beta.is_empty())
            .collect();
        text.push_str(r#","anthropic_beta":"#);
        text.push_str(&serde_json::Value::from(betas).to_string());
    }
    let start = key_before(body, model_span.start).unwrap_or(model_span.start);
    let (before, after) = (body.get(..start), body.get(model_span.end..));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    Bytes::from([before, text.as_bytes(), after].concat())
}

/// Where the key stands whose value begins at `value`.
fn key_before(body: &[u8], value: usize) -> Option<usize> {
    let before = body
        .get(..value)?
        .trim_ascii_end()
        .strip_suffix(b":")?
        .trim_ascii_end();
    // A key that means `model` has no quotes in it, however it was escaped.
    memchr::memrchr(b'"', before.strip_suffix(b"\"")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_vertex_the_version_stands_where_the_model_stood() {
        for (asked, betas, expected) in [
            (
                r#"{"model" : "claude","max_tokens":1}"#,
                None,
                r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":1}"#,
            ),
            (
                r#"{"a":"b","mod\u0065l":"claude"}"#,
                Some("x-1, y-2"),
                r#"{"a":"b","anthropic_version":"vertex-2023-10-16","anthropic_beta":["x-1","y-2"]}"#,
            ),
        ] {
            let body = Bytes::from_static(asked.as_bytes());
            let scanned = scan::scan(&body).unwrap();
            let wish = Wish {
                surface: Surface::Messages,
                body: &body,
                model_span: &scanned.model_span,
                betas,
            };

            assert_eq!(for_vertex(wish), expected, "{asked}");
        }
    }
}
