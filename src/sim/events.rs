//! A streamed answer, made one step at a time, and where a fault breaks into it.
//!
//! The same for every dialect: an opening, the pieces of each block, a close, and the terminal marker. What these look
//! like is a [`Teller`]'s to say. Invariant: a fault strikes before anything was sent, or before a piece, or at the
//! latest before the close. It refuses to know about sockets; [`body`](super::body) plays its steps.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::body::{FLUSH_GRACE, Step};
use super::config::Pace;
use super::pieces::Pieces;
use super::refusal::{Reason, Refusal};
use super::saying::Saying;

/// What goes out, one event an entry.
pub(super) type Queue = VecDeque<Bytes>;

/// Writes the stream of one answer in the words of a dialect.
pub(super) trait Teller: fmt::Debug + Send {
    /// What comes before all content.
    fn open(&mut self, out: &mut Queue);

    /// A block begins.
    fn begin(&mut self, block: usize, out: &mut Queue);

    /// A piece of it.
    fn piece(&mut self, block: usize, text: &str, out: &mut Queue);

    /// It is complete.
    fn end(&mut self, block: usize, out: &mut Queue);

    /// What comes after all content.
    fn close(&mut self, out: &mut Queue);

    /// The marker without which a stream counts as cut.
    fn done(&mut self, out: &mut Queue);

    /// An error in place of all that was still to come.
    fn error(&mut self, refusal: &Refusal<'_>, out: &mut Queue);

    /// An event that cannot be read: what it holds is broken, or with `is_raw` what it is framed in.
    fn malformed(&mut self, is_raw: bool, out: &mut Queue);

    /// This block goes out whole, whatever its number of tokens.
    fn is_whole(&self, _block: usize) -> bool {
        false
    }
}

/// What breaks into a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interruption {
    pub(super) when: When,
    pub(super) kind: InterruptionKind,
}

/// The moment at which a fault breaks into a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Right after what comes before all content.
    Opened,
    /// After so many events with content; with none, before anything was sent.
    After(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InterruptionKind {
    Cut,
    Stall,
    /// An error; then the stream ends.
    Error(Breakdown),
    /// One event that cannot be read; the stream goes on.
    Malformed {
        is_raw: bool,
    },
}

/// The error that a stream ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Breakdown {
    pub(super) reason: Reason,
    /// Another message than the usual one.
    pub(super) message: Option<String>,
    pub(super) retry_after: Option<String>,
    pub(super) is_raw: bool,
}

impl Breakdown {
    pub(super) fn refusal<'a>(&'a self, request_id: &'a str) -> Refusal<'a> {
        Refusal {
            message: self.message.as_deref(),
            retry_after: self.retry_after.as_deref(),
            is_raw: self.is_raw,
            ..Refusal::new(&self.reason, request_id)
        }
    }
}

/// How a stream differs from a plain answer.
#[derive(Clone, Debug)]
pub(super) struct StreamPlan {
    pub(super) pace: Pace,
    pub(super) request_id: String,
    pub(super) interruption: Option<Interruption>,
    pub(super) has_done: bool,
}

/// The events that are still to come.
#[derive(Debug)]
pub(super) struct Events {
    teller: Box<dyn Teller>,
    saying: Arc<Saying>,
    plan: StreamPlan,
    queue: Queue,
    /// What is left of the block that is being told.
    pieces: Pieces,
    sent: u32,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    Open,
    /// This block, if there is such a one.
    Begin(usize),
    Piece(usize),
    Pause(usize),
    End(usize),
    Close,
    Done,
    Stalled,
    Cut,
    Over,
}

impl Events {
    pub(super) fn new(teller: Box<dyn Teller>, saying: Arc<Saying>, plan: StreamPlan) -> Self {
        Self {
            teller,
            saying,
            plan,
            queue: Queue::new(),
            pieces: Pieces::new("", 0),
            sent: 0,
            phase: Phase::Start,
        }
    }

    /// The next step, or `None` after the last.
    pub(super) fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(Step::Send(event));
            }
            let step = match self.due() {
                Some(kind) => self.interrupt(kind),
                None if self.phase == Phase::Over => return None,
                None => self.advance(),
            };
            if step.is_some() {
                return step;
            }
        }
    }

    /// Does what this phase is for and goes on to the next.
    fn advance(&mut self) -> Option<Step> {
        let out = &mut self.queue;
        match self.phase {
            Phase::Start => {
                self.phase = Phase::Open;
                return pause(self.plan.pace.first_token);
            }
            Phase::Open => {
                self.teller.open(out);
                self.phase = Phase::Begin(0);
            }
            Phase::Begin(block) => match self.saying.blocks.get(block) {
                Some(told) => {
                    self.teller.begin(block, out);
                    let is_whole = self.teller.is_whole(block);
                    self.pieces = Pieces::new(&told.text, if is_whole { 1 } else { told.tokens });
                    let is_first = block == 0;
                    self.phase = if is_first {
                        Phase::Piece(block)
                    } else {
                        Phase::Pause(block)
                    };
                }
                None => self.phase = Phase::Close,
            },
            Phase::Pause(block) => {
                self.phase = Phase::Piece(block);
                return pause(self.plan.pace.inter_token);
            }
            Phase::Piece(block) => self.piece(block),
            Phase::End(block) => {
                self.teller.end(block, out);
                self.phase = Phase::Begin(block + 1);
            }
            Phase::Close => {
                self.teller.close(out);
                self.phase = Phase::Done;
            }
            Phase::Done => {
                if self.plan.has_done {
                    self.teller.done(out);
                }
                self.phase = Phase::Over;
            }
            Phase::Stalled => return Some(Step::Stall),
            Phase::Cut => {
                self.phase = Phase::Over;
                return Some(Step::Cut);
            }
            Phase::Over => {}
        }
        None
    }

    fn piece(&mut self, block: usize) {
        let text = self.saying.blocks.get(block).map_or("", |told| &told.text);
        if let Some(piece) = self.pieces.next_of(text) {
            self.teller.piece(block, piece, &mut self.queue);
            self.sent += 1;
        }
        self.phase = if self.pieces.is_over() {
            Phase::End(block)
        } else {
            Phase::Pause(block)
        };
    }

    /// The fault, when its moment has come.
    fn due(&mut self) -> Option<InterruptionKind> {
        let (phase, sent) = (self.phase, self.sent);
        let is_due = |interruption: &mut Interruption| match (phase, interruption.when) {
            (Phase::Open, When::After(events)) => events == 0,
            (Phase::Piece(_), When::Opened) | (Phase::Close, _) => true,
            (Phase::Piece(_), When::After(events)) => sent > 0 && events <= sent,
            _ => false,
        };
        Some(self.plan.interruption.take_if(is_due)?.kind)
    }

    fn interrupt(&mut self, kind: InterruptionKind) -> Option<Step> {
        match kind {
            InterruptionKind::Cut => {
                self.phase = Phase::Cut;
                pause(FLUSH_GRACE)
            }
            InterruptionKind::Stall => {
                self.phase = Phase::Stalled;
                None
            }
            InterruptionKind::Error(breakdown) => {
                self.phase = Phase::Over;
                let refusal = breakdown.refusal(&self.plan.request_id);
                self.teller.error(&refusal, &mut self.queue);
                None
            }
            InterruptionKind::Malformed { is_raw } => {
                self.teller.malformed(is_raw, &mut self.queue);
                None
            }
        }
    }
}

fn pause(length: Duration) -> Option<Step> {
    (!length.is_zero()).then_some(Step::Wait(length))
}
