//! The client that commands ask with: every question is bounded in time and in the size of its answer.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;

/// The largest answer.
const LARGEST: usize = 64 << 20;

/// A client; clones share its connections.
#[derive(Clone)]
pub(super) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    patience: Duration,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Nobody is there.
    Nobody(Error),
    /// The connection broke, or the answer is endless.
    Broken(Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    Slow(Duration),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(_) => f.write_str("nobody answers there"),
            Self::Broken(_) => f.write_str("the answer broke off"),
            Self::Slow(patience) => write!(f, "no answer within {patience:?}"),
        }
    }
}

impl std::error::Error for Unanswered {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Nobody(error) => Some(error),
            Self::Broken(error) => Some(error.as_ref()),
            Self::Slow(_) => None,
        }
    }
}

impl Http {
    /// A client that waits so long for an answer.
    pub(super) fn patient_for(patience: Duration) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            patience,
        }
    }

    /// Asks, and reads the answer to its end.
    pub(super) async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Answer, Unanswered> {
        let whole = async {
            let (parts, body) = self.begin(request).await?.into_parts();
            let body = Limited::new(body, LARGEST).collect().await;
            Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body: body.map_err(Unanswered::Broken)?.to_bytes(),
            })
        };
        tokio::time::timeout(self.patience, whole)
            .await
            .map_err(|_| Unanswered::Slow(self.patience))?
    }

    /// Asks, and leaves the body to be read.
    pub(super) async fn begin(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Unanswered> {
        self.client.request(request).await.map_err(|error| {
            if error.is_connect() {
                Unanswered::Nobody(error)
            } else {
                Unanswered::Broken(error.into())
            }
        })
    }
}

impl Answer {
    /// A header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
