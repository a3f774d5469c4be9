//! Amazon Bedrock's Converse and `ConverseStream`, one form for the models of every maker.
//!
//! Invariant: what only one maker's models take (thinking, a default length) is sent to that maker's models only.
//! Answers name neither themselves nor their model, so both are lent from what was asked.

mod answer;
mod failure;
mod frame;
mod request;
mod stream;
#[cfg(test)]
mod tests;

use super::hub::{Answer, Chat, Unsupported};
use super::language::{About, Inlet, Language, NoAnswer, Recipient, Request};
#[cfg(test)]
pub(super) use frame::written;

/// Amazon Bedrock's Converse.
pub(super) struct Bedrock;

impl Language for Bedrock {
    fn request<'a>(&self, chat: &'a Chat<'a>, to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
        request::write(chat, to)
    }

    fn answer<'a>(&self, body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
        answer::read(body, about)
    }

    fn stream(&self) -> Option<Box<dyn Inlet>> {
        Some(Box::new(stream::Frames::default()))
    }
}
