use proptest::prelude::*;

use super::*;

fn read(body: &str) -> ErrorBody {
    ErrorBody::read(body.as_bytes())
}

#[test]
fn messages_are_found_in_every_shape() {
    for (body, message) in [
        (
            r#"{"error":{"message":"a b","type":"t","param":null,"code":null}}"#,
            "a b",
        ),
        (r#"{"error":"a b"}"#, "a b"),
        (r#"{"code":"not-found","error":"a b"}"#, "a b"),
        (r#"{"message":"a b"}"#, "a b"),
        (r#"{"Message":"a b"}"#, "a b"),
        (
            r#"{"object":"error","message":"a b","type":"t","param":null,"code":"1500"}"#,
            "a b",
        ),
        (r#"{"statusCode":401,"message":"a b"}"#, "a b"),
        (r#"{"error":"Unauthorized","message":"a b"}"#, "a b"),
        (r#"{"error":"invalid_request","error_description":"a b"}"#, "a b"),
        (r#"{"detail":"a b"}"#, "a b"),
        (
            r#"{"detail":[{"loc":["body","n",0],"msg":"a b","type":"t","input":"secret"}]}"#,
            "body.n.0: a b",
        ),
        (r#"{"detail":["a b"]}"#, "a b"),
        (
            r#"{"object":"error","message":{"detail":[{"loc":["x"],"msg":"a b"}]}}"#,
            "x: a b",
        ),
        (
            r#"[{"error":{"code":400,"message":"a b","status":"INVALID_ARGUMENT"}}]"#,
            "a b",
        ),
        (r#"{"errors":[{"code":1000,"message":"a b"}]}"#, "a b"),
        (
            r#"{"error":{"message":"{\"error\":{\"message\":\"a b\",\"code\":\"slow_down\"}}"}}"#,
            "a b",
        ),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"a b"}}"#,
            "a b",
        ),
        ("data: {\"error\":{\"message\":\"a b\"}}\n\n", "a b"),
        ("event: error\ndata: {\"error\":{\"message\":\"a b\"}}\n\n", "a b"),
        ("\u{feff} {\"message\":\"a b\"} trailing", "a b"),
        ("{\"message\":\"a b\"}\n{\"message\":\"c\"}", "a b"),
        ("<html><head><title>a b</title></head>", "a b"),
        ("<html><body>no title</body></html>", ""),
        ("<html><title", ""),
        ("a b", "a b"),
        ("\"a b\"", "a b"),
        ("", ""),
        (" \r\n ", ""),
    ] {
        assert_eq!(read(body).message, message, "{body}");
    }
}

#[test]
fn json_that_names_no_error_is_shown_as_it_is() {
    for body in [r#"{"status":"fail"}"#, "[]", "{}", "[[1]]"] {
        assert_eq!(read(body).message, body);
        assert!(!read(body).names_error, "{body}");
    }
}

#[test]
fn codes_may_be_strings_numbers_or_null() {
    for (code, expected) in [
        (r#""slow_down""#, Some("slow_down")),
        ("429", Some("429")),
        ("null", None),
        ("\"\"", None),
        ("true", None),
        ("[]", None),
    ] {
        let reading = read(&format!(r#"{{"error":{{"message":"m","code":{code}}}}}"#));
        assert_eq!(reading.code.as_deref(), expected, "{code}");
    }
}

#[test]
fn a_code_is_a_status_only_in_the_range_of_errors() {
    for (code, status) in [
        ("429", Some(429)),
        ("599", Some(599)),
        ("200", None),
        ("1500", None),
        ("-429", None),
    ] {
        assert_eq!(
            read(&format!(r#"{{"error":{{"code":{code}}}}}"#)).inner_status(),
            status,
            "{code}"
        );
    }
}

#[test]
fn inner_words_are_trusted_before_outer_ones() {
    let azure =
        read(r#"{"error":{"code":"400","innererror":{"code":"ResponsibleAIPolicyViolation"},"type":"x"}}"#);
    assert_eq!(azure.words, ["responsibleaipolicyviolation", "400", "x"]);

    let google = read(
        r#"[{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"},
           {"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]},{"retryDelay":"3s"}]}}]"#,
    );
    assert_eq!(
        google.words,
        ["apikeyinvalid", "quotaperday", "400", "invalidargument"]
    );
    assert_eq!(google.retry_delay.as_deref(), Some("3s"));
}

#[test]
fn stable_types_and_moderation_are_kept_apart() {
    let reading = read(
        r#"{"error":{"code":403,"message":"Provider returned error","metadata":{"error_type":"string_too_long","reasons":["x"],"raw":"because"}}}"#,
    );

    assert_eq!(reading.stable_type.as_deref(), Some("stringtoolong"));
    assert!(reading.moderated);
    assert_eq!(reading.message, "Provider returned error: because");
}

#[test]
fn a_cut_body_still_says_what_it_said_first() {
    let reading = read(
        r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"You exceeded your cur"#,
    );

    assert_eq!(reading.code.as_deref(), Some("insufficient_quota"));
    assert_eq!(reading.message, "You exceeded your cur");
}

#[test]
fn a_huge_body_is_read_at_its_start() {
    let body = format!(
        r#"{{"error":{{"code":"slow_down","message":"{}"}}}}"#,
        "x".repeat(10 << 20)
    );

    assert_eq!(read(&body).code.as_deref(), Some("slow_down"));
}

#[test]
fn bottomless_bodies_are_read_as_text() {
    for body in [
        "[".repeat(100_000),
        "{\"error\":".repeat(20_000),
        "{\"a\":[".repeat(20_000),
    ] {
        assert_eq!(read(&body).shape, Shape::Text);
    }
}

#[test]
fn what_is_not_utf8_is_still_read() {
    let reading = ErrorBody::read(b"{\"error\":{\"message\":\"caf\xe9\",\"code\":\"slow_down\"}}");

    assert_eq!(reading.code.as_deref(), Some("slow_down"));
}

/// JSON of any shape, with the keys that are looked for.
fn any_error() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "\\PC{0,12}".prop_map(Into::into),
        Just("{\"error\":{\"error\":\"[1]\"}}".into()),
    ];
    let key = prop::sample::select(vec![
        "error",
        "errors",
        "message",
        "detail",
        "code",
        "type",
        "status",
        "details",
        "metadata",
        "innererror",
        "raw",
        "reasons",
        "violations",
        "quotaId",
        "retryDelay",
        "error_type",
        "loc",
        "msg",
        "x",
    ]);
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::vec((key.clone(), inner), 0..5).prop_map(|fields| {
                Value::Object(
                    fields
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        ErrorBody::read(&body);
    }

    #[test]
    fn any_json_cut_anywhere_is_read(value in any_error(), keep in 0.0_f64..=1.0) {
        let body = value.to_string();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share")]
        let end = (body.len() as f64 * keep) as usize;
        ErrorBody::read(&body.as_bytes()[..end]);
    }
}
