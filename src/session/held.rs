//! Answers on their way: one that is held back, and one that flows.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::operations::Headers;
use super::redacting::holds_key;
use super::tail::Tail;
use crate::attempt::HeaderChanges;
use crate::catalog::Provider;
use crate::dialect::course::Course;
use crate::dialect::usage::Usage;
use crate::outcome::HeaderView;

/// Media types of streams: of server-sent events, and of Amazon's frames.
const STREAMS: [&[u8]; 2] = [b"text/event-stream", b"application/vnd.amazon.eventstream"];

/// An answer of which the caller has seen nothing.
#[derive(Debug)]
pub(super) struct Held {
    pub status: u16,
    headers: Vec<(Bytes, Bytes)>,
    pub chunks: Vec<Bytes>,
    pub size: usize,
    /// The last byte has come.
    pub ended: bool,
    pub first_byte: Duration,
}

/// An answer that the caller is reading.
#[derive(Debug)]
pub(super) struct Flow {
    pub status: u16,
    /// From the start of the attempt to what released the answer: its headers, or a stream's first meaningful event.
    pub first_token: Duration,
    /// When bytes came last.
    pub heard: Instant,
    pub reader: Reader,
}

/// How a flowing answer is read.
#[derive(Debug)]
pub(super) enum Reader {
    /// Not at all; its end is kept, where the usage is.
    Opaque(Tail),
    /// Event by event.
    Stream(Box<Course>),
}

impl Reader {
    /// What the answer consumed, as far as it has been said.
    pub(super) fn usage(&self) -> Option<Usage> {
        match self {
            Self::Opaque(tail) => tail.usage(),
            Self::Stream(course) => course.usage(),
        }
    }

    /// The model as the provider named it.
    pub(super) fn answer_model(&self) -> Option<&str> {
        match self {
            Self::Opaque(_) => None,
            Self::Stream(course) => course.answer_model(),
        }
    }
}

/// A stream that is held back until it says something.
#[derive(Debug)]
pub(super) struct Gate {
    pub held: Held,
    pub course: Box<Course>,
    /// What may go on to the caller, in the caller's form.
    pub ready: Vec<Bytes>,
}

impl Held {
    pub(super) fn begin<H: Headers>(status: u16, headers: &H, first_byte: Duration) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Self {
            status,
            headers,
            chunks: Vec::new(),
            size: 0,
            ended: false,
            first_byte,
        }
    }

    /// Stands in for an answer that never came.
    pub(super) fn nothing(first_byte: Duration) -> Self {
        Self {
            status: 0,
            headers: Vec::new(),
            chunks: Vec::new(),
            size: 0,
            ended: true,
            first_byte,
        }
    }

    pub(super) fn push(&mut self, chunk: &Bytes, end: bool) {
        self.ended |= end;
        if !chunk.is_empty() {
            self.size += chunk.len();
            self.chunks.push(chunk.clone());
        }
    }

    pub(super) fn is_event_stream(&self) -> bool {
        let media_type = self.header("content-type").unwrap_or(b"");
        let begins_with = |name: &[u8]| {
            media_type
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        STREAMS.iter().any(|name| begins_with(name))
    }

    /// Its bytes can be read as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.header("content-encoding")
            .is_none_or(|encoding| encoding.is_empty() || encoding == b"identity")
    }

    /// The body in one piece; a body that came in one chunk is shared, not copied.
    pub(super) fn joined(&self) -> Bytes {
        match &self.chunks[..] {
            [] => Bytes::new(),
            [whole] => whole.clone(),
            parts => parts.concat().into(),
        }
    }
}

impl HeaderView for Held {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(shown, _)| shown.as_ref() == name.as_bytes())
            .map(|(_, value)| value.as_ref())
    }
}

/// Takes off what would steer the host (providers that sit behind an Envoy of their own send such headers), and what
/// repeats a key of ours.
pub(super) fn cleaned(held: &Held, provider: &Provider) -> HeaderChanges {
    let steers = |name: &Bytes| name.starts_with(b"x-envoy-") || name.starts_with(b"x-understudy-");
    let remove = held
        .headers
        .iter()
        .filter(|(name, value)| steers(name) || holds_key(provider, value))
        .map(|(name, _)| name.clone())
        .collect();
    HeaderChanges {
        set: Vec::new(),
        remove,
    }
}
