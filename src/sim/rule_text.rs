//! The short form of a [`FaultRule`]: `rate_limit`, `server_error:503`, `cut_stream:2`, `stream_error:overloaded`.
//!
//! Invariant: what stands behind a colon means what the fault can use; anything else is a mistake, and every mistake
//! says what to write instead.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use super::fault::{Fault, UnknownFault};
use super::rule::FaultRule;

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
            argument
                .split(':')
                .try_for_each(|word| interruption(&mut rule, word.trim()))?;
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

/// Reads one of the words that say when and how a body breaks off.
fn interruption(rule: &mut FaultRule, word: &str) -> Result<(), InvalidRule> {
    let is_error = rule.fault == Fault::StreamError;
    match word {
        "opening" => rule.after_opening = true,
        "raw" if is_error || rule.fault == Fault::BadJson => rule.raw = true,
        _ if is_error && word.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            rule.error = Some(error(word)?);
        }
        _ => {
            let events = word.parse().map_err(|_| InvalidRule::Events(word.to_owned()))?;
            rule.after_events = Some(events);
        }
    }
    Ok(())
}

/// Reads the name of a fault that is an error.
pub(super) fn error(given: &str) -> Result<Fault, InvalidRule> {
    let fault: Fault = given.parse()?;
    fault
        .is_error()
        .then_some(fault)
        .ok_or(InvalidRule::NoError(fault))
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
    /// Not a fault that is an error.
    NoError(Fault),
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
            Self::NoError(fault) => write!(
                f,
                "the fault `{fault}` is no error that a stream can say: write one as in `overloaded`"
            ),
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
