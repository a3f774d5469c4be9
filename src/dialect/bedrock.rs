//! Amazon Bedrock's Converse.

use super::hub::{Answer, Chat, Unsupported};
use super::language::{About, Inlet, Language, NoAnswer, Recipient, Request};

/// Amazon Bedrock's Converse.
pub(super) struct Bedrock;

impl Language for Bedrock {
    fn request<'a>(&self, _chat: &'a Chat<'a>, _to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
        Err(Unsupported("chat"))
    }

    fn answer<'a>(&self, _body: &'a [u8], _about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
        Err(NoAnswer::WrongShape)
    }

    fn stream(&self) -> Option<Box<dyn Inlet>> {
        Some(Box::new(Nothing))
    }
}

#[derive(Debug)]
struct Nothing;

impl Inlet for Nothing {
    fn on_chunk(&mut self, _chunk: &[u8], _out: &mut super::hub::Chunks) {}

    fn on_end(&mut self, _out: &mut super::hub::Chunks) {}
}
