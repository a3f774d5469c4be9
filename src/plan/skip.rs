//! Why a target is not in a plan: a closed list, shown to operators.

use std::fmt;
use std::time::Instant;

/// Why a target is not in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// A circuit is open until then.
    CircuitOpen {
        /// When it may be probed.
        until: Instant,
        /// The circuit that is open: `endpoint`, `credential` or `target`.
        scope: &'static str,
        /// The class of failure that opened it.
        cause: &'static str,
    },
    /// Another request is probing it just now.
    Probing,
    /// It is returning to service, and this request is not in its present share.
    Ramping {
        /// Percent of requests that it gets.
        share: u8,
    },
    /// The ask does not fit.
    ContextWindow {
        /// Tokens that fit, when the operator said so.
        window: Option<u64>,
        /// Tokens that the ask needs at least.
        needed: u64,
    },
    /// It cannot do what was asked.
    Unsupported {
        /// The feature, in a word.
        feature: &'static str,
    },
    /// The operator is draining its provider.
    Draining,
    /// Its provider gives access tokens, and none could be obtained yet.
    NoToken,
    /// The caller narrowed it away.
    NotAllowed,
    /// It was tried already in this request.
    Tried,
}

impl Skip {
    /// Its name in answers, metrics and log lines.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CircuitOpen { .. } => "circuit_open",
            Self::Probing => "probing",
            Self::Ramping { .. } => "ramping",
            Self::ContextWindow { .. } => "context_window",
            Self::Unsupported { .. } => "unsupported",
            Self::Draining => "draining",
            Self::NoToken => "no_token",
            Self::NotAllowed => "not_allowed",
            Self::Tried => "tried",
        }
    }

    /// When the reason will have passed, for the one reason that says so.
    pub fn until(&self) -> Option<Instant> {
        match self {
            Self::CircuitOpen { until, .. } => Some(*until),
            _ => None,
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CircuitOpen { scope, cause, .. } => {
                write!(f, "the {scope} circuit is open after `{cause}`")
            }
            Self::Probing => f.write_str("another request is probing it"),
            Self::Ramping { share } => {
                write!(
                    f,
                    "returning to service with {share}% of requests, and this is not one of them"
                )
            }
            Self::ContextWindow {
                window: Some(window),
                needed,
            } => {
                write!(f, "the ask needs at least {needed} tokens and {window} fit")
            }
            Self::ContextWindow { window: None, needed } => {
                write!(
                    f,
                    "the ask needs at least {needed} tokens and no `context_window` is declared"
                )
            }
            Self::Unsupported { feature } => write!(f, "it cannot do `{feature}`"),
            Self::Draining => f.write_str("its provider is being drained"),
            Self::NoToken => f.write_str("no access token could be obtained for its provider yet"),
            Self::NotAllowed => f.write_str("the caller asked for other providers"),
            Self::Tried => f.write_str("it has used its attempts of this request"),
        }
    }
}
