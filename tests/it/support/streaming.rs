//! An answer that is being read.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::answer::{self, Answer, Hop};
use super::client::Connection;
use super::waiting::within;

/// An answer whose headers are there. Dropped, the client has gone away.
#[derive(Debug)]
pub struct Streaming {
    /// The status.
    pub status: StatusCode,
    /// Which HTTP it comes in.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    read: BytesMut,
    connection: Option<Connection>,
}

/// How the body ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As the protocol says.
    Clean,
    /// The transfer broke off.
    Broken(String),
}

/// All of an answer, and how it ended.
#[derive(Clone, Debug)]
pub struct Ended {
    answer: Answer,
    /// How the body ended.
    pub ending: Ending,
}

impl Ended {
    /// The answer, which must have ended cleanly.
    pub fn answer(self) -> Answer {
        assert_eq!(
            self.ending,
            Ending::Clean,
            "the body broke off: {:?}",
            self.answer
        );
        self.answer
    }

    /// What arrived of the answer, however it ended.
    pub fn partial(&self) -> &Answer {
        &self.answer
    }

    /// The payloads of the events of the body, `[DONE]` included.
    pub fn events(&self) -> Vec<String> {
        events(&self.answer.body)
    }
}

impl Streaming {
    pub(super) fn new(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            version: head.version,
            headers: head.headers,
            body,
            read: BytesMut::new(),
            connection: None,
        }
    }

    pub(super) fn keeping(mut self, connection: Connection) -> Self {
        self.connection = Some(connection);
        self
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        answer::header(&self.headers, name)
    }

    /// The attempts that `x-understudy-trail` tells.
    pub fn trail(&self) -> Vec<Hop> {
        answer::trail(&self.headers)
    }

    /// The trail in short: `["a rate_limited", "b ok"]`.
    pub fn hops(&self) -> Vec<String> {
        answer::hops(&self.trail())
    }

    /// The next piece of the body; `None` at its clean end.
    pub async fn chunk(&mut self) -> Option<Bytes> {
        let piece = self.next().await;
        piece.unwrap_or_else(|error| panic!("the body broke off after {:?}: {error:?}", self.text()))
    }

    /// Reads on until `text` has arrived.
    pub async fn read_until(&mut self, text: &str) {
        while !self.text().contains(text) {
            let is_over = self.chunk().await.is_none();
            assert!(!is_over, "the body ended before {text:?}: {:?}", self.text());
        }
    }

    /// What has been read of the body.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Reads the rest, however it ends.
    pub async fn read_all(mut self) -> Ended {
        let ending = loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => break Ending::Clean,
                Err(error) => break Ending::Broken(format!("{error:?}")),
            }
        };
        let answer = Answer {
            status: self.status,
            version: self.version,
            headers: self.headers,
            body: self.read.freeze(),
        };
        Ended { answer, ending }
    }

    async fn next(&mut self) -> hyper::Result<Option<Bytes>> {
        loop {
            let frame = within("piece of the body", self.body.frame()).await;
            let Some(frame) = frame.transpose()? else {
                return Ok(None);
            };
            if let Ok(piece) = frame.into_data() {
                self.read.extend_from_slice(&piece);
                return Ok(Some(piece));
            }
        }
    }
}

fn events(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
    let data = |event: &str| {
        let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
        let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    text.split("\n\n").filter_map(data).collect()
}
