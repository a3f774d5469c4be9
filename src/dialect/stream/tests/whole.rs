//! Complete answers.

use super::*;
use crate::catalog::Surface::{self, Chat, Completions, Embeddings};

fn told(surface: Surface, body: &str) -> Whole {
    judge_whole(surface, &Bytes::from(body.to_owned()))
}

#[test]
fn answers_of_every_surface_are_good() {
    let chat = r#"{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null},"finish_reason":"stop"}],"usage":{},"error":null}"#;
    let cases = [
        (Chat, chat.to_owned()),
        (Chat, format!("\u{feff}\n\n {chat}\n")),
        (Chat, chat.replace("stop", "content_filter")),
        (Chat, chat.replace("null,\"refusal", "\"\\ud83d\",\"refusal")),
        (
            Completions,
            r#"{"choices":[{"text":""}],"message":"hm"}"#.to_owned(),
        ),
        (
            Embeddings,
            r#"{"object":"list","data":[{"embedding":[0.1]}],"model":"m"}"#.to_owned(),
        ),
    ];

    for (surface, body) in cases {
        assert_eq!(told(surface, &body), Whole::Good, "{body}");
    }
    let invalid = b"{\"choices\":[{\"message\":{\"content\":\"\xFF\"}}],\"usage\":\"\xFF\"}";
    assert_eq!(judge_whole(Chat, &Bytes::from_static(invalid)), Whole::Good);
}

#[test]
fn answers_that_are_none_are_told_apart() {
    let cases = [
        (Chat, r#"{"choices":[]}"#, Whole::Empty),
        (Embeddings, r#"{"object":"list","data":[ ]}"#, Whole::Empty),
        (Chat, r#"{"choices":null}"#, Whole::WrongShape),
        (Chat, r#"{"id":"1"}"#, Whole::WrongShape),
        (Chat, r#"{"data":[1]}"#, Whole::WrongShape),
        (Embeddings, r#"{"choices":[{}]}"#, Whole::WrongShape),
        (Embeddings, r#"{"data":{}}"#, Whole::WrongShape),
        (Chat, "null", Whole::WrongShape),
        (Chat, "\"ok\"", Whole::WrongShape),
        (Chat, "[]", Whole::WrongShape),
        (Chat, "[{\"choices\":[{}]}]", Whole::WrongShape),
        (Chat, "", Whole::Unreadable),
        (Chat, " \n", Whole::Unreadable),
        (
            Chat,
            r#"{"choices":[{"message":{"content":"A ca"#,
            Whole::Unreadable,
        ),
        (Chat, r#"{"choices":[{}]}{"#, Whole::Unreadable),
        (Chat, "<html></html>", Whole::Unreadable),
        (Chat, "data: {\"choices\":[{}]}\n\n", Whole::Unreadable),
    ];

    for (surface, body, expected) in cases {
        assert_eq!(told(surface, body), expected, "{body}");
    }
}

#[test]
fn an_error_inside_is_handed_out_for_judging() {
    let as_it_is = [
        r#"{"error":{"message":"x","code":429}}"#,
        r#"{"error":"x"}"#,
        r#"{"choices":[{"message":{}}],"error":{"message":"x"}}"#,
        r#"{"code":"c","error":"x"}"#,
        r#"{"message":"Unauthorized"}"#,
        r#"{"object":"error","message":"x"}"#,
        r#"{"detail":[{"msg":"x"}]}"#,
        r#"[{"error":{"code":503}}]"#,
    ];
    for body in as_it_is {
        for surface in [Chat, Embeddings] {
            assert_eq!(
                told(surface, body),
                Whole::ErrorInside(Bytes::from(body)),
                "{body}"
            );
        }
    }

    let inner = told(
        Chat,
        r#"{"choices":[{"error":{"code":502},"finish_reason":"error"}]}"#,
    );
    assert_eq!(
        inner,
        Whole::ErrorInside(Bytes::from(r#"{"error":{"code":502}}"#))
    );
    let given_up = told(Chat, r#"{"choices":[{"message":{},"finish_reason":"error"}]}"#);
    assert!(
        matches!(given_up, Whole::ErrorInside(body) if body.starts_with(b"{\"error\":{\"message\":\"the provider gave up"))
    );
}
