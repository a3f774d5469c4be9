//! How the model picks its words.

use serde::Serialize;

use super::sieve::Sieve;
use crate::dialect::hub::{Chat, Number};

/// The least `top_p` that a model takes which thinks aloud.
const LEAST_WHEN_THINKING: f64 = 0.95;

/// What is said about it.
pub(super) struct Sampling<'a> {
    pub(super) temperature: Option<Temperature<'a>>,
    pub(super) top_p: Option<Number<'a>>,
    pub(super) top_k: Option<Number<'a>>,
}

/// A temperature from 0 to 1, where the hub's goes to 2.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Temperature<'a> {
    AsWritten(Number<'a>),
    Clamped(f64),
}

impl<'a> Temperature<'a> {
    fn of(number: Number<'a>) -> Self {
        let value = number.value();
        if (0.0..=1.0).contains(&value) {
            Self::AsWritten(number)
        } else {
            Self::Clamped(value.clamp(0.0, 1.0))
        }
    }

    fn is_default(&self) -> bool {
        match self {
            Self::AsWritten(number) => is_one(number.value()),
            Self::Clamped(value) => is_one(*value),
        }
    }
}

impl<'a> Sampling<'a> {
    /// A value of 1 is the default of both, here and in the hub: to leave it out loses nothing.
    pub(super) fn of(chat: &Chat<'a>, thinks_aloud: bool, sieve: &mut Sieve<'_>) -> Self {
        let temperature = chat.temperature.map(Temperature::of);
        let temperature = pass(sieve, "temperature", temperature, Temperature::is_default);
        let top_p = pass(sieve, "top_p", chat.top_p, |top_p| is_one(top_p.value()));
        let top_k = sieve.pass("top_k", chat.top_k);
        if thinks_aloud {
            let is_warm = temperature.is_some_and(|temperature| !temperature.is_default());
            let kept = top_p.filter(|top_p| top_p.value() >= LEAST_WHEN_THINKING);
            sieve.drop_if("temperature", is_warm);
            sieve.drop_if("top_p", top_p.is_some() && kept.is_none());
            sieve.drop_if("top_k", top_k.is_some());
            return Self {
                temperature: None,
                top_p: kept,
                top_k: None,
            };
        }
        let (temperature, top_p) = either(temperature, top_p, sieve);
        Self {
            temperature,
            top_p,
            top_k,
        }
    }
}

/// The value, unless the model refuses the field; a default is left out without a word.
fn pass<T>(
    sieve: &mut Sieve<'_>,
    field: &str,
    value: Option<T>,
    is_default: impl Fn(&T) -> bool,
) -> Option<T> {
    if value.as_ref().is_some_and(is_default) && sieve.facts().refuse(field) {
        return None;
    }
    sieve.pass(field, value)
}

/// Models that take both take only one at a time: the one that says something, or else the temperature.
fn either<'a>(
    temperature: Option<Temperature<'a>>,
    top_p: Option<Number<'a>>,
    sieve: &mut Sieve<'_>,
) -> (Option<Temperature<'a>>, Option<Number<'a>>) {
    match (temperature, top_p) {
        (Some(temperature), Some(top_p)) if is_one(top_p.value()) => (Some(temperature), None),
        (Some(temperature), top_p) if top_p.is_some() && temperature.is_default() => (None, top_p),
        (Some(temperature), top_p) => {
            sieve.drop_if("top_p", top_p.is_some());
            (Some(temperature), None)
        }
        (None, top_p) => (None, top_p),
    }
}

fn is_one(value: f64) -> bool {
    (value - 1.0).abs() < f64::EPSILON
}
