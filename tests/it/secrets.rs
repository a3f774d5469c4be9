//! No key is shown anywhere: not in answers, logs, access lines, admin reports, metrics, Envoy's admin server, nor by
//! `Debug`. Only the provider that a key is for receives it.

mod clouds; // providers of every kind, which sign in by more than a key
mod debugging; // `Debug` of what a program that uses this library may print
mod echoes; // providers that send our key back
mod mistakes; // keys in the wrong place of a configuration

use std::fmt::Write as _;
use std::io::Read as _;

use http::Method;
use understudy::sim::{ApiKey, Fault, FaultRule, Sim, SimConfig};

use clouds::Clouds;

use crate::support::{Answer, Call, Gateway, Running, chat, chat_stream, log_text};

const CHAT: &str = "/v1/chat/completions";

/// Every secret of this module's gateways. None has the form of a well-known key, so that only knowing them helps.
const SECRETS: [(&str, &str); 15] = [
    ("PRIMARY_KEY", "Marmalade-Primary-Orange"),
    ("AZURE_KEY", "Marmalade.Azure.Lemon"),
    ("BACKUP_KEY", "marmalade_backup_quince"),
    ("CLIENT_KEY", "Marmalade-Client-Lime"),
    ("STRANGER_KEY", "Marmalade-Stranger-Plum"),
    ("CALLER_KEY", "Marmalade-Caller-Fig"),
    ("ADMIN_TOKEN", "Marmalade-Admin-Pear"),
    ("HEADER_SECRET", "Marmalade-Header-Medlar"),
    ("FILE_KEY", "Marmalade-File-Rowan"),
    ("ANTHROPIC_KEY", "Marmalade-Anthropic-Damson"),
    ("GEMINI_KEY", "Marmalade-Gemini-Apricot"),
    ("AWS_ID", "MarmaladeAccessGreengage"),
    ("AWS_SECRET", "Marmalade/Signing+Bullace"),
    ("AWS_SESSION", "Marmalade/Session+Cherry=="),
    ("ENTRA_SECRET", "Marmalade~Entra~Mirabelle"),
];

/// The key of the service account.
const PRIVATE_KEY: &str = include_str!("../../src/app/tokens/tests/account.pem");

/// The secrets, and what they are exchanged for or sign: whatever of it begins so.
fn every_secret() -> impl Iterator<Item = (&'static str, &'static str)> {
    let key = PRIVATE_KEY.lines().filter(|line| !line.starts_with("-----"));
    SECRETS
        .into_iter()
        .chain(key.map(|line| ("a line of the private key", line)))
        .chain([
            ("a token of Google", "ya29.sim-"),
            ("a token of Entra", "eyJ0.sim-"),
            ("a statement of the account", "eyJhbGciOiJSUzI1NiI"),
        ])
}

fn secret(name: &str) -> &'static str {
    let found = SECRETS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no secret {name}")).1
}

const CONFIG: &str = r#"
admin: { listen: "{admin}", token: "${ADMIN_TOKEN}" }
clients:
  team: { key: "${CLIENT_KEY}" }
  caller: { key: "${CALLER_KEY}" }
defaults:
  breaker: { consecutive_failures: off, error_rate: off }
providers:
  primary:
    kind: openai
    endpoint: "{primary}"
    api_key: ${PRIMARY_KEY}
    headers: { x-tenant-secret: "${HEADER_SECRET}", openai-organization: public-organization }
    health_check: { interval: 1s, timeout: 1s }
  azure: { kind: azure-openai, endpoint: "{azure}", api_key: "${AZURE_KEY}", deployment: d }
  backup: { kind: openai-compatible, endpoint: "{backup}", api_key: "${BACKUP_KEY}" }
  filed: { kind: openai-compatible, endpoint: "{backup}", api_key: "file:{dir}/key" }
  passing: { kind: openai-compatible, endpoint: "{primary}", auth: passthrough }
  anthropic: { kind: anthropic, endpoint: "{anthropic}", api_key: "${ANTHROPIC_KEY}" }
  gemini: { kind: gemini, endpoint: "{gemini}", api_key: "${GEMINI_KEY}" }
  bedrock:
    kind: bedrock
    region: us-east-1
    endpoint: "{bedrock}"
    access_key_id: "${AWS_ID}"
    secret_access_key: "${AWS_SECRET}"
    session_token: "${AWS_SESSION}"
  vertex:
    kind: vertex
    location: us-central1
    endpoint: "{vertex}"
    service_account: "file:{dir}/account.json"
    token_url: "{vertex}/token"
  entra:
    kind: azure-openai
    endpoint: "{entra}"
    deployment: d
    entra: { token_url: "{entra}/t/oauth2/v2.0/token", client_id: app-1, client_secret: "${ENTRA_SECRET}" }
models:
  gpt-4o:
    targets:
      - { provider: primary }
      - { provider: azure, priority: 1 }
      - { provider: backup, priority: 2 }
    failover: { attempts: 4 }
  filed: { targets: [{ provider: filed }] }
  passing: { targets: [{ provider: passing }] }
  anthropic: { targets: [{ provider: anthropic, model: claude-sonnet-4-5 }] }
  gemini: { targets: [{ provider: gemini, model: gemini-2.5-flash }] }
  bedrock: { targets: [{ provider: bedrock, model: us.anthropic.claude-sonnet-4-5-v1:0 }] }
  vertex: { targets: [{ provider: vertex, model: gemini-2.5-flash }] }
  vertex-claude: { targets: [{ provider: vertex, model: claude-sonnet-4-5 }] }
  entra: { targets: [{ provider: entra }] }
"#;

/// A gateway full of secrets, and the text of every answer that somebody got from it.
struct Guarded {
    gateway: Running,
    primary: Sim,
    azure: Sim,
    backup: Sim,
    clouds: Clouds,
    seen: String,
}

impl Guarded {
    async fn start() -> Self {
        let keyed = async |name: &str, key: Option<&str>| {
            let mut config = SimConfig::named(name);
            config.api_key = key.map(ApiKey::from);
            Sim::start(config).await.unwrap()
        };
        let (primary, azure, backup) = (
            keyed("primary", None).await,
            keyed("azure", Some(secret("AZURE_KEY"))).await,
            keyed("backup", None).await,
        );
        let mut gateway = Gateway::with(CONFIG)
            .fill("primary", primary.base_url())
            .fill("azure", azure.base_url().trim_end_matches("/v1"))
            .fill("backup", backup.base_url());
        let clouds = Clouds::start().await;
        gateway = clouds.fill(gateway);
        for (name, value) in SECRETS {
            gateway = gateway.env(name, value);
        }
        std::fs::write(gateway.dir().join("key"), secret("FILE_KEY")).unwrap();
        Self {
            gateway: gateway.admin_token(secret("ADMIN_TOKEN")).start().await,
            primary,
            azure,
            backup,
            clouds,
            seen: String::new(),
        }
    }

    /// Closes the circuits of a provider.
    async fn reset(&self, provider: &str) {
        let order = serde_json::json!({ "provider": provider });
        self.gateway.admin_post("/admin/circuits/reset", &order).await;
    }

    /// Asks as a known client, and keeps what it sees.
    async fn ask(&mut self, model: &str) -> Answer {
        self.ask_with(model, secret("CLIENT_KEY")).await
    }

    async fn ask_with(&mut self, model: &str, key: &str) -> Answer {
        let answer = self.gateway.post(CHAT, chat(model)).bearer(key).send().await;
        self.keep("client", &answer);
        answer
    }

    fn keep(&mut self, whose: &str, answer: &Answer) {
        let Answer { status, headers, .. } = answer;
        writeln!(self.seen, "{whose}: {status} {headers:?}\n{}", answer.text()).unwrap();
    }

    /// What a client sees that undoes the coding of an answer.
    fn keep_decoded(&mut self, body: &[u8]) {
        let mut text = String::new();
        if flate2::read::GzDecoder::new(body)
            .read_to_string(&mut text)
            .is_ok()
        {
            self.seen.push_str(&text);
        }
    }

    /// Everything that anybody could read, and no secret in it.
    async fn assert_silent(mut self) {
        for path in [
            "/",
            "/admin/failover/status",
            "/admin/failover/model/gpt-4o",
            "/admin/failover/model/bedrock",
            "/admin/failover/model/vertex",
            "/admin/failover/model/entra",
            "/metrics",
            "/readyz",
            "/nothing",
        ] {
            let answer = self.gateway.admin(Method::GET, path).send().await;
            self.keep(path, &answer);
            let stranger = Call::new(self.gateway.addresses().admin, Method::GET, path);
            let refused = stranger.bearer(secret("STRANGER_KEY")).send().await;
            self.keep(path, &refused);
        }
        for path in [
            "/config_dump?include_eds",
            "/stats",
            "/clusters",
            "/listeners",
            "/server_info",
            "/certs",
            "/runtime",
        ] {
            let call = Call::new(self.gateway.addresses().envoy_admin, Method::GET, path);
            let answer = call.send().await;
            assert_eq!(answer.status, 200, "{path}");
            self.keep(path, &answer);
        }
        let lines = self.gateway.access_text();
        assert!(
            lines.contains("\"outcome\":\"success\""),
            "the access log is read: {lines}"
        );
        let log = log_text();
        assert!(
            log.contains("attempt ended"),
            "the log is read, down to its details"
        );
        for (what, text) in [("answers", &self.seen), ("access log", &lines), ("log", &log)] {
            for (name, secret) in every_secret() {
                if let Some(at) = text.find(secret) {
                    let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
                    panic!("{name} is shown in the {what}: {:.600}", &text[line..]);
                }
            }
        }
        self.gateway.stop().await;
    }
}

#[tokio::test]
async fn ordinary_traffic_shows_no_key() {
    let mut guarded = Guarded::start().await;

    assert_eq!(guarded.ask("gpt-4o").await.status, 200);
    assert_eq!(guarded.ask("filed").await.status, 200);
    assert_eq!(
        guarded.ask_with("passing", secret("CALLER_KEY")).await.status,
        200
    );
    assert_eq!(
        guarded.ask_with("gpt-4o", secret("STRANGER_KEY")).await.status,
        401
    );
    assert_eq!(guarded.ask("nothing").await.status, 404);
    guarded
        .primary
        .control()
        .set_fault(FaultRule::new(Fault::ServerError).times(1));
    guarded
        .azure
        .control()
        .set_fault(FaultRule::new(Fault::ServerError).times(1));
    assert_eq!(
        guarded.ask("gpt-4o").await.header("x-understudy-provider"),
        Some("backup")
    );
    for fault in Fault::ALL {
        if matches!(fault, Fault::Hang | Fault::Stall | Fault::SlowFirstToken) {
            continue;
        }
        guarded
            .primary
            .control()
            .set_fault(FaultRule::new(fault).times(2));
        guarded.ask("gpt-4o").await;
        let call = guarded.gateway.post(CHAT, chat_stream("gpt-4o"));
        let stream = call.bearer(secret("CLIENT_KEY")).stream().await.read_all().await;
        guarded.keep("stream", stream.partial());
        guarded.reset("primary").await;
    }

    // What each provider got: its own key, and no other.
    for (sim, own) in [
        (
            &guarded.primary,
            &["PRIMARY_KEY", "HEADER_SECRET", "CALLER_KEY"][..],
        ),
        (&guarded.azure, &["AZURE_KEY"]),
        (&guarded.backup, &["BACKUP_KEY", "FILE_KEY"]),
    ] {
        let requests = sim.control().recent_requests_unmasked_for_tests();
        let received: Vec<_> = requests
            .iter()
            .map(understudy::sim::UnmaskedRequest::headers)
            .collect();
        let received = format!("{received:?}");
        for (name, secret) in every_secret() {
            assert_eq!(
                received.contains(secret),
                own.contains(&name),
                "{name} at {own:?}"
            );
        }
    }
    guarded.assert_silent().await;
}
