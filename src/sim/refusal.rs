//! Why a provider refuses, free of any dialect, and the refusal as a dialect has written it.
//!
//! It refuses to know how a refusal looks; the caller names a [`Reason`] and a
//! [`Language`](super::dialect::Language) finds status, headers and words.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::body::SimBody;
use super::reply;

/// What a provider refuses a request for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Too many requests.
    RateLimited,
    Quota,
    MissingKey,
    WrongKey,
    /// Any status; the words follow from it.
    Status(StatusCode),
    Overloaded,
    ContextLength,
    ContentFilter,
    /// The model, or on Azure's paths the deployment, that does not exist.
    UnknownModel(String),
    /// The caller's mistake: what is wrong, with which parameter, and its code.
    Invalid {
        message: String,
        param: Option<Cow<'static, str>>,
        code: Option<&'static str>,
    },
    /// A sign-in that is not taken: the service's code for it, and its words.
    Denied {
        code: &'static str,
        message: String,
    },
    TooLarge(usize),
    UnknownPath(String),
    WrongMethod(&'static str),
}

impl Reason {
    /// A mistake that is told in words alone.
    pub(super) fn said(message: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            param: None,
            code: None,
        }
    }
}

/// A reason, and how the refusal is to be dressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal<'a> {
    pub(super) reason: &'a Reason,
    /// The provider's id of the request.
    pub(super) request_id: &'a str,
    /// Another message than the usual one.
    pub(super) message: Option<&'a str>,
    /// Another status than the usual one.
    pub(super) status: Option<StatusCode>,
    /// In the rarer of the forms that the dialect has.
    pub(super) is_raw: bool,
    /// When to come back, as it was ordered; the empty text is an order to leave it out.
    pub(super) retry_after: Option<&'a str>,
}

impl<'a> Refusal<'a> {
    pub(super) const fn new(reason: &'a Reason, request_id: &'a str) -> Self {
        Self {
            reason,
            request_id,
            message: None,
            status: None,
            is_raw: false,
            retry_after: None,
        }
    }

    /// The ordered time to come back; `usual` where none was ordered.
    pub(super) fn wait_or(&self, usual: &'a str) -> Option<&'a str> {
        Some(self.retry_after.unwrap_or(usual)).filter(|text| !text.is_empty())
    }

    /// The ordered time to come back, if there is one.
    pub(super) fn wait(&self) -> Option<&'a str> {
        self.wait_or("")
    }
}

/// A refusal in the words of a dialect.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// JSON.
    pub(super) body: String,
}

impl Written {
    pub(super) fn new(status: StatusCode, body: String) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body,
        }
    }

    /// Adds a header, if there is a text for it and the text can be one.
    pub(super) fn header(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(value) = text
            .filter(|text| !text.is_empty())
            .and_then(|text| HeaderValue::try_from(text).ok())
        {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    pub(super) fn into_response(self) -> Response<SimBody> {
        let mut response = reply::typed(self.status, reply::JSON, SimBody::whole(self.body));
        response.headers_mut().extend(self.headers);
        response
    }
}
