//! Judges a stream that passes in a language of its own, because its caller speaks that language too.
//!
//! Invariant: what goes on is what came, byte for byte, up to the event that breaks the stream. Every event is told
//! again in the hub's form, to the same judge that reads all other streams; what is told goes no further.

use bytes::Bytes;

use super::passage::Passage;
use super::{Fault, Stage, StreamJudge, UsageFor};
use crate::dialect::hub::Chunks;
use crate::dialect::language::{About, Tale};
use crate::dialect::sse::{Event, SseReader};
use crate::dialect::usage::Usage;

/// The witness of one stream.
#[derive(Debug)]
pub(in crate::dialect) struct Witness {
    reader: SseReader,
    passage: Passage,
    account: Account,
}

/// The stream as it is told again.
#[derive(Debug)]
struct Account {
    tale: Box<dyn Tale>,
    chunks: Chunks,
    judge: StreamJudge,
    stage: Stage,
    fault: Option<(Fault, u64)>,
}

impl Account {
    fn on_event(&mut self, event: &Event<'_>) {
        if self.fault.is_none() {
            self.tale.on_event(event, &mut self.chunks);
            self.judge(event.span.start);
        }
    }

    /// The judge hears what was told; a fault stands at `place`.
    fn judge(&mut self, place: u64) {
        match self.judge.on_chunk(&self.chunks.take(), &mut Vec::new()) {
            Ok(stage) => self.stage = stage,
            Err(fault) => {
                self.fault.get_or_insert((fault, place));
            }
        }
    }
}

impl Witness {
    pub(in crate::dialect) fn new(tale: Box<dyn Tale>, about: &About<'_>) -> Self {
        Self {
            reader: SseReader::default(),
            passage: Passage::default(),
            account: Account {
                tale,
                chunks: Chunks::new(about),
                judge: StreamJudge::new(UsageFor::Client),
                stage: Stage::Waiting,
                fault: None,
            },
        }
    }

    /// As [`StreamJudge::on_chunk`].
    pub(in crate::dialect) fn on_chunk(
        &mut self,
        chunk: &Bytes,
        out: &mut Vec<Bytes>,
    ) -> Result<Stage, Fault> {
        if let Some((fault, _)) = &self.account.fault {
            return Err(fault.clone());
        }
        if self.account.stage == Stage::Done {
            out.push(chunk.clone());
            return Ok(Stage::Done);
        }
        let Self { reader, account, .. } = self;
        if reader.push(chunk, |event| account.on_event(&event)).is_err() {
            let place = reader.clean_to();
            account.fault.get_or_insert((Fault::TooLarge, place));
        }
        let clean_to = if account.stage == Stage::Done {
            reader.offset()
        } else {
            reader.clean_to()
        };
        self.let_go(chunk.clone(), clean_to, out)
    }

    /// As [`StreamJudge::on_end`].
    pub(in crate::dialect) fn on_end(&mut self, out: &mut Vec<Bytes>) -> Result<(), Fault> {
        if let Some((fault, _)) = &self.account.fault {
            return Err(fault.clone());
        }
        let Self { reader, account, .. } = self;
        let place = reader.clean_to();
        if account.stage != Stage::Done {
            if reader.finish(|event| account.on_event(&event)).is_err() {
                account.fault.get_or_insert((Fault::TooLarge, place));
            }
            account.tale.on_end(&mut account.chunks);
            account.judge(place);
            if account.fault.is_none()
                && let Err(fault) = account.judge.on_end(&mut Vec::new())
            {
                account.fault = Some((fault, place));
            }
        }
        let to = self.reader.offset();
        self.let_go(Bytes::new(), to, out).map(|_| ())
    }

    /// As [`StreamJudge::seam`].
    pub(in crate::dialect) fn seam(&self) -> &'static [u8] {
        if self.passage.is_torn() { b"\n\n" } else { b"" }
    }

    /// What the answer has taken so far, where it was told before its end.
    pub(in crate::dialect) fn spent(&self) -> Option<Usage> {
        self.account.chunks.spent()
    }

    /// What it was told to.
    pub(in crate::dialect) fn judge(&self) -> &StreamJudge {
        &self.account.judge
    }

    fn let_go(&mut self, chunk: Bytes, clean_to: u64, out: &mut Vec<Bytes>) -> Result<Stage, Fault> {
        let Some((fault, at)) = &self.account.fault else {
            self.passage.pass(chunk, clean_to, out);
            return Ok(self.account.stage);
        };
        self.passage.pass(chunk, *at, out);
        self.passage.drop_held();
        Err(fault.clone())
    }
}
