//! Reads a complete answer.
//!
//! Invariant: an answer in which every candidate gave up before it said anything is none.

use std::borrow::Cow;

use super::end::blocked;
use super::reply::{Candidate, Part, Reply};
use crate::dialect::hub::{Answer, Choice, Finish, Said};
use crate::dialect::language::{About, NoAnswer};

/// The answer that `body` is.
pub(super) fn read<'a>(body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let json = std::str::from_utf8(body).map_err(|_| NoAnswer::Unreadable)?;
    let mut reply = Reply::read(json)?;
    if reply.candidates.iter().all(|one| one.finish().is_err()) {
        return Err(no_answer(&reply));
    }
    reply.candidates.sort_by_key(|candidate| candidate.index);
    let id = told(reply.id, about.id);
    let choices = reply.candidates.into_iter();
    Ok(Answer {
        created: about.created,
        model: told(reply.model, about.model),
        choices: choices.map(|candidate| choice(candidate, &id)).collect(),
        usage: reply.usage,
        id,
    })
}

/// What a reply is in which nothing is said.
fn no_answer(reply: &Reply<'_>) -> NoAnswer {
    let mut ends = reply.candidates.iter().filter_map(|one| one.finish().err());
    match reply.blocked.as_deref() {
        Some(reason) => NoAnswer::Error(blocked(reason)),
        None if reply.is_reply() => ends.next().unwrap_or(NoAnswer::Empty),
        None => NoAnswer::WrongShape,
    }
}

fn choice<'a>(candidate: Candidate<'a>, answer: &str) -> Choice<'a> {
    let mut choice = Choice {
        text: None,
        reasoning: None,
        refusal: None,
        calls: Vec::new(),
        finish: candidate.finish().unwrap_or(Finish::Stop),
    };
    for part in candidate.parts {
        match part {
            Part::Text(text) => append(&mut choice.text, text),
            Part::Thought(text) => append(&mut choice.reasoning, text),
            Part::Call(call) => choice.calls.push(Said {
                id: call.id_in(answer, candidate.index, choice.calls.len()),
                name: call.name,
                arguments: call.arguments,
                signature: call.signature,
            }),
        }
    }
    if choice.calls.is_empty() {
        // Callers expect a text where there is nothing else.
        append(&mut choice.text, Cow::Borrowed(""));
    }
    choice
}

fn append<'a>(whole: &mut Option<Cow<'a, str>>, more: Cow<'a, str>) {
    match whole {
        None => *whole = Some(more),
        Some(whole) if !more.is_empty() => whole.to_mut().push_str(&more),
        Some(_) => {}
    }
}

/// What the provider says, or else what we say.
fn told<'a>(theirs: Cow<'a, str>, ours: &'a str) -> Cow<'a, str> {
    if theirs.is_empty() {
        Cow::Borrowed(ours)
    } else {
        theirs
    }
}
