//! The access log of a test.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A buffer that the app writes into and the test reads.
#[derive(Clone, Debug, Default)]
pub struct AccessLog(Arc<Mutex<Vec<u8>>>);

impl AccessLog {
    /// The end that the app writes into.
    pub fn writer(&self) -> Box<dyn Write + Send> {
        Box::new(Writer(self.0.clone()))
    }

    /// Everything so far, as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The whole lines so far.
    pub fn lines(&self) -> Vec<Value> {
        let text = self.text();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
            .collect()
    }
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
