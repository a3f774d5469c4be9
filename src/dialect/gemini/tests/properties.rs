use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// One turn of a conversation that OpenAI would take.
#[derive(Debug, Clone)]
enum Turn {
    System(String),
    User(Vec<String>),
    /// What the model says, its calls (name and argument), and what came of each.
    Model(String, Vec<(String, String, Vec<String>)>),
}

fn turn() -> impl Strategy<Value = Turn> {
    let text = "\\PC{0,6}|[\u{0}-\u{1f}\"\\\\\u{1f30d}]{0,4}";
    let call = (
        select(vec!["f", "look-up", "_x.y"]).prop_map(str::to_owned),
        text,
        vec(text, 0..3),
    );
    prop_oneof![
        text.prop_map(Turn::System),
        vec(text, 0..3).prop_map(Turn::User),
        (text, vec(call, 0..3)).prop_map(|(text, calls)| Turn::Model(text, calls)),
    ]
}

/// The conversation as a caller writes it, and what of it must arrive, in order.
fn conversation(turns: &[Turn]) -> (Value, Vec<Value>, Vec<Value>) {
    let (mut messages, mut instructions, mut said) = (Vec::new(), Vec::new(), Vec::new());
    for (turn, place) in turns.iter().zip(0..) {
        match turn {
            Turn::System(text) => {
                messages.push(json!({ "role": "system", "content": text }));
                instructions.extend((!text.is_empty()).then(|| json!(text)));
            }
            Turn::User(texts) => {
                messages
                    .push(json!({ "role": "user", "content": texts.iter().map(part).collect::<Vec<_>>() }));
                let texts = texts.iter().filter(|text| !text.is_empty());
                said.extend(texts.map(|text| json!(["user", text])));
            }
            Turn::Model(text, calls) => {
                let id = |index: usize| format!("call \"{place}\" {index}");
                let calls = || calls.iter().enumerate();
                let written = calls().map(|(index, (name, argument, _))| {
                    let arguments = json!({ "a": argument }).to_string();
                    json!({ "id": id(index), "type": "function", "function": { "name": name, "arguments": arguments } })
                });
                let written: Vec<_> = written.collect();
                messages.push(json!({ "role": "assistant", "content": text, "tool_calls": written }));
                said.extend((!text.is_empty()).then(|| json!(["model", text])));
                said.extend(calls().map(|(index, (name, argument, _))| {
                    json!(["model", { "id": id(index), "name": name, "args": { "a": argument } }])
                }));
                for (index, (name, _, results)) in calls() {
                    let parts: Vec<_> = results.iter().map(part).collect();
                    messages.push(json!({ "role": "tool", "tool_call_id": id(index), "content": parts }));
                    said.push(json!(["user", { "id": id(index), "name": name,
                        "response": { "output": results.join("\n") } }]));
                }
            }
        }
    }
    (json!({ "messages": messages }), instructions, said)
}

fn part(text: &String) -> Value {
    json!({ "type": "text", "text": text })
}

/// What the request says, in order.
fn arrived(body: &Value) -> Vec<Value> {
    let contents = body["contents"].as_array().unwrap();
    let parts = contents.iter().flat_map(|content| {
        let parts = content["parts"].as_array().unwrap();
        assert!(!parts.is_empty());
        parts.iter().map(|part| {
            let (_, value) = part.as_object().unwrap().iter().next().unwrap();
            json!([content["role"], value])
        })
    });
    parts.collect()
}

/// Bytes that are often nearly a stream.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        &b"data: "[..],
        b"data:",
        b"\n\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b": x\n",
        b"event: error\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Gr\u{fc}\u{1f30d}\"}]}}]}\r\n\r\n".as_bytes(),
        b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}}}]}}]}\n\n",
        b"data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":3}}\r\n\r\n",
        b"data: {\"candidates\":[{\"index\":1,\"finishReason\":\"OTHER\"}],\"responseId\":\"r\"}\r\n\r\n",
        b"data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n",
        b"{\"error\":{\"message\":\"x\"}}\n",
        b"[{\n\"error\":{}\n}\n]\n",
        b"data: [DONE]\n\n",
        b"{",
        b"]",
        b"\xff\xf0\x9f",
    ];
    let piece = prop_oneof![
        4 => select(pieces).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_text_call_and_id_arrives_in_order(turns in vec(turn(), 1..6), is_newer in any::<bool>()) {
        let (asked, instructions, said) = conversation(&turns);
        let facts = if is_newer { newer() } else { Facts::default() };

        match ask(&asked, &facts) {
            Ok((body, _)) => {
                let system = body["systemInstruction"]["parts"].as_array().cloned().unwrap_or_default();
                let system: Vec<_> = system.iter().map(|part| part["text"].clone()).collect();
                prop_assert_eq!(system, instructions);
                prop_assert_eq!(arrived(&body), said);
            }
            Err(refused) => prop_assert!(said.is_empty(), "{}", refused),
        }
    }

    #[test]
    fn how_the_bytes_are_cut_changes_nothing(stream in stream(), cuts in vec(any::<Index>(), 0..6)) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(stream.len());
        let mut from = 0;
        let pieces = cuts.iter().map(|to| {
            let piece = &stream[from..*to];
            from = *to;
            piece
        });

        let cut = told(pieces);

        prop_assert_eq!(String::from_utf8(cut).unwrap(), String::from_utf8(told([stream.as_slice()])).unwrap());
    }

    #[test]
    fn no_bytes_are_too_strange_for_an_answer(mut body in stream(), prefix in select(vec!["", "data: "])) {
        if let Some(rest) = body.strip_prefix(prefix.as_bytes()) {
            body = rest.to_vec();
        }
        if let Ok(answer) = answer(&body) {
            prop_assert!(!answer["choices"].as_array().unwrap().is_empty());
        }
    }
}
