//! The tiny request, and what its answer means.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::Full;
use serde::Serialize;
use serde_json::{Value, json};

use super::targets::Probed;
use crate::cli::http::{Answer, Http, Unanswered};
use crate::config::{HostPort, Kind};
use crate::outcome::client_safe;

/// Tokens of an answer: few, and enough for models that think first.
const TOKENS: u32 = 16;
/// How much longer than a target the gateway may take to say so.
const GRACE: Duration = Duration::from_secs(5);
/// The most of a message that a table shows.
const SHOWN_CHARS: usize = 160;

/// What was found of one target.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    #[serde(skip)]
    pub(super) number: usize,
    models: Vec<String>,
    provider: String,
    provider_model: String,
    pub(super) found: Found,
    class: String,
    status: Option<u16>,
    ms: u64,
    message: String,
}

/// The finding in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Found {
    /// It answered.
    Well,
    /// It did not.
    Failed,
    /// It was not asked.
    LeftOut,
}

/// Asks targets through a gateway.
pub(super) struct Asker {
    http: Http,
    base_url: String,
    timeout: Duration,
    caller_key: Option<String>,
}

impl Asker {
    /// Asks through the gateway at `listener`.
    pub(super) fn new(listener: &HostPort, timeout: Duration, caller_key: Option<String>) -> Self {
        Self {
            http: Http::patient_for(timeout.saturating_add(GRACE)),
            base_url: format!("http://{listener}/v1"),
            timeout,
            caller_key,
        }
    }

    /// Asks the targets of one provider, one after the other.
    pub(super) async fn ask_each(&self, targets: Vec<Probed>) -> Vec<Finding> {
        let mut found = Vec::with_capacity(targets.len());
        for target in &targets {
            found.push(self.ask(target).await);
        }
        found
    }

    async fn ask(&self, target: &Probed) -> Finding {
        if target.takes_callers_key && self.caller_key.is_none() {
            let message = "it takes the caller's key; give one with `--caller-key`";
            return Finding::of(target, Found::LeftOut, "-", message.to_owned());
        }
        let began = Instant::now();
        let answered = match self.request(target) {
            Ok(request) => self.http.ask(request).await,
            Err(error) => Err(Unanswered::Broken(error.into())),
        };
        let took = Instant::now().saturating_duration_since(began);
        let finding = match answered {
            Ok(answer) => Finding::read(target, &answer),
            Err(error) => Finding::of(target, Found::Failed, "no_answer", error.to_string()),
        };
        Finding {
            ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            ..finding
        }
    }

    fn request(&self, target: &Probed) -> http::Result<Request<Full<Bytes>>> {
        let model = target.alone();
        let (path, body) = if target.its_model().to_ascii_lowercase().contains("embed") {
            ("embeddings", json!({ "model": model, "input": "ping" }))
        } else {
            let limit = match target.kind {
                // Of such a server nothing is known, and many know only the older name.
                Kind::OpenAiCompatible => "max_tokens",
                _ => "max_completion_tokens",
            };
            let messages = json!([{ "role": "user", "content": "ping" }]);
            (
                "chat/completions",
                json!({ "model": model, "messages": messages, limit: TOKENS }),
            )
        };
        let mut request = Request::post(format!("{}/{path}", self.base_url))
            .header(CONTENT_TYPE, "application/json")
            .header("x-understudy-timeout", format!("{}ms", self.timeout.as_millis()));
        if let Some(key) = self.caller_key.as_ref().filter(|_| target.takes_callers_key) {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        request.body(Full::from(body.to_string()))
    }
}

impl Finding {
    fn of(target: &Probed, found: Found, class: &str, message: String) -> Self {
        Self {
            number: target.number,
            models: target.models.clone(),
            provider: target.provider().to_owned(),
            provider_model: target.its_model().to_owned(),
            found,
            class: class.to_owned(),
            status: None,
            ms: 0,
            message,
        }
    }

    fn read(target: &Probed, answer: &Answer) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        // `provider;class;status;time`, the last attempt last.
        let trail = answer.header("x-understudy-trail").unwrap_or_default();
        let last: Vec<&str> = trail.rsplit(", ").next().unwrap_or_default().split(';').collect();
        let class = last.get(1).copied().unwrap_or("refused");
        let is_well = answer.status.is_success() && class == "ok";
        let (found, message) = if is_well {
            (Found::Well, answered_as(&body))
        } else {
            (Found::Failed, complaint(&body))
        };
        let asked = last.get(2).map(|status| status.parse().ok());
        Self {
            status: asked.unwrap_or(Some(answer.status.as_u16())),
            ..Self::of(target, found, class, message)
        }
    }

    /// As a table shows it.
    pub(super) fn cells(&self) -> [String; 7] {
        let message: String = self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut shown: String = message.chars().take(SHOWN_CHARS).collect();
        if shown.len() < message.len() {
            shown.push('…');
        }
        [
            self.models.join(", "),
            self.provider.clone(),
            self.provider_model.clone(),
            self.class.clone(),
            self.status
                .map_or_else(|| "-".to_owned(), |status| status.to_string()),
            self.ms.to_string(),
            shown,
        ]
    }
}

fn answered_as(body: &Value) -> String {
    let model = body.get("model").and_then(Value::as_str);
    model
        .map(|model| format!("answered as {model}"))
        .unwrap_or_default()
}

/// What the provider said, as far as it may be shown.
fn complaint(body: &Value) -> String {
    let said = body.pointer("/error/attempts/0/message").and_then(Value::as_str);
    let said = said.filter(|said| !said.is_empty());
    let said = said.or_else(|| body.pointer("/error/message").and_then(Value::as_str));
    client_safe(said.unwrap_or_default())
}
