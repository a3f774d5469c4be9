//! The edit of a request that asks for usage.

use super::super::super::scan::scan;
use super::*;

#[test]
fn a_request_is_made_to_ask_for_usage_and_stays_itself() {
    let cases = [
        (
            r#"{"model":"m","stream":true}"#,
            Some(r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#),
        ),
        (
            "{ \"model\":\"m\" \n} \n",
            Some("{ \"model\":\"m\",\"stream_options\":{\"include_usage\":true} \n} \n"),
        ),
        (
            r#"{"stream_options":null,"model":"m"}"#,
            Some(r#"{"stream_options":{"include_usage":true},"model":"m"}"#),
        ),
        (
            r#"{"stream_options":{},"model":"m"}"#,
            Some(r#"{"stream_options":{"include_usage":true},"model":"m"}"#),
        ),
        (
            r#"{"stream_options": { "include_obfuscation": false } ,"model":"m"}"#,
            Some(r#"{"stream_options": { "include_obfuscation": false,"include_usage":true } ,"model":"m"}"#),
        ),
        (
            r#"{"stream_options":{"include_usage":false,"x":1},"model":"m"}"#,
            Some(r#"{"stream_options":{"include_usage":true,"x":1},"model":"m"}"#),
        ),
        (
            r#"{"stream_options":{"include_usage":null},"model":"m"}"#,
            Some(r#"{"stream_options":{"include_usage":true},"model":"m"}"#),
        ),
        (r#"{"stream_options":{"include_usage":true},"model":"m"}"#, None),
        // The provider's to refuse.
        (r#"{"stream_options":"x","model":"m"}"#, None),
        (r#"{"stream_options":[],"model":"m"}"#, None),
        // Elsewhere than at the top it means nothing.
        (
            r#"{"model":"m","messages":[{"content":"stream_options"}],"x":{"stream_options":{"include_usage":true}}}"#,
            Some(
                r#"{"model":"m","messages":[{"content":"stream_options"}],"x":{"stream_options":{"include_usage":true}},"stream_options":{"include_usage":true}}"#,
            ),
        ),
        // Of two, the last counts.
        (
            r#"{"stream_options":{"include_usage":true},"model":"m","stream_options":null}"#,
            Some(
                r#"{"stream_options":{"include_usage":true},"model":"m","stream_options":{"include_usage":true}}"#,
            ),
        ),
        ("{}", Some(r#"{"stream_options":{"include_usage":true}}"#)),
        ("[]", None),
        ("", None),
        ("}", None),
    ];

    for (body, expected) in cases {
        let edited = include_usage(body.as_bytes()).map(|splice| splice.apply(body.as_bytes()));

        assert_eq!(edited.as_deref(), expected.map(str::as_bytes), "{body}");
        if let Some(edited) = edited {
            assert_eq!(include_usage(&edited), None, "it asks already");
            if let Ok(scanned) = scan(&edited) {
                assert_eq!(scanned.stream_options_include_usage, Some(true), "{body}");
            }
        }
    }
}
