//! Gemini's language: content is generated, on Google's own service and on Vertex.

mod answer;
mod body;
mod events;
mod refusal;
mod request;
mod rules;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::shape::snake;
use super::{Language, Manners, Surface};
use crate::sim::ask::{Ask, Reading};
use crate::sim::events::Teller;
use crate::sim::keys::{self, Keys};
use crate::sim::mint::Audience;
use crate::sim::provider::Call;
use crate::sim::refusal::{Reason, Refusal, Written};
use crate::sim::reply::{self, Stamp};
use crate::sim::route::{Api, Endpoint, decoded};
use crate::sim::saying::Saying;
use events::{Events, Framing};

/// Which of Google's services it is spoken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cloud {
    Gemini,
    Vertex,
}

/// The language.
pub(in crate::sim) struct Gemini(Cloud);

impl Gemini {
    pub(in crate::sim) const OWN: Self = Self(Cloud::Gemini);
    pub(in crate::sim) const VERTEX: Self = Self(Cloud::Vertex);
}

/// The paths of Google's own service, in both of its versions.
pub(super) fn route(path: &str) -> Option<Api<'_>> {
    let rest = path
        .strip_prefix("/v1beta/")
        .or_else(|| path.strip_prefix("/v1/"))?;
    let rest = rest.strip_prefix("models")?;
    if rest.is_empty() {
        return Some(Api::new(Surface::Gemini, Endpoint::Models));
    }
    method(Surface::Gemini, rest.strip_prefix('/')?)
}

/// Reads `model:method`, or a model alone.
pub(super) fn method(surface: Surface, rest: &str) -> Option<Api<'_>> {
    if rest.is_empty() || rest.contains('/') {
        return None;
    }
    let Some((model, method)) = rest.rsplit_once(':') else {
        return Some(Api::new(surface, Endpoint::Model(decoded(rest))));
    };
    let endpoint = match method {
        "generateContent" => Endpoint::Chat,
        "streamGenerateContent" => Endpoint::ChatStream,
        "countTokens" => Endpoint::Count,
        _ => return None,
    };
    (!model.is_empty()).then(|| Api {
        surface,
        target: Some(decoded(model)),
        endpoint,
    })
}

/// The field of this name, in either of its spellings.
fn pick<'v>(value: &'v Value, name: &str) -> &'v Value {
    let found = value.get(name).or_else(|| value.get(snake(name)));
    found.unwrap_or(&Value::Null)
}

/// Refuses a key that is in the URL, where logs would show it; Google itself would take it.
fn refuse_key_in_url(call: &Call<'_>) -> Result<(), Reason> {
    let query = call.parts.uri.query().unwrap_or_default();
    let is_key = |pair: &str| pair.starts_with("key=") || pair.starts_with("access_token=");
    if query.split('&').any(is_key) {
        return Err(Reason::said(
            "The key is in the URL, where it can be seen: send it as x-goog-api-key.",
        ));
    }
    Ok(())
}

/// Lets in by the rules of a service of Google's.
pub(super) fn admit(call: &Call<'_>, keys: &Keys, cloud: Cloud) -> Result<(), Reason> {
    refuse_key_in_url(call)?;
    let headers = &call.parts.headers;
    let key = headers.get("x-goog-api-key").map(HeaderValue::as_bytes);
    match (cloud, key, keys::bearer(headers)) {
        (Cloud::Vertex, None, Some(token)) => keys.check_token(token, Audience::Google, call.received, false),
        // A token is no key, and is looked at before it.
        (Cloud::Gemini, _, Some(_)) => Err(Reason::Denied {
            code: "ACCESS_TOKEN_TYPE_UNSUPPORTED",
            message: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
                      other valid authentication credential."
                .to_owned(),
        }),
        (_, key, _) => keys.demand(key),
    }
}

fn framing(call: &Call<'_>) -> Framing {
    let query = call.parts.uri.query().unwrap_or_default();
    if query.split('&').any(|pair| pair == "alt=sse") {
        Framing::Sse
    } else {
        Framing::Array
    }
}

impl Language for Gemini {
    fn admit(&self, call: &Call<'_>, keys: &Keys) -> Result<(), Reason> {
        admit(call, keys, self.0)
    }

    fn read(&self, call: &Call<'_>) -> Reading {
        request::read(call)
    }

    fn plain(&self, _call: &Call<'_>, saying: &Saying) -> String {
        answer::answer(saying, self.0).to_string()
    }

    fn teller(&self, call: &Call<'_>, _ask: &Ask, saying: Arc<Saying>) -> Box<dyn Teller> {
        Box::new(Events::new(saying, self.0, framing(call)))
    }

    fn stream_type(&self, call: &Call<'_>) -> HeaderValue {
        match framing(call) {
            Framing::Sse => HeaderValue::from_static("text/event-stream"),
            Framing::Array => reply::JSON,
        }
    }

    fn models(&self, ids: &[String], name: &str) -> String {
        answer::models(ids, name, self.0).to_string()
    }

    fn model(&self, id: &str, name: &str) -> String {
        answer::model(id, name, self.0).to_string()
    }

    fn count(&self, tokens: u64) -> String {
        json!({"totalTokens": tokens}).to_string()
    }
}

impl Manners for Gemini {
    fn refuse(&self, refusal: &Refusal<'_>) -> Written {
        refusal::written(refusal, self.0)
    }

    fn sign(&self, headers: &mut HeaderMap, stamp: &Stamp<'_>) {
        if let Ok(timing) = HeaderValue::try_from(format!("gfet4t7; dur={}", stamp.millis)) {
            headers.insert("server-timing", timing);
        }
    }
}
