//! The names that `failover.on` understands, ours and those of others.
//!
//! Invariant: a name is a class, a word of another gateway's with a fixed meaning, or one HTTP status; anything else
//! is refused with what to write instead. It knows nothing of what a policy does.

use std::fmt;

use crate::outcome::class::Class;

/// What `http_5xx` stands for.
pub(super) const EVERY_5XX: std::ops::Range<u16> = 500..600;

/// Names farther than this from any known one get no suggestion.
const MOST_EDITS: usize = 3;

/// A name that a policy must not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadName {
    /// Where in the list it stands.
    pub index: usize,
    /// The name as written.
    pub name: String,
    /// What is wrong with it, and what to write instead.
    pub remedy: String,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.name, self.remedy)
    }
}

impl std::error::Error for BadName {}

/// What a name stands for.
#[derive(Default)]
pub(super) struct Meaning {
    pub(super) classes: Vec<Class>,
    pub(super) statuses: Vec<u16>,
}

/// Names of other gateways, dashes written as underscores.
const FOREIGN: &[(&str, &[Class], &[u16])] = &[
    ("error", &[Class::Connect, Class::Reset], &[]),
    ("connect_failure", &[Class::Connect], &[]),
    ("refused_stream", &[Class::Reset], &[]),
    ("reset_before_request", &[Class::Reset], &[]),
    ("invalid_header", &[Class::BadResponse], &[]),
    ("rate_limit", &[Class::RateLimited], &[]),
    ("envoy_ratelimited", &[Class::RateLimited], &[]),
    ("gateway_error", &[], &[502, 503, 504]),
    ("retriable_4xx", &[], &[409]),
    // Every request here is a POST, and every one may be tried again.
    ("non_idempotent", &[], &[]),
];

/// What the name stands for, or what is wrong with it.
pub(super) fn meaning(name: &str) -> Result<Meaning, String> {
    let plain = name.trim().to_ascii_lowercase().replace('-', "_");
    if let Ok(class) = plain.parse::<Class>() {
        return if class.may_fail_over() {
            Ok(Meaning {
                classes: vec![class],
                ..Meaning::default()
            })
        } else if class == Class::StreamBroken {
            Err("cannot move on, because part of the answer was already sent; remove it".to_owned())
        } else {
            Err("cannot move on, because nobody waits for the answer; remove it".to_owned())
        };
    }
    if let Some((_, classes, statuses)) = FOREIGN.iter().find(|(foreign, ..)| *foreign == plain) {
        return Ok(Meaning {
            classes: classes.to_vec(),
            statuses: statuses.to_vec(),
        });
    }
    let number = plain.strip_prefix("http_").unwrap_or(&plain);
    match number {
        // Bare, it is Envoy's, and means no answer at all too.
        "5xx" if plain == "5xx" => Ok(Meaning {
            classes: vec![Class::Connect, Class::Reset, Class::Timeout],
            statuses: EVERY_5XX.collect(),
        }),
        "5xx" => Ok(Meaning {
            statuses: EVERY_5XX.collect(),
            ..Meaning::default()
        }),
        "4xx" => Err(
            "would repeat callers' mistakes; name the classes (`rate_limited`, `auth`, ...) or the statuses \
                      (`http_429`, ...)"
                .to_owned(),
        ),
        _ if number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()) => {
            status(number).map(|status| Meaning {
                statuses: vec![status],
                ..Meaning::default()
            })
        }
        _ => Err(unknown(&plain)),
    }
}

/// A status that a failure may have.
fn status(number: &str) -> Result<u16, String> {
    let status = number.parse().unwrap_or_default();
    if (300..600).contains(&status) {
        Ok(status)
    } else {
        Err("is no status of a failure; statuses from `http_300` to `http_599` can be named".to_owned())
    }
}

/// What to write instead of a name that nobody knows.
fn unknown(name: &str) -> String {
    let classes = Class::ALL
        .into_iter()
        .filter(|class| class.may_fail_over())
        .map(Class::as_str);
    let foreign = FOREIGN.iter().map(|(foreign, ..)| *foreign);
    let near = classes
        .clone()
        .chain(foreign)
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(edits, known)| *edits <= MOST_EDITS.min(known.len() / 2))
        .min_by_key(|(edits, _)| *edits);
    match near {
        Some((_, known)) => format!("is not a failure to move on from; did you mean `{known}`?"),
        None => format!(
            "is not a failure to move on from; use `http_` and a status, or one of: {}",
            classes.collect::<Vec<_>>().join(", ")
        ),
    }
}
