//! Tests of what the golden files do not show: other models, other chats than callers can write, and laws.

mod properties;
mod reading;
mod request;

use serde_json::{Value, json};

use super::Gemini;
use crate::dialect::facts::{Facts, Thinking};
use crate::dialect::hub::{Chat, Chunks, Unsupported};
use crate::dialect::language::{About, Language, NoAnswer, Recipient};

const ABOUT: About<'static> = About {
    id: "chatcmpl-1",
    model: "asked",
    created: 1,
    shows_usage: true,
};

/// A model of Gemini 3.
fn newer() -> Facts {
    Facts {
        thinking: Thinking::Level,
        ..Facts::default()
    }
}

/// The request for a chat that was read, and what it leaves out.
fn write(chat: &Chat<'_>, facts: &Facts) -> Result<(Value, Vec<String>), Unsupported> {
    let to = Recipient {
        model: "gemini-x",
        facts,
    };
    let request = Gemini.request(chat, to)?;
    let body = serde_json::from_slice(&request.write()).unwrap();
    Ok((body, request.dropped))
}

/// The request for a chat with these fields beside its model.
fn ask(fields: &Value, facts: &Facts) -> Result<(Value, Vec<String>), Unsupported> {
    write(&Chat::read(&fields.to_string()).unwrap(), facts)
}

/// The request for a plain chat with these fields as well.
fn ask_with(fields: Value, facts: &Facts) -> Result<(Value, Vec<String>), Unsupported> {
    let mut asked = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    asked.as_object_mut().unwrap().extend(fields);
    ask(&asked, facts)
}

/// The hub's events of a stream that comes in these pieces.
fn told<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut chunks = Chunks::new(&ABOUT);
    let mut inlet = Gemini.stream().unwrap();
    for piece in pieces {
        inlet.on_chunk(piece, &mut chunks);
    }
    inlet.on_end(&mut chunks);
    chunks.take().to_vec()
}

/// The hub's answer.
fn answer(body: &[u8]) -> Result<Value, NoAnswer> {
    Gemini
        .answer(body, &ABOUT)
        .map(|answer| serde_json::from_slice(&answer.write()).unwrap())
}
