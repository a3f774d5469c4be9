//! The access line: one JSON object per request, with its attempts and OpenTelemetry's `gen_ai.*` names.
//!
//! A request never waits for the output. Lines gather in one bounded buffer that a thread of its own writes out; when
//! the output is full, slow or broken, lines are lost and counted, and nothing else happens. Nothing a client wrote
//! is longer than [`LONGEST_NAME`] characters in a line.

mod line;
mod writer;

use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus::IntCounter;

use self::line::Line;
use self::writer::Shared;
use super::event::RequestEnded;

pub use line::LONGEST_NAME;

/// Where access lines go.
pub(super) struct AccessLog {
    shared: Arc<Shared>,
    /// Ends by itself once the log is closed; not joined, since its output may never take another byte.
    _thread: JoinHandle<()>,
}

impl AccessLog {
    /// Lines go to `output`, and lines that are lost are counted in `dropped`.
    pub(super) fn to(output: Box<dyn Write + Send>, dropped: IntCounter) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new(dropped));
        let at_work = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || writer::write_until_closed(&at_work, output))?;
        Ok(Self {
            shared,
            _thread: thread,
        })
    }

    /// Takes one line, or loses it.
    pub(super) fn write(&self, event: &RequestEnded) {
        self.shared
            .append(|buffer| serde_json::to_writer(buffer, &Line(event)).is_ok());
    }

    /// Takes no more lines, and waits for those that are there to be written, but not longer than `patience`.
    pub(super) fn close(&self, patience: Duration) {
        self.shared.close(patience);
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.shared.close(Duration::ZERO);
    }
}

#[cfg(test)]
mod tests;
