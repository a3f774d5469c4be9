//! A client as plain as possible: it writes bytes, reads to the end, and says how the answer ended.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::BOUND;

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// All that the head promised has come.
    pub(super) is_whole: bool,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The data of each event of a stream.
    pub(super) fn events(&self) -> Vec<String> {
        let text = self.text();
        text.split("\n\n")
            .filter_map(|event| event.strip_prefix("data: "))
            .map(str::to_owned)
            .collect()
    }

    /// The events that are JSON.
    pub(super) fn chunks(&self) -> Vec<Value> {
        self.events()
            .iter()
            .filter_map(|event| serde_json::from_str(event).ok())
            .collect()
    }

    /// The events of a stream that names them: name and data.
    pub(super) fn named_events(&self) -> Vec<(String, Value)> {
        let text = self.text();
        let events = text.split_terminator("\n\n").map(|event| {
            let (name, data) = event.split_once('\n').unwrap_or(("", event));
            let name = name.strip_prefix("event: ").unwrap_or_default();
            let data = data.strip_prefix("data: ").unwrap_or_default();
            (name.to_owned(), serde_json::from_str(data).unwrap_or_default())
        });
        events.collect()
    }

    /// What the chunks say, joined.
    pub(super) fn said(&self) -> String {
        let chunks = self.chunks();
        let said = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
        said.collect()
    }
}

/// Asks and reads the answer to its end.
pub(super) async fn ask(
    addr: SocketAddr,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let stream = TcpStream::connect(addr).await.unwrap();
    ask_on(stream, (method, path), headers, body).await.unwrap()
}

pub(super) async fn post(addr: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    ask(addr, ("POST", path), headers, body).await
}

pub(super) async fn get(addr: SocketAddr, path: &str) -> Answer {
    ask(addr, ("GET", path), &[], b"").await
}

/// Asks on a connection; an error is how it broke before there was a head.
pub(super) async fn ask_on(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    stream.write_all(&request((method, path), headers, body)).await?;
    let mut bytes = Vec::new();
    let ended = timeout(BOUND, stream.read_to_end(&mut bytes))
        .await
        .expect("the answer ends");
    match parse(&bytes) {
        Some(answer) => Ok(answer),
        None => Err(ended
            .err()
            .unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into())),
    }
}

/// The bytes of a request on a connection of its own.
pub(super) fn request((method, path): (&str, &str), headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let lines: String = headers
        .iter()
        .map(|(name, value)| [name, ": ", value, "\r\n"].concat())
        .collect();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: sim.test\r\nconnection: close\r\n{lines}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Sends a request and reads until the answer so far holds `expected`; the connection stays open.
pub(super) async fn open_until(
    addr: SocketAddr,
    path: &str,
    body: &[u8],
    expected: &str,
) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream
        .write_all(&request(("POST", path), &[], body))
        .await
        .unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(expected) {
        let read = timeout(BOUND, stream.read_buf(&mut seen))
            .await
            .expect("the expected part comes")
            .unwrap();
        assert!(
            read > 0,
            "ended before {expected}: {}",
            String::from_utf8_lossy(&seen)
        );
    }
    (stream, String::from_utf8(seen).unwrap())
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let raw = bytes[split + 4..].to_vec();
    let mut answer = Answer {
        status,
        headers,
        body: Vec::new(),
        is_whole: false,
    };
    if answer.header("transfer-encoding") == Some("chunked") {
        (answer.body, answer.is_whole) = dechunked(&raw);
    } else {
        let length: Option<usize> = answer
            .header("content-length")
            .map(|value| value.parse().unwrap());
        answer.is_whole = length == Some(raw.len());
        answer.body = raw;
    }
    Some(answer)
}

fn dechunked(mut raw: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(split) = raw.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..split]).unwrap(), 16).unwrap();
        let start = split + 2;
        if size == 0 {
            return (body, true);
        }
        let Some(chunk) = raw.get(start..start + size) else {
            break;
        };
        body.extend_from_slice(chunk);
        raw = raw.get(start + size + 2..).unwrap_or_default();
    }
    (body, false)
}
