//! Points in time as reports show them.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A point in time, for machines and for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moment {
    /// RFC 3339, in UTC.
    pub at: String,
    /// Seconds until then; negative when it is past.
    pub in_seconds: i64,
}

impl Moment {
    /// The moment `left` after `now`, rounded up: what is told to be over in 0 seconds is over.
    pub fn after(left: Duration, now: SystemTime) -> Self {
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Self {
            at: rfc3339(now.checked_add(left).unwrap_or(now)),
            in_seconds: signed(seconds),
        }
    }

    /// The moment `at`, which is past.
    pub fn past(at: SystemTime, now: SystemTime) -> Self {
        let ago = now.duration_since(at).unwrap_or_default();
        Self {
            at: rfc3339(at),
            in_seconds: -signed(ago.as_secs()),
        }
    }
}

fn rfc3339(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_to_come_is_rounded_up_and_a_past_one_is_negative() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);

        let soon = Moment::after(Duration::from_millis(29_100), now);
        assert_eq!(
            soon,
            Moment {
                at: "2023-11-14T22:13:49.100Z".to_owned(),
                in_seconds: 30
            }
        );

        let past = Moment::past(now - Duration::from_millis(2_900), now);
        assert_eq!(
            past,
            Moment {
                at: "2023-11-14T22:13:17.100Z".to_owned(),
                in_seconds: -2
            }
        );
    }
}
