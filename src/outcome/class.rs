//! The kinds of failure, and the one table of what each kind means.
//!
//! Invariant: every class has exactly one row, and its label never changes: operators write labels in policies and
//! read them in trails, metrics and logs. It knows nothing of how a class is recognised.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What kind of failure an attempt ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// No connection: refused, unresolved, no TLS.
    Connect,
    /// The connection was lost before the response headers.
    Reset,
    /// No response headers within the time of one attempt.
    Timeout,
    /// A stream whose first meaningful event came too late.
    FirstTokenTimeout,
    /// The provider failed: 500, 502, 504, 52x.
    ServerError,
    /// An answer that cannot be read: empty, cut, or not of this API.
    BadResponse,
    /// An error event in a stream, before anything was sent on.
    StreamError,
    /// The provider has no capacity just now: 503, 529.
    Overloaded,
    /// Too many requests for this model on this account.
    RateLimited,
    /// The account's money or long-term allowance is used up.
    QuotaExhausted,
    /// Our key was refused.
    Auth,
    /// Our key is known, and may not do this.
    Permission,
    /// The provider does not have this model, or no longer.
    ModelNotFound,
    /// The prompt does not fit this model's window.
    ContextLength,
    /// The request has too many bytes for this provider.
    PayloadTooLarge,
    /// The provider refused the content.
    ContentFilter,
    /// This target cannot do what was asked; another may.
    Unsupported,
    /// The caller's mistake, wrong everywhere.
    ClientError,
    /// Cut or stalled after part of the answer was sent on.
    StreamBroken,
    /// Nobody waits for the answer any more.
    Abandoned,
}

/// Who is blamed, and so which circuit hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The provider's endpoint: every model behind it.
    Endpoint,
    /// One credential of a provider: every model it opens.
    Credential,
    /// One model at one provider.
    Target,
}

/// What the blamed circuit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: neither a success nor a failure.
    None,
    /// Counts one failure.
    Count,
    /// Counts one failure; if the circuit opens, not for less than the hint.
    CountWithHint,
    /// Opens at once, until the hint or, without one, for the base cool-down.
    OpenAtOnce,
    /// Opens at once for long, until the hint or, without one, for minutes.
    OpenLong,
}

/// What a failure counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The kind of failure.
    pub class: Class,
    /// Whose circuit hears of it; nobody's for a caller's mistake.
    pub blame: Option<Scope>,
    /// What that circuit does.
    pub effect: Effect,
    /// How long the provider asked to wait, for the effects that heed it.
    pub hint: Option<Duration>,
}

impl Verdict {
    /// The same verdict when the request carried the caller's own key: a credential that is not ours is never benched.
    #[must_use]
    pub fn with_callers_key(self) -> Verdict {
        match self.blame {
            Some(Scope::Credential) => Verdict {
                blame: None,
                effect: Effect::None,
                hint: None,
                ..self
            },
            _ => self,
        }
    }
}

/// One line of the table of classes.
struct Row {
    label: &'static str,
    fails_over: bool,
    blame: Option<Scope>,
    effect: Effect,
}

const fn row(label: &'static str, fails_over: bool, blame: Option<Scope>, effect: Effect) -> Row {
    Row {
        label,
        fails_over,
        blame,
        effect,
    }
}

impl Class {
    /// Every class, in the order of the table.
    pub const ALL: [Class; 20] = [
        Class::Connect,
        Class::Reset,
        Class::Timeout,
        Class::FirstTokenTimeout,
        Class::ServerError,
        Class::BadResponse,
        Class::StreamError,
        Class::Overloaded,
        Class::RateLimited,
        Class::QuotaExhausted,
        Class::Auth,
        Class::Permission,
        Class::ModelNotFound,
        Class::ContextLength,
        Class::PayloadTooLarge,
        Class::ContentFilter,
        Class::Unsupported,
        Class::ClientError,
        Class::StreamBroken,
        Class::Abandoned,
    ];

    /// The table of judgement.
    const fn row(self) -> Row {
        use Scope::{Credential, Endpoint, Target};
        const YES: bool = true;
        const NO: bool = false;
        match self {
            Class::Connect => row("connect", YES, Some(Endpoint), Effect::Count),
            Class::Reset => row("reset", YES, Some(Endpoint), Effect::Count),
            Class::Timeout => row("timeout", YES, Some(Target), Effect::Count),
            Class::FirstTokenTimeout => row("first_token_timeout", YES, Some(Target), Effect::Count),
            Class::ServerError => row("server_error", YES, Some(Target), Effect::Count),
            Class::BadResponse => row("bad_response", YES, Some(Target), Effect::Count),
            Class::StreamError => row("stream_error", YES, Some(Target), Effect::Count),
            Class::Overloaded => row("overloaded", YES, Some(Target), Effect::CountWithHint),
            Class::RateLimited => row("rate_limited", YES, Some(Target), Effect::OpenAtOnce),
            Class::QuotaExhausted => row("quota_exhausted", YES, Some(Credential), Effect::OpenLong),
            Class::Auth => row("auth", YES, Some(Credential), Effect::OpenLong),
            Class::Permission => row("permission", YES, Some(Credential), Effect::OpenLong),
            Class::ModelNotFound => row("model_not_found", YES, Some(Target), Effect::OpenLong),
            Class::ContextLength => row("context_length", YES, None, Effect::None),
            Class::PayloadTooLarge => row("payload_too_large", YES, None, Effect::None),
            Class::ContentFilter => row("content_filter", NO, None, Effect::None),
            Class::Unsupported => row("unsupported", YES, None, Effect::None),
            Class::ClientError => row("client_error", NO, None, Effect::None),
            Class::StreamBroken => row("stream_broken", NO, Some(Target), Effect::Count),
            Class::Abandoned => row("abandoned", NO, None, Effect::None),
        }
    }

    /// The word for trails, metrics, logs and policies.
    pub const fn as_str(self) -> &'static str {
        self.row().label
    }

    /// Does the next target get its chance, unless the policy says otherwise?
    ///
    /// Where [`Class::needs_larger_target`] holds, only a target that declares a larger window does.
    pub const fn fails_over_by_default(self) -> bool {
        self.row().fails_over
    }

    /// Does moving on help only where the next target takes more than this one did?
    pub const fn needs_larger_target(self) -> bool {
        matches!(self, Class::ContextLength | Class::PayloadTooLarge)
    }

    /// May a policy let this class move on at all? Not when part of the answer is out, or nobody waits for one.
    pub const fn may_fail_over(self) -> bool {
        !matches!(self, Class::StreamBroken | Class::Abandoned)
    }

    /// Whose circuit hears of it.
    pub const fn blame(self) -> Option<Scope> {
        self.row().blame
    }

    /// What that circuit does.
    pub const fn effect(self) -> Effect {
        self.row().effect
    }

    /// Is it worth a warning to the operator, because only the operator can mend it?
    pub const fn is_operators_to_mend(self) -> bool {
        matches!(
            self,
            Class::QuotaExhausted | Class::Auth | Class::Permission | Class::ModelNotFound
        )
    }

    /// The same class when the request carried the caller's own key: its refusal is then the caller's to hear.
    #[must_use]
    pub const fn with_callers_key(self) -> Class {
        match self {
            Class::Auth | Class::Permission => Class::ClientError,
            other => other,
        }
    }

    /// What this failure counts as, with the wait that the provider asked for.
    pub const fn verdict(self, hint: Option<Duration>) -> Verdict {
        let heeded = matches!(
            self,
            Class::Overloaded | Class::RateLimited | Class::QuotaExhausted
        );
        let hint = if heeded { hint } else { None };
        Verdict {
            class: self,
            blame: self.blame(),
            effect: self.effect(),
            hint,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownClass(pub String);

impl fmt::Display for UnknownClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a class of failure", self.0)
    }
}

impl std::error::Error for UnknownClass {}

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(word: &str) -> Result<Class, UnknownClass> {
        Class::ALL
            .into_iter()
            .find(|class| class.as_str() == word)
            .ok_or_else(|| UnknownClass(word.to_owned()))
    }
}

/// A set of classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ClassSet(u32);

impl ClassSet {
    /// The set with no class in it.
    pub const EMPTY: ClassSet = ClassSet(0);

    /// The set with this class too.
    #[must_use]
    pub const fn with(self, class: Class) -> ClassSet {
        ClassSet(self.0 | 1 << class as u32)
    }

    /// Is this class in it?
    pub const fn contains(self, class: Class) -> bool {
        self.0 & (1 << class as u32) != 0
    }

    /// Is every one of these classes in it?
    pub fn contains_all(self, classes: &[Class]) -> bool {
        classes.iter().all(|class| self.contains(*class))
    }

    /// The classes in it, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}

impl FromIterator<Class> for ClassSet {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> ClassSet {
        classes.into_iter().fold(ClassSet::EMPTY, ClassSet::with)
    }
}

impl fmt::Debug for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Class::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_public_contract() {
        let labels = Class::ALL.map(Class::as_str);

        assert_eq!(
            labels,
            [
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
                "content_filter",
                "unsupported",
                "client_error",
                "stream_broken",
                "abandoned",
            ]
        );
    }

    #[test]
    fn a_label_names_its_class_back() {
        for (index, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, index, "ALL is in the order of the enum");
            assert_eq!(class.as_str().parse(), Ok(class));
        }

        assert_eq!(
            "Timeout".parse::<Class>(),
            Err(UnknownClass("Timeout".to_owned()))
        );
    }

    #[test]
    fn blame_and_effect_come_together() {
        for class in Class::ALL {
            let verdict = class.verdict(Some(Duration::from_secs(3)));

            assert_eq!(verdict.blame.is_some(), verdict.effect != Effect::None, "{class}");
        }
    }

    #[test]
    fn nobody_is_blamed_for_what_the_caller_did() {
        for class in [
            Class::ClientError,
            Class::ContextLength,
            Class::PayloadTooLarge,
            Class::ContentFilter,
            Class::Unsupported,
            Class::Abandoned,
        ] {
            assert_eq!(class.blame(), None, "{class}");
        }
    }

    #[test]
    fn a_hint_is_kept_only_where_the_circuit_heeds_it() {
        let hint = Some(Duration::from_secs(3));

        assert_eq!(Class::RateLimited.verdict(hint).hint, hint);
        assert_eq!(Class::Overloaded.verdict(hint).hint, hint);
        assert_eq!(Class::QuotaExhausted.verdict(hint).hint, hint);
        assert_eq!(Class::ServerError.verdict(hint).hint, None);
        assert_eq!(Class::Auth.verdict(hint).hint, None);
    }

    #[test]
    fn a_callers_own_key_is_never_benched_and_its_refusal_is_the_callers() {
        assert_eq!(Class::Auth.with_callers_key(), Class::ClientError);
        assert_eq!(Class::Permission.with_callers_key(), Class::ClientError);

        let quota = Class::QuotaExhausted
            .with_callers_key()
            .verdict(None)
            .with_callers_key();
        assert_eq!((quota.blame, quota.effect), (None, Effect::None));

        let limited = Class::RateLimited.verdict(None);
        assert_eq!(limited.with_callers_key(), limited);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: ClassSet = [Class::Abandoned, Class::Connect].into_iter().collect();

        assert_eq!(set.iter().collect::<Vec<_>>(), [Class::Connect, Class::Abandoned]);
        assert!(!set.contains(Class::Auth));
        assert!(set.contains_all(&[Class::Connect]) && !set.contains_all(&[Class::Connect, Class::Auth]));
        assert_eq!(format!("{set:?}"), r#"{"connect", "abandoned"}"#);
    }
}
