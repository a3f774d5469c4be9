//! A request, told like a sentence.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::answer::Answer;
use super::client::Connection;
use super::streaming::Streaming;

/// A chat request of one sentence.
pub fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "Say hello." }] })
}

/// The same, to be streamed.
pub fn chat_stream(model: &str) -> Value {
    let mut chat = chat(model);
    chat["stream"] = true.into();
    chat
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    to: SocketAddr,
    request: Request<Full<Bytes>>,
    is_http2: bool,
}

impl Call {
    /// A request with no body.
    pub fn new(to: SocketAddr, method: Method, path: &str) -> Self {
        // HTTP/2 takes scheme and authority from here; HTTP/1.1 gets its path and a `host` of its own.
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{to}{path}"))
            .body(Full::default())
            .unwrap();
        Self {
            to,
            request,
            is_http2: false,
        }
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    /// With a body as it stands.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).unwrap();
        self.request
            .headers_mut()
            .append(name, HeaderValue::try_from(value).unwrap());
        self
    }

    /// With a key, as clients send it.
    #[must_use]
    pub fn bearer(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// Over HTTP/2 without TLS.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.is_http2 = true;
        self
    }

    /// Sends it on a connection of its own and reads the whole answer.
    pub async fn send(self) -> Answer {
        let mut connection = self.connect().await;
        self.send_on(&mut connection).await
    }

    /// Sends it on a connection that is there.
    pub async fn send_on(self, connection: &mut Connection) -> Answer {
        let ended = self.stream_on(connection).await.read_all().await;
        ended.answer()
    }

    /// Sends it on a connection of its own and reads no further than the headers of the answer.
    pub async fn stream(self) -> Streaming {
        let mut connection = self.connect().await;
        self.stream_on(&mut connection).await.keeping(connection)
    }

    /// The same, on a connection that is there.
    pub async fn stream_on(self, connection: &mut Connection) -> Streaming {
        let what = format!(
            "answer to {} {}",
            self.request.method(),
            self.request.uri().path()
        );
        connection.ask(&what, self.request).await
    }

    async fn connect(&self) -> Connection {
        if self.is_http2 {
            Connection::http2(self.to).await
        } else {
            Connection::http1(self.to).await
        }
    }
}
