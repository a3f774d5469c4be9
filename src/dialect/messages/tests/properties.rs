//! Properties of Anthropic's surface.

use proptest::prelude::*;

use super::*;
use crate::dialect::hub::{Answer, Choice, Chunks, Finish, Said};

/// The content and the reason of a message, put together of its events as a caller's library does it.
fn message(events: &str) -> (Vec<Value>, Value) {
    let mut blocks: Vec<(Value, String)> = Vec::new();
    let mut reason = Value::Null;
    let mut is_open = false;
    for data in events.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let event: Value = serde_json::from_str(data).unwrap();
        let at = blocks.len();
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert!(!is_open && event["index"] == at, "{event}");
                is_open = true;
                blocks.push((event["content_block"].clone(), String::new()));
            }
            "content_block_delta" => {
                assert!(is_open && event["index"] == at - 1, "{event}");
                let delta = &event["delta"];
                let more = delta["text"].as_str().or(delta["partial_json"].as_str()).unwrap();
                blocks.last_mut().unwrap().1.push_str(more);
            }
            "content_block_stop" => {
                assert!(is_open && event["index"] == at - 1, "{event}");
                is_open = false;
            }
            "message_delta" => reason = event["delta"]["stop_reason"].clone(),
            _ => {}
        }
    }
    assert!(!is_open);
    let blocks = blocks.into_iter().map(|(mut block, said)| {
        if block["type"] == "text" {
            block["text"] = said.into();
        } else if !said.is_empty() {
            block["input"] = serde_json::from_str(&said).unwrap();
        }
        block
    });
    (blocks.collect(), reason)
}

/// An answer, and the places at which its texts are cut when they are streamed.
fn any_answer() -> impl Strategy<Value = (Answer<'static>, Vec<usize>)> {
    let word = "[a-zA-Zä🌍\"\\\\\n ]{0,10}";
    let call = (
        "[a-zA-Z0-9_.:-]{1,10}",
        "[a-z_]{1,6}",
        prop::collection::vec((word, word), 0..3),
    )
        .prop_map(|(id, name, fields)| {
            let fields: serde_json::Map<String, Value> = fields
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect();
            Said {
                id: id.into(),
                name: name.into(),
                arguments: Value::from(fields).to_string().into(),
                signature: None,
            }
        });
    let finish = prop_oneof![
        Just(Finish::Stop),
        Just(Finish::Length),
        Just(Finish::ToolCalls),
        Just(Finish::ContentFilter)
    ];
    let choice = (prop::option::of(word), prop::collection::vec(call, 0..4), finish);
    (choice, prop::collection::vec(1..6usize, 1..8)).prop_map(|((text, mut calls, finish), cuts)| {
        for (index, call) in calls.iter_mut().enumerate() {
            call.id = format!("{index}{}", call.id).into();
        }
        let choice = Choice {
            text: text.map(Into::into),
            reasoning: None,
            refusal: None,
            calls,
            finish,
        };
        let answer = Answer {
            id: "c-1".into(),
            created: 7,
            model: "m".into(),
            choices: vec![choice],
            usage: None,
        };
        (answer, cuts)
    })
}

/// The same answer as a stream of the hub; with `interleaved`, a piece of every call in turn.
fn streamed(answer: &Answer<'_>, cuts: &[usize], interleaved: bool) -> Bytes {
    let mut chunks = Chunks::new(&ABOUT);
    let choice = &answer.choices[0];
    let pieces = |text: &str| -> Vec<String> {
        let mut sizes = cuts.iter().cycle();
        let mut letters = text.chars().peekable();
        let mut pieces = Vec::new();
        while letters.peek().is_some() {
            pieces.push(letters.by_ref().take(*sizes.next().unwrap()).collect());
        }
        pieces
    };
    for piece in pieces(choice.text.as_deref().unwrap_or_default()) {
        chunks.text(0, &piece);
    }
    let mut left: Vec<Vec<String>> = choice.calls.iter().map(|call| pieces(&call.arguments)).collect();
    for (index, call) in choice.calls.iter().enumerate() {
        chunks.call(0, index, (&call.id, &call.name, None));
        if !interleaved {
            left[index]
                .drain(..)
                .for_each(|piece| chunks.arguments(0, index, &piece));
        }
    }
    while left.iter().any(|pieces| !pieces.is_empty()) {
        for (index, pieces) in left
            .iter_mut()
            .enumerate()
            .filter(|(_, pieces)| !pieces.is_empty())
        {
            chunks.arguments(0, index, &pieces.remove(0));
        }
    }
    chunks.finish(0, choice.finish);
    chunks.done();
    chunks.take()
}

proptest! {
    #[test]
    fn a_stream_says_what_the_complete_answer_says(
        (answer, cuts) in any_answer(), interleaved in any::<bool>(), size in 1..200usize,
    ) {
        let whole: Value = serde_json::from_slice(&write_answer(&answer)).unwrap();

        let told = told(&streamed(&answer, &cuts, interleaved), size);

        let (content, reason) = message(&told);
        prop_assert_eq!(Value::from(content), whole["content"].clone());
        prop_assert_eq!(&reason, &whole["stop_reason"]);
        let is_ended = told.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        prop_assert!(is_ended);
    }

    #[test]
    fn calls_come_out_with_ids_that_anthropic_takes(id in ".{0,12}") {
        prop_assert!(call_id(&id).chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'));
    }

    #[test]
    fn no_bytes_cause_a_panic(stream in prop::collection::vec(any::<u8>(), 0..300), size in 1..40usize) {
        told(&stream, size);
        _ = error(500, &stream, None);
        _ = read(&String::from_utf8_lossy(&stream));
    }

    #[test]
    fn no_events_cause_a_panic(
        events in prop::collection::vec(
            r#"data: \{"choices":\[\{"(index|delta)":(\{"(content|tool_calls|refusal)":(\[|\{|"|[0-9a-z":,\[\]{}\\ ]){0,14}\}?|1|null),?("finish_reason":"[a-z]{0,4}")?\}\]\}"#,
            0..6,
        ),
    ) {
        told(events.join("\n\n").as_bytes(), 9);
    }

    #[test]
    fn no_request_causes_a_panic(
        content in r#"(\[|\{|"(type|text|image|source|document|tool_result|content|id)"|[0-9:, ]|\]|\}){0,24}"#, role in "user|assistant|system",
    ) {
        _ = read(&format!(r#"{{"messages":[{{"role":"{role}","content":{content}}}]}}"#));
    }
}
