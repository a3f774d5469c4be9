use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::ErrorDialect::{AzureOpenAi, OpenAi, OpenAiCompatible};
use super::*;

fn judged(dialect: ErrorDialect, status: u16, body: &str) -> Judged {
    judged_with(dialect, status, body, &HeaderMap::new())
}

fn judged_with(dialect: ErrorDialect, status: u16, body: &str, headers: &HeaderMap) -> Judged {
    let evidence = Evidence {
        dialect,
        status,
        headers,
        body: body.as_bytes(),
        body_complete: true,
    };
    judge(&evidence, SystemTime::UNIX_EPOCH)
}

fn error(kind: &str, code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"message":{message:?},"type":{kind:?},"param":null,"code":{code:?}}}}}"#)
}

/// Failed answers and their classes, a line each: dialect, status, class, body.
const ANSWERS: &str = include_str!("tests/answers.txt");

#[test]
fn every_answer_of_the_table_has_its_class() {
    let mut wrong = Vec::new();
    for line in ANSWERS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let mut rest = line;
        let mut next = || {
            let (word, more) = rest.split_once(' ').unwrap_or((rest, ""));
            rest = more.trim_start();
            word
        };
        let dialect = match next() {
            "openai" => OpenAi,
            "azure" => AzureOpenAi,
            "compatible" => OpenAiCompatible,
            other => panic!("no dialect `{other}`"),
        };
        let (status, class) = (next().parse().unwrap(), next());
        let found = judged(dialect, status, rest).class;
        if found.as_str() != class {
            wrong.push(format!("{found} instead of: {line}"));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_request_that_is_echoed_blames_nobody() {
    for echoed in [
        "429 Too Many Requests, insufficient_quota",
        "Incorrect API key provided",
        "Your credit balance is too low",
        "You exceeded your current quota",
        "the model `x` does not exist",
        "overloaded, at capacity, spending limit",
    ] {
        for body in [
            error(
                "invalid_request_error",
                "invalid_value",
                &format!("Invalid 'messages[0].content': {echoed}"),
            ),
            error(
                "BadRequestError",
                "400",
                &format!("1 validation error: {{'content': '{echoed}'}}"),
            ),
            format!(
                r#"{{"detail":[{{"loc":["body"],"msg":{echoed:?},"type":"value_error","input":{echoed:?}}}]}}"#
            ),
        ] {
            for status in [400, 404, 413, 422] {
                let class = judged(OpenAiCompatible, status, &body).class;
                let by_status = [Class::ClientError, Class::ModelNotFound, Class::PayloadTooLarge];
                assert!(
                    by_status.contains(&class) && (status == 404 || class.blame().is_none()),
                    "{status} {body}: {class}"
                );
            }
        }
    }
}

#[test]
fn statuses_without_words_have_a_class() {
    for (status, class) in [
        (0, Class::BadResponse),
        (100, Class::BadResponse),
        (103, Class::BadResponse),
        (200, Class::BadResponse),
        (204, Class::BadResponse),
        (301, Class::BadResponse),
        (304, Class::BadResponse),
        (400, Class::ClientError),
        (401, Class::Auth),
        (402, Class::QuotaExhausted),
        (403, Class::Permission),
        (404, Class::ModelNotFound),
        (405, Class::Unsupported),
        (407, Class::BadResponse),
        (408, Class::Timeout),
        (409, Class::ClientError),
        (410, Class::ModelNotFound),
        (413, Class::PayloadTooLarge),
        (415, Class::ClientError),
        (421, Class::BadResponse),
        (422, Class::ClientError),
        (424, Class::ServerError),
        (425, Class::BadResponse),
        (429, Class::RateLimited),
        (431, Class::ClientError),
        (451, Class::Permission),
        (498, Class::Overloaded),
        (499, Class::ServerError),
        (500, Class::ServerError),
        (501, Class::Unsupported),
        (502, Class::ServerError),
        (503, Class::Overloaded),
        (504, Class::ServerError),
        (521, Class::ServerError),
        (529, Class::Overloaded),
        (599, Class::ServerError),
        (600, Class::BadResponse),
        (u16::MAX, Class::BadResponse),
    ] {
        assert_eq!(judged(OpenAiCompatible, status, "").class, class, "{status}");
    }
}

#[test]
fn a_load_balancers_page_is_no_verdict_on_our_request_or_key() {
    for status in [400, 403] {
        assert_eq!(
            judged(OpenAi, status, "<html><title>Blocked</title></html>").class,
            Class::BadResponse
        );
    }
}

#[test]
fn a_200_without_an_error_is_unreadable_and_one_with_a_word_is_that() {
    for (body, class) in [
        (r#"{"choices":[]}"#, Class::BadResponse),
        (
            r#"{"error":{"message":"x","type":"server_error"}}"#,
            Class::ServerError,
        ),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
            Class::Overloaded,
        ),
        (
            r#"data: {"error":{"message":"x","type":"BadRequestError","code":400}}"#,
            Class::ClientError,
        ),
        (r#"{"error":{"message":"who knows"}}"#, Class::BadResponse),
        ("<html>", Class::BadResponse),
        (r#"{"error":null,"choices":[]}"#, Class::BadResponse),
    ] {
        assert_eq!(judged(OpenAiCompatible, 200, body).class, class, "{body}");
    }
}

#[test]
fn hints_come_from_headers_body_or_text_for_the_classes_that_wait() {
    let after = |seconds: &'static str| {
        HeaderMap::from_iter([(
            HeaderName::from_static("retry-after"),
            HeaderValue::from_static(seconds),
        )])
    };
    let seconds = |n| Some(Duration::from_secs(n));
    let text = error("x", "429", "Please retry after 6 seconds.");

    assert_eq!(judged_with(AzureOpenAi, 429, &text, &after("2")).hint, seconds(2));
    assert_eq!(judged(AzureOpenAi, 429, &text).hint, seconds(6));
    assert_eq!(judged_with(OpenAi, 503, "", &after("7")).hint, seconds(7));
    assert_eq!(judged_with(OpenAi, 402, "", &after("9")).hint, seconds(9));
    assert_eq!(judged_with(OpenAi, 500, "", &after("7")).hint, None);
    assert_eq!(judged_with(OpenAi, 400, "", &after("7")).hint, None);
}

#[test]
fn a_rate_limits_reset_is_no_hint_about_money() {
    let headers = HeaderMap::from_iter([
        (
            HeaderName::from_static("x-ratelimit-remaining-requests"),
            HeaderValue::from_static("0"),
        ),
        (
            HeaderName::from_static("x-ratelimit-reset-requests"),
            HeaderValue::from_static("1s"),
        ),
    ]);
    let money = error(
        "insufficient_quota",
        "insufficient_quota",
        "Please try again in 1s",
    );

    assert_eq!(judged_with(OpenAi, 429, &money, &headers).hint, None);
    assert_eq!(
        judged_with(OpenAi, 429, "", &headers).hint,
        Some(Duration::from_secs(1))
    );
}

#[test]
fn messages_are_safe_and_never_empty() {
    let refused = judged(
        OpenAi,
        401,
        &error(
            "x",
            "invalid_api_key",
            "Incorrect API key provided: sk-proj-123456789.",
        ),
    );
    assert_eq!(refused.message, "Incorrect API key provided: ***");
    assert_eq!(refused.code.as_deref(), Some("invalid_api_key"));

    assert_eq!(judged(OpenAi, 503, "").message, "HTTP 503 without a body");
    assert_eq!(
        judged(OpenAi, 502, "<html><title>502 Bad\n Gateway</title>").message,
        "HTTP 502 with an HTML page: 502 Bad Gateway"
    );
    assert_eq!(
        judged(OpenAi, 502, "<html>").message,
        "HTTP 502 with an HTML page"
    );
    assert_eq!(
        judged(OpenAi, 500, "upstream connect error").message,
        "upstream connect error"
    );
}

#[test]
fn code_and_param_are_kept_for_the_caller() {
    let judged = judged(
        OpenAi,
        400,
        r#"{"error":{"message":"m","type":"t","param":"temperature","code":"unsupported_value"}}"#,
    );

    assert_eq!(
        (judged.code.as_deref(), judged.param.as_deref()),
        (Some("unsupported_value"), Some("temperature"))
    );
}

/// Bodies full of words that mean something somewhere.
fn wordy() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "insufficient_quota",
        "rate_limit_exceeded",
        "overloaded_error",
        "invalid_api_key",
        "permission_denied",
        "model_not_found",
        "context_length_exceeded",
        "content_filter",
        "unsupported_parameter",
        "timeout_error",
        "string_above_max_length",
        "request_too_large",
        "server_error",
        "Request too large for x",
        "API key not valid",
        "maximum context length is 5",
        "spending limit",
        "at capacity",
        "our safety system",
        "not_found",
        "x",
        "",
    ]);
    (word.clone(), word.clone(), word.clone(), word, any::<bool>()).prop_map(|(kind, code, message, stable, moderated)| {
        let reasons = if moderated { r#"["r"]"# } else { "[]" };
        format!(
            r#"{{"error":{{"type":{kind:?},"code":{code:?},"message":{message:?},"metadata":{{"error_type":{stable:?},"reasons":{reasons}}}}}}}"#
        )
    })
}

fn any_dialect() -> impl Strategy<Value = ErrorDialect> {
    prop::sample::select(vec![OpenAi, AzureOpenAi, OpenAiCompatible])
}

proptest! {
    #[test]
    fn any_answer_gets_a_class_that_an_answer_can_have(
        dialect in any_dialect(),
        status in any::<u16>(),
        body in proptest::collection::vec(any::<u8>(), 0..300),
        body_complete in any::<bool>(),
    ) {
        let headers = HeaderMap::new();
        let evidence = Evidence { dialect, status, headers: &headers, body: &body, body_complete };
        let judged = judge(&evidence, SystemTime::UNIX_EPOCH);

        prop_assert!(judged.message.chars().count() <= MESSAGE_LIMIT);
        let silent = [Class::Connect, Class::Reset, Class::FirstTokenTimeout, Class::StreamError, Class::StreamBroken, Class::Abandoned];
        prop_assert!(!silent.contains(&judged.class), "{}", judged.class);
    }

    #[test]
    fn statuses_with_a_list_of_classes_never_leave_it(
        dialect in any_dialect(),
        status in 300_u16..600,
        body in wordy(),
    ) {
        let class = judged(dialect, status, &body).class;

        if let Some(possible) = possible_classes(status) {
            prop_assert!(possible.contains(&class), "{status} {body}: {class}");
        }
    }

    #[test]
    fn no_5xx_is_the_callers_fault(dialect in any_dialect(), status in 500_u16..600, body in wordy()) {
        let class = judged(dialect, status, &body).class;

        prop_assert!(class.blame().is_some() || status == 501, "{status} {body}: {class}");
    }
}
