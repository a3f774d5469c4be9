//! Every fault in every dialect: what holds of it whatever the words are.

use std::io::Read as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Answer, post};
use crate::sim::{Fault, FaultRule, Sim, SimConfig};

/// How a dialect is spoken to: where, plain and streamed, with which headers and which body.
struct Speech {
    name: &'static str,
    paths: (&'static str, &'static str),
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    /// The body says whether it is streamed.
    says_stream: bool,
}

const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;
const CONTENT: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}"#;
const GOOGLE: &[(&str, &str)] = &[("x-goog-api-key", "k")];
const BEARER: &[(&str, &str)] = &[("authorization", "Bearer k")];

const SPEECHES: [Speech; 8] = [
    Speech {
        name: "openai",
        paths: ("/v1/chat/completions", "/v1/chat/completions"),
        headers: BEARER,
        body: CHAT,
        says_stream: true,
    },
    Speech {
        name: "responses",
        paths: ("/v1/responses", "/v1/responses"),
        headers: BEARER,
        body: r#"{"model":"m","input":"hello"}"#,
        says_stream: true,
    },
    Speech {
        name: "azure",
        paths: (
            "/openai/deployments/d/chat/completions?api-version=1",
            "/openai/v1/chat/completions",
        ),
        headers: BEARER,
        body: CHAT,
        says_stream: true,
    },
    Speech {
        name: "anthropic",
        paths: ("/v1/messages", "/anthropic/v1/messages"),
        headers: &[("x-api-key", "k"), ("anthropic-version", "2023-06-01")],
        body: r#"{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"hello"}]}"#,
        says_stream: true,
    },
    Speech {
        name: "gemini",
        paths: (
            "/v1beta/models/m:generateContent",
            "/v1beta/models/m:streamGenerateContent?alt=sse",
        ),
        headers: GOOGLE,
        body: CONTENT,
        says_stream: false,
    },
    Speech {
        name: "vertex",
        paths: (
            "/v1/projects/p/locations/l/publishers/google/models/m:generateContent",
            "/v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent",
        ),
        headers: GOOGLE,
        body: CONTENT,
        says_stream: false,
    },
    Speech {
        name: "vertex-anthropic",
        paths: (
            "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict",
            "/v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict",
        ),
        headers: GOOGLE,
        body: r#"{"anthropic_version":"vertex-2023-10-16","max_tokens":100,"messages":[{"role":"user","content":"hello"}]}"#,
        says_stream: true,
    },
    Speech {
        name: "bedrock",
        paths: ("/model/m/converse", "/model/m/converse-stream"),
        headers: BEARER,
        body: r#"{"messages":[{"role":"user","content":[{"text":"hello"}]}]}"#,
        says_stream: false,
    },
];

impl Speech {
    async fn ask(&self, sim: &Sim, is_stream: bool) -> Answer {
        let path = if is_stream { self.paths.1 } else { self.paths.0 };
        let mut body: Value = serde_json::from_str(self.body).unwrap();
        if is_stream && self.says_stream {
            body["stream"] = json!(true);
        }
        post(sim.addr(), path, self.headers, body.to_string().as_bytes()).await
    }
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|value| !value.is_null())
}

/// What a fault comes to in any dialect, plain and streamed.
fn assert_struck(fault: Fault, is_stream: bool, answer: &Answer, name: &str) {
    let told = format!("{fault} {name} {is_stream}: {} {}", answer.status, answer.text());
    match fault {
        Fault::RateLimit
        | Fault::Quota
        | Fault::Auth
        | Fault::ServerError
        | Fault::Overloaded
        | Fault::ContextLength
        | Fault::ModelNotFound => assert!(answer.status >= 400 && is_json(&answer.body), "{told}"),
        Fault::ContentFilter => assert!(answer.is_whole && !answer.text().contains("sim a says"), "{told}"),
        Fault::CutStream => assert!(answer.status == 200 && !answer.is_whole, "{told}"),
        Fault::StreamError => {
            assert!(answer.status == 200 && answer.is_whole, "{told}");
            assert!(!answer.text().contains("sim a says"), "{told}");
        }
        Fault::BadJson => assert!(answer.status == 200 && !is_json(&answer.body), "{told}"),
        Fault::SlowFirstToken | Fault::NoDone => assert!(answer.status == 200 && answer.is_whole, "{told}"),
        Fault::Gzip | Fault::GzipBroken => {
            let mut decoded = Vec::new();
            let read = flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut decoded);
            assert!(
                answer.status >= 400 && answer.header("content-encoding") == Some("gzip"),
                "{told}"
            );
            assert_eq!(read.is_ok() && is_json(&decoded), fault == Fault::Gzip, "{told}");
        }
        Fault::Empty => assert!(answer.status == 200 && answer.body.is_empty(), "{told}"),
        Fault::Html => assert!(
            answer.status == 502 && answer.text().starts_with("<html>"),
            "{told}"
        ),
        Fault::BigError => assert!(
            answer.body.len() == 10_000_000 && is_json(&answer.body),
            "{fault} {name}"
        ),
        Fault::Redirect => assert!(
            answer.status == 307 && answer.header("location").is_some(),
            "{told}"
        ),
        Fault::Hang | Fault::Reset | Fault::Close | Fault::Stall => {}
    }
}

#[tokio::test]
async fn every_fault_strikes_in_every_dialect() {
    let sim = Sim::start(SimConfig::named("a")).await.unwrap();

    for speech in SPEECHES {
        for fault in Fault::ALL {
            // Those without an end have nothing of a dialect in them.
            if matches!(fault, Fault::Hang | Fault::Reset | Fault::Close | Fault::Stall) {
                continue;
            }
            for is_stream in [false, true] {
                let rule = FaultRule::new(fault).delay(Duration::from_millis(1));
                sim.control().set_fault(rule);

                let answer = speech.ask(&sim, is_stream).await;

                assert_struck(fault, is_stream, &answer, speech.name);
            }
        }
    }
}

#[tokio::test]
async fn every_dialect_says_the_same_and_counts_the_same() {
    let sim = Sim::start(SimConfig::named("a")).await.unwrap();
    let mut page = sim.control().manner();
    page.prompt_tokens = Some(50);
    sim.control().set_manner(page);

    for speech in SPEECHES {
        let plain = speech.ask(&sim, false).await;

        assert_eq!(plain.status, 200, "{}: {}", speech.name, plain.text());
        assert!(plain.text().contains("sim a says: hello"), "{}", plain.text());
        let usage = plain.json();
        let usage = usage
            .get("usage")
            .or_else(|| usage.get("usageMetadata"))
            .unwrap()
            .clone();
        let has = |number: u64| usage.as_object().unwrap().values().any(|it| *it == json!(number));
        assert!(has(50) && has(10), "{}: {usage}", speech.name);
        assert_eq!(speech.ask(&sim, true).await.status, 200);
    }
}
