//! Envoy's own log: read always, kept a little, told on.
//!
//! Reading never waits for anything but Envoy, so Envoy never waits for us; a line, the lines kept and the warnings
//! told on are bounded, whatever Envoy writes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

use super::diagnosis;

/// The form that Envoy is told to write its lines in; [`Line::parse`] reads it.
pub(super) const FORMAT: &str = "[%l][%n] %v";
/// The most of a line that is kept.
const LONGEST: usize = 2048;
/// How many lines are kept for the moment Envoy ends.
const KEPT: usize = 20;
/// How many warnings are told on in one [`WINDOW`]; under load each failing request can cause one.
const WARNINGS: u32 = 20;
const WINDOW: Duration = Duration::from_secs(10);

/// The last lines of one Envoy process.
#[derive(Debug, Default)]
pub(super) struct Tail {
    lines: Mutex<VecDeque<String>>,
    is_farewell: AtomicBool,
}

impl Tail {
    fn push(&self, line: String) {
        let mut lines = self.lines.lock();
        if lines.len() >= KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Says that Envoy was asked to end: what it complains of from now on is no warning.
    pub(super) fn begin_farewell(&self) {
        self.is_farewell.store(true, Ordering::Relaxed);
    }

    fn is_farewell(&self) -> bool {
        self.is_farewell.load(Ordering::Relaxed)
    }

    /// The lines, the oldest first.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().iter().cloned().collect()
    }
}

/// Reads until the end; keeps the last lines in `tail` and tells all of them on.
pub(super) async fn forward(mut output: impl AsyncRead + Unpin, tail: Arc<Tail>) {
    let mut chunk = [0; 8192];
    let mut cutter = Cutter::default();
    let mut teller = Teller::new(Instant::now());
    let mut crash = Crash::default();
    while let Ok(read @ 1..) = output.read(&mut chunk).await {
        for line in cutter.push(&chunk[..read]) {
            if crash.dumps(&line) {
                continue;
            }
            teller.tell(&line, tail.is_farewell(), Instant::now());
            tail.push(line);
        }
    }
    if let Some(line) = cutter.rest().filter(|line| !crash.dumps(line)) {
        teller.tell(&line, tail.is_farewell(), Instant::now());
        tail.push(line);
    }
}

/// When Envoy crashes it writes out the requests it held, headers and all, and with them keys.
#[derive(Default)]
struct Crash {
    has_begun: bool,
}

impl Crash {
    /// Whether a line is part of what a crashed Envoy held: one without a head, after the crash was announced.
    fn dumps(&mut self, line: &str) -> bool {
        let parsed = Line::parse(line);
        self.has_begun |= parsed.is_some_and(|line| line.message.starts_with("Caught "));
        self.has_begun && parsed.is_none()
    }
}

/// Cuts bytes into lines; what is too long of a line is dropped.
#[derive(Default)]
struct Cutter {
    line: Vec<u8>,
}

impl Cutter {
    fn push(&mut self, mut bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.take(&bytes[..end]);
            lines.extend(self.rest());
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
        lines
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The line so far, unless there is nothing on it.
    fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        (!line.trim().is_empty()).then_some(line)
    }
}

/// What a line of the form [`FORMAT`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line<'l> {
    is_warning: bool,
    component: &'l str,
    message: &'l str,
}

impl<'l> Line<'l> {
    /// `None` for the second and later lines of a message, and for what is not from Envoy's logger.
    fn parse(line: &'l str) -> Option<Self> {
        let (level, rest) = line.strip_prefix('[')?.split_once("][")?;
        let (component, message) = rest.split_once("] ")?;
        let is_warning = match level {
            "warning" | "error" | "critical" => true,
            "trace" | "debug" | "info" => false,
            _ => return None,
        };
        Some(Self {
            is_warning,
            component,
            message,
        })
    }
}

/// Tells lines on: warnings as warnings, up to a number per window, and everything else for who debugs.
struct Teller {
    window_began: Instant,
    told: u32,
    is_warning: bool,
}

impl Teller {
    fn new(now: Instant) -> Self {
        Self {
            window_began: now,
            told: 0,
            is_warning: false,
        }
    }

    fn tell(&mut self, line: &str, is_farewell: bool, now: Instant) {
        let parsed = Line::parse(line);
        let (component, message) = parsed.map_or(("", line), |line| (line.component, line.message));
        // A line without a head belongs to the one before.
        self.is_warning = !is_farewell && parsed.map_or(self.is_warning, |line| line.is_warning);
        if !(self.is_warning && self.may_warn(now)) {
            tracing::debug!(target: "understudy::envoy", component, line = message, "Envoy says");
            return;
        }
        let meaning = diagnosis::of_line(message).map(|known| known.sentence);
        tracing::warn!(target: "understudy::envoy", component, line = message, meaning, "Envoy warns");
    }

    fn may_warn(&mut self, now: Instant) -> bool {
        if now.duration_since(self.window_began) >= WINDOW {
            let untold = self.told.saturating_sub(WARNINGS);
            if untold > 0 {
                tracing::warn!(target: "understudy::envoy", lines = untold, "Envoy warned of more, told at debug only");
            }
            (self.window_began, self.told) = (now, 0);
        }
        self.told = self.told.saturating_add(1);
        self.told <= WARNINGS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_wherever_the_chunks_end() {
        let mut cutter = Cutter::default();

        let mut lines = cutter.push(b"one\ntw");
        lines.extend(cutter.push(b"o\n\n  \nth"));
        lines.extend(cutter.push(b"ree"));

        assert_eq!(lines, ["one", "two"]);
        assert_eq!(cutter.rest().as_deref(), Some("three"));
    }

    #[test]
    fn no_line_and_no_tail_grows_without_bound() {
        let mut cutter = Cutter::default();
        let tail = Tail::default();

        for _ in 0..100 {
            assert!(cutter.push(&[b'x'; 8192]).is_empty());
        }
        let line = cutter.push(b"\n").remove(0);
        for number in 0..100 {
            tail.push(format!("{number}"));
        }

        assert_eq!(line.len(), LONGEST);
        assert_eq!(tail.lines().len(), KEPT);
        assert_eq!(tail.lines()[KEPT - 1], "99");
    }

    #[test]
    fn the_head_of_a_line_says_how_bad_it_is() {
        let line = |is_warning, component, message| {
            Some(Line {
                is_warning,
                component,
                message,
            })
        };

        assert_eq!(
            Line::parse("[critical][main] error `x`"),
            line(true, "main", "error `x`")
        );
        assert_eq!(
            Line::parse("[info][config] a [b] c"),
            line(false, "config", "a [b] c")
        );
        assert_eq!(Line::parse("  bootstrap.yaml'"), None);
        assert_eq!(Line::parse("[odd][main] x"), None);
    }

    #[test]
    fn a_flood_of_warnings_is_told_in_part_and_again_after_a_while() {
        let began = Instant::now();
        let mut teller = Teller::new(began);

        let told = (0..100).filter(|_| teller.may_warn(began)).count();

        assert_eq!(told, 20);
        assert!(teller.may_warn(began + WINDOW));
    }

    #[tokio::test]
    async fn what_a_crashed_envoy_held_is_not_read_on() {
        let tail = Arc::new(Tail::default());
        let said = "[critical][backtrace] Caught Segmentation fault\n[critical][backtrace] #0: [0x1]\n\
                    ActiveStream 0x1\n  'authorization', 'Bearer sk-secret'\n[info][main] x\n  'api-key', 'secret'";

        forward(said.as_bytes(), tail.clone()).await;

        let lines = tail.lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(!lines.concat().contains("secret"), "{lines:?}");
    }

    #[tokio::test]
    async fn everything_is_read_to_the_end() {
        let tail = Arc::new(Tail::default());

        forward(&b"[info][main] a\nb"[..], tail.clone()).await;

        assert_eq!(tail.lines(), ["[info][main] a", "b"]);
    }
}
