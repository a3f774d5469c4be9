//! The shape that every translated language has: a request is written, an answer is read, a stream is read.
//!
//! Invariant: a language knows its own form and the [`hub`](super::hub)'s, and no other. It refuses what it cannot
//! carry by name, drops what is safe to drop by name, and reads any bytes without a panic. It knows no paths, no
//! keys and no time but what it is lent.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;

use super::facts::Facts;
use super::hub::{Answer, Chat, Chunks, Unsupported};
use super::sse::{Event, SseReader};
use crate::outcome::openai_error;

/// A provider's language, as far as it differs from the hub's.
pub(super) trait Language: Sync {
    /// The request in this language.
    fn request<'a>(&self, chat: &'a Chat<'a>, to: Recipient<'a>) -> Result<Request<'a>, Unsupported>;

    /// A complete answer in the hub's form; `body` came with a status of success.
    fn answer<'a>(&self, body: &'a [u8], about: &About<'a>) -> Result<Answer<'a>, NoAnswer>;

    /// The reader of a stream that begins; `None` where streams are the hub's own already.
    fn stream(&self) -> Option<Box<dyn Inlet>>;
}

/// Whom a request is written for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipient<'a> {
    /// What the provider calls the model.
    pub(super) model: &'a str,
    /// What is known of that model.
    pub(super) facts: &'a Facts,
}

/// A request in a provider's language, its texts still lent from the caller's.
pub(super) struct Request<'a> {
    body: Box<dyn Json + 'a>,
    /// Fields of the hub that are safe to leave out and were left out, in alphabetical order.
    pub(super) dropped: Vec<String>,
}

impl<'a> Request<'a> {
    pub(super) fn new(body: impl Serialize + 'a, mut dropped: Vec<String>) -> Self {
        dropped.sort_unstable();
        dropped.dedup();
        Self {
            body: Box::new(body),
            dropped,
        }
    }

    /// The body as JSON.
    pub(super) fn write(&self) -> Bytes {
        self.body.json().into()
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

/// Something that can be written as JSON, whatever it is.
trait Json {
    fn json(&self) -> Vec<u8>;
}

impl<T: Serialize> Json for T {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("bodies are made of texts, numbers and JSON that was read before")
    }
}

/// What an answer may not say about itself.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// An id for it: the provider's own of the request, or ours.
    pub id: &'a str,
    /// What the provider calls the model that was asked.
    pub model: &'a str,
    /// Now, in seconds since 1970.
    pub created: u64,
    /// The caller asked for the usage of its stream, so the other events say that they have none.
    pub shows_usage: bool,
}

/// A body of success that is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Not JSON, or not all of it.
    Unreadable,
    /// JSON, and something else than an answer.
    WrongShape,
    /// An answer with nothing in it.
    Empty,
    /// An error: a body for [`judge`](crate::outcome::judge).
    Error(Bytes),
}

/// Turns the bytes of a provider's stream, in any split, into the hub's events.
///
/// An error that the provider tells becomes [`Chunks::error`] with a body that [`judge`](crate::outcome::judge) can
/// read; the answer's true end becomes [`Chunks::done`]; anything else that ends the bytes is a cut.
pub(super) trait Inlet: fmt::Debug + Send {
    /// More bytes have come.
    fn on_chunk(&mut self, chunk: &[u8], out: &mut Chunks);

    /// No more will come.
    fn on_end(&mut self, out: &mut Chunks);
}

/// A language whose streams are server-sent events, one event at a time.
pub(super) trait Tale: fmt::Debug + Send {
    /// One event, comments among them. One that cannot be read is told by [`unreadable`].
    fn on_event(&mut self, event: &Event<'_>, out: &mut Chunks);

    /// The stream has ended as the transport ends it.
    fn on_end(&mut self, out: &mut Chunks);
}

/// An [`Inlet`] of server-sent events.
#[derive(Debug)]
pub(super) struct Sse<T> {
    reader: SseReader,
    tale: T,
}

impl<T: Tale> Sse<T> {
    pub(super) fn new(tale: T) -> Self {
        Self {
            reader: SseReader::default(),
            tale,
        }
    }
}

impl<T: Tale> Inlet for Sse<T> {
    fn on_chunk(&mut self, chunk: &[u8], out: &mut Chunks) {
        let Self { reader, tale } = self;
        if let Err(error) = reader.push(chunk, |event| tale.on_event(&event, out)) {
            out.error(&openai_error("server_error", None, None, &error.to_string()));
        }
    }

    fn on_end(&mut self, out: &mut Chunks) {
        let Self { reader, tale } = self;
        if let Err(error) = reader.finish(|event| tale.on_event(&event, out)) {
            out.error(&openai_error("server_error", None, None, &error.to_string()));
        }
        tale.on_end(out);
    }
}

/// Tells of an event that cannot be read, which ends the stream.
pub(super) fn unreadable(out: &mut Chunks) {
    let message = "the provider sent an event that cannot be read";
    out.error(&openai_error("server_error", None, None, message));
}
