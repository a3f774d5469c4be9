//! Anthropic's messages, at Anthropic and wherever else they are served.
//!
//! Invariant: what Anthropic would refuse for its form alone (empty texts, ids with strange letters, results of tools
//! apart from each other, both ways of sampling) is put right here; what would change the answer is refused by name.
//! A stream is finished only once its `message_stop` has come. It knows nothing of models but what it is told.

mod answer;
mod end;
mod request;
mod stream;
#[cfg(test)]
mod tests;

use super::hub::{Answer, Chat, Unsupported};
use super::language::{About, Inlet, Language, NoAnswer, Recipient, Request, Sse, Tale};
use answer::Silence;
use request::Place;

/// Anthropic's messages, as Anthropic serves them.
pub(super) struct Anthropic;

/// Anthropic's messages, as Vertex AI serves them: the model stands in the path, the version in the body.
pub(super) struct OnVertex;

impl Language for Anthropic {
    fn request<'a>(&self, chat: &'a Chat<'a>, to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
        request::write(chat, to, Place::Anthropic)
    }

    fn answer<'a>(&self, body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
        answer::read(body, about, Silence::IsEmpty)
    }

    fn stream(&self) -> Option<Box<dyn Inlet>> {
        Some(Box::new(Sse::new(stream::Events::default())))
    }
}

impl Language for OnVertex {
    fn request<'a>(&self, chat: &'a Chat<'a>, to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
        request::write(chat, to, Place::Vertex)
    }

    fn answer<'a>(&self, body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
        Anthropic.answer(body, about)
    }

    fn stream(&self) -> Option<Box<dyn Inlet>> {
        Anthropic.stream()
    }
}

/// The answer in `body`, which passes as it came.
pub(super) fn passing<'a>(body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
    answer::read(body, about, Silence::Counts)
}

/// Tells the language's own events, for a stream that passes as it came.
pub(super) fn tale() -> Box<dyn Tale> {
    Box::new(stream::Events::for_judge())
}
