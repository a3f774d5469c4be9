//! One gateway before providers of every kind, for programs with an official SDK.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use understudy::sim::{AwsKeys, Dialect, FaultRule, Manner, Pace, Sim, SimConfig};

use super::caller::{Caller, KEY, Sdk};
use crate::support::{Gateway, Running};

/// A kind of provider as the configuration names it, and a model it serves.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    /// `{base}` is the base URL of OpenAI's SDK, `{origin}` the same without its path, `{key}` the provider's key.
    config: &'static str,
    pub model: &'static str,
    /// The only language that its provider takes, so that what a translation leaves of another is found.
    dialect: Option<Dialect>,
}

const fn kind(name: &'static str, config: &'static str, model: &'static str, dialect: Dialect) -> Kind {
    Kind {
        name,
        config,
        model,
        dialect: Some(dialect),
    }
}

pub const OPENAI: Kind = kind(
    "openai",
    r#"kind: openai, endpoint: "{base}", api_key: {key}"#,
    "gpt-5",
    Dialect::OpenAi,
);
pub const AZURE: Kind = kind(
    "azure",
    r#"kind: azure-openai, endpoint: "{origin}", api_key: {key}"#,
    "gpt-5",
    Dialect::Azure,
);
/// Like any server that takes everything.
pub const COMPATIBLE: Kind = Kind {
    name: "compatible",
    config: r#"kind: openai-compatible, endpoint: "{base}", api_key: {key}"#,
    model: "qwen3-vl",
    dialect: None,
};
pub const ANTHROPIC: Kind = kind(
    "anthropic",
    r#"kind: anthropic, endpoint: "{origin}", api_key: {key}"#,
    "claude-sonnet-4-5",
    Dialect::Anthropic,
);
const GEMINI: Kind = kind(
    "gemini",
    r#"kind: gemini, endpoint: "{origin}", api_key: {key}"#,
    "gemini-2.5-flash",
    Dialect::Gemini,
);
const VERTEX: Kind = kind(
    "vertex",
    r#"kind: vertex, endpoint: "{origin}", project: stage, location: europe-west4, api_key: {key}"#,
    "gemini-2.5-pro",
    Dialect::Vertex,
);
const VERTEX_CLAUDE: Kind = kind(
    "vertex-claude",
    r#"kind: vertex, endpoint: "{origin}", location: us, service_account: "file:{dir}/{side}.json""#,
    "claude-sonnet-4-5",
    Dialect::Vertex,
);
const BEDROCK: Kind = kind(
    "bedrock",
    r#"kind: bedrock, endpoint: "{origin}", region: us-east-1, access_key_id: AKIASTAGE, secret_access_key: {key}"#,
    "us.anthropic.claude-sonnet-4-5-v1:0",
    Dialect::Bedrock,
);
const NOVA: Kind = kind(
    "nova",
    r#"kind: bedrock, endpoint: "{origin}", region: us-east-1, api_key: {key}"#,
    "amazon.nova-pro-v1:0",
    Dialect::Bedrock,
);

/// All of them.
pub const KINDS: [Kind; 9] = [
    OPENAI,
    AZURE,
    COMPATIBLE,
    ANTHROPIC,
    GEMINI,
    VERTEX,
    VERTEX_CLAUDE,
    BEDROCK,
    NOVA,
];

/// What the second provider of a kind says to this.
pub fn words(kind: Kind, asked: &str) -> String {
    format!("sim second-{} says: {asked}", kind.name)
}

/// Can the model of this kind do this, and is it told?
pub fn has(kind: Kind, what: &str) -> bool {
    let others: &[&str] = match what {
        "json_schema" | "effort" => &["nova"],
        "thoughts" => &["openai", "azure", "compatible", "gemini", "vertex", "nova"],
        _ => panic!("{what}?"),
    };
    !others.contains(&kind.name)
}

/// Where embeddings are.
pub const EMBEDDING: &str = "text-embedding-3-small";

/// The providers `first-X` are one simulated provider that speaks every language and fails as it is told; each
/// `second-X` is one of its own that speaks X's alone.
///
/// The model `X` is at the second provider of kind X only, `X-to-Y` is at the first one of kind X and then at the
/// second one of kind Y, where one of both speaks a language of callers.
pub struct Stage {
    pub first: Sim,
    seconds: Vec<Sim>,
    pub gateway: Running,
}

impl Stage {
    pub async fn set() -> Self {
        let first = start("first", None).await;
        let mut seconds = Vec::new();
        for kind in KINDS {
            seconds.push(start(&format!("second-{}", kind.name), kind.dialect).await);
        }
        let gateway = Gateway::with(&config(&first, &seconds));
        for (side, sim) in [
            ("first", &first),
            ("second-vertex-claude", by_name(&seconds, VERTEX_CLAUDE)),
        ] {
            let file = gateway.dir().join(format!("{side}.json"));
            std::fs::write(file, service_account(sim).to_string()).unwrap();
        }
        let gateway = gateway.start().await;
        for sim in seconds.iter().chain([&first]) {
            // That tokens were fetched is of no interest here.
            sim.control().reset();
        }
        Self {
            first,
            seconds,
            gateway,
        }
    }

    /// A program that calls the gateway.
    pub fn caller(&self, sdk: Sdk) -> Caller {
        Caller::of(sdk, &self.gateway)
    }

    /// The second provider of a kind.
    pub fn second(&self, kind: Kind) -> &Sim {
        by_name(&self.seconds, kind)
    }

    /// Starts afresh, and lets the first provider fail like this, whoever speaks to it.
    pub async fn fail(&self, fault: FaultRule) {
        self.fail_both(fault, None).await;
    }

    /// The same, and all second ones like that.
    pub async fn fail_both(&self, first: FaultRule, second: Option<FaultRule>) {
        for sim in &self.seconds {
            sim.control().reset();
            sim.control().set_faults(second.iter().cloned().collect());
        }
        self.first.control().reset();
        self.first.control().set_fault(first);
        for kind in KINDS {
            for side in ["first", "second"] {
                let order = json!({ "provider": format!("{side}-{}", kind.name) });
                self.gateway.admin_post("/admin/circuits/reset", &order).await;
            }
        }
    }

    /// Lets the first provider speak slowly: what comes together is judged together, so an error at the heels of the
    /// first token would still fail over.
    pub fn slow_down(&self) {
        let inter_token = Duration::from_millis(40);
        let pace = self.first.control().pace();
        self.first.control().set_pace(Pace { inter_token, ..pace });
    }

    /// How many requests the first provider got, and the second one of this kind.
    pub fn received(&self, kind: Kind) -> (u64, u64) {
        let requests = |sim: &Sim| sim.control().counters().requests;
        (requests(&self.first), requests(self.second(kind)))
    }

    /// The body of the last request that the second provider of this kind got.
    pub fn last_of(&self, kind: Kind) -> String {
        let requests = self.second(kind).control().recent_requests();
        String::from_utf8_lossy(requests.last().expect("it was asked").body()).into_owned()
    }

    /// Lets the second provider of a kind call so many tools at once.
    pub fn let_call(&self, kind: Kind, calls: usize) {
        let control = self.second(kind).control();
        let calls = u32::try_from(calls).unwrap();
        let manner = control.manner();
        control.set_manner(Manner { calls, ..manner });
    }

    pub async fn strike(self) {
        self.gateway.stop().await;
        self.first.shutdown().await;
        for sim in self.seconds {
            sim.shutdown().await;
        }
    }
}

fn by_name(seconds: &[Sim], wanted: Kind) -> &Sim {
    let position = KINDS.iter().position(|kind| kind.name == wanted.name);
    &seconds[position.unwrap()]
}

/// Everyone has a key of his own, so that one that reaches another is found.
fn key(sim: &str) -> String {
    format!("key-of-{sim}")
}

async fn start(name: &str, dialect: Option<Dialect>) -> Sim {
    let mut config = SimConfig::named(name);
    config.api_key = Some(key(name).as_str().into());
    config.dialect = dialect;
    config.sign_in.aws = Some(AwsKeys::new("AKIASTAGE", key(name)));
    Sim::start(config).await.unwrap()
}

fn origin(sim: &Sim) -> String {
    format!("http://{}", sim.addr())
}

fn service_account(sim: &Sim) -> Value {
    json!({
        "type": "service_account",
        "project_id": "stage",
        "private_key_id": "key-1",
        "private_key": include_str!("../../../src/app/tokens/tests/account.pem"),
        "client_email": "understudy@stage.iam.gserviceaccount.com",
        "token_uri": format!("{}/token", origin(sim)),
    })
}

fn config(first: &Sim, seconds: &[Sim]) -> String {
    let mut providers = String::new();
    let mut models = String::new();
    for kind in KINDS {
        let second = format!("second-{}", kind.name);
        for (side, sim, name) in [
            ("first", first, "first"),
            ("second", by_name(seconds, kind), second.as_str()),
        ] {
            let config = kind
                .config
                .replace("{base}", &sim.base_url())
                .replace("{origin}", &origin(sim))
                .replace("{key}", &key(name))
                .replace("{side}", name);
            writeln!(providers, "  {side}-{}: {{ {config} }}", kind.name).unwrap();
        }
        let alone = target(kind, "second", 0);
        writeln!(models, "  {}:\n    targets:\n{alone}", kind.name).unwrap();
        for other in KINDS {
            if [kind, other]
                .iter()
                .any(|one| ["openai", "anthropic"].contains(&one.name))
            {
                let targets = target(kind, "first", 0) + &target(other, "second", 1);
                writeln!(
                    models,
                    "  {}-to-{}:\n    targets:\n{targets}",
                    kind.name, other.name
                )
                .unwrap();
            }
        }
    }
    format!(
        "clients:\n  app: {{ key: {KEY} }}\n\
         defaults:\n  breaker: {{ consecutive_failures: off, error_rate: off }}\n  \
         failover: {{ per_try_timeout: 3s, first_token_timeout: 2s, stall_timeout: 600ms, timeout: 10s }}\n\
         providers:\n{providers}models:\n{models}  {EMBEDDING}: {{ targets: [{{ provider: second-openai }}] }}\n"
    )
}

fn target(kind: Kind, side: &str, priority: u32) -> String {
    let (name, model) = (kind.name, kind.model);
    format!("      - {{ provider: {side}-{name}, model: \"{model}\", priority: {priority} }}\n")
}
