//! The last requests, as they arrived.
//!
//! Invariant: keys are masked wherever a request is printed, serialised or debugged; only [`UnmaskedRequest`], which
//! tests ask for by name, gives them out, and it masks itself in `Debug` too. The memory held is bounded.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, Version};
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::dialect::Dialect;
use super::fault::Fault;
use super::mask::{masked_form, masked_path, masked_value};

/// How much of a body is kept.
pub(super) const BODY_KEPT: usize = 16 * 1024;

/// A request that reached the provider, with its keys masked.
#[derive(Clone)]
pub struct ReceivedRequest(Arc<Entry>);

pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) received: SystemTime,
    pub(super) connection: u64,
    pub(super) server_name: Option<Arc<str>>,
    pub(super) dialect: Option<Dialect>,
    pub(super) version: Version,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: KeptBody,
    pub(super) status: Option<u16>,
    pub(super) fault: Option<Fault>,
}

/// The beginning of a body, and what can be said of the whole.
pub(super) struct KeptBody {
    start: Bytes,
    size: usize,
    sha256: Option<[u8; 32]>,
}

impl KeptBody {
    /// The body of a request for a token, whose secrets are not kept.
    pub(super) fn of_form(body: &Bytes) -> Self {
        Self::of(&Bytes::from(masked_form(&String::from_utf8_lossy(body))))
    }

    pub(super) fn of(body: &Bytes) -> Self {
        let is_long = body.len() > BODY_KEPT;
        Self {
            start: Bytes::copy_from_slice(&body[..body.len().min(BODY_KEPT)]),
            size: body.len(),
            sha256: is_long.then(|| Sha256::digest(body).into()),
        }
    }
}

impl ReceivedRequest {
    /// Counts up from 1 over the life of the provider.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// When it was read.
    pub fn received(&self) -> SystemTime {
        self.0.received
    }

    /// Which connection it came on, counted from 1.
    pub fn connection(&self) -> u64 {
        self.0.connection
    }

    /// The name the caller asked for in its TLS greeting.
    pub fn server_name(&self) -> Option<&str> {
        self.0.server_name.as_deref()
    }

    /// The dialect whose path it came on, if it is one of any.
    pub fn dialect(&self) -> Option<Dialect> {
        self.0.dialect
    }

    /// `HTTP/1.1` or `HTTP/2.0`.
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Path and query, with keys in the query masked.
    pub fn path(&self) -> String {
        masked_path(&self.0.uri)
    }

    /// Names and values in the order of arrival, keys masked. `HTTP/2`'s `:authority` is shown as `host`.
    pub fn headers(&self) -> Vec<(String, String)> {
        let host = self
            .0
            .uri
            .authority()
            .filter(|_| !self.0.headers.contains_key("host"));
        let host = host.map(|authority| ("host".to_owned(), authority.to_string()));
        let rest = self.0.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), masked_value(name.as_str(), &value))
        });
        host.into_iter().chain(rest).collect()
    }

    /// The first 16 KiB of the body.
    pub fn body(&self) -> &[u8] {
        &self.0.body.start
    }

    /// How long the whole body was.
    pub fn body_size(&self) -> usize {
        self.0.body.size
    }

    /// The SHA-256 of the whole body, in hexadecimal.
    pub fn body_sha256(&self) -> String {
        let digest = self
            .0
            .body
            .sha256
            .unwrap_or_else(|| Sha256::digest(&self.0.body.start).into());
        digest.iter().fold(String::with_capacity(64), |text, byte| {
            text + &format!("{byte:02x}")
        })
    }

    /// The status that it was answered with, if any.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The fault that struck it.
    pub fn fault(&self) -> Option<Fault> {
        self.0.fault
    }
}

impl Serialize for ReceivedRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self
            .received()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        let mut request = serializer.serialize_struct("ReceivedRequest", 14)?;
        request.serialize_field("number", &self.number())?;
        request.serialize_field("received_unix_ms", &u64::try_from(millis).unwrap_or(u64::MAX))?;
        request.serialize_field("connection", &self.connection())?;
        request.serialize_field("server_name", &self.server_name())?;
        request.serialize_field("dialect", &self.dialect())?;
        request.serialize_field("version", &format!("{:?}", self.version()))?;
        request.serialize_field("method", self.method().as_str())?;
        request.serialize_field("path", &self.path())?;
        request.serialize_field("headers", &self.headers())?;
        request.serialize_field("body_size", &self.body_size())?;
        request.serialize_field("body_sha256", &self.body_sha256())?;
        request.serialize_field("body", &String::from_utf8_lossy(self.body()))?;
        request.serialize_field("status", &self.status())?;
        request.serialize_field("fault", &self.fault())?;
        request.end()
    }
}

impl fmt::Debug for ReceivedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedRequest")
            .field("number", &self.number())
            .field("method", self.method())
            .field("path", &self.path())
            .field("headers", &self.headers())
            .field("body_size", &self.body_size())
            .field("status", &self.status())
            .field("fault", &self.fault())
            .finish_non_exhaustive()
    }
}

/// A request whose header values can be read in full, so that a test can prove which key went where.
#[derive(Clone)]
pub struct UnmaskedRequest(ReceivedRequest);

impl UnmaskedRequest {
    /// The request with its keys masked.
    pub const fn masked(&self) -> &ReceivedRequest {
        &self.0
    }

    /// The headers as they came.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.0.headers
    }

    /// The first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Path and query as they came.
    pub fn uri(&self) -> &Uri {
        &self.0.0.uri
    }
}

impl fmt::Debug for UnmaskedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A ring of the last requests, the oldest first.
pub(super) struct Journal {
    last: VecDeque<ReceivedRequest>,
    capacity: usize,
}

impl Journal {
    pub(super) const fn new(capacity: usize) -> Self {
        Self {
            last: VecDeque::new(),
            capacity,
        }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        if self.last.len() >= self.capacity {
            self.last.pop_front();
        }
        self.last.push_back(ReceivedRequest(Arc::new(entry)));
    }

    pub(super) fn requests(&self) -> Vec<ReceivedRequest> {
        self.last.iter().cloned().collect()
    }

    pub(super) fn unmasked(&self) -> Vec<UnmaskedRequest> {
        self.last.iter().cloned().map(UnmaskedRequest).collect()
    }

    pub(super) fn clear(&mut self) {
        self.last.clear();
    }
}
