//! Numbers and times in words.

/// `1 model`, `2 models`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// A whole number of seconds as a person says it: `42s`, `3m 20s`, `2h 5m`, `3d 4h`.
pub(super) fn seconds(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => two((minutes, "m"), (seconds % 60, "s")),
        3600..86_400 => two((hours, "h"), (minutes % 60, "m")),
        _ => two((days, "d"), (hours % 24, "h")),
    }
}

fn two((large, name): (u64, &str), (small, small_name): (u64, &str)) -> String {
    if small == 0 {
        format!("{large}{name}")
    } else {
        format!("{large}{name} {small}{small_name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_two_units_at_most() {
        for (given, told) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (200, "3m 20s"),
            (7_500, "2h 5m"),
            (90_000, "1d 1h"),
        ] {
            assert_eq!(seconds(given), told);
        }
    }

    #[test]
    fn one_thing_is_not_many() {
        assert_eq!(count(1, "model"), "1 model");
        assert_eq!(count(0, "model"), "0 models");
    }
}
