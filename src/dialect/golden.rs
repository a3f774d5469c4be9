//! The golden matrix: fixtures that a person can read side by side, times every language.
//!
//! `tests/golden/requests/NAME/` holds `asked.json` (the hub's form; or `messages.json`, a request of Anthropic's surface) and what
//! becomes of it in each language; `tests/golden/answers/LANGUAGE/NAME.json` a provider's answer and `NAME.hub.json` what becomes of it;
//! `tests/golden/streams/LANGUAGE/NAME.txt` a provider's stream and `NAME.hub.txt` the hub's events. `UPDATE_GOLDEN=1`
//! writes what is made instead of comparing it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::facts;
use super::hub::{Chat, Chunks};
use super::language::{About, Language, NoAnswer, Recipient};

const ABOUT: About<'static> = About {
    id: "chatcmpl-0001",
    model: "asked-model",
    created: 1_790_000_000,
    shows_usage: true,
};

/// Every language, its name, and a model that speaks it.
fn languages() -> [(&'static str, &'static dyn Language, &'static str); 4] {
    [
        ("openai", &super::openai::OpenAi, "gpt-4o"),
        ("anthropic", &super::anthropic::Anthropic, "claude-sonnet-4-5"),
        ("gemini", &super::gemini::Gemini, "gemini-2.5-flash"),
        (
            "bedrock",
            &super::bedrock::Bedrock,
            "anthropic.claude-sonnet-4-5-v1:0",
        ),
    ]
}

fn root(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(part)
}

/// The entries of a folder in order; none when there is no folder yet.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(read) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = read.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Compares with the file, or writes it.
fn check(path: &Path, made: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, made).unwrap();
    } else if fs::read_to_string(path).unwrap_or_default() != made {
        wrong.push(format!("{}: made was\n{made}", path.display()));
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn every_request_reads_the_same_in_every_language() {
    let mut wrong = Vec::new();
    for folder in entries(&root("requests")) {
        let Ok(asked) = fs::read_to_string(folder.join("asked.json")) else {
            continue;
        };
        for (name, language, model) in languages() {
            let made = request(&asked, language, model);
            if made == json!({ "unsupported": "chat" }) {
                continue;
            }
            check(&folder.join(format!("{name}.json")), &pretty(&made), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn request(asked: &str, language: &dyn Language, model: &str) -> Value {
    let chat = match Chat::read(asked) {
        Ok(chat) => chat,
        Err(malformed) => return json!({ "malformed": malformed.to_string() }),
    };
    let facts = facts::of(model);
    let to = Recipient { model, facts: &facts };
    match language.request(&chat, to) {
        Ok(request) => json!({
            "body": serde_json::from_slice::<Value>(&request.write()).unwrap(),
            "dropped": request.dropped,
        }),
        Err(unsupported) => json!({ "unsupported": unsupported.0 }),
    }
}

#[test]
fn every_answer_becomes_the_hubs() {
    let mut wrong = Vec::new();
    for (name, language, _) in languages() {
        for path in entries(&root("answers").join(name)) {
            let stem = path.file_name().unwrap().to_str().unwrap().to_owned();
            let Some(stem) = stem.strip_suffix(".json").filter(|stem| !stem.contains('.')) else {
                continue;
            };
            let body = fs::read(&path).unwrap();
            let made = match language.answer(&body, &ABOUT) {
                Ok(answer) => serde_json::from_slice(&answer.write()).unwrap(),
                Err(NoAnswer::Error(error)) => {
                    json!({ "error inside": serde_json::from_slice::<Value>(&error).unwrap() })
                }
                Err(none) => json!({ "no answer": format!("{none:?}") }),
            };
            check(
                &path.with_file_name(format!("{stem}.hub.json")),
                &pretty(&made),
                &mut wrong,
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_stream_becomes_the_hubs_in_any_split() {
    let mut wrong = Vec::new();
    for (name, language, _) in languages() {
        for path in entries(&root("streams").join(name)) {
            let stem = path.file_name().unwrap().to_str().unwrap().to_owned();
            let Some(stem) = stem.strip_suffix(".txt").filter(|stem| !stem.contains('.')) else {
                continue;
            };
            let bytes = provider_bytes(name, &fs::read(&path).unwrap());
            let whole = hub_events(language, &bytes, bytes.len().max(1));
            for size in [1, 2, 3, 7, 64] {
                assert_eq!(
                    hub_events(language, &bytes, size),
                    whole,
                    "{} in pieces of {size}",
                    path.display()
                );
            }
            check(
                &path.with_file_name(format!("{stem}.hub.txt")),
                &whole,
                &mut wrong,
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the provider sends: the file as it is; for a binary language, what the lines of the file stand for.
///
/// A line of Bedrock's is an event, an exception or an error by its name and its payload (or message), or raw bytes;
/// `"spoil": N` turns one bit of the byte N of its frame, `"keep": N` lets only the first N bytes of it come.
fn provider_bytes(language: &str, file: &[u8]) -> Vec<u8> {
    use super::bedrock::written;
    if language != "bedrock" {
        return file.to_vec();
    }
    let mut bytes = Vec::new();
    for line in str::from_utf8(file).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let word = |name: &str| line[name].as_str();
        let payload = line["payload"].to_string();
        let mut frame = match (word("event"), word("exception"), word("error"), word("raw")) {
            (Some(name), None, None, None) => written::event(name, &payload),
            (None, Some(name), None, None) => written::exception(name, &payload),
            (None, None, Some(code), None) => written::error(code, word("message").unwrap()),
            (None, None, None, Some(hex)) => written::from_hex(hex),
            _ => panic!("{line} stands for nothing"),
        };
        if let Some(at) = line["spoil"].as_u64() {
            frame[usize::try_from(at).unwrap()] ^= 1;
        }
        if let Some(length) = line["keep"].as_u64() {
            frame.truncate(usize::try_from(length).unwrap());
        }
        bytes.extend(frame);
    }
    bytes
}

fn hub_events(language: &dyn Language, bytes: &[u8], size: usize) -> String {
    let Some(mut inlet) = language.stream() else {
        return String::from_utf8(bytes.to_vec()).unwrap();
    };
    let mut chunks = Chunks::new(&ABOUT);
    let mut made = Vec::new();
    for piece in bytes.chunks(size) {
        inlet.on_chunk(piece, &mut chunks);
        made.extend_from_slice(&chunks.take());
    }
    inlet.on_end(&mut chunks);
    made.extend_from_slice(&chunks.take());
    String::from_utf8(made).unwrap()
}
