//! The life of one request on a connection: read it, decide, remember it, keep the pace, answer or not.
//!
//! It refuses to know what is answered; [`provider`](super::provider) decides that.

use std::error::Error;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::body::SimBody;
use super::config::Pace;
use super::console;
use super::dialect::Surface;
use super::inject::Reaction;
use super::journal::{Entry, KeptBody};
use super::manner::Manner;
use super::provider::{Call, Decision, Provider};
use super::refusal::{Reason, Refusal};
use super::reply::{self, Stamp};
use super::route::{self, Api, Route, Signpost};
use super::rule::FaultRule;
use super::stats::InFlight;

/// The largest body that is read.
const MAX_BODY: usize = 64 << 20;

/// What a request may know of the connection it came on.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) server_name: Option<Arc<str>>,
    /// Set, the connection ends with a reset when it is dropped.
    pub(super) is_reset: Arc<AtomicBool>,
}

/// Answers one request, or ends its connection.
pub(super) async fn respond(
    provider: Arc<Provider>,
    link: Arc<Link>,
    request: Request<Incoming>,
) -> Result<Response<SimBody>, HangUp> {
    let (parts, body) = request.into_parts();
    let signpost = Signpost::new(provider.only(), &parts.headers);
    let (surface, is_known) = match route::of(parts.uri.path(), signpost) {
        Route::Console(rest) => {
            return Ok(console::respond(&provider, &parts.method, rest, read(body).await));
        }
        Route::Health => return Ok(reply::json(r#"{"status":"ok"}"#.to_owned())),
        Route::Api(Api { surface, .. }) => (surface, true),
        Route::Unknown(surface) => (surface, false),
    };
    let mut in_flight = InFlight::enter(provider.control().stats(), parts.uri.path());
    if parts.method == Method::HEAD {
        // Nobody will ask for the body of its answer.
        in_flight.finish();
    }
    let body = read(body).await;
    if matches!(body, Err(Unread::Gone)) {
        return Err(HangUp);
    }
    let moment = Moment::now(&provider, surface);
    let Decision { reaction, rule } = match &body {
        Ok(body) => decide(&provider, &parts, body, &moment),
        Err(_) => moment.refused(&Reason::TooLarge(MAX_BODY)),
    };
    let status = reaction.status();
    let fault = rule.as_ref().map(|rule| rule.fault);
    provider.control().stats().decided(status, fault);
    provider.control().keep(|| Entry {
        number: moment.number,
        received: moment.received,
        connection: link.number,
        server_name: link.server_name.clone(),
        dialect: is_known.then(|| surface.dialect()),
        version: parts.version,
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body: KeptBody::of(&body.unwrap_or_default()),
        status,
        fault,
    });
    if !moment.pace.latency.is_zero() {
        tokio::time::sleep(moment.pace.latency).await;
    }
    match reaction {
        Reaction::Answer(mut response) => {
            moment.sign(&mut response, rule.as_deref());
            response.body_mut().carry(in_flight);
            Ok(response)
        }
        Reaction::Silence => pending().await,
        Reaction::HangUp { is_reset } => Err(hang_up(&link, in_flight, is_reset)),
    }
}

/// What is the same for all that happens to one request.
struct Moment {
    number: u64,
    request_id: String,
    received: SystemTime,
    surface: Surface,
    pace: Pace,
    manner: Manner,
}

impl Moment {
    fn now(provider: &Provider, surface: Surface) -> Self {
        let number = provider.next_number();
        Self {
            number,
            request_id: format!("req-{}-{number}", provider.name()),
            received: SystemTime::now(),
            surface,
            pace: provider.control().pace(),
            manner: provider.control().manner(),
        }
    }

    fn refused(&self, reason: &Reason) -> Decision {
        let refusal = Refusal::new(reason, &self.request_id);
        Decision {
            reaction: Reaction::Answer(self.surface.language().refuse(&refusal).into_response()),
            rule: None,
        }
    }

    /// Puts the headers on an answer that every answer has, and those of a rule over them.
    fn sign(&self, response: &mut Response<SimBody>, rule: Option<&FaultRule>) {
        let stamp = Stamp {
            request_id: &self.request_id,
            millis: u64::try_from(self.pace.latency.as_millis()).unwrap_or(u64::MAX),
            is_good: response.status().is_success(),
        };
        self.surface.language().sign(response.headers_mut(), &stamp);
        if let Some(rule) = rule {
            reply::override_headers(response.headers_mut(), rule);
        }
    }
}

fn decide(provider: &Provider, parts: &Parts, body: &Bytes, moment: &Moment) -> Decision {
    let signpost = Signpost::new(provider.only(), &parts.headers);
    let Route::Api(Api {
        surface,
        target,
        endpoint,
    }) = route::of(parts.uri.path(), signpost)
    else {
        let path = format!("{} {}", parts.method, parts.uri.path());
        return moment.refused(&Reason::UnknownPath(path));
    };
    provider.decide(&Call {
        number: moment.number,
        request_id: &moment.request_id,
        received: moment.received,
        surface,
        endpoint,
        target: target.as_deref(),
        parts,
        body,
        pace: moment.pace,
        manner: moment.manner,
        is_strict: provider.only().is_some(),
    })
}

fn hang_up(link: &Link, mut in_flight: InFlight, is_reset: bool) -> HangUp {
    in_flight.finish();
    if is_reset {
        link.is_reset.store(true, Ordering::Relaxed);
    }
    HangUp
}

/// Why a body could not be read.
pub(super) enum Unread {
    TooLarge,
    Gone,
}

async fn read(body: Incoming) -> Result<Bytes, Unread> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Err(_) => Err(Unread::Gone),
    }
}

/// The request gets no answer and its connection (over HTTP/2: its stream) ends.
#[derive(Debug)]
pub(super) struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated provider hung up")
    }
}

impl Error for HangUp {}
