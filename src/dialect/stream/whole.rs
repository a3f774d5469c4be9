//! Judges a complete answer of 200 that is no stream.
//!
//! Invariant: one pass and no tree, so an answer of any size is cheap. It knows what an answer must have, not whether
//! it is a good one.

use bytes::Bytes;

use super::reading::{self, Presence, Said, Shape, Wanted};
use super::seen::error_body;
use crate::catalog::Surface;

/// What a complete answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// An answer.
    Good,
    /// An error: a body for [`judge`](crate::outcome::judge).
    ErrorInside(Bytes),
    /// It has the list that an answer has, and nothing in it.
    Empty,
    /// No JSON, or not all of it.
    Unreadable,
    /// JSON, and something else than an answer.
    WrongShape,
}

/// Judges a decoded body that came with a status of success.
///
/// For a request that asked for a stream, [`Whole::Good`] means that the target ignored that.
pub fn judge_whole(surface: Surface, body: &Bytes) -> Whole {
    let json = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if let Ok(said) = reading::read(json, Wanted::LEAST) {
        return judge(surface, &said, json);
    }
    let Some(mended) = reading::mended(json) else {
        return Whole::Unreadable;
    };
    match reading::read(&mended, Wanted::LEAST) {
        Ok(said) => judge(surface, &said, &mended),
        Err(_) => Whole::Unreadable,
    }
}

fn judge(surface: Surface, said: &Said<'_>, json: &[u8]) -> Whole {
    if let Some(complaint) = said.complaint {
        return Whole::ErrorInside(error_body(complaint, json));
    }
    let list = match surface {
        Surface::Chat | Surface::Completions | Surface::Messages => said.choices,
        Surface::Embeddings => said.data,
        Surface::Responses => Presence::Filled,
    };
    match (said.shape, list) {
        (Shape::Object, Presence::Filled) => Whole::Good,
        (Shape::Object, Presence::Empty) => Whole::Empty,
        _ => Whole::WrongShape,
    }
}
