//! A small client of Envoy's admin server.
//!
//! Every question is bounded in time and in the size of its answer, and uses a connection of its own: an admin server
//! that hangs, or is none, costs its caller a few seconds and nothing else.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::stats::Stats;

/// How long an answer may take, all of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer: the configuration of a few thousand clusters.
const LARGEST: usize = 64 << 20;

/// Why the admin server gave no answer.
#[derive(Debug)]
pub enum AdminError {
    /// Nobody is there, or the connection broke.
    Unreachable {
        /// Where it was looked for.
        address: SocketAddr,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    Slow {
        /// Where it was asked.
        address: SocketAddr,
        /// What it was asked.
        path: String,
    },
    /// It answered, but not with what was asked for.
    Refused {
        /// What it was asked.
        path: String,
        /// How it answered.
        status: StatusCode,
    },
    /// Its answer is not JSON.
    NotJson {
        /// What it was asked.
        path: String,
        /// Where the JSON ends.
        source: serde_json::Error,
    },
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address, .. } => {
                write!(f, "Envoy's admin server at {address} gives no answer")
            }
            Self::Slow { address, path } => {
                write!(
                    f,
                    "Envoy's admin server at {address} did not answer `{path}` within {PATIENCE:?}"
                )
            }
            Self::Refused { path, status } => {
                write!(f, "Envoy's admin server answered `{path}` with {status}")
            }
            Self::NotJson { path, .. } => write!(
                f,
                "Envoy's admin server answered `{path}` with something else than JSON"
            ),
        }
    }
}

impl std::error::Error for AdminError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable { source, .. } => Some(source.as_ref()),
            Self::NotJson { source, .. } => Some(source),
            Self::Slow { .. } | Self::Refused { .. } => None,
        }
    }
}

/// The admin server of one Envoy.
#[derive(Debug, Clone, Copy)]
pub struct Admin {
    address: SocketAddr,
}

impl Admin {
    /// The one at `address`.
    pub const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether Envoy has all of its configuration and serves; `false` while it starts or drains.
    pub async fn is_ready(&self) -> Result<bool, AdminError> {
        let (status, _) = self.ask(Method::GET, "/ready").await?;
        Ok(status == StatusCode::OK)
    }

    /// The statistics whose names match `filter`, a regular expression; an empty one takes all.
    pub async fn stats(&self, filter: &str) -> Result<Stats, AdminError> {
        let filter = percent_encoded(filter);
        let text = self.text(&format!("/stats?filter={filter}")).await?;
        Ok(Stats::parse(&text))
    }

    /// The listeners, as JSON.
    pub async fn listeners(&self) -> Result<Value, AdminError> {
        self.json("/listeners?format=json").await
    }

    /// The clusters and their endpoints, as JSON.
    pub async fn clusters(&self) -> Result<Value, AdminError> {
        self.json("/clusters?format=json").await
    }

    /// All of the configuration that is in force, as JSON.
    pub async fn config_dump(&self) -> Result<Value, AdminError> {
        self.json("/config_dump").await
    }

    /// Asks clients to close their connections: each answer from now on says so.
    pub async fn close_connections(&self) -> Result<(), AdminError> {
        self.order("/healthcheck/fail").await
    }

    /// Stops accepting connections; those that are open are served on.
    pub async fn drain_listeners(&self) -> Result<(), AdminError> {
        self.order("/drain_listeners").await
    }

    async fn order(&self, path: &str) -> Result<(), AdminError> {
        let (status, _) = self.ask(Method::POST, path).await?;
        if status.is_success() {
            Ok(())
        } else {
            Err(AdminError::Refused {
                path: path.to_owned(),
                status,
            })
        }
    }

    /// The text at `path`, which may have a query.
    pub async fn text(&self, path: &str) -> Result<String, AdminError> {
        let (status, body) = self.ask(Method::GET, path).await?;
        if !status.is_success() {
            return Err(AdminError::Refused {
                path: path.to_owned(),
                status,
            });
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    async fn json(&self, path: &str) -> Result<Value, AdminError> {
        let text = self.text(path).await?;
        serde_json::from_str(&text).map_err(|source| AdminError::NotJson {
            path: path.to_owned(),
            source,
        })
    }

    async fn ask(&self, method: Method, path: &str) -> Result<(StatusCode, Bytes), AdminError> {
        match tokio::time::timeout(PATIENCE, self.exchange(method, path)).await {
            Ok(answer) => answer.map_err(|source| AdminError::Unreachable {
                address: self.address,
                source,
            }),
            Err(_) => Err(AdminError::Slow {
                address: self.address,
                path: path.to_owned(),
            }),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::HOST, self.address.to_string())
            .header(http::header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())?;
        let answer = async move {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), LARGEST).collect().await?;
            Ok((status, body.to_bytes()))
        };
        // The connection lives here and not in a task, so that it ends with the question.
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            ended = &mut connection => ended?,
        }
        answer.await
    }
}

/// A value for a path or a query: everything but letters, digits and the harmless signs as `%xx`.
pub(crate) fn percent_encoded(text: &str) -> String {
    let digit = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half)]);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one connection with `answer`, and gives back what was asked.
    async fn serving(answer: &'static str) -> (Admin, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = Admin::new(listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (admin, served)
    }

    #[tokio::test]
    async fn stats_are_asked_for_with_an_encoded_filter() {
        let (admin, served) = serving("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\na.b: 1\n").await;

        let stats = admin.stats("^a\\.(b|c)$").await.unwrap();

        assert_eq!(stats.counter("a.b"), 1);
        assert!(
            served
                .await
                .unwrap()
                .starts_with("GET /stats?filter=%5Ea%5C.%28b%7Cc%29%24 HTTP/1.1\r\n")
        );
    }

    #[tokio::test]
    async fn an_envoy_that_starts_is_not_ready_and_that_is_no_error() {
        let (admin, _) = serving("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;

        assert!(!admin.is_ready().await.unwrap());
    }

    #[tokio::test]
    async fn errors_say_where_and_what_was_asked() {
        let (other, _) = serving("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        let (text, _) = serving("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
        let nobody = Admin::new(SocketAddr::from(([127, 0, 0, 1], 1)));

        let refused = other.listeners().await.unwrap_err();
        let not_json = text.config_dump().await.unwrap_err();
        let unreachable = nobody.is_ready().await.unwrap_err();

        assert_eq!(
            refused.to_string(),
            "Envoy's admin server answered `/listeners?format=json` with 404 Not Found"
        );
        assert_eq!(
            not_json.to_string(),
            "Envoy's admin server answered `/config_dump` with something else than JSON"
        );
        assert_eq!(
            unreachable.to_string(),
            "Envoy's admin server at 127.0.0.1:1 gives no answer"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = Admin::new(listener.local_addr().unwrap());

        let error = admin.is_ready().await.unwrap_err();

        assert!(
            error.to_string().ends_with("did not answer `/ready` within 5s"),
            "{error}"
        );
    }
}
