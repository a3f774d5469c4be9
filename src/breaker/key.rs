//! Who a circuit belongs to.
//!
//! Invariant: two keys are equal exactly when they mean the same circuit, also across
//! configurations; the caller makes them so (a changed API key, for one, is another credential).
//! Refuses to know what is inside a key; it must not hold a secret, because keys are shown.

use std::fmt;
use std::sync::Arc;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The key as given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(key: &str) -> Self {
                Self(Arc::from(key))
            }
        }

        impl From<String> for $name {
            fn from(key: String) -> Self {
                Self(Arc::from(key))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

key! {
    /// The identity of an endpoint: one provider's address.
    EndpointKey
}
key! {
    /// The identity of a credential, unique over all providers. A fingerprint, never the secret.
    CredentialKey
}
key! {
    /// The identity of a target: one provider's model on one account.
    TargetKey
}

/// What a circuit covers, and so what a failure can be blamed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Everything behind one provider's address.
    Endpoint,
    /// Everything paid for with one credential.
    Credential,
    /// One model on one account.
    Target,
}

impl Scope {
    /// The word for logs, labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Credential => "credential",
            Self::Target => "target",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The identity of one circuit: a scope, and whose.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CircuitKey {
    /// The circuit of an endpoint.
    Endpoint(EndpointKey),
    /// The circuit of a credential.
    Credential(CredentialKey),
    /// The circuit of a target.
    Target(TargetKey),
}

impl CircuitKey {
    /// What this circuit covers.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Endpoint(_) => Scope::Endpoint,
            Self::Credential(_) => Scope::Credential,
            Self::Target(_) => Scope::Target,
        }
    }

    /// Whose it is, without the scope: a metric's label.
    pub fn label(&self) -> &str {
        match self {
            Self::Endpoint(key) => key.as_str(),
            Self::Credential(key) => key.as_str(),
            Self::Target(key) => key.as_str(),
        }
    }
}

impl fmt::Display for CircuitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.scope(), self.label())
    }
}

/// An operator named a circuit that the running configuration does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCircuit(
    /// The circuit asked for.
    pub CircuitKey,
);

impl fmt::Display for UnknownCircuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no circuit for {}; the failover status lists those in use",
            self.0
        )
    }
}

impl std::error::Error for UnknownCircuit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_key_reads_as_scope_and_name() {
        let key = CircuitKey::Credential(CredentialKey::from("openai/1f2e"));

        assert_eq!(key.to_string(), "credential `openai/1f2e`");
        assert_eq!((key.scope(), key.label()), (Scope::Credential, "openai/1f2e"));
    }

    #[test]
    fn an_unknown_circuit_is_named_with_what_to_do() {
        let error = UnknownCircuit(CircuitKey::Target(TargetKey::from(String::from("openai/gpt-9"))));

        assert_eq!(
            error.to_string(),
            "no circuit for target `openai/gpt-9`; the failover status lists those in use"
        );
    }
}
