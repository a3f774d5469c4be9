use super::*;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            )
        })
        .collect()
}

/// Sun, 06 Nov 1994 08:49:37 GMT.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
}

fn of(pairs: &[(&str, &str)]) -> Option<Duration> {
    hint(&headers(pairs), now())
}

#[expect(clippy::unnecessary_wraps, reason = "compared with what may be none")]
const fn ms(ms: u64) -> Option<Duration> {
    Some(Duration::from_millis(ms))
}

#[test]
fn retry_after_is_read_in_every_form() {
    for (value, wait) in [
        ("20", ms(20_000)),
        (" 20 ", ms(20_000)),
        ("1.5", ms(1_500)),
        ("0.25", ms(250)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", ms(60_000)),
        ("Sunday, 06-Nov-94 08:50:37 GMT", ms(60_000)),
        ("Sun Nov  6 08:50:37 1994", ms(60_000)),
    ] {
        assert_eq!(of(&[("retry-after", value)]), wait, "{value}");
    }
}

#[test]
fn nonsense_is_no_hint() {
    for value in [
        "",
        "0",
        "0.0",
        "-5",
        "+5",
        "NaN",
        "inf",
        "1e9",
        "soon",
        "12s30",
        ".",
        "1.2.3",
        "٣",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:00:00 GMT",
        "Sun, 99 Nov 1994 08:49:37 GMT",
    ] {
        let map: HeaderMap = [(
            HeaderName::from_static("retry-after"),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        )]
        .into_iter()
        .collect();
        assert_eq!(hint(&map, now()), None, "{value}");
    }
}

#[test]
fn a_wait_of_years_is_cut_to_a_day() {
    for value in [
        "2592000",
        "99999999999999999999999999999999",
        "Sat, 06 Nov 2094 08:49:37 GMT",
    ] {
        assert_eq!(of(&[("retry-after", value)]), Some(LONGEST_HINT), "{value}");
    }
}

#[test]
fn milliseconds_win_over_seconds() {
    assert_eq!(of(&[("retry-after", "2"), ("retry-after-ms", "1250")]), ms(1250));
    assert_eq!(of(&[("retry-after", "2"), ("retry-after-ms", "what")]), ms(2000));
}

#[test]
fn the_exhausted_limit_decides_not_the_smallest_reset() {
    let requests_left = [
        ("x-ratelimit-remaining-requests", "59"),
        ("x-ratelimit-reset-requests", "12ms"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    assert_eq!(of(&requests_left), ms(360_000));

    let all_gone = [
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "1s"),
        ("x-ratelimit-remaining-project-tokens", "0"),
        ("x-ratelimit-reset-project-tokens", "2m59.56s"),
    ];
    assert_eq!(of(&all_gone), ms(179_560));
}

#[test]
fn resets_of_limits_that_are_not_exhausted_say_nothing() {
    for remaining in ["1", "-1", "many"] {
        let pairs = [
            ("x-ratelimit-remaining-tokens", remaining),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ];
        assert_eq!(of(&pairs), None, "{remaining}");
    }
    assert_eq!(of(&[("x-ratelimit-reset-tokens", "6m0s")]), None);
}

#[test]
fn an_explicit_wait_wins_over_resets() {
    let pairs = [
        ("retry-after", "3"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "8m38.4s"),
    ];
    assert_eq!(of(&pairs), ms(3000));
}

#[test]
fn durations_are_read_as_go_writes_them_and_as_plain_seconds() {
    for (text, wait) in [
        ("12ms", ms(12)),
        ("1s", ms(1000)),
        ("6m0s", ms(360_000)),
        ("2m59.56s", ms(179_560)),
        ("1h2m3s", ms(3_723_000)),
        ("500µs", Some(Duration::from_micros(500))),
        ("30", ms(30_000)),
        ("0", None),
        ("0s", None),
        ("5x", None),
        ("s", None),
        ("-1s", None),
        ("1000h", Some(LONGEST_HINT)),
    ] {
        assert_eq!(duration(text), wait, "{text}");
    }
}

#[test]
fn texts_that_announce_a_wait_are_the_last_resort() {
    for (text, wait) in [
        (
            "Rate limit is exceeded. Please retry after 12 seconds. Contact us",
            ms(12_000),
        ),
        ("Please retry after 1 second.", ms(1000)),
        ("please retry after 300 milliseconds", ms(300)),
        ("Limit 3, Used 3. Please try again in 6m0s. Visit", ms(360_000)),
        ("Please try again in 20s.", ms(20_000)),
        ("Please try again in 1.242s.", ms(1242)),
        ("Please retry in 32.5s.", ms(32_500)),
        ("try again in 2 minutes", ms(120_000)),
        ("try again in a while", None),
        ("retry after ", None),
        ("", None),
    ] {
        assert_eq!(announced(text), wait, "{text}");
    }
    let body = ErrorBody::read(br#"{"error":{"message":"Please retry after 9 seconds"}}"#);
    assert_eq!(hint_with_body(&headers(&[]), &body, now()), ms(9000));
    assert_eq!(
        hint_with_body(&headers(&[("retry-after", "4")]), &body, now()),
        ms(4000)
    );
}

#[test]
fn of_a_header_and_a_detail_of_the_body_the_longer_counts() {
    let body = ErrorBody::read(br#"[{"error":{"details":[{"@type":"x/RetryInfo","retryDelay":"32s"}]}}]"#);

    assert_eq!(
        hint_with_body(&headers(&[("retry-after", "5")]), &body, now()),
        ms(32_000)
    );
    assert_eq!(
        hint_with_body(&headers(&[("retry-after", "50")]), &body, now()),
        ms(50_000)
    );
    assert_eq!(hint_with_body(&headers(&[]), &body, now()), ms(32_000));
}

proptest! {
    #[test]
    fn any_bytes_give_a_bounded_wait_or_none(
        after in proptest::collection::vec(any::<u8>(), 0..40),
        reset in "[0-9.hmsuµn-]{0,12}",
        text in "\\PC{0,60}",
    ) {
        let mut map = HeaderMap::new();
        for (name, bytes) in [
            ("retry-after", after.as_slice()),
            ("retry-after-ms", after.as_slice()),
            ("x-ratelimit-remaining-tokens", b"0".as_slice()),
            ("x-ratelimit-reset-tokens", reset.as_bytes()),
        ] {
            if let Ok(value) = HeaderValue::from_bytes(bytes) {
                map.insert(HeaderName::from_static(name), value);
            }
        }
        let body = ErrorBody { message: format!("try again in {text}"), ..ErrorBody::default() };

        for wait in [hint(&map, now()), hint_with_body(&map, &body, now())].into_iter().flatten() {
            prop_assert!(wait > Duration::ZERO && wait <= LONGEST_HINT);
        }
    }
}
