//! Google's generateContent, as the Gemini API and Vertex AI's own models speak it.
//!
//! Invariant: a stream's end is the end of its bytes, so a finish is told only then; a function's result is told
//! beside nothing else, right after the calls.

mod answer;
mod end;
mod reply;
mod request;
mod stream;
#[cfg(test)]
mod tests;

use super::hub::{Answer, Chat, Unsupported};
use super::language::{About, Inlet, Language, NoAnswer, Recipient, Request, Sse};

/// Google's generateContent.
pub(super) struct Gemini;

impl Language for Gemini {
    fn request<'a>(&self, chat: &'a Chat<'a>, to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
        request::write(chat, to)
    }

    fn answer<'a>(&self, body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
        answer::read(body, about)
    }

    fn stream(&self) -> Option<Box<dyn Inlet>> {
        Some(Box::new(Sse::new(stream::Candidates::default())))
    }
}
