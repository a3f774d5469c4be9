//! Texts that measure something: durations and sizes.
//!
//! Invariant: what is parsed lies within bounds that every user of it can live with.

use std::time::Duration;

use super::mistake::Invalid;

/// Shorter is no time for anything on a network.
const MIN_DURATION: Duration = Duration::from_millis(1);
/// Longer is a mistake of unit.
const MAX_DURATION: Duration = Duration::from_hours(24);
const MAX_TEXT: usize = 64;

/// Parses `250ms`, `30s`, `1m 30s`; from 1 ms to 24 h.
pub(super) fn duration(text: &str) -> Result<Duration, Invalid> {
    let not_a_duration = || Invalid::new("is not a duration");
    if text.len() > MAX_TEXT {
        return Err(not_a_duration());
    }
    let is_bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_bare {
        return Err(not_a_duration().hint(format!("say the unit, as in `{text}s` or `{text}ms`")));
    }
    let duration = humantime::parse_duration(text)
        .map_err(|_| not_a_duration().hint("write a number and its unit, as in `250ms`, `30s` or `5m`"))?;
    if !(MIN_DURATION..=MAX_DURATION).contains(&duration) {
        return Err(Invalid::new("is out of range").hint("use at least `1ms` and at most `24h`"));
    }
    Ok(duration)
}

/// A duration as a person would write it.
pub(super) fn spoken(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Parses `32MiB`, `500KB`, `4096`; in bytes.
pub(super) fn size(text: &str) -> Result<u64, Invalid> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let factor: Option<u64> = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kib" | "k" | "ki" => Some(1 << 10),
        "mib" | "m" | "mi" => Some(1 << 20),
        "gib" | "g" | "gi" => Some(1 << 30),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        _ => None,
    };
    factor
        .zip(number.parse::<u64>().ok())
        .and_then(|(factor, number)| number.checked_mul(factor))
        .ok_or_else(|| Invalid::new("is not a size").hint("write a whole number and its unit, as in `32MiB`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_stay_in_bounds() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("1.5s", 1_500),
            ("1m 30s", 90_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for (text, told) in [
            ("30", "is not a duration (say the unit, as in `30s` or `30ms`)"),
            ("0s", "is out of range (use at least `1ms` and at most `24h`)"),
            ("25h", "is out of range (use at least `1ms` and at most `24h`)"),
            (
                "soon",
                "is not a duration (write a number and its unit, as in `250ms`, `30s` or `5m`)",
            ),
            (
                "-1s",
                "is not a duration (write a number and its unit, as in `250ms`, `30s` or `5m`)",
            ),
            (
                "",
                "is not a duration (write a number and its unit, as in `250ms`, `30s` or `5m`)",
            ),
        ] {
            assert_eq!(duration(text).unwrap_err().to_string(), told, "{text}");
        }
    }

    #[test]
    fn sizes_know_both_families_of_units() {
        for (text, bytes) in [
            ("32MiB", 32 << 20),
            ("500KB", 500_000),
            ("4096", 4096),
            ("1 GiB", 1 << 30),
            ("10k", 10_240),
        ] {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for text in [
            "",
            "MiB",
            "32 parsecs",
            "-1MiB",
            "1.5MiB",
            "99999999999999999999",
            "18446744073709551615GiB",
        ] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
