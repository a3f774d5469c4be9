//! The provider's own pages under `/sim`: switch faults, change the pace, read counters and requests.
//!
//! It is open to whoever reaches the port, needs no key, and is neither counted nor struck by faults.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::SimBody;
use super::config::Pace;
use super::control::Control;
use super::dialect::Dialect;
use super::fault::Fault;
use super::manner::Manner;
use super::provider::Provider;
use super::reply;
use super::rule_json::{self, RuleForm};
use super::serve::Unread;

/// Answers a request to `/sim/{page}`.
pub(super) fn respond(
    provider: &Provider,
    method: &Method,
    page: &str,
    body: Result<Bytes, Unread>,
) -> Response<SimBody> {
    let Ok(body) = body else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    };
    let control = provider.control();
    match (page, method) {
        ("", &Method::GET) => shown(&index(provider)),
        ("fault", &Method::GET) => faults(control),
        ("fault", &Method::POST) => match rule_json::read(&body) {
            Ok(rules) => {
                switch(control, rules, body.trim_ascii_start().first() == Some(&b'['));
                faults(control)
            }
            Err(invalid) => refused(StatusCode::BAD_REQUEST, &invalid.to_string()),
        },
        ("fault", &Method::DELETE) => {
            control.clear_faults();
            faults(control)
        }
        ("pace", &Method::GET) => shown(&PaceForm::from(control.pace())),
        ("pace", &Method::POST) => match changed_pace(control.pace(), &body) {
            Ok(changed) => {
                control.set_pace(changed);
                shown(&PaceForm::from(changed))
            }
            Err(reason) => refused(StatusCode::BAD_REQUEST, &reason),
        },
        ("manner", &Method::GET) => shown(&control.manner()),
        ("manner", &Method::POST) => match changed_manner(control.manner(), &body) {
            Ok(changed) => {
                control.set_manner(changed);
                shown(&changed)
            }
            Err(reason) => refused(StatusCode::BAD_REQUEST, &reason),
        },
        ("tokens", &Method::GET | &Method::POST | &Method::DELETE) => tokens(control, method, &body),
        ("stats", &Method::GET) => shown(&control.counters()),
        ("requests", &Method::GET) => shown(&control.recent_requests()),
        ("reset", &Method::POST) => {
            control.reset();
            shown(&control.counters())
        }
        ("" | "fault" | "pace" | "manner" | "tokens" | "stats" | "requests" | "reset", _) => refused(
            StatusCode::METHOD_NOT_ALLOWED,
            "this method is not for this page; GET /sim lists them",
        ),
        _ => refused(
            StatusCode::NOT_FOUND,
            "there is no such page; GET /sim lists them",
        ),
    }
}

/// A single rule replaces its like, a list replaces everything.
fn switch(control: &Control, rules: Vec<super::rule::FaultRule>, is_list: bool) {
    if is_list {
        control.set_faults(rules);
    } else {
        for rule in rules {
            control.set_fault(rule);
        }
    }
}

fn index(provider: &Provider) -> Value {
    json!({
        "name": &**provider.name(),
        "dialect": provider.only().map_or("each on its own paths", Dialect::name),
        "pages": {
            "POST /sim/fault": "switch a fault on, as in {\"fault\":\"rate_limit\",\"retry_after\":\"7\",\"times\":1}; a list is a script",
            "GET /sim/fault": "the faults that are on",
            "DELETE /sim/fault": "switch all faults off",
            "POST /sim/pace": "change the pace, as in {\"latency\":\"50ms\",\"tokens\":10}",
            "GET /sim/pace": "the pace",
            "POST /sim/manner": "change how else answers are made, as in {\"thinking\":\"always\",\"calls\":2,\"cached_tokens\":100}",
            "GET /sim/manner": "the manner",
            "POST /sim/tokens": "change how long access tokens to come are valid, as in {\"lifetime\":\"5s\"}",
            "GET /sim/tokens": "that time, and how many were issued",
            "DELETE /sim/tokens": "make all tokens bad that were issued",
            "GET /sim/stats": "counters",
            "GET /sim/requests": "the last requests, keys masked",
            "POST /sim/reset": "forget counters and requests, back to the faults, the pace and the manner of the start",
        },
        "faults": Fault::ALL.map(Fault::name),
    })
}

fn faults(control: &Control) -> Response<SimBody> {
    let rules: Vec<_> = control.faults().iter().map(RuleForm::from).collect();
    shown(&json!({ "faults": rules }))
}

fn shown(page: &impl Serialize) -> Response<SimBody> {
    match serde_json::to_string_pretty(page) {
        Ok(text) => reply::json(text + "\n"),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn refused(status: StatusCode, message: &str) -> Response<SimBody> {
    let body = json!({"error": {"message": message, "type": "sim_error", "param": null, "code": null}});
    reply::typed(status, reply::JSON, SimBody::whole(format!("{body}\n")))
}

/// The pace, as it is written; what is left out stays as it is.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PaceForm {
    latency: Option<String>,
    first_token: Option<String>,
    inter_token: Option<String>,
    tokens: Option<u32>,
    answer_bytes: Option<usize>,
}

impl From<Pace> for PaceForm {
    fn from(pace: Pace) -> Self {
        let text = |length| Some(humantime::format_duration(length).to_string());
        Self {
            latency: text(pace.latency),
            first_token: text(pace.first_token),
            inter_token: text(pace.inter_token),
            tokens: Some(pace.tokens),
            answer_bytes: Some(pace.answer_bytes),
        }
    }
}

/// Shows the tokens' page, after what the method asks for.
fn tokens(control: &Control, method: &Method, body: &[u8]) -> Response<SimBody> {
    match *method {
        Method::POST => match lifetime(body) {
            Ok(lifetime) => control.set_token_lifetime(lifetime),
            Err(reason) => return refused(StatusCode::BAD_REQUEST, &reason),
        },
        Method::DELETE => control.revoke_tokens(),
        _ => {}
    }
    let lifetime = humantime::format_duration(control.token_lifetime()).to_string();
    shown(&json!({"lifetime": lifetime, "issued": control.counters().tokens_issued}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LifetimeForm {
    lifetime: String,
}

fn lifetime(body: &[u8]) -> Result<Duration, String> {
    let LifetimeForm { lifetime } =
        serde_json::from_slice(body).map_err(|error| format!("the lifetime cannot be read: {error}"))?;
    humantime::parse_duration(&lifetime)
        .map_err(|_| format!("`{lifetime}` is no length of time: write one as in `500ms` or `2s`"))
}

/// The manner with what is written in its place; what is left out stays as it is.
fn changed_manner(manner: Manner, body: &[u8]) -> Result<Manner, String> {
    let unreadable = |error: serde_json::Error| format!("the manner cannot be read: {error}");
    let given: serde_json::Map<String, Value> = serde_json::from_slice(body).map_err(unreadable)?;
    let mut form = serde_json::to_value(manner).map_err(unreadable)?;
    for (name, value) in given {
        form[name] = value;
    }
    serde_json::from_value(form).map_err(unreadable)
}

fn changed_pace(mut pace: Pace, body: &[u8]) -> Result<Pace, String> {
    let form: PaceForm =
        serde_json::from_slice(body).map_err(|error| format!("the pace cannot be read: {error}"))?;
    let change = |length: &mut Duration, given: Option<String>| match given {
        None => Ok(()),
        Some(given) => humantime::parse_duration(&given)
            .map(|parsed| *length = parsed)
            .map_err(|_| format!("`{given}` is no length of time: write one as in `500ms` or `2s`")),
    };
    change(&mut pace.latency, form.latency)?;
    change(&mut pace.first_token, form.first_token)?;
    change(&mut pace.inter_token, form.inter_token)?;
    pace.tokens = form.tokens.unwrap_or(pace.tokens);
    pace.answer_bytes = form.answer_bytes.unwrap_or(pace.answer_bytes);
    Ok(pace)
}
