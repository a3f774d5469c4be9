//! A bounded buffer of finished lines, and the thread that empties it.
//!
//! Whoever appends holds the lock for the time of writing one line into memory, never for a write to the output. The
//! buffer is swapped for an empty one and written as a whole, so that a busy server makes few system calls.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use prometheus::IntCounter;

/// Bytes that may wait for the output; beyond them, lines are lost.
pub(super) const MOST_WAITING: usize = 4 << 20;
/// Waiting this long for more lines before writing saves waking a thread and a system call per line, and nobody sees
/// the delay.
const LINGER: Duration = Duration::from_millis(50);

/// What the appending side and the writing thread share.
pub(super) struct Shared {
    waiting: Mutex<Waiting>,
    /// Something is to be written, or the log was closed.
    changed: Condvar,
    /// The thread has ended.
    ended: Condvar,
    dropped: IntCounter,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    closed: bool,
    ended: bool,
}

impl Shared {
    pub(super) fn new(dropped: IntCounter) -> Self {
        Self {
            waiting: Mutex::default(),
            changed: Condvar::new(),
            ended: Condvar::new(),
            dropped,
        }
    }

    /// Appends what `line` writes, without its end; it is lost when there is no room or `line` answers false.
    pub(super) fn append(&self, line: impl FnOnce(&mut Vec<u8>) -> bool) {
        let mut waiting = self.waiting.lock();
        let before = waiting.lines.len();
        if waiting.closed || before >= MOST_WAITING {
            self.dropped.inc();
            return;
        }
        if !line(&mut waiting.lines) {
            waiting.lines.truncate(before);
            self.dropped.inc();
            return;
        }
        waiting.lines.push(b'\n');
        if before == 0 {
            self.changed.notify_one();
        }
    }

    pub(super) fn close(&self, patience: Duration) {
        let mut waiting = self.waiting.lock();
        waiting.closed = true;
        self.changed.notify_one();
        if !patience.is_zero() {
            self.ended
                .wait_while_for(&mut waiting, |waiting| !waiting.ended, patience);
        }
    }

    /// The lines that wait, once there are any; none once the log is closed and everything was taken.
    fn take(&self, empty: Vec<u8>) -> Option<Vec<u8>> {
        let mut waiting = self.waiting.lock();
        self.changed.wait_while(&mut waiting, |waiting| {
            waiting.lines.is_empty() && !waiting.closed
        });
        if waiting.lines.is_empty() {
            return None;
        }
        if !waiting.closed {
            // Woken early only by a close: a line that joins others wakes nobody.
            self.changed.wait_for(&mut waiting, LINGER);
        }
        Some(std::mem::replace(&mut waiting.lines, empty))
    }
}

/// The work of the thread.
pub(super) fn write_until_closed(shared: &Shared, mut output: Box<dyn Write + Send>) {
    let mut spare = Vec::new();
    let mut torn = false;
    while let Some(mut lines) = shared.take(spare) {
        let written = write_lines(&mut output, &lines, torn);
        torn = written.torn;
        shared.dropped.inc_by(written.lost);
        lines.clear();
        lines.shrink_to(MOST_WAITING / 16);
        spare = lines;
    }
    shared.waiting.lock().ended = true;
    shared.ended.notify_all();
}

/// How a batch of lines fared.
#[derive(Debug, PartialEq, Eq)]
struct Written {
    /// Lines that are not in the output, or not whole.
    lost: u64,
    /// Whether the output ends inside a line.
    torn: bool,
}

/// Writes all lines or as many as the output takes; `torn` says that it ended inside a line before.
fn write_lines(output: &mut dyn Write, lines: &[u8], torn: bool) -> Written {
    if torn && write_all(output, b"\n") == 0 {
        return Written {
            lost: count_lines(lines),
            torn,
        };
    }
    let taken = write_all(output, lines);
    let (done, left) = lines.split_at(taken);
    Written {
        lost: count_lines(left),
        torn: done.last().is_some_and(|byte| *byte != b'\n'),
    }
}

/// How many bytes the output took before it failed.
fn write_all(output: &mut dyn Write, bytes: &[u8]) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        match output.write(&bytes[taken..]) {
            Ok(0) => break,
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    // What an output with a buffer of its own could not pass on is not known: nothing of it counts as written.
    if output.flush().is_err() { 0 } else { taken }
}

#[expect(clippy::naive_bytecount, reason = "runs only after the output has failed")]
fn count_lines(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that takes `room` bytes and then fails.
    struct Full {
        room: usize,
        taken: Vec<u8>,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_output_loses_whole_lines_and_a_torn_one_is_ended_first() {
        let mut output = Full {
            room: 6,
            taken: Vec::new(),
        };

        let written = write_lines(&mut output, b"one\ntwo\nthree\n", false);
        assert_eq!(written, Written { lost: 2, torn: true });

        let written = write_lines(&mut output, b"four\n", true);
        assert_eq!(written, Written { lost: 1, torn: true });

        output.room = 100;
        let written = write_lines(&mut output, b"five\n", true);
        assert_eq!(written, Written { lost: 0, torn: false });
        assert_eq!(output.taken, b"one\ntw\nfive\n");
    }
}
