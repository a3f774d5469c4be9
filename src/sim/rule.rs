//! When a fault strikes and how it is dressed: one rule, and its two written forms.
//!
//! A rule is written short (`rate_limit`, `server_error:503`, `cut_stream:2`) on the command line and inside a model
//! name, or as a JSON object on the HTTP console. Invariant: a [`FaultRule`] made from text holds only legal values.
//! It refuses to know which requests come; [`book`](super::book) asks it.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::encoding::Encoding;
use super::fault::{Fault, UnknownFault};

/// Which endpoints a rule reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Chat completions, completions and embeddings.
    #[default]
    Inference,
    /// The model listing, which health checks use.
    Models,
    /// Everything a provider answers.
    All,
}

/// One fault, when it strikes, and what it carries.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// For how many requests; `None` is for all until the rule is taken away.
    pub times: Option<u32>,
    /// For which share of the requests it meets, 0 to 1.
    pub rate: f64,
    /// Only for requests that name this model (or this Azure deployment).
    pub model: Option<String>,
    /// Only for these endpoints.
    pub on: Reach,
    /// Another status than the fault's own.
    pub status: Option<StatusCode>,
    /// The value of `Retry-After`; the empty text leaves the header out.
    pub retry_after: Option<String>,
    /// For faults inside a body: how many events with content come before.
    pub after_events: Option<u32>,
    /// For `slow_first_token`: how late.
    pub delay: Option<Duration>,
    /// Another message than the fault's own, for errors.
    pub message: Option<String>,
    /// An encoding of the error's body that nobody asked for.
    pub encoding: Option<Encoding>,
    /// Headers of the error that replace those of the same name; an empty value takes one away.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl FaultRule {
    /// The fault as it is by itself, for every inference request.
    pub const fn new(fault: Fault) -> Self {
        Self {
            fault,
            times: None,
            rate: 1.0,
            model: None,
            on: Reach::Inference,
            status: None,
            retry_after: None,
            after_events: None,
            delay: None,
            message: None,
            encoding: None,
            headers: Vec::new(),
        }
    }

    /// Strikes only the next `times` requests.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes this share of the requests.
    #[must_use]
    pub const fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Strikes only requests for this model.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Strikes these endpoints.
    #[must_use]
    pub const fn on(mut self, on: Reach) -> Self {
        self.on = on;
        self
    }

    /// Answers with this status.
    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Answers with this `Retry-After`; the empty text leaves it out.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        self.retry_after = Some(value.into());
        self
    }

    /// Lets this many events with content pass before it strikes.
    #[must_use]
    pub const fn after_events(mut self, events: u32) -> Self {
        self.after_events = Some(events);
        self
    }

    /// Delays the first byte of the body by this much.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Says this in the error.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Encodes the error's body like this.
    #[must_use]
    pub const fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// Adds or replaces a header of the error.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The rule that a model name asks for: `fault-rate_limit`, `fault-server_error:503` or `gpt-4o#stall`.
    pub(super) fn of_model(model: &str) -> Option<Self> {
        let (_, spelled) = model
            .rsplit_once('#')
            .or_else(|| Some(("", model.strip_prefix("fault-")?)))?;
        spelled.parse().ok()
    }
}

impl FromStr for FaultRule {
    type Err = InvalidRule;

    /// Reads `fault` or `fault:argument`.
    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let (name, argument) = match given.split_once(':') {
            Some((name, argument)) => (name, Some(argument.trim())),
            None => (given, None),
        };
        let rule = Self::new(name.parse()?);
        match argument {
            None => Ok(rule),
            Some(argument) => with_argument(rule, argument),
        }
    }
}

/// What stands behind the colon means what the fault can use.
fn with_argument(mut rule: FaultRule, argument: &str) -> Result<FaultRule, InvalidRule> {
    match rule.fault {
        Fault::RateLimit | Fault::Quota | Fault::Overloaded => rule.retry_after = Some(argument.to_owned()),
        Fault::ServerError | Fault::Html | Fault::BigError | Fault::Redirect => {
            rule.status = Some(status(argument)?);
        }
        Fault::SlowFirstToken => rule.delay = Some(delay(argument)?),
        Fault::CutStream | Fault::Stall | Fault::StreamError | Fault::BadJson => {
            let events = argument
                .parse()
                .map_err(|_| InvalidRule::Events(argument.to_owned()))?;
            rule.after_events = Some(events);
        }
        fault => {
            return Err(InvalidRule::Argument {
                fault,
                given: argument.to_owned(),
            });
        }
    }
    Ok(rule)
}

pub(super) fn status(given: &str) -> Result<StatusCode, InvalidRule> {
    let status = given
        .parse::<StatusCode>()
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()));
    status.ok_or_else(|| InvalidRule::Status(given.to_owned()))
}

fn delay(given: &str) -> Result<Duration, InvalidRule> {
    humantime::parse_duration(given).map_err(|_| InvalidRule::Delay(given.to_owned()))
}

/// Reads `name: value`, as the command line writes a header.
pub(super) fn header(given: &str) -> Result<(HeaderName, HeaderValue), InvalidRule> {
    let invalid = || InvalidRule::Header(given.to_owned());
    let (name, value) = given.split_once(':').ok_or_else(invalid)?;
    let name = name.trim().parse().map_err(|_| invalid())?;
    let value = value.trim().parse().map_err(|_| invalid())?;
    Ok((name, value))
}

/// A rule was written that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidRule {
    /// No such fault.
    Fault(UnknownFault),
    /// This fault takes no argument.
    Argument {
        /// The fault that was named.
        fault: Fault,
        /// What stood behind the colon.
        given: String,
    },
    /// Not a status that an answer can end with.
    Status(String),
    /// Not a length of time.
    Delay(String),
    /// Not a number of events.
    Events(String),
    /// Not a share between 0 and 1.
    Rate(String),
    /// Not a header.
    Header(String),
    /// Not JSON of the expected form.
    Form(String),
}

impl fmt::Display for InvalidRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(unknown) => unknown.fmt(f),
            Self::Argument { fault, given } => {
                write!(
                    f,
                    "the fault `{fault}` takes no argument, but `:{given}` was given: leave it out"
                )
            }
            Self::Status(given) => write!(f, "the status `{given}` cannot be answered: write 200 to 599"),
            Self::Delay(given) => write!(
                f,
                "`{given}` is no length of time: write one as in `500ms` or `2s`"
            ),
            Self::Events(given) => write!(f, "`{given}` is no number of events: write 0 or more"),
            Self::Rate(given) => write!(f, "the rate `{given}` is no share: write a number from 0 to 1"),
            Self::Header(given) => write!(f, "`{given}` is no header: write it as in `retry-after-ms: 1500`"),
            Self::Form(reason) => write!(f, "the rule cannot be read: {reason}"),
        }
    }
}

impl Error for InvalidRule {}

impl From<UnknownFault> for InvalidRule {
    fn from(unknown: UnknownFault) -> Self {
        Self::Fault(unknown)
    }
}

/// Checks a share, which numbers alone do not promise to be.
pub(super) fn share(rate: f64) -> Result<f64, InvalidRule> {
    if (0.0..=1.0).contains(&rate) {
        Ok(rate)
    } else {
        Err(InvalidRule::Rate(rate.to_string()))
    }
}
