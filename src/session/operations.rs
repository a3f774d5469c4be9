//! What a step asks its host to do. Plain owned values; no host's wire format is known here.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::{Happened, SessionId};
use crate::attempt::HeaderChanges;
use crate::catalog::Surface;
use crate::dialect::told_on;

/// A borrowed view of a header map, pseudo-headers included; names are lower-case.
pub trait Headers {
    /// Every header in order.
    fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)>;

    /// The first value of that name.
    fn first(&self, name: &str) -> Option<&Bytes> {
        self.iter()
            .find(|(shown, _)| shown.as_ref() == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The first value of that name, when it is text.
    fn text(&self, name: &str) -> Option<&str> {
        self.first(name).and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// An answer of our own, without any attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers beside `content-type: application/json`.
    pub headers: Vec<(&'static str, Bytes)>,
    /// The body.
    pub body: Bytes,
    /// Why, in a word, for the host's own log.
    pub details: &'static str,
}

impl Reply {
    /// Puts an error into the shape that callers of `surface` expect, with the id of their request where they look for
    /// it.
    pub(super) fn speak(&mut self, surface: Surface, id: SessionId) {
        let id = id.to_string();
        let body = std::mem::take(&mut self.body);
        (self.status, self.body) = told_on(surface, (self.status, body), Some(&id));
        if surface == Surface::Messages {
            self.headers.push(("request-id", id.into()));
        }
    }
}

/// How the host must send a planned request on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Everything the caller sent that must go no further, and what selects the route.
    pub headers: HeaderChanges,
    /// The cluster of each attempt, the first first.
    pub clusters: Vec<Arc<str>>,
}

/// A request that leaves for one provider.
pub type Outcall = crate::attempt::Outgoing;

/// What is to be done with (a part of) an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Show me more before I say; the caller sees nothing yet.
    Hold,
    /// Answer the headers with these changes, then send these bytes.
    Release {
        /// Changes to the response headers.
        headers: HeaderChanges,
        /// What was held, in order.
        held: Vec<Bytes>,
        /// True when nothing follows.
        end: bool,
    },
    /// Let this chunk pass as it is.
    Pass,
    /// Send these bytes in its place.
    Send {
        /// The bytes, in order.
        chunks: Vec<Bytes>,
        /// True when nothing follows.
        end: bool,
    },
    /// The answer broke off while the caller was reading it: send what there is and this event, and end the
    /// transfer so that it cannot be taken for complete.
    BreakOff {
        /// What had come before.
        chunks: Vec<Bytes>,
        /// Our own last event.
        event: Bytes,
        /// True when the provider has ended its answer already.
        ended: bool,
    },
    /// End this attempt now, although the provider has not ended its answer; the final answer follows in the last
    /// step, which is told these words.
    GiveUp(&'static str),
    /// Drop this answer's body.
    Discard {
        /// Changes to the response headers, the verdict among them.
        headers: HeaderChanges,
        /// When another attempt is to follow: the cluster of each attempt, the first first, as now planned.
        clusters: Option<Vec<Arc<str>>>,
    },
}

/// How the final answer is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Final {
    /// Changes to the response headers.
    pub headers: HeaderChanges,
    /// A body that replaces the one there is.
    pub body: Option<Bytes>,
}

/// What a host lends to a step: randomness, a place to tell what happened, both kinds of time.
#[derive(Debug)]
pub struct Lent<'a> {
    /// Jitter and weighted picks.
    pub rng: &'a mut fastrand::Rng,
    /// What happened, in order.
    pub happened: &'a mut Vec<Happened>,
    /// The date, for `Retry-After`.
    pub today: SystemTime,
    /// The instant.
    pub now: Instant,
}

/// A duration as milliseconds with one decimal below ten.
pub(super) fn millis(duration: Duration) -> String {
    let tenths = duration.as_micros() / 100;
    if tenths < 100 {
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        (tenths / 10).to_string()
    }
}
