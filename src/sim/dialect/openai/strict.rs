//! What OpenAI itself refuses in a chat request.
//!
//! It is looked at only by a provider that speaks no other dialect: the servers that are like OpenAI take nearly
//! everything, and those are what a provider of all dialects stands for.

mod body;
mod rules;

use serde_json::Value;

use super::request::unreadable;
use crate::sim::dialect::shape::{self, Flaw, Key, Spelling, Wrong};
use crate::sim::refusal::Reason;

/// Checks a chat request for a model.
pub(super) fn check(body: &[u8], model: &str) -> Result<(), Reason> {
    let body: Value = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    shape::check(&body, &body::CHAT, Spelling::Exact).map_err(|flaw| words(&flaw))?;
    rules::check(&body, model)
}

/// A mistake with a parameter, and its code.
fn mistake(message: impl Into<String>, param: impl Into<String>, code: &'static str) -> Reason {
    Reason::Invalid {
        message: message.into(),
        param: Some(param.into().into()),
        code: Some(code),
    }
}

/// A flaw in the words of the service.
fn words(flaw: &Flaw) -> Reason {
    let place = flaw.place(|key, out| {
        match key {
            Key::Name(name) if out.is_empty() => out.push_str(name),
            Key::Name(name) => out.extend([".", name]),
            Key::Index(index) => out.extend(["[", &index.to_string(), "]"]),
        }
        Ok(())
    });
    let below = |name: &str| {
        if place.is_empty() {
            name.to_owned()
        } else {
            format!("{place}.{name}")
        }
    };
    match &flaw.wrong {
        Wrong::Unknown(name) if place.is_empty() => {
            Reason::said(format!("Unrecognized request argument supplied: {name}"))
        }
        Wrong::Unknown(name) => {
            let param = below(name);
            mistake(
                format!("Unknown parameter: '{param}'."),
                param,
                "unknown_parameter",
            )
        }
        Wrong::Missing(name) => {
            let param = below(name);
            let message = format!("Missing required parameter: '{param}'.");
            mistake(message, param, "missing_required_parameter")
        }
        Wrong::Type(kind) => {
            let message = format!("Invalid type for '{place}': expected {kind}.");
            mistake(message, place, "invalid_type")
        }
        Wrong::Range(range) => {
            let message = format!("Invalid '{place}': expected a value in the range {range}.");
            mistake(message, place, "decimal_above_max_value")
        }
        Wrong::Word(word, words) | Wrong::Tag(word, words) => {
            let message = format!("Invalid value: '{word}'. Supported values are: {words:?}.");
            mistake(message, place, "invalid_value")
        }
        Wrong::NotOne => mistake(format!("Invalid value for '{place}'."), place, "invalid_value"),
    }
}
