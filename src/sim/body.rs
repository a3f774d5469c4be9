//! The body of an answer: whole at once, or a script of events, pauses and sudden ends.
//!
//! Invariant: the request counts as under way until the last byte is handed over or the caller leaves.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::events::Events;
use super::stats::InFlight;

/// How long what was sent has to reach the wire before the connection is cut.
pub(super) const FLUSH_GRACE: Duration = Duration::from_millis(5);

/// One move of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// Nothing more ever comes. It has to be the last step.
    Stall,
    /// The connection breaks off.
    Cut,
}

/// Where the moves come from.
#[derive(Debug)]
pub(super) enum Script {
    /// Made while they are sent.
    Events(Box<Events>),
    /// Known before; the length is what the head of the answer promises.
    Steps {
        steps: VecDeque<Step>,
        length: Option<u64>,
    },
}

impl Script {
    pub(super) fn steps(steps: impl IntoIterator<Item = Step>, length: Option<usize>) -> Self {
        Self::Steps {
            steps: steps.into_iter().collect(),
            length: length.and_then(|it| u64::try_from(it).ok()),
        }
    }

    fn next(&mut self) -> Option<Step> {
        match self {
            Self::Events(events) => events.next(),
            // A stall is kept, so that whoever asks again hears the same.
            Self::Steps { steps, .. } if steps.front() == Some(&Step::Stall) => Some(Step::Stall),
            Self::Steps { steps, .. } => steps.pop_front(),
        }
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Steps { steps, .. } if steps.is_empty())
    }
}

/// A body, and the guard of the request it answers.
#[derive(Debug)]
pub(super) struct SimBody {
    kind: Kind,
    in_flight: Option<InFlight>,
}

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Script {
        script: Script,
        pause: Option<Pin<Box<Sleep>>>,
    },
}

impl SimBody {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            kind: Kind::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())),
            in_flight: None,
        }
    }

    pub(super) fn script(script: Script) -> Self {
        Self {
            kind: Kind::Script { script, pause: None },
            in_flight: None,
        }
    }

    /// The request ends with this body.
    pub(super) fn carry(&mut self, mut in_flight: InFlight) {
        if self.is_end_stream() {
            in_flight.finish();
        }
        self.in_flight = Some(in_flight);
    }

    fn finish(&mut self) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.finish();
        }
    }
}

impl Body for SimBody {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let end = match &mut this.kind {
            Kind::Whole(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Kind::Script { script, pause } => loop {
                if let Some(running) = pause {
                    ready!(running.as_mut().poll(cx));
                    *pause = None;
                }
                match script.next() {
                    Some(Step::Send(bytes)) => {
                        // Of a body of known length, nobody asks for what comes after its last byte.
                        if script.is_done() {
                            break Some(Ok(Frame::data(bytes)));
                        }
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                    Some(Step::Wait(length)) => *pause = Some(Box::pin(sleep(length))),
                    Some(Step::Stall) => return Poll::Pending,
                    Some(Step::Cut) => break Some(Err(CutShort)),
                    None => break None,
                }
            },
        };
        this.finish();
        Poll::Ready(end)
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.kind, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Script {
                script: Script::Steps {
                    length: Some(length), ..
                },
                ..
            } => SizeHint::with_exact(*length),
            Kind::Script { .. } => SizeHint::default(),
        }
    }
}

/// The answer breaks off on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CutShort;

impl fmt::Display for CutShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated provider cut its answer short on purpose")
    }
}

impl Error for CutShort {}
