//! OpenAI's own language, which every compatible server speaks too.
//!
//! Invariant: what a caller wrote in this language is never written anew; requests are written here, and answers
//! read, for callers of another surface only.

mod answer;
pub(super) mod effort;
mod request;
#[cfg(test)]
mod tests;

use super::hub::{Answer, Chat, Unsupported};
use super::language::{About, Inlet, Language, NoAnswer, Recipient, Request};
use crate::catalog::HeaderSecret;

/// OpenAI's own language.
pub(super) struct OpenAi;

/// The credential as a bearer token.
pub(super) fn bearer(key: &[u8]) -> HeaderSecret {
    HeaderSecret::new([b"Bearer ", key].concat().into())
}

impl Language for OpenAi {
    fn request<'a>(&self, chat: &'a Chat<'a>, to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
        request::request(chat, to)
    }

    fn answer<'a>(&self, body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
        answer::answer(body, about)
    }

    fn stream(&self) -> Option<Box<dyn Inlet>> {
        None
    }
}
