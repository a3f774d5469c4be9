//! The matrix: each fault, what is asked while it lasts, and what has to come of it.

use std::time::Duration;

use super::answer::Ending;
use super::expect::{Expect, Return};
use super::troupe::{FIRST_TOKEN, HEADERS, LONGEST_BENCH, Piece, REFUSED, ROOMY, STALL, UNRESOLVED, USUAL};
use crate::sim::{Fault, FaultRule};

/// One row of the matrix.
pub(super) struct Case {
    /// What it is called on the command line and in the card.
    pub(super) name: &'static str,
    /// What is wrong.
    pub(super) trouble: Trouble,
    /// Which model is asked for.
    pub(super) piece: Piece,
    /// Whether a stream is asked for.
    pub(super) stream: bool,
    /// Requests sent one after another while the trouble lasts; an outage is asked for as long as it lasts.
    pub(super) requests: usize,
    /// What has to come of it.
    pub(super) expect: Expect,
}

/// What is wrong.
pub(super) enum Trouble {
    /// The primary misbehaves.
    Fault(fn() -> FaultRule),
    /// The provider that is asked first cannot be reached at all.
    Unreachable,
    /// The primary is down for so long, and then back.
    Outage(Duration),
}

/// A usual request, plain, for which the backup steps in.
const PLAIN: Case = Case {
    name: "",
    trouble: Trouble::Unreachable,
    piece: USUAL,
    stream: false,
    requests: 1,
    expect: Expect::SERVED,
};
/// A usual stream, for which the backup steps in before the client has seen any of it.
const STREAM: Case = Case {
    stream: true,
    ..PLAIN
};
/// Requests enough to see that a provider is left alone.
const SEVERAL: usize = 6;

/// The client is served after these attempts.
const fn served_by(hops: &'static [&'static str]) -> Expect {
    Expect {
        hops,
        ..Expect::SERVED
    }
}

/// The client gets the provider's own refusal.
const fn refused_with(code: &'static str, hops: &'static [&'static str]) -> Expect {
    Expect {
        status: 400,
        ending: Ending::Error,
        code: Some(code),
        hops,
        ..Expect::SERVED
    }
}

/// All of it.
pub(super) static MATRIX: [Case; 23] = [
    Case {
        name: "429-once",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::RateLimit).retry_after("1").times(1)),
        expect: Expect {
            standing: "open",
            back: Some(Return {
                not_before: Duration::from_secs(1),
                within: Duration::from_secs(1),
            }),
            ..served_by(&["primary rate_limited", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "429-for-ever",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::RateLimit).retry_after("60")),
        requests: SEVERAL,
        expect: Expect {
            standing: "open",
            ..served_by(&["primary rate_limited", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "500-once",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::ServerError).times(1)),
        expect: Expect {
            back: Some(Return::AT_ONCE),
            ..served_by(&["primary server_error", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "503-for-ever",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::Overloaded)),
        requests: SEVERAL,
        expect: Expect {
            // The breaker of the drill trips on the second failure in a row.
            tried: 2..=2,
            ..served_by(&["primary overloaded", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "reset-before-headers",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::Reset)),
        expect: served_by(&["primary reset", "backup ok"]),
        ..PLAIN
    },
    Case {
        name: "silence",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::Hang)),
        expect: Expect {
            silence: HEADERS,
            ..served_by(&["primary timeout", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "late-first-token",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::SlowFirstToken)),
        expect: Expect {
            silence: FIRST_TOKEN,
            ..served_by(&["primary first_token_timeout", "backup ok"])
        },
        ..STREAM
    },
    Case {
        name: "cut-mid-stream",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::CutStream)),
        expect: Expect {
            ending: Ending::Cut,
            ..served_by(&["primary ok"])
        },
        ..STREAM
    },
    Case {
        name: "stall-mid-stream",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::Stall)),
        expect: Expect {
            ending: Ending::ErrorEvent,
            silence: STALL,
            ..served_by(&["primary ok"])
        },
        ..STREAM
    },
    Case {
        name: "malformed-first-chunk",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::BadJson)),
        expect: served_by(&["primary bad_response", "backup ok"]),
        ..STREAM
    },
    Case {
        name: "missing-done",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::NoDone)),
        expect: served_by(&["primary ok"]),
        ..STREAM
    },
    Case {
        name: "context-length",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::ContextLength)),
        expect: refused_with("context_length_exceeded", &["primary context_length"]),
        ..PLAIN
    },
    Case {
        name: "context-length-larger-target",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::ContextLength)),
        piece: ROOMY,
        expect: served_by(&["primary context_length", "backup ok"]),
        ..PLAIN
    },
    Case {
        name: "content-policy",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::ContentFilter)),
        expect: refused_with("content_policy_violation", &["primary content_filter"]),
        ..PLAIN
    },
    Case {
        name: "key-refused",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::Auth)),
        requests: SEVERAL,
        expect: Expect {
            standing: "open",
            ..served_by(&["primary auth", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "quota-gone",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::Quota)),
        requests: SEVERAL,
        expect: Expect {
            standing: "open",
            ..served_by(&["primary quota_exhausted", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "down-and-back",
        trouble: Trouble::Outage(Duration::from_millis(1200)),
        expect: Expect {
            // Two that trip the breaker, then a probe at the end of each bench: of 0.3, 0.6 and 0.6 s, a tenth less at
            // most.
            tried: 2..=5,
            is_reached: false,
            back: Some(Return {
                not_before: Duration::ZERO,
                within: LONGEST_BENCH,
            }),
            ..served_by(&["primary connect", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "error-event-first",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::StreamError)),
        expect: served_by(&["primary server_error", "backup ok"]),
        ..STREAM
    },
    Case {
        name: "html-502",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::Html)),
        expect: served_by(&["primary server_error", "backup ok"]),
        ..PLAIN
    },
    Case {
        // An exhausted quota, told in gzip that nobody asked for.
        name: "gzip-error",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::Gzip)),
        expect: Expect {
            standing: "open",
            ..served_by(&["primary quota_exhausted", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "empty-200",
        trouble: Trouble::Fault(|| FaultRule::new(Fault::Empty)),
        expect: served_by(&["primary bad_response", "backup ok"]),
        ..PLAIN
    },
    Case {
        name: "connection-refused",
        piece: REFUSED,
        expect: Expect {
            is_reached: false,
            ..served_by(&["refusing connect", "backup ok"])
        },
        ..PLAIN
    },
    Case {
        name: "name-unresolved",
        piece: UNRESOLVED,
        expect: Expect {
            is_reached: false,
            ..served_by(&["nowhere connect", "backup ok"])
        },
        ..PLAIN
    },
];
