//! The closed list of ways a simulated provider can misbehave.
//!
//! Invariant: every fault has exactly one name, and that name is what the command line, a model name, the HTTP
//! console and the counters use. It refuses to know when a fault strikes (that is [`rule`](super::rule)) and what
//! it looks like on the wire (that is [`inject`](super::inject)).

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// One way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// 429 with `Retry-After` and the `x-ratelimit-*` headers.
    RateLimit,
    /// 429 (Bedrock: 400) whose body says that the money is used up.
    Quota,
    /// 401 (Gemini: 400, Bedrock: 403), as for a wrong key.
    Auth,
    /// 500, or any other status that the rule names.
    ServerError,
    /// 503 (Anthropic: 529), as when the provider has too much to do.
    Overloaded,
    /// 400, the prompt does not fit the model.
    ContextLength,
    /// The safety system refused: 400, or where the dialect has no error for it, 200 without words and another end.
    ContentFilter,
    /// 404, as for a model that does not exist.
    ModelNotFound,
    /// The request is read and never answered.
    Hang,
    /// The TCP connection is reset before the first byte of an answer (HTTP/2: the stream is).
    Reset,
    /// The connection is closed in good order without an answer (HTTP/2: the stream is reset).
    Close,
    /// Status and headers at once, the first byte of the body late.
    SlowFirstToken,
    /// A part of the body, then the connection is gone.
    CutStream,
    /// A part of the body, then silence.
    Stall,
    /// Status 200 and an error inside the body: an error event in a stream, an error object otherwise.
    StreamError,
    /// Status 200 and JSON that ends in the middle; one malformed event in a stream.
    BadJson,
    /// A quota error in gzip, although nobody asked for it: only who decodes it learns that it is no rate limit.
    Gzip,
    /// The same, with the gzip data broken in the middle.
    GzipBroken,
    /// Status 200 and no body at all.
    Empty,
    /// 502 with the HTML page of a load balancer.
    Html,
    /// A whole stream, but without its terminal marker (`[DONE]`, `message_stop`, ...).
    NoDone,
    /// 500 with a body of 10 MB.
    BigError,
    /// 307 to another path.
    Redirect,
}

impl Fault {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Self; 23] = [
        Self::RateLimit,
        Self::Quota,
        Self::Auth,
        Self::ServerError,
        Self::Overloaded,
        Self::ContextLength,
        Self::ContentFilter,
        Self::ModelNotFound,
        Self::Hang,
        Self::Reset,
        Self::Close,
        Self::SlowFirstToken,
        Self::CutStream,
        Self::Stall,
        Self::StreamError,
        Self::BadJson,
        Self::Gzip,
        Self::GzipBroken,
        Self::Empty,
        Self::Html,
        Self::NoDone,
        Self::BigError,
        Self::Redirect,
    ];

    /// The name in `snake_case`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Quota => "quota",
            Self::Auth => "auth",
            Self::ServerError => "server_error",
            Self::Overloaded => "overloaded",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::ModelNotFound => "model_not_found",
            Self::Hang => "hang",
            Self::Reset => "reset",
            Self::Close => "close",
            Self::SlowFirstToken => "slow_first_token",
            Self::CutStream => "cut_stream",
            Self::Stall => "stall",
            Self::StreamError => "stream_error",
            Self::BadJson => "bad_json",
            Self::Gzip => "gzip",
            Self::GzipBroken => "gzip_broken",
            Self::Empty => "empty",
            Self::Html => "html",
            Self::NoDone => "no_done",
            Self::BigError => "big_error",
            Self::Redirect => "redirect",
        }
    }

    /// Whether it is an error that a provider answers, and that can also be said inside a stream.
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::RateLimit
                | Self::Quota
                | Self::Auth
                | Self::ServerError
                | Self::Overloaded
                | Self::ContextLength
                | Self::ContentFilter
                | Self::ModelNotFound
        )
    }

    /// All names, separated by a comma, for help texts and errors.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    /// Reads a name in `snake_case` or `kebab-case`, in any case of letters.
    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let wanted = given.trim().to_ascii_lowercase().replace('-', "_");
        let found = Self::ALL.into_iter().find(|fault| fault.name() == wanted);
        found.ok_or_else(|| UnknownFault {
            given: given.to_owned(),
        })
    }
}

/// A fault was named that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault {
    given: String,
}

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = &self.given;
        let wanted = given.to_ascii_lowercase().replace('-', "_");
        let near = Fault::ALL
            .into_iter()
            .map(|fault| (strsim::jaro_winkler(&wanted, fault.name()), fault))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|(one, _), (other, _)| one.total_cmp(other));
        match near {
            Some((_, fault)) => write!(f, "unknown fault `{given}`: did you mean `{fault}`?"),
            None => write!(f, "unknown fault `{given}`: write one of {}", Fault::names()),
        }
    }
}

impl Error for UnknownFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_in_both_spellings() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
            assert_eq!(fault.name().replace('_', "-").to_uppercase().parse(), Ok(fault));
        }
    }

    #[test]
    fn a_misspelled_fault_is_answered_with_the_nearest_name() {
        let near = "rate-limits".parse::<Fault>().unwrap_err().to_string();
        let far = "zzz".parse::<Fault>().unwrap_err().to_string();

        assert_eq!(near, "unknown fault `rate-limits`: did you mean `rate_limit`?");
        assert!(far.contains("write one of rate_limit, quota"), "{far}");
    }
}
