//! What holds whatever comes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::dialect::hub::Chunks;

/// One step of a conversation.
#[derive(Debug, Clone)]
enum Step {
    System(String),
    User(Vec<String>),
    Assistant(String, Vec<(String, String)>),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "\\PC{0,8}",
        Just(String::new()),
        Just(" \n".to_owned()),
        Just("\\u0000\"🌍".to_owned())
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let calls = vec(("[a-c.:]{0,2}", "[fg]"), 0..3);
    prop_oneof![
        text().prop_map(Step::System),
        vec(text(), 0..3).prop_map(Step::User),
        (text(), calls).prop_map(|(text, calls)| Step::Assistant(text, calls)),
    ]
}

/// The conversation as a caller writes it, each call with its result right after it.
fn messages(steps: &[Step]) -> Value {
    let mut messages = Vec::new();
    for step in steps {
        match step {
            Step::System(text) => messages.push(json!({ "role": "system", "content": text })),
            Step::User(texts) => {
                let parts: Vec<_> = texts
                    .iter()
                    .map(|text| json!({ "type": "text", "text": text }))
                    .collect();
                messages.push(json!({ "role": "user", "content": parts }));
            }
            Step::Assistant(text, calls) => {
                let told: Vec<_> = calls.iter().map(|(id, name)| call(id, name)).collect();
                messages.push(json!({ "role": "assistant", "content": text, "tool_calls": told }));
                for (id, name) in calls {
                    messages
                        .push(json!({ "role": "tool", "tool_call_id": id, "content": format!("of {name}") }));
                }
            }
        }
    }
    json!(messages)
}

/// Every text of the conversation that says something, sorted.
fn texts(steps: &[Step]) -> Vec<String> {
    let of = |step: &Step| match step {
        Step::System(text) | Step::Assistant(text, _) => vec![text.clone()],
        Step::User(texts) => texts.clone(),
    };
    let mut texts: Vec<_> = steps
        .iter()
        .flat_map(of)
        .filter(|text| !text.trim().is_empty())
        .collect();
    texts.sort();
    texts
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_call_and_id_arrives(steps in vec(step(), 1..8)) {
        let (body, _) = with(&json!({ "messages": messages(&steps) }), &Facts::default()).unwrap();
        let turns = body["messages"].as_array().unwrap();

        for (index, turn) in turns.iter().enumerate() {
            prop_assert_eq!(&turn["role"], if index % 2 == 0 { "user" } else { "assistant" });
            prop_assert!(!turn["content"].as_array().unwrap().is_empty());
        }
        let blocks: Vec<&Value> = turns.iter().flat_map(|turn| turn["content"].as_array().unwrap()).collect();
        let of = |kind: &str| -> Vec<&Value> {
            blocks.iter().copied().filter(|block| block["type"] == kind).collect()
        };
        let instructions = body["system"].as_array().cloned().unwrap_or_default();
        let mut said: Vec<String> = instructions.iter().chain(of("text"))
            .map(|block| block["text"].as_str().unwrap().to_owned())
            .collect();
        for text in texts(&steps) {
            // The last words may have lost white space, and a word of ours may stand where nobody spoke.
            let at = said.iter().position(|said| *said == text || *said == text.trim_end());
            prop_assert!(at.is_some(), "{:?} is lost", text);
            said.swap_remove(at.unwrap());
        }
        prop_assert!(said.iter().all(|text| text == "."), "{:?} came from nowhere", said);

        let asked: Vec<_> = steps.iter().flat_map(|step| match step {
            Step::Assistant(_, calls) => calls.clone(),
            _ => Vec::new(),
        }).collect();
        let (calls, results) = (of("tool_use"), of("tool_result"));
        prop_assert_eq!(calls.len(), asked.len());
        let mut seen = std::collections::HashSet::new();
        for ((call, result), (_, name)) in calls.iter().zip(&results).zip(&asked) {
            let id = call["id"].as_str().unwrap();
            prop_assert!(!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
            prop_assert!(seen.insert(id), "{} comes twice", id);
            prop_assert_eq!(call["name"].as_str().unwrap(), name.as_str());
            prop_assert_eq!(result["tool_use_id"].as_str().unwrap(), id);
            prop_assert_eq!(&result["content"][0]["text"], &json!(format!("of {name}")));
        }
    }

    #[test]
    fn any_stream_in_any_split_says_the_same(events in vec(event(), 0..10), cuts in vec(0usize..800, 0..12)) {
        let bytes = events.concat();
        let mut places: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        places.push(0);
        places.push(bytes.len());
        places.sort_unstable();
        let pieces = places.windows(2).map(|place| &bytes[place[0]..place[1]]);

        prop_assert_eq!(told(pieces), told([bytes.as_slice()]));
    }

    #[test]
    fn any_answer_is_read_without_a_panic(answer in "[\\[\\]{}:,\"a-d0-9 ]{0,40}") {
        let bodies = [
            answer.clone(),
            format!(r#"{{"content":{answer}}}"#),
            format!(r#"{{"content":[{{"type":"tool_use","id":"a","name":"b","input":{answer}}}]}}"#),
            format!(r#"{{"content":[],"stop_reason":"refusal","usage":{answer}}}"#),
        ];
        for body in &bodies {
            if let Ok(answer) = Anthropic.answer(body.as_bytes(), &ABOUT) {
                answer.write();
            }
        }
    }
}

/// An event, or something like one.
fn event() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(vec![
        r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"ü"}}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"世\ud83c"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":3}}"#,
        r#"{"type":"message_stop"}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"error","error":{"type":"api_error"}}"#,
        r#"{"type":7}"#,
        "[1]",
        "",
    ]);
    let line_ends = prop::sample::select(vec!["\n\n", "\r\n\r\n", "\n", ""]);
    let whole =
        (kinds, line_ends).prop_map(|(json, end)| format!("event: x\ndata: {json}{end}").into_bytes());
    prop_oneof![8 => whole, 1 => vec(any::<u8>(), 0..12)]
}

fn told<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut chunks = Chunks::new(&ABOUT);
    let mut inlet = Anthropic.stream().unwrap();
    for piece in pieces {
        inlet.on_chunk(piece, &mut chunks);
    }
    inlet.on_end(&mut chunks);
    chunks.take().to_vec()
}
