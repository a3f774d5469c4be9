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
use super::dialect::{Dialect, Manners};
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
    let side = match route::of(parts.uri.path(), signpost) {
        Route::Console(rest) => {
            return Ok(console::respond(&provider, &parts.method, rest, read(body).await));
        }
        Route::Health => return Ok(reply::json(r#"{"status":"ok"}"#.to_owned())),
        Route::Api(Api { surface, .. }) => Side::of(surface.language(), Some(surface.dialect())),
        Route::Unknown(surface) => Side::of(surface.language(), None),
        Route::Token(door) => Side {
            is_token: true,
            ..Side::of(door.manners(), None)
        },
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
    let moment = Moment::now(&provider, side.manners);
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
        dialect: side.dialect,
        version: parts.version,
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body: side.kept(&body.unwrap_or_default()),
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

/// Which side of the provider a request came to.
struct Side {
    manners: &'static dyn Manners,
    dialect: Option<Dialect>,
    is_token: bool,
}

impl Side {
    fn of(manners: &'static dyn Manners, dialect: Option<Dialect>) -> Self {
        Self {
            manners,
            dialect,
            is_token: false,
        }
    }

    fn kept(&self, body: &Bytes) -> KeptBody {
        if self.is_token {
            KeptBody::of_form(body)
        } else {
            KeptBody::of(body)
        }
    }
}

/// What is the same for all that happens to one request.
struct Moment {
    number: u64,
    request_id: String,
    received: SystemTime,
    manners: &'static dyn Manners,
    pace: Pace,
    manner: Manner,
}

impl Moment {
    fn now(provider: &Provider, manners: &'static dyn Manners) -> Self {
        let number = provider.next_number();
        Self {
            number,
            request_id: format!("req-{}-{number}", provider.name()),
            received: SystemTime::now(),
            manners,
            pace: provider.control().pace(),
            manner: provider.control().manner(),
        }
    }

    fn refused(&self, reason: &Reason) -> Decision {
        let refusal = Refusal::new(reason, &self.request_id);
        Decision {
            reaction: Reaction::Answer(self.manners.refuse(&refusal).into_response()),
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
        self.manners.sign(response.headers_mut(), &stamp);
        if let Some(rule) = rule {
            reply::override_headers(response.headers_mut(), rule);
        }
    }
}

fn decide(provider: &Provider, parts: &Parts, body: &Bytes, moment: &Moment) -> Decision {
    let signpost = Signpost::new(provider.only(), &parts.headers);
    let Api {
        surface,
        target,
        endpoint,
    } = match route::of(parts.uri.path(), signpost) {
        Route::Api(api) => api,
        Route::Token(door) => {
            return provider.decide_token(door, &moment.request_id, (parts, body), moment.received);
        }
        Route::Console(_) | Route::Health | Route::Unknown(_) => {
            let path = format!("{} {}", parts.method, parts.uri.path());
            return moment.refused(&Reason::UnknownPath(path));
        }
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
