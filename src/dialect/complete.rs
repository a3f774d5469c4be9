//! Complete answers: whether they are any, and in which form their caller gets them.
//!
//! Invariant: where both ends speak the same language the body stays as it came; an answer that is none is told by
//! what is wrong with it. It knows no headers and no status.

use bytes::Bytes;

use super::course::Course;
use super::hub::{Answer, Chunks};
use super::language::{About, NoAnswer};
use super::stream::{UsageFor, Whole, judge_whole};
use super::usage::{self, Usage};
use super::{Carriage, Dialect, anthropic, messages, responses};
use crate::catalog::Surface;

/// A complete answer, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Completed {
    /// The body in the caller's form; `None` when it has it already.
    pub body: Option<Bytes>,
    /// What it took.
    pub usage: Option<Usage>,
    /// The model that it says it is from.
    pub model: Option<String>,
    /// It holds nothing, because the provider would not say it.
    pub is_withheld: bool,
}

/// Reads a complete answer of a provider of `dialect` for a caller of `surface`; what is no answer is told by
/// anything but [`Whole::Good`].
pub fn complete(
    dialect: Dialect,
    surface: Surface,
    body: &Bytes,
    about: &About<'_>,
) -> Result<Completed, Whole> {
    if dialect.carriage(surface) == Carriage::Translated {
        let answer = dialect.language().answer(body, about).map_err(Whole::from)?;
        let body = match surface {
            Surface::Messages => messages::write_answer(&answer),
            _ => answer.write(),
        };
        return Ok(completed(Some(body), &answer));
    }
    if surface == Surface::Messages {
        let answer = anthropic::passing(body, about).map_err(Whole::from)?;
        return Ok(completed(None, &answer));
    }
    let judged = match surface {
        Surface::Responses => responses::judge_whole(body),
        _ => judge_whole(surface, body),
    };
    match judged {
        Whole::Good => Ok(Completed {
            body: None,
            usage: usage::usage(body),
            model: usage::answer_model(body),
            is_withheld: false,
        }),
        none => Err(none),
    }
}

/// Plays a complete answer to a caller that asked for a stream and whose provider did not give it one: the whole
/// stream in the caller's form. `None` where a stream cannot be made of it.
pub fn play(
    dialect: Dialect,
    surface: Surface,
    body: &Bytes,
    about: &About<'_>,
) -> Option<Result<Completed, Whole>> {
    if !matches!(surface, Surface::Chat | Surface::Messages) {
        return None;
    }
    let answer = match dialect.language().answer(body, about) {
        Ok(answer) => answer,
        Err(none) => return Some(Err(Whole::from(none))),
    };
    let mut chunks = Chunks::new(about);
    answer.play(&mut chunks);
    let usage_for = if about.shows_usage {
        UsageFor::Client
    } else {
        UsageFor::Us
    };
    let mut course = Course::of_hub(surface, usage_for, about);
    let mut out = Vec::new();
    let read = course
        .on_chunk(&chunks.take(), &mut out)
        .and_then(|_| course.on_end(&mut out));
    Some(match read {
        Ok(()) => Ok(completed(Some(out.concat().into()), &answer)),
        Err(_) => Err(Whole::Empty),
    })
}

fn completed(body: Option<Bytes>, answer: &Answer<'_>) -> Completed {
    Completed {
        body,
        usage: answer.usage,
        model: Some(answer.model.clone().into_owned()).filter(|model| !model.is_empty()),
        is_withheld: answer.is_withheld(),
    }
}

impl From<NoAnswer> for Whole {
    fn from(none: NoAnswer) -> Whole {
        match none {
            NoAnswer::Unreadable => Self::Unreadable,
            NoAnswer::WrongShape => Self::WrongShape,
            NoAnswer::Empty => Self::Empty,
            NoAnswer::Error(body) => Self::ErrorInside(body),
        }
    }
}
