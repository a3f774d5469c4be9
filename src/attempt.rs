//! One target of a plan being tried: the request rewritten for it.
//!
//! Invariant: the result depends on the caller's original request and on this target only. Header changes made for
//! one attempt survive into the next one inside Envoy, so every attempt says every header: it sets what its provider
//! needs and removes whatever else it was shown. It knows nothing of gRPC, circuits or time.

mod sign;

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use crate::catalog::{Credential, HeaderSecret, Provider, Surface, Target};
use crate::dialect::scan;

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

    /// Removes a header whose name is known at build time.
    pub fn remove(&mut self, name: &'static str) {
        self.remove.push(Bytes::from_static(name.as_bytes()));
    }
}

/// The caller's request, as far as attempts are made from it.
#[derive(Debug, Clone)]
pub struct Original {
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
        !target.lacks.stream_usage && self.with_usage.is_some()
    }

    fn asking(&self, target: &Target) -> (&Bytes, &Range<usize>) {
        match &self.with_usage {
            Some((body, span)) if self.adds_usage_for(target) => (body, span),
            _ => (&self.body, &self.model_span),
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
}

/// Rewrites the original for `target`; `shown` are the names now in the header map.
pub fn rewrite<'a>(
    original: &Original,
    surface: Surface,
    (provider, target): (&Provider, &Target),
    shown: impl Iterator<Item = &'a Bytes>,
) -> Outgoing {
    let mut headers = addressed(provider, target.paths.of(surface, false).unwrap_or(&Bytes::new()));
    headers.set(":method", "POST");
    headers.set("content-type", "application/json");
    headers.set("accept-encoding", "identity");
    headers.set.extend(original.headers.iter().cloned());
    sign_in(&mut headers, provider, original.credential.as_ref());
    remove_the_rest(&mut headers, shown);
    let (body, span) = original.asking(target);
    Outgoing {
        headers,
        body: scan::replace_model(body, span, &target.provider_model),
    }
}

/// A bodiless request for one provider: what a health check sends.
pub fn errand<'a>(provider: &Provider, path: &Bytes, shown: impl Iterator<Item = &'a Bytes>) -> Outgoing {
    let mut headers = addressed(provider, path);
    headers.set(":method", "GET");
    headers.set("accept", "application/json");
    headers.set("accept-encoding", "identity");
    sign_in(&mut headers, provider, None);
    remove_the_rest(&mut headers, shown);
    Outgoing {
        headers,
        body: Bytes::new(),
    }
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

fn sign_in(headers: &mut HeaderChanges, provider: &Provider, caller: Option<&HeaderSecret>) {
    match (&provider.credential, caller) {
        (Credential::Ours { header, value, .. }, _) => headers.set(header, value.expose().clone()),
        (Credential::Passthrough, Some(key)) => {
            let value = provider.dialect.credential_value(key.expose());
            headers.set(provider.dialect.credential_header(), value.expose().clone());
        }
        // Signatures and tokens need the time, or the complete request.
        (Credential::Signed(_) | Credential::Token(_) | Credential::Open, _)
        | (Credential::Passthrough, None) => {}
    }
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
