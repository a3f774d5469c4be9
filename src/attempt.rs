//! One target of a plan being tried: the request rewritten for it.
//!
//! Invariant: the result depends on the caller's original request and on this target only. Header changes made for
//! one attempt survive into the next one inside Envoy, so every attempt says every header: it sets what its provider
//! needs and removes whatever else it was shown. It knows nothing of gRPC, circuits or time.

mod credentials;
mod sign;

pub use sign::Unsignable;

use std::fmt;
use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;

use crate::catalog::{HeaderSecret, Provider, Surface, Target};
use crate::dialect::carry::{Carried, Wish, carry};
use crate::dialect::{Dialect, Unsupported};
use credentials::sign_in;

/// The version of Anthropic's API that is spoken, when the caller does not say.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// The header in which a caller of Anthropic's surface asks for what is in trial.
const BETAS: &[u8] = b"anthropic-beta";

/// Changes to a header map, in the form that any host can carry out. Values may sign in somewhere, so none is printed.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct HeaderChanges {
    /// Headers to set, replacing any of the same name.
    pub set: Vec<(Bytes, Bytes)>,
    /// Headers to remove.
    pub remove: Vec<Bytes>,
}

impl fmt::Debug for HeaderChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&Bytes> = self.set.iter().map(|(name, _)| name).collect();
        f.debug_struct("HeaderChanges")
            .field("set", &names)
            .field("remove", &self.remove)
            .finish()
    }
}

impl HeaderChanges {
    /// Sets a header whose name is known at build time.
    pub fn set(&mut self, name: &'static str, value: impl Into<Bytes>) {
        self.set.push((Bytes::from_static(name.as_bytes()), value.into()));
    }

    /// Whether a header of that name is set.
    pub fn says(&self, name: &str) -> bool {
        self.set.iter().any(|(set, _)| set.as_ref() == name.as_bytes())
    }

    /// Removes a header whose name is known at build time.
    pub fn remove(&mut self, name: &'static str) {
        self.remove.push(Bytes::from_static(name.as_bytes()));
    }
}

/// The caller's request, as far as attempts are made from it.
#[derive(Debug, Clone)]
pub struct Original {
    /// The part of the API that it speaks to.
    pub surface: Surface,
    /// Whether its answer is to be a stream.
    pub stream: bool,
    /// The body, shared by all attempts.
    pub body: Bytes,
    /// Where the model's name stands in it, quotes included.
    pub model_span: Range<usize>,
    /// The same request, asking for the usage of its stream too: for targets that can say it, when the caller did
    /// not ask.
    pub with_usage: Option<(Bytes, Range<usize>)>,
    /// The caller's headers that providers may see.
    pub headers: Vec<(Bytes, Bytes)>,
    /// The caller's own credential, without its scheme, for providers that are sent it.
    pub credential: Option<HeaderSecret>,
}

impl Original {
    /// Whether `target` is asked for the usage of a stream although the caller did not ask.
    pub fn adds_usage_for(&self, target: &Target) -> bool {
        let is_hub = target.dialect.speaks_hub() && target.dialect.is_understood_on(self.surface);
        is_hub && !target.lacks.stream_usage && self.with_usage.is_some()
    }

    fn wish_for(&self, target: &Target) -> Wish<'_> {
        let (body, model_span) = match &self.with_usage {
            Some((body, span)) if self.adds_usage_for(target) => (body, span),
            _ => (&self.body, &self.model_span),
        };
        let betas = self.headers.iter().find(|(name, _)| name.as_ref() == BETAS);
        Wish {
            surface: self.surface,
            body,
            model_span,
            betas: betas.and_then(|(_, value)| std::str::from_utf8(value).ok()),
        }
    }
}

/// A request ready for one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// All header changes.
    pub headers: HeaderChanges,
    /// The whole body.
    pub body: Bytes,
    /// Fields that were left out because the target has no place for them.
    pub dropped: Vec<String>,
}

/// Why a request cannot be sent to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSent {
    /// It cannot be carried there.
    Unsupported(Unsupported),
    /// There is no access token, or none that is still good.
    NoToken,
    /// It cannot be signed.
    Unsignable(Unsignable),
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(unsupported) => unsupported.fmt(f),
            Self::NoToken => f.write_str("there is no access token for this provider"),
            Self::Unsignable(unsignable) => unsignable.fmt(f),
        }
    }
}

impl std::error::Error for NotSent {}

/// Rewrites the original for `target`; `shown` are the names now in the header map.
pub fn rewrite<'a>(
    original: &Original,
    (provider, target): (&Provider, &Target),
    shown: impl Iterator<Item = &'a Bytes>,
    today: SystemTime,
) -> Result<Outgoing, NotSent> {
    let Carried { body, dropped } = carry(original.wish_for(target), target).map_err(NotSent::Unsupported)?;
    let path = target.paths.of(original.surface, original.stream);
    let path = path.ok_or(NotSent::Unsupported(Unsupported(original.surface.suffix())))?;
    let mut headers = addressed(provider, path);
    headers.set(":method", "POST");
    headers.set("content-type", "application/json");
    headers.set("accept-encoding", "identity");
    let forwarded = original
        .headers
        .iter()
        .filter(|(name, _)| travels(name, original, target));
    headers.set.extend(forwarded.cloned());
    if target.dialect == Dialect::Anthropic && !headers.says("anthropic-version") {
        headers.set("anthropic-version", ANTHROPIC_VERSION);
    }
    sign_in(
        &mut headers,
        provider,
        (original.credential.as_ref(), &body),
        today,
    )?;
    remove_the_rest(&mut headers, shown);
    Ok(Outgoing {
        headers,
        body,
        dropped,
    })
}

/// Whether a header of the caller's goes to that target: what is said in one vendor's words stays with that vendor,
/// and a caller whose request is translated does not know what form its answer comes in.
fn travels(name: &[u8], original: &Original, target: &Target) -> bool {
    let is_native = target.dialect.is_understood_on(original.surface);
    match name {
        b"accept" => is_native,
        b"openai-beta" => target.dialect.speaks_hub(),
        name if name.starts_with(b"anthropic-") => is_native && target.dialect == Dialect::Anthropic,
        _ => true,
    }
}

/// A bodiless request for one provider: what a health check sends.
pub fn errand<'a>(
    provider: &Provider,
    path: &Bytes,
    shown: impl Iterator<Item = &'a Bytes>,
    today: SystemTime,
) -> Result<Outgoing, NotSent> {
    let mut headers = addressed(provider, path);
    headers.set(":method", "GET");
    headers.set("accept", "application/json");
    headers.set("accept-encoding", "identity");
    if provider.dialect == Dialect::Anthropic {
        headers.set("anthropic-version", ANTHROPIC_VERSION);
    }
    sign_in(&mut headers, provider, (None, &Bytes::new()), today)?;
    remove_the_rest(&mut headers, shown);
    Ok(Outgoing {
        headers,
        body: Bytes::new(),
        dropped: Vec::new(),
    })
}

fn addressed(provider: &Provider, path: &Bytes) -> HeaderChanges {
    let mut headers = HeaderChanges {
        set: Vec::with_capacity(10),
        remove: Vec::new(),
    };
    headers.set(":path", path.clone());
    headers.set(":authority", provider.endpoint.authority.clone());
    headers.set(":scheme", if provider.endpoint.tls { "https" } else { "http" });
    for (name, value) in &provider.headers {
        headers.set.push((name.clone(), value.expose().clone()));
    }
    headers
}

/// Removes every shown header that was not set: the allow-list is what we set.
fn remove_the_rest<'a>(headers: &mut HeaderChanges, shown: impl Iterator<Item = &'a Bytes>) {
    for name in shown {
        let kept = name.first() == Some(&b':') || headers.set.iter().any(|(set, _)| set == name);
        if !kept && !headers.remove.contains(name) {
            headers.remove.push(name.clone());
        }
    }
}
