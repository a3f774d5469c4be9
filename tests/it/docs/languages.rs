//! What the README says becomes of a request in another language is what becomes of it.

#![allow(
    clippy::needless_pass_by_value,
    reason = "what a test starts with is given away once"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::json;
use understudy::catalog::{Catalog, Generation, Surface, Target};
use understudy::config::Config;
use understudy::dialect::carry::{Carried, Wish, carry};
use understudy::dialect::scan;

use super::*;

/// An image of one byte.
const PNG: &str = "data:image/png;base64,AA==";

/// A target for each model, by the kind of provider.
fn catalog(models: &[(&str, &str)]) -> Catalog {
    let mut yaml = "providers:\n  anthropic: { kind: anthropic, api_key: k }\n  gemini: { kind: gemini, api_key: k }\n  \
                    openai: { kind: openai, api_key: k }\n  bedrock: { kind: bedrock, region: us-east-1, api_key: k }\nmodels:\n"
        .to_owned();
    for (index, (provider, model)) in models.iter().enumerate() {
        writeln!(
            yaml,
            "  m{index}: {{ targets: [{{ provider: {provider}, model: \"{model}\" }}] }}"
        )
        .unwrap();
    }
    let config = Config::parse(&yaml, &EVERYTHING, understudy::app::failover_cause);
    Catalog::build(&config.unwrap_or_else(|error| panic!("{error}")), Generation(1)).unwrap()
}

/// What became of a request.
#[derive(Debug, PartialEq)]
enum Fate {
    Carried,
    Dropped(Vec<String>),
    Refused,
}

impl Fate {
    /// The first word of a cell that says so.
    fn word(&self) -> &'static str {
        match self {
            Self::Carried => "yes",
            Self::Dropped(_) => "dropped",
            Self::Refused => "refused",
        }
    }
}

fn fate(surface: Surface, request: &Value, target: &Target) -> (Fate, String) {
    let body = Bytes::from(request.to_string());
    let scanned = scan::scan(&body).unwrap();
    let wish = Wish {
        surface,
        body: &body,
        model_span: &scanned.model_span,
        betas: None,
    };
    match carry(wish, target) {
        Ok(Carried { body, dropped }) => {
            let written = String::from_utf8_lossy(&body).into_owned();
            let fate = if dropped.is_empty() {
                Fate::Carried
            } else {
                Fate::Dropped(dropped)
            };
            (fate, written)
        }
        Err(unsupported) => (Fate::Refused, unsupported.to_string()),
    }
}

/// A request with these fields, over the plainest one there is.
fn asked(mut fields: Value) -> Value {
    let plain = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hello" }] });
    for (name, value) in plain.as_object().unwrap() {
        if fields.get(name).is_none() {
            fields[name] = value.clone();
        }
    }
    fields
}

fn user(part: Value) -> Value {
    json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Look." }, part] }] })
}

fn tool() -> Value {
    let parameters = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"],
        "additionalProperties": false });
    json!([{ "type": "function", "function": { "name": "f", "parameters": parameters } }])
}

/// Calls of tools, two at a time, and their results.
fn history() -> Value {
    let call = |id| json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{\"a\":\"b\"}" } });
    json!([
        { "role": "user", "content": "Do." },
        { "role": "assistant", "content": null, "tool_calls": [call("c1"), call("c2")] },
        { "role": "tool", "tool_call_id": "c1", "content": "one" },
        { "role": "tool", "tool_call_id": "c2", "content": "two" },
    ])
}

fn with_tool(mut fields: Value) -> Value {
    fields["tools"] = tool();
    fields
}

fn schema() -> Value {
    let schema = &tool()[0]["function"]["parameters"];
    json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": schema } })
}

/// For each row of the table of chat requests, requests of its kind: each of them has to fare as the row says.
fn chats() -> Vec<(&'static str, Vec<Value>)> {
    let mut strict = tool();
    strict[0]["function"]["strict"] = true.into();
    vec![
        (
            "messages, calls of tools",
            vec![with_tool(json!({ "messages": history() }))],
        ),
        (
            "`system` and `developer`",
            vec![
                json!({ "messages": [{ "role": "system", "content": "A" }, { "role": "user", "content": "B" },
                { "role": "developer", "content": "C" }, { "role": "user", "content": "D" }] }),
            ],
        ),
        (
            "images as data URLs",
            vec![user(json!({ "type": "image_url", "image_url": { "url": PNG } }))],
        ),
        (
            "images by URL",
            vec![user(
                json!({ "type": "image_url", "image_url": { "url": "https://example.com/a.png" } }),
            )],
        ),
        (
            "files with `file_data`",
            vec![user(
                json!({ "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0=" } }),
            )],
        ),
        (
            "`tool_choice`",
            ["none", "auto", "required"]
                .into_iter()
                .map(|choice| with_tool(json!({ "tool_choice": choice })))
                .chain([with_tool(
                    json!({ "tool_choice": { "type": "function", "function": { "name": "f" } } }),
                )])
                .collect(),
        ),
        ("`tools[].function.strict`", vec![json!({ "tools": strict })]),
        (
            "`parallel_tool_calls: false`",
            vec![with_tool(json!({ "parallel_tool_calls": false }))],
        ),
        (
            "`response_format: json_schema`",
            vec![json!({ "response_format": schema() })],
        ),
        (
            "`response_format: json_object`",
            vec![json!({ "response_format": { "type": "json_object" } })],
        ),
        ("`reasoning_effort`", vec![json!({ "reasoning_effort": "high" })]),
        (
            "`max_completion_tokens`",
            vec![
                json!({ "max_completion_tokens": 9 }),
                json!({ "max_tokens": 9 }),
                json!({}),
            ],
        ),
        (
            "`temperature`",
            vec![json!({ "temperature": 0.5 }), json!({ "temperature": 1.7 })],
        ),
        (
            "`top_p` beside",
            vec![json!({ "temperature": 0.5, "top_p": 0.5 })],
        ),
        ("`stop`", vec![json!({ "stop": ["a", "b", "c", "d", "e"] })]),
        ("`n` above 1", vec![json!({ "n": 2 })]),
        ("`seed`", vec![json!({ "seed": 7 })]),
        (
            "`presence_penalty`",
            vec![
                json!({ "presence_penalty": 0.5 }),
                json!({ "frequency_penalty": 0.5 }),
            ],
        ),
        (
            "`user`",
            vec![json!({ "user": "u" }), json!({ "safety_identifier": "u" })],
        ),
        ("`metadata`", vec![json!({ "metadata": { "a": "b" } })]),
        ("`service_tier`", vec![json!({ "service_tier": "flex" })]),
        (
            "a last message",
            vec![
                json!({ "messages": [{ "role": "user", "content": "A" }, { "role": "assistant", "content": "B" }] }),
            ],
        ),
        (
            "`logprobs`",
            vec![
                json!({ "logprobs": true }),
                json!({ "logit_bias": { "1": 1 } }),
                json!({ "web_search_options": {} }),
            ],
        ),
        (
            "audio",
            vec![
                user(json!({ "type": "input_audio", "input_audio": { "data": "AA==", "format": "wav" } })),
                user(json!({ "type": "file", "file": { "file_id": "file_1" } })),
                json!({ "tools": [{ "type": "custom", "custom": { "name": "c" } }] }),
            ],
        ),
        (
            "everything else",
            vec![
                json!({ "store": true }),
                json!({ "verbosity": "low" }),
                json!({ "prediction": {} }),
                json!({ "future": 1 }),
            ],
        ),
    ]
}

#[test]
fn chat_requests_fare_as_their_table_says() {
    let catalog = catalog(&[
        ("anthropic", "claude-sonnet-4-5"),
        ("gemini", "gemini-3-pro"),
        ("bedrock", "anthropic.claude-sonnet-4-5-v1:0"),
    ]);
    let rows = table("| in the request | Anthropic |");
    let samples = chats();
    assert_eq!(rows.len(), samples.len(), "each row has its samples");
    let mut wrong = Vec::new();
    for (cells, (row, requests)) in rows.iter().zip(samples) {
        assert!(cells[0].starts_with(row), "{row} is not {}", cells[0]);
        for fields in requests {
            let request = asked(fields);
            for (cell, target) in cells[1..].iter().zip(&catalog.targets) {
                let (fate, written) = fate(Surface::Chat, &request, target);
                if !cell.starts_with(fate.word()) {
                    wrong.push(format!(
                        "{row} at {}: {fate:?}, not `{cell}`: {request} {written}",
                        target.provider_model
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The halves of sentences: what the table says of other models than the usual one.
#[test]
fn what_the_table_says_of_other_models_is_so_too() {
    let many = json!({ "stop": ["a", "b", "c", "d", "e", "f"] });
    let prefill =
        json!({ "messages": [{ "role": "user", "content": "A" }, { "role": "assistant", "content": "B" }] });
    let none_after_calls = with_tool(json!({ "messages": history(), "tool_choice": "none" }));
    let schema = json!({ "response_format": schema() });
    let image = |url: &str| user(json!({ "type": "image_url", "image_url": { "url": url } }));
    let cases = [
        ("anthropic", "claude-opus-4-1", schema.clone(), "refused"),
        ("anthropic", "claude-sonnet-4-6", schema.clone(), "yes"),
        ("anthropic", "claude-sonnet-4-6", prefill.clone(), "refused"),
        (
            "anthropic",
            "claude-opus-4-7",
            json!({ "temperature": 0.5 }),
            "dropped",
        ),
        (
            "anthropic",
            "claude-opus-4-6",
            json!({ "service_tier": "default" }),
            "yes",
        ),
        ("anthropic", "claude-opus-4-6", many.clone(), "yes"),
        ("gemini", "gemini-2.0-flash", schema.clone(), "refused"),
        ("gemini", "gemini-2.5-flash", schema.clone(), "yes"),
        ("gemini", "gemini-2.5-flash", with_tool(schema.clone()), "refused"),
        ("gemini", "gemini-3-pro", with_tool(schema.clone()), "yes"),
        ("gemini", "gemini-2.5-flash", json!({ "n": 2 }), "yes"),
        (
            "gemini",
            "gemini-2.0-flash",
            json!({ "presence_penalty": 0.5 }),
            "yes",
        ),
        (
            "gemini",
            "gemini-2.5-flash",
            json!({ "presence_penalty": 0.5 }),
            "dropped",
        ),
        ("gemini", "gemini-3-pro", many.clone(), "refused"),
        ("gemini", "gemini-3-pro", image("gs://bucket/a.png"), "yes"),
        (
            "gemini",
            "gemini-3-pro",
            json!({ "service_tier": "default" }),
            "yes",
        ),
        ("bedrock", "anthropic.claude-opus-4-1", schema.clone(), "refused"),
        ("bedrock", "us.amazon.nova-lite-v1:0", schema.clone(), "refused"),
        ("bedrock", "us.amazon.nova-2-lite-v1:0", schema, "yes"),
        ("bedrock", "anthropic.claude-sonnet-4-6", prefill, "refused"),
        (
            "bedrock",
            "anthropic.claude-sonnet-4-6",
            none_after_calls,
            "refused",
        ),
        (
            "bedrock",
            "us.amazon.nova-lite-v1:0",
            json!({ "reasoning_effort": "high" }),
            "dropped",
        ),
        (
            "bedrock",
            "us.amazon.nova-lite-v1:0",
            json!({ "temperature": 0.5, "top_p": 0.5 }),
            "yes",
        ),
        (
            "bedrock",
            "us.amazon.nova-lite-v1:0",
            image("s3://bucket/a.png"),
            "yes",
        ),
    ];
    for (provider, model, fields, word) in cases {
        let catalog = catalog(&[(provider, model)]);
        let request = asked(fields);
        let (fate, written) = fate(Surface::Chat, &request, &catalog.targets[0]);
        assert_eq!(fate.word(), word, "{model}: {fate:?}: {request} {written}");
    }
}

/// For each row of the table of Anthropic's surface, requests of its kind.
fn messages() -> Vec<(&'static str, Vec<Value>)> {
    let tool = |strict: bool, open: bool| {
        let mut schema = tool()[0]["function"]["parameters"].clone();
        if open {
            schema["additionalProperties"] = true.into();
        }
        json!({ "tools": [{ "name": "f", "input_schema": schema, "strict": strict }] })
    };
    let source = json!({ "type": "base64", "media_type": "image/png", "data": "AA==" });
    let image = json!({ "type": "image", "source": source });
    let called = |result: Value| {
        let call = json!({ "type": "tool_use", "id": "t1", "name": "f", "input": { "a": "b" } });
        let mut fields = tool(false, false);
        fields["messages"] = json!([
            { "role": "user", "content": "Do." },
            { "role": "assistant", "content": [{ "type": "text", "text": "I do." }, call] },
            { "role": "user", "content": [result] },
        ]);
        fields
    };
    let pdf = json!({ "type": "base64", "media_type": "application/pdf", "data": "JVBERi0=" });
    let mut whole = called(json!({ "type": "tool_result", "tool_use_id": "t1", "content": "done" }));
    whole["system"] = "Be brief.".into();
    let of_tools = |kind: &str| json!({ "tools": [{ "type": kind, "name": "x" }] });
    let thought = json!({ "type": "thinking", "thinking": "LOST", "signature": "LOST" });
    vec![
        (
            "`system`, texts",
            vec![
                whole,
                user(image.clone()),
                user(json!({ "type": "document", "source": pdf })),
            ],
        ),
        (
            "a result with `is_error`",
            vec![called(
                json!({ "type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": true }),
            )],
        ),
        (
            "images and files in a result",
            vec![called(
                json!({ "type": "tool_result", "tool_use_id": "t1", "content": [image] }),
            )],
        ),
        (
            "`thinking`",
            vec![
                json!({ "thinking": { "type": "enabled", "budget_tokens": 9000 } }),
                json!({ "thinking": { "type": "adaptive" }, "output_config": { "effort": "low" } }),
            ],
        ),
        (
            "`output_config.format`",
            vec![
                json!({ "output_config": { "format": { "type": "json_schema", "schema": schema()["json_schema"]["schema"] } } }),
            ],
        ),
        ("`strict` of a tool", vec![tool(true, false)]),
        (
            "`max_tokens`",
            vec![
                json!({ "temperature": 0.5, "top_p": 0.5, "service_tier": "standard_only" }),
                {
                    let mut fields = tool(false, false);
                    fields["tool_choice"] = json!({ "type": "any", "disable_parallel_tool_use": true });
                    fields
                },
            ],
        ),
        (
            "`stop_sequences`",
            vec![json!({ "stop_sequences": ["a", "b", "c", "d"] })],
        ),
        (
            "`metadata.user_id`",
            vec![json!({ "metadata": { "user_id": "u" } })],
        ),
        (
            "`cache_control`",
            vec![
                json!({ "system": [{ "type": "text", "text": "A", "cache_control": { "type": "ephemeral", "x": "LOST" } }] }),
                json!({ "messages": [{ "role": "user", "content": "A" },
                    { "role": "assistant", "content": [thought, { "type": "text", "text": "B" }] },
                    { "role": "user", "content": "C" }] }),
            ],
        ),
        ("`top_k`", vec![json!({ "top_k": 5 })]),
        (
            "a last message",
            vec![
                json!({ "messages": [{ "role": "user", "content": "A" }, { "role": "assistant", "content": "B" }] }),
            ],
        ),
        (
            "Anthropic's own tools",
            [
                "web_search_20250305",
                "code_execution_20250825",
                "bash_20250124",
                "text_editor_20250728",
                "computer_20250124",
                "memory_20250818",
            ]
            .into_iter()
            .map(of_tools)
            .collect(),
        ),
        (
            "`mcp_servers`",
            vec![
                json!({ "mcp_servers": [{ "type": "url" }] }),
                json!({ "container": "c" }),
                json!({ "inference_geo": "us" }),
                user(json!({ "type": "image", "source": { "type": "file", "file_id": "f" } })),
                user(
                    json!({ "type": "document", "source": { "type": "url", "url": "https://example.com/a.pdf" } }),
                ),
            ],
        ),
        ("everything else", vec![json!({ "context_management": {} })]),
    ]
}

#[test]
fn requests_of_anthropics_surface_fare_as_their_table_says() {
    let catalog = catalog(&[("openai", "gpt-5.1")]);
    let rows = table("| in the request | becomes");
    let samples = messages();
    assert_eq!(rows.len(), samples.len(), "each row has its samples");
    for (cells, (row, requests)) in rows.iter().zip(samples) {
        assert!(cells[0].starts_with(row), "{row} is not {}", cells[0]);
        for mut fields in requests {
            fields["max_tokens"] = 20_000.into();
            let request = asked(fields);
            let (fate, written) = fate(Surface::Messages, &request, &catalog.targets[0]);
            if cells[1].starts_with("lost") {
                assert_eq!(fate, Fate::Carried, "{row}: {request}");
                assert!(!written.contains("LOST"), "{row}: {written}");
            } else {
                let word = fate.word();
                assert!(
                    cells[1].starts_with(word),
                    "{row}: {fate:?}, not `{}`: {request} {written}",
                    cells[1]
                );
            }
        }
    }
    let longer = [
        (json!({ "stop_sequences": ["a", "b", "c", "d", "e"] }), "refused"),
        (json!({ "metadata": { "user_id": "u".repeat(65) } }), "dropped"),
        (
            json!({ "tools": [{ "name": "f", "input_schema": { "type": "object" }, "strict": true }] }),
            "dropped",
        ),
    ];
    for (fields, word) in longer {
        let (fate, _) = fate(Surface::Messages, &asked(fields.clone()), &catalog.targets[0]);
        assert_eq!(fate.word(), word, "{fields}");
    }
}

#[test]
fn every_word_that_is_in_the_way_is_listed() {
    let readme = read(&at("README.md"));
    let told = readme
        .split("What is in the way is a word")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .expect("the words");
    let listed: BTreeSet<String> = backticked(told).into_iter().collect();
    let mut sources = read(&at("src/plan/ask.rs"));
    let mut there = BTreeSet::new();
    for path in rust_files(&at("src/dialect")) {
        let text = read(&path);
        for opening in ["Unsupported(\"", ".bind(\"", "Part::Other(\""] {
            let words = text.split(opening).skip(1);
            there.extend(words.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
        sources += &text;
    }

    let missing: Vec<_> = there.difference(&listed).collect();
    assert!(missing.is_empty(), "not in the README: {missing:?}");
    for word in listed {
        let is_surface = Surface::ALL.iter().any(|surface| surface.suffix() == word);
        assert!(
            is_surface || sources.contains(&format!("\"{word}\"")),
            "`{word}` is nowhere"
        );
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found
}
