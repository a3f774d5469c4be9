use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn scanned(body: &str) -> Scanned<'_> {
    scan(body.as_bytes()).unwrap()
}

fn refused(body: &str) -> InvalidBody {
    scan(body.as_bytes()).unwrap_err()
}

#[test]
fn a_usual_request_gives_everything_planning_asks_for() {
    let body = json!({
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Answer in one word."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            ]},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": 77,
        "max_completion_tokens": 99,
        "n": 2,
        "tools": [{"type": "function", "function": {"name": "look", "description": "Look it up."}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "word", "schema": {"type": "string"}}},
    })
    .to_string();

    let scanned = scanned(&body);

    assert_eq!(scanned.model, "gpt-4o");
    assert!(matches!(scanned.model, Cow::Borrowed(_)));
    assert_eq!(body.get(scanned.model_span.clone()), Some("\"gpt-4o\""));
    assert!(scanned.stream);
    assert_eq!(scanned.stream_options_include_usage, Some(true));
    assert_eq!(scanned.max_tokens, Some(99));
    assert_eq!(scanned.n, Some(2));
    assert_eq!(
        scanned.features,
        Features {
            tools: true,
            vision: true,
            streaming: true,
            json_schema: true,
            many: true
        }
    );
    // 19 + 13 bytes of messages, 11 of a tool's description.
    assert_eq!(scanned.input_tokens, 32 / 6 + 11 / 6);
}

#[test]
fn a_bare_request_asks_for_nothing_special() {
    let scanned = scanned(r#"{"model":"m"}"#);

    assert!(!scanned.stream);
    assert_eq!(scanned.stream_options_include_usage, None);
    assert_eq!(
        (scanned.max_tokens, scanned.n, scanned.input_tokens),
        (None, None, 0)
    );
    assert_eq!(scanned.features, Features::default());
}

#[test]
fn features_follow_the_fields_that_ask_for_them() {
    let none = Features::default();
    let cases = [
        (r#""tools":[]"#, none),
        (r#""tools":null"#, none),
        (
            r#""tools":[{"type":"function"}]"#,
            Features { tools: true, ..none },
        ),
        (r#""functions":[{"name":"f"}]"#, Features { tools: true, ..none }),
        (r#""stream":false"#, none),
        (r#""stream":null"#, none),
        (
            r#""stream":true"#,
            Features {
                streaming: true,
                ..none
            },
        ),
        (r#""response_format":{"type":"json_object"}"#, none),
        (
            r#""response_format":{"json_schema":{},"type":"json_schema"}"#,
            Features {
                json_schema: true,
                ..none
            },
        ),
        (
            r#""messages":[{"content":[{"type":"input_image"}]}]"#,
            Features { vision: true, ..none },
        ),
        (
            r#""messages":[{"content":[{"type":"text","text":"image_url"}]}]"#,
            none,
        ),
        (r#""messages":[{"content":"{\"type\":\"image_url\"}"}]"#, none),
        (r#""metadata":{"type":"image_url"}"#, none),
        // The last of several counts.
        (r#""tools":[{}],"tools":[]"#, none),
    ];
    for (field, features) in cases {
        let body = format!(r#"{{"model":"m",{field}}}"#);

        assert_eq!(scanned(&body).features, features, "{body}");
    }
}

#[test]
fn numbers_are_read_leniently_and_never_refused() {
    let cases = [
        ("100", Some(100)),
        ("100.0", Some(100)),
        ("1e2", Some(100)),
        ("-1", None),
        ("-0.5", None),
        ("\"100\"", None),
        ("null", None),
        ("[1]", None),
        ("1e300", None),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
    ];
    for (written, read) in cases {
        let body = format!(r#"{{"model":"m","max_tokens":{written}}}"#);

        assert_eq!(scanned(&body).max_tokens, read, "{written}");
    }
}

#[test]
fn tokens_are_a_lower_bound_of_what_will_be_read() {
    let image = format!("data:image/png;base64,{}", "QUJD".repeat(10_000));
    let sixty = "x".repeat(60);
    let cases = [
        (json!({"messages": [{"role": "user", "content": sixty}]}), 10),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": sixty}]}]}),
            10,
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": sixty}}]}]}),
            10,
        ),
        (
            json!({"messages": [{"role": sixty, "tool_call_id": sixty, "name": sixty}]}),
            0,
        ),
        (
            json!({"messages": [{"content": [{"type": "image_url", "image_url": {"url": image}}]}]}),
            0,
        ),
        (
            json!({"messages": [{"content": [{"type": "text", "text": image}]}]}),
            0,
        ),
        (
            json!({"messages": [{"content": [{"type": "input_audio", "input_audio": {"data": sixty}}]}]}),
            0,
        ),
        (json!({"prompt": sixty}), 10),
        (json!({"input": sixty}), 10),
        // Each item of a batch is a prompt by itself.
        (json!({"prompt": [sixty, "x".repeat(120), sixty]}), 20),
        (json!({"input": [sixty, sixty]}), 10),
        (json!({"input": [1, 2, 3, 4]}), 4),
        (json!({"input": [[1, 2, 3], [4], [5, 6]]}), 3),
        (json!({"input": [[7]]}), 1),
        (json!({"user": sixty, "metadata": {"content": sixty}}), 0),
    ];
    for (mut body, tokens) in cases {
        body["model"] = json!("m");
        let body = body.to_string();

        assert_eq!(
            scanned(&body).input_tokens,
            tokens,
            "{}",
            body.chars().take(200).collect::<String>()
        );
    }
}

#[test]
fn the_span_is_the_literal_whatever_surrounds_it() {
    let bodies = [
        r#"{"model":"a"}"#,
        " \r\n\t{ \"model\" \n:\t \"a\" \r\n, \"x\" : 1 } \n",
        r#"{"messages":[{"model":"inner"}],"tools":[{"model":"inner"}],"model":"a"}"#,
        r#"{"mod\u0065l":"\u0061"}"#,
        r#"{"\u006d\u006f\u0064\u0065\u006c":"a","Model":"b","model ":"c"}"#,
        r#"{"ümläut":"ü","model":"a"}"#,
        r#"{"x":"\"model\":\"no\"","model":"a"}"#,
    ];
    for body in bodies {
        let scanned = scanned(body);

        assert_eq!(scanned.model, "a", "{body}");
        assert_eq!(
            serde_json::from_str::<String>(body.get(scanned.model_span).unwrap()).unwrap(),
            "a",
            "{body}"
        );
    }
}

#[test]
fn an_escaped_name_is_read_as_it_is_meant() {
    let scanned = scanned(r#"{"model":"org\/\"big\" \u00e9\ud83d\ude00"}"#);

    assert_eq!(scanned.model, "org/\"big\" \u{e9}\u{1f600}");
}

#[test]
fn each_mistake_has_its_name_and_a_sentence() {
    use InvalidBody as I;
    let cases = [
        ("", I::Empty, None),
        (" \n ", I::Empty, None),
        ("[]", I::NotObject, None),
        ("\"model\"", I::NotObject, None),
        ("17", I::NotObject, None),
        ("null", I::NotObject, None),
        ("{}", I::MissingModel, Some("model")),
        (r#"{"messages":[{"model":"m"}]}"#, I::MissingModel, Some("model")),
        (r#"{"Model":"m"}"#, I::MissingModel, Some("model")),
        (r#"{"model":null}"#, I::ModelNotString, Some("model")),
        (r#"{"model":["m"]}"#, I::ModelNotString, Some("model")),
        (r#"{"model":""}"#, I::EmptyModel, Some("model")),
        (r#"{"model":" \t"}"#, I::EmptyModel, Some("model")),
        (r#"{"model":"m","model":"m"}"#, I::DuplicateModel, Some("model")),
        (
            r#"{"model":"m","mod\u0065l":"n"}"#,
            I::DuplicateModel,
            Some("model"),
        ),
        (
            r#"{"model":"m","stream":"true"}"#,
            I::StreamNotBool,
            Some("stream"),
        ),
        (r#"{"model":"m","stream":1}"#, I::StreamNotBool, Some("stream")),
    ];
    for (body, mistake, param) in cases {
        let found = refused(body);

        assert_eq!(found, mistake, "{body}");
        assert_eq!(found.param(), param, "{body}");
        let sentence = found.to_string();
        assert!(sentence.len() > 20 && !sentence.ends_with('.'), "{sentence}");
    }
}

#[test]
fn what_is_not_json_is_refused_with_the_place() {
    let cases = [
        ("model=m", 1),
        ("{", 1),
        (r#"{"model":"m""#, 1),
        (r#"{"model":"m"} x"#, 1),
        (r#"{"model":"m",}"#, 1),
        ("{\"model\":\"m\",\n\"x\":tru}", 2),
        ("{\"model\":\"m\",\"x\":\"a\nb\"}", 1),
        (r#"{"model":"m","x":01}"#, 1),
        (r#"{model:"m"}"#, 1),
        ("\u{feff}{\"model\":\"m\"}", 1),
    ];
    for (body, at) in cases {
        let InvalidBody::NotJson { line, problem, .. } = refused(body) else {
            panic!("{body} was read")
        };

        // Where a raw line feed is the mistake, the parser may count it already.
        assert!(line == at || body.contains("a\nb"), "{body}: line {line}");
        assert!(!problem.is_empty() && !problem.contains(" at line "), "{problem}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    assert_eq!(
        scan(b"{\"model\":\"\xff\"}"),
        Err(InvalidBody::InvalidUtf8 { at: 10 })
    );
}

#[test]
fn deep_nesting_is_refused_and_never_a_crash() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for field in [
            "messages",
            "metadata",
            "tools",
            "input",
            "response_format",
            "stream_options",
        ] {
            let body = format!(
                r#"{{"model":"m","{field}":{}1{}}}"#,
                open.repeat(100_000),
                close.repeat(100_000)
            );

            assert_eq!(refused(&body), InvalidBody::TooDeep, "{field}");
        }
        assert!(scan(open.repeat(100_000).as_bytes()).is_err());
    }
    let raw = format!(r#"{{"model":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(refused(&raw), InvalidBody::ModelNotString);
    let allowed = format!(r#"{{"model":"m","x":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    assert_eq!(scanned(&allowed).model, "m");
}

#[test]
fn replacing_a_model_by_itself_copies_nothing() {
    let body = Bytes::from_static(br#"{"model":"m","x":1}"#);
    let span = scan(&body).unwrap().model_span;

    let same = replace_model(&body, &span, "m");

    assert_eq!(same.as_ptr(), body.as_ptr());
}

#[test]
fn a_replacement_is_escaped() {
    let body = Bytes::from_static(br#"{"model":"m","x":1}"#);
    let span = scan(&body).unwrap().model_span;

    let replaced = replace_model(&body, &span, "a\"b\\c\n");

    assert_eq!(&replaced[..], br#"{"model":"a\"b\\c\n","x":1}"#);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_key(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,6}".boxed(),
        prop::sample::select(vec![
            "model",
            "messages",
            "content",
            "text",
            "type",
            "tools",
            "input",
            "prompt",
            "n",
            "max_tokens"
        ])
        .prop_map(str::to_owned)
        .boxed(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replacing_changes_the_model_and_nothing_else(
        fields in prop::collection::vec((any_key(), any_value()), 0..8),
        old in "[^\\s].{0,10}",
        new in ".{0,10}",
        is_pretty in any::<bool>(),
    ) {
        let mut document: serde_json::Map<String, Value> = fields.into_iter().collect();
        document.remove("stream");
        document.insert("model".into(), Value::from(old.clone()));
        let document = Value::Object(document);
        let text = if is_pretty { format!("{document:#}") } else { document.to_string() };
        let body = Bytes::from(text);

        let found = scan(&body).unwrap();
        let replaced = replace_model(&body, &found.model_span, &new);

        prop_assert_eq!(&*found.model, old.as_str());
        let mut expected: Value = serde_json::from_slice(&body).unwrap();
        expected["model"] = Value::from(new);
        prop_assert_eq!(serde_json::from_slice::<Value>(&replaced).unwrap(), expected);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = scan(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn what_looks_like_json_is_accepted_only_if_it_is(text in "[\\[\\]{}:,\"\\\\0-9a-eu .model-]{0,40}") {
        let body = format!("{{\"model\":\"m\"{text}");
        if scan(body.as_bytes()).is_ok() {
            prop_assert!(serde_json::from_str::<Value>(&body).is_ok());
        }
    }
}

#[test]
#[ignore = "a measurement: cargo test --release --lib reading_speed -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "it exists to print")]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn reading_speed() {
    let line = "The quick brown fox jumps over the lazy dog, and then \\\"rests\\\".\\n";
    let plain = "The quick brown fox jumps over the lazy dog, and then rests. ";
    for (name, line) in [("plain", plain), ("escaped", line)] {
        for size in [1 << 10, 1 << 20, 5 << 20] {
            let text = line.repeat(size / line.len());
            let body = format!(
                r#"{{"model":"gpt-4o","messages":[{{"role":"system","content":"Be brief."}},{{"role":"user","content":"{text}"}}],"stream":true,"temperature":0.2}}"#
            );
            let rounds = (200 << 20) / body.len();
            let start = std::time::Instant::now();
            let mut tokens = 0;
            for _ in 0..rounds {
                tokens += std::hint::black_box(scan(std::hint::black_box(body.as_bytes())))
                    .unwrap()
                    .input_tokens;
            }
            let took = start.elapsed();
            #[expect(clippy::cast_precision_loss, reason = "a rough figure")]
            let rate = (rounds * body.len()) as f64 / took.as_secs_f64() / 1e6;
            let each = took / u32::try_from(rounds).unwrap();
            println!(
                "{name} {} bytes: {rate:.0} MB/s, {each:?} each ({tokens} tokens)",
                body.len()
            );
        }
    }
}
