use std::time::Instant;

use http::StatusCode;

use super::*;
use crate::cli::drill::answer::Answer;
use crate::cli::drill::cases::MATRIX;

fn case(name: &str) -> &'static Case {
    MATRIX.iter().find(|case| case.name == name).unwrap()
}

fn hop(provider: &str, class: &str) -> Hop {
    Hop {
        provider: provider.to_owned(),
        class: class.to_owned(),
    }
}

/// What `429-once` expects to see.
fn as_expected() -> Seen {
    Seen {
        first: Answer {
            status: StatusCode::OK,
            ending: Ending::Complete,
            code: None,
            hops: vec![hop("primary", "rate_limited"), hop("backup", "ok")],
            trail: String::new(),
            voices: vec!["backup"],
            began: Instant::now(),
            took: Duration::from_millis(20),
        },
        standing: "open".to_owned(),
        sent: 1,
        tried: 1,
        received: 1,
        unserved: Vec::new(),
        back: Some(Duration::from_millis(1010)),
        restored: None,
    }
}

#[test]
fn whatever_differs_is_told_and_nothing_else() {
    type Spoil = fn(&mut Seen);
    let spoils: [(&str, Spoil); 11] = [
        ("the status: `502`", |seen| {
            seen.first.status = StatusCode::BAD_GATEWAY;
        }),
        ("the end of the answer: `unclear`", |seen| {
            seen.first.ending = Ending::Unclear;
        }),
        ("the trail: `primary overloaded, backup ok`", |seen| {
            seen.first.hops[0].class = "overloaded".to_owned();
        }),
        ("the voice in the answer: `primary and backup`", |seen| {
            seen.first.voices = vec!["primary", "backup"];
        }),
        ("the failing target: `ready`", |seen| {
            seen.standing = "ready".to_owned();
        }),
        ("the first request took 900 ms", |seen| {
            seen.first.took = Duration::from_millis(900);
        }),
        ("was tried 2 times, not 1 to 1", |seen| {
            (seen.tried, seen.received) = (2, 2);
        }),
        ("requests that reached it: `0`", |seen| {
            seen.received = 0;
        }),
        ("request 7 got 502", |seen| {
            seen.unserved = vec!["request 7 got 502".to_owned()];
        }),
        ("it served again after 990 ms", |seen| {
            seen.back = Some(Duration::from_millis(990));
        }),
        ("it served again after 2000 ms", |seen| {
            seen.back = Some(Duration::from_secs(2));
        }),
    ];

    assert_eq!(wrong(case("429-once"), &as_expected()), Vec::<String>::new());
    for (told, spoil) in spoils {
        let mut seen = as_expected();
        spoil(&mut seen);

        let wrong = wrong(case("429-once"), &seen);

        assert!(
            matches!(&wrong[..], [only] if only.contains(told)),
            "{told}: {wrong:?}"
        );
    }
}

#[test]
fn an_answer_that_comes_before_the_silence_is_over_is_as_wrong_as_one_that_comes_late() {
    let silence = case("silence").expect.silence;
    let told = |took: Duration| {
        let mut seen = as_expected();
        seen.first.took = took;
        let wrong = wrong(case("silence"), &seen);
        wrong
            .iter()
            .any(|words| words.starts_with("the first request took"))
    };

    assert!(told(silence / 2));
    assert!(!told(silence + BACKOFF));
    assert!(told(silence * 2 + OWN_TIME));
}

#[test]
fn a_refusal_must_be_the_providers_own() {
    let mut seen = as_expected();
    seen.first.code = Some("server_error".to_owned());

    let wrong = wrong(case("content-policy"), &seen);

    let about_code = "the error's code: `server_error`, not `content_policy_violation`";
    assert!(wrong.iter().any(|words| words == about_code), "{wrong:?}");
}

#[test]
fn every_case_has_a_name_of_its_own_that_can_be_typed() {
    let mut names: Vec<&str> = MATRIX.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();

    assert_eq!(names.len(), MATRIX.len());
    for name in names {
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        assert!(!name.is_empty() && name.chars().all(is_plain), "{name}");
    }
}

#[test]
fn every_case_begins_with_the_provider_that_is_in_trouble() {
    for case in &MATRIX {
        let first = case.expect.hops.first().copied().unwrap_or_default();
        assert!(first.starts_with(case.piece.failing), "{}: {first}", case.name);
    }
}
