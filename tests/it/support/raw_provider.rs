//! A provider that does byte for byte what a script says, one script per connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::waiting::until;

/// What to do on one connection, step by step. At its end the connection is closed in good order.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    ReadHead,
    ReadRequest,
    Write(Vec<u8>),
    Pause(Duration),
    Await(Arc<Notify>),
    Again,
    Reset,
    Hold,
}

impl Script {
    /// Accepts the connection, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a whole request, and answers it so, for every request of the connection.
    pub fn answering(response: impl Into<Vec<u8>>) -> Self {
        Self::new().read_request().write(response).again()
    }

    /// A JSON answer with this status, for every request of the connection.
    pub fn json(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::answering(format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }

    /// Reads up to the end of a request's headers.
    #[must_use]
    pub fn read_head(self) -> Self {
        self.then(Step::ReadHead)
    }

    /// Reads a request to its end.
    #[must_use]
    pub fn read_request(self) -> Self {
        self.then(Step::ReadRequest)
    }

    /// Writes these bytes, in a packet of their own.
    #[must_use]
    pub fn write(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Write(bytes.into()))
    }

    /// Writes one chunk of a chunked body.
    #[must_use]
    pub fn write_chunk(self, text: &str) -> Self {
        self.write(format!("{:x}\r\n{text}\r\n", text.len()))
    }

    /// Does nothing for this long: to be late, not to wait for something.
    #[must_use]
    pub fn pause(self, length: Duration) -> Self {
        self.then(Step::Pause(length))
    }

    /// Waits until the test says so, by `notify_one`.
    #[must_use]
    pub fn wait_for(self, word: &Arc<Notify>) -> Self {
        self.then(Step::Await(word.clone()))
    }

    /// Starts from the first step.
    #[must_use]
    pub fn again(self) -> Self {
        self.then(Step::Again)
    }

    /// Breaks the connection with a TCP reset.
    #[must_use]
    pub fn reset(self) -> Self {
        self.then(Step::Reset)
    }

    /// Keeps the connection open until the other side closes it.
    #[must_use]
    pub fn hold(self) -> Self {
        self.then(Step::Hold)
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct RawRequest {
    /// The lines up to the empty one.
    pub head: String,
    /// What came after, with any chunked coding taken off.
    pub body: Vec<u8>,
}

impl RawRequest {
    /// The first line.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut found = headers.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }
}

/// A running scripted provider. Dropped, it stops.
#[derive(Debug)]
pub struct RawProvider {
    address: SocketAddr,
    seen: Arc<Seen>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    connections: Mutex<usize>,
    requests: Mutex<Vec<RawRequest>>,
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl RawProvider {
    /// Plays the scripts in turn, one per connection; the last one for all further connections.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scripts: Vec<Script> = scripts.into_iter().collect();
        assert!(!scripts.is_empty(), "a scripted provider needs a script");
        let seen = Arc::new(Seen::default());
        let accepting = tokio::spawn(accept(listener, scripts, seen.clone()));
        Self {
            address,
            seen,
            accepting,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a configuration names as its endpoint.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<RawRequest> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// The connections so far.
    pub fn connections(&self) -> usize {
        *self.seen.connections.lock().unwrap()
    }

    /// Waits until this many requests have come.
    pub async fn requests_when(&self, count: usize) -> Vec<RawRequest> {
        let look = || std::future::ready(self.requests());
        until(&format!("{count} requests"), look, |seen| seen.len() >= count).await
    }
}

impl Drop for RawProvider {
    fn drop(&mut self) {
        self.accepting.abort();
        for connection in self.seen.running.lock().unwrap().drain(..) {
            connection.abort();
        }
    }
}

async fn accept(listener: TcpListener, scripts: Vec<Script>, seen: Arc<Seen>) {
    let mut number = 0;
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let script = scripts[number.min(scripts.len() - 1)].clone();
        number += 1;
        *seen.connections.lock().unwrap() = number;
        let played = tokio::spawn(play(stream, script, seen.clone()));
        seen.running.lock().unwrap().push(played);
    }
}

/// Ends early when the other side is gone.
async fn play(mut stream: TcpStream, script: Script, seen: Arc<Seen>) {
    let mut unread = Vec::new();
    let mut steps = script.steps.iter();
    while let Some(step) = steps.next() {
        let went_well = match step {
            Step::ReadHead => read_head(&mut stream, &mut unread, &seen).await.is_some(),
            Step::ReadRequest => read_request(&mut stream, &mut unread, &seen).await.is_some(),
            Step::Write(bytes) => stream.write_all(bytes).await.is_ok(),
            Step::Pause(length) => {
                tokio::time::sleep(*length).await;
                true
            }
            Step::Await(word) => {
                word.notified().await;
                true
            }
            Step::Again => {
                steps = script.steps.iter();
                true
            }
            Step::Reset => return drop(stream.set_zero_linger()),
            Step::Hold => {
                while matches!(stream.read_buf(&mut unread).await, Ok(1..)) {}
                false
            }
        };
        if !went_well {
            return;
        }
    }
}

async fn read_head(stream: &mut TcpStream, unread: &mut Vec<u8>, seen: &Seen) -> Option<()> {
    let end = fill_until(stream, unread, b"\r\n\r\n").await?;
    let head: Vec<u8> = unread.drain(..end).collect();
    let head = String::from_utf8_lossy(&head).trim_end().to_owned();
    seen.requests.lock().unwrap().push(RawRequest {
        head,
        body: Vec::new(),
    });
    Some(())
}

async fn read_request(stream: &mut TcpStream, unread: &mut Vec<u8>, seen: &Seen) -> Option<()> {
    let end = fill_until(stream, unread, b"\r\n\r\n").await?;
    let head: Vec<u8> = unread.drain(..end).collect();
    let head = String::from_utf8_lossy(&head).trim_end().to_owned();
    let mut request = RawRequest {
        head,
        body: Vec::new(),
    };
    if request.header("transfer-encoding").is_some() {
        loop {
            let end = fill_until(stream, unread, b"\r\n").await?;
            let line: Vec<u8> = unread.drain(..end).collect();
            let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).ok()?;
            fill_to(stream, unread, size + 2).await?;
            request.body.extend(unread.drain(..size + 2).take(size));
            if size == 0 {
                break;
            }
        }
    } else {
        let length = request
            .header("content-length")
            .map_or(Some(0), |text| text.parse().ok())?;
        fill_to(stream, unread, length).await?;
        request.body = unread.drain(..length).collect();
    }
    seen.requests.lock().unwrap().push(request);
    Some(())
}

async fn fill_until(stream: &mut TcpStream, unread: &mut Vec<u8>, mark: &[u8]) -> Option<usize> {
    loop {
        if let Some(start) = unread.windows(mark.len()).position(|window| window == mark) {
            return Some(start + mark.len());
        }
        read_some(stream, unread).await?;
    }
}

async fn fill_to(stream: &mut TcpStream, unread: &mut Vec<u8>, length: usize) -> Option<()> {
    while unread.len() < length {
        read_some(stream, unread).await?;
    }
    Some(())
}

async fn read_some(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    matches!(stream.read_buf(unread).await, Ok(1..)).then_some(())
}
