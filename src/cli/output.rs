//! The only place that writes to the terminal: results to stdout, words beside them to stderr.
//!
//! A reader that goes away is no reason to panic: results then end with an error that [`is_closed`] knows, and words
//! are lost in silence.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use serde::Serialize;

/// Prints one line of a result.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    text_of(format_args!("{text}\n"))
}

/// Prints a result as it stands.
pub(super) fn text(text: &str) -> io::Result<()> {
    text_of(text)
}

/// Prints a result for programs, on one line.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    line(serde_json::to_string(value)?)
}

fn text_of(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    write!(stdout, "{text}")?;
    stdout.flush()
}

/// Says something beside the result.
pub(super) fn aside(text: impl Display) {
    // Nobody is there to be told that nobody is there.
    let _said = writeln!(io::stderr().lock(), "{text}").is_ok();
}

/// Says why the program failed, with all causes.
pub(super) fn complaint(error: &anyhow::Error) {
    aside(format_args!("understudy: {error:#}"));
}

/// Whether the result is read by a person.
pub(super) fn is_for_a_person() -> bool {
    io::stdout().is_terminal()
}

/// Whether that only means that the reader of our output went away.
pub(super) fn is_closed(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
