//! What each path answers: `(method, path, headers, body) -> answer`, with the source asked in between.
//!
//! Every answer is JSON except the page and the metrics, errors included. Nothing is answered before the guard has
//! admitted the sender; only `/healthz` needs no admission, and `/readyz` without it tells no reasons.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::Serialize;
use serde_json::json;

use super::auth::{Credentials, Guard, Refusal};
use super::page::{self, Asset};
use super::report::{OrderReport, Readiness, ResetOrder};
use super::{AdminSource, UnknownName};

/// A request that was read to its end.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What is sent back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    /// The methods that the path takes, for an answer of 405.
    pub(super) allow: Option<&'static str>,
}

impl Answer {
    fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let mut body = serde_json::to_vec(value).expect("reports have text keys and finite numbers");
        body.push(b'\n');
        Self {
            status,
            content_type: "application/json",
            body: body.into(),
            allow: None,
        }
    }

    fn text(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            body: body.into(),
            allow: None,
        }
    }

    /// An error, `kind` for programs and `message` for people.
    pub(super) fn error(status: StatusCode, kind: &'static str, message: &str) -> Self {
        Self::json(status, &json!({ "error": { "message": message, "type": kind } }))
    }
}

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    Healthz,
    Readyz,
    Page(Asset),
    Metrics,
    Status,
    Model(String),
    Drain(String),
    Resume(String),
    Reset,
    Nothing,
    /// A name in the path that is no text.
    Unreadable,
}

impl Route {
    fn of(path: &str) -> Self {
        if let Some(asset) = page::asset(path) {
            return Self::Page(asset);
        }
        if let Some(model) = path
            .strip_prefix("/admin/failover/model/")
            .filter(|name| !name.is_empty())
        {
            return decoded(model).map_or(Self::Unreadable, Self::Model);
        }
        if let Some(provider) = path.strip_prefix("/admin/providers/") {
            return Self::of_provider(provider);
        }
        match path {
            "/healthz" => Self::Healthz,
            "/readyz" => Self::Readyz,
            "/metrics" => Self::Metrics,
            "/admin/failover/status" => Self::Status,
            "/admin/circuits/reset" => Self::Reset,
            _ => Self::Nothing,
        }
    }

    fn of_provider(rest: &str) -> Self {
        let (name, order): (&str, fn(String) -> Self) = match rest.rsplit_once('/') {
            Some((name, "drain")) if !name.is_empty() => (name, Self::Drain),
            Some((name, "resume")) if !name.is_empty() => (name, Self::Resume),
            _ => return Self::Nothing,
        };
        decoded(name).map_or(Self::Unreadable, order)
    }

    /// The methods it takes.
    fn allow(&self) -> &'static str {
        match self {
            Self::Drain(_) | Self::Resume(_) | Self::Reset => "POST",
            _ => "GET, HEAD",
        }
    }

    fn takes(&self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// Answers one request.
pub(super) fn answer(asked: &Asked, guard: &Guard, source: &dyn AdminSource) -> Answer {
    let route = Route::of(asked.uri.path());
    let credentials = Credentials {
        method: &asked.method,
        uri: &asked.uri,
        headers: &asked.headers,
    };
    let admitted = match route {
        Route::Healthz => Ok(()),
        Route::Page(_) => guard.admit_to_page(credentials),
        _ => guard.admit(credentials),
    };
    match admitted {
        Err(_) if route == Route::Readyz && route.takes(&asked.method) => readiness(source, false),
        Err(refusal) => refused(refusal),
        Ok(()) if matches!(route, Route::Nothing | Route::Unreadable) => no_route(&route),
        Ok(()) if !route.takes(&asked.method) => wrong_method(&route),
        Ok(()) => perform(route, &asked.body, source),
    }
}

fn perform(route: Route, body: &[u8], source: &dyn AdminSource) -> Answer {
    match route {
        Route::Healthz => Answer::json(StatusCode::OK, &json!({ "status": "ok" })),
        Route::Readyz => readiness(source, true),
        Route::Page(asset) => Answer::text(asset.content_type, asset.body),
        Route::Metrics => Answer::text("text/plain; version=0.0.4; charset=utf-8", source.metrics()),
        Route::Status => Answer::json(StatusCode::OK, &source.status()),
        Route::Model(name) => reported(source.model(&name)),
        Route::Drain(provider) => done(source.drain(&provider).map(|()| None), provider, "drained"),
        Route::Resume(provider) => done(source.resume(&provider).map(|()| None), provider, "resumed"),
        Route::Reset => reset(body, source),
        Route::Nothing | Route::Unreadable => no_route(&route),
    }
}

fn readiness(source: &dyn AdminSource, with_reasons: bool) -> Answer {
    let Readiness { ready, reasons } = source.readiness();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let reasons = if with_reasons { reasons } else { Vec::new() };
    Answer::json(status, &Readiness { ready, reasons })
}

fn reset(body: &[u8], source: &dyn AdminSource) -> Answer {
    let order: ResetOrder = match serde_json::from_slice(body) {
        Ok(order) => order,
        Err(error) => {
            let message = format!(
                r#"the body cannot be read ({error}); send {{"provider": "..."}} or {{"provider": "...", "model": "..."}}"#
            );
            return Answer::error(StatusCode::BAD_REQUEST, "bad_request", &message);
        }
    };
    done(
        source.reset(&order.provider, order.model.as_deref()).map(Some),
        order.provider,
        "reset",
    )
}

fn done(result: Result<Option<usize>, UnknownName>, provider: String, what: &str) -> Answer {
    reported(result.map(|circuits| OrderReport {
        provider,
        done: what.to_owned(),
        circuits,
    }))
}

fn reported<T: Serialize>(result: Result<T, UnknownName>) -> Answer {
    match result {
        Ok(report) => Answer::json(StatusCode::OK, &report),
        Err(unknown) => {
            let error =
                json!({ "message": unknown.to_string(), "type": "not_found", "known": unknown.known });
            Answer::json(StatusCode::NOT_FOUND, &json!({ "error": error }))
        }
    }
}

fn refused(refusal: Refusal) -> Answer {
    let (status, kind) = match refusal {
        Refusal::Token => (StatusCode::UNAUTHORIZED, "unauthorized"),
        Refusal::Host | Refusal::CrossSite => (StatusCode::FORBIDDEN, "forbidden"),
    };
    Answer::error(status, kind, &refusal.to_string())
}

fn no_route(route: &Route) -> Answer {
    if *route == Route::Unreadable {
        let message = "the name in the path is not percent-encoded UTF-8";
        return Answer::error(StatusCode::BAD_REQUEST, "bad_request", message);
    }
    let message = "nothing is here; see /, /admin/failover/status, /admin/failover/model/{id}, /metrics, /healthz, \
                   /readyz, and POST /admin/providers/{name}/drain or /resume and /admin/circuits/reset";
    Answer::error(StatusCode::NOT_FOUND, "not_found", message)
}

fn wrong_method(route: &Route) -> Answer {
    let allow = route.allow();
    let message = format!("this path takes {allow} only");
    let error = Answer::error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &message);
    Answer {
        allow: Some(allow),
        ..error
    }
}

/// Undoes percent-encoding; `None` when it is broken or yields no text.
fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_may_have_slashes_and_colons_in_any_spelling() {
        for path in ["meta/llama-3:70b", "meta%2Fllama-3%3A70b", "meta%2fllama-3:70b"] {
            let route = Route::of(&format!("/admin/failover/model/{path}"));
            assert_eq!(route, Route::Model("meta/llama-3:70b".to_owned()));
        }
    }

    #[test]
    fn a_name_that_is_no_text_is_told_apart_from_an_unknown_path() {
        for path in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(
                Route::of(&format!("/admin/failover/model/{path}")),
                Route::Unreadable,
                "{path}"
            );
            assert_eq!(
                Route::of(&format!("/admin/providers/{path}/drain")),
                Route::Unreadable,
                "{path}"
            );
        }
        for path in [
            "",
            "/admin",
            "/admin/failover/model/",
            "/admin/providers//drain",
            "/admin/providers/x",
            "/x",
        ] {
            assert_eq!(Route::of(path), Route::Nothing, "{path}");
        }
    }

    #[test]
    fn a_provider_may_be_called_like_an_order() {
        assert_eq!(
            Route::of("/admin/providers/drain/resume"),
            Route::Resume("drain".to_owned())
        );
    }
}
