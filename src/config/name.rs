//! Names that the user chose, checked once.
//!
//! Invariant: a name of any of these types can stand in a header, a log line, a metric label and, for
//! providers, as the name of an Envoy cluster.

use std::fmt;
use std::sync::Arc;

use super::mistake::Invalid;

/// Envoy puts cluster names into statistic names, which it bounds.
const MAX_PROVIDER_NAME: usize = 60;
const MAX_NAME: usize = 200;

macro_rules! name_impl {
    ($type:ident) => {
        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

/// The name of a provider, which is also its Envoy cluster's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(Arc<str>);

name_impl!(ProviderName);

impl ProviderName {
    /// Takes a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit.
    pub fn try_new(name: &str) -> Result<Self, Invalid> {
        if name.is_empty() || name.len() > MAX_PROVIDER_NAME {
            return Err(Invalid::new("is no name for a provider")
                .hint(format!("use 1 to {MAX_PROVIDER_NAME} characters")));
        }
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let starts_well = name.bytes().next().is_some_and(is_plain);
        if !starts_well
            || !name
                .bytes()
                .all(|byte| is_plain(byte) || matches!(byte, b'.' | b'_' | b'-'))
        {
            return Err(Invalid::new("is no name for a provider")
                .hint("use a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit"));
        }
        if name == "understudy" {
            return Err(Invalid::new("is the name of Understudy's own cluster").hint("choose another name"));
        }
        Ok(Self(Arc::from(name)))
    }
}

/// The name of a model: what clients send, or what a provider calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelName(Arc<str>);

name_impl!(ModelName);

impl ModelName {
    /// Takes visible ASCII without `,`, `;`, quotes and backslashes, as in `meta-llama/Llama-3.1-70B:free`.
    pub fn try_new(name: &str) -> Result<Self, Invalid> {
        label(name, "model").map(Self)
    }
}

/// The name of a client, as in `team-search`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientName(Arc<str>);

name_impl!(ClientName);

impl ClientName {
    /// Takes visible ASCII without `,`, `;`, quotes and backslashes.
    pub fn try_new(name: &str) -> Result<Self, Invalid> {
        label(name, "client").map(Self)
    }
}

/// Who knows the words of `failover.on`: `Err` says what is wrong, worded to follow the word. Kinds of failure
/// are judged elsewhere, so whoever loads a configuration brings this along.
pub type CauseCheck = fn(&str) -> Result<(), Invalid>;

/// A word of `failover.on`: a kind of failure that moves on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FailoverCause(Arc<str>);

name_impl!(FailoverCause);

impl FailoverCause {
    /// What moves on when the file does not say.
    pub const DEFAULTS: [&'static str; 16] = [
        "connect",
        "reset",
        "timeout",
        "first_token_timeout",
        "server_error",
        "bad_response",
        "stream_error",
        "overloaded",
        "rate_limited",
        "quota_exhausted",
        "auth",
        "permission",
        "model_not_found",
        "context_length",
        "payload_too_large",
        "unsupported",
    ];

    /// Takes a word that `check` knows.
    pub fn try_new(word: &str, check: CauseCheck) -> Result<Self, Invalid> {
        check(word).map(|()| Self(Arc::from(word)))
    }

    /// What moves on when the file does not say.
    pub(super) fn defaults() -> Vec<Self> {
        Self::DEFAULTS.iter().map(|word| Self(Arc::from(*word))).collect()
    }
}

fn label(name: &str, what: &str) -> Result<Arc<str>, Invalid> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(
            Invalid::new(format!("is no name for a {what}")).hint(format!("use 1 to {MAX_NAME} characters"))
        );
    }
    if !name
        .chars()
        .all(|c| c.is_ascii_graphic() && !matches!(c, ',' | ';' | '"' | '\'' | '\\'))
    {
        return Err(Invalid::new(format!("is no name for a {what}"))
            .hint("use ASCII letters, digits and signs without spaces, quotes, `,`, `;` and backslashes"));
    }
    Ok(Arc::from(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_names_can_name_an_envoy_cluster() {
        for name in ["openai", "azure-east", "a.b_c-1", "9router"] {
            assert_eq!(ProviderName::try_new(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            "Azure",
            "a b",
            "-a",
            "a/b",
            "a:b",
            "ä",
            "understudy",
            &"a".repeat(61),
        ] {
            assert!(ProviderName::try_new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn model_names_can_stand_in_a_header() {
        for name in [
            "gpt-4o",
            "meta-llama/Llama-3.1-70B:free",
            "ft:gpt-4o:org::id",
            "@cf/x",
        ] {
            assert_eq!(ModelName::try_new(name).unwrap().as_str(), name);
        }
        for name in ["", "a b", "a,b", "a;b", "\"a\"", "a\n", "ä", &"a".repeat(201)] {
            assert!(ModelName::try_new(name).is_err(), "{name}");
        }
    }
}
