//! The way of one stream from its provider to its caller: into the hub's form, past the judge, out of it again.
//!
//! Invariant: whatever the languages on both ends, one judge says when a stream has said something, what breaks it
//! and whether it is complete. Where both ends speak the same language the bytes pass as they came. It knows no time
//! and no transport.

use bytes::Bytes;

use super::hub::Chunks;
use super::language::{About, Inlet};
use super::messages::Outlet;
use super::responses::Responses;
use super::stream::{Fault, Stage, StreamJudge, UsageFor, Witness, error_event};
use super::usage::Usage;
use super::{Carriage, Dialect, messages};
use crate::catalog::Surface;

/// One stream on its way.
#[derive(Debug)]
pub struct Course {
    surface: Surface,
    leg: Leg,
    outlet: Option<Box<Outlet>>,
}

/// The way to the judge, and past it.
#[derive(Debug)]
enum Leg {
    /// It speaks the hub's language already.
    Hub(StreamJudge),
    /// It is turned into the hub's.
    Translated {
        inlet: Box<dyn Inlet>,
        chunks: Box<Chunks>,
        judge: StreamJudge,
    },
    /// It passes in its own.
    Witnessed(Box<Witness>),
}

impl Course {
    /// The way of a stream that begins at a provider of `dialect` and ends at a caller of `surface`.
    pub fn new(dialect: Dialect, surface: Surface, usage_for: UsageFor, about: &About<'_>) -> Course {
        if surface == Surface::Responses {
            return Self::of(
                surface,
                Leg::Witnessed(Box::new(Witness::new(Box::new(Responses), about))),
            );
        }
        if surface == Surface::Messages && dialect.carriage(surface) == Carriage::Native {
            let tale = super::anthropic::tale();
            return Self::of(surface, Leg::Witnessed(Box::new(Witness::new(tale, about))));
        }
        match dialect.language().stream() {
            None => Self::of_hub(surface, usage_for, about),
            Some(inlet) => {
                let leg = Leg::Translated {
                    inlet,
                    chunks: Box::new(Chunks::new(about)),
                    judge: judge(surface, usage_for),
                };
                Self::with_outlet(surface, leg, about)
            }
        }
    }

    /// The way of a stream that is in the hub's form.
    pub(super) fn of_hub(surface: Surface, usage_for: UsageFor, about: &About<'_>) -> Course {
        Self::with_outlet(surface, Leg::Hub(judge(surface, usage_for)), about)
    }

    fn of(surface: Surface, leg: Leg) -> Course {
        Self {
            surface,
            leg,
            outlet: None,
        }
    }

    fn with_outlet(surface: Surface, leg: Leg, about: &About<'_>) -> Course {
        let outlet = (surface == Surface::Messages).then(|| Box::new(Outlet::new(about)));
        Self { surface, leg, outlet }
    }

    /// Reads the next chunk, and adds to `out` what may go on because of it; as [`StreamJudge::on_chunk`].
    pub fn on_chunk(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Result<Stage, Fault> {
        let Some(outlet) = &mut self.outlet else {
            return self.leg.on_chunk(chunk, out);
        };
        let mut passed = Vec::new();
        let read = self.leg.on_chunk(chunk, &mut passed);
        let told = passed.iter().try_for_each(|hub| outlet.on_chunk(hub, out));
        read.and_then(|stage| told.map(|()| stage))
    }

    /// The stream has ended; as [`StreamJudge::on_end`].
    pub fn on_end(&mut self, out: &mut Vec<Bytes>) -> Result<(), Fault> {
        let Some(outlet) = &mut self.outlet else {
            return self.leg.on_end(out);
        };
        let mut passed = Vec::new();
        let read = self.leg.on_end(&mut passed);
        let told = passed.iter().try_for_each(|hub| outlet.on_chunk(hub, out));
        read.and(told).and_then(|()| outlet.on_end(out))
    }

    /// Our own last event: what a caller gets when a stream that it reads already breaks.
    pub fn error_event(&self, label: &str, message: &str) -> Bytes {
        let event = match self.surface {
            Surface::Messages => messages::error_event(label, message),
            _ => error_event(label, message),
        };
        match self.leg.seam() {
            b"" => event,
            seam => [seam, &event].concat().into(),
        }
    }

    /// Whether its bytes reach the caller in another form than they came in.
    pub fn is_translated(&self) -> bool {
        self.outlet.is_some() || matches!(self.leg, Leg::Translated { .. })
    }

    /// The last usage that was seen.
    pub fn usage(&self) -> Option<Usage> {
        self.leg.judge().usage().or_else(|| self.leg.spent())
    }

    /// The model that the stream says it is from.
    pub fn answer_model(&self) -> Option<&str> {
        self.leg.judge().answer_model()
    }
}

/// Whoever translates the stream further needs its usage.
fn judge(surface: Surface, usage_for: UsageFor) -> StreamJudge {
    StreamJudge::new(if surface == Surface::Messages {
        UsageFor::Client
    } else {
        usage_for
    })
}

impl Leg {
    fn on_chunk(&mut self, chunk: &Bytes, out: &mut Vec<Bytes>) -> Result<Stage, Fault> {
        match self {
            Self::Hub(judge) => judge.on_chunk(chunk, out),
            Self::Witnessed(witness) => witness.on_chunk(chunk, out),
            Self::Translated { inlet, chunks, judge } => {
                inlet.on_chunk(chunk, chunks);
                judge.on_chunk(&chunks.take(), out)
            }
        }
    }

    fn on_end(&mut self, out: &mut Vec<Bytes>) -> Result<(), Fault> {
        match self {
            Self::Hub(judge) => judge.on_end(out),
            Self::Witnessed(witness) => witness.on_end(out),
            Self::Translated { inlet, chunks, judge } => {
                inlet.on_end(chunks);
                judge.on_chunk(&chunks.take(), out)?;
                judge.on_end(out)
            }
        }
    }

    fn seam(&self) -> &'static [u8] {
        match self {
            Self::Hub(judge) | Self::Translated { judge, .. } => judge.seam(),
            Self::Witnessed(witness) => witness.seam(),
        }
    }

    /// What the answer has taken so far, where it was told early and no event of the hub's has said it yet.
    fn spent(&self) -> Option<Usage> {
        match self {
            Self::Hub(_) => None,
            Self::Translated { chunks, .. } => chunks.spent(),
            Self::Witnessed(witness) => witness.spent(),
        }
    }

    fn judge(&self) -> &StreamJudge {
        match self {
            Self::Hub(judge) | Self::Translated { judge, .. } => judge,
            Self::Witnessed(witness) => witness.judge(),
        }
    }
}
