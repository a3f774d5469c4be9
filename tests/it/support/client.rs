//! One connection of a client.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::streaming::Streaming;
use super::waiting::within;

/// A connection; dropped, it is closed at once, whatever is on its way.
#[derive(Debug)]
pub struct Connection {
    sender: Sender,
    driver: JoinHandle<()>,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// HTTP/1.1.
    pub async fn http1(to: SocketAddr) -> Self {
        let stream = connect(to).await;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(async move {
            // How it ends is seen by whoever uses it.
            connection.await.ok();
        });
        Self {
            sender: Sender::Http1(sender),
            driver,
        }
    }

    /// HTTP/2 with prior knowledge.
    pub async fn http2(to: SocketAddr) -> Self {
        let stream = connect(to).await;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        let driver = tokio::spawn(async move {
            connection.await.ok();
        });
        Self {
            sender: Sender::Http2(sender),
            driver,
        }
    }

    /// Whether another request can be sent on it.
    pub async fn is_usable(&mut self) -> bool {
        let ready = async {
            match &mut self.sender {
                Sender::Http1(sender) => sender.ready().await.is_ok(),
                Sender::Http2(sender) => sender.ready().await.is_ok(),
            }
        };
        within("word on whether the connection is usable", ready).await
    }

    pub(super) async fn ask(&mut self, what: &str, request: Request<Full<Bytes>>) -> Streaming {
        let response = within(what, self.send(request)).await;
        Streaming::new(response.unwrap_or_else(|error| panic!("no {what}: {error:?}")))
    }

    /// Sends a request; the error when the connection breaks before an answer.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                let uri = request.uri().clone();
                let host = uri.authority().map_or("", |authority| authority.as_str());
                let host = HeaderValue::try_from(host).unwrap();
                request.headers_mut().entry(HOST).or_insert(host);
                *request.uri_mut() = uri.path_and_query().unwrap().as_str().parse().unwrap();
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn connect(to: SocketAddr) -> TcpStream {
    let stream = within("connection", TcpStream::connect(to)).await;
    let stream = stream.unwrap_or_else(|error| panic!("no connection to {to}: {error}"));
    stream.set_nodelay(true).unwrap();
    stream
}
