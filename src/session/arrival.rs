//! Step one, first half: what can be said from the request headers alone.
//!
//! Who calls, what part of the API, what the caller narrows. The caller's credential and every header that no
//! provider may see are taken off the request here, before anything can go wrong further on.

mod callers;
mod headers;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use subtle::ConstantTimeEq;

use super::narrowing::narrowing;
use super::operations::{Headers, Reply};
use super::{Live, SessionId, planning};
use crate::catalog::{Catalog, ClientIx, HeaderSecret, ProviderIx, Surface};
use crate::outcome::openai_error;
use crate::plan::Narrowing;
use callers::{authenticate, credential};
use headers::{forwarded, stripped};

/// Where errors are told in Anthropic's shape.
const MESSAGES: &str = "/v1/messages";

/// The request headers, as the host shows them. Keys are among them, so they are not printed.
pub struct Head<'a, H> {
    /// All headers, pseudo-headers included.
    pub headers: &'a H,
    /// True when no body follows.
    pub ends: bool,
    /// Our own secret, which marks a health check of ours.
    pub errand_token: &'a str,
}

impl<H> fmt::Debug for Head<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}

/// What the headers alone led to.
#[derive(Debug)]
pub enum Arrived {
    /// An answer of our own.
    Reply(Box<Refusal>),
    /// The body is needed.
    Await(Box<Arrival>),
    /// A bodiless errand of our own, planned.
    Planned(Box<planning::Planned>),
}

/// An answer of our own, and what is to be told about it.
#[derive(Debug)]
pub struct Refusal {
    /// The answer.
    pub reply: Reply,
    /// Who called, when known.
    pub client: Option<ClientIx>,
}

/// A request whose headers were read and whose body is awaited.
#[derive(Debug)]
pub struct Arrival {
    pub(super) id: SessionId,
    pub(super) live: Arc<Live>,
    pub(super) surface: Surface,
    pub(super) client: Option<ClientIx>,
    pub(super) credential: Option<HeaderSecret>,
    pub(super) forwarded: Vec<(Bytes, Bytes)>,
    pub(super) narrowing: Narrowing,
    /// Every header name that must go no further.
    pub(super) stripped: Vec<Bytes>,
    pub(super) started: Instant,
}

impl Arrival {
    /// The id it will be known by.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// What it found when it arrived.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Who calls, when clients are configured.
    pub fn client(&self) -> Option<ClientIx> {
        self.client
    }

    /// The part of the API.
    pub fn surface(&self) -> Surface {
        self.surface
    }

    /// When it arrived.
    pub fn started(&self) -> Instant {
        self.started
    }
}

/// Reads the request headers.
pub fn arrive<H: Headers>(id: SessionId, live: &Arc<Live>, head: &Head<'_, H>, now: Instant) -> Arrived {
    match received(id, live, head, now) {
        Ok(arrived) => arrived,
        Err(mut refusal) => {
            let path = head.headers.text(":path").unwrap_or_default();
            if path.starts_with(MESSAGES) {
                refusal.reply.speak(Surface::Messages, id);
            }
            Arrived::Reply(refusal)
        }
    }
}

fn received<H: Headers>(
    id: SessionId,
    live: &Arc<Live>,
    head: &Head<'_, H>,
    now: Instant,
) -> Result<Arrived, Box<Refusal>> {
    let headers = head.headers;
    if let Some(provider) = errand_of(head, &live.catalog) {
        let stripped = stripped(headers);
        return Ok(Arrived::Planned(Box::new(planning::errand::plan(
            id,
            live,
            (provider, stripped),
            now,
        ))));
    }
    let credential = credential(headers);
    let client = authenticate(&live.catalog, credential.as_ref())?;
    let refuse = |reply| Box::new(Refusal { reply, client });
    let path = headers.text(":path").unwrap_or("");
    let method = headers.text(":method").unwrap_or("");
    let surface = match served(
        path.split('?').next().unwrap_or(""),
        method,
        (&live.catalog, client),
    ) {
        Served::Surface(surface) => surface,
        Served::Reply(reply) => return Err(refuse(reply)),
    };
    if head.ends {
        return Err(refuse(rejected(
            400,
            "missing_body",
            "the request has no body; send a JSON object",
        )));
    }
    if let Some(size) = announced(headers).filter(|size| *size > live.catalog.max_body) {
        return Err(refuse(planning::refusals::too_large(size, live.catalog.max_body)));
    }
    Ok(Arrived::Await(Box::new(Arrival {
        id,
        live: live.clone(),
        surface,
        client,
        credential,
        forwarded: forwarded(headers),
        narrowing: narrowing(headers, &live.catalog).map_err(refuse)?,
        stripped: stripped(headers),
        started: now,
    })))
}

/// The size that the caller announces, which spares reading a body that will be refused.
fn announced<H: Headers>(headers: &H) -> Option<u64> {
    headers.text("content-length")?.parse().ok()
}

/// Our own health check: the secret of this process, and the provider it is for.
fn errand_of<H: Headers>(head: &Head<'_, H>, catalog: &Catalog) -> Option<ProviderIx> {
    let token = head.headers.first(planning::errand::ERRAND_TOKEN)?;
    if !bool::from(token.as_ref().ct_eq(head.errand_token.as_bytes())) {
        return None;
    }
    catalog.provider_named(head.headers.text(planning::errand::ERRAND_PROVIDER)?)
}

enum Served {
    Surface(Surface),
    Reply(Reply),
}

fn served(path: &str, method: &str, (catalog, client): (&Catalog, Option<ClientIx>)) -> Served {
    let wanted = |expected: &'static str, then: &dyn Fn() -> Served| {
        if method == expected {
            then()
        } else {
            Served::Reply(wrong_method(path, method, expected))
        }
    };
    if let Some(surface) = Surface::ALL
        .into_iter()
        .find(|s| path.strip_prefix("/v1/") == Some(s.suffix()))
    {
        return wanted("POST", &|| Served::Surface(surface));
    }
    if path == "/v1/models" {
        return wanted("GET", &|| Served::Reply(planning::models::list(catalog, client)));
    }
    if let Some(name) = path.strip_prefix("/v1/models/") {
        return wanted("GET", &|| {
            Served::Reply(planning::models::one(catalog, client, name))
        });
    }
    let message = format!(
        "there is nothing at `{}`; this gateway serves POST /v1/chat/completions, /v1/completions, /v1/embeddings, \
         /v1/messages, /v1/responses and GET /v1/models",
        shortened(path)
    );
    Served::Reply(rejected(404, "unknown_url", &message))
}

fn wrong_method(path: &str, method: &str, expected: &'static str) -> Reply {
    let message = format!(
        "`{}` is not allowed for `{}`; use {expected}",
        shortened(method),
        shortened(path)
    );
    Reply {
        headers: vec![("allow", expected.into())],
        ..rejected(405, "method_not_allowed", &message)
    }
}

/// A refusal in OpenAI's shape.
pub(super) fn rejected(status: u16, code: &'static str, message: &str) -> Reply {
    let body = openai_error("invalid_request_error", Some(code), None, message);
    Reply {
        status,
        headers: Vec::new(),
        body,
        details: code,
    }
}

/// What a caller sent, short enough to be quoted back.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 120;
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST).chain(['…']).collect()
    }
}
