//! Providers of every kind: a key in a header of their own, a signature, a token of their login. Each is asked in two
//! languages, plain and streamed, while it serves, while it fails, and while it sends back what it was shown.

use std::collections::BTreeMap;
use std::path::Path;

use http::StatusCode;
use serde_json::{Value, json};
use understudy::sim::{
    ApiKey, AwsKeys, Encoding, EntraClient, Fault, FaultRule, Reach, Sim, SimConfig, UnmaskedRequest,
};

use super::{CHAT, Guarded, PRIVATE_KEY, every_secret, secret};
use crate::support::{Gateway, chat, log_line};

const MESSAGES: &str = "/v1/messages";

/// A model of each kind, and its only provider.
pub(super) const MODELS: [(&str, &str); 6] = [
    ("anthropic", "anthropic"),
    ("gemini", "gemini"),
    ("bedrock", "bedrock"),
    ("vertex", "vertex"),
    ("vertex-claude", "vertex"),
    ("entra", "entra"),
];

/// What each provider is shown of what is secret.
const OWN: [(&str, &[&str]); 5] = [
    ("anthropic", &["ANTHROPIC_KEY"]),
    ("gemini", &["GEMINI_KEY"]),
    ("bedrock", &["AWS_ID", "AWS_SESSION"]),
    ("vertex", &["a token of Google"]),
    ("entra", &["a token of Entra"]),
];

/// The simulated providers, by the names of ours.
pub(super) struct Clouds(BTreeMap<&'static str, Sim>);

impl Clouds {
    pub(super) async fn start() -> Self {
        let mut sims = BTreeMap::new();
        for (name, _) in OWN {
            let mut config = SimConfig::named(name);
            config.keep_requests = 10_000;
            match name {
                "anthropic" => config.api_key = Some(ApiKey::from(secret("ANTHROPIC_KEY"))),
                "gemini" => config.api_key = Some(ApiKey::from(secret("GEMINI_KEY"))),
                "bedrock" => {
                    config.sign_in.aws = Some(AwsKeys {
                        session_token: Some(secret("AWS_SESSION").to_owned()),
                        ..AwsKeys::new(secret("AWS_ID"), secret("AWS_SECRET"))
                    });
                }
                "vertex" => {
                    let key = include_str!("../tokens/public-key.pem");
                    config.sign_in.google_public_key = Some(key.to_owned());
                }
                _ => {
                    config.sign_in.entra = Some(EntraClient {
                        id: "app-1".to_owned(),
                        secret: secret("ENTRA_SECRET").to_owned(),
                    });
                }
            }
            sims.insert(name, Sim::start(config).await.unwrap());
        }
        Self(sims)
    }

    pub(super) fn fill(&self, gateway: Gateway) -> Gateway {
        write_account(gateway.dir());
        let each = self.0.iter();
        each.fold(gateway, |gateway, (name, sim)| gateway.fill(name, sim.origin()))
    }

    fn requests(&self, provider: &str) -> Vec<UnmaskedRequest> {
        self.0[provider].control().recent_requests_unmasked_for_tests()
    }

    /// The token that the login of this provider gave out last.
    fn token(&self, provider: &str) -> String {
        let requests = self.requests(provider);
        let shown = requests
            .iter()
            .rev()
            .find_map(|request| request.header("authorization"));
        shown.unwrap().strip_prefix("Bearer ").unwrap().to_owned()
    }

    /// What this provider says that has seen all it could, and more.
    fn echo(&self, provider: &str) -> String {
        let secrets: Vec<String> = match provider {
            "anthropic" => vec![secret("ANTHROPIC_KEY").to_owned()],
            "gemini" => vec![secret("GEMINI_KEY").to_owned()],
            "bedrock" => ["AWS_ID", "AWS_SECRET", "AWS_SESSION"]
                .map(|name| secret(name).to_owned())
                .to_vec(),
            "vertex" => PRIVATE_KEY
                .lines()
                .filter(|line| !line.starts_with("-----"))
                .map(str::to_owned)
                .chain([self.token(provider)])
                .collect(),
            _ => vec![self.token(provider), secret("ENTRA_SECRET").to_owned()],
        };
        format!(
            "refused: x-amz-security-token:{}, {}.",
            secrets[0],
            secrets.join(" or ")
        )
    }
}

/// The key file of the service account.
pub(super) fn write_account(folder: &Path) {
    let account = json!({
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "k1",
        "private_key": PRIVATE_KEY,
        "client_email": "understudy@my-project.iam.gserviceaccount.com",
        "token_uri": "https://login.test/token",
    });
    std::fs::write(folder.join("account.json"), account.to_string()).unwrap();
}

/// The same question in either language.
fn question(path: &str, model: &str, stream: bool) -> Value {
    let mut ask = chat(model);
    ask["stream"] = stream.into();
    if path == MESSAGES {
        ask["max_tokens"] = 100.into();
    }
    ask
}

impl Guarded {
    /// Asks in both languages, plain and streamed, with and without failover, and keeps what is seen; gives what was
    /// answered with which status.
    async fn ask_in_every_way(&mut self, model: &str, provider: &str) -> Vec<StatusCode> {
        let mut statuses = Vec::new();
        for path in [CHAT, MESSAGES] {
            for (stream, failover) in [(false, "off"), (false, "on"), (true, "on")] {
                let call = self.gateway.post(path, question(path, model, stream));
                let call = call
                    .bearer(secret("CLIENT_KEY"))
                    .header("x-understudy-failover", failover);
                let ended = call.stream().await.read_all().await;
                let answer = ended.partial();
                let hops = answer.hops();
                let is_asked = hops
                    .first()
                    .is_some_and(|hop| hop.starts_with(&format!("{provider} ")));
                assert!(is_asked, "{model} by {path}: {hops:?}, {}", answer.text());
                statuses.push(answer.status);
                let body = answer.body.clone();
                self.keep(path, answer);
                self.keep_decoded(&body);
                self.reset(provider).await;
            }
        }
        statuses
    }
}

#[tokio::test]
async fn ordinary_traffic_of_every_kind_shows_no_key() {
    let mut guarded = Guarded::start().await;
    guarded.ask("gpt-4o").await;

    for (model, provider) in MODELS {
        let statuses = guarded.ask_in_every_way(model, provider).await;
        assert!(
            statuses.iter().all(|status| *status == 200),
            "{model}: {statuses:?}"
        );
        for fault in Fault::ALL {
            if matches!(
                fault,
                Fault::Hang | Fault::Stall | Fault::SlowFirstToken | Fault::BigError
            ) {
                continue;
            }
            let control = guarded.clouds.0[provider].control();
            control.set_fault(FaultRule::new(fault));
            guarded.ask_in_every_way(model, provider).await;
            guarded.clouds.0[provider].control().clear_faults();
        }
    }

    for (provider, own) in OWN {
        let requests = guarded.clouds.requests(provider);
        let received: Vec<_> = requests.iter().map(|it| (it.uri(), it.headers())).collect();
        let received = format!("{received:?}");
        for (name, secret) in every_secret() {
            assert_eq!(
                received.contains(secret),
                own.contains(&name),
                "{name} at {provider}"
            );
        }
        let in_urls = requests
            .iter()
            .any(|it| it.uri().to_string().contains("Marmalade"));
        assert!(!in_urls, "{provider} got its key in a header");
    }
    guarded.assert_silent().await;
}

#[tokio::test]
async fn what_a_provider_of_any_kind_sends_back_is_shown_to_nobody() {
    let mut guarded = Guarded::start().await;
    guarded.ask("gpt-4o").await;
    for (model, provider) in MODELS {
        guarded.ask_in_every_way(model, provider).await;
        let seen = guarded.seen.len();
        let echo = guarded.clouds.echo(provider);
        let said = |fault| FaultRule::new(fault).message(&echo);
        let with_status = |fault, status| said(fault).status(StatusCode::from_u16(status).unwrap());
        let name = http::HeaderName::from_static("x-echo");
        for rule in [
            with_status(Fault::Auth, 401),
            with_status(Fault::Auth, 403),
            said(Fault::RateLimit),
            said(Fault::Quota),
            said(Fault::ServerError),
            said(Fault::Overloaded),
            said(Fault::ContextLength),
            said(Fault::ContentFilter),
            said(Fault::ModelNotFound),
            with_status(Fault::ServerError, 418),
            with_status(Fault::ContextLength, 422),
            said(Fault::ContextLength).encoding(Encoding::Gzip),
            said(Fault::ServerError).encoding(Encoding::Gzip),
            said(Fault::ContextLength).header(name.clone(), echo.parse().unwrap()),
            said(Fault::StreamError),
            said(Fault::StreamError).after_opening(),
            said(Fault::StreamError).after_events(2),
            said(Fault::StreamError).after_events(2).raw(),
        ] {
            guarded.clouds.0[provider].control().set_fault(rule);
            guarded.ask_in_every_way(model, provider).await;
        }
        let (_, own) = guarded.seen.split_at(seen);
        assert!(
            own.contains("refused: x-amz-security-token:***"),
            "{model}: the rest of it is told"
        );
        guarded.clouds.0[provider].control().clear_faults();
    }
    guarded.assert_silent().await;
}

#[tokio::test]
async fn a_login_that_sends_back_what_it_was_shown_is_told_without_it() {
    let mut guarded = Guarded::start().await;
    guarded.ask("gpt-4o").await;
    let form: String = form_of(secret("ENTRA_SECRET"));
    let echo = format!("no client has `{}`: {form}", secret("ENTRA_SECRET"));
    let rule = FaultRule::new(Fault::Auth).on(Reach::Token).message(echo);
    guarded.clouds.0["entra"].control().set_fault(rule);

    guarded
        .gateway
        .rewrite_config(|config| config.replace("app-1", "app-of-the-login-that-echoes"));

    let is_told = |status: &Value| status["warnings"].to_string().contains("no client has `***`");
    let status = guarded.gateway.status_when("warning of the login", is_told).await;
    let line = log_line(&["access token not fetched", "no client has"]).await;
    for text in [status.to_string(), line] {
        assert!(!text.contains(&form), "{text}");
    }
    guarded.assert_silent().await;
}

/// The secret as it is sent in a form.
fn form_of(secret: &str) -> String {
    format!("client_secret={}", secret.replace('~', "%7E"))
}
