//! What each fault looks like on the wire.
//!
//! A fault either takes the place of the answer ([`Effect::Instead`]) or twists a good one ([`Effect::Twist`]).
//! Invariant: every [`Fault`] has its row here; the compiler sees to it. It refuses to know which fault is on.

use std::time::Duration;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};

use super::body::{FLUSH_GRACE, Script, SimBody, Step};
use super::dialect::Manners;
use super::encoding::Encoding;
use super::events::{Breakdown, Interruption, InterruptionKind, When};
use super::fault::Fault;
use super::refusal::{Reason, Refusal};
use super::reply;
use super::rule::FaultRule;

/// How late the first token of `slow_first_token` is unless the rule says otherwise.
const SLOW: Duration = Duration::from_secs(30);
/// After how many events a stream is cut or stalls unless the rule says otherwise.
const EVENTS_BEFORE_BREAK: u32 = 3;
/// The size of a `big_error`.
const BIG: usize = 10_000_000;

static FILLER: [u8; 1 << 16] = [b'x'; 1 << 16];

const HTML: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>sim</center>\r\n</body>\r\n</html>\r\n";

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Reaction {
    Answer(Response<SimBody>),
    /// No answer, ever.
    Silence,
    /// No answer, and the connection goes: by a reset, or in good order.
    HangUp {
        is_reset: bool,
    },
}

impl Reaction {
    /// The status that the caller will see, if any.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(response) => Some(response.status().as_u16()),
            Self::Silence | Self::HangUp { .. } => None,
        }
    }
}

/// The request that a fault strikes: in whose manners, and under which id.
#[derive(Clone, Copy)]
pub(super) struct Victim<'a> {
    pub(super) manners: &'static dyn Manners,
    pub(super) request_id: &'a str,
}

/// What a fault does.
#[derive(Debug)]
pub(super) enum Effect {
    Instead(Reaction),
    Twist(Twist),
}

/// What is wrong with an otherwise good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    Slow(Duration),
    Interrupt(Interruption),
    NoDone,
    /// The safety system takes the words.
    Filter,
}

/// What this rule does to a request for this model.
pub(super) fn effect(rule: &FaultRule, victim: Victim<'_>, model: &str) -> Effect {
    let interrupt = |kind, default| Effect::Twist(Twist::Interrupt(interruption(rule, kind, default)));
    match rule.fault {
        Fault::ContentFilter if !is_error(rule, victim) => Effect::Twist(Twist::Filter),
        Fault::RateLimit
        | Fault::Quota
        | Fault::Auth
        | Fault::ServerError
        | Fault::Overloaded
        | Fault::ContextLength
        | Fault::ContentFilter
        | Fault::ModelNotFound => {
            let reason = reason(rule.fault, rule, model);
            answer(reply::injected(victim, &reason, rule))
        }
        Fault::Hang => Effect::Instead(Reaction::Silence),
        Fault::Reset => Effect::Instead(Reaction::HangUp { is_reset: true }),
        Fault::Close => Effect::Instead(Reaction::HangUp { is_reset: false }),
        Fault::SlowFirstToken => Effect::Twist(Twist::Slow(rule.delay.unwrap_or(SLOW))),
        Fault::CutStream => interrupt(InterruptionKind::Cut, EVENTS_BEFORE_BREAK),
        Fault::Stall => interrupt(InterruptionKind::Stall, EVENTS_BEFORE_BREAK),
        Fault::StreamError => interrupt(InterruptionKind::Error(breakdown(rule, model)), 0),
        Fault::BadJson => interrupt(InterruptionKind::Malformed { is_raw: rule.raw }, 0),
        Fault::Gzip => answer(in_gzip(victim, rule, Encoding::Gzip)),
        Fault::GzipBroken => answer(in_gzip(victim, rule, Encoding::GzipBroken)),
        Fault::Empty => answer(reply::typed(
            status_or(rule, StatusCode::OK),
            reply::JSON,
            SimBody::whole(""),
        )),
        Fault::Html => answer(html(rule)),
        Fault::NoDone => Effect::Twist(Twist::NoDone),
        Fault::BigError => answer(big_error(victim, rule)),
        Fault::Redirect => answer(redirect(rule)),
    }
}

/// What a request is refused for by a fault that is an error; the others say no more than that something broke.
fn reason(fault: Fault, rule: &FaultRule, model: &str) -> Reason {
    match fault {
        Fault::RateLimit => Reason::RateLimited,
        Fault::Quota => Reason::Quota,
        Fault::Auth => Reason::WrongKey,
        Fault::Overloaded => Reason::Overloaded,
        Fault::ContextLength => Reason::ContextLength,
        Fault::ContentFilter => Reason::ContentFilter,
        Fault::ModelNotFound => Reason::UnknownModel(model.to_owned()),
        _ => Reason::Status(status_or(rule, StatusCode::INTERNAL_SERVER_ERROR)),
    }
}

/// Whether the safety system is to speak by an error: as the rule's status says, else as the dialect does.
fn is_error(rule: &FaultRule, victim: Victim<'_>) -> bool {
    let usual = victim.manners.filters_by_error();
    rule.status.map_or(usual, |status| status != StatusCode::OK)
}

fn interruption(rule: &FaultRule, kind: InterruptionKind, default: u32) -> Interruption {
    let when = match rule.after_events {
        None if rule.after_opening => When::Opened,
        events => When::After(events.unwrap_or(default)),
    };
    Interruption { when, kind }
}

fn breakdown(rule: &FaultRule, model: &str) -> Breakdown {
    Breakdown {
        reason: reason(rule.error.unwrap_or(Fault::ServerError), rule, model),
        message: rule.message.clone(),
        retry_after: rule.retry_after.clone(),
        is_raw: rule.raw,
    }
}

/// The body of a plain answer, twisted.
pub(super) fn twisted(victim: Victim<'_>, document: String, twist: Option<Twist>) -> SimBody {
    let length = Some(document.len());
    let whole = Bytes::from(document);
    let half = whole.slice(..whole.len() / 2);
    match twist {
        None | Some(Twist::NoDone | Twist::Filter) => SimBody::whole(whole),
        Some(Twist::Slow(delay)) => {
            SimBody::script(Script::steps([Step::Wait(delay), Step::Send(whole)], length))
        }
        Some(Twist::Interrupt(Interruption { kind, .. })) => match kind {
            InterruptionKind::Cut => SimBody::script(Script::steps(
                [Step::Send(half), Step::Wait(FLUSH_GRACE), Step::Cut],
                length,
            )),
            InterruptionKind::Stall => {
                SimBody::script(Script::steps([Step::Send(half), Step::Stall], length))
            }
            InterruptionKind::Error(breakdown) => {
                let refusal = breakdown.refusal(victim.request_id);
                SimBody::whole(victim.manners.refuse(&refusal).body)
            }
            InterruptionKind::Malformed { .. } => SimBody::whole(half),
        },
    }
}

const fn answer(response: Response<SimBody>) -> Effect {
    Effect::Instead(Reaction::Answer(response))
}

fn status_or(rule: &FaultRule, default: StatusCode) -> StatusCode {
    reply::final_status(rule).unwrap_or(default)
}

fn in_gzip(victim: Victim<'_>, rule: &FaultRule, encoding: Encoding) -> Response<SimBody> {
    reply::injected(victim, &Reason::Quota, &rule.clone().encoding(encoding))
}

fn html(rule: &FaultRule) -> Response<SimBody> {
    let status = status_or(rule, StatusCode::BAD_GATEWAY);
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    reply::encoded(
        status,
        content_type,
        Bytes::from_static(HTML.as_bytes()),
        rule.encoding,
    )
}

fn redirect(rule: &FaultRule) -> Response<SimBody> {
    let status = status_or(rule, StatusCode::TEMPORARY_REDIRECT);
    let mut response = reply::typed(status, reply::JSON, SimBody::whole(""));
    response
        .headers_mut()
        .insert(LOCATION, HeaderValue::from_static("/v1/elsewhere"));
    response
}

/// An error whose message never seems to end.
fn big_error(victim: Victim<'_>, rule: &FaultRule) -> Response<SimBody> {
    const MARK: &str = "@";
    let status = status_or(rule, StatusCode::INTERNAL_SERVER_ERROR);
    let reason = Reason::Status(StatusCode::INTERNAL_SERVER_ERROR);
    let refusal = Refusal {
        message: Some(MARK),
        ..Refusal::new(&reason, victim.request_id)
    };
    let body = victim.manners.refuse(&refusal).body;
    let (start, end) = body.split_once(MARK).unwrap_or((&body, ""));
    let mut missing = BIG.saturating_sub(start.len() + end.len());
    let mut steps = vec![Step::Send(Bytes::copy_from_slice(start.as_bytes()))];
    while missing > 0 {
        let block = missing.min(FILLER.len());
        steps.push(Step::Send(Bytes::from_static(&FILLER[..block])));
        missing -= block;
    }
    steps.push(Step::Send(Bytes::copy_from_slice(end.as_bytes())));
    reply::typed(
        status,
        reply::JSON,
        SimBody::script(Script::steps(steps, Some(BIG))),
    )
}
