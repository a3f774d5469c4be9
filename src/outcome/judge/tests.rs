use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::ErrorDialect::{Anthropic, AzureOpenAi, Bedrock, Google, OpenAi, OpenAiCompatible};
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

/// Failed answers and their classes, a line each: dialect, status, class, maybe an exception's name, body.
const ANSWERS: [&str; 2] = [
    include_str!("tests/answers.txt"),
    include_str!("tests/languages.txt"),
];

/// The next word of a line.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    let (word, more) = rest.split_once(' ').unwrap_or((*rest, ""));
    *rest = more.trim_start();
    word
}

/// The exception that stands before a body, as its header.
fn exception(rest: &mut &str) -> HeaderMap {
    let name = HeaderName::from_static("x-amzn-errortype");
    match rest.strip_prefix('@') {
        Some(mut named) => {
            let value = word(&mut named).parse().unwrap();
            *rest = named;
            HeaderMap::from_iter([(name, value)])
        }
        None => HeaderMap::new(),
    }
}

#[test]
fn every_answer_of_the_tables_has_its_class() {
    let mut wrong = Vec::new();
    let lines = ANSWERS.iter().flat_map(|table| table.lines());
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut rest = line;
        let dialect = match word(&mut rest) {
            "openai" => OpenAi,
            "azure" => AzureOpenAi,
            "compatible" => OpenAiCompatible,
            "anthropic" => Anthropic,
            "google" => Google,
            "bedrock" => Bedrock,
            other => panic!("no dialect `{other}`"),
        };
        let (status, class) = (word(&mut rest).parse().unwrap(), word(&mut rest));
        let headers = exception(&mut rest);
        let found = judged_with(dialect, status, rest, &headers).class;
        if found.as_str() != class {
            wrong.push(format!("{found} instead of: {line}"));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_callers_make_a_provider_repeat_blames_nobody_in_any_language() {
    for echoed in [
        "You have reached your specified API usage limits",
        "API key expired",
        "RESOURCE_EXHAUSTED, Too many tokens per day",
        "The provided model identifier is invalid.",
        "Invocation of model ID x with on-demand throughput isn't supported",
        "The model returned the following errors: {'type':'error','error':{'type':'billing_error'}}",
        "Publisher Model `x` was not found",
        "Model access is denied due to x",
        "Overloaded, at capacity",
    ] {
        let anthropic = format!("messages.0.content: Input should be a valid list, not '{echoed}'");
        let google = format!("Invalid value at 'contents[0].role' (TYPE_STRING), '{echoed}'");
        let bedrock = format!("1 validation error detected: Value '{echoed}' at 'messages.1' failed");
        let violation = r#""@type":"type.googleapis.com/google.rpc.BadRequest""#;
        for body in [
            format!(
                r#"{{"type":"error","error":{{"type":"invalid_request_error","message":{anthropic:?}}}}}"#
            ),
            format!(
                r#"[{{"error":{{"code":400,"message":{google:?},"status":"INVALID_ARGUMENT",
                   "details":[{{{violation},"fieldViolations":[{{"field":"contents","description":{google:?}}}]}}]}}}}]"#
            ),
            format!(r#"{{"__type":"ValidationException","message":{bedrock:?}}}"#),
            format!(r#"{{"error":{{"type":"validationException","message":{bedrock:?}}}}}"#),
        ] {
            for dialect in [Anthropic, Google, Bedrock, OpenAiCompatible] {
                for status in [200, 400, 413, 422] {
                    let class = judged(dialect, status, &body).class;
                    let unread = status == 200 && body.starts_with(r#"{"__type"#);
                    assert!(unread || class.blame().is_none(), "{status} {body}: {class}");
                }
            }
        }
    }
}

#[test]
fn what_only_the_caller_can_have_named_blames_nobody() {
    for message in [
        "You do not have permission to access the File abc or it may not exist.",
        "CachedContent not found (or permission denied)",
        "x does not have storage.objects.get access to the Google Cloud Storage object.",
        "File not found: file_1",
    ] {
        for status in [400, 403, 404] {
            let body = format!(r#"{{"error":{{"code":{status},"message":{message:?},"status":"X"}}}}"#);
            assert_eq!(judged(Google, status, &body).class, Class::ClientError, "{body}");
        }
    }
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
fn what_speaks_of_no_model_may_be_about_the_path() {
    for (dialect, body, expected) in [
        (
            AzureOpenAi,
            r#"{"error":{"code":"404","message":"Resource not found"}}"#,
            true,
        ),
        (OpenAiCompatible, r#"{"detail":"Not Found"}"#, true),
        (OpenAiCompatible, "404 page not found", true),
        (
            OpenAi,
            r#"{"error":{"message":"Invalid URL (POST /v1/responses)","type":"invalid_request_error"}}"#,
            true,
        ),
        (
            OpenAi,
            r#"{"error":{"message":"The model `m` does not exist"}}"#,
            false,
        ),
        (
            OpenAi,
            r#"{"error":{"message":"Not found","code":"model_not_found"}}"#,
            false,
        ),
        (
            AzureOpenAi,
            r#"{"error":{"message":"It does not exist","code":"DeploymentNotFound"}}"#,
            false,
        ),
    ] {
        assert_eq!(judged(dialect, 404, body).may_miss_the_path(), expected, "{body}");
    }
    assert!(!judged(OpenAi, 401, "").may_miss_the_path());
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

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

/// Sun, 01 Nov 2026 12:00:00 GMT.
fn november() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(498_204)
}

fn hint_of(dialect: ErrorDialect, status: u16, body: &str, headers: &HeaderMap) -> Option<Duration> {
    let evidence = Evidence {
        dialect,
        status,
        headers,
        body: body.as_bytes(),
        body_complete: true,
    };
    judge(&evidence, november()).hint
}

#[test]
fn a_used_up_limit_of_anthropics_names_its_reset() {
    let limit = r#"{"type":"error","error":{"type":"rate_limit_error","message":"x"}}"#;
    let used_up = [
        ("anthropic-ratelimit-requests-remaining", "12"),
        ("anthropic-ratelimit-requests-reset", "2026-11-01T12:09:00Z"),
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        ("anthropic-ratelimit-input-tokens-reset", "2026-11-01T12:00:42Z"),
    ];
    let asked = [&used_up[..], &[("retry-after", "7")]].concat();
    let passed = [
        ("anthropic-ratelimit-tokens-remaining", "0"),
        ("anthropic-ratelimit-tokens-reset", "2026-11-01T11:59:00Z"),
    ];

    let of = |pairs| hint_of(Anthropic, 429, limit, &headers(pairs));
    assert_eq!(of(&used_up), Some(Duration::from_secs(42)));
    assert_eq!(of(&asked), Some(Duration::from_secs(7)));
    assert_eq!(of(&passed), None);
}

#[test]
fn googles_wait_is_the_longer_of_header_and_body_and_none_for_a_day() {
    let body = |quota: &str| {
        format!(
            r#"[{{"error":{{"code":429,"status":"RESOURCE_EXHAUSTED","message":"x","details":[{{"violations":[{{"quotaId":{quota:?}}}]}},{{"retryDelay":"32.5s"}}]}}}}]"#
        )
    };
    let of = |quota, pairs| hint_of(Google, 429, &body(quota), &headers(pairs));

    assert_eq!(of("PerMinute", &[]), Some(Duration::from_millis(32_500)));
    assert_eq!(
        of("PerMinute", &[("retry-after", "40")]),
        Some(Duration::from_secs(40))
    );
    assert_eq!(
        of("PerMinute", &[("retry-after", "20")]),
        Some(Duration::from_millis(32_500))
    );
    assert_eq!(of("RequestsPerDay", &[("retry-after", "20")]), None);
}

#[test]
fn money_that_is_set_for_a_month_comes_back_with_the_month() {
    let spend = r#"{"type":"error","error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    let regained = |when: &str| {
        format!(
            r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on {when}"}}}}"#
        )
    };
    let none = HeaderMap::new();

    assert_eq!(
        hint_of(Anthropic, 429, spend, &none),
        Some(retry_after::LONGEST_HINT)
    );
    assert_eq!(
        hint_of(Anthropic, 400, &regained("2026-11-01 at 18:00 UTC."), &none),
        Some(Duration::from_hours(6))
    );
    assert_eq!(
        hint_of(Anthropic, 400, &regained("2026-12-01 at 00:00 UTC."), &none),
        Some(retry_after::LONGEST_HINT)
    );
    assert_eq!(hint_of(Anthropic, 400, &regained("payday."), &none), None);
}

#[test]
fn the_inner_error_of_a_wrapped_one_is_shown() {
    let body = r#"{"message":"The model returned the following errors: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long\"}}"}"#;
    let headers = headers(&[("x-amzn-errortype", "a.b#ValidationException:http://x.test/")]);

    let wrapped = judged_with(Bedrock, 400, body, &headers);
    let plain = judged_with(Bedrock, 400, r#"{"message":"no"}"#, &headers);

    assert_eq!(wrapped.message, "prompt is too long");
    assert_eq!(wrapped.code.as_deref(), Some("invalid_request_error"));
    assert_eq!(plain.code.as_deref(), Some("ValidationException"));
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
        "rate_limit_error",
        "RESOURCE_EXHAUSTED",
        "PERMISSION_DENIED",
        "ThrottlingException",
        "ValidationException",
        "not_found_error",
        "Request too large for x",
        "The model returned the following errors: {}",
        "You don't have access to the model",
        "The File x is gone",
        "thinking budget",
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
    prop::sample::select(vec![
        OpenAi,
        AzureOpenAi,
        OpenAiCompatible,
        Anthropic,
        Google,
        Bedrock,
    ])
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
