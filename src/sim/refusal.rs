//! Errors in a provider's own words: the `OpenAI` shape, and Azure's where it differs.
//!
//! Invariant: an error of the `OpenAI` shape has all four keys. It refuses to know why a request is refused; the caller
//! names a [`Reason`].

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Value, json};

use super::route::Surface;

/// What a provider refuses a request for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Too many requests; come back after this many seconds, if it is a number.
    RateLimited {
        retry_after: Option<String>,
    },
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
        param: Option<&'static str>,
        code: Option<&'static str>,
    },
    UnknownPath(String),
    WrongMethod(&'static str),
}

struct Words {
    message: Cow<'static, str>,
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

impl Words {
    fn new(message: impl Into<Cow<'static, str>>, kind: &'static str, code: Option<&'static str>) -> Self {
        Self {
            message: message.into(),
            kind,
            param: None,
            code,
        }
    }

    const fn about(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }
}

const INVALID: &str = "invalid_request_error";

impl Reason {
    /// A parameter that has to be there is not.
    pub(super) fn missing(param: &'static str) -> Self {
        Self::Invalid {
            message: format!("Missing required parameter: '{param}'."),
            param: Some(param),
            code: Some("missing_required_parameter"),
        }
    }

    /// A parameter has a value that cannot be used.
    pub(super) const fn invalid(param: &'static str, message: String) -> Self {
        Self::Invalid {
            message,
            param: Some(param),
            code: Some("invalid_value"),
        }
    }

    /// The status it is answered with unless another one is asked for.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::RateLimited { .. } | Self::Quota => StatusCode::TOO_MANY_REQUESTS,
            Self::MissingKey | Self::WrongKey => StatusCode::UNAUTHORIZED,
            Self::Status(status) => *status,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::ContextLength | Self::ContentFilter | Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::UnknownModel(_) | Self::UnknownPath(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// The body, with another message if one is given.
    pub(super) fn body(&self, surface: Surface, message: Option<&str>) -> String {
        let mut body = if surface.is_azure() {
            self.azure(surface)
        } else {
            None
        };
        let body = body.get_or_insert_with(|| self.openai());
        if let Some(message) = message {
            body["error"]["message"] = Value::from(message);
        }
        body.to_string()
    }

    /// The error object of an error event.
    pub(super) fn openai(&self) -> Value {
        let Words {
            message,
            kind,
            param,
            code,
        } = self.words();
        json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
    }

    fn words(&self) -> Words {
        match self {
            Self::RateLimited { .. } => Words::new(
                "Rate limit reached for requests per minute.",
                "rate_limit_error",
                Some("rate_limit_exceeded"),
            ),
            Self::Quota => Words::new(
                "The quota of this account is used up; check its plan and billing.",
                "insufficient_quota",
                Some("insufficient_quota"),
            ),
            Self::MissingKey => Words::new("No API key was provided.", INVALID, None),
            Self::WrongKey => Words::new("Incorrect API key provided.", INVALID, Some("invalid_api_key")),
            Self::Status(status) => status_words(*status),
            Self::Overloaded => Words::new(
                "The model is overloaded with other requests.",
                "service_unavailable_error",
                Some("server_is_overloaded"),
            ),
            Self::ContextLength => Words::new(
                "This model's maximum context length is 8192 tokens, but the messages come to 9000 tokens.",
                INVALID,
                Some("context_length_exceeded"),
            )
            .about("messages"),
            Self::ContentFilter => Words::new(
                "The request was rejected as a result of our safety system.",
                INVALID,
                Some("content_policy_violation"),
            ),
            Self::UnknownModel(model) => Words::new(
                format!("The model `{model}` does not exist."),
                INVALID,
                Some("model_not_found"),
            )
            .about("model"),
            Self::Invalid { message, param, code } => Words {
                message: message.clone().into(),
                kind: INVALID,
                param: *param,
                code: *code,
            },
            Self::UnknownPath(path) => Words::new(format!("Invalid URL ({path})"), INVALID, None),
            Self::WrongMethod(allowed) => Words::new(
                format!("This method is not allowed here; use {allowed}."),
                INVALID,
                Some("method_not_supported"),
            ),
        }
    }

    /// Azure's words, where they differ.
    fn azure(&self, surface: Surface) -> Option<Value> {
        let dated = surface == Surface::AzureDeployment;
        let (code, message) = match self {
            Self::RateLimited { retry_after } => {
                let wait = retry_after.as_deref().unwrap_or("a few");
                let code = if dated { "429" } else { "too_many_requests" };
                let message = format!(
                    "This operation has exceeded the token rate limit of your current tier. Please retry after {wait} seconds."
                );
                (code, message)
            }
            Self::MissingKey | Self::WrongKey => (
                "401",
                "Access denied due to invalid subscription key or wrong API endpoint.".to_owned(),
            ),
            Self::UnknownModel(_) => (
                "DeploymentNotFound",
                "The API deployment for this resource does not exist.".to_owned(),
            ),
            Self::UnknownPath(_) => ("404", "Resource not found".to_owned()),
            Self::Overloaded => (
                "ServiceUnavailable",
                "The service is temporarily unable to answer.".to_owned(),
            ),
            Self::Status(StatusCode::INTERNAL_SERVER_ERROR) => (
                "InternalServerError",
                "The service met an internal error.".to_owned(),
            ),
            Self::ContentFilter => return Some(azure_filter()),
            _ => return None,
        };
        Some(json!({"error": {"code": code, "message": message}}))
    }
}

fn status_words(status: StatusCode) -> Words {
    let message = format!("The simulated provider answers {status}.");
    match status.as_u16() {
        401 => Words::new(message, INVALID, Some("invalid_api_key")),
        403 => Words::new(message, "permission_error", None),
        404 => Words::new(message, INVALID, Some("model_not_found")),
        429 => Words::new(message, "rate_limit_error", Some("rate_limit_exceeded")),
        503 => Words::new(message, "service_unavailable_error", Some("server_is_overloaded")),
        500..=599 => Words::new(message, "server_error", Some("server_error")),
        _ => Words::new(message, INVALID, None),
    }
}

fn azure_filter() -> Value {
    let severity =
        |filtered: bool| json!({"filtered": filtered, "severity": if filtered { "high" } else { "safe" }});
    json!({"error": {
        "message": "The response was filtered because the prompt triggered the content management policy.",
        "type": null,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": severity(false), "self_harm": severity(false), "sexual": severity(false), "violence": severity(true),
            },
        },
    }})
}
