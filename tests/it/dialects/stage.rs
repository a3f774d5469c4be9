//! One gateway before providers of every kind: for each kind one that fails as it is told, and one that answers.

use std::fmt::Write as _;

use serde_json::{Value, json};
use understudy::sim::{AwsKeys, Fault, FaultRule, Sim, SimConfig};

use crate::support::{Gateway, Running};

/// A kind of provider as the configuration names it, with what it needs, and a model it serves.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    /// `{base}` is the base URL of OpenAI's SDK, `{origin}` the same without its path.
    config: &'static str,
    pub model: &'static str,
}

pub const KINDS: [Kind; 7] = [
    Kind {
        name: "openai",
        config: r#"kind: openai, endpoint: "{base}", api_key: sk-openai-key"#,
        model: "gpt-4o",
    },
    Kind {
        name: "azure",
        config: r#"kind: azure-openai, endpoint: "{origin}", api_key: azure-key-of-ours"#,
        model: "gpt-4o",
    },
    Kind {
        name: "anthropic",
        config: r#"kind: anthropic, endpoint: "{origin}", api_key: sk-ant-key-of-ours"#,
        model: "claude-sonnet-4-5",
    },
    Kind {
        name: "gemini",
        config: r#"kind: gemini, endpoint: "{origin}", api_key: AIza-key-of-ours"#,
        model: "gemini-2.5-flash",
    },
    Kind {
        name: "vertex",
        config: r#"kind: vertex, project: p, location: us-central1, endpoint: "{origin}", api_key: AIza-vertex-key"#,
        model: "gemini-2.5-flash",
    },
    Kind {
        name: "vertex-claude",
        config: r#"kind: vertex, project: p, location: us-central1, endpoint: "{origin}", api_key: AIza-vertex-key"#,
        model: "claude-sonnet-4-5",
    },
    Kind {
        name: "bedrock",
        config: r#"kind: bedrock, region: us-east-1, endpoint: "{origin}", access_key_id: AKIDEXAMPLE, secret_access_key: EXAMPLESECRET"#,
        model: "anthropic.claude-sonnet-4-5-v1:0",
    },
];

/// The gateway: a model `X-to-Y` has a target at the failing provider of kind X and one at the good one of kind Y;
/// a model `X` only the good one.
pub struct Stage {
    pub gateway: Running,
    pub bad: Sim,
    pub good: Sim,
}

impl Stage {
    /// Both simulated providers speak every language; the first one fails as `fault` says.
    pub async fn set(fault: Fault) -> Self {
        let bad = Sim::start(provider("bad")).await.unwrap();
        let good = Sim::start(provider("good")).await.unwrap();
        bad.control().set_fault(FaultRule::new(fault));
        let gateway = Gateway::with(&config(&bad, &good)).start().await;
        Self { gateway, bad, good }
    }

    /// The first provider fails in another way from now on.
    pub fn fail_with(&self, fault: Fault) {
        self.bad.control().clear_faults();
        self.bad.control().set_fault(FaultRule::new(fault));
    }

    pub async fn strike(self) {
        self.gateway.stop().await;
        self.bad.shutdown().await;
        self.good.shutdown().await;
    }
}

/// A provider that computes every signature of AWS again.
fn provider(name: &str) -> SimConfig {
    let mut config = SimConfig::named(name);
    config.sign_in.aws = Some(AwsKeys::new("AKIDEXAMPLE", "EXAMPLESECRET"));
    config
}

fn config(bad: &Sim, good: &Sim) -> String {
    let mut providers = String::new();
    let mut models = String::new();
    for kind in KINDS {
        for (side, sim) in [("bad", bad), ("good", good)] {
            let base = sim.base_url();
            let origin = base.strip_suffix("/v1").unwrap();
            let config = kind.config.replace("{base}", &base).replace("{origin}", origin);
            writeln!(providers, "  {side}-{}: {{ {config} }}", kind.name).unwrap();
        }
        let target = |kind: Kind, side: &str, priority: u32| {
            format!(
                "      - {{ provider: {side}-{}, model: \"{}\", priority: {priority} }}\n",
                kind.name, kind.model
            )
        };
        writeln!(
            models,
            "  {}:\n    targets:\n{}",
            kind.name,
            target(kind, "good", 0)
        )
        .unwrap();
        for other in KINDS {
            let targets = target(kind, "bad", 0) + &target(other, "good", 1);
            writeln!(
                models,
                "  {}-to-{}:\n    targets:\n{targets}",
                kind.name, other.name
            )
            .unwrap();
        }
    }
    format!(
        "defaults:\n  breaker: {{ consecutive_failures: off, error_rate: off }}\n  failover: {{ stall_timeout: 2s }}\n\
         providers:\n{providers}models:\n{models}"
    )
}

/// A tool to be called.
pub fn with_tool(mut ask: Value) -> Value {
    ask["tools"] = json!([{ "type": "function", "function": { "name": "weather", "description": "Tells the weather.",
        "parameters": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] } } }]);
    ask["tool_choice"] = "required".into();
    ask
}

/// The events of a stream in the hub's form, parsed; without the end marker, which must be the last.
pub fn chunks(events: &[String]) -> Vec<Value> {
    let (last, chunks) = events.split_last().expect("a stream has events");
    assert_eq!(last, "[DONE]", "{events:#?}");
    chunks
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect()
}

/// All text of a stream in the hub's form.
pub fn text_of(chunks: &[Value]) -> String {
    let content = |chunk: &Value| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned());
    chunks.iter().filter_map(content).collect()
}
