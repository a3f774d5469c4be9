//! Dates as providers write them in headers and texts.
//!
//! Invariant: a date that is none, or that lies before 1970, is nothing. It knows no clock and no time zone but UTC.

use std::time::{Duration, SystemTime};

const DAY: i64 = 86_400;

/// An RFC 3339 moment, such as `2026-11-01T12:00:30Z`; a part of a second counts as a whole one.
pub(super) fn moment(text: &str) -> Option<SystemTime> {
    let date = date(text.get(..10)?)?;
    text.get(10..11).filter(|mark| matches!(*mark, "T" | "t" | " "))?;
    let time = text.get(11..19)?;
    let (hours, rest) = time.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let of_day = clock(hours, minutes)? + number(seconds, 2).filter(|seconds| *seconds <= 60)?;
    let (part, zone) = match text.get(19..)?.strip_prefix('.') {
        Some(fraction) => (1, fraction.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => (0, text.get(19..)?),
    };
    at(date, of_day + part - offset(zone)?)
}

/// A day, maybe with an hour of UTC, as in `2026-12-01 at 00:00 UTC.`
pub(super) fn date_and_hour(text: &str) -> Option<SystemTime> {
    let date = date(text.get(..10)?)?;
    let of_day = text.get(10..).and_then(|rest| {
        let (hours, minutes) = rest.strip_prefix(" at ")?.get(..5)?.split_once(':')?;
        clock(hours, minutes)
    });
    at(date, of_day.unwrap_or(0))
}

/// The first moment of the month after `now`.
pub(super) fn next_month(now: SystemTime) -> Option<SystemTime> {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let (year, month) = month_of(i64::try_from(seconds).ok()? / DAY);
    let (year, month) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    at(days(year, month, 1), 0)
}

/// Days since 1970 of `2026-11-01`.
fn date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4)?;
    let month = number(parts.next()?, 2).filter(|month| (1..=12).contains(month))?;
    let day = number(parts.next()?, 2).filter(|day| (1..=31).contains(day))?;
    parts.next().is_none().then(|| days(year, month, day))
}

/// Seconds since midnight.
fn clock(hours: &str, minutes: &str) -> Option<i64> {
    let hours = number(hours, 2).filter(|hours| *hours < 24)?;
    let minutes = number(minutes, 2).filter(|minutes| *minutes < 60)?;
    Some(hours * 3600 + minutes * 60)
}

/// Seconds ahead of UTC of `Z` or `+02:00`.
fn offset(zone: &str) -> Option<i64> {
    let (sign, ahead) = match zone.as_bytes().first()? {
        b'Z' | b'z' if zone.len() == 1 => return Some(0),
        b'+' => (1, zone.get(1..)?),
        b'-' => (-1, zone.get(1..)?),
        _ => return None,
    };
    let (hours, minutes) = ahead.split_once(':')?;
    Some(sign * clock(hours, minutes)?)
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn at(days: i64, of_day: i64) -> Option<SystemTime> {
    let seconds = u64::try_from(days * DAY + of_day).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Days since 1970, the years being counted from March so that the odd day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// The year and month of a day since 1970.
fn month_of(day: i64) -> (i64, i64) {
    // 400 years have 146097 days, wherever they begin; counting in equal years is off by one at most.
    let guess = 1970 + day * 400 / 146_097;
    let begun = |year: &i64| days(*year, 1, 1) <= day;
    let year = [guess + 1, guess].into_iter().find(begun).unwrap_or(guess - 1);
    let month = (1..=12).take_while(|month| days(year, *month, 1) <= day).last();
    (year, month.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unix(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn moments_are_read_in_every_zone() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-01T12:00:30Z", 1_793_534_430),
            ("2026-11-01t12:00:30z", 1_793_534_430),
            ("2026-11-01 12:00:30Z", 1_793_534_430),
            ("2026-11-01T12:00:29.001Z", 1_793_534_430),
            ("2026-11-01T14:00:30+02:00", 1_793_534_430),
            ("2026-11-01T07:00:30-05:00", 1_793_534_430),
        ] {
            assert_eq!(moment(text), Some(unix(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_nothing() {
        for text in [
            "",
            "2026-11-01",
            "2026-11-01T12:00:30",
            "2026-13-01T12:00:30Z",
            "2026-00-01T12:00:30Z",
            "2026-11-01T24:00:30Z",
            "2026-11-01T12:60:30Z",
            "2026-11-01X12:00:30Z",
            "2026-11-01T12:00:30ZZ",
            "2026-11-01T12:00:30+2",
            "+026-11-01T12:00:30Z",
            "1969-12-31T23:59:59Z",
            "2026-11-01T1é:00:30Z",
            "30s",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_may_have_an_hour() {
        for (text, seconds) in [
            ("2026-12-01 at 00:00 UTC.", 1_796_083_200),
            ("2026-12-01 at 06:30 UTC.", 1_796_106_600),
            ("2026-12-01.", 1_796_083_200),
            ("2026-12-01", 1_796_083_200),
        ] {
            assert_eq!(date_and_hour(text), Some(unix(seconds)), "{text}");
        }
        assert_eq!(date_and_hour("next month"), None);
    }

    #[test]
    fn the_next_month_begins_on_its_first() {
        for (now, then) in [
            ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z"),
            ("2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
            ("2028-02-29T12:00:00Z", "2028-03-01T00:00:00Z"),
            ("1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z"),
            ("2400-01-31T00:00:00Z", "2400-02-01T00:00:00Z"),
        ] {
            assert_eq!(next_month(moment(now).unwrap()), moment(then), "{now}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,40}") {
            moment(&text);
            date_and_hour(&text);
        }

        #[test]
        fn the_next_month_is_at_most_31_days_away(seconds in 0_u64..100_000_000_000) {
            let now = unix(seconds);
            let wait = next_month(now).unwrap().duration_since(now).unwrap();

            prop_assert!(!wait.is_zero() && wait <= Duration::from_hours(24 * 31));
        }
    }
}
