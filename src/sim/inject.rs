//! What each fault looks like on the wire.
//!
//! A fault either takes the place of the answer ([`Effect::Instead`]) or twists a good one ([`Effect::Twist`]).
//! Invariant: every [`Fault`] has its row here; the compiler sees to it. It refuses to know which fault is on.

use std::time::Duration;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};

use super::body::{FLUSH_GRACE, Script, SimBody, Step};
use super::encoding::Encoding;
use super::events::{Interruption, InterruptionKind};
use super::fault::Fault;
use super::refusal::Reason;
use super::reply;
use super::route::Surface;
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
}

/// What this rule does to a request for this model.
pub(super) fn effect(rule: &FaultRule, surface: Surface, model: &str) -> Effect {
    let error = |reason: &Reason| answer(reply::injected(surface, reason, rule));
    let interrupt = |kind, default| {
        Effect::Twist(Twist::Interrupt(Interruption {
            after: rule.after_events.unwrap_or(default),
            kind,
        }))
    };
    match rule.fault {
        Fault::RateLimit => error(&rate_limited(rule)),
        Fault::Quota => error(&Reason::Quota),
        Fault::Auth => error(&Reason::WrongKey),
        Fault::ServerError => error(&Reason::Status(
            reply::final_status(rule).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        )),
        Fault::Overloaded => error(&Reason::Overloaded),
        Fault::ContextLength => error(&Reason::ContextLength),
        Fault::ContentFilter => error(&Reason::ContentFilter),
        Fault::ModelNotFound => error(&Reason::UnknownModel(model.to_owned())),
        Fault::Hang => Effect::Instead(Reaction::Silence),
        Fault::Reset => Effect::Instead(Reaction::HangUp { is_reset: true }),
        Fault::Close => Effect::Instead(Reaction::HangUp { is_reset: false }),
        Fault::SlowFirstToken => Effect::Twist(Twist::Slow(rule.delay.unwrap_or(SLOW))),
        Fault::CutStream => interrupt(InterruptionKind::Cut, EVENTS_BEFORE_BREAK),
        Fault::Stall => interrupt(InterruptionKind::Stall, EVENTS_BEFORE_BREAK),
        Fault::StreamError => interrupt(InterruptionKind::Error(rule.message.clone()), 0),
        Fault::BadJson => interrupt(InterruptionKind::Malformed, 0),
        Fault::Gzip => answer(in_gzip(surface, rule, Encoding::Gzip)),
        Fault::GzipBroken => answer(in_gzip(surface, rule, Encoding::GzipBroken)),
        Fault::Empty => answer(reply::typed(
            status_or(rule, StatusCode::OK),
            reply::JSON,
            SimBody::whole(""),
        )),
        Fault::Html => answer(html(rule)),
        Fault::NoDone => Effect::Twist(Twist::NoDone),
        Fault::BigError => answer(big_error(rule)),
        Fault::Redirect => answer(redirect(rule)),
    }
}

/// The body of a plain answer, twisted.
pub(super) fn twisted(document: String, twist: Option<Twist>) -> SimBody {
    let length = Some(document.len());
    let whole = Bytes::from(document);
    let half = whole.slice(..whole.len() / 2);
    match twist {
        None | Some(Twist::NoDone) => SimBody::whole(whole),
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
            InterruptionKind::Error(message) => {
                let reason = Reason::Status(StatusCode::INTERNAL_SERVER_ERROR);
                SimBody::whole(reason.body(Surface::OpenAi, message.as_deref()))
            }
            InterruptionKind::Malformed => SimBody::whole(half),
        },
    }
}

const fn answer(response: Response<SimBody>) -> Effect {
    Effect::Instead(Reaction::Answer(response))
}

fn status_or(rule: &FaultRule, default: StatusCode) -> StatusCode {
    reply::final_status(rule).unwrap_or(default)
}

fn rate_limited(rule: &FaultRule) -> Reason {
    let retry_after = rule.retry_after.clone().unwrap_or_else(|| "1".to_owned());
    Reason::RateLimited {
        retry_after: Some(retry_after).filter(|text| !text.is_empty()),
    }
}

fn in_gzip(surface: Surface, rule: &FaultRule, encoding: Encoding) -> Response<SimBody> {
    reply::injected(surface, &Reason::Quota, &rule.clone().encoding(encoding))
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

fn big_error(rule: &FaultRule) -> Response<SimBody> {
    const START: &str = r#"{"error":{"message":""#;
    const END: &str = r#"","type":"server_error","param":null,"code":"server_error"}}"#;
    let mut missing = BIG - START.len() - END.len();
    let mut steps = vec![Step::Send(Bytes::from_static(START.as_bytes()))];
    while missing > 0 {
        let block = missing.min(FILLER.len());
        steps.push(Step::Send(Bytes::from_static(&FILLER[..block])));
        missing -= block;
    }
    steps.push(Step::Send(Bytes::from_static(END.as_bytes())));
    let status = status_or(rule, StatusCode::INTERNAL_SERVER_ERROR);
    reply::typed(
        status,
        reply::JSON,
        SimBody::script(Script::steps(steps, Some(BIG))),
    )
}
