//! The life of one request on a connection: read it, decide, remember it, keep the pace, answer or not.
//!
//! It refuses to know what is answered; [`provider`](super::provider) decides that.

use std::error::Error;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::body::SimBody;
use super::config::Pace;
use super::console;
use super::inject::Reaction;
use super::journal::{Entry, KeptBody};
use super::provider::{Call, Decision, Provider};
use super::refusal::Reason;
use super::reply;
use super::route::{self, Route, Surface};
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
    match route::of(parts.uri.path()) {
        Route::Console(rest) => {
            return Ok(console::respond(&provider, &parts.method, rest, read(body).await));
        }
        Route::Health => return Ok(reply::json(r#"{"status":"ok"}"#.to_owned())),
        Route::Api { .. } | Route::Unknown => {}
    }
    let mut in_flight = InFlight::enter(provider.control().stats(), parts.uri.path());
    if parts.method == Method::HEAD {
        // Nobody will ask for the body of its answer.
        in_flight.finish();
    }
    let body = read(body).await;
    if matches!(body, Err(Unread::Gone)) {
        return Err(HangUp);
    }
    let moment = Moment {
        number: provider.next_number(),
        received: SystemTime::now(),
        pace: provider.control().pace(),
    };
    let Decision { reaction, rule } = match &body {
        Ok(body) => decide(&provider, &parts, body, &moment),
        Err(_) => answered(reply::typed(
            StatusCode::PAYLOAD_TOO_LARGE,
            reply::JSON,
            too_large(),
        )),
    };
    let status = reaction.status();
    let fault = rule.as_ref().map(|rule| rule.fault);
    provider.control().stats().decided(status, fault);
    provider.control().keep(|| Entry {
        number: moment.number,
        received: moment.received,
        connection: link.number,
        server_name: link.server_name.clone(),
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
            sign(&provider, &moment, &mut response, rule.as_deref());
            response.body_mut().carry(in_flight);
            Ok(response)
        }
        Reaction::Silence => pending().await,
        Reaction::HangUp { is_reset } => Err(hang_up(&link, in_flight, is_reset)),
    }
}

/// Puts the headers on an answer that every answer has, and those of a rule over them.
fn sign(provider: &Provider, moment: &Moment, response: &mut Response<SimBody>, rule: Option<&FaultRule>) {
    let millis = u64::try_from(moment.pace.latency.as_millis()).unwrap_or(u64::MAX);
    reply::sign(response.headers_mut(), provider.name(), moment.number, millis);
    if let Some(rule) = rule {
        reply::override_headers(response.headers_mut(), rule);
    }
}

/// What is the same for all that happens to one request.
struct Moment {
    number: u64,
    received: SystemTime,
    pace: Pace,
}

fn decide(provider: &Provider, parts: &Parts, body: &Bytes, moment: &Moment) -> Decision {
    let Route::Api {
        surface,
        deployment,
        endpoint,
    } = route::of(parts.uri.path())
    else {
        let path = format!("{} {}", parts.method, parts.uri.path());
        return answered(reply::refusal(Surface::OpenAi, &Reason::UnknownPath(path)));
    };
    provider.decide(&Call {
        number: moment.number,
        now: moment
            .received
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        surface,
        endpoint,
        deployment: deployment.as_deref(),
        parts,
        body,
        pace: moment.pace,
    })
}

const fn answered(response: Response<SimBody>) -> Decision {
    Decision {
        reaction: Reaction::Answer(response),
        rule: None,
    }
}

fn hang_up(link: &Link, mut in_flight: InFlight, is_reset: bool) -> HangUp {
    in_flight.finish();
    if is_reset {
        link.is_reset.store(true, Ordering::Relaxed);
    }
    HangUp
}

fn too_large() -> SimBody {
    let message = format!("The body is larger than {MAX_BODY} bytes.");
    let reason = Reason::Invalid {
        message,
        param: None,
        code: Some("request_too_large"),
    };
    SimBody::whole(reason.body(Surface::OpenAi, None))
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
