//! When a fault strikes and how it is dressed: one rule.
//!
//! A rule is written short ([`rule_text`](super::rule_text)) on the command line and inside a model name, or as a JSON
//! object ([`rule_json`](super::rule_json)) on the HTTP console. Invariant: a [`FaultRule`] made from either holds only
//! legal values. It refuses to know which requests come; [`book`](super::book) asks it.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::encoding::Encoding;
use super::fault::Fault;

/// Which endpoints a rule reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Whatever is asked of a model.
    #[default]
    Inference,
    /// The model listing, which health checks use.
    Models,
    /// Everything a provider answers, but not the tokens.
    All,
    /// The endpoints that issue tokens.
    Token,
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
    /// The same, but right before the first event with content: what opens the stream is sent.
    pub after_opening: bool,
    /// For `stream_error`: which error it is, by the fault that says it outside of a stream.
    pub error: Option<Fault>,
    /// In the rarer of the forms that the dialect has for it, as in an error outside of all events.
    pub raw: bool,
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
            after_opening: false,
            error: None,
            raw: false,
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

    /// Lets what opens the stream pass and strikes before the first event with content.
    #[must_use]
    pub const fn after_opening(mut self) -> Self {
        self.after_opening = true;
        self
    }

    /// Says this error in a stream.
    #[must_use]
    pub const fn error(mut self, error: Fault) -> Self {
        self.error = Some(error);
        self
    }

    /// Says it in the rarer form.
    #[must_use]
    pub const fn raw(mut self) -> Self {
        self.raw = true;
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
