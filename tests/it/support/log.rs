//! What this process has logged: all gateways of all tests in one, so look for names that only your test uses.

use std::io::{self, Write};
use std::sync::{Mutex, Once};

use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use super::waiting::until;

static TEXT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Shows what `RUST_LOG` asks for in the output of the test, and keeps everything that Understudy says.
pub(super) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let shown = layer().with_test_writer();
        let kept = layer().with_ansi(false).with_writer(|| Keep);
        let log = tracing_subscriber::registry()
            .with(shown.with_filter(EnvFilter::from_default_env()))
            .with(kept.with_filter(EnvFilter::new("understudy=trace")));
        // Who set another one wants that one.
        log.try_init().ok();
    });
}

/// Everything so far.
pub fn log_text() -> String {
    String::from_utf8_lossy(&TEXT.lock().unwrap()).into_owned()
}

/// Waits for a line that has all of these words.
pub async fn log_line(words: &[&str]) -> String {
    let found = || {
        let text = log_text();
        let line = text
            .lines()
            .find(|line| words.iter().all(|word| line.contains(word)));
        std::future::ready(line.map(str::to_owned))
    };
    let line = until(&format!("log line with {words:?}"), found, Option::is_some).await;
    line.unwrap()
}

struct Keep;

impl Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TEXT.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
